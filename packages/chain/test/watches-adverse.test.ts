import { createEmbeddedChain, type EmbeddedChain } from '@bitcoin-enterprise/chain';
import {
  createWatcher,
  initialWatchState,
  stepWatches,
  type WatchedChain,
  type WatchEvent,
  type WatchNotice,
} from '@bitcoin-enterprise/chain/watches';
import { blockHeight, displayHash, satoshis } from '@bitcoin-enterprise/core';
import { createMemoryStore, type EventStore } from '@bitcoin-enterprise/events';
import { serializeTransaction } from '@bitcoin-enterprise/script';
import { describe, expect, it } from 'vitest';
import { kitOutput, kitSpend } from '../src/testing/kit-scripts.ts';
import { behind, whichever } from './support/watched-sources.ts';

const PAID = kitOutput('paid').scriptPubKey;
const OTHER = kitOutput('other miner').scriptPubKey;

async function take(store: EventStore): Promise<readonly string[]> {
  const claims = await store.claimEffects({ limit: 1_000 });
  await store.settle(claims);
  return claims.map(({ data }) => {
    const { watch, kind, depth } = data as WatchNotice;
    return `${watch} ${kind}${depth === undefined ? '' : ` ${depth}`}`;
  });
}

describe('a watch that is added while the chain moves', () => {
  /** Two branches from block 5 on: the longer one pays at height 8. */
  function branches(): { readonly shorter: EmbeddedChain; readonly longer: EmbeddedChain } {
    const shorter = createEmbeddedChain();
    const longer = createEmbeddedChain();
    for (const chain of [shorter, longer]) chain.mine(5);
    shorter.mine(3);
    longer.mine(2, { scriptPubKey: OTHER });
    longer.mine(1, { scriptPubKey: PAID });
    longer.mine(1, { scriptPubKey: OTHER });
    return { shorter, longer };
  }

  it('follows a reorganisation before it says what there is', async () => {
    const { shorter, longer } = branches();
    let current = shorter;
    const store = createMemoryStore();
    const watcher = createWatcher({ chain: whichever(() => current.ports), store, name: 'w' });
    await watcher.watchHeight('height 6', 6, { confirmations: 2 });
    current = longer;
    await watcher.watchScript('paid', PAID, { confirmations: 2, since: 6 });
    await watcher.catchUp();

    expect(await take(store)).toEqual([
      'height 6 confirmed 1',
      'height 6 final 2',
      'height 6 reorged-out 2',
      'height 6 confirmed 1',
      'height 6 final 2',
      'paid confirmed 1',
      'paid final 2',
    ]);
  });

  it('holds to no block of a branch that the source was on for a moment', async () => {
    const { shorter, longer } = branches();
    let current = shorter;
    let hiccup = false;
    const chain = whichever(() => current.ports);
    const store = createMemoryStore();
    const watcher = createWatcher({
      chain: {
        ...chain,
        // As soon as the search has begun, the source changes to the other branch, and back.
        block: async (hash, options) => {
          const bytes = await chain.block(hash, options);
          if (hiccup) current = current === shorter ? longer : shorter;
          return bytes;
        },
      },
      store,
      name: 'w',
    });
    await watcher.catchUp();
    hiccup = true;
    const adding = watcher.watchScript('paid', PAID, { confirmations: 3, since: 6 });
    setTimeout(() => {
      hiccup = false;
      current = shorter;
      shorter.mine(5);
    }, 50);
    await adding;
    await watcher.catchUp();

    expect(await take(store)).toEqual([]);
    expect((await watcher.state()).watches['paid']?.sightings).toEqual([]);
  });

  it('is matched against a block that another process was reading at that moment', async () => {
    const chain = createEmbeddedChain();
    chain.mine(101);
    const store = createMemoryStore();
    let reached = (): void => undefined;
    let open = (): void => undefined;
    const reading = new Promise<void>((done) => (reached = done));
    const opened = new Promise<void>((done) => (open = done));
    const slow = { ...whichever(() => chain.ports) };
    const first = createWatcher({
      chain: {
        ...slow,
        block: async (hash, options) => {
          const bytes = await slow.block(hash, options);
          reached();
          await opened;
          return bytes;
        },
      },
      store,
      name: 'w',
    });
    await first.watchHeight('far', 1_000);
    chain.fund(PAID, satoshis(70_000n));
    const catching = first.catchUp();
    await reading;
    // Its record still ends before the payment.
    const second = createWatcher({ chain: behind(chain, { blocks: () => 1 }), store, name: 'w' });
    await second.watchScript('paid', PAID, { confirmations: 1 });
    open();
    await catching;

    expect(await take(store)).toEqual(['paid final 1']);
  });

  it('refuses a sighting in a block that is not on the remembered branch', () => {
    const started: WatchEvent = {
      type: 'started',
      keep: 10,
      blocks: [1, 2, 3].map((height) => ({ height, hash: `${height}` })),
    };
    const { state } = stepWatches(initialWatchState, started);
    const added = (height: number, hash: string): WatchEvent => ({
      type: 'added',
      watch: { kind: 'script', script: '51', id: 'w', confirmations: 1, depths: [1] },
      found: [{ txid: 'a', index: 0, block: { height, hash } }],
    });
    expect(() => stepWatches(state, added(2, '2b'))).toThrow(/CHAIN_WATCH_STATE_INVALID/);
    expect(() => stepWatches(state, added(4, '4'))).toThrow(/CHAIN_WATCH_STATE_INVALID/);
    expect(stepWatches(state, added(2, '2')).notices).toHaveLength(1);
  });
});

describe('a source that is behind', () => {
  for (const knowsHeaders of [false, true])
    it(`takes nothing back${knowsHeaders ? ', even when it has the headers of what it lacks' : ''}`, async () => {
      const chain = createEmbeddedChain();
      let lag = 0;
      const store = createMemoryStore();
      const source = behind(chain, { blocks: () => lag, knowsHeaders });
      const watcher = createWatcher({ chain: source, store, name: 'w' });
      await watcher.watchScript('paid', PAID, { confirmations: 3 });
      const { txid } = chain.fund(PAID, satoshis(70_000n));
      chain.mine(1);
      await watcher.catchUp();
      lag = 3;
      await watcher.catchUp();
      await watcher.watchTransaction('tx', txid, { confirmations: 1 });
      await watcher.catchUp();
      lag = 0;
      chain.mine(1);
      await watcher.catchUp();

      expect(await take(store)).toEqual(['paid confirmed 1', 'paid final 3']);
    });

  it('is not searched for what it lacks', async () => {
    const chain = createEmbeddedChain();
    chain.mine(10);
    let lag = 0;
    const watcher = createWatcher({
      chain: behind(chain, { blocks: () => lag }),
      store: createMemoryStore(),
      name: 'w',
    });
    await watcher.catchUp();
    lag = 3;
    await expect(watcher.watchScript('w', PAID, { since: 1 })).rejects.toMatchObject({
      code: 'CHAIN_SOURCE_UNSETTLED',
      retryable: true,
    });
    lag = 0;
    await watcher.watchScript('w', PAID, { since: 1 });
  });

  it('is left behind by a branch that is lower and has more work', async () => {
    const chain = createEmbeddedChain();
    const store = createMemoryStore();
    const { ports } = chain;
    const light = createWatcher({ chain: ports, store, name: 'w' });
    await light.watchHeight('h', 2, { confirmations: 1 });
    chain.mine(3);
    await light.catchUp();
    const stale = await Promise.all([1, 2, 3].map(async (height) => ports.blockHash(blockHeight(height))));
    const old = new Map(
      await Promise.all(
        stale.map(async (hash) => [displayHash(hash as Uint8Array), await ports.header(hash as Uint8Array)] as const),
      ),
    );
    const other = createEmbeddedChain();
    other.mine(2, { scriptPubKey: OTHER });
    let bits = 0x207fffff;
    const heavy: WatchedChain = {
      ...whichever(() => other.ports),
      tip: async () => {
        const tip = await other.ports.tip();
        return { ...tip, header: { ...tip.header, bits } };
      },
      header: async (hash) => {
        const known = old.get(displayHash(hash));
        if (known !== undefined) return { ...known, confirmations: 0 };
        const found = await other.ports.header(hash);
        return found === undefined || found.height === 0 ? found : { ...found, header: { ...found.header, bits } };
      },
    };
    const watcher = createWatcher({ chain: heavy, store, name: 'w' });
    await watcher.catchUp();
    expect(await take(store)).toEqual(['h final 1']);
    // Ten times the work in a block.
    bits = 0x200cffff;
    await watcher.catchUp();
    expect(await take(store)).toEqual(['h reorged-out 1', 'h final 1']);
  });
});

describe('the mempool', () => {
  it('that lost a transaction to a block says nothing of vanishing, without an index of transactions', async () => {
    const chain = createEmbeddedChain();
    const store = createMemoryStore();
    const source = kitOutput('source');
    const outpoint = chain.fund(source.scriptPubKey, satoshis(100_000n));
    const { ports } = chain;
    const withoutIndex: WatchedChain = {
      ...whichever(() => ports),
      mempoolEvents: (options) => ports.mempoolEvents(options),
      transaction: async (txid) => {
        const found = await ports.transaction(txid);
        return found?.block === undefined ? found : undefined;
      },
    };
    const told: string[] = [];
    const stop = new AbortController();
    // The tip is looked at once; only the mempool tells.
    const watcher = createWatcher({ chain: withoutIndex, store, name: 'w', pollMs: 3_600_000 });
    await watcher.watchScript('paid', PAID, { confirmations: 1 });
    const running = watcher.run({ signal: stop.signal, deliver: async ({ kind }) => void told.push(kind) });
    chain.broadcast(kitSpend({ outpoint, witness: source.witness }, { scriptPubKey: PAID, value: satoshis(99_000n) }));
    await expect.poll(() => told).toEqual(['seen']);
    chain.mine(1);
    await expect.poll(() => told.length).toBe(2);
    stop.abort();
    await running;

    expect(told).toEqual(['seen', 'final']);
  });

  it('is watched on when one of its transactions cannot be looked at', async () => {
    const chain = createEmbeddedChain();
    const store = createMemoryStore();
    const source = kitOutput('source');
    const outpoints = [
      chain.fund(source.scriptPubKey, satoshis(100_000n)),
      chain.fund(source.scriptPubKey, satoshis(100_000n)),
    ];
    const [disputed, other] = outpoints.map((outpoint) =>
      kitSpend({ outpoint, witness: source.witness }, { scriptPubKey: PAID, value: satoshis(99_000n) }),
    ) as [Uint8Array, Uint8Array];
    const first = displayHash(chain.broadcast(disputed));
    const { ports } = chain;
    let fails = true;
    let looks = 0;
    const source_: WatchedChain = {
      ...whichever(() => ports),
      mempoolEvents: (options) => ports.mempoolEvents(options),
      transaction: async (txid) => {
        if (displayHash(txid) === first) looks += 1;
        if (displayHash(txid) === first && fails) throw new Error('sources disagree');
        return ports.transaction(txid);
      },
    };
    const told: string[] = [];
    const errors: unknown[] = [];
    const stop = new AbortController();
    const watcher = createWatcher({ chain: source_, store, name: 'w', pollMs: 10 });
    await watcher.watchScript('paid', PAID, { confirmations: 1 });
    const running = watcher.run({
      signal: stop.signal,
      deliver: async ({ txid }) => void told.push(txid as string),
      onError: (error) => errors.push(error),
    });
    await expect.poll(() => looks).toBeGreaterThan(1);
    const second = displayHash(chain.broadcast(other));
    await expect.poll(() => told).toEqual([second]);
    fails = false;
    await expect.poll(() => told).toEqual([second, first]);
    stop.abort();
    await running;

    expect(errors.length).toBeGreaterThan(0);
  });

  it('leaves nothing behind of what has vanished', () => {
    const added: WatchEvent = {
      type: 'added',
      watch: { kind: 'script', script: '51', id: 'w', confirmations: 1, depths: [1] },
      found: [],
    };
    let { state } = stepWatches(initialWatchState, added);
    const kinds: string[] = [];
    for (let i = 0; i < 5; i++)
      for (const event of [
        { type: 'seen', matches: [{ watch: 'w', txid: `${i % 2}`, index: 0 }] },
        { type: 'vanished', txid: `${i % 2}` },
      ] satisfies WatchEvent[]) {
        const step = stepWatches(state, event);
        ({ state } = step);
        kinds.push(...step.notices.map(({ kind }) => kind));
      }
    expect(state.watches['w']?.sightings).toEqual([]);
    expect(kinds).toEqual(Array.from({ length: 5 }, () => ['seen', 'vanished']).flat());
  });
});

describe('delivery', () => {
  /** What was handled, by watchers of one name that each take long. */
  async function handled(facts: {
    readonly handlerMs: number;
    readonly notices: number;
    readonly leaseMs: number;
    readonly watchers: number;
  }): Promise<readonly string[]> {
    const chain = createEmbeddedChain();
    const store = createMemoryStore();
    const watchers = Array.from({ length: facts.watchers }, () =>
      createWatcher({ chain: chain.ports, store, name: 'w' }),
    );
    chain.mine(facts.notices);
    for (let height = 1; height <= facts.notices; height++)
      await watchers[0]?.watchHeight(`h${height}`, height, { confirmations: 1 });
    const stop = new AbortController();
    const told: string[] = [];
    const runs = watchers.map(async (watcher) =>
      watcher.run({
        signal: stop.signal,
        leaseMs: facts.leaseMs,
        deliver: async ({ key }) => {
          told.push(key);
          await new Promise((done) => setTimeout(done, facts.handlerMs));
        },
      }),
    );
    await expect.poll(() => new Set(told).size, { timeout: 20_000 }).toBe(facts.notices);
    // Long enough for what was handled to come again, if it does.
    await new Promise((done) => setTimeout(done, facts.handlerMs + 2 * facts.leaseMs));
    stop.abort();
    await Promise.all(runs);
    return told;
  }

  it('tells a notice once, even if its handler takes longer than the lease', async () => {
    const told = await handled({ handlerMs: 250, notices: 4, leaseMs: 100, watchers: 2 });
    expect(told).toEqual(['h1#1', 'h2#1', 'h3#1', 'h4#1']);
  });

  it('tells each notice once, even if all together take longer than the lease', async () => {
    const told = await handled({ handlerMs: 30, notices: 30, leaseMs: 200, watchers: 2 });
    expect(told).toEqual(Array.from({ length: 30 }, (_, i) => `h${i + 1}#1`));
  });

  it('ends the signal of a handler whose right was taken over', async () => {
    const chain = createEmbeddedChain();
    const store = createMemoryStore();
    chain.mine(1);
    const watcher = createWatcher({ chain: chain.ports, store, name: 'w' });
    await watcher.watchHeight('h', 1, { confirmations: 1 });
    const stop = new AbortController();
    let ended = false;
    // The store gives the right to somebody else, as it would after a pause of the whole process.
    let taken = false;
    const thief = new Proxy(store, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (name === 'acquireLease' && taken) return async () => undefined;
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const robbed = createWatcher({ chain: chain.ports, store: thief, name: 'w' });
    const running = robbed.run({
      signal: stop.signal,
      leaseMs: 100,
      deliver: async (_notice, { signal }) => {
        taken = true;
        await new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }));
        ended = !stop.signal.aborted;
      },
    });
    await expect.poll(() => ended).toBe(true);
    stop.abort();
    await running;
  });
});

describe('a script that is paid very often', () => {
  it('by one block does not stop the watcher: every payment is told, in order, once', async () => {
    const chain = createEmbeddedChain();
    const store = createMemoryStore();
    const watcher = createWatcher({ chain: chain.ports, store, name: 'w' });
    await watcher.watchScript('paid', PAID, { confirmations: 2 });
    const source = kitOutput('rich');
    const outpoint = chain.fund(source.scriptPubKey, satoshis(100_000_000n));
    const PAYMENTS = 4_500;
    const many = serializeTransaction({
      version: 2,
      inputs: [
        {
          previousTxid: outpoint.txid,
          previousIndex: outpoint.index,
          scriptSig: new Uint8Array(0),
          sequence: 0xffff_fffd,
          witness: source.witness,
        },
      ],
      outputs: Array.from({ length: PAYMENTS }, () => ({ scriptPubKey: PAID, value: satoshis(1_000n) })),
      lockTime: 0,
    });
    chain.mine(1, { transactions: [many] });
    chain.mine(1);
    await watcher.catchUp();
    const told: WatchNotice[] = [];
    for (;;) {
      const claims = await store.claimEffects({ limit: 1_000 });
      if (claims.length === 0) break;
      await store.settle(claims);
      told.push(...claims.map(({ data }) => data as WatchNotice));
    }
    expect(told.map(({ sequence }) => sequence)).toEqual(told.map((_, i) => i + 1));
    for (const kind of ['confirmed', 'final'])
      expect(new Set(told.filter((notice) => notice.kind === kind).map(({ index }) => index)).size).toBe(PAYMENTS);

    // And a watch that finds them afterwards.
    await watcher.watchScript('later', PAID, { confirmations: 2, since: 0 });
    expect((await watcher.state()).watches['later']?.sightings).toHaveLength(PAYMENTS);
  });
});
