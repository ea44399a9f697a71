import { currentCrypto, type CryptoEngine } from '@bitcoin-enterprise/core';
import { serializeTransaction, type Transaction, transactionId } from '@bitcoin-enterprise/script';
import { WalletError } from '../errors.ts';
import type { Psbt, PsbtInput } from './model.ts';
import { requirePsbt } from './require-psbt.ts';

const NOTHING = new Uint8Array(0);

/**
 * The lock time of a PSBT's transaction (BIP370, “Determining Lock Time”): of version 0 the one that it was made with, of
 * version 2 what its inputs require.
 *
 * @returns Height below 500,000,000, else Unix seconds.
 * @throws WalletError `WALLET_PSBT_LOCK_TIME_UNDETERMINED` when some inputs can have only heights, and others only times.
 */
export function psbtLockTime(psbt: Psbt): number {
  requirePsbt(psbt);
  const { inputs, fallbackLockTime = 0 } = psbt;
  const asking = inputs.filter(asks);
  if (asking.length === 0) return fallbackLockTime;
  if (asking.every(({ requiredHeightLockTime }) => requiredHeightLockTime !== undefined))
    return asking.reduce((most, { requiredHeightLockTime = 0 }) => Math.max(most, requiredHeightLockTime), 0);
  if (asking.every(({ requiredTimeLockTime }) => requiredTimeLockTime !== undefined))
    return asking.reduce((most, { requiredTimeLockTime = 0 }) => Math.max(most, requiredTimeLockTime), 0);
  throw new WalletError(
    'WALLET_PSBT_LOCK_TIME_UNDETERMINED',
    'expected inputs that take a lock time of one kind, got some that need a height and some that need a time',
    {
      details: { inputs: inputs.flatMap((input, index) => (asks(input) ? [index] : [])) },
      hint: 'spend them in two transactions',
    },
  );
}

function asks({ requiredHeightLockTime, requiredTimeLockTime }: PsbtInput): boolean {
  return requiredHeightLockTime !== undefined || requiredTimeLockTime !== undefined;
}

/**
 * The transaction of a PSBT, without scriptSigs and witnesses.
 *
 * @throws WalletError `WALLET_PSBT_LOCK_TIME_UNDETERMINED`.
 */
export function unsignedTransaction(psbt: Psbt): Transaction {
  requirePsbt(psbt);
  return {
    version: psbt.transactionVersion,
    inputs: psbt.inputs.map(({ previousTxid, previousIndex, sequence = 0xffff_ffff }) => ({
      previousTxid,
      previousIndex,
      scriptSig: NOTHING,
      sequence,
      witness: [],
    })),
    outputs: psbt.outputs.map(({ value, scriptPubKey }) => ({ value, scriptPubKey })),
    lockTime: psbtLockTime(psbt),
  };
}

/**
 * What two PSBTs of one transaction have in common: the id of the unsigned transaction in version 0 (BIP174); in version
 * 2 with sequences of 0 (BIP370), and silent payments by their addresses (BIP375).
 *
 * @returns 32 bytes.
 * @throws WalletError `WALLET_PSBT_LOCK_TIME_UNDETERMINED`.
 */
export function psbtId(psbt: Psbt, crypto: CryptoEngine = currentCrypto()): Uint8Array {
  const tx = unsignedTransaction(psbt);
  if (psbt.version === 0) return transactionId(tx, crypto);
  const inputs = tx.inputs.map((input) => ({ ...input, sequence: 0 }));
  const outputs = psbt.outputs.map(({ value, scriptPubKey, silentAddress }) => ({
    value,
    scriptPubKey: silentAddress === undefined ? scriptPubKey : versioned(silentAddress),
  }));
  return transactionId({ ...tx, inputs, outputs }, crypto);
}

/** BIP375: the version of the address stands before its keys. */
function versioned(silentAddress: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + silentAddress.length);
  bytes.set(silentAddress, 1);
  return bytes;
}

/** The transaction as version 0 carries it. */
export function unsignedBytes(psbt: Psbt): Uint8Array {
  return serializeTransaction(unsignedTransaction(psbt), { witness: false });
}
