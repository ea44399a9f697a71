import { hasCode, toHex } from '@bitcoin-enterprise/core';
import { requireCallOptions, signalOf } from '../adapters/arguments.ts';
import { endable } from '../adapters/endable.ts';
import { pause } from '../adapters/pause.ts';
import { unsupported } from '../adapters/policy.ts';
import type { CallOptions } from '../ports/chain-source.ts';
import type { MempoolEvent } from '../ports/subscriptions.ts';
import type { PoolMember } from './member.ts';

/** Whose mempools are merged. */
export interface MergedPool {
  readonly members: readonly PoolMember[];
  /** How many must have a transaction, as far as there are so many who tell. */
  readonly quorum: number;
  /** Looks who is fit; throws when none is. */
  readonly inspect: (call: CallOptions) => Promise<unknown>;
}

/** Merges the mempools of sources; one that fails is followed again after a while, and counts for nothing meanwhile. */
export function mergeMempools(
  pool: MergedPool,
  facts: { readonly options: { readonly signal?: AbortSignal }; readonly retryMs: number },
): AsyncIterableIterator<MempoolEvent, void, undefined> {
  const { options, retryMs } = facts;
  return endable((signal) => merged(pool, { options, retryMs, signal }), signalOf(options));
}

async function* merged(
  pool: MergedPool,
  facts: {
    readonly options: { readonly signal?: AbortSignal };
    readonly retryMs: number;
    readonly signal: AbortSignal;
  },
): AsyncGenerator<MempoolEvent, void, undefined> {
  const { options, retryMs, signal } = facts;
  requireCallOptions(options);
  try {
    await pool.inspect({ signal });
    const followed = pool.members.filter(({ chain }) => chain.mempoolEvents !== undefined);
    const votes = new MempoolVotes({
      quorum: pool.quorum,
      names: followed.filter(({ fit }) => fit).map(({ name }) => name),
    });
    const lacking = { count: 0 };
    for (const member of followed)
      void follow(member, { pool, votes, retryMs, signal }).then(() => {
        lacking.count += 1;
        votes.wake();
      });
    for (;;) {
      const event = votes.take();
      if (event !== undefined) yield event;
      else if (lacking.count === followed.length) throw unsupported('mempoolEvents', 'a pool of sources without it');
      else await votes.wait(signal);
      if (isAborted(signal)) return;
    }
  } catch (error) {
    if (!isAborted(signal)) throw error;
  }
}

/** Follows one source for as long as it may be; returns when it has no mempool to tell of. */
async function follow(
  member: PoolMember,
  facts: {
    readonly pool: MergedPool;
    readonly votes: MempoolVotes;
    readonly retryMs: number;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { pool, votes, retryMs, signal } = facts;
  const { name } = member;
  while (!signal.aborted)
    try {
      // One of another network, or down, has no say; it may come back.
      if (!member.fit) await pool.inspect({ signal });
      if (member.fit) {
        votes.join(name);
        for await (const event of member.chain.mempoolEvents?.({ signal }) ?? []) votes.apply(name, event);
        votes.leave(name);
      }
      await pause(retryMs, { call: 'mempoolEvents', signal });
    } catch (error) {
      votes.leave(name);
      if (hasCode(error, 'CHAIN_CALL_UNSUPPORTED')) return;
      await pause(retryMs, { call: 'mempoolEvents', signal }).catch(() => undefined);
    }
}

/** A call of its own, because the compiler does not know that a signal changes while a call waits. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** A transaction that some source has. */
interface Holding {
  readonly txid: Uint8Array;
  readonly names: Set<string>;
  told: boolean;
}

/** Who has what; what enough of them have is told of, until too few have it. */
class MempoolVotes {
  readonly #quorum: number;
  readonly #voters: Set<string>;
  readonly #holdings = new Map<string, Holding>();
  readonly #waiting: MempoolEvent[] = [];
  #wake = (): void => undefined;

  /** @param facts - `names`: who is expected to tell from the start. */
  constructor(facts: { readonly quorum: number; readonly names: readonly string[] }) {
    this.#quorum = facts.quorum;
    this.#voters = new Set(facts.names);
  }

  /** Counts one who begins to tell. */
  join(name: string): void {
    this.#voters.add(name);
  }

  /** Forgets one who tells no more: what only it had is gone, what all who are left have is enough. */
  leave(name: string): void {
    if (!this.#voters.delete(name)) return;
    for (const [key, holding] of this.#holdings) {
      holding.names.delete(name);
      // What was told stays as long as anybody has it: a source that failed has not seen it leave.
      if (holding.names.size === 0) this.#forget(key, holding);
      else if (this.#isEnough(holding)) this.#tellOf(holding);
    }
  }

  apply(name: string, { type, txid }: MempoolEvent): void {
    const key = toHex(txid);
    if (type === 'removed') {
      const holding = this.#holdings.get(key);
      if (holding === undefined || !holding.names.delete(name)) return;
      if (!this.#isEnough(holding)) this.#forget(key, holding);
      return;
    }
    const holding = this.#holdings.get(key) ?? { txid, names: new Set<string>(), told: false };
    this.#holdings.set(key, holding);
    holding.names.add(name);
    if (this.#isEnough(holding)) this.#tellOf(holding);
  }

  take(): MempoolEvent | undefined {
    return this.#waiting.shift();
  }

  async wait(signal: AbortSignal): Promise<void> {
    await new Promise<void>((done) => {
      const finish = (): void => {
        signal.removeEventListener('abort', finish);
        done();
      };
      this.#wake = finish;
      signal.addEventListener('abort', finish, { once: true });
      if (signal.aborted || this.#waiting.length > 0) finish();
    });
  }

  wake(): void {
    this.#wake();
  }

  #isEnough({ names }: Holding): boolean {
    return names.size > 0 && names.size >= Math.min(this.#quorum, this.#voters.size);
  }

  #tellOf(holding: Holding): void {
    if (holding.told) return;
    holding.told = true;
    this.#tell({ type: 'added', txid: holding.txid });
  }

  /** Tells that it has left; who else has it may make it count again. */
  #forget(key: string, holding: Holding): void {
    if (holding.names.size === 0) this.#holdings.delete(key);
    if (!holding.told) return;
    holding.told = false;
    this.#tell({ type: 'removed', txid: holding.txid });
  }

  #tell(event: MempoolEvent): void {
    this.#waiting.push(event);
    this.#wake();
  }
}
