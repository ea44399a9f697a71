import { concatBytes, type CryptoEngine, equalBytes } from '@bitcoin-enterprise/core';
import type { BlockView, TransactionView } from '@bitcoin-enterprise/script';
import { merkleRoot } from './merkle.ts';
import type { Rejection } from './rejection.ts';

/** Opens the scriptPubKey that carries the witness commitment: OP_RETURN, push of 36, BIP141's four bytes. */
export const COMMITMENT_HEADER: Uint8Array = /* @__PURE__ */ Uint8Array.of(0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed);

/**
 * Hash that a block commits to for its witnesses (BIP141).
 *
 * @param spends - The block's transactions without the coinbase, whose own witness id counts as zeros.
 * @param reserved - The reserved value in the coinbase's witness, 32 bytes.
 */
export function witnessCommitment(
  spends: readonly TransactionView[],
  reserved: Uint8Array,
  crypto: CryptoEngine,
): Uint8Array {
  const ids = [new Uint8Array(32), ...spends.map((tx) => tx.witnessId(crypto))];
  return crypto.hash256(concatBytes(merkleRoot(ids, crypto).root, reserved));
}

/** Whether a block's witnesses are those it commits to: Core's `CheckWitnessMalleation`. */
export function checkWitnesses(block: BlockView, crypto: CryptoEngine): Rejection | undefined {
  const coinbase = block.transactions[0] as TransactionView;
  const committed = committedHash(coinbase);
  if (committed === undefined) {
    const index = block.transactions.findIndex((tx) => tx.hasWitness);
    return index < 0 ? undefined : { reason: 'unexpected-witness', transactionIndex: index };
  }
  const witness = coinbase.witness(0);
  const reserved = witness[0];
  if (witness.length !== 1 || reserved === undefined || reserved.length !== 32)
    return { reason: 'bad-witness-nonce-size' };
  return equalBytes(witnessCommitment(block.transactions.slice(1), reserved, crypto), committed)
    ? undefined
    : { reason: 'bad-witness-merkle-match' };
}

/** The hash in the last output that has the form of a commitment. */
function committedHash(coinbase: TransactionView): Uint8Array | undefined {
  for (let i = coinbase.outputCount - 1; i >= 0; i--) {
    const script = coinbase.scriptPubKey(i);
    if (script.length >= 38 && COMMITMENT_HEADER.every((byte, j) => script[j] === byte)) return script.subarray(6, 38);
  }
  return undefined;
}
