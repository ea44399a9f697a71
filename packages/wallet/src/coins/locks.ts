import { type Clock, hasCode, systemClock, type UnixMilliseconds } from '@bitcoin-enterprise/core';
import type { CallOptions, EventStore } from '@bitcoin-enterprise/events';
import { requireFunction, requireInteger, requireList, requireObject, requireText } from '../checks.ts';
import { invalidArgument, WalletError } from '../errors.ts';
import { type CoinLock, foldLocks, type LockState, parseLockState, withoutExpired } from './lock-state.ts';

/** What is locked, and for whom. */
export interface LockCoinsRequest {
  /** Names of coins, 1 to 10,000; all are locked, or none. */
  readonly ids: readonly string[];
  /** The payment that wants them, 1 to 255 characters. Locking again for the same one extends its locks. */
  readonly owner: string;
  /** Milliseconds until others may have them; they never may when absent. */
  readonly ttlMs?: number;
}

/** Holds coins for payments, so that no two spend the same one; kept in an event store, for all processes alike. */
export interface CoinLocks {
  /**
   * Locks coins for a payment. Resolves when that is durable.
   *
   * @throws WalletError `WALLET_COIN_LOCKED` with the first coin that another payment holds, nothing is locked then;
   * `WALLET_INVALID_ARGUMENT`; EventsError of the store.
   */
  lock(request: LockCoinsRequest, options?: CallOptions): Promise<readonly CoinLock[]>;
  /** Gives the coins of a payment back, all of them or those named; what it does not hold is no error. */
  release(owner: string, options?: CallOptions & { readonly ids?: readonly string[] }): Promise<void>;
  /** The locks that hold at this moment. */
  held(options?: CallOptions): Promise<readonly CoinLock[]>;
  /**
   * Throws unless a payment still holds coins: to be asked right before it signs, as a lock that expired may be
   * somebody else's.
   *
   * @throws WalletError `WALLET_COIN_LOCKED` with the first coin that it does not hold.
   */
  requireHeld(owner: string, ids: readonly string[], options?: CallOptions): Promise<void>;
  /** Those coins that no other payment holds: what a selection may choose from. */
  free<AnyCoin extends { readonly id: string }>(
    coins: readonly AnyCoin[],
    options?: CallOptions & { readonly owner?: string },
  ): Promise<readonly AnyCoin[]>;
}

/** Settings of {@link createCoinLocks}. */
export interface CoinLocksOptions {
  /** What expiry is measured by; all processes need about the same. That of the system when absent. */
  readonly clock?: Clock;
  /** Stream of the store, one for each wallet; `wallet/coin-locks` when absent. */
  readonly stream?: string;
}

const MOST_IDS = 10_000;
/** Events behind a snapshot until the next one is taken, and what it stands for is removed. */
const SNAPSHOT_EVERY = 500;
/** Others get in between so often only when something is wrong. */
const MOST_ATTEMPTS = 100;

/**
 * Makes locks of coins over an event store.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { createMemoryStore } from '@bitcoin-enterprise/events';
 * import { createCoinLocks } from '@bitcoin-enterprise/wallet/coins';
 *
 * const locks = createCoinLocks(createMemoryStore());
 * await locks.lock({ ids: ['a', 'b'], owner: 'payment 1', ttlMs: 60_000 });
 * await locks.free([{ id: 'a' }, { id: 'c' }]); // => [{ id: 'c' }]
 * await locks.lock({ ids: ['b', 'c'], owner: 'payment 2' }); // => throws WALLET_COIN_LOCKED
 * ```
 */
export function createCoinLocks(store: EventStore, options: CoinLocksOptions = {}): CoinLocks {
  requireFunction('store.append', requireObject<EventStore>('store', store).append);
  const { clock = systemClock(), stream = 'wallet/coin-locks' } = requireObject<CoinLocksOptions>('options', options);
  requireFunction('options.clock.nowMs', requireObject<Clock>('options.clock', clock).nowMs);
  requireText('options.stream', stream);
  let known: LockState = { version: 0, snapshot: 0, locks: new Map() };

  const load = async (call: CallOptions): Promise<LockState> => {
    try {
      for (;;) {
        const events = await store.readStream(stream, { ...call, after: known.version });
        if (events.length === 0) return known;
        known = foldLocks(known, events);
      }
    } catch (error) {
      if (!hasCode(error, 'EVENTS_TRUNCATED')) throw error;
      const snapshot = await store.loadSnapshot(stream, call);
      if (snapshot === undefined || snapshot.version <= known.version) throw error;
      known = parseLockState(snapshot);
      return load(call);
    }
  };

  const append = async (event: { readonly type: string; readonly data: unknown }, version: number, call: CallOptions) =>
    store.append({ stream, events: [event], expectedVersion: version }, call);

  /** Decides on what is there, and again when somebody else was quicker. */
  const change = async (
    decide: (state: LockState) => { readonly type: string; readonly data: unknown } | undefined,
    call: CallOptions,
  ): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      const state = await load(call);
      const event = decide(state);
      if (event === undefined) return;
      try {
        await append(event, state.version, call);
        break;
      } catch (error) {
        if (!hasCode(error, 'EVENTS_VERSION_CONFLICT') || attempt === MOST_ATTEMPTS) throw error;
      }
    }
    await compact(call);
  };

  const compact = async (call: CallOptions): Promise<void> => {
    const state = await load(call);
    if (state.version - state.snapshot < SNAPSHOT_EVERY) return;
    const locks = [...withoutExpired(state.locks, clock.nowMs()).values()];
    await store.saveSnapshot({ stream, version: state.version, state: { locks } }, call);
    await store.truncate(stream, { ...call, through: state.version });
    known = { ...state, snapshot: state.version };
  };

  const heldNow = async (call: CallOptions): Promise<ReadonlyMap<string, CoinLock>> =>
    withoutExpired((await load(call)).locks, clock.nowMs());

  return {
    async lock(request, call = {}) {
      const { ids, owner, ttlMs } = requireObject<LockCoinsRequest>('request', request);
      const wanted = requireIds('request.ids', ids);
      const who = requireOwner('request.owner', owner);
      if (ttlMs !== undefined) requireInteger('request.ttlMs', ttlMs, 1, Number.MAX_SAFE_INTEGER);
      let locks: readonly CoinLock[] = [];
      await change(({ locks: all }) => {
        const now = clock.nowMs();
        const held = withoutExpired(all, now);
        const taken = wanted.find((id) => (held.get(id)?.owner ?? who) !== who);
        if (taken !== undefined) throw coinLocked(taken, 'free');
        const expiresAt = ttlMs === undefined ? {} : { expiresAt: (now + ttlMs) as UnixMilliseconds };
        locks = wanted.map((id) => ({ id, owner: who, ...expiresAt }));
        return { type: 'coins.locked', data: { owner: who, ids: wanted, ...expiresAt } };
      }, call);
      return locks;
    },
    async release(owner, call = {}) {
      const { ids, ...rest } = requireObject<CallOptions & { readonly ids: readonly string[] }>('options', call);
      const who = requireOwner('owner', owner);
      const named = ids === undefined ? undefined : new Set(requireIds('options.ids', ids));
      await change(({ locks }) => {
        const mine = [...locks.values()]
          .filter((lock) => lock.owner === who && (named?.has(lock.id) ?? true))
          .map(({ id }) => id);
        return mine.length === 0 ? undefined : { type: 'coins.released', data: { owner: who, ids: mine } };
      }, rest);
    },
    async held(call = {}) {
      return [...(await heldNow(call)).values()];
    },
    async requireHeld(owner, ids, call = {}) {
      const who = requireOwner('owner', owner);
      const held = await heldNow(call);
      const lost = requireIds('ids', ids).find((id) => held.get(id)?.owner !== who);
      if (lost !== undefined) throw coinLocked(lost, `held by ${who}`);
    },
    async free(coins, call = {}) {
      const { owner, ...rest } = requireObject<CallOptions & { readonly owner: string }>('options', call);
      for (const coin of requireList('coins', coins)) requireObject('coins', coin);
      const held = await heldNow(rest);
      return coins.filter(({ id }) => {
        const lock = held.get(id);
        return lock === undefined || lock.owner === owner;
      });
    },
  };
}

function requireIds(argument: string, ids: unknown): readonly string[] {
  const list = requireList(argument, ids).map((id) => requireText(argument, id));
  const isRight = list.length >= 1 && list.length <= MOST_IDS && list.every((id) => id.length >= 1 && id.length <= 255);
  if (!isRight) throw invalidArgument(argument, `1 to ${MOST_IDS} names of 1 to 255 characters`, ids);
  return [...new Set(list)];
}

function requireOwner(argument: string, owner: unknown): string {
  const text = requireText(argument, owner);
  if (text.length < 1 || text.length > 255) throw invalidArgument(argument, 'a text of 1 to 255 characters', owner);
  return text;
}

function coinLocked(outpoint: string, expected: string): WalletError<'WALLET_COIN_LOCKED'> {
  return new WalletError('WALLET_COIN_LOCKED', `expected coin ${outpoint} to be ${expected}, but it is not`, {
    details: { outpoint },
    hint: 'Select other coins, or wait until the lock is given back or expires.',
  });
}
