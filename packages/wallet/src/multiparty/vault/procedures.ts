import { invalidArgument, WalletError } from '../../errors.ts';
import { nonceSpent } from '../musig/signatures.ts';
import {
  covers,
  emptyLedger,
  foldEvent,
  type Ledger,
  type LedgerEntry,
  type RecordedNonce,
  resetMark,
  type VaultEvent,
  type VaultMark,
} from './ledger.ts';

/**
 * What a vault asks of the world outside of it, one thing at a time. The procedures below are the whole of its logic:
 * they are run against stores by the vault, and against a model of all that can go wrong by its tests.
 */
export type VaultRequest =
  /** The whole stream, or what comes after a version that is known. */
  | { readonly ask: 'read'; readonly after: number }
  /** All events or none; `conflict` unless the stream has the expected version. */
  | { readonly ask: 'append'; readonly expectedVersion: number; readonly events: readonly VaultEvent[] }
  | { readonly ask: 'read guard'; readonly guard: number }
  | { readonly ask: 'mark guard'; readonly guard: number; readonly expectedVersion: number; readonly mark: VaultMark }
  /** Takes the secret nonce into memory, if it is to be had. */
  | { readonly ask: 'hold'; readonly token: string; readonly nonce: RecordedNonce; readonly session: string }
  /** Destroys the keys that open sealed nonces, durably. */
  | { readonly ask: 'destroy'; readonly tokens: readonly string[] }
  /** Signs with the secret that is held, which is then wiped; the same answer when it is asked again. */
  | { readonly ask: 'compute'; readonly token: string; readonly session: string };

/** What came of a request. */
export type VaultAnswer =
  | {
      readonly is: 'events';
      readonly events: readonly VaultEvent[];
      readonly ledger?: Ledger;
      readonly version: number;
    }
  | { readonly is: 'done' }
  | { readonly is: 'conflict' }
  | { readonly is: 'guard'; readonly version: number; readonly mark: VaultMark | undefined }
  | { readonly is: 'held'; readonly isHeld: boolean }
  | { readonly is: 'signature'; readonly signature: string };

/** Logic of a vault: asks, is answered, and returns. */
export type Procedure<Result> = Generator<VaultRequest, Result, VaultAnswer>;

/** What a process knows of its vault. */
export interface VaultMemory {
  readonly incarnation: string;
  readonly isSealed: boolean;
  readonly guards: number;
  ledger: Ledger;
  /** Whether the last procedure did not come to its end: the ledger is read anew. */
  isDoubtful: boolean;
}

/** More conflicts than that in a row are no accident. */
const MAXIMUM_TRIES = 100;

/** The memory of a process that has not looked at its vault yet. */
export function newMemory(facts: Pick<VaultMemory, 'incarnation' | 'isSealed' | 'guards'>): VaultMemory {
  return { ...facts, ledger: emptyLedger(), isDoubtful: false };
}

/** Takes a vault over. */
export function* opening(memory: VaultMemory, whenStale: 'refuse' | 'burn'): Procedure<void> {
  const { incarnation, isSealed } = memory;
  for (let tries = 0; tries < MAXIMUM_TRIES; tries++) {
    memory.ledger = emptyLedger();
    yield* catchUp(memory);
    const { ledger } = memory;
    const seen = yield* readGuards(memory);
    const isStale = !seen.every(({ mark }) => covers(ledger, mark));
    if (isStale && whenStale === 'refuse') throw vaultStale('a guard knows of more than the store');
    if (ledger.incarnation !== '' && ledger.isSealed !== isSealed)
      throw invalidArgument(
        'options.keys',
        ledger.isSealed ? 'a key store, for the vault is sealed' : 'absent',
        isSealed,
      );
    const marks = seen.map(({ mark }) => mark).filter((mark) => mark !== undefined);
    const opened: VaultEvent = isStale
      ? { type: 'opened', incarnation, isSealed, reset: resetMark(ledger, marks, incarnation) }
      : { type: 'opened', incarnation, isSealed };
    const burnt = isStale ? sealedTokens(ledger) : [];
    if (!(yield* append(memory, [opened]))) continue;
    if (!(yield* markGuards(memory, seen))) continue;
    if (burnt.length > 0) yield { ask: 'destroy', tokens: burnt };
    return;
  }
  throw contended();
}

/** Puts nonces on record. Until it returns, nobody may see them. */
export function* making(
  memory: VaultMemory,
  nonces: ReadonlyArray<{ readonly token: string; readonly nonce: RecordedNonce }>,
): Procedure<void> {
  yield* settle(memory);
  for (let tries = 0; tries < MAXIMUM_TRIES; tries++) {
    requireCurrent(memory);
    // The same nonce twice comes of a machine that was copied with its source of randomness.
    const known = nonces.find(({ token }) => memory.ledger.entries.has(token));
    if (known !== undefined) throw nonceSpent(known.token);
    const events = nonces.map(({ token, nonce }): VaultEvent => ({ type: 'made', token, nonce }));
    if (yield* append(memory, events)) return;
  }
  throw contended();
}

/**
 * Signs one session with one nonce: binds them on record, with the guards, destroys the key of the sealed secret, and
 * only then computes.
 *
 * @returns The signature in hex; the one that is on record when the same session was signed before.
 */
export function* spending(memory: VaultMemory, token: string, session: string): Procedure<string> {
  yield* settle(memory);
  for (let tries = 0; tries < MAXIMUM_TRIES; tries++) {
    const entry = entryFor(memory, token, session);
    if (entry.is === 'signed') return entry.signature;
    const held = yield { ask: 'hold', token, nonce: entry.nonce, session };
    if (held.is !== 'held' || !held.isHeld) throw nonceSpent(token);
    const seen = yield* readGuards(memory);
    if (!seen.every(({ mark }) => covers(memory.ledger, mark))) {
      // Another process of this vault may have gone on meanwhile.
      const { version } = memory.ledger;
      yield* catchUp(memory);
      if (memory.ledger.version === version) throw vaultStale('a guard knows of more than the store');
      continue;
    }
    if (entry.is === 'made' && !(yield* append(memory, [{ type: 'spent', token, session }]))) continue;
    if (!(yield* markGuards(memory, seen))) continue;
    if (memory.isSealed) yield { ask: 'destroy', tokens: [token] };
    const computed = yield { ask: 'compute', token, session };
    if (computed.is !== 'signature') throw nonceSpent(token);
    yield* recording(memory, token, computed.signature);
    return computed.signature;
  }
  throw contended();
}

/** Whether a nonce can still sign, or has. */
export function* looking(memory: VaultMemory, token: string): Procedure<boolean> {
  yield* catchUp(memory);
  const entry = memory.ledger.entries.get(token);
  if (entry === undefined || entry.is === 'signed') return entry !== undefined;
  const session = entry.is === 'spent' ? entry.session : '';
  const held = yield { ask: 'hold', token, nonce: entry.nonce, session };
  return held.is === 'held' && held.isHeld;
}

/** Gives nonces up; all that are unsigned without tokens. */
export function* burning(memory: VaultMemory, tokens: readonly string[] | undefined): Procedure<void> {
  yield* settle(memory);
  for (let tries = 0; tries < MAXIMUM_TRIES; tries++) {
    const { ledger } = memory;
    const seen = yield* readGuards(memory);
    if (!seen.every(({ mark }) => covers(ledger, mark))) {
      const { version } = ledger;
      yield* catchUp(memory);
      if (memory.ledger.version === version) throw vaultStale('a guard knows of more than the store');
      continue;
    }
    const sealed = sealedTokens(ledger).filter((token) => tokens === undefined || tokens.includes(token));
    const burnt: VaultEvent = tokens === undefined ? { type: 'burnt' } : { type: 'burnt', tokens };
    if (!(yield* append(memory, [burnt]))) continue;
    if (!(yield* markGuards(memory, seen))) continue;
    if (sealed.length > 0) yield { ask: 'destroy', tokens: sealed };
    return;
  }
  throw contended();
}

/** Whether another process took a vault without sealing over: what this one made is burnt. */
export function isSuperseded({ ledger, incarnation, isSealed }: VaultMemory): boolean {
  return !isSealed && ledger.incarnation !== incarnation;
}

interface SeenGuard {
  readonly version: number;
  readonly mark: VaultMark | undefined;
}

/** Puts an answer on record; it is the same, whoever does. */
function* recording(memory: VaultMemory, token: string, signature: string): Procedure<void> {
  for (let tries = 0; tries < MAXIMUM_TRIES; tries++) {
    // Signed by another holder of the same session, or burnt meanwhile: the answer stands.
    if (memory.ledger.entries.get(token)?.is !== 'spent') return;
    if (yield* append(memory, [{ type: 'signed', token, signature }])) return;
  }
  throw contended();
}

/** What may be done with a token for a session. */
function entryFor(memory: VaultMemory, token: string, session: string): LedgerEntry {
  const entry = memory.ledger.entries.get(token);
  if (entry === undefined || (entry.is !== 'made' && entry.session !== session)) throw nonceSpent(token);
  return entry;
}

function* settle(memory: VaultMemory): Procedure<void> {
  if (memory.isDoubtful) yield* catchUp(memory);
}

/** Reads what the stream has beyond the ledger. */
function* catchUp(memory: VaultMemory): Procedure<void> {
  const answer = yield { ask: 'read', after: memory.ledger.version };
  if (answer.is !== 'events') throw contended();
  if (answer.version < memory.ledger.version) throw vaultStale('the store went back in time');
  if (answer.ledger !== undefined) memory.ledger = answer.ledger;
  for (const event of answer.events) foldEvent(memory.ledger, event);
}

/** Appends if nobody else has, else catches up; says which. */
function* append(memory: VaultMemory, events: readonly VaultEvent[]): Procedure<boolean> {
  const { version } = memory.ledger;
  const answer = yield { ask: 'append', expectedVersion: version, events };
  if (answer.is === 'conflict') {
    yield* catchUp(memory);
    return false;
  }
  for (const event of events) foldEvent(memory.ledger, event);
  return true;
}

function* readGuards(memory: VaultMemory): Procedure<readonly SeenGuard[]> {
  const seen: SeenGuard[] = [];
  for (let guard = 0; guard < memory.guards; guard++) {
    const answer = yield { ask: 'read guard', guard };
    if (answer.is !== 'guard') throw contended();
    seen.push(answer);
  }
  return seen;
}

/** Lets every guard know how far the vault has come. Says whether nobody else told one meanwhile. */
function* markGuards(memory: VaultMemory, seen: readonly SeenGuard[]): Procedure<boolean> {
  const { mark } = memory.ledger;
  for (const [guard, { version, mark: known }] of seen.entries()) {
    if (known?.count === mark.count && known.chain === mark.chain) continue;
    const answer = yield { ask: 'mark guard', guard, expectedVersion: version, mark };
    if (answer.is === 'conflict') return false;
  }
  return true;
}

function sealedTokens(ledger: Ledger): readonly string[] {
  return [...ledger.entries]
    .filter(([, entry]) => entry.is !== 'signed' && entry.nonce.sealed !== undefined)
    .map(([token]) => token);
}

function requireCurrent(memory: VaultMemory): void {
  if (isSuperseded(memory)) throw vaultStale('another process opened the vault');
}

/** The error of a vault that must not go on. */
export function vaultStale(reason: string): WalletError<'WALLET_VAULT_STALE'> {
  return new WalletError('WALLET_VAULT_STALE', `expected the newest state of the vault, got another: ${reason}`, {
    details: { reason },
    hint: "Find out what was restored or copied. openNonceVault with whenStale: 'burn' gives all unsigned nonces up and goes on.",
  });
}

function contended(): WalletError<'WALLET_VAULT_STALE'> {
  return vaultStale('others write to it without end');
}
