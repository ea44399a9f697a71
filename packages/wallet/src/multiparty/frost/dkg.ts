import {
  concatBytes,
  currentCrypto,
  type Entropy,
  equalBytes,
  parseHex,
  toHex,
  webEntropy,
} from '@bitcoin-enterprise/core';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { requireFunction, requireObject, requireText } from '../../checks.ts';
import { invalidArgument, WalletError } from '../../errors.ts';
import { SecretBytes } from '../../keys/secret-bytes.ts';
import { type ContributionKind, requireBytesList, requireSecret } from '../musig/checks.ts';
import { addPoints, isPoint, multiplyBase, type Point, POINT_LENGTH } from '../math/points.ts';
import { addSecret, wipe } from '../math/scalars.ts';
import { frostBlame, type FrostShare, groupOf, requireShare, requireSizes } from './group.ts';
import {
  commitTo,
  evaluateSecret,
  isPossessionProved,
  isShareValid,
  provePossession,
  randomPolynomial,
  randomScalar,
} from './polynomial.ts';

/** What participants of a key generation tell each other; JSON, for any transport. All bytes are hex. */
export type FrostDkgMessage =
  /** To everybody, the same. */
  | {
      readonly kind: 'commitments';
      readonly ceremony: string;
      readonly from: number;
      readonly commitments: readonly string[];
      /** That the sender knows the secret of the first one. */
      readonly proof: string;
      /** By the sender's identity key. */
      readonly signature: string;
    }
  /** To one, who alone can open it. */
  | {
      readonly kind: 'share';
      readonly ceremony: string;
      readonly from: number;
      readonly to: number;
      /** Hash of all commitments as the sender has them. */
      readonly transcript: string;
      readonly sealed: string;
    };

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

/** A key generation, as one of its participants sees it. */
export interface FrostDkg {
  /** 1 to the number of participants. */
  readonly identifier: number;
  /** For the others: those with `to` for one of them, the rest for everybody. */
  readonly outbox: readonly FrostDkgMessage[];
  /**
   * Takes a message in, in any order; what is none of this ceremony, or came before, is ignored.
   *
   * @returns What is to be sent now.
   * @throws WalletError `WALLET_CONTRIBUTION_INVALID` with the identifier of who did something wrong: the ceremony has
   * failed, and its secrets are wiped.
   */
  receive(message: unknown): readonly FrostDkgMessage[];
  /** The share of the key, once everybody has contributed. Pay to it when everybody says that he has the same group. */
  readonly share: FrostShare | undefined;
}

const KEY_LENGTH = 32;
const SEAL_NONCE_LENGTH = 24;
const PROOF_LENGTH = 64;

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

interface CeremonyParts {
  readonly identifier: number;
  readonly threshold: number;
  readonly identityKeys: readonly Uint8Array[];
  readonly identitySecret: SecretBytes;
  /** Hex. */
  readonly id: string;
  readonly entropy: Entropy;
  /** The share that is refreshed: then the polynomials have no constant, and nothing is to be proved. */
  readonly old: FrostShare | undefined;
}

type Commitments = FrostDkgMessage & { readonly kind: 'commitments' };
type Share = FrostDkgMessage & { readonly kind: 'share' };

class Ceremony implements FrostDkg {
  readonly identifier: number;
  readonly #parts: CeremonyParts;
  readonly #coefficients: SecretBytes[];
  readonly #commitments = new Map<number, Commitments>();
  readonly #shares = new Map<number, Share>();
  readonly #outbox: FrostDkgMessage[] = [];
  #share: FrostShare | undefined;
  #hasFailed = false;

  constructor(parts: CeremonyParts) {
    const { identifier, threshold, entropy, old } = parts;
    this.#parts = parts;
    this.identifier = identifier;
    const first = old === undefined ? randomScalar(entropy) : new Uint8Array(KEY_LENGTH);
    const coefficients = randomPolynomial(first, threshold, entropy);
    const points = commitTo(old === undefined ? coefficients : coefficients.slice(1));
    const [commitment] = points as [Uint8Array];
    const proof = old === undefined ? provePossession(first, { identifier, commitment, entropy }) : new Uint8Array();
    const unsigned = { from: identifier, commitments: points.map((point) => toHex(point)), proof: toHex(proof) };
    const signature = parts.identitySecret.use((secret) =>
      currentCrypto().schnorrSign(broadcastHash(parts.id, unsigned), secret, entropy.bytes(32)),
    );
    const message: Commitments = {
      kind: 'commitments',
      ceremony: parts.id,
      ...unsigned,
      signature: toHex(signature as Uint8Array),
    };
    this.#commitments.set(identifier, message);
    this.#coefficients = coefficients.map((coefficient) => new SecretBytes(coefficient));
    wipe(...coefficients);
    this.#outbox.push(message);
  }

  get outbox(): readonly FrostDkgMessage[] {
    return [...this.#outbox];
  }

  get share(): FrostShare | undefined {
    return this.#share;
  }

  receive(message: unknown): readonly FrostDkgMessage[] {
    const known = this.#messageOf(message);
    if (known === undefined || this.#hasFailed || this.#share !== undefined) return [];
    const before = this.#outbox.length;
    if (known.kind === 'commitments') this.#takeCommitments(known);
    else this.#takeShare(known);
    return this.#outbox.slice(before);
  }

  #takeCommitments(message: Commitments): void {
    const { from, commitments, proof, signature } = message;
    const xOnly = (this.#parts.identityKeys[from - 1] as Uint8Array).subarray(1);
    const isSigned =
      signature.length === 2 * PROOF_LENGTH &&
      currentCrypto().schnorrVerify(parseHex(signature), broadcastHash(this.#parts.id, message), xOnly);
    // Anybody can send what is not signed: it says nothing of the one whose name is on it.
    if (!isSigned) return;
    const known = this.#commitments.get(from);
    if (known !== undefined) {
      if (contentOf(known) !== contentOf(message)) throw this.#failed('broadcast', from);
      return;
    }
    const { threshold, old } = this.#parts;
    const points = commitments.map((point) => parseHex(point));
    const [commitment] = points;
    const wanted = old === undefined ? threshold : threshold - 1;
    if (points.length !== wanted || commitment === undefined || !points.every(isPoint))
      throw this.#failed('commitment', from);
    if (old === undefined && !isPossessionProved(parseHex(proof), { identifier: from, commitment }))
      throw this.#failed('proof of possession', from);
    this.#commitments.set(from, message);
    if (this.#commitments.size < this.#parts.identityKeys.length) return;
    this.#sendShares();
    for (const share of this.#shares.values()) this.#checkShare(share);
    this.#finish();
  }

  #takeShare(message: Share): void {
    if (message.to !== this.identifier || this.#shares.has(message.from)) return;
    const value = this.#opened(message);
    // Not sealed by its sender's key: it says nothing of the one whose name is on it.
    if (value === undefined) return;
    value.fill(0);
    this.#shares.set(message.from, message);
    // Kept until all commitments are there.
    if (this.#commitments.size < this.#parts.identityKeys.length) return;
    this.#checkShare(message);
    this.#finish();
  }

  #sendShares(): void {
    const transcript = this.#transcript();
    const { identityKeys, id } = this.#parts;
    for (const to of identityKeys.keys()) {
      if (to + 1 === this.identifier) continue;
      const value = this.#valueAt(to + 1);
      const facts = { from: this.identifier, to: to + 1, transcript };
      const sealed = sealShare(value, { ...this.#parts, other: identityKeys[to] as Uint8Array, facts });
      wipe(value);
      this.#outbox.push({
        kind: 'share',
        ceremony: id,
        from: this.identifier,
        to: to + 1,
        transcript: toHex(transcript),
        sealed: toHex(sealed),
      });
    }
  }

  /** Throws when a share is not the one that its sender has committed to. */
  #checkShare(message: Share): void {
    const { from } = message;
    // Its sender has other commitments than we: somebody told two participants different things.
    if (message.transcript !== toHex(this.#transcript())) throw this.#failed('broadcast', undefined);
    const value = this.#opened(message) as Uint8Array;
    const points = this.#pointsOf(this.#commitments.get(from) as Commitments);
    const isValid = isShareValid(value, points, this.identifier);
    value.fill(0);
    if (!isValid) throw this.#failed('share', from);
  }

  #finish(): void {
    const { identityKeys, threshold, old } = this.#parts;
    if (this.#shares.size < identityKeys.length - 1) return;
    let sum = this.#valueAt(this.identifier);
    for (const message of this.#shares.values()) {
      const value = this.#opened(message) as Uint8Array;
      const next = addSecret(sum, value);
      wipe(sum, value);
      sum = next;
    }
    if (old !== undefined) sum = old.secretShare.use((secret) => addSecret(sum, secret));
    const lists: Array<readonly Point[]> = [...this.#commitments.values()].map((one) => this.#pointsOf(one));
    if (old !== undefined) lists.push(old.group.commitments);
    const points = Array.from({ length: threshold }, (_, place) => addPoints(...lists.map((list) => list[place])));
    const whole = points.filter((point) => point !== undefined);
    const group = whole.length === threshold ? groupOf(whole, identityKeys.length) : undefined;
    // The last one to choose could try for it; honest ones meet it once in 2^256.
    if (group === undefined) throw this.#failed('commitment', undefined);
    const secretShare = new SecretBytes(sum);
    wipe(sum);
    this.#share = { identifier: this.identifier, secretShare, group };
    this.#wipe();
  }

  /** Points of all coefficients; in a refresh the first of them is zero. */
  #pointsOf({ commitments }: Commitments): readonly Point[] {
    const points = commitments.map((point) => parseHex(point));
    return this.#parts.old === undefined ? points : [undefined, ...points];
  }

  #valueAt(identifier: number): Uint8Array {
    const coefficients = this.#coefficients.map((coefficient) => coefficient.use((bytes) => new Uint8Array(bytes)));
    const value = evaluateSecret(coefficients, identifier);
    wipe(...coefficients);
    return value;
  }

  #opened(message: Share): Uint8Array | undefined {
    const { identityKeys, identitySecret } = this.#parts;
    const sealed = parseHex(message.sealed);
    const facts = { from: message.from, to: message.to, transcript: parseHex(message.transcript) };
    const key = sealKey(identitySecret, { other: identityKeys[message.from - 1] as Uint8Array, facts });
    try {
      const nonce = sealed.subarray(0, SEAL_NONCE_LENGTH);
      return xchacha20poly1305(key, nonce, boundTo(facts)).decrypt(sealed.subarray(SEAL_NONCE_LENGTH));
    } catch {
      return undefined;
    } finally {
      key.fill(0);
    }
  }

  #transcript(): Uint8Array {
    return transcriptOf(
      this.#parts.id,
      this.#parts.identityKeys.map((_, index) => this.#commitments.get(index + 1) as Commitments),
    );
  }

  #failed(kind: ContributionKind, from: number | undefined): WalletError<'WALLET_CONTRIBUTION_INVALID'> {
    this.#hasFailed = true;
    this.#wipe();
    return frostBlame(kind, from === undefined ? [] : [from]);
  }

  #wipe(): void {
    for (const coefficient of this.#coefficients) coefficient.wipe();
  }

  /** A message of this ceremony, or nothing. */
  #messageOf(value: unknown): FrostDkgMessage | undefined {
    if (typeof value !== 'object' || value === null) return undefined;
    const message = value as Readonly<Record<string, unknown>>;
    const { id, identityKeys } = this.#parts;
    const { from, to, kind } = message;
    const isParticipant = (number: unknown): boolean =>
      typeof number === 'number' && identityKeys[number - 1] !== undefined;
    if (message['ceremony'] !== id || !isParticipant(from) || from === this.identifier) return undefined;
    const { commitments } = message;
    const isCommitments =
      kind === 'commitments' &&
      Array.isArray(commitments) &&
      commitments.length <= identityKeys.length &&
      [...(commitments as readonly unknown[]), message['proof'], message['signature']].every(isHex);
    const isShare = kind === 'share' && isParticipant(to) && isHex(message['transcript']) && isHex(message['sealed']);
    return isCommitments || isShare ? (value as FrostDkgMessage) : undefined;
  }
}

/** What a sealed share is bound to. */
export interface ShareFacts {
  readonly from: number;
  readonly to: number;
  readonly transcript: Uint8Array;
}

/** Hash of all commitments, in the order of the identifiers. */
export function transcriptOf(id: string, commitments: readonly CommitmentsContent[]): Uint8Array {
  const text = [id, ...commitments.map(contentOf)].join(' ');
  return currentCrypto().taggedHash('bitcoin-enterprise/frost-transcript', new TextEncoder().encode(text));
}

/** What an identity key signs: commitments of one ceremony. */
export function broadcastHash(id: string, message: CommitmentsContent): Uint8Array {
  const text = new TextEncoder().encode(`${id} ${contentOf(message)}`);
  return currentCrypto().taggedHash('bitcoin-enterprise/frost-commitments', text);
}

/** Seals a share to its receiver (XChaCha20-Poly1305, nonce in front). */
export function sealShare(
  value: Uint8Array,
  parties: {
    readonly identitySecret: SecretBytes;
    readonly other: Uint8Array;
    readonly facts: ShareFacts;
    readonly entropy: Entropy;
  },
): Uint8Array {
  const { identitySecret, facts, entropy } = parties;
  const nonce = entropy.bytes(SEAL_NONCE_LENGTH);
  const key = sealKey(identitySecret, parties);
  const sealed = concatBytes(nonce, xchacha20poly1305(key, nonce, boundTo(facts)).encrypt(value));
  key.fill(0);
  return sealed;
}

/** A key that only the two of them can compute, for one share. */
function sealKey(
  identitySecret: SecretBytes,
  { other, facts }: { readonly other: Uint8Array; readonly facts: ShareFacts },
): Uint8Array {
  const shared = identitySecret.use((secret) => currentCrypto().ecdh(secret, other)) as Uint8Array;
  const preimage = concatBytes(shared, boundTo(facts));
  const key = currentCrypto().taggedHash('bitcoin-enterprise/frost-share', preimage);
  wipe(shared, preimage);
  return key;
}

type CommitmentsContent = Pick<Commitments, 'from' | 'commitments' | 'proof'>;

function boundTo({ from, to, transcript }: ShareFacts): Uint8Array {
  return concatBytes(Uint8Array.of(from, to), transcript);
}

function contentOf({ from, commitments, proof }: CommitmentsContent): string {
  return [from, ...commitments, proof].join(' ');
}

function isHex(value: unknown): boolean {
  return typeof value === 'string' && value.length <= 512 && /^(?:[0-9a-f]{2})*$/.test(value);
}
