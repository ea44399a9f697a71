import { currentCrypto } from '@bitcoin-enterprise/core';
import { requireList, requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import { requirePoint } from './commitments.ts';
import { BASE, valueGenerator } from './generators.ts';
import type { Relation } from './relations.ts';

function compressed(point: Uint8Array): Uint8Array {
  return currentCrypto().publicKeyConvert(point) as Uint8Array;
}

/**
 * Knowledge of a discrete logarithm: one secret, `publicKey = secret * base` (Schnorr).
 *
 * @param publicKey - 33 bytes.
 * @param base - 33 bytes; G when absent.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function keyRelation(publicKey: Uint8Array, base: Uint8Array = compressed(BASE)): Relation {
  return {
    secrets: 1,
    equations: [
      { image: requirePoint('publicKey', publicKey), terms: [{ secret: 0, base: requirePoint('base', base) }] },
    ],
  };
}

/**
 * Knowledge of an opening: secrets are the value and the blinding of a commitment. That it is one to zero shows
 * {@link keyRelation} of it.
 *
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function openingRelation(commitment: Uint8Array): Relation {
  return {
    secrets: 2,
    equations: [{ image: requirePoint('commitment', commitment), terms: openingTerms(0, 1) }],
  };
}

function openingTerms(value: number, blinding: number): Relation['equations'][number]['terms'] {
  return [
    { secret: value, base: compressed(valueGenerator()) },
    { secret: blinding, base: compressed(BASE) },
  ];
}

/**
 * Equal discrete logarithms: one secret, `image = secret * base` for each pair (Chaum, Pedersen). For the pair of BIP374
 * there is `createDleqProof` of the wallet.
 *
 * @param pairs - Two at least, 33 bytes each.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function equalLogsRelation(
  pairs: ReadonlyArray<{ readonly image: Uint8Array; readonly base: Uint8Array }>,
): Relation {
  const list = requireList('pairs', pairs);
  if (list.length < 2) throw invalidArgument('pairs', 'two pairs at least', pairs);
  return {
    secrets: 1,
    equations: list.map((pair, place) => {
      const { image, base } = requireObject<{ image: Uint8Array; base: Uint8Array }>(`pairs[${place}]`, pair);
      return {
        image: requirePoint(`pairs[${place}].image`, image),
        terms: [{ secret: 0, base: requirePoint(`pairs[${place}].base`, base) }],
      };
    }),
  };
}

/**
 * Equal committed values, known to the prover: secrets are the value, then the blinding of each commitment.
 *
 * @param commitments - Two at least, 33 bytes each.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function equalValuesRelation(commitments: readonly Uint8Array[]): Relation {
  const list = requireList('commitments', commitments);
  if (list.length < 2) throw invalidArgument('commitments', 'two commitments at least', commitments);
  return {
    secrets: 1 + list.length,
    equations: list.map((commitment, place) => ({
      image: requirePoint(`commitments[${place}]`, commitment),
      terms: openingTerms(0, 1 + place),
    })),
  };
}
