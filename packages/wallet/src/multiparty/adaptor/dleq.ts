import { concatBytes, currentCrypto, equalBytes } from '@bitcoin-enterprise/core';
import { multiplyBySecret } from '../../silent/secret-arithmetic.ts';
import { addPoints, multiplyBase, multiplyPoint } from '../math/points.ts';
import { addSecret, modOrder, multiplySecret, numberOf, parseScalar, scalarBytes, wipe } from '../math/scalars.ts';
import { combine } from './curve.ts';
import { nonceFor } from './secrets.ts';

/** Three points of which two are claimed to be the same multiple of two bases (dlcspecs, ECDSA-adaptor.md). */
export interface DleqStatement {
  /** `X = x * G`. */
  readonly ofGenerator: Uint8Array;
  /** `Y`. */
  readonly point: Uint8Array;
  /** `Z = x * Y`. */
  readonly ofPoint: Uint8Array;
}

/** Proves that `X` and `Z` are the same multiple of `G` and `Y` (dlcspecs, DLEQ_prove): 64 bytes. */
export function proveDleq(secret: Uint8Array, statement: DleqStatement, entropy: unknown): Uint8Array {
  const { ofGenerator, point, ofPoint } = statement;
  const facts = concatBytes(ofGenerator, point, ofPoint);
  const nonce = nonceFor('bitcoin-enterprise/adaptor-dleq', secret, facts, entropy);
  const own = multiplyBase(nonce) as Uint8Array;
  const challenge = challengeOf(statement, own, multiplyBySecret(point, nonce) as Uint8Array);
  const bound = multiplySecret(secret, challenge);
  const proof = concatBytes(scalarBytes(challenge), addSecret(nonce, bound));
  wipe(nonce, bound);
  return proof;
}

/** Whether such a proof holds (dlcspecs, DLEQ_verify). */
export function isDleq(proof: Uint8Array, statement: DleqStatement): boolean {
  const [challenge, response] = [parseScalar(proof.subarray(0, 32)), parseScalar(proof.subarray(32, 64))];
  if (challenge === undefined || response === undefined) return false;
  const minus = modOrder(-challenge);
  const first = combine(response, minus, statement.ofGenerator);
  const second = addPoints(multiplyPoint(statement.point, response), multiplyPoint(statement.ofPoint, minus));
  if (first === undefined || second === undefined) return false;
  return equalBytes(scalarBytes(challengeOf(statement, first, second)), scalarBytes(challenge));
}

function challengeOf({ ofGenerator, point, ofPoint }: DleqStatement, first: Uint8Array, second: Uint8Array): bigint {
  const bytes = concatBytes(ofGenerator, point, ofPoint, first, second);
  return modOrder(numberOf(currentCrypto().taggedHash('DLEQ', bytes)));
}
