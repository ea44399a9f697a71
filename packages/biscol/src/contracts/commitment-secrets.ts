import { currentCrypto, equalBytes } from '@bitcoin-enterprise/core';
import { requireBytes, requireInteger, requireList, requireObject } from '../checks.ts';
import { BiscolError } from '../errors.ts';

/** BOLT 3 numbers secrets with 48 bits, and counts down. */
const BITS = 48;
const LAST = 2 ** BITS - 1;

/** A secret that was received, as it is kept. */
export interface KeptSecret {
  /** BOLT 3's index, from 281474976710655 down. */
  readonly index: number;
  /** 32 bytes. */
  readonly secret: Uint8Array;
}

/**
 * The secret of a commitment, from a seed (BOLT 3, "Per-commitment Secret Requirements"): whoever has that of one
 * commitment can compute those of earlier ones that it covers, and none of later ones.
 *
 * @param seed - 32 bytes.
 * @param number - Of the commitment, from 0 to 281474976710655.
 * @returns 32 bytes; what is published of them is their SHA-256.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 *
 * @example The first secret of the test vectors of BOLT 3
 * ```ts
 * import { commitmentSecret } from '@bitcoin-enterprise/biscol/contracts';
 * import { loadCrypto, toHex } from '@bitcoin-enterprise/core';
 *
 * await loadCrypto();
 * toHex(commitmentSecret(new Uint8Array(32), 0)).slice(0, 16); // => '02a40c85b6f28da0'
 * ```
 */
export function commitmentSecret(seed: Uint8Array, number: number): Uint8Array {
  return derive(requireBytes('seed', seed, 32), BITS, LAST - requireInteger('number', number, 0, LAST));
}

/**
 * Takes in the secret of the next commitment: at most 49 are kept, whatever their number.
 *
 * @param kept - What was kept before, from 0 up: `[]` at first.
 * @throws BiscolError `BISCOL_VALUE_INVALID` for a secret that does not belong to those before it: the other party could
 * not be punished later; `BISCOL_INVALID_ARGUMENT`.
 */
export function keepCommitmentSecret(
  kept: readonly KeptSecret[],
  number: number,
  secret: Uint8Array,
): readonly KeptSecret[] {
  const known = requireKept(kept);
  const index = LAST - requireInteger('number', number, 0, LAST);
  requireBytes('secret', secret, 32);
  const place = placeOf(index);
  if (place > known.length) throw outOfOrder('the secret of the next commitment, none left out');
  for (let before = 0; before < place; before++) {
    const older = known[before] as KeptSecret;
    if (!equalBytes(derive(secret, place, older.index), older.secret))
      throw outOfOrder('a secret that those before it come from');
  }
  return [...known.slice(0, place), { index, secret }, ...known.slice(place + 1)];
}

/**
 * The secret of an earlier commitment from those that were kept.
 *
 * @returns 32 bytes; `undefined` for a commitment whose secret was not received.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function recallCommitmentSecret(kept: readonly KeptSecret[], number: number): Uint8Array | undefined {
  const index = LAST - requireInteger('number', number, 0, LAST);
  for (const [bits, one] of requireKept(kept).entries())
    if (highBits(one.index, bits) === highBits(index, bits)) return derive(one.secret, bits, index);
  return undefined;
}

function requireKept(kept: unknown): readonly KeptSecret[] {
  return requireList('kept', kept).map((one, at) => {
    const { index, secret } = requireObject<KeptSecret>(`kept[${at}]`, one);
    return {
      index: requireInteger(`kept[${at}].index`, index, 0, LAST),
      secret: requireBytes(`kept[${at}].secret`, secret, 32),
    };
  });
}

function outOfOrder(expected: string): BiscolError {
  return new BiscolError('BISCOL_VALUE_INVALID', `expected ${expected}, got another`, {
    details: { path: 'secret', expected },
    hint: 'Do not go on with this party: close the channel with the latest commitment.',
  });
}

/** Bits 48 and more do not fit the bit operators of JavaScript. */
function bitOf(index: number, bit: number): boolean {
  return Math.floor(index / 2 ** bit) % 2 === 1;
}

function highBits(index: number, bits: number): number {
  return Math.floor(index / 2 ** bits);
}

/** How many of the lowest bits are 0: under which place a secret is kept. */
function placeOf(index: number): number {
  let place = 0;
  while (place < BITS && !bitOf(index, place)) place += 1;
  return place;
}

function derive(base: Uint8Array, bits: number, index: number): Uint8Array {
  const crypto = currentCrypto();
  let secret = new Uint8Array(base);
  for (let bit = bits - 1; bit >= 0; bit--) {
    if (!bitOf(index, bit)) continue;
    const at = Math.floor(bit / 8);
    secret[at] = (secret[at] as number) ^ (1 << (bit % 8));
    secret = new Uint8Array(crypto.sha256(secret));
  }
  return secret;
}
