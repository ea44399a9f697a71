import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { createEmbeddedChain } from '@bitcoin-enterprise/chain';
import { BitcoindChain } from '@bitcoin-enterprise/chain/bitcoind';
import { createElectrumServer, ElectrumChain } from '@bitcoin-enterprise/chain/electrum';
import { createEsploraServer, EsploraChain } from '@bitcoin-enterprise/chain/esplora';
import { ChainPool } from '@bitcoin-enterprise/chain/pool';
import { embeddedHarness } from '@bitcoin-enterprise/chain/testing';
import { createWatcher } from '@bitcoin-enterprise/chain/watches';
import { blockHeight, concatBytes, jsCrypto, parseHex } from '@bitcoin-enterprise/core';
import { errorType } from '@bitcoin-enterprise/core/resilience';
import { createMemoryStore } from '@bitcoin-enterprise/events';
import { type BlockHeader, serializeTransaction, viewTransaction } from '@bitcoin-enterprise/script';
import { describe, expect, it } from 'vitest';
import { branchOf, proveInclusion } from '../src/adapters/evidence.ts';
import { merkleRoot } from '../src/model/merkle.ts';

import { type Dice, dice } from './support/dice.ts';
import { truthOf } from './support/interrogation.ts';
import { type Question, questionsTo } from './support/questions.ts';
import { mutated, STRANGE } from './support/mutated.ts';

const ROUNDS = process.env['BE_LONG'] === '1' ? 2_000 : 40;
const CODED = /^CHAIN_(?!INVALID_ARGUMENT)/;

/** Asks everything; what is proven must be right, and no error is without a code. */
async function requireCodes(
  chain: ConstructorParameters<typeof ChainPool>[0]['sources'][0]['chain'],
  facts: { readonly questions: readonly Question[]; readonly truth: ReadonlyMap<string, string>; readonly roll: Dice },
): Promise<void> {
  const { questions, truth, roll } = facts;
  const { name, ask, proven } = questions[roll.below(questions.length)] as Question;
  try {
    const answer = await ask(chain);
    if (proven) expect(answer, name).toBe(truth.get(name));
  } catch (error) {
    if (error instanceof Error && error.name === 'AssertionError') throw error;
    expect(errorType(error), `${name}: ${String(error)}`).toMatch(CODED);
  }
}

describe('answers that are made up', () => {
  it('of an Esplora server never throw an error without a code, nor pass for proven ones', async () => {
    const roll = dice(31);
    const inner = embeddedHarness();
    const questions = await questionsTo(inner, 'hostile');
    const truth = await truthOf(inner.chain, questions);
    const server = createEsploraServer(inner.chain);
    const send = async (url: string | URL | Request, init?: RequestInit): Promise<Response> => {
      const response = await server.handle(new Request(url, init));
      if (!roll.oneIn(6)) return response;
      const bytes = new Uint8Array(await response.arrayBuffer());
      const text = new TextDecoder().decode(bytes);
      try {
        return new Response(JSON.stringify(mutated(JSON.parse(text), roll)));
      } catch {
        return new Response(bytes.slice(0, roll.below(bytes.length + 1)));
      }
    };
    for (let round = 0; round < ROUNDS; round++) {
      const chain = new EsploraChain({ url: 'http://x.test', fetch: send, network: 'regtest', attempts: 2 });
      await requireCodes(chain, { questions, truth, roll });
    }
    await server.close();
  });

  it('of an Electrum server never throw an error without a code', async () => {
    const roll = dice(32);
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        for (const line of chunk.toString().split('\n').filter(Boolean)) {
          const { id, method } = JSON.parse(line) as { id: number; method: string };
          const result =
            method === 'server.version'
              ? ['x', '1.4']
              : method.startsWith('blockchain.headers')
                ? { height: roll.below(3), hex: GENESIS }
                : STRANGE[roll.below(STRANGE.length)];
          socket.write(`${JSON.stringify(roll.oneIn(8) ? STRANGE[roll.below(STRANGE.length)] : { id, result })}\n`);
        }
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    for (let round = 0; round < ROUNDS; round++) {
      const chain = new ElectrumChain({ host: '127.0.0.1', port, attempts: 1, timeoutMs: 25 });
      for (const call of [
        () => chain.tip(),
        () => chain.transaction(new Uint8Array(32)),
        () => chain.unspentOutputsOf(parseHex('51')),
      ])
        await call().then(
          () => undefined,
          (error: unknown) => expect(errorType(error), String(error)).toMatch(CODED),
        );
      chain.close();
    }
    server.close();
  });

  it('of a bitcoind never throw an error without a code', async () => {
    const roll = dice(33);
    const send = async (_url: unknown, init?: RequestInit): Promise<Response> => {
      const asked = JSON.parse(String(init?.body)) as unknown;
      const answer = (call: { readonly id: number }): unknown =>
        mutated({ id: call.id, result: STRANGE[roll.below(STRANGE.length)], error: null }, roll);
      return new Response(JSON.stringify(Array.isArray(asked) ? asked.map(answer) : answer(asked as { id: number })));
    };
    const chain = new BitcoindChain({
      url: 'http://x.test',
      fetch: send as typeof fetch,
      attempts: 1,
      breaker: { state: 'closed', check: () => undefined, run: async (work) => work() },
    });
    for (let round = 0; round < ROUNDS; round++)
      for (const call of [
        () => chain.tip(),
        () => chain.header(new Uint8Array(32)),
        () => chain.block(new Uint8Array(32)),
        () => chain.transaction(new Uint8Array(32)),
        () => chain.unspentOutput({ txid: new Uint8Array(32), index: 0 }),
        () => chain.unspentOutputsOf(parseHex('51')),
        () => chain.estimateFeeRate(6),
        () => chain.headers(blockHeight(0), 3),
      ])
        await call().then(
          () => undefined,
          (error: unknown) => expect(errorType(error), String(error)).toMatch(CODED),
        );
  });
});

const GENESIS =
  '0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4adae5494dffff7f2002000000';

describe('arguments that are none', () => {
  const embedded = createEmbeddedChain();
  const pool = new ChainPool({ network: 'regtest', sources: [{ name: 'a', chain: embedded.ports }] });
  const esplora = new EsploraChain({ url: 'http://127.0.0.1:1' });
  const electrum = new ElectrumChain({ host: '127.0.0.1', port: 1 });
  const bitcoind = new BitcoindChain({ url: 'http://127.0.0.1:1' });
  const chains = [
    ['pool', pool],
    ['esplora', esplora],
    ['electrum', electrum],
    ['bitcoind', bitcoind],
  ] as const;
  const wrong: readonly unknown[] = [undefined, null, 5, 'x', {}, [], new Uint8Array(31), Number.NaN, -1];
  const calls = [
    'blockHash',
    'header',
    'block',
    'transaction',
    'unspentOutput',
    'unspentOutputsOf',
    'broadcast',
    'testAccept',
    'estimateFeeRate',
  ] as const;

  it.for(chains.flatMap(([name, chain]) => calls.map((call) => [name, call, chain] as const)))(
    '%s.%s refuses them with a code',
    async ([, call, chain]) => {
      for (const value of wrong) {
        // A whole number is a height, bytes are a script.
        if (call === 'blockHash' && value === 5) continue;
        if (call === 'unspentOutputsOf' && value instanceof Uint8Array) continue;
        if (call === 'estimateFeeRate' && value === 5) continue;
        await expect((chain[call] as (one: unknown) => Promise<unknown>)(value)).rejects.toMatchObject({
          code: expect.stringMatching(/^(CHAIN_INVALID_ARGUMENT|CHAIN_TX_MALFORMED|CORE_)/) as string,
        });
      }
      for (const options of [null, 5, { signal: 5 }]) {
        const first = {
          blockHash: 1,
          header: new Uint8Array(32),
          block: new Uint8Array(32),
          transaction: new Uint8Array(32),
          unspentOutput: { txid: new Uint8Array(32), index: 0 },
          unspentOutputsOf: new Uint8Array(1),
          broadcast: TX,
          testAccept: TX,
          estimateFeeRate: 6,
        }[call];
        await expect((chain[call] as (...parts: unknown[]) => Promise<unknown>)(first, options)).rejects.toMatchObject({
          code: 'CHAIN_INVALID_ARGUMENT',
        });
      }
    },
  );

  it.for([
    () => new EsploraChain(null as never),
    () => new EsploraChain({ url: 'ftp://x' }),
    () => new EsploraChain({ url: 'http://user:hunter2@x' }),
    () => new EsploraChain({ url: 'http://x', network: 'moon' as never }),
    () => new EsploraChain({ url: 'http://x', timeoutMs: 0 }),
    () => new EsploraChain({ url: 'http://x', attempts: 0 }),
    () => new ElectrumChain({ host: '', port: 1 }),
    () => new ElectrumChain({ host: 'x', port: 0 }),
    () => new ElectrumChain({ host: 'x', port: 1, checkpoint: {} as never }),
    () => new ElectrumChain({ host: 'x', port: 1, tls: 5 as never }),
    () => createEsploraServer(null as never),
    () => createWatcher({ chain: embedded.ports, store: createMemoryStore(), name: '' }),
    () => createWatcher({ chain: null as never, store: createMemoryStore(), name: 'x' }),
  ])('in settings are refused with a code: %#', (make) => {
    expect(make).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^(CHAIN_INVALID_ARGUMENT|CORE_)/) as string }) as Error,
    );
  });

  it('of watches are refused with a code', async () => {
    const watcher = createWatcher({ chain: embedded.ports, store: createMemoryStore(), name: 'x' });
    for (const call of [
      () => watcher.watchHeight('', 5),
      () => watcher.watchHeight('x', -1),
      () => watcher.watchHeight('x', 5, { confirmations: 0 }),
      () => watcher.watchHeight('x', 5, { depths: [0] }),
      () => watcher.watchTransaction('x', new Uint8Array(3)),
      () => watcher.watchOutput('x', null as never),
      () => watcher.watchScript('x', 'y' as never),
    ])
      await expect(call()).rejects.toMatchObject({
        code: expect.stringMatching(/^(CHAIN_INVALID_ARGUMENT|CORE_)/) as string,
      });
  });
});

const TX = serializeTransaction({
  version: 2,
  inputs: [
    {
      previousTxid: new Uint8Array(32).fill(1),
      previousIndex: 0,
      scriptSig: new Uint8Array(0),
      sequence: 0,
      witness: [],
    },
  ],
  outputs: [{ value: 1n, scriptPubKey: parseHex('51') }],
  lockTime: 0,
});

describe('proofs', () => {
  const crypto = jsCrypto;
  const header = (root: Uint8Array): BlockHeader => ({
    version: 1,
    previousBlockHash: new Uint8Array(32),
    merkleRoot: root,
    time: 0,
    bits: 0x207fffff,
    nonce: 0,
  });

  it('hold for every place in trees of every size, and for no other transaction', () => {
    for (let size = 1; size <= 17; size++) {
      const txs = Array.from({ length: size }, (_, i) =>
        viewTransaction(concatBytes(TX.subarray(0, TX.length - 4), Uint8Array.of(i, 0, 0, 0))),
      );
      const txids = txs.map((tx) => tx.id());
      const { root } = merkleRoot(txids, crypto);
      for (const [position, tx] of txs.entries()) {
        const branch = { hashes: branchOf(txids, position), position };
        proveInclusion('test', branch, { tx, header: header(root), depth: branch.hashes.length });
        const other = txs[(position + 1) % size];
        if (other !== undefined && other !== tx)
          expect(() => proveInclusion('test', branch, { tx: other, header: header(root) })).toThrow(/ANSWER_INVALID/);
        for (const wrong of [-1, 0.5, 2 ** 40])
          expect(() => proveInclusion('test', { ...branch, position: wrong }, { tx, header: header(root) })).toThrow(
            /ANSWER_INVALID/,
          );
      }
    }
  });

  it('of a transaction of 64 bytes, which could be an inner node, are refused (F49)', () => {
    const ambiguous = serializeTransaction({
      version: 2,
      inputs: [
        { previousTxid: new Uint8Array(32), previousIndex: 0, scriptSig: new Uint8Array(0), sequence: 0, witness: [] },
      ],
      outputs: [{ value: 1n, scriptPubKey: new Uint8Array(4) }],
      lockTime: 0,
    });
    expect(ambiguous.length).toBe(64);
    const tx = viewTransaction(ambiguous);
    expect(() => proveInclusion('test', { hashes: [], position: 0 }, { tx, header: header(tx.id()) })).toThrow(
      /ANSWER_INVALID/,
    );
  });

  it('longer than that of the coinbase are refused (F49)', () => {
    const tx = viewTransaction(TX);
    const sibling = new Uint8Array(32).fill(7);
    const { root } = merkleRoot([tx.id(), sibling], crypto);
    const branch = { hashes: [sibling], position: 0 };
    proveInclusion('test', branch, { tx, header: header(root), depth: 1 });
    expect(() => proveInclusion('test', branch, { tx, header: header(root), depth: 0 })).toThrow(/ANSWER_INVALID/);
  });
});

it('an Electrum server bears what is no call', async () => {
  const server = await createElectrumServer(embeddedHarness().chain);

  for (const line of [
    'x',
    '{}',
    '[]',
    'null',
    '{"id":1,"method":5}',
    '{"id":1,"method":"blockchain.block.header","params":[-1]}',
    '{"id":1,"method":"blockchain.transaction.get","params":["zz"]}',
  ]) {
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(`${line}\n`);
    const [answer] = (await Promise.race([once(socket, 'data'), once(socket, 'close')])) as [unknown];
    if (answer instanceof Uint8Array) expect(JSON.parse(Buffer.from(answer).toString())).toHaveProperty('error');
    socket.destroy();
  }
  await server.close();
});
