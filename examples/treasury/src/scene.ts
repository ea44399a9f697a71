/** Where the treasury's coins are: the chain inside of this process, or a real bitcoind. */
import {
  type ChainSource,
  createEmbeddedChain,
  type FeeEstimator,
  type TxBroadcaster,
} from '@bitcoin-enterprise/chain';
import { BitcoindChain } from '@bitcoin-enterprise/chain/bitcoind';
import { satoshis, toHex } from '@bitcoin-enterprise/core';
import { startBitcoind } from '../../../scripts/nodes/bitcoind.ts';

/** A chain, and what only a test chain can do. */
export interface Scene {
  readonly name: string;
  readonly chain: ChainSource & TxBroadcaster & FeeEstimator;
  mine(count: number): Promise<void>;
  /** Pays to a script, confirmed. */
  fund(scriptPubKey: Uint8Array, amount: bigint): Promise<void>;
  /** Lets time pass: the median time of the chain moves on by at least that. */
  pass(seconds: number): Promise<void>;
  close(): Promise<void>;
}

export function embeddedScene(): Scene {
  const chain = createEmbeddedChain();
  return {
    name: 'the embedded chain',
    chain: chain.ports,
    mine: async (count) => {
      chain.mine(count);
    },
    fund: async (scriptPubKey, amount) => {
      chain.fund(scriptPubKey, satoshis(amount));
    },
    pass: async (seconds) => {
      chain.warp(chain.tip.time + seconds);
    },
    close: async () => undefined,
  };
}

export async function bitcoindScene(): Promise<Scene> {
  const node = await startBitcoind({ args: ['-txindex=1', '-fallbackfee=0.00001', '-minrelaytxfee=0.00001'] });
  const chain = new BitcoindChain({ url: node.rpcUrl, auth: { cookie: node.cookie }, pollMs: 20 });
  // Knots' mempool relays no such script; its blocks take it.
  const mineTo = 'raw(51)';
  await node.rpc('generatetodescriptor', [1, mineTo]);
  let time = Math.floor(Date.now() / 1000);
  return {
    name: `bitcoind ${node.version}`,
    chain,
    mine: async (count) => {
      await node.rpc('generatetodescriptor', [count, mineTo]);
    },
    fund: async (scriptPubKey, amount) => {
      // A reward of its own for each coin, grown ripe, and cut to size by sending what is left to the miner.
      const [hash] = await node.rpc<string[]>('generatetodescriptor', [1, mineTo]);
      await node.rpc('generatetodescriptor', [100, mineTo]);
      const block = await node.rpc<{ tx: { txid: string; vout: { value: number }[] }[] }>('getblock', [hash, 2]);
      const [reward] = block.tx;
      const value = BigInt(Math.round((reward?.vout[0]?.value ?? 0) * 1e8));
      const raw = rawSpend(reward?.txid ?? '', [
        [amount, scriptPubKey],
        [value - amount, Uint8Array.of(0x51)],
      ]);
      await node.rpc('generateblock', [mineTo, [raw]]);
    },
    pass: async (seconds) => {
      time += seconds;
      await node.rpc('setmocktime', [time]);
      await node.rpc('generatetodescriptor', [12, mineTo]);
    },
    close: () => node.stop(),
  };
}

/** A transaction that spends an output which anybody can spend. */
function rawSpend(txid: string, outputs: readonly (readonly [bigint, Uint8Array])[]): string {
  const bytes = Buffer.alloc(8);
  const listed = outputs.map(([value, script]) => {
    bytes.writeBigUInt64LE(value);
    return `${bytes.toString('hex')}${script.length.toString(16).padStart(2, '0')}${toHex(script)}`;
  });
  const previous = Buffer.from(txid, 'hex').reverse().toString('hex');
  return `0200000001${previous}0000000000ffffffff${outputs.length.toString(16).padStart(2, '0')}${listed.join('')}00000000`;
}
