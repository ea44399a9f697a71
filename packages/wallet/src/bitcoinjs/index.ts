import { concatBytes } from '@bitcoin-enterprise/core';
import { parseTransaction, serializeTransaction, type Transaction } from '@bitcoin-enterprise/script';
import {
  type Network as BitcoinjsNetwork,
  Psbt as BitcoinjsPsbt,
  Transaction as BitcoinjsTransaction,
} from 'bitcoinjs-lib';
import { requireFunction, requireList, requireObject } from '../checks.ts';
import { WalletError } from '../errors.ts';
import type { Psbt } from '../psbt/model.ts';
import { MAGIC } from '../psbt/field-types.ts';
import { parsePsbt } from '../psbt/parse.ts';
import { PsbtReader } from '../psbt/reader.ts';
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
  requireList('psbt.txOutputs', psbt.txOutputs);
  const bytes = new Uint8Array(psbt.toBuffer());
  return parsePsbt(psbt.inputCount === 0 || psbt.txOutputs.length === 0 ? withoutStrays(bytes, psbt) : bytes);
}

/** bitcoinjs-lib writes a separator where there are no inputs, and one where there are no outputs; BIP174 has none. */
function withoutStrays(bytes: Uint8Array, { inputCount, txOutputs }: BitcoinjsPsbt): Uint8Array {
  const reader = new PsbtReader(bytes.subarray(MAGIC.length));
  reader.map();
  const inputs = MAGIC.length + reader.position;
  const rest = bytes.subarray(inputs + (inputCount === 0 ? 1 : 0), bytes.length - (txOutputs.length === 0 ? 1 : 0));
  return concatBytes(bytes.subarray(0, inputs), rest);
}

/**
 * A PSBT as an object of bitcoinjs-lib 7; version 2 is converted, since bitcoinjs-lib knows version 0 alone.
 *
 * @param options - `network`: of bitcoinjs-lib; its main network when absent.
 * @throws WalletError as `toPsbtVersion` and `serializePsbt`; `WALLET_PSBT_MISMATCH` for one that bitcoinjs-lib refuses.
 */
export function toBitcoinjsPsbt(psbt: Psbt, options: { readonly network?: BitcoinjsNetwork } = {}): BitcoinjsPsbt {
  const { network } = requireObject<{ network: BitcoinjsNetwork }>('options', options);
  const bytes = serializePsbt(toPsbtVersion(psbt, 0));
  try {
    return BitcoinjsPsbt.fromBuffer(bytes, network === undefined ? {} : { network });
  } catch (cause) {
    throw new WalletError('WALLET_PSBT_MISMATCH', 'expected a PSBT that bitcoinjs-lib takes, got one that it refuses', {
      details: { reason: 'bitcoinjs-lib refuses it' },
      cause,
    });
  }
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
