/** Where the coins are: a chain inside of this process, or a real bitcoind; both are asked over JSON-RPC. */
import { startChainServer } from '@bitcoin-enterprise/chain/server';
import { BitcoindChain } from '@bitcoin-enterprise/chain/bitcoind';
import { displayHash, parseDisplayHash, parseHex, toHex } from '@bitcoin-enterprise/core';
import { parseTransaction, serializeTransaction, type Transaction, transactionId } from '@bitcoin-enterprise/script';
import { startBitcoind } from '../../../scripts/nodes/bitcoind.ts';
import type { Start } from './messages.ts';

/** A chain, and what only a test chain can do. */
export interface Scene {
  readonly name: string;
  readonly node: Start['node'];
  mine(count: number): Promise<void>;
  /** Pays to a script, confirmed; answers `txid:index`. */
  fund(scriptPubKey: Uint8Array, amount: bigint): Promise<string>;
  /** Satoshis that a script holds. */
  held(scriptPubKey: Uint8Array): Promise<bigint>;
  /** Hands a transaction to the network. */
  send(bytes: Uint8Array): Promise<void>;
  height(): Promise<number>;
  close(): Promise<void>;
}

/** Anybody can spend it. */
const MINER = 'raw(51)';

export async function embeddedScene(): Promise<Scene> {
  const server = await startChainServer();
  const { url, user, password } = server;
  return overRpc('the embedded chain', { url, user, password }, async () => server.stop());
}

export async function bitcoindScene(): Promise<Scene> {
  const node = await startBitcoind({ args: ['-fallbackfee=0.00001', '-minrelaytxfee=0.00001'] });
  const { rpcUrl: url, user, password } = node;
  return overRpc(`bitcoind ${node.version}`, { url, user, password }, async () => node.stop());
}

async function overRpc(name: string, node: Start['node'], close: () => Promise<void>): Promise<Scene> {
  const { url, user, password } = node;
  const chain = new BitcoindChain({ url, auth: { user, password } });
  const call = async <Answer>(method: string, params: readonly unknown[]): Promise<Answer> =>
    (await chain.rpc.call(method, [...params])) as Answer;
  // One reward, grown ripe, from which every coin is paid.
  const [hash] = await call<string[]>('generatetodescriptor', [1, MINER]);
  await call('generatetodescriptor', [100, MINER]);
  const block = await call<{ readonly tx: readonly string[] }>('getblock', [hash, 1]);
  const reward = await call<{ readonly value: number }>('gettxout', [block.tx[0], 0]);
  let purse = { txid: block.tx[0] ?? '', index: 0, value: BigInt(Math.round(reward.value * 1e8)) };
  return {
    name,
    node,
    mine: async (count) => {
      await call('generatetodescriptor', [count, MINER]);
    },
    fund: async (scriptPubKey, amount) => {
      const left = purse.value - amount;
      const raw = rawSpend(purse, [
        [amount, scriptPubKey],
        [left, Uint8Array.of(0x51)],
      ]);
      await call('generateblock', [MINER, [raw]]);
      const txid = displayHash(transactionId(parseTransaction(parseHex(raw))));
      purse = { txid, index: 1, value: left };
      return `${txid}:0`;
    },
    held: async (scriptPubKey) => {
      const outputs = await chain.unspentOutputsOf(scriptPubKey);
      return outputs.reduce((sum, output) => sum + output.value, 0n);
    },
    send: async (bytes) => {
      await call('sendrawtransaction', [toHex(bytes)]);
    },
    height: async () => (await chain.tip()).height,
    close,
  };
}

/** A transaction that spends an output which anybody can spend. */
function rawSpend(
  from: { readonly txid: string; readonly index: number },
  outputs: readonly (readonly [bigint, Uint8Array])[],
): string {
  const tx: Transaction = {
    version: 2,
    inputs: [
      {
        previousTxid: parseDisplayHash(from.txid),
        previousIndex: from.index,
        scriptSig: new Uint8Array(),
        sequence: 0xffff_ffff,
        witness: [],
      },
    ],
    outputs: outputs.map(([value, scriptPubKey]) => ({ value, scriptPubKey })),
    lockTime: 0,
  };
  return toHex(serializeTransaction(tx));
}
