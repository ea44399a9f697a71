import { concatBytes, currentCrypto } from '@bitcoin-enterprise/core';
import { attestationMessage, signaturePoint } from './attestation.ts';
import { termsInvalid } from './checks.ts';
import { scalarBytes, scalarOf } from './curve.ts';
import type { CheckedTerms } from './terms.ts';
import { writeInteger } from './wire.ts';

/** What one oracle attests: a name, or the first digits of a number. */
export interface Attested {
  /** Index of the oracle in the terms. */
  readonly oracle: number;
  /** What it signs, in the order of its nonces; of a number as many digits as are needed. */
  readonly outcomes: readonly string[];
}

/** What the number in an oracle's signatures is multiplied with, before those of several oracles are added up. */
export function weightOf({ oracles, threshold, aggregation }: CheckedTerms, oracle: number): bigint {
  if (threshold === 1 || aggregation === 'sum') return 1n;
  const facts = oracles.flatMap(({ oraclePublicKey, event: { nonces } }) => [
    oraclePublicKey,
    writeInteger(nonces.length, 2),
    ...nonces,
  ]);
  const bytes = concatBytes(writeInteger(oracle, 2), writeInteger(oracles.length, 2), ...facts);
  return scalarOf(currentCrypto().taggedHash('bitcoin-enterprise/dlc-oracle-weight', bytes));
}

/** Computes anticipation points; what several of them have in common is computed once. */
export function createAnticipation(terms: CheckedTerms): (attested: readonly Attested[]) => Uint8Array {
  const crypto = currentCrypto();
  const weights = terms.oracles.map((_, oracle) => weightOf(terms, oracle));
  const singles = new Map<string, Uint8Array>();
  const sums = new Map<string, Uint8Array>();
  const must = (point: Uint8Array | undefined): Uint8Array => {
    if (point !== undefined) return point;
    throw termsInvalid('terms.oracles', 'oracles whose points do not cancel each other out');
  };
  // Points to be added are kept with both coordinates: each short one would cost a square root again.
  const long = (point: Uint8Array): Uint8Array => must(crypto.publicKeyConvert(point, { compressed: false }));

  /** The point of one signature of one oracle. */
  const singleOf = (oracle: number, at: number, outcome: string): Uint8Array => {
    const key = `${oracle}/${at}/${outcome}`;
    const known = singles.get(key);
    if (known !== undefined) return known;
    const { oraclePublicKey, event, profile } = terms.oracles[oracle] as CheckedTerms['oracles'][number];
    const nonce = event.nonces[at] as Uint8Array;
    const point = must(signaturePoint({ oraclePublicKey, nonce, message: attestationMessage(outcome, profile) }));
    const weight = weights[oracle] ?? 1n;
    const weighted = long(weight === 1n ? point : must(crypto.publicKeyTweakMul(point, scalarBytes(weight))));
    singles.set(key, weighted);
    return weighted;
  };
  const sumOf = ({ oracle, outcomes }: Attested): Uint8Array =>
    must(crypto.publicKeyCombine(outcomes.map((outcome, at) => singleOf(oracle, at, outcome))));
  /** The sum over the first signatures of an oracle, which is in as many groups of oracles. */
  const sharedSumOf = (attested: Attested): Uint8Array => {
    const key = `${attested.oracle}/${attested.outcomes.join('/')}`;
    const known = sums.get(key);
    if (known !== undefined) return known;
    const sum = long(sumOf(attested));
    sums.set(key, sum);
    return sum;
  };

  return (attested) => {
    const [first, ...others] = attested as [Attested, ...Attested[]];
    return others.length === 0 ? sumOf(first) : must(crypto.publicKeyCombine(attested.map(sharedSumOf)));
  };
}
