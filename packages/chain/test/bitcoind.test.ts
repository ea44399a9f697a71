import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blockHeight, displayHash, parseDisplayHash, parseHex, satoshis, toHex } from '@bitcoin-enterprise/core';
import { blockHash, parseBlockHeader } from '@bitcoin-enterprise/script';
import { type Bitcoind, findBitcoind, startBitcoind } from '../../../scripts/nodes/bitcoind.ts';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { BitcoindChain, BitcoindRpc } from '../src/bitcoind/index.ts';

const present = orSkip('bitcoind', await findBitcoind());
const trueScript = parseHex('51');
/** OP_TRUE made longer: the node refuses a transaction of less than 65 bytes. */
const longTrueScript = `51${'61'.repeat(20)}`;

describe.skipIf(present === undefined)('a real bitcoind', () => {
  let node: Bitcoind;
  let chain: BitcoindChain;
  const mine = (count: number, descriptor = 'raw(51)'): Promise<string[]> =>
    node.rpc('generatetodescriptor', [count, descriptor]);

  beforeAll(async () => {
    node = await startBitcoind();
    chain = new BitcoindChain({ url: node.rpcUrl, auth: { cookie: node.cookie }, pollMs: 10 });
    await mine(101);
  });
  afterAll(() => node.stop());

  /** Spends the block reward at a height, with an OP_TRUE script that Core takes to its mempool as non-standard. */
  async function spendReward(height: number, outputHex: string): Promise<Uint8Array> {
    const hash = await node.rpc<string>('getblockhash', [height]);
    const block = await node.rpc<{ tx: string[] }>('getblock', [hash]);
    const txid = toHex(parseDisplayHash(block.tx[0] as string));
    return parseHex(`0200000001${txid}0000000000ffffffff01${outputHex}00000000`);
  }

  const outputTo = (value: bigint, script: string): string => {
    const little = toHex(parseHex(value.toString(16).padStart(16, '0')).reverse());
    return `${little}${(script.length / 2).toString(16).padStart(2, '0')}${script}`;
  };

  it('reads the tip, its header and its block', async () => {
    const tip = await chain.tip();

    expect(tip.height).toBe(await node.rpc('getblockcount'));
    expect(tip.confirmations).toBe(1);
    expect(blockHash(tip.header)).toEqual(tip.hash);
    const bytes = await chain.block(tip.hash);
    expect(parseBlockHeader((bytes as Uint8Array).slice(0, 80))).toEqual(tip.header);
    expect(await chain.blockHash(tip.height)).toEqual(tip.hash);
    expect(await chain.network()).toBe('regtest');
  });

  it('answers undefined for what is not there', async () => {
    const nothing = new Uint8Array(32).fill(7);

    expect(await chain.blockHash(blockHeight(1_000_000))).toBeUndefined();
    expect(await chain.header(nothing)).toBeUndefined();
    expect(await chain.block(nothing)).toBeUndefined();
    expect(await chain.transaction(nothing)).toBeUndefined();
    expect(await chain.unspentOutput({ txid: nothing, index: 0 })).toBeUndefined();
    expect(await chain.unspentOutputsOf(parseHex('6a'))).toEqual([]);
    expect(await chain.estimateFeeRate(6)).toBeUndefined();
  });

  it('finds unspent outputs with exact amounts', async () => {
    const outputs = await Promise.all([chain.unspentOutputsOf(trueScript), chain.unspentOutputsOf(trueScript)]);

    const [first] = outputs[0];
    expect(outputs[0]).toHaveLength(outputs[1].length);
    expect(first).toMatchObject({ coinbase: true, value: satoshis(5_000_000_000n), scriptPubKey: trueScript });
    expect(await chain.unspentOutput(first as NonNullable<typeof first>)).toEqual(first);
  });

  it('hands a transaction in, sees it in the mempool, then in a block', async () => {
    const bytes = await spendReward(1, outputTo(4_999_876_543n, longTrueScript));
    const verdict = await chain.testAccept(bytes);
    const txid = await chain.broadcast(bytes);

    expect(verdict).toMatchObject({ accepted: true, fee: 123_457n, txid });
    expect(await chain.broadcast(bytes)).toEqual(txid);
    expect(await chain.transaction(txid)).toEqual({ bytes, confirmations: 0 });
    expect(await chain.unspentOutput({ txid, index: 0 })).toBeUndefined();
    const waiting = await chain.unspentOutput({ txid, index: 0 }, { includeMempool: true });
    expect(waiting).toMatchObject({ value: 4_999_876_543n, coinbase: false });
    expect(waiting).not.toHaveProperty('height');
    await mine(1);
    const tip = await chain.tip();
    expect(await chain.transaction(txid)).toEqual({
      bytes,
      confirmations: 1,
      block: { hash: tip.hash, height: tip.height },
    });
    expect(await chain.unspentOutput({ txid, index: 0 })).toMatchObject({ height: tip.height });
  });

  it('names the rule that a refused transaction breaks', async () => {
    const greedy = await spendReward(2, outputTo(5_000_000_001n, longTrueScript));
    const stranger = parseHex(
      `0200000001${'11'.repeat(32)}0000000000ffffffff01${outputTo(1n, longTrueScript)}00000000`,
    );

    await expect(chain.broadcast(greedy)).rejects.toMatchObject({
      code: 'CHAIN_TX_REJECTED',
      details: { reason: 'bad-txns-in-belowout' },
    });
    for (const outcome of [
      await chain.broadcast(stranger).catch((error: { details: unknown }) => error.details),
      ((await chain.testAccept(stranger)) as { rejection: unknown }).rejection,
    ])
      expect(outcome).toMatchObject({ reason: 'bad-txns-inputs-missingorspent' });
    await expect(chain.broadcast(parseHex('00ff'))).rejects.toMatchObject({
      code: 'CHAIN_TX_MALFORMED',
      details: { length: 2 },
    });
  });

  it('names the script error and the input', async () => {
    await mine(1, 'raw(00)');
    await mine(100);
    const height = (await chain.tip()).height - 100;
    const bytes = await spendReward(height, outputTo(4_000_000_000n, longTrueScript));
    const expected = { scriptError: 'EVAL_FALSE', inputIndex: 0 };

    expect(await chain.testAccept(bytes)).toMatchObject({ accepted: false, rejection: expected });
    await expect(chain.broadcast(bytes)).rejects.toMatchObject({ code: 'CHAIN_TX_REJECTED', details: expected });
  });

  it('tells of blocks, and of a reorganisation from the old tip down', async () => {
    const start = await chain.tip();
    const stop = new AbortController();
    const seen: string[] = [];
    const following = (async () => {
      for await (const event of chain.blockEvents({ after: start.hash, signal: stop.signal })) {
        seen.push(`${event.type} ${event.height - start.height}`);
        if (seen.length === 7) stop.abort();
      }
    })();
    const [, second] = await mine(2);
    await expect.poll(() => seen.length).toBe(2);
    await node.rpc('invalidateblock', [await node.rpc('getblockhash', [start.height + 1])]);
    await mine(3, 'raw(52)');
    await following;

    expect(seen).toEqual([
      'connected 1',
      'connected 2',
      'disconnected 2',
      'disconnected 1',
      'connected 1',
      'connected 2',
      'connected 3',
    ]);
    const stale = await chain.header(parseDisplayHash(second as string));
    expect(stale).toMatchObject({ confirmations: 0, height: start.height + 2 });
  });

  it('tells of the mempool', async () => {
    const stop = new AbortController();
    const bytes = await spendReward(3, outputTo(4_999_000_000n, longTrueScript));
    const txid = displayHash(await chain.broadcast(bytes));
    const seen: string[] = [];
    for await (const event of chain.mempoolEvents({ signal: stop.signal })) {
      if (displayHash(event.txid) === txid) seen.push(event.type);
      if (seen.length === 1) await mine(1);
      if (seen.length === 2) stop.abort();
    }
    expect(seen).toEqual(['added', 'removed']);
  });

  it('refuses to follow a block that the node never saw', async () => {
    const events = chain.blockEvents({ after: new Uint8Array(32).fill(9) });
    await expect(events[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'CHAIN_BLOCK_UNKNOWN' });
  });

  it('answers a batch in order, refusals in their places', async () => {
    const [count, refusal] = await chain.rpc.batch([
      { method: 'getblockcount' },
      { method: 'getblockhash', params: [-1] },
    ]);

    expect(count).toEqual({ ok: true, result: (await chain.tip()).height });
    expect(refusal).toMatchObject({ ok: false, error: { code: 'CHAIN_NODE_REFUSED', details: { rpcCode: -8 } } });
    expect(await chain.rpc.batch([])).toEqual([]);
  });

  it('keeps the text of an amount', async () => {
    const params = [displayHash((await chain.unspentOutputsOf(trueScript))[0]?.txid as Uint8Array), 0];
    expect(await chain.rpc.call('gettxout', params, { decimalsAsText: true })).toMatchObject({ value: '50.00000000' });
    expect(await chain.rpc.call('gettxout', params)).toMatchObject({ value: 50 });
  });

  it('says that the credentials are wrong, without repeating them', async () => {
    const rpc = new BitcoindRpc({ url: node.rpcUrl, auth: { user: 'alice', password: 'hunter2' } });
    const error = await rpc.call('getblockcount').catch((caught: unknown) => caught);

    expect(error).toMatchObject({ code: 'CHAIN_NODE_UNAUTHORIZED', details: { status: 401 } });
    for (const text of [inspect(error, { depth: 9 }), JSON.stringify(error), inspect(rpc), JSON.stringify(rpc)])
      expect(text).not.toMatch(/hunter2|YWxpY2U6aHVudGVyMg/);
  });

  it('takes credentials from the address and drops them from it', async () => {
    const url = node.rpcUrl.replace('//', `//${node.user}:${node.password}@`);
    const rpc = new BitcoindRpc({ url });

    expect(await rpc.call('getblockcount')).toBeTypeOf('number');
    expect(rpc.url).toBe(`${node.rpcUrl}/`);
  });
});

describe('a bitcoind that is none', () => {
  async function serve(answer: (respond: (status: number, body: string) => void) => void) {
    const server = createServer((_request, response) => {
      answer((status, body) => response.writeHead(status).end(body));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      [Symbol.dispose]: () => {
        server.closeAllConnections();
        server.close();
      },
    };
  }

  it.each([
    ['a web page', 200, '<html>', 'CHAIN_NODE_ANSWER_INVALID'],
    ['JSON that is no answer', 200, '[]', 'CHAIN_NODE_ANSWER_INVALID'],
    ['a null', 200, 'null', 'CHAIN_NODE_ANSWER_INVALID'],
    ['an error without a code', 500, '{"error":{}}', 'CHAIN_NODE_ANSWER_INVALID'],
    ['a hash of the wrong length', 200, '{"result":"00","error":null}', 'CHAIN_NODE_ANSWER_INVALID'],
    ['a forbidden address', 403, '', 'CHAIN_NODE_UNAUTHORIZED'],
    ['a full work queue', 503, 'Work queue depth exceeded', 'CHAIN_NODE_UNREACHABLE'],
    ['a node that warms up', 500, '{"error":{"code":-28,"message":"Loading"}}', 'CHAIN_NODE_REFUSED'],
  ])('gives %s a code', async (_name, status, body, code) => {
    using server = await serve((respond) => respond(status, body));
    const chain = new BitcoindChain({ url: server.url });
    const error = await chain.tip().catch((caught: unknown) => caught);
    const waitingHelps = status === 503 || body.includes('-28');
    expect(error).toMatchObject({ code, retryable: waitingHelps });
  });

  it('gives up an answer that never comes, or is too long', async () => {
    using silent = await serve(() => {});
    using endless = await serve((respond) => respond(200, 'x'.repeat(10_000)));

    await expect(new BitcoindRpc({ url: silent.url, timeoutMs: 50 }).call('help')).rejects.toMatchObject({
      code: 'CHAIN_NODE_UNREACHABLE',
      details: { method: 'help', reason: 'no answer within 50 ms' },
      retryable: true,
    });
    await expect(new BitcoindRpc({ url: endless.url, maxAnswerLength: 999 }).call('help')).rejects.toMatchObject({
      code: 'CHAIN_NODE_ANSWER_INVALID',
    });
  });

  it('ends a call with its signal', async () => {
    using silent = await serve(() => {});
    const stop = new AbortController();
    const rpc = new BitcoindRpc({ url: silent.url });
    const call = rpc.call('help', [], { signal: stop.signal });
    stop.abort();

    await expect(call).rejects.toMatchObject({ code: 'CHAIN_ABORTED', details: { call: 'help' } });
    await expect(rpc.call('help', [], { signal: stop.signal })).rejects.toMatchObject({ code: 'CHAIN_ABORTED' });
  });

  it('says that nobody listens', async () => {
    const server = await serve(() => {});
    server[Symbol.dispose]();

    await expect(new BitcoindRpc({ url: server.url }).call('help')).rejects.toMatchObject({
      code: 'CHAIN_NODE_UNREACHABLE',
      details: { reason: 'ECONNREFUSED' },
      retryable: true,
    });
  });

  it.each([undefined, null, 1, {}, { url: 1 }, { url: 'ftp://x' }, { url: 'alice:hunter2@x' }])(
    'refuses the options %j with a code',
    (options) => {
      const make = (): BitcoindRpc => new BitcoindRpc(options as never);
      expect(make).toThrow(expect.objectContaining({ code: 'CHAIN_INVALID_ARGUMENT' }) as Error);
      expect(make).not.toThrow('hunter2');
    },
  );
});
