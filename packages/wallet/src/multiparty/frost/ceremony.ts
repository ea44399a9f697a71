import { currentCrypto, type Entropy, parseHex, toHex } from '@bitcoin-enterprise/core';
import type { WalletError } from '../../errors.ts';
import { entropyBytes } from '../../keys/entropy.ts';
import { SecretBytes } from '../../keys/secret-bytes.ts';
import type { ContributionKind } from '../musig/checks.ts';
import { addPoints, isPoint, type Point } from '../math/points.ts';
import { addSecret, wipe } from '../math/scalars.ts';
import {
  broadcastHash,
  type CommitmentsMessage,
  contentOf,
  type FrostDkgMessage,
  isHex,
  openShare,
  sealShare,
  type ShareMessage,
  transcriptOf,
} from './dkg-messages.ts';
import { frostBlame, type FrostShare, groupOf } from './group.ts';
import {
  commitTo,
  evaluateSecret,
  isPossessionProved,
  isShareValid,
  provePossession,
  randomPolynomial,
  randomScalar,
  requireDifferent,
} from './polynomial.ts';

const KEY_LENGTH = 32;
const PROOF_LENGTH = 64;

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

/** What a participant brings to a ceremony. */
export interface CeremonyParts {
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

/** A key generation or a refresh. */
export class Ceremony implements FrostDkg {
  readonly identifier: number;
  readonly #parts: CeremonyParts;
  readonly #coefficients: SecretBytes[];
  readonly #commitments = new Map<number, CommitmentsMessage>();
  readonly #shares = new Map<number, ShareMessage>();
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
    requireDifferent(points, entropy);
    const [commitment] = points as [Uint8Array];
    const proof = old === undefined ? provePossession(first, { identifier, commitment, entropy }) : new Uint8Array();
    const unsigned = { from: identifier, commitments: points.map((point) => toHex(point)), proof: toHex(proof) };
    const signature = parts.identitySecret.use((secret) =>
      currentCrypto().schnorrSign(broadcastHash(parts.id, unsigned), secret, entropyBytes(entropy, 32)),
    );
    const message: CommitmentsMessage = {
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

  #takeCommitments(message: CommitmentsMessage): void {
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

  #takeShare(message: ShareMessage): void {
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
  #checkShare(message: ShareMessage): void {
    const { from } = message;
    // Its sender has other commitments than we: somebody told two participants different things.
    if (message.transcript !== toHex(this.#transcript())) throw this.#failed('broadcast', undefined);
    const value = this.#opened(message) as Uint8Array;
    const points = this.#pointsOf(this.#commitments.get(from) as CommitmentsMessage);
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
  #pointsOf({ commitments }: CommitmentsMessage): readonly Point[] {
    const points = commitments.map((point) => parseHex(point));
    return this.#parts.old === undefined ? points : [undefined, ...points];
  }

  #valueAt(identifier: number): Uint8Array {
    const coefficients = this.#coefficients.map((coefficient) => coefficient.use((bytes) => new Uint8Array(bytes)));
    const value = evaluateSecret(coefficients, identifier);
    wipe(...coefficients);
    return value;
  }

  #opened(message: ShareMessage): Uint8Array | undefined {
    const { identityKeys, identitySecret } = this.#parts;
    return openShare(message, { identitySecret, other: identityKeys[message.from - 1] as Uint8Array });
  }

  #transcript(): Uint8Array {
    return transcriptOf(
      this.#parts.id,
      this.#parts.identityKeys.map((_, index) => this.#commitments.get(index + 1) as CommitmentsMessage),
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
    // Copies: what is checked here is what is used, whatever the caller does with his.
    const { proof, signature, transcript, sealed } = message as Readonly<Record<string, string>>;
    const head = { ceremony: id, from: from as number };
    if (isCommitments)
      return { kind: 'commitments', ...head, commitments: [...commitments], proof, signature } as CommitmentsMessage;
    return isShare ? ({ kind: 'share', ...head, to: to as number, transcript, sealed } as ShareMessage) : undefined;
  }
}
