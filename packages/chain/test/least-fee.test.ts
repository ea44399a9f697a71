import { currentCrypto, loadCrypto } from '@bitcoin-enterprise/core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Bitcoind } from '../../../scripts/nodes/bitcoind.ts';
import { initialState } from '../src/model/chain-state.ts';
import { emptyMempool } from '../src/model/mempool.ts';
import { mempoolProfile } from '../src/model/mempool-profiles.ts';
import { afterBlock, raised, rollingMinimum } from '../src/model/rolling-fee.ts';
import { findCore, startCore } from './support/core-node.ts';
import { serverNode } from './support/server-node.ts';

const START = 1_700_000_000;
const HOUR = 3_600;
/** Pays to a witness script of OP_TRUE. */
const ADDRESS = 'bcrt1qft5p2uhsdcdc3l2ua4ap5qqfg4pjaqlp250x7us7a8qqhrxrxfsqseac85';

beforeAll(() => loadCrypto());

describe('the least fee after the pool was full', () => {
  const policy = mempoolProfile('core-31');

  it('stays until a block comes, then halves each twelve hours, faster the emptier the pool, and ends', () => {
    const full = raised(emptyMempool(), 64_000);
    expect(rollingMinimum(full, policy, START + 100 * HOUR)).toBe(64_000n);

    const falling = afterBlock(full, START);
    expect(rollingMinimum(falling, policy, START + 10)).toBe(64_000n);
    // The pool is empty: a quarter of the time.
    expect(rollingMinimum(falling, policy, START + 3 * HOUR)).toBe(32_000n);
    expect(rollingMinimum(falling, policy, START + 30 * HOUR)).toBe(policy.incrementalRelayFeeRate);
    expect(rollingMinimum(falling, policy, START + 60 * HOUR)).toBe(0n);
    expect(rollingMinimum(initialState(currentCrypto()).mempool, policy, START)).toBe(0n);
  });
});

/** Fills a pool of 5 MB with ever better payers, and tells the least fee then, after a block, and hours later. */
async function story(node: Bitcoind, blocks: string[]): Promise<unknown[]> {
  const told: unknown[] = [];
  const tell = async (): Promise<void> => {
    const info = await node.rpc<Record<string, unknown>>('getmempoolinfo');
    told.push([info['size'], info['bytes'], info['mempoolminfee'], info['minrelaytxfee']]);
  };
  const coins: string[] = [];
  for (let height = 1; height <= 90; height++) {
    const { tx } = await node.rpc<{ tx: string[] }>('getblock', [await node.rpc('getblockhash', [height])]);
    coins.push(tx[0] as string);
  }
  for (const [i, txid] of coins.entries()) {
    // The fee grows step by step; no double of JavaScript is between the value and what the node reads.
    const value = `49.${String(99_900_000 - i * 100_000).padStart(8, '0')}`;
    const outputs = [{ [ADDRESS]: value }, { data: '6a'.repeat(64_000) }];
    const bare = await node.rpc<string>('createrawtransaction', [[{ txid, vout: 0 }], outputs]);
    const whole = `${bare.slice(0, 8)}0001${bare.slice(8, -8)}010151${bare.slice(-8)}`;
    told.push(await node.rpc<string>('sendrawtransaction', [whole, 0]).catch((error: Error) => error.message));
    if (i > 70) await tell();
  }
  // One block of the real node for both: what it takes first is a matter of its own.
  if (blocks.length === 0) {
    const [hash] = await node.rpc<string[]>('generatetoaddress', [1, ADDRESS]);
    blocks.push(await node.rpc<string>('getblock', [hash, 0]));
  } else await node.rpc('submitblock', [blocks[0]]);
  await tell();
  for (const hours of [1, 5, 11, 30, 60, 100]) {
    await node.rpc('setmocktime', [START + 200_000 + hours * HOUR]);
    await tell();
  }
  return told;
}

for (const version of ['core-31', 'core-30'] as const) {
  const core = findCore(version);

  describe.skipIf(core === undefined)(`beside a real Bitcoin ${version}`, () => {
    it('is the same, from the first transaction dropped to the last hour', { timeout: 120_000 }, async () => {
      const theirs = await startCore(core as string, ['-acceptnonstdtxn=0', '-maxmempool=5']);
      const ours = await serverNode({ policy: { ...mempoolProfile(version), maxPoolUsageBytes: 5_000_000 } });
      try {
        await theirs.rpc('setmocktime', [START]);
        for (const hash of await theirs.rpc<string[]>('generatetoaddress', [190, ADDRESS]))
          await ours.rpc('submitblock', [await theirs.rpc('getblock', [hash, 0])]);
        for (const node of [theirs, ours]) await node.rpc('setmocktime', [START + 200_000]);
        const blocks: string[] = [];
        const expected = await story(theirs, blocks);
        expect(await story(ours, blocks)).toEqual(expected);
        expect(expected.some((line) => Array.isArray(line) && line[2] !== line[3])).toBe(true);
      } finally {
        await Promise.all([theirs.stop(), ours.stop()]);
      }
    });
  });
}
