import { hasCode, toHex } from '@bitcoin-enterprise/core';
import { requireCallOptions, signalOf } from '../adapters/arguments.ts';
import { endable } from '../adapters/endable.ts';
import { pause } from '../adapters/pause.ts';
import { unsupported } from '../adapters/policy.ts';
import type { CallOptions } from '../ports/chain-source.ts';
import type { MempoolEvent } from '../ports/subscriptions.ts';
import type { PoolMember } from './member.ts';

/** Merges the mempools of sources; one that fails is followed again after a while, and counts for nothing meanwhile. */
export function mergeMempools(
  members: (call: CallOptions) => Promise<readonly PoolMember[]>,
  facts: { readonly options: { readonly signal?: AbortSignal }; readonly retryMs: number },
): AsyncIterableIterator<MempoolEvent, void, undefined> {
  const { options, retryMs } = facts;
  return endable((signal) => merged(members, { options, retryMs, signal }), signalOf(options));
}

async function* merged(
  members: (call: CallOptions) => Promise<readonly PoolMember[]>,
  facts: {
    readonly options: { readonly signal?: AbortSignal };
    readonly retryMs: number;
    readonly signal: AbortSignal;
  },
): AsyncGenerator<MempoolEvent, void, undefined> {
  const { options, retryMs, signal } = facts;
  requireCallOptions(options);
  const union = new MempoolUnion();
  try {
    const followed = (await members({ signal })).filter(({ chain }) => chain.mempoolEvents !== undefined);
    const lacking = { count: 0 };
    for (const member of followed)
      void follow(member, { union, retryMs, signal }).then(() => {
        lacking.count += 1;
        union.wake();
      });
    for (;;) {
      const event = union.take();
      if (event !== undefined) yield event;
      else if (lacking.count === followed.length) throw unsupported('mempoolEvents', 'a pool of sources without it');
      else await union.wait(signal);
      if (isAborted(signal)) return;
    }
  } catch (error) {
    if (!isAborted(signal)) throw error;
  }
}

/** Follows one source for as long as it may be; returns when it has no mempool to tell of. */
async function follow(
  member: PoolMember,
  facts: { readonly union: MempoolUnion; readonly retryMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const { union, retryMs, signal } = facts;
  while (!signal.aborted)
    try {
      for await (const event of member.chain.mempoolEvents?.({ signal }) ?? []) union.apply(member.name, event);
      await pause(retryMs, { call: 'mempoolEvents', signal });
    } catch (error) {
      union.drop(member.name);
      if (hasCode(error, 'CHAIN_CALL_UNSUPPORTED')) return;
      await pause(retryMs, { call: 'mempoolEvents', signal }).catch(() => undefined);
    }
}

/** A call of its own, because the compiler does not know that a signal changes while a call waits. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** Who has what; what the first one has was added, what the last one lost was removed. */
class MempoolUnion {
  readonly #holders = new Map<string, { readonly txid: Uint8Array; readonly names: Set<string> }>();
  readonly #waiting: MempoolEvent[] = [];
  #wake = (): void => undefined;

  apply(name: string, { type, txid }: MempoolEvent): void {
    const key = toHex(txid);
    const entry = this.#holders.get(key);
    if (type === 'removed') {
      this.#remove(name, key);
      return;
    }
    if (entry !== undefined) {
      entry.names.add(name);
      return;
    }
    this.#holders.set(key, { txid, names: new Set([name]) });
    this.#tell({ type: 'added', txid });
  }

  drop(name: string): void {
    for (const key of this.#holders.keys()) this.#remove(name, key);
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

  #remove(name: string, key: string): void {
    const entry = this.#holders.get(key);
    if (entry === undefined || !entry.names.delete(name) || entry.names.size > 0) return;
    this.#holders.delete(key);
    this.#tell({ type: 'removed', txid: entry.txid });
  }

  #tell(event: MempoolEvent): void {
    this.#waiting.push(event);
    this.#wake();
  }
}
