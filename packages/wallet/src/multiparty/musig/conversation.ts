import { concatBytes, currentCrypto, parseHex, toHex } from '@bitcoin-enterprise/core';
import { requireBytes, requireInteger, requireList, requireObject, requireText } from '../../checks.ts';
import { invalidArgument, WalletError } from '../../errors.ts';
import { isScalar } from '../math/scalars.ts';
import type { ContributionKind } from './checks.ts';
import { aggregateMusigKeys, type MusigKeys, type MusigTweak, tweakMusigKeys } from './keys.ts';
import { aggregateMusigNonces, lengthOf, nonceHalves, PUBLIC_NONCE_LENGTH } from './nonces.ts';
import { createMusigSession, type MusigSession } from './session.ts';
import { aggregateMusigSignatures, verifyMusigPartial } from './signatures.ts';

/** What signers tell each other; JSON, for any transport that says truly who sent it. All bytes are hex. */
export type MusigMessage =
  | { readonly kind: 'nonce'; readonly session: string; readonly signer: number; readonly nonce: string }
  | {
      readonly kind: 'partial';
      readonly session: string;
      readonly signer: number;
      readonly signature: string;
      /** What it was made for: two signers who were told different nonces find out here. */
      readonly aggregateNonce: string;
    };

/** Who did something wrong; nobody in particular when it cannot be said. */
export interface MusigBlame {
  /** Index of the key. */
  readonly signer?: number;
  readonly kind: ContributionKind;
}

/** Where a signer stands: JSON, to be kept if the process may end before the session does. All bytes are hex. */
export interface MusigState {
  readonly session: string;
  /** Index of the signer's own key. */
  readonly me: number;
  readonly publicKeys: readonly string[];
  readonly tweaks: ReadonlyArray<{ readonly tweak: string; readonly kind: MusigTweak['kind'] }>;
  readonly message: string;
  readonly phase: 'nonces' | 'signatures' | 'signed' | 'failed';
  /** Of the own nonce in its vault. */
  readonly token: string | null;
  /** By signer; `null` while it is not known. */
  readonly nonces: ReadonlyArray<string | null>;
  readonly partials: ReadonlyArray<{ readonly signature: string; readonly aggregateNonce: string } | null>;
  /** 64 bytes, when it is done. */
  readonly signature: string | null;
  readonly blamed: readonly MusigBlame[];
}

/** What happens to a signer. */
export type MusigEvent =
  /** The vault has made a nonce. */
  | { readonly type: 'made'; readonly token: string; readonly publicNonce: string }
  /** A message came, from whomever: it is checked here. */
  | { readonly type: 'received'; readonly message: unknown }
  /** The vault has signed. */
  | { readonly type: 'signed'; readonly signature: string }
  /** The vault will not sign: the session has to begin again. */
  | { readonly type: 'refused' };

/** What a signer asks for. */
export type MusigEffect =
  | { readonly type: 'make' }
  | { readonly type: 'send'; readonly message: MusigMessage }
  | { readonly type: 'sign'; readonly token: string; readonly aggregateNonce: string }
  | { readonly type: 'done'; readonly signature: string }
  | { readonly type: 'failed'; readonly blamed: readonly MusigBlame[] };

/** A step: where the signer stands now, and what it asks for. */
export interface MusigStep {
  readonly state: MusigState;
  readonly effects: readonly MusigEffect[];
}

/** Settings of {@link beginMusig}. */
export interface BeginMusigOptions {
  /** Of all signers, 33 bytes each; everybody has them in the same order. */
  readonly publicKeys: readonly Uint8Array[];
  /** The signer's own one. */
  readonly publicKey: Uint8Array;
  /** Any length; 32 bytes in transactions. */
  readonly message: Uint8Array;
  /** What is added to the aggregate key: that of `tweakForTaproot(…).tweaks`, for example. */
  readonly tweaks?: readonly MusigTweak[];
  /** Tells this attempt from others at the same signature: messages of those are ignored. */
  readonly attempt?: string;
}

/**
 * Where a signer begins. It is pure, as {@link stepMusig} is: what it asks for is for the caller to do.
 *
 * @throws WalletError `WALLET_CONTRIBUTION_INVALID` for a key that is none, `WALLET_KEY_UNKNOWN` when the own key is not
 * among them, `WALLET_INVALID_ARGUMENT`.
 */
export function beginMusig(options: BeginMusigOptions): MusigStep {
  const given = requireObject<BeginMusigOptions>('options', options);
  const keys = tweakMusigKeys(aggregateMusigKeys(given.publicKeys as readonly Uint8Array[]), given.tweaks ?? []);
  const publicKey = toHex(requireBytes('options.publicKey', given.publicKey, 33));
  const message = requireBytes('options.message', given.message);
  const attempt = requireText('options.attempt', given.attempt ?? '');
  const publicKeys = keys.publicKeys.map((key) => toHex(key));
  const me = publicKeys.indexOf(publicKey);
  if (me < 0)
    throw new WalletError('WALLET_KEY_UNKNOWN', `expected a key of the participants, got ${publicKey}`, {
      details: { key: publicKey },
    });
  if (publicKeys.indexOf(publicKey, me + 1) >= 0)
    throw invalidArgument('options.publicKeys', 'the own key once', publicKeys);
  const nothing = publicKeys.map(() => null);
  return {
    state: {
      session: toHex(sessionId(keys, message, attempt)),
      me,
      publicKeys,
      tweaks: keys.tweaks.map(({ tweak, kind }) => ({ tweak: toHex(tweak), kind })),
      message: toHex(message),
      phase: 'nonces',
      token: null,
      nonces: nothing,
      partials: nothing,
      signature: null,
      blamed: [],
    },
    effects: [{ type: 'make' }],
  };
}

/**
 * What a signer does about an event. It is pure. Messages may come in any order and more than once; those of other sessions, and what
 * is no message, change nothing. A signer who sends what is wrong, or two different things, is blamed.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT` when the state is none, or the event of another kind.
 */
export function stepMusig(state: MusigState, event: MusigEvent): MusigStep {
  readMusigState(state);
  requireEvent(event);
  if (state.phase === 'signed' || state.phase === 'failed') return { state, effects: [] };
  if (event.type === 'refused') return failed(state, []);
  if (event.type === 'made') return state.token === null ? withOwnNonce(state, event) : { state, effects: [] };
  if (event.type === 'signed') return withOwnPartial(state, event.signature);
  const message = messageOf(state, event.message);
  if (message === undefined || message.signer === state.me) return { state, effects: [] };
  return message.kind === 'nonce' ? withNonce(state, message) : withPartial(state, message);
}

/** What has to be asked for again when a signer is brought back from its state. */
export function pendingMusig(state: MusigState): readonly MusigEffect[] {
  readMusigState(state);
  if (state.phase === 'nonces')
    return state.token === null ? [{ type: 'make' }] : [{ type: 'send', message: ownNonce(state) }];
  if (state.phase === 'signatures' && state.token !== null) {
    const { session, me, token } = state;
    const own = state.partials[me];
    const again: MusigEffect =
      own === null || own === undefined
        ? { type: 'sign', token, aggregateNonce: aggregateOf(state) }
        : { type: 'send', message: { kind: 'partial', session, signer: me, ...own } };
    return [{ type: 'send', message: ownNonce(state) }, again];
  }
  return [];
}

/** The keys of a state, with their tweaks. */
export function keysOfMusig({ publicKeys, tweaks }: MusigState): MusigKeys {
  return tweakMusigKeys(
    aggregateMusigKeys(publicKeys.map((key) => parseHex(key))),
    tweaks.map(({ tweak, kind }) => ({ tweak: parseHex(tweak), kind })),
  );
}

/** The session of a state with an aggregate nonce. */
export function sessionOfMusig(state: MusigState, aggregateNonce: string): MusigSession {
  return createMusigSession(keysOfMusig(state), {
    aggregateNonce: parseHex(aggregateNonce),
    message: parseHex(state.message),
  });
}

/** A state that was kept as JSON: throws when it is none. */
export function readMusigState(value: unknown): MusigState {
  const state = requireObject<MusigState>('state', value);
  const keys = requireHexList('state.publicKeys', state.publicKeys);
  const count = keys.length;
  requireInteger('state.me', state.me, 0, count - 1);
  for (const field of ['session', 'message'] as const) requireHex(`state.${field}`, state[field]);
  for (const field of ['nonces', 'partials'] as const)
    if (requireList(`state.${field}`, state[field]).length !== count)
      throw invalidArgument(`state.${field}`, `a list of ${count}`, state[field]);
  for (const nonce of state.nonces ?? []) if (nonce !== null) requireHex('state.nonces', nonce);
  for (const partial of state.partials ?? []) {
    if (partial === null) continue;
    const { signature, aggregateNonce } = requireObject<{ signature: string; aggregateNonce: string }>(
      'state.partials',
      partial,
    );
    requireHex('state.partials.signature', signature);
    requireHex('state.partials.aggregateNonce', aggregateNonce);
  }
  for (const tweak of requireList('state.tweaks', state.tweaks))
    requireHex('state.tweaks.tweak', requireObject<{ tweak: string }>('state.tweaks', tweak).tweak);
  if (state.token !== null) requireText('state.token', state.token);
  requireList('state.blamed', state.blamed);
  return value as MusigState;
}

function requireEvent(value: unknown): void {
  const event = requireObject<{ type: string; token: string; publicNonce: string; signature: string }>('event', value);
  if (event.type === 'made') {
    requireText('event.token', event.token);
    if (!isNonce(requireHex('event.publicNonce', event.publicNonce)))
      throw invalidArgument('event.publicNonce', 'a nonce of 66 bytes', event.publicNonce);
  } else if (event.type === 'signed') {
    requireHex('event.signature', event.signature);
  } else if (event.type !== 'received' && event.type !== 'refused') {
    throw invalidArgument('event.type', "'made', 'received', 'signed' or 'refused'", event.type);
  }
}

function requireHexList(argument: string, value: unknown): readonly string[] {
  const list = requireList(argument, value);
  if (list.length === 0) throw invalidArgument(argument, 'a list that is not empty', value);
  return list.map((item) => requireHex(argument, item));
}

function requireHex(argument: string, value: unknown): string {
  const text = requireText(argument, value);
  if (!/^(?:[0-9a-f]{2})*$/.test(text)) throw invalidArgument(argument, 'hex', value);
  return text;
}

function withOwnNonce(state: MusigState, made: { readonly token: string; readonly publicNonce: string }): MusigStep {
  const { me, nonces } = state;
  const next: MusigState = { ...state, token: made.token, nonces: nonces.with(me, made.publicNonce) };
  return whenComplete(next, [{ type: 'send', message: ownNonce(next) }]);
}

function withNonce(state: MusigState, message: MusigMessage & { readonly kind: 'nonce' }): MusigStep {
  const { signer, nonce } = message;
  const known = state.nonces[signer];
  if (known === nonce) return { state, effects: [] };
  if (known !== null) return failed(state, [{ signer, kind: 'broadcast' }]);
  if (!isNonce(nonce)) return failed(state, [{ signer, kind: 'public nonce' }]);
  return whenComplete({ ...state, nonces: state.nonces.with(signer, nonce) }, []);
}

function withPartial(state: MusigState, message: MusigMessage & { readonly kind: 'partial' }): MusigStep {
  const { signer, signature, aggregateNonce } = message;
  const known = state.partials[signer];
  if (known?.signature === signature && known.aggregateNonce === aggregateNonce) return { state, effects: [] };
  if (known !== null) return failed(state, [{ signer, kind: 'broadcast' }]);
  if (signature.length !== 64 || !isScalar(parseHex(signature)))
    return failed(state, [{ signer, kind: 'partial signature' }]);
  const partials = state.partials.with(signer, { signature, aggregateNonce });
  return whenSigned({ ...state, partials }, []);
}

function withOwnPartial(state: MusigState, signature: string): MusigStep {
  const { me, session, partials, phase } = state;
  if (phase !== 'signatures' || partials[me] !== null) return { state, effects: [] };
  const aggregateNonce = aggregateOf(state);
  const message: MusigMessage = { kind: 'partial', session, signer: me, signature, aggregateNonce };
  const next = { ...state, partials: partials.with(me, { signature, aggregateNonce }) };
  return whenSigned(next, [{ type: 'send', message }]);
}

/** Goes on to the signatures once all nonces are there. */
function whenComplete(state: MusigState, effects: readonly MusigEffect[]): MusigStep {
  if (state.token === null || state.nonces.includes(null)) return { state, effects };
  const next: MusigState = { ...state, phase: 'signatures' };
  return {
    state: next,
    effects: [...effects, { type: 'sign', token: state.token, aggregateNonce: aggregateOf(next) }],
  };
}

/** Ends once all partial signatures are there: with the signature, or with who is to blame. */
function whenSigned(state: MusigState, effects: readonly MusigEffect[]): MusigStep {
  const { partials, nonces, phase } = state;
  if (phase !== 'signatures' || partials.includes(null)) return { state, effects };
  const aggregateNonce = aggregateOf(state);
  // Somebody told signers different nonces; who, they can find out by comparing what they heard.
  if (partials.some((partial) => partial?.aggregateNonce !== aggregateNonce))
    return failed(state, [{ kind: 'broadcast' }], effects);
  const session = sessionOfMusig(state, aggregateNonce);
  const signatures = partials.map((partial) => parseHex(partial?.signature ?? ''));
  const signature = aggregateMusigSignatures(session, signatures);
  if (currentCrypto().schnorrVerify(signature, session.message, session.keys.xOnlyPublicKey)) {
    const hex = toHex(signature);
    return {
      state: { ...state, phase: 'signed', signature: hex },
      effects: [...effects, { type: 'done', signature: hex }],
    };
  }
  const blamed = signatures.flatMap((partial, signer): MusigBlame[] => {
    const publicNonce = parseHex(nonces[signer] ?? '');
    const isRight = verifyMusigPartial(session, { signer, publicNonce, signature: partial });
    return isRight ? [] : [{ signer, kind: 'partial signature' }];
  });
  return failed(state, blamed, effects);
}

function failed(state: MusigState, blamed: readonly MusigBlame[], effects: readonly MusigEffect[] = []): MusigStep {
  return { state: { ...state, phase: 'failed', blamed }, effects: [...effects, { type: 'failed', blamed }] };
}

function aggregateOf({ nonces }: MusigState): string {
  return toHex(aggregateMusigNonces(nonces.map((nonce) => parseHex(nonce ?? ''))));
}

function ownNonce({ session, me, nonces }: MusigState): MusigMessage {
  return { kind: 'nonce', session, signer: me, nonce: nonces[me] ?? '' };
}

/** A message of this session, or nothing. */
function messageOf({ session, publicKeys }: MusigState, value: unknown): MusigMessage | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const message = value as Readonly<Record<string, unknown>>;
  const { signer, kind } = message;
  if (message['session'] !== session || typeof signer !== 'number' || publicKeys[signer] === undefined)
    return undefined;
  const fields = kind === 'nonce' ? ['nonce'] : kind === 'partial' ? ['signature', 'aggregateNonce'] : [];
  const isWhole = fields.length > 0 && fields.every((field) => isHex(message[field]));
  return isWhole ? (value as MusigMessage) : undefined;
}

function isHex(value: unknown): boolean {
  return typeof value === 'string' && value.length <= 2 * PUBLIC_NONCE_LENGTH && /^(?:[0-9a-f]{2})*$/.test(value);
}

function isNonce(nonce: string): boolean {
  if (nonce.length !== 2 * PUBLIC_NONCE_LENGTH) return false;
  try {
    nonceHalves(parseHex(nonce), 'public nonce');
    return true;
  } catch {
    return false;
  }
}

function sessionId(keys: MusigKeys, message: Uint8Array, attempt: string): Uint8Array {
  const name = new TextEncoder().encode(attempt);
  const parts = [...keys.publicKeys, keys.publicKey, lengthOf(message, 8), message, lengthOf(name, 8), name];
  return currentCrypto().taggedHash('bitcoin-enterprise/musig-conversation', concatBytes(...parts));
}
