import { concatBytes, webEntropy } from '@bitcoin-enterprise/core';
import type { SecretBytes } from '@bitcoin-enterprise/wallet/multiparty';
import { requireBytes, requireInteger, requireList, requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import {
  announced,
  challengeOf,
  imagesOf,
  type ProofOptions,
  readScalars,
  type Relation,
  relationBytes,
  requireRelation,
  requireWitness,
} from './relations.ts';
import { createNonces, ORDER, SCALARS, writeNumber } from './scalars.ts';
import { countBytes, createTranscript, type Transcript } from './transcript.ts';

const MOST_RELATIONS = 256;
const NOTHING = new Uint8Array(0);

/**
 * Proves that secrets are known for one of several relations, without telling for which: challenges of the others are
 * chosen beforehand, and all of them add up to the one of the transcript (Cramer, Damgård, Schoenmakers). Its size
 * grows with the number of relations; `proveMembership` is for many.
 *
 * @param relations - 1 to 256.
 * @param known - `place` of the relation, and the secrets of it.
 * @returns For each relation 32 bytes, and 32 for each of its secrets.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function proveAny(
  relations: readonly Relation[],
  known: { readonly place: number; readonly witness: readonly SecretBytes[] },
  options: ProofOptions = {},
): Uint8Array {
  const { context = NOTHING, entropy = webEntropy() } = requireObject<ProofOptions>('options', options);
  requireBytes('options.context', context);
  const read = requireRelations(relations);
  const { place, witness } = requireObject<{ readonly place: number; readonly witness: unknown }>('known', known);
  const own = requireInteger('known.place', place, 0, read.length - 1);
  const scalars = requireWitness('known.witness', read[own] as Relation, witness, entropy);
  const transcript = beginAny(read, context);
  const nonce = createNonces(entropy, transcript.state(), [BigInt(own), ...scalars]);
  const answers = read.map((relation) => ({
    challenge: nonce(),
    responses: Array.from({ length: relation.secrets }, () => nonce()),
  }));
  const announcements = read.map((relation, at) => {
    const { challenge, responses } = answers[at] as (typeof answers)[number];
    // The others are made from their answers; of the own one the answers here are the nonces.
    return at === own ? imagesOf(relation, responses, nonce) : announced(relation, responses, challenge);
  });
  if (!announcements.every((points) => points !== undefined))
    throw invalidArgument('options.entropy', 'a source of randomness', entropy);
  const whole = challengeOf(transcript, announcements.flat());
  const others = answers.reduce((sum, { challenge }, at) => (at === own ? sum : sum + challenge), 0n);
  const share = SCALARS.reduce(whole - others);
  return concatBytes(
    ...answers
      .flatMap(({ challenge, responses }, at) =>
        at === own
          ? [share, ...responses.map((r, secret) => SCALARS.reduce(r + share * (scalars[secret] as bigint)))]
          : [challenge, ...responses],
      )
      .map(writeNumber),
  );
}

/**
 * Whether a proof of one of several relations holds.
 *
 * @returns `false` for whatever is not a proof of these relations and this context.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT` as `verifyRelation`.
 */
export function verifyAny(
  relations: readonly Relation[],
  proof: Uint8Array,
  options: { readonly context?: Uint8Array } = {},
): boolean {
  const { context = NOTHING } = requireObject<ProofOptions>('options', options);
  requireBytes('options.context', context);
  const read = requireRelations(relations);
  const count = read.reduce((sum, { secrets }) => sum + secrets + 1, 0);
  const scalars = readScalars(requireBytes('proof', proof), count);
  if (scalars === undefined) return false;
  let [at, sum] = [0, 0n];
  const announcements: Uint8Array[] = [];
  for (const relation of read) {
    const challenge = scalars[at] as bigint;
    const points = announced(relation, scalars.slice(at + 1, at + 1 + relation.secrets), challenge);
    if (points === undefined) return false;
    announcements.push(...points);
    sum += challenge;
    at += relation.secrets + 1;
  }
  return challengeOf(beginAny(read, context), announcements) === sum % ORDER;
}

function requireRelations(relations: unknown): readonly Relation[] {
  const list = requireList('relations', relations);
  if (list.length === 0 || list.length > MOST_RELATIONS)
    throw invalidArgument('relations', `1 to ${MOST_RELATIONS} relations`, relations);
  return list.map((relation, place) => requireRelation(`relations[${place}]`, relation));
}

function beginAny(relations: readonly Relation[], context: Uint8Array): Transcript {
  const transcript = createTranscript('biscol/zk/any-relation/1');
  transcript.append('context', context);
  transcript.append('count', countBytes(relations.length));
  for (const relation of relations) transcript.append('relation', relationBytes(relation));
  return transcript;
}
