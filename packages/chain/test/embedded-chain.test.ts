import { displayHash, hasCode, parseHex, satoshis, systemClock, toHex } from '@bitcoin-enterprise/core';
import { createManualClock } from '@bitcoin-enterprise/core/testing';
import { type ChainEvent, createEmbeddedChain, type EmbeddedChain, FUNDER_SCRIPT } from '@bitcoin-enterprise/chain';
import { parseTransaction, serializeTransaction, transactionId } from '@bitcoin-enterprise/script';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildBlock, inputOf, spend } from './support/block-workshop.ts';

const script = parseHex(`51${'61'.repeat(10)}`);
const locked = parseHex(`00${'61'.repeat(10)}`);

/** Code and details of the error that a call throws. */
function failureOf(call: () => unknown): { readonly code?: unknown; readonly details?: unknown } {
  try {
    call();
  } catch (error) {
    return error as { code?: unknown; details?: unknown };
  }
  return {};
}

/** A transaction of one funded output, paying a fee. */
function spendOf(chain: EmbeddedChain, fee = 1_000n): Uint8Array {
  const { txid, index, value } = chain.fund(script, satoshis(1_000_000n));
  return serializeTransaction(
    spend([inputOf({ txid, index })], { outputs: [{ value: value - fee, scriptPubKey: script }] }),
  );
}

const idOf = (chain: EmbeddedChain): string => displayHash(chain.tip.hash);

describe('a fresh chain', () => {
  it("stands at Bitcoin's regtest genesis block", () => {
    const chain = createEmbeddedChain();

    expect([chain.height, idOf(chain)]).toEqual([
      0,
      '0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206',
    ]);
    expect(chain.tip.time).toBe(1_296_688_602);
  });

  it('is the same each time, to the last hash', () => {
    const make = (): string => {
      const chain = createEmbeddedChain();
      chain.mine(5);
      chain.fund(script, satoshis(1n));
      return idOf(chain);
    };

    expect(make()).toBe(make());
  });
});

describe('mine', () => {
  it('adds blocks ten minutes apart, with the reward where it was asked for', () => {
    const chain = createEmbeddedChain();
    const [first, second] = chain.mine(2, { scriptPubKey: script });

    expect([first?.height, second?.height]).toEqual([1, 2]);
    expect(chain.tip.time).toBe(1_296_688_602 + 1_200);
    expect(chain.balance(script)).toBe(10_000_000_000n);
  });

  it('takes a time above the median and refuses one below', () => {
    const chain = createEmbeddedChain();
    chain.mine(12);
    chain.mine(1, { time: chain.tip.time + 86_400 });
    const { medianTime } = chain.tip;
    chain.mine(1, { time: medianTime + 1 });

    expect(failureOf(() => chain.mine(1, { time: chain.tip.medianTime }))).toMatchObject({
      code: 'CHAIN_TIME_OUT_OF_RANGE',
    });
  });

  it('keeps to a clock when there is one', () => {
    const clock = createManualClock(1_800_000_000_000);
    const chain = createEmbeddedChain({ clock });
    chain.mine(1);
    clock.advanceMs(30_000);
    chain.mine(1);

    expect(chain.tip.time).toBe(1_800_000_030);
    const wall = createEmbeddedChain({ clock: systemClock() });
    wall.mine(3);
    expect(Math.abs(wall.tip.time - Date.now() / 1_000)).toBeLessThan(10);
  });

  it('mines exactly the transactions given, or nothing at all', () => {
    const chain = createEmbeddedChain();
    const waiting = spendOf(chain);
    chain.broadcast(waiting);
    const given = spendOf(chain);
    chain.mine(1, { transactions: [given] });
    expect(chain.mempool().map(toHex)).toEqual([toHex(transactionIdOf(waiting))]);

    const before = idOf(chain);
    const failure = failureOf(() => chain.mine(2, { transactions: [given] }));
    expect(failure).toMatchObject({ code: 'CHAIN_TX_REJECTED' });
    expect(idOf(chain)).toBe(before);
  });

  it('halves the subsidy every 150 blocks', () => {
    const chain = createEmbeddedChain();
    chain.mine(299);
    const rewards = chain.utxos(FUNDER_SCRIPT).map(({ value }) => value);

    expect(rewards.reduce((sum, value) => sum + value, 0n)).toBe(149n * 5_000_000_000n + 150n * 2_500_000_000n);
  });
});

describe('fund', () => {
  it('pays by an ordinary transaction in a block that replays', () => {
    const chain = createEmbeddedChain();
    const output = chain.fund(script, satoshis(123_456n));
    const copy = createEmbeddedChain();
    for (const block of chain.blocks()) copy.submitBlock(block);

    expect(chain.utxos(script)).toEqual([{ ...output, coinbase: false }]);
    expect(idOf(copy)).toBe(idOf(chain));
    expect(copy.balance(script)).toBe(123_456n);
    expect(chain.faithful).toBe(true);
  });

  it('takes one block once there is money, and leaves the mempool waiting', () => {
    const chain = createEmbeddedChain();
    chain.broadcast(spendOf(chain));
    const { height } = chain;
    chain.fund(script, satoshis(5_000n));

    expect(chain.height).toBe(height + 1);
    expect(chain.mempool()).toHaveLength(1);
  });

  it('gathers many rewards for a large amount, and says when all of them do not suffice', () => {
    const chain = createEmbeddedChain();
    chain.fund(script, satoshis(500_000_000_000n));

    expect(chain.balance(script)).toBe(500_000_000_000n);
    expect(failureOf(() => chain.fund(script, satoshis(2_000_000_000_000n)))).toMatchObject({
      code: 'CHAIN_FUNDS_INSUFFICIENT',
      details: { wanted: 2_000_000_000_000n },
    });
  });
});

describe('injectUtxo', () => {
  it('makes any amount at once, and is marked', () => {
    const chain = createEmbeddedChain();
    const output = chain.injectUtxo(script, satoshis(2_000_000_000_000_000n));
    chain.broadcast(serializeTransaction(spend([inputOf(output)], { outputs: [{ value: 1n, scriptPubKey: script }] })));
    chain.mine(1);

    expect(chain.faithful).toBe(false);
    const [block] = [...chain.blocks()];
    expect(failureOf(() => createEmbeddedChain().submitBlock(block as Uint8Array))).toMatchObject({
      details: { reason: 'bad-cb-amount' },
    });
  });
});

it('money from nothing still keeps to what amounts there can be', () => {
  const chain = createEmbeddedChain();
  const all = [1, 2].map(() => chain.injectUtxo(script, satoshis(2_100_000_000_000_000n)));
  const both = serializeTransaction(spend(all.map((output) => inputOf(output))));
  const each = all.map((output) => serializeTransaction(spend([inputOf(output)])));

  expect(failureOf(() => chain.broadcast(both))).toMatchObject({
    details: { reason: 'bad-txns-inputvalues-outofrange' },
  });
  const block = buildBlock(chain, { transactions: each.map((bytes) => parseTransaction(bytes)) });
  expect(failureOf(() => chain.submitBlock(block))).toMatchObject({
    details: { reason: 'bad-txns-accumulated-fee-outofrange' },
  });
});

describe('warp', () => {
  it('makes a lock time pass that had not', () => {
    const chain = createEmbeddedChain();
    const { txid, index } = chain.fund(script, satoshis(10_000n));
    const lockTime = chain.tip.time + 1_000_000;
    const tx = serializeTransaction(
      spend([inputOf({ txid, index }, { sequence: 0 })], {
        lockTime,
        outputs: [{ value: 5_000n, scriptPubKey: script }],
      }),
    );

    expect(chain.testAccept(tx)).toMatchObject({ accepted: false, rejection: { reason: 'non-final' } });
    chain.warp(lockTime);
    expect(chain.testAccept(tx)).toMatchObject({ accepted: true });
  });

  it('sets the least time of the next block and never goes back', () => {
    const chain = createEmbeddedChain();
    chain.setTime(1_400_000_000);
    chain.setTime(1_300_000_000);
    chain.mine(1);

    expect(chain.tip.time).toBe(1_400_000_000);
  });
});

describe('a snapshot', () => {
  it('is reverted to, as often as wanted, with everything as it was', () => {
    const chain = createEmbeddedChain();
    chain.broadcast(spendOf(chain));
    const id = chain.snapshot();
    const before = chain.dump();
    for (let i = 0; i < 3; i++) {
      chain.mine(2 + i);
      chain.reorg(1);
      chain.impersonate(locked);
      chain.revert(id);
      expect(chain.dump()).toEqual(before);
    }
  });

  it('drops those after it, and unknown ones have a code', () => {
    const chain = createEmbeddedChain();
    const first = chain.snapshot();
    const second = chain.snapshot();
    chain.revert(first);

    expect(failureOf(() => chain.revert(second))).toMatchObject({ code: 'CHAIN_SNAPSHOT_UNKNOWN' });
    expect(failureOf(() => chain.revert('x' as unknown as number))).toMatchObject({ code: 'CHAIN_SNAPSHOT_UNKNOWN' });
  });

  it('costs the same for a long chain as for a short one', () => {
    const chain = createEmbeddedChain();
    chain.mine(500);
    const start = performance.now();
    for (let i = 0; i < 10_000; i++) chain.revert(chain.snapshot());

    expect(performance.now() - start).toBeLessThan(1_000);
  });
});

describe('a reorganisation', () => {
  it('lets what it disconnects wait again', () => {
    const chain = createEmbeddedChain();
    const tx = spendOf(chain);
    chain.broadcast(tx);
    chain.mine(2);
    chain.reorg(2);

    expect(chain.mempool().map(toHex)).toEqual([toHex(transactionIdOf(tx))]);
    chain.mine(1);
    expect(chain.mempool()).toEqual([]);
  });

  it('double-spends by its replacement, and what depended on the loser is gone', () => {
    const chain = createEmbeddedChain();
    const { txid, index } = chain.fund(script, satoshis(100_000n));
    const pay = (value: bigint): Uint8Array =>
      serializeTransaction(spend([inputOf({ txid, index })], { outputs: [{ value, scriptPubKey: script }] }));
    const child = serializeTransaction(
      spend([inputOf({ txid: transactionIdOf(pay(90_000n)), index: 0 })], {
        outputs: [{ value: 80_000n, scriptPubKey: script }],
      }),
    );
    chain.mine(1, { transactions: [pay(90_000n)] });
    chain.broadcast(child);
    chain.reorg(1, { replacement: [[pay(50_000n)]] });

    expect(chain.balance(script)).toBe(50_000n);
    expect(chain.mempool()).toEqual([]);
  });

  it('is one block longer, and not deeper than the chain', () => {
    const chain = createEmbeddedChain();
    chain.mine(4);
    const mined = chain.reorg(2);

    expect(mined.map(({ height }) => height)).toEqual([3, 4, 5]);
    expect(failureOf(() => chain.reorg(6))).toMatchObject({
      code: 'CHAIN_REORG_TOO_DEEP',
      details: { depth: 6, height: 5 },
    });
  });

  it('follows a stronger branch that was submitted, and stays on the first of two equal ones', () => {
    const chain = createEmbeddedChain();
    const rival = createEmbeddedChain();
    chain.mine(2);
    rival.mine(3, { scriptPubKey: script });
    const [one, two, three] = [...rival.blocks()] as [Uint8Array, Uint8Array, Uint8Array];

    expect(chain.submitBlock(one).became).toBe('branch');
    expect(chain.submitBlock(two).became).toBe('branch');
    expect(chain.submitBlock(three).became).toBe('tip');
    expect(chain.submitBlock(three).became).toBe('duplicate');
    expect(idOf(chain)).toBe(idOf(rival));
  });

  it('does not follow a stronger branch with a bad block in it', () => {
    const chain = createEmbeddedChain();
    chain.mine(1);
    const before = idOf(chain);
    const rival = createEmbeddedChain();
    rival.injectUtxo(script, satoshis(900_000_000_000n));
    rival.mine(1);
    const [bad, child] = [...rival.blocks()] as [Uint8Array, Uint8Array];

    expect(chain.submitBlock(bad).became).toBe('branch');
    expect(failureOf(() => chain.submitBlock(child))).toMatchObject({ details: { reason: 'bad-cb-amount' } });
    expect(idOf(chain)).toBe(before);
    expect(failureOf(() => chain.submitBlock(bad))).toMatchObject({ details: { reason: 'duplicate-invalid' } });
    expect(failureOf(() => chain.submitBlock(buildBlock(rival)))).toMatchObject({ details: { reason: 'bad-prevblk' } });
  });
});

describe('impersonate', () => {
  it('spends a script that cannot be satisfied, marks the chain, and ends when told', () => {
    const chain = createEmbeddedChain();
    const output = chain.fund(locked, satoshis(50_000n));
    const other = chain.fund(locked, satoshis(50_000n));
    const tx = (from: typeof output): Uint8Array =>
      serializeTransaction(spend([inputOf(from)], { outputs: [{ value: 40_000n, scriptPubKey: script }] }));
    expect(failureOf(() => chain.broadcast(tx(output)))).toMatchObject({ details: { scriptError: 'EVAL_FALSE' } });

    chain.impersonate(locked);
    chain.broadcast(tx(output));
    expect(chain.faithful).toBe(true);
    chain.mine(1);
    chain.stopImpersonating(locked);

    expect(chain.faithful).toBe(false);
    expect(chain.balance(script)).toBe(40_000n);
    expect(failureOf(() => chain.broadcast(tx(other)))).toMatchObject({ details: { scriptError: 'EVAL_FALSE' } });
  });

  it('of one outpoint leaves the others as they are, and survives a dump', () => {
    const chain = createEmbeddedChain();
    const output = chain.fund(locked, satoshis(50_000n));
    const other = chain.fund(locked, satoshis(50_000n));
    chain.impersonate({ txid: output.txid, index: output.index });
    const tx = (from: typeof output): Uint8Array =>
      serializeTransaction(spend([inputOf(from)], { outputs: [{ value: 40_000n, scriptPubKey: script }] }));
    chain.broadcast(tx(output));
    chain.mine(1);
    expect(failureOf(() => chain.broadcast(tx(other)))).toMatchObject({ code: 'CHAIN_TX_REJECTED' });

    const copy = createEmbeddedChain();
    copy.load(chain.dump());
    expect([copy.faithful, idOf(copy)]).toEqual([false, idOf(chain)]);
  });

  it('does not mark what was satisfied anyway', () => {
    const chain = createEmbeddedChain();
    const tx = spendOf(chain);
    chain.impersonate(script);
    chain.broadcast(tx);
    chain.mine(1);

    expect(chain.faithful).toBe(true);
  });
});

describe('trace', () => {
  it('shows the steps of a transaction that was refused, by its bytes', () => {
    const chain = createEmbeddedChain();
    const output = chain.fund(parseHex('5169006951'), satoshis(50_000n));
    const tx = serializeTransaction(spend([inputOf(output)], { outputs: [{ value: 1_000n, scriptPubKey: script }] }));
    const { verdict, steps } = chain.trace(tx, 0);

    expect(verdict).toEqual({ ok: false, error: 'VERIFY' });
    expect(steps).toHaveLength(4);
  });

  it('shows the steps of one that waits or is mined, by its id', () => {
    const chain = createEmbeddedChain();
    const txid = chain.broadcast(spendOf(chain));
    expect(chain.trace(txid, 0).verdict.ok).toBe(true);
    chain.mine(1);

    expect(chain.trace(txid, 0).verdict.ok).toBe(true);
    expect(failureOf(() => chain.trace(new Uint8Array(32), 0))).toMatchObject({ code: 'CHAIN_TX_UNKNOWN' });
    expect(failureOf(() => chain.trace(txid, 9))).toMatchObject({ code: 'SCRIPT_INPUT_INDEX_OUT_OF_RANGE' });
  });
});

describe('events', () => {
  it('tell of blocks and transactions in order, also across a revert', () => {
    const chain = createEmbeddedChain();
    const tx = spendOf(chain);
    const told: string[] = [];
    const stop = chain.on((event: ChainEvent) =>
      told.push(
        event.kind === 'block' ? `${event.type} ${event.height}` : `${event.type}${event.mined ? ' mined' : ''}`,
      ),
    );
    const { height } = chain;
    const id = chain.snapshot();
    chain.broadcast(tx);
    chain.mine(1);
    chain.revert(id);
    stop();
    chain.mine(1);

    expect(told).toEqual(['added', `connected ${height + 1}`, 'removed mined', `disconnected ${height + 1}`]);
  });

  it('come as an async iterable that a signal ends', async () => {
    const chain = createEmbeddedChain();
    const stop = new AbortController();
    const told: number[] = [];
    const reading = (async () => {
      for await (const event of chain.events({ signal: stop.signal })) {
        if (event.kind === 'block') told.push(event.height);
        if (told.length === 3) stop.abort();
      }
    })();
    await Promise.resolve();
    chain.mine(3);
    await reading;

    expect(told).toEqual([1, 2, 3]);
  });
});

describe('a dump', () => {
  it('loads to the same chain, with side branches, mempool and time', () => {
    const chain = createEmbeddedChain();
    chain.broadcast(spendOf(chain));
    chain.mine(2);
    chain.reorg(1);
    chain.broadcast(spendOf(chain));
    chain.setTime(chain.tip.time + 50_000);
    const dump = chain.dump();
    const copy = createEmbeddedChain();
    copy.load(dump);

    expect(copy.dump()).toEqual(dump);
    chain.mine(1);
    copy.mine(1);
    expect(idOf(copy)).toBe(idOf(chain));
  });

  it('that is damaged, cut or foreign is refused, and the chain stays', () => {
    const chain = createEmbeddedChain();
    chain.mine(2);
    const before = idOf(chain);
    const dump = chain.dump();
    fc.assert(
      fc.property(fc.nat(dump.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const broken = Uint8Array.from(dump);
        broken[at] = (broken[at] as number) ^ change;
        expect(failureOf(() => chain.load(broken))).toMatchObject({ code: 'CHAIN_DUMP_INVALID' });
        expect(failureOf(() => chain.load(dump.subarray(0, at)))).toMatchObject({ code: 'CHAIN_DUMP_INVALID' });
      }),
    );
    expect(idOf(chain)).toBe(before);
  });
});

it('answers wrong arguments with a code', () => {
  const chain = createEmbeddedChain();
  const calls: readonly ((junk: never) => unknown)[] = [
    (junk) => chain.mine(junk),
    (junk) => chain.mine(1, { scriptPubKey: junk }),
    (junk) => chain.mine(1, { transactions: junk }),
    (junk) => chain.mine(1, { transactions: [junk] }),
    (junk) => chain.fund(junk, satoshis(1n)),
    (junk) => chain.fund(script, junk),
    (junk) => chain.injectUtxo(junk, satoshis(1n)),
    (junk) => chain.warp(junk),
    (junk) => chain.setTime(junk),
    (junk) => chain.revert(junk),
    (junk) => chain.reorg(junk),
    (junk) => chain.reorg(1, { replacement: junk }),
    (junk) => chain.impersonate(junk),
    (junk) => chain.stopImpersonating(junk),
    (junk) => chain.broadcast(junk),
    (junk) => chain.testAccept(junk),
    (junk) => chain.submitBlock(junk),
    (junk) => chain.trace(junk, 0),
    (junk) => chain.trace(new Uint8Array(32), junk),
    (junk) => chain.utxos(junk),
    (junk) => chain.balance(junk),
    (junk) => chain.load(junk),
    (junk) => chain.mine(1, junk),
    (junk) => chain.reorg(1, junk),
    (junk) => chain.reorg(1, { replacement: [junk] }),
    (junk) => chain.reorg(1, { replacement: [[junk]] }),
    (junk) => chain.events(junk),
    (junk) => chain.events({ signal: junk }),
    (junk) => chain.on(junk),
    (junk) => createEmbeddedChain(junk),
    (junk) => createEmbeddedChain({ clock: junk }),
    (junk) => createEmbeddedChain({ policy: junk }),
    (junk) => createEmbeddedChain({ deployments: junk }),
    (junk) => createEmbeddedChain({ deployments: [junk] }),
    (junk) => createEmbeddedChain({ blockIntervalSeconds: junk }),
  ];
  const junk = [null, 'x', -1, 0.5, Number.NaN, 2 ** 60, {}, [], new Uint8Array(3), Symbol('x'), () => 1, 10n ** 30n];
  for (const [i, call] of calls.entries())
    for (const value of junk) {
      const { code } = failureOf(() => call(value as never));
      expect([i, String(code ?? 'CHAIN_')]).toEqual([i, expect.stringMatching(/^(CHAIN|CORE|SCRIPT)_/)]);
    }
});

it('answers wrong arguments of its ports with a code', async () => {
  const { ports } = createEmbeddedChain();
  const nothing = new Uint8Array(32);
  const junk = [null, 'x', -1, 0.5, Number.NaN, 2 ** 60, [], new Uint8Array(3), Symbol('x'), 10n ** 30n];
  const calls: readonly ((value: never) => Promise<unknown>)[] = [
    (value) => ports.network(value),
    (value) => ports.tip(value),
    (value) => ports.blockHash(value),
    (value) => ports.header(value),
    (value) => ports.header(nothing, value),
    (value) => ports.block(value),
    (value) => ports.transaction(value),
    (value) => ports.unspentOutput(value),
    (value) => ports.unspentOutput({ txid: value, index: 0 }),
    (value) => ports.unspentOutput({ txid: nothing, index: value }),
    (value) => ports.unspentOutput({ txid: nothing, index: 0 }, value),
    (value) => ports.unspentOutputsOf(value),
    (value) => ports.broadcast(value),
    (value) => ports.testAccept(value),
    (value) => ports.estimateFeeRate(value),
    (value) => ports.blockEvents({ after: value })[Symbol.asyncIterator]().next(),
    (value) => ports.blockEvents({ signal: value, after: nothing })[Symbol.asyncIterator]().next(),
    (value) => ports.mempoolEvents({ signal: value })[Symbol.asyncIterator]().next(),
  ];
  for (const [i, call] of calls.entries())
    for (const value of junk) {
      const outcome: unknown = await call(value as never).then(
        () => 'CHAIN_',
        (error: { readonly code?: unknown }) => error.code ?? String(error),
      );
      expect([i, String(outcome)]).toEqual([i, expect.stringMatching(/^(CHAIN|CORE|SCRIPT)_/)]);
    }
});

it('keeps the code of an error of its own across a failed call', () => {
  const chain = createEmbeddedChain();
  const error = failureOf(() => chain.broadcast(new Uint8Array(4)));

  expect(hasCode(error, 'CHAIN_TX_MALFORMED') && error.details.length).toBe(4);
});

function transactionIdOf(bytes: Uint8Array): Uint8Array {
  return transactionId(parseTransaction(bytes));
}
