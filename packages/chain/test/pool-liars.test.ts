import { createEmbeddedChain, type EmbeddedChain } from '@bitcoin-enterprise/chain';
import { ChainPool, type PoolChain, type PoolSource } from '@bitcoin-enterprise/chain/pool';
import { embeddedHarness } from '@bitcoin-enterprise/chain/testing';
import { displayHash, feeRate, type FeeRate, parseHex, satoshis, SuiteError } from '@bitcoin-enterprise/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kitOutput, kitSpend } from '../src/testing/kit-scripts.ts';
import type { MempoolEvent } from '../src/ports/subscriptions.ts';

const down = (): never => {
  throw new SuiteError('CHAIN_NODE_UNREACHABLE', 'down', { details: {}, retryable: true });
};

function disguised(chain: EmbeddedChain, changes: Partial<PoolChain>): PoolChain {
  return { ...chain.ports, ...changes };
}

function poolOf(
  sources: readonly PoolSource[],
  more: Partial<ConstructorParameters<typeof ChainPool>[0]> = {},
): ChainPool {
  return new ChainPool({ network: 'regtest', sources, hedgeDelayMs: 30, inspectEveryMs: 0, pollMs: 5, ...more });
}

/** A chain, and another one of more blocks that pays to a script of ours. */
function ownAndLiar() {
  const own = createEmbeddedChain();
  own.mine(10);
  const liar = createEmbeddedChain();
  liar.mine(10, { scriptPubKey: parseHex('52') });
  liar.fund(parseHex('51'), satoshis(99_999n));
  liar.mine(60);
  return { own, liar };
}

const states = async (pool: ChainPool): Promise<readonly string[]> =>
  (await pool.health()).sources.map(({ state }) => state);

describe('a pool whose quorum is 1', () => {
  it('asks the first source, whatever height another one claims', async () => {
    const { own, liar } = ownAndLiar();
    const pool = poolOf(
      [
        { name: 'own', chain: own.ports },
        { name: 'liar', chain: liar.ports },
      ],
      { quorum: 1 },
    );

    expect((await pool.tip()).height).toBe(10);
    expect(await pool.unspentOutputsOf(parseHex('51'))).toEqual([]);
    expect(await states(pool)).toEqual(['ok', 'ok']);
  });

  it('goes on with the next one when the first is down, or behind more than half of them', async () => {
    const chain = createEmbeddedChain();
    chain.mine(3);
    const late = createEmbeddedChain();
    late.load(chain.dump());
    chain.mine(9);
    const dead = disguised(chain, { tip: async () => down(), header: async () => down() });
    const pool = poolOf(
      [
        { name: 'dead', chain: dead },
        { name: 'late', chain: late.ports },
        { name: 'a', chain: chain.ports },
        { name: 'b', chain: chain.ports },
      ],
      { quorum: 1 },
    );

    expect((await pool.tip()).height).toBe(12);
    expect(await states(pool)).toEqual(['down', 'stale', 'ok', 'ok']);
  });

  it('takes the estimate of the first one that has one', async () => {
    const chain = createEmbeddedChain();
    const saying = (rate: FeeRate | undefined): PoolChain => disguised(chain, { estimateFeeRate: async () => rate });
    const of = async (...rates: readonly (FeeRate | undefined)[]): Promise<FeeRate | undefined> =>
      poolOf(
        rates.map((rate, i) => ({ name: `${i}`, chain: saying(rate) })),
        { quorum: 1 },
      ).estimateFeeRate(2);

    expect(await of(undefined, feeRate(1_000n), feeRate(10n ** 9n))).toBe(1_000n);
    expect(await of(undefined, undefined)).toBeUndefined();
  });
});

describe('liars, fewer than a quorum,', () => {
  it('cannot make honest sources look as if they were behind', async () => {
    const { own, liar } = ownAndLiar();
    for (const [honest, liars, quorum] of [
      [2, 1, 2],
      [3, 1, 2],
      [3, 2, 3],
      [4, 1, 3],
      [1, 1, 1],
    ] as const) {
      const sources = [
        ...Array.from({ length: liars }, (_, i) => ({ name: `liar ${i}`, chain: liar.ports })),
        ...Array.from({ length: honest }, (_, i) => ({ name: `honest ${i}`, chain: own.ports })),
      ];
      const ordered = quorum === 1 ? sources.reverse() : sources;
      const pool = poolOf(ordered, { quorum });
      expect(
        (await states(pool)).every((state) => state === 'ok'),
        `${honest} against ${liars}`,
      ).toBe(true);
      expect((await pool.tip()).height, `${honest} against ${liars}`).toBe(10);
    }
  });

  it('cannot be told from the others when there are two that must agree: then nothing is said', async () => {
    const { own, liar } = ownAndLiar();
    const pool = poolOf([
      { name: 'own', chain: own.ports },
      { name: 'liar', chain: liar.ports },
    ]);

    await expect(pool.tip()).rejects.toMatchObject({ code: 'CHAIN_QUORUM_MISSING' });
  });

  it('cannot raise a fee rate above all that honest sources say', async () => {
    const chain = createEmbeddedChain();
    const rate = fc.bigInt(1_000n, 500_000n);
    await fc.assert(
      fc.asyncProperty(fc.array(rate, { minLength: 1, maxLength: 4 }), fc.nat(3), async (honest, lying) => {
        const liars = Math.min(lying, honest.length - 1);
        const rates = [...honest, ...Array.from({ length: liars }, () => 10n ** 12n)];
        const sources = rates.map((value, i) => ({
          name: `${i}`,
          chain: disguised(chain, { estimateFeeRate: async () => feeRate(value) }),
        }));
        const said = await poolOf(sources, { quorum: liars + 1 }).estimateFeeRate(2);
        const highest = honest.reduce((a, b) => (a > b ? a : b));
        const lowest = honest.reduce((a, b) => (a < b ? a : b));
        expect(said).toBeGreaterThanOrEqual(lowest);
        expect(said).toBeLessThanOrEqual(highest);
      }),
      { numRuns: 40 },
    );
  });

  it('have no estimate to themselves', async () => {
    const chain = createEmbeddedChain();
    const saying = (name: string, rate: FeeRate | undefined): PoolSource => ({
      name,
      chain: disguised(chain, { estimateFeeRate: async () => rate }),
    });
    const huge = feeRate(10n ** 12n);
    const silent = [saying('a', undefined), saying('b', undefined), saying('liar', huge)];
    const downs = ['a', 'b'].map((name) => ({
      name,
      chain: disguised(chain, { estimateFeeRate: async () => down() }),
    }));

    expect(await poolOf(silent).estimateFeeRate(2)).toBeUndefined();
    expect(await poolOf([saying('a', feeRate(1_000n)), saying('liar', huge)]).estimateFeeRate(2)).toBe(1_000n);
    await expect(poolOf([...downs, saying('liar', huge)]).estimateFeeRate(2)).rejects.toMatchObject({
      code: 'CHAIN_QUORUM_MISSING',
      details: { call: 'estimateFeeRate', needed: 2, answered: 1, failures: [{ source: 'a' }, { source: 'b' }] },
    });
  });
});

/** A mempool whose events a test makes. */
function mempoolOf(chain: EmbeddedChain) {
  const events: (MempoolEvent | Error)[] = [];
  let wake = (): void => undefined;
  const source = disguised(chain, {
    async *mempoolEvents({ signal } = {}) {
      while (signal?.aborted !== true) {
        const event = events.shift();
        if (event instanceof Error) throw event;
        if (event !== undefined) yield event;
        else
          await new Promise<void>((done) => {
            wake = done;
            signal?.addEventListener('abort', () => done(), { once: true });
          });
      }
    },
  });
  return {
    source,
    say(type: MempoolEvent['type'], fill: number): void {
      events.push({ type, txid: new Uint8Array(32).fill(fill) });
      wake();
    },
    fail(): void {
      events.push(new SuiteError('CHAIN_NODE_UNREACHABLE', 'down', { details: {}, retryable: true }));
      wake();
    },
  };
}

/** What a pool tells, as text, as it comes. */
function told(pool: ChainPool): { readonly events: readonly string[]; close(): Promise<void> } {
  const events: string[] = [];
  const iterator = pool.mempoolEvents();
  const run = (async () => {
    for (;;) {
      const { done, value } = await iterator.next();
      if (done === true) return;
      events.push(`${value.type} ${value.txid[0]}`);
    }
  })();
  return {
    events,
    async close() {
      await iterator.return?.();
      await run;
    },
  };
}

describe('the mempool of a pool', () => {
  const chain = createEmbeddedChain();
  const lacking = disguised(chain, {
    // oxlint-disable-next-line require-yield
    async *mempoolEvents() {
      throw new SuiteError('CHAIN_CALL_UNSUPPORTED', 'none', { details: {} });
    },
  });

  it('tells what a quorum has, and not what one has to itself, which holds up nothing', async () => {
    const [a, b, c] = [mempoolOf(chain), mempoolOf(chain), mempoolOf(chain)];
    const { events, close } = told(
      poolOf([
        { name: 'a', chain: a.source },
        { name: 'b', chain: b.source },
        { name: 'c', chain: c.source },
      ]),
    );
    a.say('added', 1);
    a.say('added', 2);
    b.say('added', 2);
    c.say('added', 3);
    b.say('added', 3);

    await expect.poll(() => events).toEqual(['added 2', 'added 3']);
    // The third one having it, too, is no news; one that keeps what the others have lost cannot keep it waiting.
    c.say('added', 2);
    b.say('removed', 2);
    c.say('removed', 2);
    await expect.poll(() => events).toEqual(['added 2', 'added 3', 'removed 2']);
    b.say('added', 2);
    await expect.poll(() => events.at(-1)).toBe('added 2');
    await close();
  });

  it('counts those who can tell, and those who tell now', async () => {
    const [a, b] = [mempoolOf(chain), mempoolOf(chain)];
    const { events, close } = told(
      poolOf([
        { name: 'electrum', chain: lacking },
        { name: 'electrum too', chain: lacking },
        { name: 'a', chain: a.source },
        { name: 'b', chain: b.source },
      ]),
    );
    a.say('added', 1);
    b.say('added', 1);
    a.say('added', 2);
    await expect.poll(() => events).toEqual(['added 1']);
    b.fail();
    // What was told does not leave with a source that fails; what the other one has is enough now.
    await expect.poll(() => events).toEqual(['added 1', 'added 2']);
    a.say('removed', 1);
    await expect.poll(() => events).toEqual(['added 1', 'added 2', 'removed 1']);
    await close();
  });

  it('is told by one that was down at first', async () => {
    const [a, b] = [mempoolOf(chain), mempoolOf(chain)];
    let failing = true;
    const late: PoolChain = { ...b.source, tip: async (call) => (failing ? down() : chain.ports.tip(call)) };
    const { events, close } = told(
      poolOf(
        [
          { name: 'a', chain: a.source },
          { name: 'late', chain: late },
          { name: 'c', chain: mempoolOf(chain).source },
        ],
        { breaker: { consecutiveFailures: 1_000 } },
      ),
    );
    a.say('added', 1);
    b.say('added', 1);
    await new Promise((done) => setTimeout(done, 50));
    expect(events).toEqual([]);
    failing = false;
    await expect.poll(() => events).toEqual(['added 1']);
    await close();
  });

  it('is not followed at one of another network', async () => {
    const elsewhere = mempoolOf(chain);
    const own = mempoolOf(chain);
    const { events, close } = told(
      poolOf(
        [
          { name: 'elsewhere', chain: { ...elsewhere.source, network: async () => 'signet' } },
          { name: 'own', chain: own.source },
        ],
        { quorum: 1 },
      ),
    );
    elsewhere.say('added', 1);
    own.say('added', 2);
    await expect.poll(() => events).toEqual(['added 2']);
    await close();
  });

  it('shows what is sent, whatever ghosts one source has', async () => {
    const harness = embeddedHarness();
    const output = kitOutput('ghosts');
    const outpoint = await harness.fund(output.scriptPubKey, satoshis(100_000n));
    const bytes = kitSpend(
      { outpoint, witness: output.witness },
      { scriptPubKey: output.scriptPubKey, value: satoshis(99_000n) },
    );
    const haunted: PoolChain = {
      ...harness.chain,
      async *mempoolEvents(call) {
        yield { type: 'added', txid: new Uint8Array(32).fill(9) };
        yield* harness.chain.mempoolEvents(call);
      },
    };
    const pool = poolOf([
      { name: 'haunted', chain: haunted },
      { name: 'a', chain: harness.chain },
    ]);
    const iterator = pool.mempoolEvents();
    const first = iterator.next();
    const txid = await pool.broadcast(bytes);

    const { value } = await first;
    expect(value === undefined ? undefined : displayHash(value.txid)).toBe(displayHash(txid));
    await iterator.return?.();
  });
});

describe('a block of a pool', () => {
  it('is not said to be absent by the only source that hands out blocks, when a quorum knows it', async () => {
    const chain = createEmbeddedChain();
    chain.mine(5);
    const { hash } = await chain.ports.tip();
    const block = async (): Promise<never> => {
      throw new SuiteError('CHAIN_CALL_UNSUPPORTED', 'none', { details: {} });
    };
    const pool = poolOf([
      { name: 'liar', chain: disguised(chain, { block: async () => undefined }) },
      { name: 'electrum', chain: disguised(chain, { block }) },
      { name: 'electrum too', chain: disguised(chain, { block }) },
    ]);

    await expect(pool.block(hash)).rejects.toMatchObject({ code: 'CHAIN_QUORUM_MISSING', details: { call: 'block' } });
    expect(await pool.block(new Uint8Array(32))).toBeUndefined();
  });
});

describe('a source whose answers are of another form', () => {
  it.for<unknown>([null, undefined, 5, 'x', {}, [], { height: 1 }, { hash: new Uint8Array(32), height: Number.NaN }])(
    'is passed over by a pool, and pulls it down in no call: %j',
    async (answer) => {
      const chain = createEmbeddedChain();
      chain.mine(5);
      const { hash } = await chain.ports.tip();
      const made = async (): Promise<never> => answer as never;
      const calls = ['tip', 'header', 'block', 'transaction', 'unspentOutput', 'unspentOutputsOf'] as const;
      const all = { ...Object.fromEntries(calls.map((call) => [call, made])), estimateFeeRate: made, broadcast: made };
      const events = {
        async *mempoolEvents() {
          yield answer as never;
        },
      };
      for (const changes of [
        all,
        { ...all, network: made, blockHash: made, ...events },
        { ...all, tip: chain.ports.tip },
      ]) {
        const pool = poolOf([
          { name: 'bad', chain: disguised(chain, changes as Partial<PoolChain>) },
          { name: 'a', chain: chain.ports },
          { name: 'b', chain: chain.ports },
        ]);
        const { events: heard, close } = told(pool);

        expect([(await pool.tip()).height, (await pool.header(hash))?.height]).toEqual([5, 5]);
        expect(await pool.block(hash)).toEqual(await chain.ports.block(hash));
        expect(await pool.transaction(new Uint8Array(32))).toBeUndefined();
        expect(await pool.unspentOutputsOf(parseHex('53'))).toEqual([]);
        expect(await pool.estimateFeeRate(2)).toEqual(await chain.ports.estimateFeeRate(2));
        expect((await pool.health()).ok).toBe(true);
        expect(heard).toEqual([]);
        await close();
      }
    },
  );
});
