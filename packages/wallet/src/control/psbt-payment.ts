import { CoreError, encodeAddress, type NetworkName, toHex } from '@bitcoin-enterprise/core';
import { WalletError } from '../errors.ts';
import type { Psbt } from '../psbt/model.ts';
import { spendOf, spentOutputOf } from '../psbt/spend.ts';
import { unsignedTransaction } from '../psbt/transaction.ts';
import { transactionId } from '@bitcoin-enterprise/script';
import { requireFunction, requireObject } from '../checks.ts';
import { requirePsbt } from '../psbt/require-psbt.ts';
import { verifySilentShares } from '../silent/psbt.ts';
import { encodeSilentAddress, type SilentAddressKeys } from '../silent/address.ts';
import { NATIVE_ASSET, type Payment, type Transfer } from './payment.ts';

/** What is known of the wallet that pays. */
export interface PaymentContext {
  readonly network: NetworkName;
  /**
   * Whether a script is the wallet's own, told by the wallet's descriptors: what a PSBT says of an output is nobody's
   * proof. What goes to own scripts does not leave the wallet.
   */
  readonly isOwn: (scriptPubKey: Uint8Array) => boolean | Promise<boolean>;
}

/**
 * A PSBT as a payment: what leaves the wallet, and the fee. Only what a signature fixes is a payment: all amounts that
 * are spent are proven, all outputs have scripts, and no input asks for a sighash type that leaves something open.
 *
 * @throws WalletError `WALLET_NOT_APPROVED` for what could be changed after it was signed, or whose fee is not proven;
 * `WALLET_PSBT_INPUT_INVALID`, `WALLET_PSBT_INCOMPLETE`, `WALLET_INVALID_ARGUMENT`; those of `verifySilentShares`.
 */
export async function paymentOfPsbt(psbt: Psbt, context: PaymentContext): Promise<Payment> {
  requirePsbt(psbt);
  const { network, isOwn } = requireObject<PaymentContext>('context', context) as PaymentContext;
  requireFunction('context.isOwn', isOwn);
  let spent = 0n;
  for (const [index, input] of psbt.inputs.entries()) {
    const utxo = spentOutputOf(input, index);
    if (utxo === undefined) throw refused(`input ${index} does not say what it spends`);
    const { rules } = spendOf(input, index, utxo);
    // Before Taproot a signature covers the amount of its own input at most: the others could be larger than they say.
    if (rules !== 'taproot' && input.nonWitnessUtxo === undefined)
      throw refused(`input ${index} does not prove its amount: it brings no transaction`);
    const { sighashType = 0 } = input;
    if (sighashType !== 0 && sighashType !== 1)
      throw refused(`input ${index} asks for the sighash type ${sighashType}, which leaves something open`);
    spent += utxo.value;
  }
  // By its address: a script that is there already must be made of it.
  if (psbt.outputs.some(({ silentAddress }) => silentAddress !== undefined)) verifySilentShares(psbt);
  const transfers: Transfer[] = [];
  let paid = 0n;
  for (const [index, { value, scriptPubKey, silentAddress }] of psbt.outputs.entries()) {
    if (value < 0n) throw refused(`output ${index} pays less than nothing`);
    paid += value;
    if (silentAddress !== undefined) {
      const to = encodeSilentAddress(silentKeys(silentAddress), network);
      transfers.push({ asset: NATIVE_ASSET, to, amount: value });
    } else if (!(await isOwn(scriptPubKey)))
      transfers.push({ asset: NATIVE_ASSET, to: addressOf(scriptPubKey, network), amount: value });
  }
  const fee = spent - paid;
  if (fee < 0n) throw refused('more is paid than is spent');
  return { id: idOf(psbt), chain: `bitcoin:${network}`, transfers, fee };
}

/** The transaction that is signed; silent payments by their addresses, since the scripts come later (BIP375). */
function idOf(psbt: Psbt): string {
  const tx = unsignedTransaction(psbt);
  const outputs = psbt.outputs.map(({ value, scriptPubKey, silentAddress }) => ({
    value,
    scriptPubKey: silentAddress ?? scriptPubKey,
  }));
  return toHex(transactionId({ ...tx, outputs }));
}

function silentKeys(silentAddress: Uint8Array): SilentAddressKeys {
  return { scanPublicKey: silentAddress.subarray(0, 33), spendPublicKey: silentAddress.subarray(33) };
}

function addressOf(scriptPubKey: Uint8Array, network: NetworkName): string {
  try {
    return encodeAddress(scriptPubKey, network);
  } catch (error) {
    if (error instanceof CoreError) return toHex(scriptPubKey);
    throw error;
  }
}

/** A payment that is not let through. */
export function refused(...reasons: readonly string[]): WalletError<'WALLET_NOT_APPROVED'> {
  return new WalletError('WALLET_NOT_APPROVED', `expected a payment that is approved, got: ${reasons.join('; ')}`, {
    details: { reasons },
  });
}
