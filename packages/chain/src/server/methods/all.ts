import type { RpcCategory } from '../method.ts';
import type { RegtestNode } from '../node.ts';
import { blockchainMethods } from './blockchain.ts';
import { controlMethods } from './control.ts';
import { mempoolMethods } from './mempool.ts';
import { miningMethods } from './mining.ts';
import { networkMethods } from './network.ts';
import { proofMethods } from './proofs.ts';
import { rawTransactionMethods } from './raw-transactions.ts';
import { utilityMethods } from './utilities.ts';

/** Every method of the server. */
export function allMethods(): readonly RpcCategory<RegtestNode>[] {
  const all: RpcCategory<RegtestNode>[] = [
    blockchainMethods,
    proofMethods,
    miningMethods,
    mempoolMethods,
    rawTransactionMethods,
    utilityMethods,
    networkMethods,
  ];
  all.push(...controlMethods(() => all));
  return all;
}
