import { parseHex } from '@bitcoin-enterprise/core';
import { serializeTransaction, type TransactionView, viewTransaction } from '@bitcoin-enterprise/script';
import type { BlockNode } from '../model/block-node.ts';
import { COINBASE_MATURITY } from '../model/limits.ts';
import type { OwnedCoin } from './coin-index.ts';

/** OP_TRUE: satisfied by nothing at all. */
const OP_TRUE = Uint8Array.of(0x51);

/**
 * Where the rewards of the chain's own blocks go: P2WSH of `OP_TRUE`, which anybody can spend without a signature, so
 * that blocks which spend them replay on any regtest node.
 */
export const FUNDER_SCRIPT: Uint8Array = /* @__PURE__ */ parseHex(
  '00204ae81572f06e1b88fd5ced7a1a000945432e83e1551e6f721ee9c00b8cc33260',
);

/** What the chain itself works with: the exported bytes are anybody's to change. */
export const OWN_FUNDER_SCRIPT: Uint8Array = /* @__PURE__ */ new Uint8Array(FUNDER_SCRIPT);

/** Coins of the funder for an amount, and how many blocks must pass before the youngest can be spent. */
export interface FundingPlan {
  readonly inputs: readonly OwnedCoin[];
  /** Sum of the inputs, satoshis. */
  readonly sum: bigint;
  readonly blocksToWait: number;
}

/**
 * Chooses coins for an amount: those that can be spent first, then those that mature first; `undefined` when all
 * together do not suffice.
 *
 * @param coins - The funder's, in the order of their heights.
 */
export function planFunding(coins: readonly OwnedCoin[], tip: BlockNode, amount: bigint): FundingPlan | undefined {
  const wait = ({ coin }: OwnedCoin): number =>
    coin.coinbase ? Math.max(0, coin.height + COINBASE_MATURITY - (tip.height + 1)) : 0;
  const inputs: OwnedCoin[] = [];
  let sum = 0n;
  for (const isReady of [true, false])
    for (const owned of coins) {
      if ((wait(owned) === 0) !== isReady) continue;
      inputs.push(owned);
      sum += owned.coin.value;
      if (sum >= amount) return { inputs, sum, blocksToWait: wait(owned) };
    }
  return undefined;
}

/** The transaction that pays an amount out of a plan, without a fee, and gives the rest back. */
export function fundingTransaction(plan: FundingPlan, scriptPubKey: Uint8Array, amount: bigint): TransactionView {
  const change = plan.sum - amount;
  return viewTransaction(
    serializeTransaction({
      version: 2,
      inputs: plan.inputs.map(({ txid, index }) => ({
        previousTxid: txid,
        previousIndex: index,
        scriptSig: new Uint8Array(0),
        sequence: 0xffff_ffff,
        witness: [OP_TRUE],
      })),
      outputs: [
        { value: amount, scriptPubKey },
        ...(change === 0n ? [] : [{ value: change, scriptPubKey: OWN_FUNDER_SCRIPT }]),
      ],
      lockTime: 0,
    }),
  );
}
