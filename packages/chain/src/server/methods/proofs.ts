import { toHex } from '@bitcoin-enterprise/core';
import { serializeBlockHeader } from '@bitcoin-enterprise/script';
import type { BlockNode } from '../../model/block-node.ts';
import { hashJson, invalidParameter, readHash, readHex } from '../arguments.ts';
import { readProof, writeProof } from '../merkle-proof.ts';
import { method, type RpcCategory } from '../method.ts';
import type { RegtestNode } from '../node.ts';
import { RpcCode, RpcError } from '../rpc-error.ts';

/** The methods that prove that a transaction is in a block. */
export const proofMethods: RpcCategory<RegtestNode> = {
  title: 'Blockchain',
  methods: [
    method('gettxoutproof', 'txids:arr blockhash:str?', (node, [txids, blockhash]) => {
      const wanted = readTxids(txids as readonly unknown[]);
      const block = blockFor(node, wanted, blockhash);
      const names = block.transactions.map((tx) => hashJson(tx.id()));
      const matches = new Set(names.flatMap((name, i) => (wanted.has(name) ? [i] : [])));
      if (matches.size !== wanted.size)
        throw new RpcError(RpcCode.NOT_FOUND, 'Not all transactions found in specified or retrieved block');
      const ids = block.transactions.map((tx) => tx.id());
      return toHex(writeProof(serializeBlockHeader(block.header), ids, matches, node.tools.crypto));
    }),
    method('verifytxoutproof', 'proof:str', (node, [proof]) => {
      const { crypto } = node.tools;
      const bytes = readHex(proof, 'proof');
      const read = readProof(bytes, crypto);
      if (read === 'large') throw new RpcError(RpcCode.MISC, 'ReadCompactSize(): size too large: iostream error');
      if (read === 'short') throw new RpcError(RpcCode.MISC, 'SpanReader::read(): end of data: iostream error');
      if (read === undefined) return [];
      const block = node.state.nodes.get(crypto.hash256(read.header));
      if (block === undefined || !block.isOn(node.tip))
        throw new RpcError(RpcCode.NOT_FOUND, 'Block not found in chain');
      return block.transactions.length === read.count ? read.ids.map((id) => hashJson(id)) : [];
    }),
  ],
};

function readTxids(list: readonly unknown[]): ReadonlySet<string> {
  if (list.length === 0) throw invalidParameter("Parameter 'txids' cannot be empty");
  const wanted = new Set<string>();
  for (const item of list) {
    const name = hashJson(readHash(item, 'txid'));
    if (wanted.has(name)) throw invalidParameter(`Invalid parameter, duplicated txid: ${name}`);
    wanted.add(name);
  }
  return wanted;
}

function blockFor(node: RegtestNode, wanted: ReadonlySet<string>, blockhash: unknown): BlockNode {
  if (blockhash !== undefined) {
    const found = node.state.nodes.get(readHash(blockhash, 'blockhash'));
    if (found === undefined) throw new RpcError(RpcCode.NOT_FOUND, 'Block not found');
    return found;
  }
  for (const name of wanted) {
    const place = node.connected.places.get(readHash(name, 'txid'));
    if (place !== undefined) return place.node;
  }
  throw new RpcError(RpcCode.NOT_FOUND, 'Transaction not yet in block');
}
