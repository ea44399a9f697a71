import { createEmbeddedChain, type EmbeddedChain } from '@bitcoin-enterprise/chain';
import { type ChainHarness, embeddedHarness } from '@bitcoin-enterprise/chain/testing';
import { ChainPool, type PoolChain, type PoolSource } from '@bitcoin-enterprise/chain/pool';
import { blockHeight, satoshis, SuiteError } from '@bitcoin-enterprise/core';
import { createManualClock } from '@bitcoin-enterprise/core/testing';
import { describe, expect, it } from 'vitest';
import { kitOutput, kitSpend } from '../src/testing/kit-scripts.ts';
import { type Dice, dice } from './support/dice.ts';
import { interrogate, truthOf } from './support/interrogation.ts';
import { questionsTo } from './support/questions.ts';

const long = process.env['BE_LONG'] === '1';
const down = (): never => {
  throw new SuiteError('CHAIN_NODE_UNREACHABLE', 'down', { details: {}, retryable: true });
};

/** A chain that another one's ports stand for, with some calls of its own. */
function disguised(chain: EmbeddedChain, changes: Partial<PoolChain>): PoolChain {
  return { ...chain.ports, ...changes };
}

function copyOf(chain: EmbeddedChain): EmbeddedChain {
  const copy = createEmbeddedChain();
  copy.load(chain.dump());
  return copy;
}

function poolOf(
  sources: readonly PoolSource[],
  more: Partial<ConstructorParameters<typeof ChainPool>[0]> = {},
): ChainPool {
  return new ChainPool({ network: 'regtest', sources, hedgeDelayMs: 30, inspectEveryMs: 0, pollMs: 5, ...more });
}

describe('a pool of three', () => {
  it('says what two of them say, and remembers who said something else', async () => {
    const chain = createEmbeddedChain();
    chain.mine(5);
    const liar = disguised(chain, {
      blockHash: async (height) => (height === 3 ? new Uint8Array(32) : chain.ports.blockHash(height)),
    });
    const pool = poolOf([
      { name: 'liar', chain: liar },
      { name: 'a', chain: chain.ports },
      { name: 'b', chain: chain.ports },
    ]);

    expect(await pool.blockHash(blockHeight(3))).toEqual(await chain.ports.blockHash(blockHeight(3)));
    const { ok, sources } = await pool.health();
    expect([ok, sources.map(({ dissents }) => dissents)]).toEqual([true, [1, 0, 0]]);
  });

  it('names the camps when no two agree', async () => {
    const chain = createEmbeddedChain();
    chain.mine(5);
    const other = (fill: number): PoolChain =>
      disguised(chain, {
        blockHash: async (height) => (height === 0 ? chain.ports.blockHash(height) : new Uint8Array(32).fill(fill)),
      });
    const pool = poolOf([
      { name: 'a', chain: other(1) },
      { name: 'b', chain: other(2) },
      { name: 'c', chain: other(3) },
    ]);

    await expect(pool.blockHash(blockHeight(3))).rejects.toMatchObject({
      code: 'CHAIN_SOURCES_DISAGREE',
      retryable: true,
      details: { call: 'blockHash', needed: 2, camps: [{ sources: ['a'] }, { sources: ['b'] }, { sources: ['c'] }] },
    });
  });

  it('goes on without one that is down, and says so when two are', async () => {
    const chain = createEmbeddedChain();
    const calls = { tip: async () => down(), blockHash: async () => down() };
    const dead = disguised(chain, calls);
    const pool = poolOf([
      { name: 'dead', chain: dead },
      { name: 'a', chain: chain.ports },
      { name: 'b', chain: chain.ports },
    ]);
    const poor = poolOf([
      { name: 'dead', chain: dead },
      { name: 'dead too', chain: dead },
      { name: 'a', chain: chain.ports },
    ]);

    expect((await pool.tip()).height).toBe(0);
    await expect(poor.tip()).rejects.toMatchObject({
      code: 'CHAIN_QUORUM_MISSING',
      details: {
        needed: 2,
        answered: 1,
        failures: [{ source: 'dead', error: 'CHAIN_NODE_UNREACHABLE' }, { source: 'dead too' }],
      },
    });
  });

  it('does not wait for one that hangs', async () => {
    const chain = createEmbeddedChain();
    const stuck = async (): Promise<never> => new Promise(() => {});
    const pool = poolOf(
      [
        { name: 'stuck', chain: disguised(chain, { tip: stuck, header: stuck, blockHash: stuck, network: stuck }) },
        { name: 'a', chain: chain.ports },
        { name: 'b', chain: chain.ports },
      ],
      { timeoutMs: 5_000 },
    );
    const started = performance.now();

    expect((await pool.tip()).height).toBe(0);
    expect(performance.now() - started).toBeLessThan(2_500);
  });

  it('passes over one that is behind until it has caught up', async () => {
    const chain = createEmbeddedChain();
    chain.mine(5);
    const late = copyOf(chain);
    chain.mine(10);
    const pool = poolOf([
      {
        name: 'late',
        chain: { ...late.ports, tip: async () => late.ports.tip(), header: async (hash) => late.ports.header(hash) },
      },
      { name: 'a', chain: chain.ports },
      { name: 'b', chain: chain.ports },
    ]);

    expect((await pool.tip()).height).toBe(15);
    expect((await pool.health()).sources[0]).toMatchObject({ state: 'stale', lagBlocks: 10, height: 5 });
    late.load(chain.dump());
    expect((await pool.health()).sources[0]).toMatchObject({ state: 'ok', lagBlocks: 0, height: 15 });
  });

  it('does not believe one that claims to be far ahead', async () => {
    const chain = createEmbeddedChain();
    chain.mine(5);
    const boaster = copyOf(chain);
    boaster.mine(500);
    const pool = poolOf([
      { name: 'boaster', chain: boaster.ports },
      { name: 'a', chain: chain.ports },
      { name: 'b', chain: chain.ports },
    ]);

    expect((await pool.tip()).height).toBe(5);
    expect((await pool.health()).sources.map(({ state }) => state)).toEqual(['ok', 'ok', 'ok']);
  });

  it('passes over tips that are too old', async () => {
    const chain = createEmbeddedChain();
    chain.mine(1);
    const clock = createManualClock((chain.tip.time + 7_200) * 1_000);
    const sources = [{ name: 'a', chain: chain.ports }];

    await expect(poolOf(sources, { clock, maxTipAgeSeconds: 3_600 }).tip()).rejects.toMatchObject({
      code: 'CHAIN_QUORUM_MISSING',
      details: { failures: [{ source: 'a', error: 'stale tip' }] },
    });
    expect((await poolOf(sources, { clock, maxTipAgeSeconds: 8_000 }).tip()).height).toBe(1);
  });

  it('refuses one of another network, also when it becomes one behind the same address', async () => {
    const chain = createEmbeddedChain();
    chain.mine(5);
    const elsewhere = createEmbeddedChain();
    elsewhere.mine(8, { scriptPubKey: Uint8Array.of(0x52) });
    const hash = (await chain.ports.blockHash(blockHeight(2))) as Uint8Array;
    let current: EmbeddedChain = chain;
    let failing = false;
    const moving = disguised(chain, {
      tip: async (call) => (failing ? down() : current.ports.tip(call)),
      blockHash: async (height, call) => current.ports.blockHash(height, call),
    });
    const pool = poolOf(
      [
        { name: 'moving', chain: moving },
        { name: 'a', chain: chain.ports },
        { name: 'b', chain: chain.ports },
      ],
      { checkpoints: [{ hash, height: blockHeight(2) }] },
    );
    expect((await pool.health()).sources[0]?.state).toBe('ok');
    failing = true;
    expect((await pool.health()).sources[0]?.state).toBe('down');
    failing = false;
    current = elsewhere;
    expect((await pool.health()).sources[0]).toMatchObject({
      state: 'wrong-network',
      lastError: 'CHAIN_WRONG_NETWORK',
    });
    expect((await pool.tip()).height).toBe(5);
    current = chain;
    expect((await pool.health()).sources[0]?.state).toBe('ok');
  });

  it('opens the breaker of one that fails, and closes it when it is well', async () => {
    const chain = createEmbeddedChain();
    let failing = true;
    let calls = 0;
    const moody = disguised(chain, {
      tip: async (call) => {
        calls += 1;
        return failing ? down() : chain.ports.tip(call);
      },
    });
    const pool = poolOf(
      [
        { name: 'moody', chain: moody },
        { name: 'a', chain: chain.ports },
        { name: 'b', chain: chain.ports },
      ],
      { breaker: { consecutiveFailures: 3, openMs: 50 } },
    );
    for (let i = 0; i < 6; i++) await pool.tip();
    expect((await pool.health()).sources[0]?.breaker).toBe('open');
    expect(calls).toBe(3);
    failing = false;
    await expect.poll(async () => (await pool.health()).sources[0]).toMatchObject({ state: 'ok', breaker: 'closed' });
  });

  it('sends to all, and one that takes it is enough', async () => {
    const harness = embeddedHarness();
    const output = kitOutput('pool');
    const outpoint = await harness.fund(output.scriptPubKey, satoshis(100_000n));
    const bytes = kitSpend(
      { outpoint, witness: output.witness },
      { scriptPubKey: output.scriptPubKey, value: satoshis(99_000n) },
    );
    const refusing = { ...harness.chain, broadcast: async () => down() };
    const pool = poolOf([
      { name: 'refusing', chain: refusing },
      { name: 'a', chain: harness.chain },
    ]);
    const txid = await pool.broadcast(bytes);

    expect((await harness.chain.transaction(txid))?.confirmations).toBe(0);
    expect(await pool.broadcast(bytes)).toEqual(txid);
    const none = poolOf([{ name: 'refusing', chain: refusing }]);
    await expect(none.broadcast(bytes)).rejects.toMatchObject({
      code: 'CHAIN_QUORUM_MISSING',
      details: { call: 'broadcast' },
    });
    const greedy = kitSpend(
      { outpoint, witness: output.witness },
      { scriptPubKey: output.scriptPubKey, value: satoshis(200_000n) },
    );
    await expect(pool.broadcast(greedy)).rejects.toMatchObject({ code: 'CHAIN_TX_REJECTED' });
  });

  it.for([
    {},
    { network: 'moon' },
    { network: 'regtest', sources: [] },
    { network: 'regtest', sources: [{ name: 'a' }] },
    { network: 'regtest', sources: [null] },
    { network: 'regtest', sources: [{ name: 'a', chain: createEmbeddedChain().ports }], quorum: 2 },
    { network: 'regtest', sources: [{ name: 'a', chain: createEmbeddedChain().ports }], hedgeDelayMs: -1 },
  ])('refuses the settings %#', (options) => {
    expect(() => new ChainPool(options as never)).toThrow(
      expect.objectContaining({ code: 'CHAIN_INVALID_ARGUMENT' }) as Error,
    );
  });
});

describe('one of three lies at random, and all of them fail at random', () => {
  it('no answer of the pool is wrong', async () => {
    const roll = dice(Number(process.env['BE_SEED'] ?? 21));
    const inner = embeddedHarness();
    const questions = await questionsTo(inner, 'pool');
    const truth = await truthOf(inner.chain, questions);
    const elsewhere = embeddedHarness();
    await questionsTo(elsewhere, 'another chain');
    const early = embeddedHarness();
    await early.mine(101);
    const pool = poolOf(
      [
        { name: 'liar', chain: unreliable(roll, [inner, elsewhere, early]) },
        { name: 'a', chain: unreliable(roll, [inner]) },
        { name: 'b', chain: unreliable(roll, [inner]) },
      ],
      // Tips that a quorum has and that are behind by no block: the chain stands still.
      { timeoutMs: 60, hedgeDelayMs: 10, maxLagBlocks: 0, breaker: { consecutiveFailures: 20, openMs: 5 } },
    );
    const count = long ? 10_000 : 160;
    const { right } = await interrogate(pool, { roll, questions, truth, count });

    expect(right).toBeGreaterThan(count / 4);
  });
});

/** Answers of one chain or another, late, never, or not at all. */
function unreliable(roll: Dice, worlds: readonly ChainHarness[]): PoolChain {
  const spoil = <Call extends (...parts: never[]) => Promise<unknown>>(pick: (chain: PoolChain) => Call): Call =>
    (async (...parts: Parameters<Call>) => {
      if (roll.oneIn(10)) return down();
      if (roll.oneIn(60)) return new Promise(() => {});
      if (roll.oneIn(10)) await new Promise((done) => setTimeout(done, roll.below(20)));
      const world = worlds[roll.below(worlds.length)] as ChainHarness;
      return pick(world.chain).apply(world.chain, parts);
    }) as unknown as Call;
  return {
    network: spoil((chain) => chain.network),
    tip: spoil((chain) => chain.tip),
    blockHash: spoil((chain) => chain.blockHash),
    header: spoil((chain) => chain.header),
    block: spoil((chain) => chain.block),
    transaction: spoil((chain) => chain.transaction),
    unspentOutput: spoil((chain) => chain.unspentOutput),
    unspentOutputsOf: spoil((chain) => chain.unspentOutputsOf),
  };
}
