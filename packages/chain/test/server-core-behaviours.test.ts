import { loadCrypto } from '@bitcoin-enterprise/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Bitcoind } from '../../../scripts/nodes/bitcoind.ts';
import { policyOf, readCommandLine } from '../src/server/bitcoind-settings.ts';
import { findCore, startCore } from './support/core-node.ts';
import { KEY_ADDRESS, KEY_WIF } from './support/rpc-questions.ts';
import { serverNode } from './support/server-node.ts';

const OTHER = 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080';
const OTHER_SCRIPT = '160014751e76e8199196d454941c45d1b3a323f1433bd6';
const KEY = '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798';
/** Hash of the first block of regtest, as it lies in headers. */
const GENESIS = '06226e46111a0b59caaf126043eb5bbf28c34f3a5e332a1fc7b2b73cf188910f';
const core = findCore('core-31');

/** Counterparts: our server, and a real Core 31 where there is one. */
const nodes: readonly (readonly [string, (args?: readonly string[]) => Promise<Bitcoind>])[] = [
  ['our server', (args = []) => serverNode({ policy: policyOf(readCommandLine(args)) })],
  ...(core === undefined
    ? []
    : [
        ['a real Core 31', (args: readonly string[] = []) => startCore(core, ['-acceptnonstdtxn=0', ...args])] as const,
      ]),
];

/** A node with some coins of 50 BTC that can be spent. */
async function withCoins(node: Bitcoind, count: number): Promise<readonly string[]> {
  const hashes = await node.rpc<readonly string[]>('generatetoaddress', [count, KEY_ADDRESS]);
  await node.rpc('generatetoaddress', [100, OTHER]);
  return Promise.all(
    hashes.map(async (hash) => {
      const { tx } = await node.rpc<{ readonly tx: readonly [string] }>('getblock', [hash]);
      return tx[0];
    }),
  );
}

/** A signed transaction of 1000 satoshis of fee. */
async function spend(
  node: Bitcoind,
  [txid, value]: readonly [string, number],
  options: { readonly to?: string; readonly change?: (raw: string) => string } = {},
): Promise<{ readonly hex: string; readonly txid: string }> {
  const { to = OTHER, change = (raw: string): string => raw } = options;
  const amount = (value - 0.000_01).toFixed(8);
  const raw = await node.rpc<string>('createrawtransaction', [[{ txid, vout: 0 }], { [to]: amount }]);
  const { hex } = await node.rpc<{ readonly hex: string }>('signrawtransactionwithkey', [change(raw), [KEY_WIF]]);
  const decoded = await node.rpc<{ readonly txid: string }>('decoderawtransaction', [hex]);
  return { hex, txid: decoded.txid };
}

describe.each(nodes)('what a node remembers and forgets: %s', (_, start) => {
  let node: Bitcoind;
  let coins: readonly string[];

  beforeAll(async () => {
    await loadCrypto();
    node = await start();
    coins = await withCoins(node, 12);
  }, 60_000);
  afterAll(() => node.stop());

  it('forgets what was added to a fee once the transaction is in a block', async () => {
    const { hex, txid } = await spend(node, [coins[0] as string, 50]);
    await node.rpc('prioritisetransaction', [txid, 0, 5_000]);
    await node.rpc('sendrawtransaction', [hex]);
    expect(await node.rpc('getprioritisedtransactions')).toMatchObject({ [txid]: { fee_delta: 5_000 } });

    const [hash] = await node.rpc<readonly [string]>('generatetoaddress', [1, OTHER]);
    expect(await node.rpc('getprioritisedtransactions')).toEqual({});

    await node.rpc('prioritisetransaction', [txid, 0, 2_000]);
    await node.rpc('invalidateblock', [hash]);
    expect(await node.rpc('getmempoolentry', [txid])).toMatchObject({ fees: { base: 0.000_01, modified: 0.000_03 } });
    await node.rpc('generatetoaddress', [1, KEY_ADDRESS]);
  });

  it('forgets it as well once a block spends the same', async () => {
    const coin: readonly [string, number] = [coins[1] as string, 50];
    const [waiting, mined] = [await spend(node, coin), await spend(node, coin, { to: KEY_ADDRESS })];
    await node.rpc('sendrawtransaction', [waiting.hex]);
    await node.rpc('prioritisetransaction', [waiting.txid, 0, 5_000]);
    await node.rpc('generateblock', [OTHER, [mined.hex]]);

    expect(await node.rpc('getrawmempool')).toEqual([]);
    expect(await node.rpc('getprioritisedtransactions')).toEqual({});
  });

  it('lets what was in the ten blocks on top wait again after invalidateblock, and no more', async () => {
    const { hex: early, txid: lost } = await spend(node, [coins[2] as string, 50]);
    await node.rpc('sendrawtransaction', [early]);
    const [deep] = await node.rpc<readonly [string]>('generatetoaddress', [1, OTHER]);
    const { hex: late, txid: kept } = await spend(node, [coins[3] as string, 50]);
    await node.rpc('sendrawtransaction', [late]);
    await node.rpc('generatetoaddress', [10, OTHER]);
    await node.rpc('invalidateblock', [deep]);

    const waiting = await node.rpc<readonly string[]>('getrawmempool');
    expect([waiting.includes(lost), waiting.includes(kept)]).toEqual([false, true]);
    await node.rpc('reconsiderblock', [deep]);
  });

  it('shows the diagram of the whole mempool, from nothing on, best first', async () => {
    const zero = { weight: 0, fee: 0 };
    expect(await node.rpc('getmempoolfeeratediagram')).toEqual([zero]);
    const parent = await spend(node, [coins[4] as string, 50], { to: KEY_ADDRESS });
    const other = await spend(node, [coins[5] as string, 50]);
    for (const { hex } of [parent, other]) await node.rpc('sendrawtransaction', [hex]);
    await node.rpc('prioritisetransaction', [other.txid, 0, 9_000]);
    const weights = await Promise.all(
      [other, parent].map(async ({ txid }) => (await node.rpc<{ weight: number }>('getmempoolentry', [txid])).weight),
    );

    expect(await node.rpc('getmempoolfeeratediagram')).toEqual([
      zero,
      { weight: weights[0], fee: 0.000_1 },
      { weight: (weights[0] ?? 0) + (weights[1] ?? 0), fee: 0.000_11 },
    ]);
    await node.rpc('generatetoaddress', [1, OTHER]);
  });

  it('lets go of what has waited for two weeks, with what stands on it, once something else comes', async () => {
    const [parent, later] = [await spend(node, [coins[6] as string, 50], { to: KEY_ADDRESS }), coins[7] as string];
    const start = 2_000_000_000;
    await node.rpc('setmocktime', [start]);
    await node.rpc('sendrawtransaction', [parent.hex]);
    await node.rpc('prioritisetransaction', [parent.txid, 0, 700]);
    await node.rpc('setmocktime', [start + 1_000]);
    const child = await spend(node, [parent.txid, 49.999_99]);
    await node.rpc('sendrawtransaction', [child.hex]);
    await node.rpc('setmocktime', [start + 336 * 3_600]);
    const other = await spend(node, [coins[8] as string, 50]);
    await node.rpc('sendrawtransaction', [other.hex]);
    expect(await node.rpc('getrawmempool')).toHaveLength(3);

    await node.rpc('setmocktime', [start + 336 * 3_600 + 1]);
    expect(await node.rpc('getrawmempool')).toHaveLength(3);
    const last = await spend(node, [later, 50]);
    await node.rpc('sendrawtransaction', [last.hex]);
    const left = await node.rpc<readonly string[]>('getrawmempool');
    expect(left.toSorted()).toEqual([other.txid, last.txid].toSorted());
    expect(await node.rpc('getprioritisedtransactions')).toEqual({
      [parent.txid]: { fee_delta: 700, in_mempool: false },
    });
    await node.rpc('setmocktime', [0]);
  });

  it('says of `generate` what has come in its place, and hides it', async () => {
    const text = 'generate\n\nhas been replaced by the -generate cli option. Refer to -help for more information.\n';
    expect(await node.rpc('help', ['generate'])).toBe(text);
    await expect(node.rpc('generate')).rejects.toThrow(/has been replaced by the -generate cli option/);
    expect(await node.rpc('help')).not.toContain('-generate cli');
  });
});

describe.each(nodes)('what a node was told at its start: %s', (_, start) => {
  it('counts a signature operation as so many bytes as -bytespersigop says', { timeout: 60_000 }, async () => {
    await loadCrypto();
    const sizes: unknown[] = [];
    for (const bytes of [20, 43]) {
      const node = await start([`-bytespersigop=${bytes}`, '-permitbaremultisig=1']);
      try {
        const [coin = ''] = await withCoins(node, 1);
        const bare = { change: (raw: string): string => raw.replace(OTHER_SCRIPT, `255121${KEY}51ae`) };
        const { hex } = await spend(node, [coin, 50], bare);
        const [{ vsize }] = await node.rpc<readonly [{ readonly vsize: number }]>('testmempoolaccept', [[hex], 0]);
        sizes.push(vsize);
      } finally {
        await node.stop();
      }
    }
    // A bare multisig counts as twenty operations, each four times.
    expect(sizes).toEqual([400, 860]);
  });

  it('shows what is out of date where -deprecatedrpc asks for it', { timeout: 60_000 }, async () => {
    const node = await start();
    expect(await node.rpc('getmempoolinfo')).not.toHaveProperty('fullrbf');
    await node.stop();
  });
});

describe.each(nodes)('how blocks are made: %s', (_, start) => {
  it('signals for testers, keeps its limits, and tells of what it has last chosen', { timeout: 60_000 }, async () => {
    await loadCrypto();
    const node = await start();
    const template = (of = node): Promise<unknown> => of.rpc('getblocktemplate', [{ rules: ['segwit'] }]);
    expect(await node.rpc('getmininginfo')).not.toHaveProperty('currentblocktx');
    const [coin = ''] = await withCoins(node, 1);
    expect(await template()).toMatchObject({ version: 0x2000_0000, vbavailable: {} });
    await node.rpc('generatetoaddress', [42, OTHER]);
    expect(await template()).toMatchObject({ version: 0x3000_0000, vbavailable: { testdummy: 28 } });
    const { hex } = await spend(node, [coin, 50]);
    await node.rpc('sendrawtransaction', [hex]);
    await node.rpc('generatetoaddress', [1, OTHER]);
    const { weight } = await node.rpc<{ readonly weight: number }>('decoderawtransaction', [hex]);
    expect(await node.rpc('getmininginfo')).toMatchObject({ currentblocktx: 1, currentblockweight: 8_000 + weight });
    const tip = await node.rpc<string>('getbestblockhash');
    const { height, tx } = await node.rpc<{ readonly height: number; readonly tx: readonly object[] }>('getblock', [
      tip,
      2,
    ]);
    expect(tx[0]).toMatchObject({ locktime: height - 1, vin: [{ sequence: 0xffff_fffe }] });
    await node.stop();
  });
});

describe.each(nodes)('a block that is no whole block: %s', (_, start) => {
  it('is refused for its length where it holds nothing', { timeout: 60_000 }, async () => {
    await loadCrypto();
    const node = await start();
    // A header on the first block whose Merkle root is that of nothing; one of a few nonces is its proof of work.
    const header = (nonce: number): string =>
      `04000000${GENESIS}${'00'.repeat(32)}dae5494dffff7f20${nonce.toString(16).padStart(2, '0')}000000`;
    const answers = new Set<unknown>();
    for (let nonce = 0; nonce < 20; nonce++) answers.add(await node.rpc('submitblock', [`${header(nonce)}00`]));
    expect(answers).toEqual(new Set(['high-hash', 'bad-blk-length']));
    const hard = header(0).replace('ffff7f20', 'ffff001c');
    const proposal = { mode: 'proposal', rules: ['segwit'], data: `${hard}00` };
    await node.rpc('generatetoaddress', [1, OTHER]);
    expect(await node.rpc('getblocktemplate', [proposal])).toBe('inconclusive-not-best-prevblk');
    const [hash] = await node.rpc<readonly [string]>('generatetoaddress', [1, OTHER]);
    const block = await node.rpc<string>('getblock', [hash, 0]);
    await node.rpc('invalidateblock', [hash]);
    const data = block.replace('ffff7f20', 'ffff001c');
    expect(await node.rpc('getblocktemplate', [{ ...proposal, data }])).toBe('bad-diffbits');
    await node.stop();
  });
});

it('keeps to the weight and the version that it was told', async () => {
  await loadCrypto();
  const small = await serverNode({ blockMaxWeight: 8_300, blockVersion: 1_337 });
  const [coin = ''] = await withCoins(small, 1);
  await small.rpc('sendrawtransaction', [(await spend(small, [coin, 50])).hex]);
  expect(await small.rpc('getblocktemplate', [{ rules: ['segwit'] }])).toMatchObject({
    version: 1_337,
    transactions: [],
  });
  const [hash] = await small.rpc<readonly [string]>('generatetoaddress', [1, OTHER]);
  expect(await small.rpc('getblock', [hash])).toMatchObject({ nTx: 1, version: 1_337 });
  await small.stop();
});

it.skipIf(core === undefined)('tells of the deployment of tests what Core tells', { timeout: 120_000 }, async () => {
  await loadCrypto();
  const theirs = await startCore(core as string);
  const ours = await serverNode();
  try {
    // Once with signals all the way, once with a period in which ours made the blocks, which a fixed version keeps silent.
    const silent = await serverNode({ blockVersion: 0x2000_0000 });
    for (const [count, maker] of [
      [200, theirs],
      [100, silent],
      [500, theirs],
    ] as const) {
      const hashes = await maker.rpc<readonly string[]>('generatetoaddress', [count, OTHER]);
      for (const hash of hashes) {
        const block = await maker.rpc('getblock', [hash, 0]);
        for (const node of [theirs, ours, silent]) if (node !== maker) await node.rpc('submitblock', [block]);
      }
    }
    await silent.stop();
    for (let height = 0; height <= 800; height += 16) {
      const hash = await theirs.rpc('getblockhash', [height]);
      const [mine, other] = await Promise.all(
        [ours, theirs].map(async (node) => {
          const info = await node.rpc<{ readonly deployments: { readonly testdummy: object } }>('getdeploymentinfo', [
            hash,
          ]);
          return info.deployments.testdummy;
        }),
      );
      expect([height, mine]).toEqual([height, other]);
    }
  } finally {
    await ours.stop();
    await theirs.stop();
  }
});

it('shows what is out of date, and the log, where it was told of them', async () => {
  await loadCrypto();
  const node = await serverNode({ deprecatedRpc: ['fullrbf'], logPath: '/somewhere/debug.log' });
  expect(await node.rpc('getmempoolinfo')).toMatchObject({ fullrbf: true });
  expect(await node.rpc('getrpcinfo')).toMatchObject({ logpath: '/somewhere/debug.log' });
  await node.stop();
});
