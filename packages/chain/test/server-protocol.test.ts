import { createHmac } from 'node:crypto';
import { loadCrypto } from '@bitcoin-enterprise/core';
import {
  type ChainServer,
  passwordCredential,
  rpcAuthCredential,
  startChainServer,
} from '@bitcoin-enterprise/chain/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBitcoind } from '../../../scripts/nodes/bitcoind.ts';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { run } from '../../../scripts/nodes/run.ts';
import { findCore, startCore } from './support/core-node.ts';

const salted = (user: string, salt: string, password: string): string =>
  `${user}:${salt}$${createHmac('sha256', salt).update(password).digest('hex')}`;

let server: ChainServer;

beforeAll(async () => {
  await loadCrypto();
  const named = rpcAuthCredential(salted('carol', 'a1b2', 'pepper'));
  server = await startChainServer({
    credentials: [passwordCredential('alice', 'pässwort'), ...(named === undefined ? [] : [named])],
  });
});
afterAll(() => server.stop());

interface Reply {
  readonly status: number;
  readonly body: unknown;
  readonly text: string;
}

async function post(
  body: string,
  options: { readonly user?: string; readonly method?: string; readonly path?: string } = {},
): Promise<Reply> {
  const { user = 'alice:pässwort', method = 'POST', path = '/' } = options;
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: { authorization: `Basic ${Buffer.from(user).toString('base64')}` },
    ...(method === 'POST' ? { body } : {}),
  });
  const text = await response.text();
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  return { status: response.status, body: parsed, text };
}

const call = (fields: object): Promise<Reply> => post(JSON.stringify(fields));

describe('the server speaks JSON-RPC as bitcoind does', () => {
  it('answers version 1 with result and error, whichever there is', async () => {
    expect(await call({ id: 7, method: 'getblockcount' })).toMatchObject({
      status: 200,
      body: { result: 0, error: null, id: 7 },
    });
    expect(await call({ jsonrpc: '1.0', id: 'x', method: 'getblockhash', params: [9] })).toMatchObject({
      status: 500,
      body: { result: null, error: { code: -8, message: 'Block height out of range' }, id: 'x' },
    });
    expect((await call({ id: 1, method: 'nothing' })).status).toBe(404);
    expect((await call({ id: 1, method: 5 })).status).toBe(400);
  });

  it('answers version 2 with one of them and HTTP 200, and a notification with nothing', async () => {
    expect(await call({ jsonrpc: '2.0', id: 1, method: 'getblockcount' })).toMatchObject({
      status: 200,
      body: { jsonrpc: '2.0', result: 0, id: 1 },
    });
    const refused = await call({ jsonrpc: '2.0', id: 1, method: 'nothing' });
    expect(refused).toMatchObject({ status: 200, body: { jsonrpc: '2.0', error: { code: -32_601 }, id: 1 } });
    expect(refused.body).not.toHaveProperty('result');
    expect(await call({ jsonrpc: '2.0', method: 'getblockcount' })).toMatchObject({ status: 204, text: '' });
  });

  it('answers a batch in its order, faults and all', async () => {
    const batch = [
      { id: 1, method: 'getblockcount' },
      5,
      { jsonrpc: '2.0', method: 'uptime' },
      { id: 2, method: 'nothing' },
    ];
    const { status, body } = await post(JSON.stringify(batch));

    expect(status).toBe(200);
    expect(body).toMatchObject([
      { id: 1, result: 0 },
      { error: { code: -32_600 } },
      { id: 2, error: { code: -32_601 } },
    ]);
    expect(await post('[]')).toMatchObject({ status: 200, body: [] });
    expect(await post('[{"jsonrpc":"2.0","method":"uptime"}]')).toMatchObject({ status: 204 });
  });

  it('answers a call of version 1 without an id without one, and what is no call with null', async () => {
    expect((await call({ method: 'getblockcount' })).body).toEqual({ result: 0, error: null });
    expect((await call({ jsonrpc: 2, method: 'getblockcount' })).body).not.toHaveProperty('id');
    expect((await post('[5]')).body).toMatchObject([{ id: null }]);
    expect((await post('this is bad')).body).toMatchObject({ id: null });
  });

  it('answers a notification without a method alone, but not in a batch', async () => {
    const wrong = '{"jsonrpc":"2.0","pizza":"sausage"}';

    expect(await post(`[${wrong}]`)).toMatchObject({ status: 204, text: '' });
    expect((await post(`[${wrong},{"id":1,"method":"uptime"}]`)).body).toHaveLength(1);
    expect(await post(wrong)).toMatchObject({ body: { error: { code: -32_600, message: 'Missing method' } } });
  });

  it('says what is wrong with a body, a name, a type and a number of arguments', async () => {
    const error = async (fields: object): Promise<unknown> => ((await call(fields)).body as { error: unknown }).error;

    expect((await post('{"id":1')).body).toMatchObject({ error: { code: -32_700, message: 'Parse error' } });
    expect(await error({ id: 1, method: 'getblockhash', params: 'x' })).toMatchObject({ code: -32_600 });
    expect(await error({ jsonrpc: '3.0', id: 1, method: 'uptime' })).toMatchObject({
      message: 'JSON-RPC version not supported',
    });
    expect(await error({ id: 1, method: 'getblockhash', params: { depth: 1 } })).toEqual({
      code: -8,
      message: 'Unknown named parameter depth',
    });
    expect(await error({ id: 1, method: 'getblockhash', params: { args: [0], height: 0 } })).toMatchObject({
      code: -8,
    });
    expect(await error({ id: 1, method: 'getblockhash', params: ['0'] })).toMatchObject({ code: -3 });
    expect(await error({ id: 1, method: 'getblockhash' })).toMatchObject({ code: -1 });
    expect(await error({ id: 1, method: 'getblockhash', params: [0, 1] })).toMatchObject({ code: -1 });
    expect(await error({ id: 1, method: 'getblock', params: ['zz'] })).toEqual({
      code: -8,
      message: "blockhash must be of length 64 (not 2, for 'zz')",
    });
  });

  it('answers a call whose id is nested too deeply to be written, and the others of its batch', async () => {
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    const good = '{"id":1,"method":"getblockcount"}';
    const nested = `{"id":${deep},"method":"getblockcount"}`;
    const alone = await post(nested);
    const batch = await post(`[${good},${nested},${good}]`);

    expect(alone.body).toMatchObject({ id: null });
    expect(batch.body).toMatchObject([{ id: 1, result: 0 }, { id: null }, { id: 1, result: 0 }]);
  });

  it('takes arguments by name, and by name and position', async () => {
    const hash = '0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206';
    for (const params of [[0], { height: 0 }, { args: [0] }])
      expect((await call({ id: 1, method: 'getblockhash', params })).body).toMatchObject({ result: hash });
  });

  it('lets in who has a password, or the hash of one, and nobody else', async () => {
    const body = '{"id":1,"method":"uptime"}';

    expect((await post(body, { user: 'carol:pepper' })).status).toBe(200);
    for (const user of ['carol:salt', 'alice:pepper', 'dave:pässwort', 'alice', ''])
      expect((await post(body, { user })).status).toBe(401);
    expect((await fetch(server.url, { method: 'POST', body })).headers.get('www-authenticate')).toBe(
      'Basic realm="jsonrpc"',
    );
    expect(await post(body, { method: 'GET' })).toMatchObject({
      status: 405,
      text: 'JSONRPC server handles only POST requests',
    });
    expect((await post(body, { path: '/elsewhere' })).status).toBe(404);
  });

  it('does not answer a page in a browser, whatever it knows', async () => {
    const response = await fetch(server.url, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from('alice:pässwort').toString('base64')}`,
        origin: 'http://rebind.example',
      },
      body: '{"id":1,"method":"getblockcount"}',
    });

    expect([response.status, await response.text()]).toEqual([403, '']);
  });

  it('keeps a connection for many calls', async () => {
    const start = performance.now();
    for (let i = 0; i < 200; i++) await call({ id: i, method: 'getblockcount' });
    // Two hundred handshakes that the caller had to wait for would show as refused or hanging calls.
    expect(performance.now() - start).toBeLessThan(30_000);
  });

  it('keeps an idle connection as long as it was told', async () => {
    const patient = await startChainServer({ idleSeconds: 99 });
    const response = await fetch(patient.url, { method: 'POST', body: '{}' });

    expect(response.headers.get('keep-alive')).toBe('timeout=99');
    await patient.stop();
  });

  it('refuses a call that is one too many', async () => {
    const small = await startChainServer({ maxCalls: 2 });
    const ask = (method: string, params: readonly unknown[]): Promise<Response> =>
      fetch(small.url, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(`${small.user}:${small.password}`)}` },
        body: JSON.stringify({ id: 1, method, params }),
      });
    const waiting = [ask('waitfornewblock', [400]), ask('waitfornewblock', [400])];
    let refused = await ask('uptime', []);
    for (let tries = 0; refused.status === 200 && tries < 50; tries++) refused = await ask('uptime', []);

    expect([refused.status, await refused.text()]).toEqual([503, 'Work queue depth exceeded']);
    for (const response of await Promise.all(waiting)) expect(response.status).toBe(200);
    expect((await ask('uptime', [])).status).toBe(200);
    await small.stop();
  });

  it('helps', async () => {
    const { body } = await call({ id: 1, method: 'help' });
    const all = (body as { result: string }).result;

    expect(all).toContain('== Blockchain ==');
    expect(all).toContain('getblockheader "blockhash" ( verbose )');
    expect(all).not.toContain('setmocktime');
    expect((await call({ id: 1, method: 'help', params: ['getblockhash'] })).body).toMatchObject({
      result: 'getblockhash height\n',
    });
  });
});

const program = orSkip('bitcoind', await findBitcoind());

describe.skipIf(program === undefined)('bitcoin-cli talks to it', () => {
  it('as to a node of its own', async () => {
    if (program === undefined) return;
    const { file, args } = program.command;
    const words = [file, ...args].map((word) => word.replace(/bitcoind$/, 'bitcoin-cli'));
    const cli = (...more: string[]) =>
      run(words[0] as string, [
        ...words.slice(1),
        '-regtest',
        `-rpcport=${server.port}`,
        '-rpcuser=carol',
        '-rpcpassword=pepper',
        ...more,
      ]);

    expect((await cli('-named', 'getblockhash', 'height=0')).stdout.trim()).toMatch(/^0f9188f1/);
    expect(JSON.parse((await cli('getblockchaininfo')).stdout)).toMatchObject({ chain: 'regtest', blocks: 0 });
    expect((await cli('-getinfo')).stdout).toContain('Chain: regtest');
    expect(await cli('getblockhash', '5')).toMatchObject({
      code: 8,
      stderr: expect.stringContaining('Block height out of range'),
    });
  });
});

const core = findCore('core-31');

describe.skipIf(core === undefined)('beside a real Bitcoin Core 31', () => {
  it('says the same of the same chain, field by field', async () => {
    const theirs = await startCore(core as string, ['-acceptnonstdtxn=0']);
    const ask = async (method: string, params: readonly unknown[]): Promise<unknown> =>
      ((await call({ id: 1, method, params })).body as { result: unknown }).result;
    try {
      for (let i = 0; i < 12; i++) {
        const time = 1_700_000_000 + i * 600;
        await theirs.rpc('setmocktime', [time]);
        await ask('setmocktime', [time]);
        const [hash] = await theirs.rpc<string[]>('generatetoaddress', [
          1,
          'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080',
        ]);
        const block = await theirs.rpc('getblock', [hash, 0]);
        expect(await ask('submitblock', [block])).toBeNull();
      }
      const tip = await theirs.rpc<string>('getbestblockhash');
      const spent = await theirs.rpc<{ tx: string[] }>('getblock', [tip]);
      const questions: readonly (readonly [string, readonly unknown[]])[] = [
        ['getblockcount', []],
        ['getbestblockhash', []],
        ['getdifficulty', []],
        ['getblockheader', [tip]],
        ['getblockheader', [tip, false]],
        ['getblockstats', [5]],
        ['getblockstats', [tip, ['txs', 'subsidy']]],
        ['getchaintips', []],
        ['getchaintxstats', [5]],
        ['gettxout', [spent.tx[0], 0]],
        ['gettxoutproof', [spent.tx]],
        ['validateaddress', ['bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080']],
        ['decodescript', ['51210279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f8179851ae']],
        [
          'createrawtransaction',
          [[{ txid: spent.tx[0], vout: 0 }], { bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080: 1.5, data: 'beef' }],
        ],
        ['deriveaddresses', ['wpkh(0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798)#hmxtpvz5']],
        ['getdescriptorinfo', ['pk(0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798)']],
        ['getblockhash', [13]],
        ['getblock', ['00'.repeat(32)]],
        ['sendrawtransaction', ['00']],
        ['testmempoolaccept', [[]]],
        ['gettxspendingprevout', [[]]],
      ];
      for (const [method, params] of questions) {
        const ours = await call({ id: 1, method, params });
        const other = await answerOf(theirs, method, params);
        expect.soft([method, ours.body]).toEqual([method, other]);
      }
      for (const verbosity of [0, 1, 2, 3])
        expect.soft(await ask('getblock', [tip, verbosity])).toEqual(await theirs.rpc('getblock', [tip, verbosity]));
      const info = (await theirs.rpc('gettxoutsetinfo')) as Record<string, unknown>;
      expect({ ...((await ask('gettxoutsetinfo', [])) as object), disk_size: 0 }).toEqual({ ...info, disk_size: 0 });
    } finally {
      await theirs.stop();
    }
  });
});

async function answerOf(
  node: { readonly rpcUrl: string; readonly cookie: string },
  method: string,
  params: readonly unknown[],
): Promise<unknown> {
  const response = await fetch(node.rpcUrl, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(node.cookie)}` },
    body: JSON.stringify({ id: 1, method, params }),
  });
  return response.json();
}
