/** What the record says of payments, and what is paid. */
import {
  concatBytes,
  decodeAddress,
  displayHash,
  equalBytes,
  type NetworkName,
  parseHex,
  toHex,
} from '@bitcoin-enterprise/core';
import { parseTransaction } from '@bitcoin-enterprise/script';
import type { PaymentOutput } from '../building/build.ts';
import { WalletError } from '../errors.ts';
import type { Psbt } from '../psbt/model.ts';
import { requirePsbt } from '../psbt/require-psbt.ts';
import { psbtId } from '../psbt/transaction.ts';
import { decodeSilentAddress } from '../silent/address.ts';
import type { AccountCoin } from './bitcoin-account-model.ts';
import type { AccountLedger, SentTransaction, SpentCoin } from './ledger.ts';

/** An address as what is paid: a script, or the keys of a silent payment. */
export function receiverOf(to: string, network: NetworkName): Partial<PaymentOutput> {
  if (!/^t?sp1/i.test(to)) return { scriptPubKey: decodeAddress(to, network).scriptPubKey };
  const { scanPublicKey, spendPublicKey } = decodeSilentAddress(to, network);
  return { silentAddress: concatBytes(scanPublicKey, spendPublicKey) };
}

/** A transaction that was sent, and how it ended. */
export type Recorded = SentTransaction & { readonly outcome?: string };

/** What stands for a payment now: the last one of its key, or what has replaced it. */
export function currentOf({ sent }: AccountLedger, key: string): Recorded | undefined {
  const all = [...sent.values()];
  let current = all.findLast((one) => one.key === key && one.outcome !== 'replaced');
  current ??= all.findLast((one) => one.key === key);
  while (current?.outcome === 'replaced') {
    const { txid } = current;
    const next = all.findLast((one) => one.replaces === txid && one.outcome !== 'failed');
    if (next === undefined) break;
    current = next;
  }
  return current;
}

/** All transactions that were made for a payment: of its key, and what has replaced them. */
export function madeUnder({ sent }: AccountLedger, key: string): readonly Recorded[] {
  const made: Recorded[] = [];
  const ids = new Set<string>();
  for (const one of sent.values())
    if (one.key === key || (one.replaces !== undefined && ids.has(one.replaces))) {
      made.push(one);
      ids.add(one.txid);
    }
  return made;
}

/** Whether a transaction pays an amount to a receiver. */
export function pays({ raw, silent = [] }: SentTransaction, amount: bigint, receiver: Partial<PaymentOutput>): boolean {
  const { scriptPubKey, silentAddress } = receiver;
  const keys = silentAddress === undefined ? undefined : toHex(silentAddress);
  return parseTransaction(parseHex(raw)).outputs.some((output, place) => {
    if (output.value !== amount) return false;
    if (keys !== undefined) return silent.some((one) => one.output === place && one.keys === keys);
    return scriptPubKey !== undefined && equalBytes(output.scriptPubKey, scriptPubKey);
  });
}

/** What was signed must be what was drafted: the coins of the draft are what goes on record. */
export function requireDrafted(drafted: Psbt | undefined, signed: Psbt): void {
  requirePsbt(drafted, 'draft.psbt');
  requirePsbt(signed, 'signed');
  if (isSameTransaction(drafted, signed)) return;
  throw new WalletError('WALLET_PSBT_MISMATCH', 'expected the transaction that was drafted, got another', {
    details: { reason: 'another transaction than the draft' },
  });
}

/** In either version, and before or after silent payments have their scripts. */
export function isSameTransaction(one: Psbt, other: Psbt): boolean {
  return equalBytes(psbtId({ ...one, version: 2 }), psbtId({ ...other, version: 2 }));
}

/** A coin as the record names it. */
export function nameOf({ txid, index }: SpentCoin): string {
  return `${txid}:${index}`;
}

/** A coin as it goes on record. */
export function spentOf({ txid, index, value, branch, derivationIndex }: AccountCoin): SpentCoin {
  return { txid: displayHash(txid), index, value: String(value), branch, derivationIndex };
}

/** The error of a coin that another payment spends. */
export function coinLocked(outpoint: string): WalletError<'WALLET_COIN_LOCKED'> {
  return new WalletError(
    'WALLET_COIN_LOCKED',
    `expected a coin that is free, got ${outpoint}, which another payment spends`,
    {
      details: { outpoint },
      hint: 'build the payment again',
    },
  );
}
