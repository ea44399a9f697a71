import { createEmbeddedChain, type EmbeddedChain, mempoolProfile } from '@bitcoin-enterprise/chain';
import { concatBytes, currentCrypto, parseHex, satoshis, toHex } from '@bitcoin-enterprise/core';
import { parseTransaction, serializeTransaction, transactionId, TransactionView } from '@bitcoin-enterprise/script';
import type { Bitcoind } from '../../../../scripts/nodes/bitcoind.ts';

/** A chain that a contract is tried on. */
export interface TestChain {
  height(): Promise<number>;
  mine(count: number): Promise<void>;
  /** Pays a script in a block. */
  fund(scriptPubKey: Uint8Array, value: bigint): Promise<{ readonly txid: Uint8Array; readonly index: number }>;
  /** Why the mempool refuses a transaction; `undefined` when it does not. */
  refusal(bytes: Uint8Array): Promise<string | undefined>;
  /** Has a transaction mined in the next block, through the mempool unless told otherwise; its weight as the chain says. */
  confirm(bytes: Uint8Array, way: 'mempool' | 'block'): Promise<number>;
}

const ANYONE = parseHex('51');

/** The embedded chain, with the mempool of Core 31. */
export function embeddedTestChain(
  options: { readonly ctv?: boolean } = {},
): TestChain & { readonly chain: EmbeddedChain } {
  const chain = createEmbeddedChain({
    policy: mempoolProfile('core-31'),
    ...(options.ctv === true ? { deployments: ['CHECKTEMPLATEVERIFY'] as const } : {}),
  });
  // The first output comes after 100 blocks, which heights in parameters are not about.
  chain.fund(ANYONE, satoshis(10_000n));
  return {
    chain,
    height: async () => chain.height,
    mine: async (count) => void chain.mine(count),
    fund: async (scriptPubKey, value) => chain.fund(scriptPubKey, satoshis(value)),
    refusal: async (bytes) => {
      const verdict = chain.testAccept(bytes);
      return verdict.accepted ? undefined : verdict.rejection.reason;
    },
    confirm: async (bytes) => {
      chain.broadcast(bytes);
      chain.mine(1);
      const view = TransactionView.of(bytes);
      if (chain.transaction(transactionId(parseTransaction(bytes)))?.confirmations !== 1)
        throw new Error('not in the block');
      return view.weight;
    },
  };
}

/** A real node on regtest. Its first coin pays for everything. */
export async function nodeTestChain(node: Pick<Bitcoind, 'rpc'>): Promise<TestChain> {
  // P2WSH of OP_TRUE: standard to spend without a key.
  const scriptPubKey = concatBytes(parseHex('0020'), currentCrypto().sha256(ANYONE));
  const { descriptor } = await node.rpc<{ descriptor: string }>('getdescriptorinfo', [`raw(${toHex(scriptPubKey)})`]);
  const mine = async (count: number): Promise<void> => {
    for (let left = count; left > 0; left -= 500)
      await node.rpc('generatetodescriptor', [Math.min(left, 500), descriptor]);
  };
  await mine(101);
  const block = await node.rpc<{ tx: readonly [string] }>('getblock', [await node.rpc('getblockhash', [1])]);
  let coin: { readonly txid: Uint8Array; readonly index: number; readonly value: bigint } = {
    txid: parseHex(block.tx[0]).toReversed(),
    index: 0,
    value: 50n * 100_000_000n,
  };
  const inBlock = async (bytes: Uint8Array): Promise<void> => {
    await node.rpc('generateblock', [descriptor, [toHex(bytes)]]);
  };
  const weightOf = async (bytes: Uint8Array): Promise<number> => {
    const { weight } = await node.rpc<{ weight: number }>('decoderawtransaction', [toHex(bytes), true]);
    return weight;
  };
  return {
    height: async () => node.rpc<number>('getblockcount'),
    mine,
    fund: async (script, value) => {
      const change = coin.value - value - 1_000n;
      const tx = {
        version: 2,
        inputs: [
          {
            previousTxid: coin.txid,
            previousIndex: coin.index,
            scriptSig: new Uint8Array(),
            sequence: 0xffff_fffd,
            witness: [ANYONE],
          },
        ],
        outputs: [
          { value, scriptPubKey: script },
          { value: change, scriptPubKey },
        ],
        lockTime: 0,
      };
      await inBlock(serializeTransaction(tx));
      const txid = transactionId(tx);
      coin = { txid, index: 1, value: change };
      return { txid, index: 0 };
    },
    refusal: async (bytes) => {
      const [verdict] = await node.rpc<readonly [{ allowed: boolean; 'reject-reason'?: string }]>('testmempoolaccept', [
        [toHex(bytes)],
      ]);
      return verdict.allowed ? undefined : (verdict['reject-reason'] ?? 'refused');
    },
    confirm: async (bytes, way) => {
      if (way === 'mempool') {
        await node.rpc('sendrawtransaction', [toHex(bytes)]);
        await mine(1);
      } else await inBlock(bytes);
      const hash = await node.rpc<string>('getbestblockhash');
      const { tx } = await node.rpc<{ tx: readonly { hex: string }[] }>('getblock', [hash, 2]);
      const found = tx.find(({ hex }) => hex === toHex(bytes));
      if (found === undefined) throw new Error('not in the block');
      return weightOf(bytes);
    },
  };
}
