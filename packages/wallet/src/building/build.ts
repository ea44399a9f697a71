import { type Entropy, type FeeRate, webEntropy } from '@bitcoin-enterprise/core';
import type { DerivedOutput } from '@bitcoin-enterprise/descriptors';
import { requireInteger, requireList, requireObject } from '../checks.ts';
import { type CoinSelection, type Payment, selectCoins, type SelectCoinsOptions, sweepCoins } from '../coins/index.ts';
import { WalletError } from '../errors.ts';
import { createPsbt, type NewOutput } from '../psbt/create.ts';
import { describeOutput } from '../psbt/describe.ts';
import type { Psbt } from '../psbt/model.ts';
import {
  inputOf,
  requireDerived,
  type SelectableCoin,
  selectable,
  type SelectableOptions,
  type WalletCoin,
} from './coin.ts';

/** What all transactions that are built have in common. */
export interface BuildOptions {
  /** Satoshis per 1,000 virtual bytes. */
  readonly feeRate: FeeRate;
  /** Version of the PSBT, 2 when absent. */
  readonly psbtVersion?: 0 | 2;
  /** Of the transaction: 2 when absent, 3 for TRUC (BIP431). */
  readonly transactionVersion?: 2 | 3;
  /**
   * When no coin requires one: the height of the best block, so that nobody gains by mining it again (fee sniping); 0 when
   * absent.
   */
  readonly lockTime?: number;
  /** Makes the random choices: coins, and the place of the change. The runtime's when absent. */
  readonly entropy?: Entropy;
}

/**
 * A payment to somebody. One to a silent payment address (`silentAddress`: scan and spend key, 66 bytes) has no script
 * before it is signed (BIP375).
 */
export type PaymentOutput = Partial<NewOutput> & Pick<NewOutput, 'value'>;

/** What is paid, and from what. */
export interface BuildPaymentOptions extends BuildOptions {
  readonly coins: readonly WalletCoin[];
  /** Coins that must be spent; they may stand in `coins` too. */
  readonly requiredCoins?: readonly WalletCoin[];
  /** One at least; several are one transaction (batching). */
  readonly payments: readonly PaymentOutput[];
  /** Where the change goes, and the weight of the input that will spend it. */
  readonly change: { readonly output: DerivedOutput; readonly spendWeight: number };
  /** Payments that the fee is taken from, by their place; none when absent. */
  readonly feeFrom?: readonly number[];
  readonly algorithms?: SelectCoinsOptions['algorithms'];
  readonly longTermFeeRate?: FeeRate;
  /** Of the transaction; 400,000 when absent, 40,000 of version 3. */
  readonly maximumWeight?: number;
}

/** A transaction that was built. */
export interface BuiltTransaction {
  readonly psbt: Psbt;
  readonly coins: readonly WalletCoin[];
  /** Satoshis. */
  readonly fee: bigint;
  /** Of the signed transaction, at most. */
  readonly weight: number;
  /** Place of the change among the outputs; absent when there is none. */
  readonly changeIndex?: number;
  readonly selection: CoinSelection<SelectableCoin>;
}

/** TRUC (BIP431): 10,000 virtual bytes. */
const TRUC_WEIGHT = 40_000;

/**
 * Builds a transaction that pays somebody: coins with the least waste, change at a random place.
 *
 * @throws WalletError `WALLET_FUNDS_INSUFFICIENT`, `WALLET_BUILD_IMPOSSIBLE`, `WALLET_INVALID_ARGUMENT`,
 * `WALLET_PSBT_LOCK_TIME_UNDETERMINED` for coins whose locks cannot go together.
 */
export function buildPayment(options: BuildPaymentOptions): BuiltTransaction {
  const given = requireObject<BuildPaymentOptions>('options', options) as BuildPaymentOptions;
  const { coins, requiredCoins = [], payments, change, feeRate, feeFrom, algorithms, longTermFeeRate } = given;
  requireDerived('options.change.output', requireObject<typeof change>('options.change', change).output);
  const paying = requireList('options.payments', payments).map(
    (payment, i) => requireObject<PaymentOutput>(`options.payments[${i}]`, payment) as PaymentOutput,
  );
  const isTruc = given.transactionVersion === 3;
  const maximumWeight = given.maximumWeight ?? (isTruc ? TRUC_WEIGHT : undefined);
  const { scriptPubKey } = change.output;
  const selection = selectCoins({
    coins: selectableOf(coins, requiredCoins, { explicitSighash: paying.some(isSilent) }),
    payments: paying.map(weighed),
    change: { scriptPubKey, spendWeight: change.spendWeight },
    feeRate,
    ...(feeFrom === undefined ? {} : { feeFrom }),
    ...(algorithms === undefined ? {} : { algorithms }),
    ...(longTermFeeRate === undefined ? {} : { longTermFeeRate }),
    ...(maximumWeight === undefined ? {} : { maximumWeight }),
    ...(given.entropy === undefined ? {} : { entropy: given.entropy }),
  });
  const paid = paying.map((payment, i): NewOutput => ({
    ...payment,
    value: selection.payments[i]?.value ?? payment.value,
  }));
  return assembled(selection, paid, change.output, given);
}

/** A silent payment will pay to a key of Taproot. */
function weighed({ value, scriptPubKey, silentAddress }: PaymentOutput): Payment {
  if (silentAddress !== undefined) return { value, scriptPubKey: SOME_TAPROOT };
  return { value, scriptPubKey: scriptPubKey as Uint8Array };
}

const SOME_TAPROOT: Uint8Array = /* @__PURE__ */ Uint8Array.of(0x51, 0x20, ...new Uint8Array(32));

/** What is swept, and where to. */
export interface BuildSweepOptions extends BuildOptions {
  readonly coins: readonly WalletCoin[];
  /** Who gets all. */
  readonly scriptPubKey: Uint8Array;
  /** Whether coins that cost more than they are worth are spent too; `false` when absent. */
  readonly includeUneconomical?: boolean;
}

/** Builds a transaction that pays all coins to one script; throws as {@link buildPayment}. */
export function buildSweep(options: BuildSweepOptions): BuiltTransaction {
  const given = requireObject<BuildSweepOptions>('options', options) as BuildSweepOptions;
  const { coins, scriptPubKey, feeRate, includeUneconomical = false } = given;
  const selection = sweepCoins({ coins: selectableOf(coins, [], {}), scriptPubKey, feeRate, includeUneconomical });
  return assembled(selection, [...selection.payments], undefined, given);
}

function selectableOf(
  coins: readonly WalletCoin[],
  required: readonly WalletCoin[],
  options: SelectableOptions,
): readonly SelectableCoin[] {
  requireList('options.coins', coins);
  const must = requireList('options.requiredCoins', required).map((coin) =>
    selectable(coin as WalletCoin, { ...options, isRequired: true }),
  );
  const names = new Set(must.map(({ id }) => id));
  return [...must, ...coins.map((coin) => selectable(coin, options)).filter(({ id }) => !names.has(id))];
}

function isSilent(payment: PaymentOutput): boolean {
  return payment.silentAddress !== undefined;
}

/** A selection as a PSBT. */
export function assembled(
  selection: CoinSelection<SelectableCoin>,
  payments: readonly NewOutput[],
  changeOutput: DerivedOutput | undefined,
  options: BuildOptions,
): BuiltTransaction {
  const { psbtVersion = 2, transactionVersion = 2, lockTime = 0, entropy = webEntropy() } = options;
  requireInteger('options.lockTime', lockTime, 0, 0xffff_ffff);
  const coins = selection.coins.map(({ coin }) => coin);
  requireVersion(coins, transactionVersion);
  const outputs = [...payments];
  let changeIndex: number | undefined;
  if (selection.change !== undefined && changeOutput !== undefined) {
    changeIndex = randomPlace(entropy, outputs.length + 1);
    const change = {
      value: selection.change,
      scriptPubKey: changeOutput.scriptPubKey,
      ...describeOutput(changeOutput),
    };
    outputs.splice(changeIndex, 0, change);
  }
  const latest = coins.reduce((most, { plan }) => Math.max(most, plan.lockTime), lockTime);
  const psbt = createPsbt({
    version: psbtVersion,
    transactionVersion,
    lockTime: psbtVersion === 0 ? latest : lockTime,
    inputs: coins.map((coin) => inputOf(coin, psbtVersion)),
    outputs,
  });
  const { fee, weight } = selection;
  return { psbt, coins, fee, weight, selection, ...(changeIndex === undefined ? {} : { changeIndex }) };
}

/** BIP68: relative locks hold from version 2 on. */
function requireVersion(coins: readonly WalletCoin[], version: number): void {
  if (version >= 2 || coins.every(({ plan }) => plan.sequence >= 0x8000_0000)) return;
  throw new WalletError(
    'WALLET_BUILD_IMPOSSIBLE',
    'expected a transaction of version 2, got coins with relative locks',
    {
      details: { reason: 'relative locks need version 2' },
    },
  );
}

/** 0 to limit - 1. The tiny bias of a remainder of 32 bits gives nothing away. */
function randomPlace(entropy: Entropy, limit: number): number {
  const bytes = entropy.bytes(4);
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) % limit;
}
