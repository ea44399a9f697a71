import { toHex } from '@bitcoin-enterprise/core';
import type { DerivedOutput, SpendPlan } from '@bitcoin-enterprise/descriptors';
import { requireBytes, requireInteger, requireList, requireObject } from '../checks.ts';
import type { Coin } from '../coins/index.ts';
import { describeInput } from '../psbt/describe.ts';
import type { NewInput } from '../psbt/create.ts';

/** A coin of a wallet: an output, what it is worth, and how it will be spent. */
export interface WalletCoin {
  /** 32 bytes in internal order. */
  readonly txid: Uint8Array;
  readonly index: number;
  /** Satoshis. */
  readonly value: bigint;
  /** Where it came from: `Descriptor.derive`. */
  readonly output: DerivedOutput;
  /** How it is spent: `planSpend`. Its lock time and sequence go into the transaction. */
  readonly plan: SpendPlan;
  /** The whole transaction, as serialised: needed before Taproot, so that a signer can tell the fee. */
  readonly previousTransaction?: Uint8Array;
  /** Height of its block; absent while it waits in the mempool. */
  readonly height?: number;
}

/** The name of a coin: the transaction as people read it, and the index. */
export function coinId(coin: Pick<WalletCoin, 'txid' | 'index'>): string {
  const { txid, index } = requireObject<WalletCoin>('coin', coin);
  requireBytes('coin.txid', txid, 32);
  requireInteger('coin.index', index, 0, 0xffff_ffff);
  return `${toHex(new Uint8Array(txid as Uint8Array).reverse())}:${index}`;
}

/** A coin as coin selection sees it. */
export type SelectableCoin = Coin & { readonly coin: WalletCoin };

/** How a coin is made selectable. */
export interface SelectableOptions {
  readonly isRequired?: boolean;
  /** Whether signatures of Taproot carry their hash type, a byte more each, as silent payments want it (BIP375). */
  readonly explicitSighash?: boolean;
}

/** Throws unless a value is a coin. */
export function requireCoin(argument: string, value: unknown): WalletCoin {
  const coin = requireObject<WalletCoin>(argument, value);
  coinId(coin as WalletCoin);
  requireDerived(`${argument}.output`, coin.output);
  const { weight, signers } = requireObject<SpendPlan>(`${argument}.plan`, coin.plan);
  requireObject(`${argument}.plan.weight`, weight);
  requireList(`${argument}.plan.signers`, signers);
  return value as WalletCoin;
}

/** Throws unless a value is an output of a descriptor. */
export function requireDerived(argument: string, value: unknown): DerivedOutput {
  const { scriptPubKey, node } = requireObject<DerivedOutput>(argument, value);
  requireBytes(`${argument}.scriptPubKey`, scriptPubKey);
  requireObject(`${argument}.node`, node);
  return value as DerivedOutput;
}

/** Makes a coin selectable. */
export function selectable(coin: WalletCoin, options: SelectableOptions = {}): SelectableCoin {
  const { value, plan } = requireCoin('coin', coin);
  const { isRequired = false, explicitSighash = false } = options;
  const more = explicitSighash && isTaproot(coin) ? plan.signers.length : 0;
  return {
    id: coinId(coin),
    value,
    weight: plan.weight.maximum + more,
    hasWitness: plan.witnessSize.maximum > 0,
    isRequired,
    coin,
  };
}

/** Whether a coin is spent by the rules of Taproot. */
export function isTaproot({ output }: Pick<WalletCoin, 'output'>): boolean {
  return output.taproot !== undefined || output.node.name === 'rawtr';
}

/** The input that spends a coin, with all that its signers need. */
export function inputOf(coin: WalletCoin, version: 0 | 2): NewInput {
  const { txid, index, value, output, plan, previousTransaction } = coin;
  const { lockTime, sequence } = plan;
  const { scriptPubKey } = output;
  const isLegacy = plan.witnessSize.maximum === 0;
  const required =
    lockTime === 0 || version === 0
      ? {}
      : lockTime < 500_000_000
        ? { requiredHeightLockTime: lockTime }
        : { requiredTimeLockTime: lockTime };
  return {
    ...describeInput(output, plan),
    ...required,
    previousTxid: txid,
    previousIndex: index,
    sequence,
    ...(isLegacy ? {} : { witnessUtxo: { value, scriptPubKey } }),
    ...(isTaproot(coin) || previousTransaction === undefined ? {} : { nonWitnessUtxo: previousTransaction }),
  };
}
