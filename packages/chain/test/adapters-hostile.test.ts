/** Servers that lie where nothing is proven, or answer what no server would: no wrong sum, no hang, no bare error. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createEmbeddedChain, type EmbeddedChain } from '@bitcoin-enterprise/chain';
import { BitcoindChain } from '@bitcoin-enterprise/chain/bitcoind';
import { createElectrumServer, ElectrumChain } from '@bitcoin-enterprise/chain/electrum';
import { createEsploraServer, EsploraChain } from '@bitcoin-enterprise/chain/esplora';
import { type ChainHarness, embeddedHarness } from '@bitcoin-enterprise/chain/testing';
import { parseHex, satoshis } from '@bitcoin-enterprise/core';
import { errorType } from '@bitcoin-enterprise/core/resilience';
import { viewBlock } from '@bitcoin-enterprise/script';
import { afterEach, describe, expect, it } from 'vitest';
import { dice } from './support/dice.ts';
import { truthOf } from './support/interrogation.ts';
import { type Question, questionsTo } from './support/questions.ts';
import { mutated } from './support/mutated.ts';

const closers: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const REGTEST_GENESIS_HEADER =
  '0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4adae5494dffff7f2002000000';
const SCRIPT = parseHex('51');
const OTHER = parseHex('5151');

/** A chain with two outputs of {@link OTHER}. */
function fundedChain(): EmbeddedChain {
  const chain = createEmbeddedChain();
  chain.fund(OTHER, satoshis(5_000n));
  chain.fund(OTHER, satoshis(7_000n));
  return chain;
}

/** An Esplora client whose server's answers are changed on their way: by path, as JSON. */
async function esploraOver(chain: EmbeddedChain, change: (path: string, value: unknown) => unknown) {
  const server = createEsploraServer(chain.ports);
  closers.push(async () => server.close());
  const asked: string[] = [];
  const send = async (url: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const request = new Request(url, init);
    const path = new URL(request.url).pathname;
    asked.push(path);
    const response = await server.handle(request);
    const text = await response.clone().text();
    try {
      return new Response(JSON.stringify(change(path, JSON.parse(text))), { status: response.status });
    } catch {
      return response;
    }
  };
  const client = new EsploraChain({ url: 'http://esplora.test', fetch: send, network: 'regtest', attempts: 1 });
  return { client, asked };
}

/** An Electrum client whose server's results are changed on their way: by method. */
async function electrumOver(chain: ChainHarness['chain'], change: (method: string, result: unknown) => unknown) {
  const server = await createElectrumServer(chain);
  const sockets = new Set<Socket>();
  const asked: string[] = [];
  const proxy = createServer((socket) => {
    const inner = connect(server.port, '127.0.0.1');
    const methods = new Map<number, string>();
    sockets.add(socket);
    for (const one of [socket, inner]) one.on('error', () => undefined);
    socket.on('close', () => inner.destroy());
    const lines = (from: Socket, take: (line: string) => void): void => {
      let text = '';
      from.on('data', (chunk) => {
        text += chunk.toString();
        const parts = text.split('\n');
        text = parts.pop() ?? '';
        for (const part of parts) take(part);
      });
    };
    lines(socket, (line) => {
      const { id, method } = JSON.parse(line) as { id: number; method: string };
      methods.set(id, method);
      asked.push(method);
      inner.write(`${line}\n`);
    });
    lines(inner, (line) => {
      const message = JSON.parse(line) as { id?: number; result?: unknown };
      const method = methods.get(message.id ?? -1);
      if (method !== undefined && message.result !== undefined) message.result = change(method, message.result);
      socket.write(`${JSON.stringify(message)}\n`);
    });
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
    await server.close();
  });
  const { port } = proxy.address() as AddressInfo;
  const client = new ElectrumChain({ host: '127.0.0.1', port, network: 'regtest', attempts: 1 });
  closers.push(() => client.close());
  return { client, asked };
}

const invalid = { code: 'CHAIN_NODE_ANSWER_INVALID' };
type Entry = Readonly<Record<string, unknown>>;

describe('unspent outputs that a server lists', () => {
  const sum = (outputs: readonly { readonly value: bigint }[]): bigint =>
    outputs.reduce((total, { value }) => total + value, 0n);

  it('are each counted once, however often they are listed', async () => {
    const chain = fundedChain();
    const twice = (list: unknown): unknown => [...(list as unknown[]), ...(list as unknown[])];
    const esplora = await esploraOver(chain, (path, value) => (path.endsWith('/utxo') ? twice(value) : value));
    const electrum = await electrumOver(chain.ports, (method, value) =>
      method === 'blockchain.scripthash.listunspent' ? twice(value) : value,
    );

    for (const { client } of [esplora, electrum])
      await expect(client.unspentOutputsOf(OTHER).then(sum)).rejects.toMatchObject(invalid);
    const honest = await esploraOver(chain, (_path, value) => value);
    expect(sum(await honest.client.unspentOutputsOf(OTHER))).toBe(12_000n);
  });

  it('have places that a transaction can have; a wrong one is no fault of the caller', async () => {
    const chain = fundedChain();
    for (const place of [2 ** 32, 2 ** 50]) {
      const moved = (field: string) => (list: unknown) =>
        (list as readonly Entry[]).map((entry) => ({ ...entry, [field]: place }));
      const esplora = await esploraOver(chain, (path, value) =>
        path.endsWith('/utxo') ? moved('vout')(value) : value,
      );
      const electrum = await electrumOver(chain.ports, (method, value) =>
        method === 'blockchain.scripthash.listunspent' ? moved('tx_pos')(value) : value,
      );
      for (const { client } of [esplora, electrum])
        await expect(client.unspentOutputsOf(OTHER)).rejects.toMatchObject(invalid);
    }
  });

  it('are too many to be asked for one by one from some number on', async () => {
    const chain = fundedChain();
    const entry = (i: number): Entry => ({
      txid: i.toString(16).padStart(64, '0'),
      tx_hash: i.toString(16).padStart(64, '0'),
      vout: 0,
      tx_pos: 0,
    });
    const many = Array.from({ length: 20_000 }, (_, i) => entry(i));
    const esplora = await esploraOver(chain, (path, value) => (path.endsWith('/utxo') ? many : value));
    const electrum = await electrumOver(chain.ports, (method, value) =>
      method === 'blockchain.scripthash.listunspent' ? many : value,
    );

    for (const { client, asked } of [esplora, electrum]) {
      await expect(client.unspentOutputsOf(OTHER)).rejects.toMatchObject({ code: 'CHAIN_CALL_UNSUPPORTED' });
      expect(asked.length).toBeLessThan(60);
    }
  });
});

it('a height that no block has is the fault of the Esplora server', async () => {
  const chain = createEmbeddedChain();
  chain.mine(3);
  const { hash } = await chain.ports.tip();
  const coinbase = viewBlock((await chain.ports.block(hash)) as Uint8Array).transactions[0]?.id() as Uint8Array;
  for (const height of [2 ** 31, 2 ** 52]) {
    const { client } = await esploraOver(chain, (path, value) =>
      path.startsWith('/block/') && (value as Entry)['height'] === 3 ? { ...(value as Entry), height } : value,
    );
    await expect(client.tip()).rejects.toMatchObject(invalid);
    await expect(client.transaction(coinbase)).rejects.toMatchObject(invalid);
  }
});

it('answers of an Electrum server that are changed never pass for proven ones, nor throw an error without a code', async () => {
  const roll = dice(Number(process.env['BE_SEED'] ?? 34));
  const inner = embeddedHarness();
  const questions = await questionsTo(inner, 'hostile electrum');
  const truth = await truthOf(inner.chain, questions);
  const kinds = new Map<string, number>();
  for (let round = 0; round < (process.env['BE_LONG'] === '1' ? 3_000 : 60); round++) {
    const { client } = await electrumOver(inner.chain, (method, result) =>
      method !== 'server.version' && roll.oneIn(5) ? mutated(result, roll) : result,
    );
    for (let i = 0; i < 4; i++) {
      const { name, ask, proven } = questions[roll.below(questions.length)] as Question;
      const outcome = await ask(client).then(
        (answer) => (proven ? answer : 'unproven'),
        (error: unknown) => error,
      );
      if (typeof outcome === 'string') {
        if (proven) expect(outcome, name).toBe(truth.get(name));
        kinds.set('answered', (kinds.get('answered') ?? 0) + 1);
      } else {
        expect(errorType(outcome), `${name}: ${String(outcome)}`).toMatch(/^CHAIN_(?!INVALID_ARGUMENT)/);
        kinds.set('refused', (kinds.get('refused') ?? 0) + 1);
      }
    }
    for (const close of closers.splice(0).reverse()) await close();
  }
  // Neither are all refused, nor all let through.
  expect([...kinds.keys()].sort()).toEqual(['answered', 'refused']);
});

it('a fee rate of nothing is none of an Electrum server', async () => {
  for (const rate of [1e-9, 1e-300]) {
    const { client } = await electrumOver(createEmbeddedChain().ports, (method, value) =>
      method === 'blockchain.estimatefee' ? rate : value,
    );
    await expect(client.estimateFeeRate(2)).rejects.toMatchObject(invalid);
  }
});

describe('a bitcoind', () => {
  /** One that answers every call with the same text as its result, or with an error. */
  function bitcoindOf(answer: (id: number) => string): BitcoindChain {
    const send = async (_url: unknown, init?: RequestInit): Promise<Response> => {
      const asked = JSON.parse(String(init?.body)) as { readonly id: number } | readonly { readonly id: number }[];
      if (!Array.isArray(asked)) return new Response(answer((asked as { readonly id: number }).id));
      return new Response(`[${asked.map(({ id }: { readonly id: number }) => answer(id)).join()}]`);
    };
    return new BitcoindChain({ url: 'http://bitcoind.test', fetch: send as typeof fetch, attempts: 1 });
  }

  it('cannot exhaust the stack with an answer that is nested deep', async () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    const chain = bitcoindOf((id) => `{"id":${id},"result":${deep}}`);

    for (const call of [
      () => chain.tip(),
      () => chain.header(new Uint8Array(32)),
      () => chain.block(new Uint8Array(32)),
      () => chain.transaction(new Uint8Array(32)),
      () => chain.estimateFeeRate(2),
      () => chain.unspentOutputsOf(SCRIPT),
    ])
      await expect(call()).rejects.toMatchObject({ code: expect.stringMatching(/^CHAIN_NODE_/) as string });
  });

  it('that lists an output twice is not believed', async () => {
    const txid = '11'.repeat(32);
    const best = '0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206';
    const script = '51';
    const unspent = { txid, vout: 0, scriptPubKey: script, amount: 0.00005, height: 0, coinbase: false };
    const results = (times: number, params: readonly unknown[]): Readonly<Record<string, unknown>> => ({
      scantxoutset: { unspents: Array.from({ length: times }, () => unspent) },
      gettxout: {
        bestblock: best,
        confirmations: 1,
        value: 0.00005,
        coinbase: false,
        scriptPubKey: { hex: script },
      },
      getblockheader:
        params[1] === true ? { confirmations: 1, height: 0, mediantime: 1_296_688_602 } : REGTEST_GENESIS_HEADER,
    });
    const listing = (times: number): BitcoindChain => {
      const answer = ({
        id,
        method,
        params,
      }: {
        readonly id: number;
        readonly method: string;
        readonly params: readonly unknown[];
      }) => ({
        id,
        result: results(times, params)[method],
      });
      const send = async (_url: unknown, init?: RequestInit): Promise<Response> => {
        const asked = JSON.parse(String(init?.body)) as Parameters<typeof answer>[0] | Parameters<typeof answer>[0][];
        return Response.json(Array.isArray(asked) ? asked.map(answer) : answer(asked));
      };
      return new BitcoindChain({ url: 'http://bitcoind.test', fetch: send as typeof fetch, attempts: 1 });
    };

    expect(await listing(1).unspentOutputsOf(SCRIPT)).toHaveLength(1);
    await expect(listing(2).unspentOutputsOf(SCRIPT)).rejects.toMatchObject(invalid);
  });

  it('that refuses to scan for another reason than a scan is not asked for ever', async () => {
    const chain = bitcoindOf((id) => `{"id":${id},"error":{"code":-8,"message":"Invalid descriptor"}}`);

    await expect(chain.unspentOutputsOf(SCRIPT)).rejects.toMatchObject({
      code: 'CHAIN_NODE_REFUSED',
      details: { rpcCode: -8 },
    });
  });
});
