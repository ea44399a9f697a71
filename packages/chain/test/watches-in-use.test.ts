import { ChainError, createEmbeddedChain, type EmbeddedChain } from '@bitcoin-enterprise/chain';
import { createWatcher, type WatchedChain, type WatchNotice } from '@bitcoin-enterprise/chain/watches';
import { displayHash, parseDisplayHash, satoshis } from '@bitcoin-enterprise/core';
import { createMemoryStore, type EventStore } from '@bitcoin-enterprise/events';
import { describe, expect, it } from 'vitest';
import { kitOutput, kitSpend } from '../src/testing/kit-scripts.ts';
import { whichever } from './support/watched-sources.ts';

const PAID = kitOutput('paid').scriptPubKey;
const OLD = kitOutput('old').scriptPubKey;
const MINER = kitOutput('miner').scriptPubKey;

async function take(store: EventStore): Promise<readonly string[]> {
  const claims = await store.claimEffects({ limit: 1_000 });
  await store.settle(claims);
  return claims.map(({ data }) => shown(data as WatchNotice));
}

function shown({ watch, kind, depth }: WatchNotice): string {
  return `${watch} ${kind}${depth === undefined ? '' : ` ${depth}`}`;
}

/** A source whose blocks come only as long as a gate is open. */
function gated(source: WatchedChain): {
  readonly chain: WatchedChain;
  readonly reached: Promise<void>;
  readonly open: () => void;
  readonly asked: () => number;
} {
  let open = (): void => undefined;
  let reach = (): void => undefined;
  let asked = 0;
  const opened = new Promise<void>((done) => (open = done));
  const reached = new Promise<void>((done) => (reach = done));
  const block: WatchedChain['block'] = async (hash, options) => {
    asked += 1;
    reach();
    await opened;
    return source.block(hash, options);
  };
  return { chain: { ...source, block }, reached, open: () => open(), asked: () => asked };
}

describe('a watcher that remembers more blocks than when it began', () => {
  it('tells of the depths that it could not reach before', async () => {
    const chain = createEmbeddedChain();
    chain.mine(110, { scriptPubKey: MINER });
    const store = createMemoryStore();
    const before = createWatcher({ chain: chain.ports, store, name: 'w', keepBlocks: 10 });
    await before.catchUp();
    const watcher = createWatcher({ chain: chain.ports, store, name: 'w', keepBlocks: 40 });
    await watcher.watchScript('paid', PAID, { confirmations: 30, depths: [1, 9] });
    chain.fund(PAID, satoshis(70_000n));
    chain.mine(29, { scriptPubKey: MINER });
    await watcher.catchUp();

    expect(await take(store)).toEqual(['paid confirmed 1', 'paid confirmed 9', 'paid final 30']);
    const state = await watcher.state();
    expect([state.keep, state.blocks.length]).toEqual([40, 40]);
    // One that remembers fewer takes nothing from it.
    await before.catchUp();
    expect((await before.state()).keep).toBe(40);
  });
});

describe('a run that cannot go on', () => {
  it('has ended altogether when it says so: nobody is told of anything afterwards', async () => {
    const chain = createEmbeddedChain();
    chain.mine(150, { scriptPubKey: MINER });
    const store = createMemoryStore();
    const watcher = createWatcher({ chain: chain.ports, store, name: 'w', keepBlocks: 10, pollMs: 1 });
    await watcher.watchScript('paid', PAID);
    const told: string[] = [];
    const { signal } = new AbortController();
    const running = watcher.run({ signal, leaseMs: 1_000, deliver: async (notice) => void told.push(shown(notice)) });
    const ended = expect(running).rejects.toMatchObject({ code: 'CHAIN_WATCH_HISTORY_LOST' });
    chain.reorg(20);
    await ended;
    const notice: WatchNotice = { key: 'k', watch: 'paid', sequence: 9, kind: 'seen' };
    await store.append({
      stream: 'w',
      expectedVersion: 0,
      events: [{ type: 'x', data: null }],
      effects: [{ key: 'k', type: 'watch.notice:w', data: { ...notice } }],
    });
    // Whoever is next has the right to deliver at once, and not only when the run before lets go of it.
    expect(await store.acquireLease('watches/w/deliver', { owner: 'next', ttlMs: 1_000 })).toMatchObject({
      owner: 'next',
    });
    await new Promise((done) => setTimeout(done, 50));

    expect(told).toEqual([]);
  });
});

describe('a search of the past', () => {
  it('holds up no notice of another watch', async () => {
    const chain = createEmbeddedChain();
    chain.mine(60, { scriptPubKey: MINER });
    const store = createMemoryStore();
    const { chain: slow, reached, open } = gated(whichever(() => chain.ports));
    const searching = createWatcher({ chain: slow, store, name: 'w' });
    await searching.watchHeight('next', 61, { confirmations: 1 });
    const adding = searching.watchScript('old', OLD, { since: 0 });
    await reached;
    let isThere = false;
    const other = searching.watchHeight('now', 60, { confirmations: 1 }).then(() => (isThere = true));
    await expect.poll(() => isThere).toBe(true);
    open();
    await Promise.all([adding, other]);

    expect(await take(store)).toEqual(['now final 1']);
  });

  it('goes on where it was when another process has followed the chain meanwhile', async () => {
    const chain = createEmbeddedChain();
    chain.mine(20, { scriptPubKey: MINER });
    chain.mine(1, { scriptPubKey: OLD });
    chain.mine(40, { scriptPubKey: MINER });
    const store = createMemoryStore();
    const other = createWatcher({ chain: chain.ports, store, name: 'w' });
    const source = whichever(() => chain.ports);
    let asked = 0;
    const moving: WatchedChain = {
      ...source,
      block: async (hash, options) => {
        asked += 1;
        // A block comes for every ten that are read, and a branch is left now and then.
        if (asked % 10 === 0) {
          if (asked % 20 === 0) chain.reorg(2);
          else chain.mine(1, { scriptPubKey: MINER });
          await other.catchUp();
        }
        return source.block(hash, options);
      },
    };
    const watcher = createWatcher({ chain: moving, store, name: 'w' });
    await watcher.watchScript('old', OLD, { since: 1, confirmations: 3 });

    expect(await take(store)).toEqual(['old confirmed 1', 'old final 3']);
    expect(asked).toBeLessThan(120);
  });
});

describe('a call that waits for its turn', () => {
  it('ends when its signal says so', async () => {
    const chain = createEmbeddedChain();
    chain.mine(10, { scriptPubKey: MINER });
    const store = createMemoryStore();
    const { chain: slow, reached, open } = gated(whichever(() => chain.ports));
    const watcher = createWatcher({ chain: slow, store, name: 'w' });
    await watcher.catchUp();
    chain.mine(1, { scriptPubKey: MINER });
    const busy = watcher.catchUp();
    await reached;
    const stop = new AbortController();
    const calls = [
      watcher.catchUp({ signal: stop.signal }),
      watcher.watchHeight('h', 12, { signal: stop.signal }),
      watcher.watchScript('s', PAID, { signal: stop.signal }),
    ];
    const ended = calls.map(async (call) => expect(call).rejects.toMatchObject({ code: 'CHAIN_ABORTED' }));
    stop.abort();
    await Promise.all(ended);
    open();
    await busy;

    // The turns of those that ended are nobody's.
    await watcher.watchHeight('h', 11, { confirmations: 1 });
    expect(await take(store)).toEqual(['h final 1']);
  });

  it('has the code of this package, also when the store says it', async () => {
    const chain = createEmbeddedChain();
    const store = createMemoryStore();
    const watcher = createWatcher({ chain: chain.ports, store, name: 'w' });
    const signal = AbortSignal.abort();
    const calls = [
      watcher.catchUp({ signal }),
      watcher.watchHeight('h', 12, { signal }),
      watcher.unwatch('h', { signal }),
      watcher.state({ signal }),
    ];
    await Promise.all(calls.map(async (call) => expect(call).rejects.toMatchObject({ code: 'CHAIN_ABORTED' })));
  });
});

describe('transactions that wait', () => {
  /** Payments to one script that wait in the mempool, by display hash. */
  function waiting(chain: EmbeddedChain, count: number): readonly string[] {
    const coin = kitOutput('coin');
    return Array.from({ length: count }, () => {
      const output = { ...coin, outpoint: chain.fund(coin.scriptPubKey, satoshis(50_000n)) };
      return displayHash(chain.broadcast(kitSpend(output, { scriptPubKey: PAID, value: satoshis(40_000n) })));
    });
  }

  it('are asked for a few at a time, however many there are', async () => {
    const chain = createEmbeddedChain();
    const store = createMemoryStore();
    waiting(chain, 200);
    let asked = 0;
    const looks: number[] = [];
    const source = whichever(() => chain.ports);
    const watcher = createWatcher({
      chain: {
        ...source,
        mempoolEvents: (options) => chain.ports.mempoolEvents(options),
        // Each look begins with the header of the last block on record.
        header: async (hash, options) => {
          looks.push(asked);
          asked = 0;
          return source.header(hash, options);
        },
        transaction: async (txid, options) => {
          asked += 1;
          return source.transaction(txid, options);
        },
      },
      store,
      name: 'w',
      pollMs: 1,
    });
    await watcher.watchScript('paid', PAID);
    const stop = new AbortController();
    const running = watcher.run({ signal: stop.signal });
    await expect
      .poll(async () => (await watcher.state()).watches['paid']?.sightings.length, { timeout: 10_000 })
      .toBe(200);
    looks.length = 0;
    asked = 0;
    await expect.poll(() => looks.length).toBeGreaterThan(20);
    stop.abort();
    await running;

    expect(Math.max(...looks)).toBeLessThanOrEqual(50);
    expect(looks.reduce((sum, one) => sum + one, 0)).toBeGreaterThan(200);
  });

  it('are not forgotten because sources contradict each other about one of them', async () => {
    const chain = createEmbeddedChain();
    const store = createMemoryStore();
    const [disputed = '', gone = '', there = ''] = waiting(chain, 3);
    const source = whichever(() => chain.ports);
    let isDisputed = false;
    const watcher = createWatcher({
      chain: {
        ...source,
        transaction: async (txid, options) => {
          if (isDisputed && displayHash(txid) === disputed)
            throw new ChainError('CHAIN_SOURCES_DISAGREE', 'one has it, and one has not', {
              details: { call: 'transaction', needed: 2, camps: [] },
            });
          return isDisputed && displayHash(txid) === gone ? undefined : source.transaction(txid, options);
        },
      },
      store,
      name: 'w',
    });
    for (const [id, txid] of Object.entries({ disputed, gone, there }))
      await watcher.watchTransaction(id, parseDisplayHash(txid));
    expect(await take(store)).toEqual(['disputed seen', 'gone seen', 'there seen']);
    isDisputed = true;
    await watcher.catchUp();

    expect(await take(store)).toEqual(['gone vanished']);
  });
});
