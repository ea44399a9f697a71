import { equalBytes } from '@bitcoin-enterprise/core';
import { ReceiptsError } from '../errors.ts';
import { requireBytes, requireCount, requireList, requireObject } from './checks.ts';
import { emptyRoot, HASH_LENGTH, treeHasher } from './merkle.ts';

/** The claim that a leaf is in a tree, with its proof. */
export interface InclusionClaim {
  /** Hash of the leaf, 32 bytes. */
  readonly leaf: Uint8Array;
  /** Number of the entry, from 0. */
  readonly index: number;
  /** Number of entries of the tree. */
  readonly size: number;
  /** Hashes from the leaf's sibling up. */
  readonly proof: readonly Uint8Array[];
  /** Root of the tree. */
  readonly root: Uint8Array;
}

/** The claim that a tree goes on from an earlier one, with its proof. */
export interface ConsistencyClaim {
  readonly first: number;
  readonly firstRoot: Uint8Array;
  readonly second: number;
  readonly secondRoot: Uint8Array;
  /** None when `first` is 0 or equal to `second`. */
  readonly proof: readonly Uint8Array[];
}

/**
 * Verifies an inclusion proof (RFC 9162 §2.1.3.2).
 *
 * @throws {@link ReceiptsError} `RECEIPTS_PROOF_INVALID`; `RECEIPTS_INVALID_ARGUMENT` for values of the wrong type.
 *
 * @example
 * ```ts
 * import { leafHash, nodeHash, verifyInclusion } from '@bitcoin-enterprise/receipts';
 *
 * const [a, b] = [leafHash(Uint8Array.of(1)), leafHash(Uint8Array.of(2))];
 * verifyInclusion({ leaf: a, index: 0, size: 2, proof: [b], root: nodeHash(a, b) }); // => undefined
 * verifyInclusion({ leaf: a, index: 1, size: 2, proof: [b], root: nodeHash(a, b) }); // => throws RECEIPTS_PROOF_INVALID
 * ```
 */
export function verifyInclusion(claim: InclusionClaim): void {
  requireObject('claim', claim);
  const { leaf, index, size, proof, root } = claim;
  requireBytes('leaf', leaf, HASH_LENGTH);
  requireBytes('root', root, HASH_LENGTH);
  requireCount('index', index);
  requireCount('size', size);
  requireHashes(proof);
  if (index >= size) throw proofInvalid('inclusion', 'range');
  const hasher = treeHasher();
  let node = index;
  let last = size - 1;
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0) throw proofInvalid('inclusion', 'length');
    if (node % 2 === 1 || node === last) {
      hash = hasher.node(sibling, hash);
      // At the right edge a node without a sibling moves up unchanged.
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else hash = hasher.node(hash, sibling);
    [node, last] = [half(node), half(last)];
  }
  if (last !== 0) throw proofInvalid('inclusion', 'length');
  if (!equalBytes(hash, root)) throw proofInvalid('inclusion', 'root');
}

/**
 * Verifies a consistency proof (RFC 9162 §2.1.4.2): nothing of the earlier tree was changed or taken out.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_PROOF_INVALID`; `RECEIPTS_INVALID_ARGUMENT` for values of the wrong type.
 */
export function verifyConsistency(claim: ConsistencyClaim): void {
  requireObject('claim', claim);
  const { first, firstRoot, second, secondRoot, proof } = claim;
  requireCount('first', first);
  requireCount('second', second);
  requireBytes('firstRoot', firstRoot, HASH_LENGTH);
  requireBytes('secondRoot', secondRoot, HASH_LENGTH);
  requireHashes(proof);
  if (first > second) throw proofInvalid('consistency', 'range');
  if (first === 0 || first === second) {
    if (proof.length > 0) throw proofInvalid('consistency', 'length');
    if (!equalBytes(firstRoot, first === 0 ? emptyRoot() : secondRoot)) throw proofInvalid('consistency', 'root');
    if (second === 0 && !equalBytes(secondRoot, emptyRoot())) throw proofInvalid('consistency', 'root');
    return;
  }
  const hasher = treeHasher();
  let node = first - 1;
  let last = second - 1;
  while (node % 2 === 1) [node, last] = [half(node), half(last)];
  // An old tree that is complete is a node of the new one and not repeated in the proof.
  const hashes = node === 0 ? [firstRoot, ...proof] : proof;
  const [start, ...rest] = hashes;
  if (start === undefined) throw proofInvalid('consistency', 'length');
  let old = start;
  let current = start;
  for (const sibling of rest) {
    if (last === 0) throw proofInvalid('consistency', 'length');
    if (node % 2 === 1 || node === last) {
      old = hasher.node(sibling, old);
      current = hasher.node(sibling, current);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else current = hasher.node(current, sibling);
    [node, last] = [half(node), half(last)];
  }
  if (last !== 0) throw proofInvalid('consistency', 'length');
  if (!equalBytes(old, firstRoot) || !equalBytes(current, secondRoot)) throw proofInvalid('consistency', 'root');
}

/** The error of a proof that does not lead where it should. */
export function proofInvalid(
  kind: 'inclusion' | 'consistency',
  reason: 'length' | 'root' | 'range',
): ReceiptsError<'RECEIPTS_PROOF_INVALID'> {
  return new ReceiptsError('RECEIPTS_PROOF_INVALID', `expected a valid ${kind} proof, got one of a wrong ${reason}`, {
    details: { kind, reason },
  });
}

function requireHashes(proof: unknown): asserts proof is readonly Uint8Array[] {
  requireList('proof', proof);
  // Indexed, so that a hole in the array is a wrong value too.
  for (let i = 0; i < proof.length; i++) requireBytes(`proof[${i}]`, proof[i], HASH_LENGTH);
}

// Sizes go beyond 32 bits, where shifts would lie.
function half(value: number): number {
  return Math.floor(value / 2);
}
