import type { UnixMilliseconds } from '@bitcoin-enterprise/core';
import type { Snapshot, StoredEvent } from '@bitcoin-enterprise/events';

/** Who holds a coin, and until when. */
export interface CoinLock {
  /** Name of the coin, for example `txid:index`. */
  readonly id: string;
  /** The payment that holds it. */
  readonly owner: string;
  /** Absent for a lock that does not expire. */
  readonly expiresAt?: UnixMilliseconds;
}

/** All locks after an event of their stream, those that have expired too. */
export interface LockState {
  readonly version: number;
  /** Version of the last snapshot that is known. */
  readonly snapshot: number;
  readonly locks: ReadonlyMap<string, CoinLock>;
}

interface LockEvent {
  readonly owner: string;
  readonly ids: readonly string[];
  readonly expiresAt?: UnixMilliseconds;
}

/** What events make of a state. */
export function foldLocks(state: LockState, events: readonly StoredEvent[]): LockState {
  const locks = new Map(state.locks);
  let { version } = state;
  for (const event of events) {
    // Written by this package alone, and checked before.
    const { owner, ids, expiresAt } = event.data as LockEvent;
    for (const id of ids) {
      if (event.type === 'coins.locked')
        locks.set(id, { id, owner, ...(expiresAt === undefined ? {} : { expiresAt }) });
      else if (locks.get(id)?.owner === owner) locks.delete(id);
    }
    version = event.version;
  }
  return { ...state, version, locks };
}

/** The state of a snapshot. */
export function parseLockState({ version, state }: Snapshot): LockState {
  const { locks } = state as { readonly locks: readonly CoinLock[] };
  return { version, snapshot: version, locks: new Map(locks.map((lock) => [lock.id, lock])) };
}

/** The locks that hold at a time. */
export function withoutExpired(locks: ReadonlyMap<string, CoinLock>, now: UnixMilliseconds): Map<string, CoinLock> {
  return new Map([...locks].filter(([, { expiresAt }]) => expiresAt === undefined || expiresAt > now));
}
