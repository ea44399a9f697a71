import { displayHash, parseHex, satoshis, toHex } from '@bitcoin-enterprise/core';
import { type ChainEvent, createEmbeddedChain, type EmbeddedChain, FUNDER_SCRIPT } from '@bitcoin-enterprise/chain';
import { parseTransaction, serializeTransaction, transactionId } from '@bitcoin-enterprise/script';
import { describe, expect, it } from 'vitest';
import { inputOf, spend } from './support/block-workshop.ts';

const script = parseHex(`51${'61'.repeat(10)}`);

/** A transaction of one funded output, paying a fee. */
function spendOf(chain: EmbeddedChain, fee = 1_000n): Uint8Array {
  const { txid, index, value } = chain.fund(script, satoshis(1_000_000n));
  return serializeTransaction(
    spend([inputOf({ txid, index })], { outputs: [{ value: value - fee, scriptPubKey: script }] }),
  );
}

/** Overwrites every byte array that a value holds, however deep. */
function scribble(value: unknown): void {
  if (value instanceof Uint8Array) value.fill(0xee);
  else if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) scribble(part);
}

describe('what a chain hands out is a copy', () => {
  const outputs: readonly (readonly [string, (chain: EmbeddedChain, waiting: Uint8Array) => unknown])[] = [
    ['tip', (chain) => chain.tip],
    ['mine', (chain) => chain.mine(2)],
    ['reorg', (chain) => chain.reorg(1)],
    ['blocks', (chain) => [...chain.blocks()]],
    ['fund', (chain) => chain.fund(script.slice(), satoshis(5_000n))],
    ['injectUtxo', (chain) => chain.injectUtxo(script.slice(), satoshis(5_000n))],
    ['utxos', (chain) => chain.utxos(script)],
    ['mempool', (chain) => chain.mempool()],
    ['broadcast', (chain, waiting) => chain.broadcast(waiting)],
    ['testAccept', (chain) => chain.testAccept(spendOf(chain))],
    ['submitBlock', (chain) => chain.submitBlock([...chain.blocks()].at(-1) as Uint8Array)],
    ['trace of one that waits', (chain, waiting) => chain.trace(transactionId(parseTransaction(waiting)), 0)],
    ['ports.tip', (chain) => chain.ports.tip()],
    ['ports.header', (chain) => chain.ports.header(chain.tip.hash)],
    ['ports.block', (chain) => chain.ports.block(chain.tip.hash)],
    ['ports.blockHash', (chain) => chain.ports.blockHash(chain.tip.height)],
    [
      'ports.transaction waiting',
      (chain, waiting) => chain.ports.transaction(transactionId(parseTransaction(waiting))),
    ],
    [
      'ports.transaction mined',
      (chain) => chain.ports.transaction((chain.utxos(script)[0] as { readonly txid: Uint8Array }).txid),
    ],
    [
      'ports.unspentOutput',
      (chain) => chain.ports.unspentOutput(chain.utxos(script)[0] as { readonly txid: Uint8Array; index: number }),
    ],
    [
      'ports.unspentOutput waiting',
      (chain, waiting) =>
        chain.ports.unspentOutput(
          { txid: transactionId(parseTransaction(waiting)), index: 0 },
          { includeMempool: true },
        ),
    ],
    ['ports.unspentOutputsOf', (chain) => chain.ports.unspentOutputsOf(script)],
    ['block', (chain) => chain.block(1)],
    ['transaction', (chain, waiting) => chain.transaction(transactionId(parseTransaction(waiting)))],
    ['utxo', (chain) => chain.utxo(chain.utxos(script)[0] as { readonly txid: Uint8Array; index: number })],
    ['FUNDER_SCRIPT', () => FUNDER_SCRIPT],
  ];

  it.for(outputs)('%s', async ([, read]) => {
    const funder = FUNDER_SCRIPT.slice();
    const chain = createEmbeddedChain();
    chain.fund(script, satoshis(70_000n));
    const waiting = spendOf(chain);
    chain.broadcast(waiting);

    scribble(await read(chain, waiting));

    const copy = createEmbeddedChain();
    copy.load(chain.dump());
    expect(copy.dump()).toEqual(chain.dump());
    expect(displayHash(copy.tip.hash)).toBe(displayHash(chain.tip.hash));
    expect(copy.balance(script)).toBe(chain.balance(script));
    expect(copy.mempool().map(toHex)).toEqual(chain.mempool().map(toHex));
    chain.mine(1);
    chain.reorg(1);
    chain.fund(script, satoshis(1_000n));
    FUNDER_SCRIPT.set(funder);
    copy.load(chain.dump());
  });

  it('its events, each listener a copy of its own', () => {
    const chain = createEmbeddedChain();
    const waiting = spendOf(chain);
    const told: string[] = [];
    chain.on(scribble);
    chain.on((event: ChainEvent) => told.push(toHex(event.kind === 'block' ? event.hash : event.txid)));
    const txid = toHex(chain.broadcast(waiting));
    const [block] = chain.mine(1);

    expect(told).toEqual([txid, toHex(block?.hash as Uint8Array), txid]);
    createEmbeddedChain().load(chain.dump());
  });

  it('what a rule of standard form sees', () => {
    const chain = createEmbeddedChain({
      policy: {
        standardness: (tx, spent) => {
          tx.bytes.fill(0xee);
          scribble(spent.map(({ scriptPubKey }) => scriptPubKey));
          return undefined;
        },
      },
    });
    chain.broadcast(spendOf(chain));
    chain.mine(1);

    createEmbeddedChain().load(chain.dump());
  });
});

describe('a new block is never one that is known', () => {
  it('when another chain has made the same one first', () => {
    const [other, chain] = [createEmbeddedChain(), createEmbeddedChain()];
    const [known] = other.mine(1);
    chain.submitBlock([...other.blocks()][0] as Uint8Array);
    const told: string[] = [];
    chain.on((event) => event.kind === 'block' && told.push(`${event.type} ${event.height}`));
    const [replaced] = chain.reorg(1);

    expect(toHex(replaced?.hash as Uint8Array)).not.toBe(toHex(known?.hash as Uint8Array));
    expect(chain.height).toBe(2);
    expect(told).toEqual(['disconnected 1', 'connected 1', 'connected 2']);
  });
});

describe('a long chain of transactions', () => {
  it('is mined in steps, reorganised away and mined again; of what waits then, the limits keep the first', () => {
    const chain = createEmbeddedChain();
    let from: { readonly txid: Uint8Array; readonly index: number } = chain.fund(script, satoshis(100_000_000n));
    let value = 100_000_000n;
    const steps = 80;
    for (let step = 0; step < steps; step++) {
      for (let i = 0; i < 25; i++) {
        value -= 1_000n;
        const tx = spend([inputOf(from)], { outputs: [{ value, scriptPubKey: script }] });
        from = { txid: chain.broadcast(serializeTransaction(tx)), index: 0 };
      }
      chain.mine(1);
    }
    chain.reorg(steps);

    expect(chain.mempool()).toHaveLength(25);
    chain.mine(1);
    expect(chain.mempool()).toHaveLength(0);
  });

  it('gives back no more than the pool holds', () => {
    const chain = createEmbeddedChain({ policy: { maxPoolSizeVb: 1_000 } });
    for (let round = 0; round < 4; round++) {
      const all = Array.from({ length: 5 }, () => spendOf(chain));
      for (const tx of all) chain.broadcast(tx);
      chain.mine(1);
    }
    chain.reorg(4);

    expect(chain.mempool().length).toBeLessThanOrEqual(10);
  });
});

describe('listeners', () => {
  const name = (event: ChainEvent): string => (event.kind === 'block' ? `${event.type} ${event.height}` : event.type);

  it('that throw stop neither the lever nor the others', () => {
    const errors: unknown[] = [];
    const chain = createEmbeddedChain({ onListenerError: (error) => errors.push(error) });
    const told: string[] = [];
    const failure = new Error('of a listener');
    chain.on(() => {
      throw failure;
    });
    chain.on((event) => told.push(name(event)));
    chain.mine(2);

    expect(told).toEqual(['connected 1', 'connected 2']);
    expect(errors).toEqual([failure, failure]);
    const target = chain.tip.time + 86_400;
    chain.warp(target);
    expect(chain.tip.medianTime).toBeGreaterThan(target);
  });

  it('that pull levers leave everybody the order in which things happen', () => {
    const chain = createEmbeddedChain();
    chain.mine(3);
    const told: string[][] = [[], []];
    let once = true;
    chain.on((event) => {
      told[0]?.push(name(event));
      if (once) {
        once = false;
        chain.reorg(2);
      }
    });
    chain.on((event) => told[1]?.push(name(event)));
    chain.mine(2);

    const order = ['connected 4', 'connected 5', 'disconnected 5', 'disconnected 4'];
    expect(told[0]).toEqual([...order, 'connected 4', 'connected 5', 'connected 6']);
    expect(told[1]).toEqual(told[0]);
  });

  it('that come in between hear only what happens afterwards', () => {
    const chain = createEmbeddedChain();
    const told: string[] = [];
    const stop = chain.on(() => {
      stop();
      chain.on((event) => told.push(name(event)));
    });
    chain.mine(2);
    chain.mine(1);

    expect(told).toEqual(['connected 3']);
  });
});

describe('a lever pulled from inside another one', () => {
  it('by a rule of standard form is refused, and the chain stays whole', () => {
    let enter = (): void => {};
    const codes: unknown[] = [];
    const chain = createEmbeddedChain({
      policy: {
        standardness: () => {
          try {
            enter();
          } catch (error) {
            codes.push((error as { readonly code?: unknown }).code);
          }
          return undefined;
        },
      },
    });
    const tx = spendOf(chain);
    enter = () => chain.mine(1);
    chain.broadcast(tx);
    enter = () => chain.testAccept(tx);
    chain.testAccept(spendOf(chain));
    chain.mine(1);

    expect(codes).toEqual(['CHAIN_REENTERED', 'CHAIN_REENTERED']);
    expect(chain.mempool()).toEqual([]);
  });

  it('by a clock is refused too', () => {
    let enter = (): unknown => undefined;
    const now = (): number => {
      enter();
      return 1_400_000_000;
    };
    const chain = createEmbeddedChain({ clock: { now, nowMs: now, monotonicMs: now } as never });
    chain.mine(1);
    enter = () => chain.mine(1);

    expect(() => chain.mine(1)).toThrowErrorMatchingInlineSnapshot(
      `[ChainError: CHAIN_REENTERED: expected mine to be done first, got mine from inside it]`,
    );
    enter = () => undefined;
    chain.mine(1);
    expect(chain.height).toBe(2);
  });
});

describe('a dump', () => {
  const locked = parseHex(`00${'61'.repeat(10)}`);

  it('keeps what an impersonation has let wait, also after its end', () => {
    const chain = createEmbeddedChain();
    const output = chain.fund(locked, satoshis(50_000n));
    chain.impersonate(locked);
    chain.broadcast(serializeTransaction(spend([inputOf(output)], { outputs: [{ value: 1n, scriptPubKey: script }] })));
    chain.stopImpersonating(locked);
    const copy = createEmbeddedChain();
    copy.load(chain.dump());

    expect(copy.dump()).toEqual(chain.dump());
    copy.mine(1);
    expect([copy.faithful, copy.balance(script)]).toEqual([false, 1n]);
  });

  it('of the same chain changes nothing for those who follow it', async () => {
    const chain = createEmbeddedChain();
    chain.mine(3);
    chain.broadcast(spendOf(chain));
    const dump = chain.dump();
    const told: unknown[] = [];
    chain.on((event) => told.push(event));
    const steps = chain.ports.blockEvents()[Symbol.asyncIterator]();
    const next = steps.next();
    chain.load(dump);
    expect(told).toEqual([]);

    chain.mine(1);
    expect(await next).toMatchObject({ value: { type: 'connected', height: chain.height } });
  });

  it('of another chain is told as a reorganisation from the last block that both have', async () => {
    const [chain, other] = [createEmbeddedChain(), createEmbeddedChain()];
    chain.mine(1);
    other.submitBlock([...chain.blocks()][0] as Uint8Array);
    chain.mine(1);
    other.mine(3, { scriptPubKey: script });
    const steps = chain.ports.blockEvents()[Symbol.asyncIterator]();
    const first = steps.next();
    chain.load(other.dump());
    const told: unknown[] = [await first, await steps.next(), await steps.next(), await steps.next()];

    expect(told).toMatchObject([
      { value: { type: 'disconnected', height: 2 } },
      { value: { type: 'connected', height: 2 } },
      { value: { type: 'connected', height: 3 } },
      { value: { type: 'connected', height: 4 } },
    ]);
  });
});

describe('cheats', () => {
  const locked = parseHex(`00${'61'.repeat(10)}`);

  it('are listed, with the block that has them or as waiting', () => {
    const chain = createEmbeddedChain();
    const output = chain.fund(locked, satoshis(50_000n));
    const given = chain.injectUtxo(script, satoshis(7n));
    chain.mine(1);
    chain.impersonate({ txid: output.txid, index: output.index });
    const spending = spend([inputOf(output)], { outputs: [{ value: 1n, scriptPubKey: script }] });
    const txid = chain.broadcast(serializeTransaction(spending));

    expect(chain.cheats()).toEqual([
      { kind: 'inflated', txid: given.txid, block: { hash: expect.anything(), height: given.height } },
      { kind: 'waived', txid, inputIndex: 0 },
    ]);
    const [block] = chain.mine(1);
    expect(chain.cheats().at(-1)).toEqual({ kind: 'waived', txid, inputIndex: 0, block });
    expect(createEmbeddedChain().cheats()).toEqual([]);
  });

  it('for a script of 36 bytes are none for the outpoint of the same bytes', () => {
    const chain = createEmbeddedChain();
    const output = chain.fund(locked, satoshis(50_000n));
    const posing = new Uint8Array(36);
    posing.set(output.txid);
    chain.impersonate(posing);
    const tx = serializeTransaction(spend([inputOf(output)], { outputs: [{ value: 1n, scriptPubKey: script }] }));

    expect(chain.testAccept(tx)).toMatchObject({ accepted: false });
  });
});

describe('an iterator', () => {
  it('of events starts with the call, ends at once, and lets go', async () => {
    const chain = createEmbeddedChain();
    const events = chain.events();
    chain.mine(1);
    const iterator = events[Symbol.asyncIterator]();
    expect(await iterator.next()).toMatchObject({ value: { height: 1 } });
    const pending = iterator.next();
    await iterator.return?.();

    expect(await pending).toEqual({ done: true, value: undefined });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  it.for(['blockEvents', 'mempoolEvents'] as const)('of %s ends at once while it waits', async (method) => {
    const chain = createEmbeddedChain();
    const iterator = chain.ports[method]()[Symbol.asyncIterator]();
    const pending = iterator.next();
    await iterator.return?.();

    expect(await pending).toEqual({ done: true, value: undefined });
  });
});

/** Code of the error that a call throws. */
function codeOf(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return (error as { readonly code?: unknown }).code ?? error;
  }
  return undefined;
}

describe('settings that are none have a code', () => {
  const options: readonly unknown[] = [
    { policy: { minRelayFeeRate: 1 } },
    { policy: { incrementalRelayFeeRate: -1n } },
    { policy: { maxAncestors: 'x' } },
    { policy: { maxPoolSizeVb: Number.NaN } },
    { policy: { maxReplaced: null } },
    { policy: { standardness: 'x' } },
    { crypto: {} },
    { crypto: null },
    { crypto: 5 },
    { onListenerError: 5 },
  ];
  it.for(options.map((value, i) => [i, value] as const))('%i', ([, value]) => {
    expect(codeOf(() => createEmbeddedChain(value as never))).toBe('CHAIN_INVALID_ARGUMENT');
  });

  it('but a field left undefined is the default', () => {
    const chain = createEmbeddedChain({ policy: { maxAncestors: undefined as never } });

    expect(chain.testAccept(spendOf(chain))).toMatchObject({ accepted: true });
  });

  it.for([Number.NaN, 1.5e9 + 0.5, -5, 2 ** 33, '123', undefined])('a clock that says %s', (time) => {
    const now = (): never => time as never;
    const chain = createEmbeddedChain({ clock: { now, nowMs: now, monotonicMs: now } });

    expect(codeOf(() => chain.mine(1))).toBe('CHAIN_INVALID_ARGUMENT');
    expect(chain.height).toBe(0);
  });
});

it('answers arguments with holes, foreign signals and absurd counts with a code', async () => {
  const chain = createEmbeddedChain();
  chain.mine(3);
  const holes: never = Array.from<never>({ length: 0 }) as never;
  (holes as unknown[]).length = 3;
  const steps = chain.ports.blockEvents(null as never)[Symbol.asyncIterator]();
  const codes = [
    codeOf(() => chain.mine(1, { transactions: holes })),
    codeOf(() => chain.reorg(2, { replacement: holes })),
    codeOf(() => chain.mine(100_001)),
    codeOf(() => chain.events({ signal: { addEventListener: () => {} } as never })),
    await chain.ports.tip({ signal: 5 as never }).catch((error: { readonly code: unknown }) => error.code),
    await steps.next().catch((error: { readonly code: unknown }) => error.code),
  ];

  expect(codes).toEqual(codes.map(() => 'CHAIN_INVALID_ARGUMENT'));
  expect(chain.height).toBe(3);
});

it('ends five blocks behind the last time that there is, with a code', () => {
  const chain = createEmbeddedChain();
  chain.mine(20);
  chain.mine(1, { time: 0xffff_ffff });
  chain.mine(5);

  expect(codeOf(() => chain.mine(1))).toBe('CHAIN_TIME_OUT_OF_RANGE');
  expect(chain.height).toBe(26);
});

describe('what there is', () => {
  it('is read without waiting', () => {
    const chain = createEmbeddedChain();
    const output = chain.fund(script, satoshis(5_000n));
    const txid = chain.broadcast(spendOf(chain));

    expect(chain.block(2)).toEqual([...chain.blocks()][1]);
    expect(chain.block(chain.height + 1)).toBeUndefined();
    expect(chain.transaction(txid)).toMatchObject({ confirmations: 0 });
    expect(chain.transaction(output.txid)).toMatchObject({ block: { height: output.height }, confirmations: 2 });
    expect(chain.utxo(output)).toEqual({ ...output, coinbase: false });
    expect(chain.utxo({ txid, index: 0 })).toBeUndefined();
    const calls = [
      () => chain.block(null as never),
      () => chain.transaction(null as never),
      () => chain.utxo(null as never),
    ];
    expect(calls.map(codeOf)).toEqual(calls.map(() => 'CHAIN_INVALID_ARGUMENT'));
  });

  it('comes in the order of height', () => {
    const chain = createEmbeddedChain();
    chain.mine(50, { scriptPubKey: script });

    expect(chain.utxos(script).map(({ height }) => height)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
  });
});
