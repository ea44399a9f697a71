import {
  concatBytes,
  currentCrypto,
  type Entropy,
  hasCode,
  parseHex,
  toHex,
  webEntropy,
} from '@bitcoin-enterprise/core';
import type { EventStore, StoredEvent } from '@bitcoin-enterprise/events';
import type { KeyStore } from '@bitcoin-enterprise/receipts';
import {
  requireBytes,
  requireFunction,
  requireInteger,
  requireList,
  requireObject,
  requireText,
} from '../../checks.ts';
import { invalidArgument } from '../../errors.ts';
import type { SecretBytes } from '../../keys/secret-bytes.ts';
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
import {
  burning,
  isSuperseded,
  looking,
  making,
  newMemory,
  opening,
  type Procedure,
  spending,
  type VaultAnswer,
  type VaultMemory,
  type VaultRequest,
} from './procedures.ts';

/** Settings of {@link openNonceVault}. */
export interface NonceVaultOptions {
  /** Where it is on record what was made and spent. */
  readonly store: EventStore;
  /** Names the vault in its stores: 1 to 200 characters. */
  readonly name: string;
  /**
   * Seals the secret nonces, so that they survive the process: each under a key of its own, destroyed before its
   * signature is released. Absent: they are in memory alone, and opening the vault burns those of earlier processes.
   */
  readonly keys?: KeyStore;
  /**
   * Stores that are on another machine and in other backups than `store` and `keys`: what was rolled back is found out
   * by them. Each must answer whenever something is signed. At least one when the vault is sealed.
   */
  readonly guards?: readonly EventStore[];
  /** What to do when a guard knows of more than the store; `refuse` when absent. `burn` gives all unsigned nonces up. */
  readonly whenStale?: 'refuse' | 'burn';
  /** Where the name of this opening comes from; the runtime's when absent. */
  readonly entropy?: Entropy;
}

/** A nonce for the vault to keep. */
export interface NewNonce {
  /** What the others will see. */
  readonly publicNonce: Uint8Array;
  /** Is wiped here. */
  readonly secretNonce: SecretBytes;
}

/** One use of a nonce. */
export interface NonceSpending {
  /** 32 bytes: a hash of everything that the signature depends on. The same one is answered again, another refused. */
  readonly session: Uint8Array;
  /** Makes the signature; must not keep the secret, which is wiped when it returns. */
  readonly sign: (secretNonce: Uint8Array, publicNonce: Uint8Array) => Uint8Array;
}

/**
 * Keeps secret nonces, and lets each sign one session: neither a crash, nor two processes, nor a restored backup makes
 * it two.
 */
export interface NonceVault {
  /** Whether its nonces survive the process. */
  readonly isSealed: boolean;
  /**
   * Takes nonces in.
   *
   * @returns A token for each, to be shown to nobody who may not sign; it is no secret.
   * @throws WalletError `WALLET_NONCE_SPENT` for a nonce that it had before, `WALLET_VAULT_STALE`.
   */
  make(nonces: readonly NewNonce[]): Promise<readonly string[]>;
  /**
   * Signs with a nonce: binds it to the session on record, then signs. Call it again after an error that can be retried.
   *
   * @throws WalletError `WALLET_NONCE_SPENT` when it signed another session, was burnt, lost or never made,
   * `WALLET_VAULT_STALE`; those of the stores.
   */
  sign(token: string, spending: NonceSpending): Promise<Uint8Array>;
  /** Whether a nonce can still sign, or has: an answer is given again to the same session alone. */
  holds(token: string): Promise<boolean>;
  /** Gives nonces up: they will not sign. */
  burn(tokens: readonly string[]): Promise<void>;
  /** Gives all unsigned nonces up. */
  burnAll(): Promise<void>;
  /** Wipes what is in memory. The stores are the caller's to close. */
  close(): Promise<void>;
}

const STREAM = 'nonce-vault/';
/** Events after which a snapshot takes their place. */
const SNAPSHOT_EVERY = 500;
const MARK = 'mark';

/**
 * Opens a nonce vault.
 *
 * @throws WalletError `WALLET_VAULT_STALE` when the store was rolled back, `WALLET_INVALID_ARGUMENT`; those of the
 * stores.
 *
 * @example
 * ```ts
 * import { createMemoryStore } from '@bitcoin-enterprise/events';
 * import { openNonceVault, SecretBytes } from '@bitcoin-enterprise/wallet/multiparty';
 *
 * const vault = await openNonceVault({ store: createMemoryStore(), name: 'treasury' });
 * const secretNonce = new SecretBytes(new Uint8Array(97).fill(1));
 * const [token = ''] = await vault.make([{ publicNonce: new Uint8Array(66), secretNonce }]);
 * const sign = (secret: Uint8Array) => secret.slice(0, 32);
 * (await vault.sign(token, { session: new Uint8Array(32), sign })).length; // => 32
 * await vault.sign(token, { session: new Uint8Array(32).fill(1), sign }); // => throws WALLET_NONCE_SPENT
 * ```
 */
export async function openNonceVault(options: NonceVaultOptions): Promise<NonceVault> {
  const facts = checkedOptions(options);
  const memory = newMemory({
    incarnation: toHex(facts.entropy.bytes(16)),
    isSealed: facts.keys !== undefined,
    guards: facts.guards.length,
  });
  const vault = new StoredVault(facts, memory);
  await vault.run(opening(memory, facts.whenStale));
  return vault;
}

/**
 * The token of a nonce, 32 hex digits: the same nonce has the same token, whoever makes it.
 *
 * @param publicNonce - As it was given to `make`.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 */
export function nonceToken(publicNonce: Uint8Array): string {
  return toHex(currentCrypto().sha256(requireBytes('publicNonce', publicNonce)).subarray(0, 16));
}

interface VaultFacts {
  readonly store: EventStore;
  readonly stream: string;
  readonly keys: KeyStore | undefined;
  readonly guards: readonly EventStore[];
  readonly whenStale: 'refuse' | 'burn';
  readonly entropy: Entropy;
}

function checkedOptions(options: NonceVaultOptions): VaultFacts {
  const given = requireObject<NonceVaultOptions>('options', options);
  const { keys, whenStale = 'refuse', entropy = webEntropy() } = given;
  const store = requireStore('options.store', given.store);
  const name = requireText('options.name', given.name);
  requireInteger('options.name.length', name.length, 1, 200);
  const guards = requireList('options.guards', given.guards ?? []).map((guard, index) =>
    requireStore(`options.guards[${index}]`, guard),
  );
  if (guards.includes(store)) throw invalidArgument('options.guards', 'other stores than options.store', guards);
  if (keys !== undefined) {
    for (const method of ['seal', 'open', 'destroy'] as const)
      requireFunction(`options.keys.${method}`, requireObject<KeyStore>('options.keys', keys)[method]);
    if (guards.length === 0) throw invalidArgument('options.guards', 'one store at least for a sealed vault', guards);
  }
  if (whenStale !== 'refuse' && whenStale !== 'burn')
    throw invalidArgument('options.whenStale', `'refuse' or 'burn'`, whenStale);
  requireFunction('options.entropy.bytes', requireObject<Entropy>('options.entropy', entropy).bytes);
  return { store, stream: STREAM + name, keys, guards, whenStale, entropy };
}

function requireStore(argument: string, value: unknown): EventStore {
  const store = requireObject<EventStore>(argument, value);
  requireFunction(`${argument}.append`, store.append);
  return value as EventStore;
}

/** A secret that is in memory, and what it signed before that is on record. */
interface HeldNonce {
  readonly publicNonce: string;
  secret: Uint8Array | undefined;
  answer?: { readonly session: string; readonly signature: string };
}

class StoredVault implements NonceVault {
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
