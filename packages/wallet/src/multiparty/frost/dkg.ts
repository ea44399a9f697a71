import { concatBytes, currentCrypto, type Entropy, equalBytes, toHex, webEntropy } from '@bitcoin-enterprise/core';
import { requireFunction, requireObject, requireText } from '../../checks.ts';
import { invalidArgument, WalletError } from '../../errors.ts';
import type { SecretBytes } from '../../keys/secret-bytes.ts';
import { requireBytesList, requireSecret } from '../musig/checks.ts';
import { isPoint, multiplyBase, POINT_LENGTH } from '../math/points.ts';
import { Ceremony, type CeremonyParts, type FrostDkg } from './ceremony.ts';
import { type FrostShare, requireShare, requireSizes } from './group.ts';

const KEY_LENGTH = 32;

/** Settings of {@link createFrostDkg}. */
export interface FrostDkgOptions {
  /** How many will sign, 2 to the number of participants. */
  readonly threshold: number;
  /** Keys by which the participants know each other, 33 bytes each, 2 to 255; their places from 1 are the identifiers. */
  readonly identityKeys: readonly Uint8Array[];
  /** The secret of one of them, 32 bytes; stays the caller's. */
  readonly identitySecret: SecretBytes;
  /** Names the ceremony, one name for each: a message of another one is ignored. */
  readonly ceremony: string;
  /** Where randomness comes from; the runtime's when absent. */
  readonly entropy?: Entropy;
}

/** Settings of {@link createFrostRefresh}. */
export interface FrostRefreshOptions extends Omit<FrostDkgOptions, 'threshold'> {
  /** The participant's share so far; its owner wipes it once everybody has the new one. */
  readonly share: FrostShare;
}

/**
 * Makes a key that nobody ever knows, together with others (Pedersen's distributed key generation, with Feldman's
 * commitments and a proof of possession of each; RFC 9591 leaves it open, this is that of the FROST paper). Everything is
 * signed by identity keys, shares are sealed to their receivers, and everybody finds out when somebody told two
 * participants different things.
 *
 * @throws WalletError `WALLET_KEY_UNKNOWN` when the own identity is not among the keys, `WALLET_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { currentCrypto } from '@bitcoin-enterprise/core';
 * import { createFrostDkg, type FrostDkgMessage, SecretBytes } from '@bitcoin-enterprise/wallet/multiparty';
 *
 * const secrets = [1, 2, 3].map((n) => new SecretBytes(new Uint8Array(32).fill(n)));
 * const identityKeys = secrets.map((key) => key.use((bytes) => currentCrypto().publicKey(bytes)) as Uint8Array);
 * const all = secrets.map((identitySecret) =>
 *   createFrostDkg({ threshold: 2, identityKeys, identitySecret, ceremony: 'treasury' }));
 * const wires: FrostDkgMessage[] = all.flatMap(({ outbox }) => outbox);
 * for (let message = wires.shift(); message !== undefined; message = wires.shift())
 *   for (const party of all)
 *     if (party.identifier !== message.from) wires.push(...party.receive(message));
 * all.map(({ share }) => share?.group.threshold); // => [2, 2, 2]
 * ```
 */
export function createFrostDkg(options: FrostDkgOptions): FrostDkg {
  const { threshold } = requireObject<FrostDkgOptions>('options', options);
  return new Ceremony(partsOf(options, { threshold }));
}

/**
 * Gives all participants of a group new shares of the same key, so that shares which were stolen before are worth nothing
 * as long as they are fewer than the threshold. All of them take part, with the identity keys in the order of their
 * identifiers; nobody signs meanwhile, and everybody wipes the old share afterwards. Nonces that were made with the old
 * share will not sign with the new one.
 *
 * @returns As for {@link createFrostDkg}: its `share` is the new one.
 * @throws WalletError `WALLET_KEY_UNKNOWN` when the own identity is not that of the share, `WALLET_INVALID_ARGUMENT`.
 */
export function createFrostRefresh(options: FrostRefreshOptions): FrostDkg {
  const given = requireObject<FrostRefreshOptions>('options', options);
  const old = requireShare('options.share', given.share);
  return new Ceremony(partsOf(options, { threshold: old.group.threshold, old }));
}

function partsOf(
  options: Omit<FrostDkgOptions, 'threshold'>,
  facts: { readonly threshold: unknown; readonly old?: FrostShare },
): CeremonyParts {
  const given = requireObject<FrostDkgOptions>('options', options);
  const { old } = facts;
  const identityKeys = requireBytesList('options.identityKeys', given.identityKeys, POINT_LENGTH);
  const { threshold, participants } = requireSizes('options', {
    threshold: facts.threshold,
    participants: identityKeys.length,
  });
  if (old !== undefined && old.group.verifyingShares.length !== participants)
    throw invalidArgument('options.identityKeys', 'those of all participants', identityKeys);
  const broken = identityKeys.find(
    (key, index) => !isPoint(key) || identityKeys.findIndex((one) => equalBytes(one, key)) !== index,
  );
  if (broken !== undefined) throw invalidArgument('options.identityKeys', 'different public keys', broken);
  const identitySecret = requireSecret('options.identitySecret', given.identitySecret);
  const ceremony = requireText('options.ceremony', given.ceremony);
  const { entropy = webEntropy() } = given;
  requireFunction('options.entropy.bytes', requireObject<Entropy>('options.entropy', entropy).bytes);
  const own = identitySecret.use((secret) => (secret.length === KEY_LENGTH ? multiplyBase(secret) : undefined));
  const identifier = own === undefined ? 0 : 1 + identityKeys.findIndex((key) => equalBytes(key, own));
  if (identifier === 0 || (old !== undefined && old.identifier !== identifier))
    throw new WalletError('WALLET_KEY_UNKNOWN', 'expected the secret of an identity key, got another', {
      details: { key: own === undefined ? 'none' : toHex(own) },
    });
  const id = currentCrypto().taggedHash(
    'bitcoin-enterprise/frost-dkg',
    concatBytes(
      Uint8Array.of(old === undefined ? 0 : 1, threshold, participants),
      ...identityKeys,
      ...(old?.group.commitments ?? []),
      new TextEncoder().encode(ceremony),
    ),
  );
  const keys = identityKeys.map((key) => new Uint8Array(key));
  return { identifier, threshold, identityKeys: keys, identitySecret, id: toHex(id), entropy, old };
}
