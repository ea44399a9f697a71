import { createEmbeddedChain, type EmbeddedChain } from '@bitcoin-enterprise/chain';
import { BitcoindChain } from '@bitcoin-enterprise/chain/bitcoind';
import {
  createWatcher,
  initialWatchState,
  stepWatches,
  type Watcher,
  type WatchEvent,
  type WatchNotice,
} from '@bitcoin-enterprise/chain/watches';
import { displayHash, parseHex, satoshis } from '@bitcoin-enterprise/core';
import { createMemoryStore, type EventStore } from '@bitcoin-enterprise/events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findBitcoind, startBitcoind } from '../../../scripts/nodes/bitcoind.ts';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { kitOutput, kitSpend } from '../src/testing/kit-scripts.ts';
import { bitcoindHarness } from './support/bitcoind-harness.ts';
import { seeded } from './support/watch-history.ts';

/** All notices that were appended and not yet taken. */
async function take(store: EventStore): Promise<readonly WatchNotice[]> {
  const claims = await store.claimEffects({ limit: 1_000 });
  await store.settle(claims);
  return claims.map(({ data }) => data as WatchNotice);
}

const shown = ({ watch, kind, depth }: WatchNotice): string =>
  `${watch} ${kind}${depth === undefined ? '' : ` ${depth}`}`;

function setUp(): { readonly chain: EmbeddedChain; readonly store: EventStore; readonly watcher: Watcher } {
  const chain = createEmbeddedChain();
  const store = createMemoryStore();
  chain.mine(101);
  return { chain, store, watcher: createWatcher({ chain: chain.ports, store, name: 'test', pollMs: 5 }) };
}

describe('a watcher', () => {
  it('tells a payment to a script from its first block to its last depth', async () => {
    const { chain, store, watcher } = setUp();
    const { scriptPubKey } = kitOutput('paid');
    await watcher.watchScript('paid', scriptPubKey, { confirmations: 3, depths: [1, 2] });
    const { txid, index } = chain.fund(scriptPubKey, satoshis(70_000n));
    chain.mine(5);
    await watcher.catchUp();

    const notices = await take(store);
    expect(notices.map(shown)).toEqual(['paid confirmed 1', 'paid confirmed 2', 'paid final 3']);
    expect(notices[0]).toMatchObject({ key: 'paid#1', txid: displayHash(txid), index, value: '70000' });
    expect(notices.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
  });

  it('tells that a block was reorganised away, even after it was final, and that it came back', async () => {
    const { chain, store, watcher } = setUp();
    const { scriptPubKey } = kitOutput('reorganised');
    await watcher.watchScript('w', scriptPubKey, { confirmations: 2 });
    chain.fund(scriptPubKey, satoshis(70_000n));
    chain.mine(3);
    await watcher.catchUp();
    chain.reorg(4, { replacement: [] });
    await watcher.catchUp();
    chain.mine(1);
    await watcher.catchUp();

    expect((await take(store)).map(shown)).toEqual(['w confirmed 1', 'w final 2', 'w reorged-out 2', 'w confirmed 1']);
  });

  it('sees a transaction in the mempool, sees it leave, and finds what spends an output', async () => {
    const { chain, store, watcher } = setUp();
    const source = kitOutput('source');
    const outpoint = chain.fund(source.scriptPubKey, satoshis(100_000n));
    const spend = (value: bigint): Uint8Array =>
      kitSpend({ outpoint, witness: source.witness }, { scriptPubKey: source.scriptPubKey, value: satoshis(value) });
    const stop = new AbortController();
    const told: WatchNotice[] = [];
    await watcher.watchOutput('spent', outpoint, { confirmations: 1 });
    const running = watcher.run({ signal: stop.signal, deliver: async (notice) => void told.push(notice) });
    const first = chain.broadcast(spend(99_000n));
    await expect.poll(() => told.map(shown)).toEqual(['spent seen']);
    const second = chain.broadcast(spend(90_000n));
    await expect.poll(() => told.map(shown).sort()).toEqual(['spent seen', 'spent seen', 'spent vanished']);
    chain.mine(1);
    await expect.poll(() => told.map(shown).at(-1)).toBe('spent final 1');
    stop.abort();
    await running;

    expect(told.at(-1)?.txid).toBe(displayHash(second));
    expect(told.find(({ kind }) => kind === 'vanished')?.txid).toBe(displayHash(first));
    expect(await take(store)).toEqual([]);
  });

  it('finds what is there already', async () => {
    const { chain, store, watcher } = setUp();
    const { scriptPubKey } = kitOutput('earlier');
    const { height } = chain;
    const { txid } = chain.fund(scriptPubKey, satoshis(70_000n));
    chain.mine(1);
    await watcher.watchTransaction('tx', txid, { confirmations: 2 });
    await watcher.watchScript('script', scriptPubKey, { confirmations: 2, since: height });
    await watcher.watchHeight('past', height, { confirmations: 1 });
    await watcher.watchHeight('future', chain.height + 1, { confirmations: 2 });
    chain.mine(1);
    await watcher.catchUp();

    expect((await take(store)).map(shown)).toEqual([
      'tx confirmed 1',
      'tx final 2',
      'script confirmed 1',
      'script final 2',
      'past final 1',
      'future confirmed 1',
    ]);
  });

  it('is the same watch when it is asked for again, and no other under its name', async () => {
    const { watcher } = setUp();
    await watcher.watchHeight('h', 500);
    await watcher.watchHeight('h', 500);

    await expect(watcher.watchHeight('h', 501)).rejects.toMatchObject({ code: 'CHAIN_INVALID_ARGUMENT' });
    await watcher.unwatch('h');
    await watcher.watchHeight('h', 501);
    expect((await watcher.state()).watches['h']?.watch).toMatchObject({ height: 501 });
  });

  it('numbers on when a watch of the same name comes again, so that no key is used twice', async () => {
    const { chain, store, watcher } = setUp();
    await watcher.watchHeight('h', 102, { confirmations: 1 });
    chain.mine(1);
    await watcher.catchUp();
    await watcher.unwatch('h');
    await watcher.watchHeight('h', 103, { confirmations: 1 });
    chain.mine(1);
    await watcher.catchUp();

    expect((await take(store)).map(({ key }) => key)).toEqual(['h#1', 'h#2']);
  });

  it('says that it has lost the thread when none of its blocks is left', async () => {
    const { store, watcher } = setUp();
    await watcher.watchHeight('h', 500);
    const other = createEmbeddedChain();
    other.mine(120, { scriptPubKey: parseHex('52') });
    const elsewhere = createWatcher({ chain: other.ports, store, name: 'test' });

    await expect(elsewhere.catchUp()).rejects.toMatchObject({ code: 'CHAIN_WATCH_HISTORY_LOST' });
  });

  it('delivers again what a handler failed at, in order', async () => {
    const { chain, store, watcher } = setUp();
    await watcher.watchHeight('h', 102, { confirmations: 2 });
    chain.mine(2);
    const stop = new AbortController();
    const told: string[] = [];
    const running = watcher.run({
      signal: stop.signal,
      deliver: async (notice) => {
        told.push(shown(notice));
        if (told.length === 1) throw new Error('the handler is not ready');
      },
    });
    await expect.poll(() => told).toEqual(['h confirmed 1', 'h confirmed 1', 'h final 2']);
    stop.abort();
    await running;

    expect(await take(store)).toEqual([]);
  });
});

describe('the model of watches', () => {
  const block = (height: number, hash = `${height}`) => ({ hash, height });
  const started: WatchEvent = { type: 'started', blocks: [block(1), block(2)], keep: 10 };

  it('refuses names that every object has', async () => {
    const store = createMemoryStore();
    const watcher = createWatcher({ store, chain: createEmbeddedChain().ports, name: 'w' });
    for (const id of ['constructor', '__proto__', 'toString'])
      await expect(watcher.watchHeight(id, 5)).rejects.toMatchObject({ code: 'CHAIN_INVALID_ARGUMENT' });
  });

  it('refuses what cannot follow', () => {
    const { state } = stepWatches(initialWatchState, started);
    const connected: WatchEvent = { type: 'connected', block: block(4), previous: '3', matches: [] };

    expect(() => stepWatches(state, connected)).toThrow(/CHAIN_WATCH_STATE_INVALID/);
    expect(() => stepWatches(state, { type: 'disconnected', block: block(1) })).toThrow(/CHAIN_WATCH_STATE_INVALID/);
    const { state: shorter } = stepWatches(state, { type: 'disconnected', block: block(2) });
    expect(() => stepWatches(shorter, { type: 'disconnected', block: block(1) })).toThrow(/CHAIN_WATCH_HISTORY_LOST/);
  });

  it('is JSON: a step upon a state that was written and read comes to the same', () => {
    const events: WatchEvent[] = [
      started,
      { type: 'added', watch: { kind: 'height', id: 'h', height: 3, confirmations: 2, depths: [1, 2] }, found: [] },
      { type: 'connected', block: block(3), previous: '2', matches: [] },
      { type: 'disconnected', block: block(3) },
      { type: 'connected', block: block(3, '3b'), previous: '2', matches: [] },
    ];
    let plain = initialWatchState;
    let written = initialWatchState;
    for (const event of events) {
      const step = stepWatches(plain, event);
      const again = stepWatches(
        JSON.parse(JSON.stringify(written)) as typeof written,
        JSON.parse(JSON.stringify(event)) as WatchEvent,
      );
      expect(again).toEqual(step);
      plain = step.state;
      written = again.state;
    }
  });
});

describe('whatever happens to the chain and to the process', () => {
  it('the notices of every watch are a story without gap or contradiction that ends with the truth', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 0x7fff_ffff }), async (seed) => seeded(seed)),
      {
        numRuns: process.env['BE_LONG'] === '1' ? 5_000 : 60,
      },
    );
  });
});

const present = orSkip('bitcoind', await findBitcoind());

describe.skipIf(present === undefined)('on a real bitcoind', () => {
  it('a payment is followed through invalidateblock and back', async () => {
    const node = await startBitcoind();
    const harness = await bitcoindHarness(node);
    const chain = new BitcoindChain({ url: node.rpcUrl, auth: { cookie: node.cookie }, pollMs: 5 });
    const store = createMemoryStore();
    const watcher = createWatcher({ chain, store, name: 'real', pollMs: 5 });
    const { scriptPubKey } = kitOutput('on a real node');
    await watcher.watchScript('w', scriptPubKey, { confirmations: 3 });
    await harness.fund(scriptPubKey, satoshis(1_000_000n));
    const block = await node.rpc<string>('getbestblockhash');
    await harness.mine(2);
    await watcher.catchUp();
    expect((await take(store)).map(shown)).toEqual(['w confirmed 1', 'w final 3']);

    await node.rpc('invalidateblock', [block]);
    await watcher.catchUp();
    // Only behind, as far as anybody can tell who looks at its tip.
    expect(await take(store)).toEqual([]);
    const empty: string[] = [];
    for (let i = 0; i < 4; i++) empty.push((await node.rpc<{ hash: string }>('generateblock', ['raw(51)', []])).hash);
    await watcher.catchUp();
    expect((await take(store)).map(shown)).toEqual(['w reorged-out 3']);
    await node.rpc('reconsiderblock', [block]);
    await node.rpc('invalidateblock', [empty[0]]);
    await watcher.catchUp();
    expect(await take(store)).toEqual([]);
    await harness.mine(3);
    await watcher.catchUp();
    expect((await take(store)).map(shown)).toEqual(['w confirmed 1', 'w final 3']);
    await harness.close();
  });
});
