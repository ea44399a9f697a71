import { parseHex, toHex } from '@bitcoin-enterprise/core';
import { requireBytes, requireInteger, requireList, requireObject, requireText } from '../../checks.ts';
import type { ContributionKind } from '../musig/checks.ts';
import { isPoint, POINT_LENGTH } from '../math/points.ts';
import {
  formatFrostGroup,
  type FrostGroup,
  type FrostGroupJson,
  MAXIMUM_PARTICIPANTS,
  parseFrostGroup,
  requireSizes,
} from './group.ts';
import { aggregateFrostSignature, createFrostSession, type FrostSession, verifyFrostShare } from './signing.ts';

/** A fresh nonce of a participant who would sign. JSON; bytes are hex. */
export interface FrostOffer {
  readonly kind: 'offer';
  readonly signer: number;
  /** 66 bytes. */
  readonly nonce: string;
}

/** What a participant is asked to sign, beside the message that everybody knows. */
export interface FrostRequest {
  readonly kind: 'request';
  /** Numbers the attempts at this signature, from 0. */
  readonly attempt: number;
  readonly nonces: ReadonlyArray<{ readonly signer: number; readonly nonce: string }>;
}

/** A participant's part of the signature, and a fresh nonce in case that another attempt is needed. */
export interface FrostAnswer {
  readonly kind: 'answer';
  readonly attempt: number;
  readonly signer: number;
  /** 32 bytes. */
  readonly signature: string;
  /** 66 bytes. */
  readonly next: string;
}

/** Where a coordinator stands: JSON. */
export interface FrostCoordination {
  readonly group: FrostGroupJson;
  readonly message: string;
  /** Those who wait for an attempt. */
  readonly offers: readonly FrostOffer[];
  readonly attempts: ReadonlyArray<{
    readonly nonces: FrostRequest['nonces'];
    readonly answers: ReadonlyArray<{ readonly signer: number; readonly signature: string }>;
  }>;
  /** Who sent what is wrong: they are asked no more. */
  readonly blamed: ReadonlyArray<{ readonly signer: number; readonly kind: ContributionKind }>;
  /** 64 bytes, when it is done. */
  readonly signature: string | null;
}

/** What a coordinator asks for. */
export type FrostCoordinationEffect =
  | { readonly type: 'ask'; readonly signers: readonly number[]; readonly request: FrostRequest }
  | { readonly type: 'blame'; readonly signer: number; readonly kind: ContributionKind }
  | { readonly type: 'done'; readonly signature: string };

/** A step of a coordinator. */
export interface FrostCoordinationStep {
  readonly state: FrostCoordination;
  readonly effects: readonly FrostCoordinationEffect[];
}

/**
 * Where a coordinator begins. He learns no secret, and can make nobody sign anything but the message; all that a bad one
 * can do is not to end.
 *
 * @param group - Tweaked already, if its key is.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 */
export function beginFrostCoordination(group: FrostGroup, message: Uint8Array): FrostCoordination {
  const json = formatFrostGroup(group);
  return {
    group: json,
    message: toHex(requireBytes('message', message)),
    offers: [],
    attempts: [],
    blamed: [],
    signature: null,
  };
}

/**
 * What a coordinator does about a message, in the manner of ROAST: as soon as `threshold` participants wait, they are asked
 * together; whoever answers waits again. Silent ones hold nobody up, wrong ones are blamed and asked no more: with
 * `threshold` honest participants who answer, a group of n ends after n - threshold + 1 attempts at most, and one more
 * whenever somebody offers again instead of answering; after eight of those he is listened to only when he answers.
 *
 * The transport must say truly who sent a message. What is none changes nothing.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT` when the state is none.
 */
export function stepFrostCoordination(state: FrostCoordination, message: unknown): FrostCoordinationStep {
  requireCoordination(state);
  const nothing = { state, effects: [] };
  if (state.signature !== null || typeof message !== 'object' || message === null) return nothing;
  const { kind, signer } = message as Partial<FrostOffer | FrostAnswer>;
  const { participants } = state.group;
  if (typeof signer !== 'number' || !Number.isInteger(signer) || signer < 1 || signer > participants) return nothing;
  if (state.blamed.some((one) => one.signer === signer)) return nothing;
  if (kind === 'offer') return offered(state, message as FrostOffer);
  return kind === 'answer' ? answered(state, message as FrostAnswer) : nothing;
}

function requireCoordination(value: unknown): void {
  const state = requireObject<FrostCoordination>('state', value);
  const { threshold, participants } = requireObject<FrostGroupJson>('state.group', state.group);
  requireSizes('state.group', { threshold, participants });
  for (const field of ['offers', 'blamed'] as const) requireSigners(`state.${field}`, state[field]);
  for (const one of requireList('state.attempts', state.attempts)) {
    const { nonces, answers } = requireObject<FrostCoordination['attempts'][number]>('state.attempts', one);
    requireSigners('state.attempts.nonces', nonces);
    requireSigners('state.attempts.answers', answers);
  }
  requireText('state.message', state.message);
  if (state.signature !== null) requireText('state.signature', state.signature);
}

/** Throws unless a value is a list of what signers sent. */
function requireSigners(argument: string, value: unknown): void {
  for (const one of requireList(argument, value))
    requireInteger(
      `${argument}.signer`,
      requireObject<{ readonly signer: number }>(argument, one).signer,
      1,
      MAXIMUM_PARTICIPANTS,
    );
}

/** So often somebody may begin again without an answer: who does so for ever would hold the others up. */
const MOST_RESTARTS = 8;

/** A participant begins, or begins again after his process ended: his open attempts are given up. */
function offered(state: FrostCoordination, { signer, nonce }: FrostOffer): FrostCoordinationStep {
  if (!isHex(nonce)) return { state, effects: [] };
  if (isNonceUsed(state, nonce) || openAttempts(state, signer) > MOST_RESTARTS) return { state, effects: [] };
  if (!isPublicNonce(nonce)) return blame(state, signer, 'public nonce');
  const others = state.offers.filter((offer) => offer.signer !== signer);
  return whenEnough({ ...state, offers: [...others, { kind: 'offer', signer, nonce }] });
}

function answered(state: FrostCoordination, answer: FrostAnswer): FrostCoordinationStep {
  const { attempt: number, signer, signature, next } = answer;
  // JSON may say anything: a list has more fields than its places.
  const attempt = Number.isInteger(number) ? state.attempts[number] : undefined;
  const isAsked = attempt?.nonces.some((one) => one.signer === signer) === true;
  const hasAnswered = attempt?.answers.some((one) => one.signer === signer) === true;
  if (attempt === undefined || !isAsked || hasAnswered || !isHex(signature) || !isHex(next))
    return { state, effects: [] };
  const session = sessionOf(state, attempt.nonces);
  if (signature.length !== 64 || !verifyFrostShare(session, { identifier: signer, signature: parseHex(signature) }))
    return blame(state, signer, 'signature share');
  const answers = [...attempt.answers, { signer, signature }];
  const answeredState = { ...state, attempts: state.attempts.with(number, { ...attempt, answers }) };
  if (answers.length < attempt.nonces.length) return offered(answeredState, { kind: 'offer', signer, nonce: next });
  const shares = answers.map((one) => ({ identifier: one.signer, signature: parseHex(one.signature) }));
  const whole = toHex(aggregateFrostSignature(session, shares));
  return { state: { ...answeredState, signature: whole }, effects: [{ type: 'done', signature: whole }] };
}

/** The attempts that wait for an answer of somebody. */
function openAttempts({ attempts }: FrostCoordination, signer: number): number {
  const isOf = (list: ReadonlyArray<{ readonly signer: number }>): boolean => list.some((one) => one.signer === signer);
  return attempts.filter(({ nonces, answers }) => isOf(nonces) && !isOf(answers)).length;
}

/** Asks as many as are needed, once they wait. */
function whenEnough(state: FrostCoordination): FrostCoordinationStep {
  const { threshold } = state.group;
  if (state.offers.length < threshold) return { state, effects: [] };
  const chosen = state.offers.slice(0, threshold);
  const nonces = chosen
    .map(({ signer, nonce }) => ({ signer, nonce }))
    .toSorted((one, other) => one.signer - other.signer);
  const request: FrostRequest = { kind: 'request', attempt: state.attempts.length, nonces };
  return {
    state: {
      ...state,
      offers: state.offers.slice(threshold),
      attempts: [...state.attempts, { nonces, answers: [] }],
    },
    effects: [{ type: 'ask', signers: nonces.map(({ signer }) => signer), request }],
  };
}

function blame(state: FrostCoordination, signer: number, kind: ContributionKind): FrostCoordinationStep {
  const offers = state.offers.filter((offer) => offer.signer !== signer);
  return {
    state: { ...state, offers, blamed: [...state.blamed, { signer, kind }] },
    effects: [{ type: 'blame', signer, kind }],
  };
}

function sessionOf({ group, message }: FrostCoordination, nonces: FrostRequest['nonces']): FrostSession {
  return createFrostSession(parseFrostGroup(group), {
    message: parseHex(message),
    nonces: nonces.map(({ signer, nonce }) => ({ identifier: signer, publicNonce: parseHex(nonce) })),
  });
}

/** A nonce that came before: a message that was repeated. */
function isNonceUsed({ attempts, offers }: FrostCoordination, nonce: string): boolean {
  return [...offers, ...attempts.flatMap((attempt) => attempt.nonces)].some((one) => one.nonce === nonce);
}

function isPublicNonce(nonce: string): boolean {
  const bytes = parseHex(nonce);
  return (
    bytes.length === 2 * POINT_LENGTH && isPoint(bytes.slice(0, POINT_LENGTH)) && isPoint(bytes.slice(POINT_LENGTH))
  );
}

function isHex(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 256 && /^(?:[0-9a-f]{2})*$/.test(value);
}
