import { compareBytes, currentCrypto, equalBytes, toHex } from '@bitcoin-enterprise/core';
import type { BlockNode } from '../../model/block-node.ts';
import { forkPoint } from '../../model/block-node.ts';
import { isInvalidated } from '../../model/chain-state.ts';
import { invalidateBlock, preferBlock, reconsiderBlock } from '../../model/invalidation.ts';
import { hashJson, invalidParameter, readHash, readInt, readVerbosity, typeError } from '../arguments.ts';
import { blockJson, difficultyOf, headerHex, headerJson, targetJson, workJson } from '../block-json.ts';
import { parseDescriptor } from '../descriptor.ts';
import { amountJson, jsonType, wholeJson } from '../json.ts';
import { method, type RpcCategory } from '../method.ts';
import type { RegtestNode } from '../node.ts';
import { RpcCode, RpcError } from '../rpc-error.ts';
import { testDummyJson } from '../version-bits.ts';
import { inferredDescriptor, scriptPubKeyJson } from '../script-json.ts';
import { blockStats } from './block-stats.ts';
import { txoutSetInfo } from './txout-set.ts';

/** The methods that read blocks and coins, and those that steer the best branch. */
export const blockchainMethods: RpcCategory<RegtestNode> = {
  title: 'Blockchain',
  methods: [
    method('getblockchaininfo', '', (node) => {
      const { tip } = node;
      const { bits, time } = tip.header;
      return {
        chain: 'regtest',
        blocks: tip.height,
        headers: tip.height,
        bestblockhash: hashJson(tip.hash),
        bits: bits.toString(16).padStart(8, '0'),
        target: targetJson(bits),
        difficulty: difficultyOf(bits),
        time,
        mediantime: tip.medianTime,
        verificationprogress: 1,
        initialblockdownload: node.isInitialDownload,
        chainwork: workJson(tip.work),
        size_on_disk: [...node.state.nodes.values()].reduce((sum, { view }) => sum + view.bytes.length + 8, 0),
        pruned: false,
        warnings: [],
      };
    }),
    method('getblockcount', '', (node) => node.tip.height),
    method('getbestblockhash', '', (node) => hashJson(node.tip.hash)),
    method('getdifficulty', '', (node) => difficultyOf(node.tip.header.bits)),
    method('getblockhash', 'height:num', (node, [height]) => {
      const at = readInt(height);
      if (at < 0 || at > node.tip.height) throw invalidParameter('Block height out of range');
      return hashJson(node.tip.ancestor(at).hash);
    }),
    method('getblockheader', 'blockhash:str verbose:bool?', (node, [hash, verbose = true]) => {
      const found = blockNamed(node, hash, 'hash');
      return verbose === true ? headerJson(found, node.tip) : headerHex(found);
    }),
    method('getblock', 'blockhash:str verbosity|verbose:any?', (node, [hash, asked]) => {
      const name = readHash(hash, 'blockhash');
      const verbosity = readVerbosity(asked, 1);
      const found = blockOf(node, name);
      if (verbosity <= 0) return toHex(found.view.bytes);
      return blockJson(found, node.tip, {
        verbosity: verbosity >= 3 ? 3 : (verbosity as 1 | 2),
        version: node.version,
      });
    }),
    method('getblockstats', 'hash_or_height:any stats:arr?', (node, [target, stats]) => {
      const found =
        typeof target === 'number' ? blockAt(node, readInt(target)) : blockNamed(node, target, 'hash_or_height');
      if (!found.isOn(node.tip)) throw invalidParameter(`Block is not in chain regtest`);
      for (const name of (stats ?? []) as readonly unknown[])
        if (typeof name !== 'string') throw typeError(name, 'string');
      return blockStats(found, stats as readonly string[] | undefined, node.version);
    }),
    method('getchaintips', '', (node) => chainTips(node)),
    method('getchaintxstats', 'nblocks:num? blockhash:str?', chainTxStats),
    method('getdeploymentinfo', 'blockhash:str?', (node, [hash]) => deploymentInfo(node, hash)),
    method('gettxout', 'txid:str n:num include_mempool:bool?', (node, [txid, n, includeMempool = true]) =>
      txout(node, readHash(txid, 'txid'), readInt(n, { range: 'uint' }), includeMempool === true),
    ),
    method('gettxoutsetinfo', 'hash_type:str? hash_or_height:any? use_index:bool?', (node, [type, target]) => {
      const hashType = (type as string | undefined) ?? 'hash_serialized_3';
      if (!['hash_serialized_3', 'muhash', 'none'].includes(hashType))
        throw invalidParameter(`'${hashType}' is not a valid hash_type`);
      if (target !== undefined) throw invalidParameter('Querying specific block heights requires coinstatsindex');
      return txoutSetInfo(node, hashType);
    }),
    method('scantxoutset', 'action:str scanobjects:arr?', (node, [action, objects]) => {
      if (action === 'status') return null;
      if (action === 'abort') return false;
      if (action !== 'start') throw invalidParameter(`Invalid action '${String(action)}'`);
      if (objects === undefined)
        throw new RpcError(RpcCode.MISC, 'scanobjects argument is required for the start action');
      return scan(node, objects as readonly unknown[]);
    }),
    method('invalidateblock', 'blockhash:str', (node, [hash]) => {
      const found = blockNamed(node, hash);
      if (found.parent === undefined) throw new RpcError(-20, '');
      node.become(invalidateBlock(node.state, found, node.tools, node.now));
    }),
    method('reconsiderblock', 'blockhash:str', (node, [hash]) => {
      node.become(reconsiderBlock(node.state, blockNamed(node, hash), node.tools, node.now));
    }),
    method('preciousblock', 'blockhash:str', (node, [hash]) => {
      node.become(preferBlock(node.state, blockNamed(node, hash), node.tools, node.now));
    }),
    method('getblockfilter', 'blockhash:str filtertype:str?', (_, [hash, type = 'basic']) => {
      readHash(hash, 'blockhash');
      if (type !== 'basic') throw new RpcError(RpcCode.NOT_FOUND, 'Unknown filtertype');
      throw new RpcError(RpcCode.MISC, 'Index is not enabled for filtertype basic');
    }),
    method('pruneblockchain', 'height:num', () => {
      throw new RpcError(RpcCode.MISC, 'Cannot prune blocks because node is not in prune mode.');
    }),
    method('verifychain', 'checklevel:num? nblocks:num?', (_, [level, count]) => {
      readInt(level, { absent: 3 });
      readInt(count, { absent: 6 });
      return true;
    }),
    method('waitfornewblock', 'timeout:num? current_tip:str?', async (node, [timeout, current]) => {
      const known = current === undefined ? node.tip.hash : readHash(current, 'current_tip');
      await node.waitUntil(() => !equalBytes(node.tip.hash, known), readTimeout(timeout));
      return tipJson(node);
    }),
    method('waitforblock', 'blockhash:str timeout:num?', async (node, [hash, timeout]) => {
      const wanted = readHash(hash, 'blockhash');
      await node.waitUntil(() => equalBytes(node.tip.hash, wanted), readTimeout(timeout));
      return tipJson(node);
    }),
    method('waitforblockheight', 'height:num timeout:num?', async (node, [height, timeout]) => {
      const wanted = readInt(height);
      await node.waitUntil(() => node.tip.height >= wanted, readTimeout(timeout));
      return tipJson(node);
    }),
  ],
};

/** A block by its hash, on any branch. */
export function blockNamed(node: RegtestNode, hash: unknown, name = 'blockhash'): BlockNode {
  return blockOf(node, readHash(hash, name));
}

function blockOf(node: RegtestNode, hash: Uint8Array): BlockNode {
  const found = node.state.nodes.get(hash);
  if (found === undefined) throw new RpcError(RpcCode.NOT_FOUND, 'Block not found');
  return found;
}

function blockAt(node: RegtestNode, height: number): BlockNode {
  if (height < 0) throw invalidParameter(`Target block height ${height} is negative`);
  if (height > node.tip.height)
    throw invalidParameter(`Target block height ${height} after current tip ${node.tip.height}`);
  return node.tip.ancestor(height);
}

function tipJson({ tip }: RegtestNode): object {
  return { hash: hashJson(tip.hash), height: tip.height };
}

function readTimeout(value: unknown): number {
  const timeout = readInt(value, { absent: 0 });
  if (timeout < 0) throw new RpcError(RpcCode.MISC, 'Negative timeout');
  return Math.min(timeout, 0x7fff_ffff);
}

function chainTips({ state, tip }: RegtestNode): readonly object[] {
  const parents = new Set([...state.nodes.values()].map(({ parent }) => parent));
  const tips = [...state.nodes.values()].filter((node) => node === tip || !parents.has(node));
  return tips
    .toSorted((a, b) => b.height - a.height)
    .map((node) => ({
      height: node.height,
      hash: hashJson(node.hash),
      branchlen: node.height - forkPoint(node, tip).height,
      status:
        node === tip
          ? 'active'
          : isInvalidated(state, node)
            ? 'invalid'
            : node.connected === undefined
              ? 'valid-headers'
              : 'valid-fork',
    }));
}

function chainTxStats(node: RegtestNode, [count, hash]: readonly unknown[]): object {
  const last = hash === undefined ? node.tip : blockNamed(node, hash);
  if (!last.isOn(node.tip)) throw invalidParameter('Block is not in main chain');
  const blocks = count === undefined ? Math.max(0, Math.min(4_320, last.height - 1)) : readInt(count);
  if (count !== undefined && (blocks < 0 || (blocks > 0 && blocks >= last.height)))
    throw invalidParameter("Invalid block count: should be between 0 and the block's height - 1");
  const first = last.ancestor(last.height - blocks);
  let total = 0;
  let inWindow = 0;
  for (let at: BlockNode | undefined = last; at !== undefined; at = at.parent) {
    total += at.transactions.length;
    if (at.height > first.height) inWindow += at.transactions.length;
  }
  const interval = last.medianTime - first.medianTime;
  return {
    time: last.header.time,
    txcount: total,
    window_final_block_hash: hashJson(last.hash),
    window_final_block_height: last.height,
    window_block_count: blocks,
    ...(blocks === 0
      ? {}
      : {
          window_interval: interval,
          window_tx_count: inWindow,
          ...(interval > 0 ? { txrate: Number((inWindow / interval).toPrecision(16)) } : {}),
        }),
  };
}

function deploymentInfo(node: RegtestNode, hash: unknown): object {
  const at = hash === undefined ? node.tip : blockNamed(node, hash);
  const buried = (height: number): object => ({ type: 'buried', active: at.height + 1 >= height, height });
  return {
    hash: hashJson(at.hash),
    height: at.height,
    script_flags: ['CHECKLOCKTIMEVERIFY', 'CHECKSEQUENCEVERIFY', 'DERSIG', 'NULLDUMMY', 'P2SH', 'TAPROOT', 'WITNESS'],
    deployments: {
      bip34: buried(1),
      bip66: buried(1),
      bip65: buried(1),
      csv: buried(1),
      segwit: buried(0),
      // Core 31 has buried Taproot without a trace.
      ...(node.version >= 310_000 ? {} : { taproot: buried(0) }),
      testdummy: testDummyJson(at, wholeJson(9_223_372_036_854_775_807n)),
    },
  };
}

function txout(node: RegtestNode, txid: Uint8Array, index: number, includeMempool: boolean): object | null {
  const { mempool } = node.state;
  if (includeMempool && mempool.spenders.get(txid, index) !== undefined) return null;
  const waiting = includeMempool ? mempool.entries.get(txid)?.tx : undefined;
  const bestblock = hashJson(node.tip.hash);
  if (waiting !== undefined)
    return index < 0 || index >= waiting.outputCount
      ? null
      : {
          bestblock,
          confirmations: 0,
          value: amountJson(waiting.value(index)),
          scriptPubKey: scriptPubKeyJson(waiting.scriptPubKey(index)),
          coinbase: false,
        };
  const coin = index < 0 ? undefined : node.connected.coins.get(txid, index);
  if (coin === undefined) return null;
  return {
    bestblock,
    confirmations: node.tip.height - coin.height + 1,
    value: amountJson(coin.value),
    scriptPubKey: scriptPubKeyJson(coin.scriptPubKey),
    coinbase: coin.coinbase,
  };
}

function scan(node: RegtestNode, objects: readonly unknown[]): object {
  const crypto = currentCrypto();
  const scripts = objects.flatMap((object) => {
    const descriptor = typeof object === 'string' ? object : (object as { readonly desc?: unknown } | null)?.desc;
    if (typeof descriptor !== 'string')
      throw invalidParameter(
        jsonType(object) === 'object'
          ? 'Descriptor needs to be provided in scan object'
          : 'Scan object needs to be either a string or an object',
      );
    return parseDescriptor(descriptor, crypto).scripts;
  });
  const { tip } = node;
  const found = scripts
    .flatMap((script) => node.index.coinsOf(tip, script))
    .toSorted((a, b) => compareBytes(a.txid, b.txid) || a.index - b.index);
  let total = 0n;
  for (const { coin } of found) total += coin.value;
  return {
    success: true,
    txouts: node.connected.coins.size,
    height: tip.height,
    bestblock: hashJson(tip.hash),
    unspents: found.map(({ txid, index, coin }) => ({
      txid: hashJson(txid),
      vout: index,
      scriptPubKey: toHex(coin.scriptPubKey),
      desc: inferredDescriptor(coin.scriptPubKey),
      amount: amountJson(coin.value),
      coinbase: coin.coinbase,
      height: coin.height,
      blockhash: hashJson(tip.ancestor(coin.height).hash),
      confirmations: tip.height - coin.height + 1,
    })),
    total_amount: amountJson(total),
  };
}
