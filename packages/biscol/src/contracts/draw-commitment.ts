import { currentCrypto } from '@bitcoin-enterprise/core';
import { requireBytes, requireInteger, requireObject } from '../checks.ts';

/** Most players, and so values, of a draw. */
export const MOST_PLAYERS = 5;

/**
 * What tells the values of a draw apart: 0 for the first, for the others numbers that nobody chose.
 */
function maskOf(value: number): Uint8Array {
  const text = new TextEncoder().encode(`bitcoin-enterprise/biscol/draw/${value}`);
  return value === 0 ? new Uint8Array(32) : currentCrypto().sha256(text);
}

/**
 * Commits to one of a few values so that a hash lock can tell which it was. With a secret `s` and a mask for each value,
 * the commitment to `v` is `SHA-256(s) XOR mask(v)`: its digest for `v` is opened by `s`, and those for other values by
 * nothing that anybody knows. The commitment tells nothing about the value; to open it in two ways one would need secrets
 * whose digests differ by exactly the difference of two masks, which is nearly as hard as a collision of SHA-256 (more than 2^126
 * hashes for the ten differences of five masks).
 *
 * Script can compare no part of a secret and miniscript no lengths other than 32 bytes, so that the well-known commitments
 * by the length of a secret are of no use here.
 *
 * @param options - `secret`: 32 bytes, at random and for this draw alone. `value`: 0 to 4, at random.
 * @returns 32 bytes.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 *
 * @example A commitment to 2
 * ```ts
 * import { drawCommitment, drawDigest } from '@bitcoin-enterprise/biscol/contracts';
 * import { currentCrypto, equalBytes, loadCrypto } from '@bitcoin-enterprise/core';
 *
 * await loadCrypto();
 * const secret = new Uint8Array(32).fill(7);
 * const commitment = drawCommitment({ secret, value: 2 });
 * [0, 1, 2].map((value) => equalBytes(drawDigest(commitment, value), currentCrypto().sha256(secret)));
 * // => [false, false, true]
 * ```
 */
export function drawCommitment(options: { readonly secret: Uint8Array; readonly value: number }): Uint8Array {
  const { secret, value } = requireObject<{ secret: Uint8Array; value: number }>('options', options);
  const digest = currentCrypto().sha256(requireBytes('options.secret', secret, 32));
  return xor(digest, maskOf(requireInteger('options.value', value, 0, MOST_PLAYERS - 1)));
}

/**
 * The digest that a commitment has for a value: its secret opens the one of the value that was committed to.
 *
 * @param commitment - 32 bytes.
 * @param value - 0 to 4.
 * @returns 32 bytes.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function drawDigest(commitment: Uint8Array, value: number): Uint8Array {
  return xor(requireBytes('commitment', commitment, 32), maskOf(requireInteger('value', value, 0, MOST_PLAYERS - 1)));
}

function xor(one: Uint8Array, other: Uint8Array): Uint8Array {
  return one.map((byte, at) => byte ^ (other[at] as number));
}
