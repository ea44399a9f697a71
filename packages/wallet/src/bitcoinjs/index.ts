import { parseTransaction, serializeTransaction, type Transaction } from '@bitcoin-enterprise/script';
import {
  type Network as BitcoinjsNetwork,
  Psbt as BitcoinjsPsbt,
  Transaction as BitcoinjsTransaction,
} from 'bitcoinjs-lib';
import { requireFunction, requireObject } from '../checks.ts';
import type { Psbt } from '../psbt/model.ts';
import { parsePsbt } from '../psbt/parse.ts';
import { serializePsbt } from '../psbt/serialize.ts';
import { toPsbtVersion } from '../psbt/convert.ts';

export { WalletError, type WalletErrors } from '../errors.ts';
export type { Psbt } from '../psbt/model.ts';

/**
 * A PSBT of bitcoinjs-lib 7 as plain data of version 0.
 *
 * @throws WalletError `WALLET_PSBT_MALFORMED` for what bitcoinjs-lib lets through and BIP174 does not;
 * `WALLET_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { fromBitcoinjsPsbt, toBitcoinjsPsbt } from '@bitcoin-enterprise/wallet/bitcoinjs';
 * import { Psbt } from 'bitcoinjs-lib';
 *
 * const psbt = fromBitcoinjsPsbt(new Psbt());
 * toBitcoinjsPsbt(psbt).inputCount; // => 0
 * ```
 */
export function fromBitcoinjsPsbt(psbt: BitcoinjsPsbt): Psbt {
  requireFunction('psbt.toBuffer', requireObject<BitcoinjsPsbt>('psbt', psbt).toBuffer);
  return parsePsbt(new Uint8Array(psbt.toBuffer()));
}

/**
 * A PSBT as an object of bitcoinjs-lib 7; version 2 is converted, since bitcoinjs-lib knows version 0 alone.
 *
 * @param options - `network`: of bitcoinjs-lib; its main network when absent.
 * @throws WalletError as `toPsbtVersion` and `serializePsbt`.
 */
export function toBitcoinjsPsbt(psbt: Psbt, options: { readonly network?: BitcoinjsNetwork } = {}): BitcoinjsPsbt {
  const { network } = requireObject<{ network: BitcoinjsNetwork }>('options', options);
  return BitcoinjsPsbt.fromBuffer(serializePsbt(toPsbtVersion(psbt, 0)), network === undefined ? {} : { network });
}

/** A transaction of bitcoinjs-lib 7 as plain data; throws a ScriptError for one that does not parse. */
export function fromBitcoinjsTransaction(tx: BitcoinjsTransaction): Transaction {
  requireFunction('tx.toBuffer', requireObject<BitcoinjsTransaction>('tx', tx).toBuffer);
  return parseTransaction(new Uint8Array(tx.toBuffer()));
}

/** A transaction as an object of bitcoinjs-lib 7; throws a ScriptError for what is no transaction. */
export function toBitcoinjsTransaction(tx: Transaction): BitcoinjsTransaction {
  return BitcoinjsTransaction.fromBuffer(serializeTransaction(tx));
}
