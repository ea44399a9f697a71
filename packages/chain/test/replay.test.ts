import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { displayHash, hasCode, parseHex, satoshis, toHex } from '@bitcoin-enterprise/core';
import { createEmbeddedChain, type EmbeddedChain, FUNDER_SCRIPT } from '@bitcoin-enterprise/chain';
import fc from 'fast-check';
import { blockHash, parseBlock, parseBlockHeader, serializeTransaction } from '@bitcoin-enterprise/script';
import { type Bitcoind, findBitcoind, startBitcoind } from '../../../scripts/nodes/bitcoind.ts';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { type BlockFault, blockFaults } from './support/block-faults.ts';
import { buildBlock, inputOf, spend } from './support/block-workshop.ts';
import { apply, script, step } from './support/histories.ts';
import { createFaultScene, type FaultScene } from './support/fault-scene.ts';

const present = orSkip('bitcoind', await findBitcoind());

/** The node's words of `testmempoolaccept` where they are not the reason itself, but those of Core's RPC layer or Knots'. */
const nodesWords: Readonly<Record<string, string>> = {
  'missing-inputs': 'bad-txns-inputs-missingorspent',
  // Knots has a rule of its own that comes before Core's.
  'bad-txns-vout-script-toolarge': 'bad-txns-too-many-sigops',
};

/**
 * A reason in one name for a failing script. The embedded chain says `block-…` of a block as Core 31 does, and
 * `mandatory-…` of a transaction as Core did until 29; bitcoin-knots 29 says `mandatory-…` and `mempool-…`.
 */
function inOneName(reason: string): string {
  return reason.replace(/^(?:block|mempool|mandatory)-script-verify-flag-failed/, 'script-verify-flag-failed');
}

/** Number and sum of all coins: those of the scripts that the histories and the miner pay to. */
function allCoins(chain: EmbeddedChain): { readonly count: number; readonly sum: bigint } {
  const coins = [script, FUNDER_SCRIPT].flatMap((bytes) => chain.utxos(bytes));
  return { count: coins.length, sum: coins.reduce((sum, { value }) => sum + value, 0n) };
}

/** What a fault in the block's only transaction but the coinbase is, if it has one. */
function loneTransaction(fault: BlockFault, scene: FaultScene): Uint8Array | undefined {
  const bytes = fault.block(scene);
  try {
    const [, tx, ...more] = parseBlock(bytes).transactions;
    return tx === undefined || more.length > 0 ? undefined : serializeTransaction(tx);
  } catch {
    return undefined;
  }
}

async function replay(node: Bitcoind, chain: EmbeddedChain): Promise<void> {
  for (const block of chain.blocks()) {
    const answer = await node.rpc('submitblock', [toHex(block)]);
    // Blocks of a rival branch are inconclusive until it has the most work.
    expect(['accepted', 'duplicate', 'inconclusive']).toContain(answer ?? 'accepted');
  }
}

describe.skipIf(present === undefined)('a real bitcoind', () => {
  let node: Bitcoind;
  let scene: FaultScene;

  beforeAll(async () => {
    node = await startBitcoind({ args: ['-minrelaytxfee=0.000001', '-incrementalrelayfee=0.000001'] });
    scene = createFaultScene();
    await node.rpc('setmocktime', [scene.chain.tip.time + 600]);
    await replay(node, scene.chain);
  });
  afterAll(() => node.stop());

  it('takes the blocks of the embedded chain and ends at the same tip', async () => {
    expect(await node.rpc('getbestblockhash')).toBe(displayHash(scene.chain.tip.hash));
    const info = await node.rpc<{ mediantime: number }>('getblockchaininfo');
    expect(info.mediantime).toBe(scene.chain.tip.medianTime);
  });

  it('counts the same coins', async () => {
    const set = await node.rpc<{ txouts: number; total_amount: number }>('gettxoutsetinfo', ['none']);
    const rewards = 50 * scene.chain.height;

    // The scene burns what its maker transaction does not pay on.
    expect(set.total_amount).toBeLessThanOrEqual(rewards);
    expect(set.txouts).toBeGreaterThan(100);
  });

  it.for(blockFaults)('refuses a block with $name for the same reason', async ({ block, reason, knotsAnswers }) => {
    const answer = await node
      .rpc<string | null>('submitblock', [toHex(block(scene))])
      .catch((error: Error) => error.message);

    expect(inOneName(answer ?? 'accepted')).toBe(inOneName(knotsAnswers ?? reason));
  });

  it('gives a faulty transaction that asks for the mempool the same reason', async () => {
    const differences: string[] = [];
    let compared = 0;
    for (const fault of blockFaults) {
      const bytes = loneTransaction(fault, scene);
      if (bytes === undefined) continue;
      const ours = scene.chain.testAccept(bytes);
      const [theirs] = await node.rpc<readonly [{ readonly 'reject-reason'?: string }]>('testmempoolaccept', [
        [toHex(bytes)],
        0,
      ]);
      const answer = theirs['reject-reason'] ?? 'accepted';
      const expected = ours.accepted ? 'accepted' : ours.rejection.reason;
      compared++;
      if (inOneName(nodesWords[answer] ?? answer) !== inOneName(expected))
        differences.push(`${fault.name}: ${expected}, node: ${answer}`);
    }

    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(50);
  });

  it('agrees on what a known, a bad, and a rival block are', async () => {
    const { chain } = scene;
    const bad = blockFaults.find(({ name }) => name === 'OP_RETURN');
    const badBlock = (bad as (typeof blockFaults)[number]).block(scene);
    const ours = (bytes: Uint8Array): string => {
      try {
        return chain.submitBlock(bytes).became;
      } catch (error) {
        return hasCode(error, 'CHAIN_BLOCK_REJECTED') ? error.details.reason : String(error);
      }
    };
    const known = [...chain.blocks()].at(-1) as Uint8Array;
    ours(badBlock);

    expect([ours(badBlock), ours(known)]).toEqual(['duplicate-invalid', 'duplicate']);
    expect(await node.rpc('submitblock', [toHex(badBlock)])).toBe('duplicate-invalid');
    expect(await node.rpc('submitblock', [toHex(known)])).toBe('duplicate');
  });

  it('follows a reorganisation to the same tip', async () => {
    const { chain } = scene;
    chain.reorg(3, {
      replacement: [[], [serializeTransaction(spend([inputOf(scene.coin('anyone'))], { value: 99_000n }))]],
    });
    await node.rpc('setmocktime', [chain.tip.time + 600]);
    await replay(node, chain);

    expect(await node.rpc('getbestblockhash')).toBe(displayHash(chain.tip.hash));
  });

  it('holds the same coins after any history, and comes to the same tip by the same branches', async () => {
    const histories = fc.sample(fc.array(step, { minLength: 15, maxLength: 40 }), { numRuns: 12, seed: 20_261_120 });
    const other = await startBitcoind();
    try {
      for (const [number, steps] of histories.entries()) {
        const chain = createEmbeddedChain();
        // Another first block each time, whatever becomes of it, because the node is made to forget the one before.
        chain.setTime(chain.tip.time + 1_000 + number);
        for (const next of steps) apply(chain, next, []);
        await replay(other, chain);
        const set = await other.rpc<{ txouts: number; total_amount: number }>('gettxoutsetinfo', ['none']);
        const coins = allCoins(chain);

        expect(await other.rpc('getbestblockhash')).toBe(displayHash(chain.tip.hash));
        expect(set.txouts).toBe(coins.count);
        expect(BigInt(Math.round(set.total_amount * 1e8))).toBe(coins.sum);
        const [first] = [...chain.blocks()];
        await other.rpc('invalidateblock', [
          displayHash(blockHash(parseBlockHeader((first as Uint8Array).slice(0, 80)))),
        ]);
      }
    } finally {
      await other.stop();
    }
  });

  it('refuses what was injected, and the chain says so beforehand', async () => {
    const chain = createEmbeddedChain();
    chain.mine(1);
    expect(chain.faithful).toBe(true);
    chain.injectUtxo(parseHex('51'), satoshis(1_000_000_000_000n));

    expect(chain.faithful).toBe(false);
    const [, injected] = [...chain.blocks()];
    await node.rpc('submitblock', [toHex([...chain.blocks()][0] as Uint8Array)]);
    // On a branch with less work the node does not look at amounts.
    expect(await node.rpc('submitblock', [toHex(injected as Uint8Array)])).toBe('inconclusive');
  });

  it('takes a block of 2,000 spends that the chain assembled', async () => {
    const { chain } = scene;
    chain.mine(2, { transactions: [] });
    const script = parseHex('51');
    const { txid, index } = chain.fund(script, satoshis(4_000_000n));
    // Long enough that the spends reach the 65 bytes that every mempool asks for.
    const padded = parseHex(`51${'61'.repeat(10)}`);
    const fan = spend([inputOf({ txid, index })], {
      outputs: Array.from({ length: 2_000 }, () => ({ value: 1_000n, scriptPubKey: padded })),
    });
    const fanId = chain.broadcast(serializeTransaction(fan));
    chain.mine(1);
    for (let i = 0; i < 2_000; i++)
      chain.broadcast(
        serializeTransaction(
          spend([inputOf({ txid: fanId, index: i })], {
            outputs: [{ value: 500n + BigInt(i % 7), scriptPubKey: padded }],
          }),
        ),
      );
    chain.mine(1);
    await node.rpc('setmocktime', [chain.tip.time + 600]);
    await replay(node, chain);

    expect(chain.mempool()).toHaveLength(0);
    expect(await node.rpc('getbestblockhash')).toBe(displayHash(chain.tip.hash));
  });

  it('takes the good hand-made block, too', async () => {
    const block = buildBlock(scene.chain);

    expect(scene.chain.submitBlock(block).became).toBe('tip');
    expect(await node.rpc('submitblock', [toHex(block)])).toBeNull();
  });
});
