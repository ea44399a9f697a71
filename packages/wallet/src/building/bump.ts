import { type FeeRate, feeRate as requireFeeRate } from '@bitcoin-enterprise/core';
import type { DerivedOutput } from '@bitcoin-enterprise/descriptors';
import { requireInteger, requireList, requireObject } from '../checks.ts';
import { type CoinSelection, sweepCoins } from '../coins/index.ts';
import { invalidArgument, WalletError } from '../errors.ts';
import type { PsbtInput } from '../psbt/model.ts';
import { emptyInput } from '../psbt/parse-input.ts';
import {
  assembled,
  type BuildOptions,
  type BuildPaymentOptions,
  buildPayment,
  type BuiltTransaction,
} from './build.ts';
import { requireCoin, requireDerived, type SelectableCoin, selectable, type WalletCoin } from './coin.ts';

/** What nodes ask of a replacement on top of what it replaces (BIP125), satoshis per 1,000 virtual bytes: Core's default. */
const INCREMENTAL_RELAY_FEE = 1_000n;

/** What is replaced, and by what. */
export interface BuildReplacementOptions extends Omit<BuildPaymentOptions, 'requiredCoins'> {
  /** The coins that the transaction to be replaced spends: all of them are spent again, so that only one can be mined. */
  readonly replacedCoins: readonly WalletCoin[];
  /** Satoshis that the transaction and all that hang on it pay. */
  readonly replacedFee: bigint;
  /** What nodes ask for on top, satoshis per 1,000 virtual bytes; 1,000 when absent, 100 for Core 30 and later. */
  readonly incrementalRelayFee?: FeeRate;
}

/**
 * Builds a transaction that takes the place of one that is not mined (BIP125): at the new rate, and for more than nodes ask
 * for.
 *
 * @param options - `payments`: those of the transaction to be replaced, or others. `coins`: to add, if there are not enough.
 * @throws WalletError as {@link buildPayment}.
 */
export function buildReplacement(options: BuildReplacementOptions): BuiltTransaction {
  const given = requireObject<BuildReplacementOptions>('options', options) as BuildReplacementOptions;
  const { replacedCoins, replacedFee, incrementalRelayFee = INCREMENTAL_RELAY_FEE as FeeRate } = given;
  if (typeof replacedFee !== 'bigint' || replacedFee < 0n)
    throw invalidArgument('options.replacedFee', 'satoshis, as a bigint of 0 or more', replacedFee);
  requireFeeRate(given.feeRate);
  if (requireList('options.replacedCoins', replacedCoins).length === 0)
    throw impossible('a replacement spends a coin of what it replaces');
  let rate: bigint = given.feeRate;
  // A higher rate may take more coins, and more coins a higher fee: it settles at once, or after one more.
  for (let tries = 0; tries < 8; tries++) {
    const built = buildPayment({ ...given, feeRate: rate as FeeRate, requiredCoins: replacedCoins });
    const size = BigInt(Math.ceil(built.weight / 4));
    const least = replacedFee + ceilDiv(size * incrementalRelayFee, 1_000n);
    if (built.fee >= least) return built;
    rate = larger(rate + 1n, ceilDiv(least * 1_000n, size));
  }
  throw impossible('no fee rate at which it pays for its replacement');
}

/** A transaction that waits, and what it pays. */
export interface WaitingParent {
  /** Virtual bytes. */
  readonly virtualSize: number;
  /** Satoshis. */
  readonly fee: bigint;
}

/** How a child pays for its parents. */
export interface BuildChildOptions extends BuildOptions {
  /** All that waits below the child: together with it they pay the rate. */
  readonly parents: readonly WaitingParent[];
  /** Outputs of the parents that the child spends, one at least: own ones, or anchors. */
  readonly outputs: readonly WalletCoin[];
  /** Coins to add, confirmed ones, when the outputs are worth too little; the largest first. */
  readonly coins?: readonly WalletCoin[];
  /** Anchors of the parents (P2A), which anybody can spend. */
  readonly anchors?: readonly AnchorCoin[];
  /** Where the rest goes. */
  readonly change: DerivedOutput;
}

/** An output of P2A: `OP_1 <4e73>`. */
export interface AnchorCoin {
  /** 32 bytes in internal order. */
  readonly txid: Uint8Array;
  readonly index: number;
  /** Satoshis; 0 in TRUC packages, 240 elsewhere. */
  readonly value: bigint;
}

/** The script of an anchor that anybody can spend. */
export const ANCHOR_SCRIPT: Uint8Array = /* @__PURE__ */ Uint8Array.of(0x51, 0x02, 0x4e, 0x73);
/** Outpoint, empty scriptSig, sequence; one byte of witness beside others that have one. */
const ANCHOR_WEIGHT = 4 * 41 + 1;
/** TRUC (BIP431): a child has at most 1,000 virtual bytes. */
const TRUC_CHILD_WEIGHT = 4_000;

/**
 * Builds a child that pays for its parents (CPFP): with it, all of them together pay the rate.
 *
 * @throws WalletError `WALLET_FUNDS_INSUFFICIENT` when the outputs and coins are not worth it, `WALLET_BUILD_IMPOSSIBLE`.
 */
export function buildChild(options: BuildChildOptions): BuiltTransaction {
  const given = requireObject<BuildChildOptions>('options', options) as BuildChildOptions;
  const { parents, outputs, coins = [], anchors = [], change, feeRate } = given;
  const listed = [requireList('options.outputs', outputs), requireList('options.coins', coins)].flat();
  for (const coin of listed) requireCoin('coin', coin);
  requireDerived('options.change', change);
  if (outputs.length === 0 && requireList('options.anchors', anchors).length === 0)
    throw impossible('a child spends an output of its parents');
  requireFeeRate(feeRate);
  const waiting = requireList('options.parents', parents).map((parent, i) =>
    requireParent(`options.parents[${i}]`, parent),
  );
  const parentSize = waiting.reduce((sum, { virtualSize }) => sum + virtualSize, 0);
  const parentFee = waiting.reduce((sum, { fee }) => sum + fee, 0n);
  const more = [...coins].sort((a, b) => (a.value > b.value ? -1 : 1));
  for (let count = 0; count <= more.length; count++) {
    const spent = [...outputs, ...more.slice(0, count)];
    const built = childOf(spent, anchors, change, given, { parentSize, parentFee });
    if (built !== undefined) return built;
  }
  const available = [...outputs, ...more].reduce((sum, { value }) => sum + value, 0n);
  throw new WalletError(
    'WALLET_FUNDS_INSUFFICIENT',
    `expected coins that can pay for the parents, got ${available} satoshis`,
    {
      details: {
        available: String(available),
        needed: `more than the fee of ${parentSize} virtual bytes at ${feeRate}`,
      },
      hint: 'add coins',
    },
  );
}

function requireParent(argument: string, value: unknown): WaitingParent {
  const { virtualSize, fee } = requireObject<WaitingParent>(argument, value);
  requireInteger(`${argument}.virtualSize`, virtualSize, 1, 1_000_000);
  if (typeof fee !== 'bigint') throw invalidArgument(`${argument}.fee`, 'satoshis, as a bigint', fee);
  return value as WaitingParent;
}

function childOf(
  spent: readonly WalletCoin[],
  anchors: readonly AnchorCoin[],
  change: DerivedOutput,
  options: BuildChildOptions,
  { parentSize, parentFee }: { readonly parentSize: number; readonly parentFee: bigint },
): BuiltTransaction | undefined {
  if (spent.length === 0) return undefined;
  const { scriptPubKey } = change;
  const selectables = spent.map((coin) => selectable(coin, { isRequired: true }));
  // For its weight alone; what it pays is found below.
  const plain = sweepOrNothing(selectables, scriptPubKey);
  if (plain === undefined) return undefined;
  const weight = plain.weight + anchors.length * ANCHOR_WEIGHT;
  if (options.transactionVersion === 3 && weight > TRUC_CHILD_WEIGHT)
    throw impossible('a child of TRUC that is larger than 1,000 virtual bytes');
  const size = Math.ceil(weight / 4);
  const { feeRate } = options;
  const own = ceilDiv(BigInt(size) * feeRate, 1_000n);
  const fee = larger(own, ceilDiv(BigInt(size + parentSize) * feeRate, 1_000n) - parentFee);
  const value = [...spent, ...anchors].reduce((sum, one) => sum + one.value, 0n) - fee;
  if (value < DUST) return undefined;
  const selection: CoinSelection<SelectableCoin> = { ...plain, payments: [], change: value, fee };
  const built = assembled(selection, [], change, options);
  const inputs = [...built.psbt.inputs, ...anchors.map(anchorInput)];
  return { ...built, psbt: { ...built.psbt, inputs }, weight };
}

/** Above the dust of any script that a wallet has. */
const DUST = 600n;

function sweepOrNothing(
  coins: readonly SelectableCoin[],
  scriptPubKey: Uint8Array,
): CoinSelection<SelectableCoin> | undefined {
  const value = coins.reduce((sum, coin) => sum + coin.value, 0n);
  if (value < 2n * DUST) return undefined;
  return sweepCoins({ coins, scriptPubKey, feeRate: 0n as FeeRate, includeUneconomical: true });
}

function anchorInput({ txid, index, value }: AnchorCoin): PsbtInput {
  return {
    ...emptyInput(),
    previousTxid: txid,
    previousIndex: index,
    sequence: 0xffff_fffd,
    witnessUtxo: { value, scriptPubKey: ANCHOR_SCRIPT },
  };
}

function ceilDiv(a: bigint, b: bigint): bigint {
  return (a + b - 1n) / b;
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function impossible(reason: string): WalletError<'WALLET_BUILD_IMPOSSIBLE'> {
  return new WalletError('WALLET_BUILD_IMPOSSIBLE', `expected a transaction that can be built, got: ${reason}`, {
    details: { reason },
  });
}
