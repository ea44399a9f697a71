import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { BitcoindChain } from '@bitcoin-enterprise/chain/bitcoind';
import { blockHeight, currentCrypto, parseHex } from '@bitcoin-enterprise/core';
import { blockHash, parseBlockHeader } from '@bitcoin-enterprise/script';
import { describe, expect, it } from 'vitest';
import { findBitcoind, startBitcoind } from '../../../scripts/nodes/bitcoind.ts';
import { orSkip } from '../../../scripts/nodes/find.ts';

const present = orSkip('bitcoind', await findBitcoind());

describe.skipIf(present === undefined)('a real bitcoind', () => {
  it('that pruned a block says so with a code and a hint, and goes on with headers', async () => {
    // -fastprune keeps blocks in files of 64 kB, so that some can be pruned on regtest.
    const node = await startBitcoind({ args: ['-prune=1', '-fastprune=1', '-txindex=0'] });
    const chain = new BitcoindChain({ url: node.rpcUrl, auth: { cookie: node.cookie }, network: 'regtest' });
    await node.rpc('generatetodescriptor', [900, 'raw(51)']);
    const pruned = await node.rpc<number>('pruneblockchain', [500]);
    expect(pruned).toBeGreaterThan(0);
    const gone = (await chain.blockHash(blockHeight(1))) as Uint8Array;
    const kept = (await chain.blockHash(blockHeight(899))) as Uint8Array;

    await expect(chain.block(gone)).rejects.toMatchObject({
      code: 'CHAIN_BLOCK_PRUNED',
      retryable: false,
      hint: expect.stringContaining('-prune=0') as string,
    });
    expect((await chain.header(gone))?.height).toBe(1);
    // The header says which block it is: double SHA-256 over its first 80 bytes.
    expect(currentCrypto().hash256(((await chain.block(kept)) ?? new Uint8Array(80)).subarray(0, 80))).toEqual(kept);
    await node.stop();
  });

  it('hands out headers by range in few requests, each the parent of the next', async () => {
    const node = await startBitcoind();
    await node.rpc('generatetodescriptor', [450, 'raw(51)']);
    let requests = 0;
    const counting: typeof fetch = async (...call) => {
      requests += 1;
      return fetch(...call);
    };
    const chain = new BitcoindChain({ url: node.rpcUrl, auth: { cookie: node.cookie }, fetch: counting });
    const headers = await chain.headers(blockHeight(1), 1_000);

    expect(headers.map(({ height }) => height)).toEqual(Array.from({ length: 450 }, (_, i) => i + 1));
    expect(headers.at(-1)).toEqual({ ...(await chain.tip()), confirmations: 1 });
    expect(requests).toBeLessThan(10);
    await expect(chain.headers(blockHeight(0), -1)).rejects.toMatchObject({ code: 'CHAIN_INVALID_ARGUMENT' });
    await node.stop();
  });
});

describe('a node that answers strangely', () => {
  /** A node that answers every call as it is told to. */
  async function node(answer: (call: { readonly id: number; readonly method: string }) => unknown) {
    const server = createServer((request, response) => {
      const parts: Uint8Array[] = [];
      request.on('data', (part: Uint8Array) => parts.push(part));
      request.on('end', () => {
        const asked = JSON.parse(Buffer.concat(parts).toString()) as { id: number; method: string };
        response.end(JSON.stringify(Array.isArray(asked) ? asked.map(answer) : answer(asked)));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return {
      chain: new BitcoindChain({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, attempts: 1 }),
      [Symbol.dispose]: () => {
        server.closeAllConnections();
        server.close();
      },
    };
  }

  it('with the answer to another call is not believed', async () => {
    using swapped = await node(({ id }) => ({ id: id + 1, result: '00'.repeat(32), error: null }));
    await expect(swapped.chain.tip()).rejects.toMatchObject({ code: 'CHAIN_NODE_ANSWER_INVALID' });
  });

  it('and says something else when asked twice is not believed', async () => {
    let count = 0;
    using fickle = await node(({ id }) => ({ id, result: `${'00'.repeat(31)}0${(count += 1) % 10}`, error: null }));
    await expect(fickle.chain.blockHash(blockHeight(1))).rejects.toMatchObject({ code: 'CHAIN_NODE_ANSWER_INVALID' });
  });

  it('with a block of other transactions than its header commits to is not believed', async () => {
    const genesis =
      '0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4adae5494dffff7f2002000000';
    const hash = blockHash(parseBlockHeader(parseHex(genesis)));
    const coinbase = `0100000001${'00'.repeat(32)}ffffffff0100ffffffff010000000000000000016a00000000`;
    using forging = await node(({ id }) => ({ id, result: `${genesis}01${coinbase}`, error: null }));
    await expect(forging.chain.block(hash)).rejects.toMatchObject({ code: 'CHAIN_NODE_ANSWER_INVALID' });
  });
});
