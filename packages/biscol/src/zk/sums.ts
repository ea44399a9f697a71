import { currentCrypto, equalBytes } from '@bitcoin-enterprise/core';
import { BASE } from './generators.ts';
import { SCALARS, writeNumber } from './scalars.ts';

/** A multiple of a point. */
export interface Term {
  /** 0 to n-1. */
  readonly scalar: bigint;
  /** 33 or 65 bytes. */
  readonly point: Uint8Array;
}

/** The sum of public terms, 33 bytes; `undefined` at infinity, or where a point is none. */
export function sumOf(terms: readonly Term[]): Uint8Array | undefined {
  return currentCrypto().multiScalarMultiply(
    terms.map(({ scalar, point }) => ({ scalar: writeNumber(scalar), point })),
  );
}

/**
 * The sum of terms whose scalars are secret. The engine multiplies in a time that depends on the scalars, so each goes
 * in as two parts that are new every time.
 */
export function secretSumOf(terms: readonly Term[], nonce: () => bigint): Uint8Array | undefined {
  return sumOf(
    terms.flatMap(({ scalar, point }) => {
      const part = nonce();
      return [
        { scalar: part, point },
        { scalar: SCALARS.reduce(scalar - part), point },
      ];
    }),
  );
}

/** Whether public terms add up to nothing; `false` where a point is none. */
export function isZeroSum(terms: readonly Term[]): boolean {
  // Infinity has no encoding, and what is no point has no sum either: with G added only a true zero gives G.
  const sum = sumOf([...terms, { scalar: 1n, point: BASE }]);
  return sum !== undefined && sum[0] === 2 && equalBytes(sum.subarray(1), BASE.subarray(1, 33));
}
