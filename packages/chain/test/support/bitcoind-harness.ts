import { parseDisplayHash, toHex } from '@bitcoin-enterprise/core';
import { FUNDER_SCRIPT } from '@bitcoin-enterprise/chain';
import type { ChainHarness } from '@bitcoin-enterprise/chain/testing';
import { serializeTransaction, transactionId } from '@bitcoin-enterprise/script';
import type { Bitcoind } from '../../../../scripts/nodes/bitcoind.ts';
import { BitcoindChain } from '../../src/bitcoind/index.ts';
import { inputOf, spend } from './block-workshop.ts';

/** A bitcoind as the kit wants it: rewards go to a script that anybody can spend, so that no wallet is needed. */
export async function bitcoindHarness(node: Bitcoind): Promise<ChainHarness> {
  const chain = new BitcoindChain({ url: node.rpcUrl, auth: { cookie: node.cookie }, pollMs: 10 });
  const descriptor = `raw(${toHex(FUNDER_SCRIPT)})`;
  const mine = async (count: number): Promise<string[]> => node.rpc('generatetodescriptor', [count, descriptor]);
  let spent = 0;
  await mine(150);
  return {
    chain,
    mine: async (count) => {
      await mine(count);
    },
    fund: async (scriptPubKey, amount) => {
      const hash = await node.rpc<string>('getblockhash', [++spent]);
      const block = await node.rpc<{ tx: { txid: string; vout: { value: number }[] }[] }>('getblock', [hash, 2]);
      const [coinbase] = block.tx;
      const reward = BigInt(Math.round((coinbase?.vout[0]?.value ?? 0) * 1e8));
      const outpoint = { txid: parseDisplayHash(coinbase?.txid ?? ''), index: 0 };
      const tx = spend([inputOf(outpoint, { witness: [Uint8Array.of(0x51)] })], {
        outputs: [
          { value: amount, scriptPubKey },
          { value: reward - amount, scriptPubKey: FUNDER_SCRIPT },
        ],
      });
      await node.rpc('generateblock', [descriptor, [toHex(serializeTransaction(tx))]]);
      return { txid: transactionId(tx), index: 0 };
    },
    reorg: async (depth) => {
      const height = await node.rpc<number>('getblockcount');
      const first = await node.rpc<string>('getblockhash', [height - depth + 1]);
      await node.rpc('invalidateblock', [first]);
      // Another script, so that the new blocks cannot be the old ones again.
      await node.rpc('generatetodescriptor', [depth + 1, 'raw(51)']);
    },
    close: () => node.stop(),
  };
}
