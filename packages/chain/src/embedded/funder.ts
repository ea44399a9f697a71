import { parseHex } from '@bitcoin-enterprise/core';
import { serializeTransaction, type TransactionView, viewTransaction } from '@bitcoin-enterprise/script';
import type { BlockNode, Connected } from '../model/block-node.ts';
import type { Coin } from '../model/coins.ts';
import { COINBASE_MATURITY } from '../model/limits.ts';
import type { Outpoint } from '../ports/chain-source.ts';

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

/** A coin with its name. */
export interface OwnedCoin extends Outpoint {
  readonly coin: Coin;
}

/** All coins that pay to a script after a block. */
export function coinsOf(node: BlockNode, scriptPubKey: Uint8Array): readonly OwnedCoin[] {
  const found: OwnedCoin[] = [];
  for (const { key, index, value } of (node.connected as Connected).coins.entries())
    if (sameScript(value.scriptPubKey, scriptPubKey)) found.push({ txid: key, index, coin: value });
  return found;
}

/** Orders coins by height, then by transaction id, then by index. */
export function byHeight(a: OwnedCoin, b: OwnedCoin): number {
  if (a.coin.height !== b.coin.height) return a.coin.height - b.coin.height;
  const at = a.txid.findIndex((byte, i) => byte !== b.txid[i]);
  return at < 0 ? a.index - b.index : (a.txid[at] as number) - (b.txid[at] as number);
}

/** Coins of the funder for an amount, and how many blocks must pass before the youngest can be spent. */
export interface FundingPlan {
  readonly inputs: readonly OwnedCoin[];
  /** Sum of the inputs, satoshis. */
  readonly sum: bigint;
  readonly blocksToWait: number;
}

/** Chooses coins for an amount, those that mature first first; `undefined` when all together do not suffice. */
export function planFunding(tip: BlockNode, amount: bigint): FundingPlan | undefined {
  const spendableFrom = ({ coin }: OwnedCoin): number => (coin.coinbase ? coin.height + COINBASE_MATURITY : 0);
  const inputs: OwnedCoin[] = [];
  let sum = 0n;
  for (const owned of [...coinsOf(tip, OWN_FUNDER_SCRIPT)].sort(
    (a, b) => spendableFrom(a) - spendableFrom(b) || a.coin.height - b.coin.height || a.index - b.index,
  )) {
    inputs.push(owned);
    sum += owned.coin.value;
    if (sum < amount) continue;
    return { inputs, sum, blocksToWait: Math.max(0, spendableFrom(owned) - (tip.height + 1)) };
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

function sameScript(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false;
  return true;
}
