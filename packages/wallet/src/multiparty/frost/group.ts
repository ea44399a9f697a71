import { currentCrypto, parseHex, toHex } from '@bitcoin-enterprise/core';
import { tapTweakHash } from '@bitcoin-enterprise/script';
import { requireBytes, requireInteger, requireList, requireObject, requireText } from '../../checks.ts';
import { invalidArgument, WalletError } from '../../errors.ts';
import { SecretBytes } from '../../keys/secret-bytes.ts';
import type { ContributionKind } from '../musig/checks.ts';
import { hasEvenY, isPoint, negatePoint, POINT_LENGTH, xOf } from '../math/points.ts';
import { addSecret, negateSecret, parseScalar } from '../math/scalars.ts';
import { evaluateCommitments } from './polynomial.ts';

/** Most participants of a group. */
export const MAXIMUM_PARTICIPANTS = 255;

/** A key of several participants, of whom `threshold` sign: public data. Identifiers are 1 to the number of participants. */
export interface FrostGroup {
  /** How many sign, 2 to the number of participants. */
  readonly threshold: number;
  /** The key, 33 bytes. */
  readonly publicKey: Uint8Array;
  /** The same as a key of Taproot, 32 bytes. */
  readonly xOnlyPublicKey: Uint8Array;
  /** What the shares are checked against, `threshold` points of 33 bytes; the first is the key. */
  readonly commitments: readonly Uint8Array[];
  /** Points of the participants' shares, 33 bytes each, in the order of their identifiers. */
  readonly verifyingShares: readonly Uint8Array[];
}

/** What a participant keeps. */
export interface FrostShare {
  /** 1 to the number of participants. */
  readonly identifier: number;
  /** 32 bytes. */
  readonly secretShare: SecretBytes;
  readonly group: FrostGroup;
}

/** A group as JSON, its bytes as hex. */
export interface FrostGroupJson {
  readonly threshold: number;
  readonly participants: number;
  readonly commitments: readonly string[];
}

/** The group that commitments stand for. */
export function groupOf(commitments: readonly Uint8Array[], participants: number): FrostGroup | undefined {
  const [publicKey] = commitments;
  const verifyingShares: Uint8Array[] = [];
  for (let identifier = 1; identifier <= participants; identifier++) {
    const share = evaluateCommitments(commitments, identifier);
    if (share === undefined) return undefined;
    verifyingShares.push(share);
  }
  if (publicKey === undefined) return undefined;
  const threshold = commitments.length;
  return { threshold, publicKey, xOnlyPublicKey: xOf(publicKey), commitments, verifyingShares };
}

/** A group as JSON: all of it is public. */
export function formatFrostGroup(group: FrostGroup): FrostGroupJson {
  const { threshold, commitments, verifyingShares } = requireGroup('group', group);
  return { threshold, participants: verifyingShares.length, commitments: commitments.map((point) => toHex(point)) };
}

/**
 * A group that was kept as JSON.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 */
export function parseFrostGroup(json: unknown): FrostGroup {
  const given = requireObject<FrostGroupJson>('json', json);
  const { participants, threshold } = requireSizes('json', given);
  const commitments = requireList('json.commitments', given.commitments).map((point, index) => {
    const hex = requireText(`json.commitments[${index}]`, point);
    if (!/^0[23][0-9a-f]{64}$/.test(hex) || !isPoint(parseHex(hex)))
      throw invalidArgument(`json.commitments[${index}]`, 'a point of 33 bytes in hex', point);
    return parseHex(hex);
  });
  const group = commitments.length === threshold ? groupOf(commitments, participants) : undefined;
  if (group === undefined) throw invalidArgument('json.commitments', `${threshold} points of shares`, json);
  return group;
}

/**
 * The output key of a group that is the internal key, and a participant's share of it (BIP341).
 *
 * @param options - `merkleRoot`: of the script tree, 32 bytes; without one the output has no scripts (BIP86).
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 */
export function tweakFrostGroup(group: FrostGroup, options: { readonly merkleRoot?: Uint8Array } = {}): FrostGroup {
  requireGroup('group', group);
  const tweak = tweakOf(group, options);
  const moved = (point: Uint8Array): Uint8Array => {
    const tweaked = currentCrypto().publicKeyTweakAdd(point, tweak);
    if (tweaked === undefined) throw invalidArgument('options.merkleRoot', 'a tweak whose result is a point', tweak);
    return tweaked;
  };
  const even = evenGroup(group);
  const [first, ...others] = even.commitments as [Uint8Array, ...Uint8Array[]];
  const publicKey = moved(first);
  return {
    threshold: group.threshold,
    publicKey,
    xOnlyPublicKey: xOf(publicKey),
    commitments: [publicKey, ...others],
    verifyingShares: even.verifyingShares.map(moved),
  };
}

/** {@link tweakFrostGroup} for a participant: the share and its group. */
export function tweakFrostShare(share: FrostShare, options: { readonly merkleRoot?: Uint8Array } = {}): FrostShare {
  const { group, identifier } = requireShare('share', share);
  const tweak = tweakOf(group, options);
  const tweaked = evenSecret(share, (secret) => addSecret(secret, tweak));
  const made = new SecretBytes(tweaked);
  tweaked.fill(0);
  return { identifier, secretShare: made, group: tweakFrostGroup(group, options) };
}

/** The same group with the key that BIP340 takes 32 bytes for. */
export function evenGroup(group: FrostGroup): FrostGroup {
  if (hasEvenY(group.publicKey)) return group;
  const negated = (points: readonly Uint8Array[]): readonly Uint8Array[] =>
    points.map((point) => negatePoint(point) as Uint8Array);
  const commitments = negated(group.commitments);
  const [publicKey] = commitments as [Uint8Array];
  return { ...group, publicKey, commitments, verifyingShares: negated(group.verifyingShares) };
}

/** Lends the secret share of the even key to a function. */
export function evenSecret<Result>({ group, secretShare }: FrostShare, action: (secret: Uint8Array) => Result): Result {
  return secretShare.use((secret) => {
    if (hasEvenY(group.publicKey)) return action(secret);
    const negated = negateSecret(secret);
    try {
      return action(negated);
    } finally {
      negated.fill(0);
    }
  });
}

/** Throws unless a value is a group. */
export function requireGroup(argument: string, value: unknown): FrostGroup {
  const group = requireObject<FrostGroup>(argument, value);
  requireBytes(`${argument}.publicKey`, group.publicKey, POINT_LENGTH);
  const points = requireList(`${argument}.verifyingShares`, group.verifyingShares);
  requireList(`${argument}.commitments`, group.commitments);
  requireInteger(`${argument}.threshold`, group.threshold, 2, points.length);
  return value as FrostGroup;
}

/** Throws unless a value is a share. */
export function requireShare(argument: string, value: unknown): FrostShare {
  const share = requireObject<FrostShare>(argument, value);
  const { verifyingShares } = requireGroup(`${argument}.group`, share.group);
  requireInteger(`${argument}.identifier`, share.identifier, 1, verifyingShares.length);
  if (!(share.secretShare instanceof SecretBytes))
    throw invalidArgument(`${argument}.secretShare`, 'SecretBytes', share.secretShare);
  return value as FrostShare;
}

/** Throws unless the sizes are those of a group. */
export function requireSizes(
  argument: string,
  given: { readonly threshold?: unknown; readonly participants?: unknown },
): { readonly threshold: number; readonly participants: number } {
  const participants = requireInteger(`${argument}.participants`, given.participants, 2, MAXIMUM_PARTICIPANTS);
  return { participants, threshold: requireInteger(`${argument}.threshold`, given.threshold, 2, participants) };
}

/** The error of a participant who gave what is wrong; identifiers are 1 and up. */
export function frostBlame(
  kind: ContributionKind,
  identifiers: readonly number[],
): WalletError<'WALLET_CONTRIBUTION_INVALID'> {
  const [signer] = identifiers;
  return new WalletError(
    'WALLET_CONTRIBUTION_INVALID',
    `expected a valid ${kind}, got another of participant ${identifiers.join(', ') || 'unknown'}`,
    { details: signer === undefined ? { kind } : { signer, kind } },
  );
}

function tweakOf(group: FrostGroup, options: unknown): Uint8Array {
  const { merkleRoot } = requireObject<{ readonly merkleRoot: Uint8Array }>('options', options);
  if (merkleRoot !== undefined) requireBytes('options.merkleRoot', merkleRoot, 32);
  const tweak = tapTweakHash(group.xOnlyPublicKey, merkleRoot);
  if (parseScalar(tweak) === undefined) throw invalidArgument('options.merkleRoot', 'another one', tweak);
  return tweak;
}
