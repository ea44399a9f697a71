import type { CryptoEngine } from '@bitcoin-enterprise/core';
import type { Transaction } from '@bitcoin-enterprise/script';

/** No bytes. */
export const EMPTY: Uint8Array = new Uint8Array();

/** Bytes that are all alike. */
export const fill = (length: number, byte = 2): Uint8Array => new Uint8Array(length).fill(byte);

/** A key that the tests sign with. */
export function keyPair(crypto: CryptoEngine): {
  readonly secretKey: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly xOnly: Uint8Array;
} {
  const secretKey = fill(32, 1);
  const publicKey = crypto.publicKey(secretKey) ?? EMPTY;
  return { secretKey, publicKey, xOnly: publicKey.subarray(1) };
}

/** A transaction of one input, which spends output 0 of a transaction that nobody asks about. */
export function spendOf(input: {
  readonly scriptSig?: Uint8Array;
  readonly witness?: readonly Uint8Array[];
}): Transaction {
  return {
    version: 2,
    inputs: [{ previousTxid: fill(32, 9), previousIndex: 0, scriptSig: EMPTY, sequence: 5, witness: [], ...input }],
    outputs: [{ value: 900n, scriptPubKey: Uint8Array.of(0x51) }],
    lockTime: 0,
  };
}
