import { concatBytes, hasCode, parseHex, toHex } from '@bitcoin-enterprise/core';
import type { EventStore, StoredEvent } from '@bitcoin-enterprise/events';
import type { KeyStore } from '@bitcoin-enterprise/receipts';
import { requireBytes, requireFunction, requireList, requireObject, requireText } from '../../checks.ts';
import { invalidArgument } from '../../errors.ts';
import { requireSecret } from '../musig/checks.ts';
import { nonceSpent } from '../musig/signatures.ts';
import {
  forgetAnswers,
  ledgerFromJson,
  ledgerToJson,
  type RecordedNonce,
  type VaultEvent,
  type VaultMark,
} from './ledger.ts';
import { type NewNonce, type NonceSpending, nonceToken, type NonceVault } from './nonce-vault.ts';
import {
  burning,
  isSuperseded,
  looking,
  making,
  type Procedure,
  spending,
  type VaultAnswer,
  type VaultMemory,
  type VaultRequest,
} from './procedures.ts';

/** Events after which a snapshot takes their place. */
const SNAPSHOT_EVERY = 500;
const MARK = 'mark';

/** Where a vault is kept. */
export interface VaultFacts {
  readonly store: EventStore;
  readonly stream: string;
  readonly keys: KeyStore | undefined;
  readonly guards: readonly EventStore[];
}

/** A secret that is in memory, and what it signed before that is on record. */
interface HeldNonce {
  readonly publicNonce: string;
  secret: Uint8Array | undefined;
  answer?: { readonly session: string; readonly signature: string };
}

/** Runs the procedures of a vault against its stores, one call at a time. */
export class StoredVault implements NonceVault {
  readonly isSealed: boolean;
  readonly #facts: VaultFacts;
  readonly #memory: VaultMemory;
  readonly #held = new Map<string, HeldNonce>();
  #queue: Promise<unknown> = Promise.resolve();
  #snapshot = 0;
  #isClosed = false;
  /** Signs for the call that is running. */
  #sign: NonceSpending['sign'] | undefined;

  constructor(facts: VaultFacts, memory: VaultMemory) {
    this.isSealed = memory.isSealed;
    this.#facts = facts;
    this.#memory = memory;
  }

  async make(nonces: readonly NewNonce[]): Promise<readonly string[]> {
    const checked = requireList('nonces', nonces).map((nonce, index) => checkedNonce(`nonces[${index}]`, nonce));
    if (checked.length === 0) return [];
    const made: Array<{ token: string; nonce: RecordedNonce; secret: Uint8Array }> = [];
    for (const { publicNonce, secretNonce } of checked) {
      const token = nonceToken(publicNonce);
      const secret = secretNonce.use((bytes) => new Uint8Array(bytes));
      secretNonce.wipe();
      made.push({ token, secret, nonce: { publicNonce: toHex(publicNonce) } });
    }
    try {
      if (this.#facts.keys !== undefined)
        for (const one of made) one.nonce = { ...one.nonce, sealed: await this.#seal(one.token, one) };
      await this.#exclusively(async () => {
        await this.run(making(this.#memory, made));
        if (this.isSealed) return;
        for (const { token, secret, nonce } of made)
          this.#held.set(token, { publicNonce: nonce.publicNonce, secret: new Uint8Array(secret) });
      });
    } finally {
      for (const { secret } of made) secret.fill(0);
    }
    return made.map(({ token }) => token);
  }

  async sign(token: string, use: NonceSpending): Promise<Uint8Array> {
    requireText('token', token);
    const { session, sign } = requireObject<NonceSpending>('spending', use);
    const digest = toHex(requireBytes('spending.session', session, 32));
    requireFunction('spending.sign', sign);
    return this.#exclusively(async () => {
      this.#sign = sign;
      try {
        const signature = await this.run(spending(this.#memory, token, digest));
        this.#drop(token);
        return parseHex(signature);
      } finally {
        this.#sign = undefined;
      }
    });
  }

  async holds(token: string): Promise<boolean> {
    requireText('token', token);
    return this.#exclusively(() => this.run(looking(this.#memory, token)));
  }

  async burn(tokens: readonly string[]): Promise<void> {
    const list = requireList('tokens', tokens).map((token, index) => requireText(`tokens[${index}]`, token));
    if (list.length === 0) return;
    await this.#exclusively(async () => {
      for (const token of list) this.#drop(token);
      await this.run(burning(this.#memory, list));
    });
  }

  async burnAll(): Promise<void> {
    await this.#exclusively(async () => {
      for (const token of this.#held.keys()) this.#drop(token);
      await this.run(burning(this.#memory, undefined));
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#queue;
    for (const token of this.#held.keys()) this.#drop(token);
  }

  /** Runs a procedure against the stores. */
  async run<Result>(procedure: Procedure<Result>): Promise<Result> {
    try {
      let step = procedure.next();
      while (step.done !== true) step = procedure.next(await this.#answer(step.value));
      this.#memory.isDoubtful = false;
      await this.#keepShort();
      return step.value;
    } catch (error) {
      // What was written last may be on record or not.
      this.#memory.isDoubtful = true;
      throw error;
    }
  }

  async #answer(request: VaultRequest): Promise<VaultAnswer> {
    const { store, stream, guards, keys } = this.#facts;
    if (request.ask === 'read') return this.#read(request.after);
    if (request.ask === 'append') {
      const events = request.events.map(({ type, ...data }) => ({ type, data }));
      return conflictOr(store.append({ stream, expectedVersion: request.expectedVersion, events }));
    }
    if (request.ask === 'read guard') return readGuard(guards[request.guard] as EventStore, stream);
    if (request.ask === 'mark guard') {
      const { expectedVersion, mark } = request;
      const events = [{ type: MARK, data: mark }];
      return conflictOr((guards[request.guard] as EventStore).append({ stream, expectedVersion, events }));
    }
    if (request.ask === 'hold') return { is: 'held', isHeld: await this.#hold(request) };
    if (request.ask === 'destroy') {
      for (const token of request.tokens) await keys?.destroy(this.#subjectOf(token));
      return { is: 'done' };
    }
    return { is: 'signature', signature: this.#compute(request.token, request.session) };
  }

  async #read(after: number): Promise<VaultAnswer> {
    const { store, stream } = this.#facts;
    const snapshot = after === 0 ? await store.loadSnapshot(stream) : undefined;
    if (snapshot !== undefined) this.#snapshot = snapshot.version;
    const events: VaultEvent[] = [];
    for (let version = snapshot?.version ?? after; ;) {
      let page: readonly StoredEvent[];
      try {
        page = await store.readStream(stream, { after: version, limit: 1_000 });
      } catch (error) {
        // A snapshot of another process has taken the place of what was to be read.
        if (hasCode(error, 'EVENTS_TRUNCATED') && after > 0) return this.#read(0);
        throw error;
      }
      for (const { type, data } of page) events.push({ type, ...(data as object) } as VaultEvent);
      version += page.length;
      if (page.length === 0) {
        const ledger = snapshot === undefined ? {} : { ledger: ledgerFromJson(snapshot.state) };
        return { is: 'events', events, version: Math.min(version, await store.version(stream)), ...ledger };
      }
    }
  }

  async #hold(request: VaultRequest & { readonly ask: 'hold' }): Promise<boolean> {
    const { token, nonce, session } = request;
    const known = this.#held.get(token);
    if (known?.secret !== undefined || known?.answer?.session === session) return true;
    const { keys } = this.#facts;
    if (keys === undefined || nonce.sealed === undefined) return false;
    const { keyId, iv, ciphertext } = nonce.sealed;
    const sealed = { keyId, iv: parseHex(iv), ciphertext: parseHex(ciphertext) };
    const secret = await keys.open(sealed, boundTo(token, nonce.publicNonce));
    if (secret === undefined) return false;
    this.#held.set(token, { publicNonce: nonce.publicNonce, secret });
    return true;
  }

  async #seal(
    token: string,
    { nonce, secret }: { readonly nonce: RecordedNonce; readonly secret: Uint8Array },
  ): Promise<NonNullable<RecordedNonce['sealed']>> {
    const associatedData = boundTo(token, nonce.publicNonce);
    const keys = this.#facts.keys as KeyStore;
    const { keyId, iv, ciphertext } = await keys.seal(this.#subjectOf(token), { plaintext: secret, associatedData });
    return { keyId, iv: toHex(iv), ciphertext: toHex(ciphertext) };
  }

  #compute(token: string, session: string): string {
    const held = this.#held.get(token);
    if (held?.answer?.session === session) return held.answer.signature;
    if (held?.secret === undefined || this.#sign === undefined) throw nonceSpent(token);
    const { secret } = held;
    held.secret = undefined;
    try {
      const signature = toHex(
        requireBytes('the result of spending.sign', this.#sign(secret, parseHex(held.publicNonce))),
      );
      held.answer = { session, signature };
      return signature;
    } finally {
      secret.fill(0);
    }
  }

  /** Secrets that are no use any more: sealed ones are opened again when they are needed. */
  #wipeLost(): void {
    for (const [token, { answer }] of this.#held)
      if (isSuperseded(this.#memory) || (this.isSealed && answer === undefined)) this.#drop(token);
  }

  #drop(token: string): void {
    this.#held.get(token)?.secret?.fill(0);
    this.#held.delete(token);
  }

  #subjectOf(token: string): string {
    return `${this.#facts.stream}/${token}`;
  }

  /** Puts a snapshot in the place of old events. */
  async #keepShort(): Promise<void> {
    const { store, stream, guards } = this.#facts;
    const { ledger } = this.#memory;
    if (ledger.version < this.#snapshot + SNAPSHOT_EVERY) return;
    forgetAnswers(ledger);
    try {
      await store.saveSnapshot({ stream, version: ledger.version, state: ledgerToJson(ledger) });
      await store.truncate(stream, { through: ledger.version });
      for (const guard of guards) await shortenGuard(guard, stream);
      this.#snapshot = ledger.version;
    } catch {
      // What was asked for is done; this is tried again after the next call.
    }
  }

  /** One call at a time. */
  async #exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#queue.then(() => {
      if (this.#isClosed) throw invalidArgument('vault', 'an open vault', undefined);
      return work().finally(() => this.#wipeLost());
    });
    this.#queue = turn.catch(() => undefined);
    return turn;
  }
}

function checkedNonce(argument: string, value: unknown): NewNonce {
  const { publicNonce, secretNonce } = requireObject<NewNonce>(argument, value);
  return {
    publicNonce: requireBytes(`${argument}.publicNonce`, publicNonce),
    secretNonce: requireSecret(`${argument}.secretNonce`, secretNonce),
  };
}

/** What a sealed nonce is bound to: it opens as no other one. */
function boundTo(token: string, publicNonce: string): Uint8Array {
  return concatBytes(new TextEncoder().encode('nonce-vault'), parseHex(token), parseHex(publicNonce));
}

async function conflictOr(appending: Promise<unknown>): Promise<VaultAnswer> {
  try {
    await appending;
    return { is: 'done' };
  } catch (error) {
    if (hasCode(error, 'EVENTS_VERSION_CONFLICT')) return { is: 'conflict' };
    throw error;
  }
}

async function readGuard(guard: EventStore, stream: string): Promise<VaultAnswer> {
  const version = await guard.version(stream);
  if (version === 0) return { is: 'guard', version, mark: undefined };
  const [last] = await guard.readStream(stream, { after: version - 1, limit: 1 });
  return { is: 'guard', version, mark: last?.data as VaultMark | undefined };
}

/** Keeps the last mark alone. */
async function shortenGuard(guard: EventStore, stream: string): Promise<void> {
  const version = await guard.version(stream);
  if (version < 2) return;
  await guard.saveSnapshot({ stream, version: version - 1, state: null });
  await guard.truncate(stream, { through: version - 1 });
}
