import type { ChainSource } from '@bitcoin-enterprise/chain';
import { BitcoindChain } from '@bitcoin-enterprise/chain/bitcoind';
import { createElectrumServer, ElectrumChain, listenHttp } from '@bitcoin-enterprise/chain/electrum';
import { createEsploraServer, EsploraChain } from '@bitcoin-enterprise/chain/esplora';
import { type ChainHarness, embeddedHarness } from '@bitcoin-enterprise/chain/testing';
import { blockHeight } from '@bitcoin-enterprise/core';
import { type Breaker, createBreaker, errorType, type ResilienceEvent } from '@bitcoin-enterprise/core/resilience';
import { beforeAll, describe, expect, it } from 'vitest';
import { isSourceFailure } from '../src/adapters/policy.ts';
import { bitcoindHarness } from './support/bitcoind-harness.ts';
import { type Dice, dice } from './support/dice.ts';
import {
  type FaultPlan,
  type HttpFault,
  httpProxy,
  type LineFault,
  type WireFault,
  wireProxy,
} from './support/fault-proxy.ts';
import { interrogate, truthOf } from './support/interrogation.ts';
import { type Question, questionsTo } from './support/questions.ts';
import { serverNode } from './support/server-node.ts';

const long = process.env['BE_LONG'] === '1';
const COUNT = long ? 3_000 : 80;
const SEED = Number(process.env['BE_SEED'] ?? 11);
/** Short, so that half-open sockets do not make the tests slow. */
const PATIENCE = { timeoutMs: 200, attempts: 3 };
const WIRE: readonly WireFault[] = ['drop', 'half-open', 'delay', 'flip', 'cut'];

/** A breaker that hardly ever opens: these tests are about answers. */
const patient = () => createBreaker({ consecutiveFailures: 50, openMs: 1, isFailure: isSourceFailure });
const plan = <Fault extends string>(roll: Dice, faults: readonly Fault[], onceIn: number): FaultPlan<Fault> => ({
  roll,
  faults,
  onceIn,
});

interface World {
  readonly inner: ChainHarness;
  readonly questions: readonly Question[];
  readonly truth: ReadonlyMap<string, string>;
}

describe('behind a proxy that drops, hangs, delays, flips, cuts, swaps and refuses', () => {
  let world: World;

  beforeAll(async () => {
    const inner = embeddedHarness();
    const questions = await questionsTo(inner, 'faults');
    world = { inner, questions, truth: await truthOf(inner.chain, questions) };
  });

  it('bitcoind is never misunderstood', async () => {
    const roll = dice(SEED);
    const node = await serverNode();
    const inner = await bitcoindHarness(node);
    const questions = await questionsTo(inner, 'faults');
    const truth = await truthOf(inner.chain, questions);
    const http = await httpProxy(
      () => Number(new URL(node.rpcUrl).port),
      plan<HttpFault>(roll, ['status-429', 'status-500', 'truncated', 'swapped'], 8),
    );
    const wire = await wireProxy(() => http.port, plan(roll, WIRE, 8));
    const chain = new BitcoindChain({
      url: `http://127.0.0.1:${wire.port}`,
      auth: { cookie: node.cookie },
      network: 'regtest',
      breaker: patient(),
      ...PATIENCE,
    });
    const { right, errors } = await interrogate(chain, { roll, questions, truth, count: COUNT });
    report('bitcoind', { right, errors, made: [http.made, wire.made] });
    await wire.close();
    await http.close();
    await inner.close();

    expect(right).toBeGreaterThan(COUNT / 4);
  });

  it('Esplora is never misunderstood', async () => {
    const roll = dice(SEED + 1);
    const { inner, questions, truth } = world;
    const server = createEsploraServer(inner.chain);
    const listening = await listenHttp(server.handle);
    const http = await httpProxy(
      () => listening.port,
      plan<HttpFault>(roll, ['status-429', 'status-500', 'truncated'], 40),
    );
    const wire = await wireProxy(() => http.port, plan(roll, WIRE, 40));
    const chain = new EsploraChain({
      url: `http://127.0.0.1:${wire.port}`,
      network: 'regtest',
      breaker: patient(),
      ...PATIENCE,
    });
    const { right, errors } = await interrogate(chain, { roll, questions, truth, count: COUNT });
    report('esplora', { right, errors, made: [http.made, wire.made] });
    await wire.close();
    await http.close();
    await listening.close();
    await server.close();

    expect(right).toBeGreaterThan(COUNT / 4);
  });

  it('what Esplora proves is right even when answers belong to other questions', async () => {
    const roll = dice(SEED + 2);
    const { inner, questions, truth } = world;
    const server = createEsploraServer(inner.chain);
    const listening = await listenHttp(server.handle);
    const http = await httpProxy(() => listening.port, plan<HttpFault>(roll, ['swapped'], 15));
    const proven = questions.filter((question) => question.proven);
    let right = 0;
    for (let round = 0; round < (long ? 200 : 10); round++) {
      // A new one each time: what was proven once is not asked for again.
      const chain = new EsploraChain({
        url: `http://127.0.0.1:${http.port}`,
        network: 'regtest',
        breaker: patient(),
        ...PATIENCE,
      });
      right += (await interrogate(chain, { roll, questions: proven, truth, count: 8 })).right;
    }
    await http.close();
    await listening.close();
    await server.close();

    expect(right).toBeGreaterThan(0);
  });

  it('Electrum is never misunderstood', async () => {
    const roll = dice(SEED + 3);
    const { inner, questions, truth } = world;
    const server = await createElectrumServer(inner.chain);
    const lines = plan<LineFault>(roll, ['duplicate', 'reorder', 'truncated-line'], 30);
    const wire = await wireProxy(() => server.port, plan(roll, WIRE, 60), lines);
    const chain = new ElectrumChain({
      host: '127.0.0.1',
      port: wire.port,
      network: 'regtest',
      breaker: patient(),
      ...PATIENCE,
    });
    const known = questions.filter(({ name }) => !LACKING.has(name));
    await expect.poll(async () => chain.tip().catch(() => undefined), { timeout: 20_000 }).toBeDefined();
    const { right, errors } = await interrogate(chain, { roll, questions: known, truth, count: COUNT });
    report('electrum', { right, errors, made: [wire.made] });
    chain.close();
    await wire.close();
    await server.close();

    expect(right).toBeGreaterThan(COUNT / 4);
  });
});

/** A source behind a proxy that fails for as long as it is told to. */
async function failing(make: (port: number, breaker: Breaker) => ChainSource, upstream: number) {
  const events: ResilienceEvent[] = [];
  const breaker = createBreaker({
    consecutiveFailures: 3,
    openMs: 60,
    isFailure: isSourceFailure,
    observe: (event) => events.push(event),
  });
  let port = upstream;
  const wire = await wireProxy(() => port, plan(dice(1), [], 1));
  const chain = make(wire.port, breaker);
  const fail = async (): Promise<string> => chain.tip().then(() => 'an answer', errorType);
  return { chain, wire, breaker, events, fail, turn: (to: 'off' | 'on') => (port = to === 'on' ? upstream : 1) };
}

describe('a source that fails for a while', () => {
  const sources = [
    {
      name: 'bitcoind',
      make: (port: number, breaker: Breaker) =>
        new BitcoindChain({ url: `http://127.0.0.1:${port}`, auth: { cookie: cookie() }, breaker, attempts: 1 }),
    },
    {
      name: 'Esplora',
      make: (port: number, breaker: Breaker) =>
        new EsploraChain({ url: `http://127.0.0.1:${port}`, breaker, attempts: 1 }),
    },
    {
      name: 'Electrum',
      make: (port: number, breaker: Breaker) => new ElectrumChain({ host: '127.0.0.1', port, breaker, attempts: 1 }),
    },
  ] as const;
  let cookie = (): string => '';

  it.for(sources)('$name: the breaker opens, spares it, and closes when it is well', async ({ name, make }) => {
    const inner = embeddedHarness();
    const { upstream, close } = await serve(name, inner);
    const { chain, wire, breaker, events, fail, turn } = await failing(make, upstream);
    expect((await chain.tip()).height).toBe(0);
    turn('off');
    // A connection that is open already is kept alive, and would go on.
    wire.drop();
    await expect.poll(async () => [await fail(), breaker.state]).toEqual(['CHAIN_NODE_UNREACHABLE', 'open']);
    const { count } = wire;
    expect(await fail()).toBe('CHAIN_NODE_UNREACHABLE');
    expect(wire.count).toBe(count);
    turn('on');
    await expect.poll(fail).toBe('an answer');

    expect(breaker.state).toBe('closed');
    expect(
      events.filter(({ kind }) => kind === 'breaker').map((event) => event.kind === 'breaker' && event.to),
    ).toEqual(expect.arrayContaining(['open', 'half-open', 'closed']));
    if (chain instanceof ElectrumChain) chain.close();
    await wire.close();
    await close();
  });

  /** What the source is in front of. */
  async function serve(
    name: string,
    inner: ChainHarness,
  ): Promise<{ readonly upstream: number; close(): Promise<void> }> {
    if (name === 'bitcoind') {
      const node = await serverNode();
      cookie = () => node.cookie;
      return { upstream: Number(new URL(node.rpcUrl).port), close: () => node.stop() };
    }
    if (name === 'Electrum') {
      const server = await createElectrumServer(inner.chain);
      return { upstream: server.port, close: server.close };
    }
    const server = createEsploraServer(inner.chain);
    const listening = await listenHttp(server.handle);
    const close = async (): Promise<void> => {
      await listening.close();
      await server.close();
    };
    return { upstream: listening.port, close };
  }
});

describe('a source of another network', () => {
  it('is refused before its first answer', async () => {
    const inner = embeddedHarness();
    const node = await serverNode();
    const esplora = createEsploraServer(inner.chain);
    const http = await listenHttp(esplora.handle);
    const electrum = await createElectrumServer(inner.chain);
    const light = new ElectrumChain({ host: '127.0.0.1', port: electrum.port, network: 'main' });
    const anchored = new ElectrumChain({
      host: '127.0.0.1',
      port: electrum.port,
      checkpoint: { hash: new Uint8Array(32).fill(9), height: blockHeight(0) },
    });
    const chains = [
      new BitcoindChain({ url: node.rpcUrl, auth: { cookie: node.cookie }, network: 'main' }),
      new EsploraChain({ url: `http://127.0.0.1:${http.port}`, network: 'signet' }),
      light,
      anchored,
    ];
    for (const chain of chains)
      for (const call of [
        () => chain.tip(),
        () => chain.blockHash(blockHeight(0)),
        () => chain.transaction(new Uint8Array(32)),
      ])
        await expect(call()).rejects.toMatchObject({ code: 'CHAIN_WRONG_NETWORK', retryable: false });
    light.close();
    anchored.close();
    await node.stop();
    await http.close();
    await esplora.close();
    await electrum.close();
  });
});

/** What a light client that began after a reorganisation does not know, or cannot be asked. */
const LACKING: ReadonlySet<string> = new Set(['block', 'header off the best branch']);

function report(
  name: string,
  facts: {
    readonly right: number;
    readonly errors: ReadonlyMap<string, number>;
    readonly made: ReadonlyArray<ReadonlyMap<string, number>>;
  },
): void {
  const { right, errors, made } = facts;
  if (!long) return;
  const faults = Object.fromEntries(made.flatMap((map) => [...map]));
  process.stdout.write(
    `${name}: ${right} right, errors ${JSON.stringify(Object.fromEntries(errors))}, faults ${JSON.stringify(faults)}\n`,
  );
}
