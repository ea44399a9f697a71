import type { FeeRate, WeightUnits } from '@bitcoin-enterprise/core';
import { dustThreshold } from '@bitcoin-enterprise/script';
import { requireBytes, requireInteger, requireList, requireObject } from '../checks.ts';
import { invalidArgument, WalletError } from '../errors.ts';
import { readCoins } from './candidates.ts';
import type { Coin, CoinSelection } from './model.ts';
import { feeOf, outputBytes, transactionWeightOf } from './price.ts';
import { unitPrice } from './problem.ts';
import { requireRate } from './select.ts';

/** What is swept, and where to. */
export interface SweepCoinsOptions<AnyCoin extends Coin = Coin> {
  readonly coins: readonly AnyCoin[];
  /** Who gets all. */
  readonly scriptPubKey: Uint8Array;
  /** Satoshis per 1,000 virtual bytes. */
  readonly feeRate: FeeRate;
  /** Whether coins that cost more than they are worth are spent too, to be rid of them; `false` when absent. */
  readonly includeUneconomical?: boolean;
  /** At which dust is measured; 3,000 when absent. */
  readonly dustRelayFee?: FeeRate;
  /** Of the transaction, 400,000 when absent. */
  readonly maximumWeight?: number;
}

/**
 * Pays all coins to one script: the output is what is left after the fee.
 *
 * @returns A selection with one payment and no change.
 * @throws WalletError `WALLET_FUNDS_INSUFFICIENT` when nothing but dust would be left, `WALLET_BUILD_IMPOSSIBLE` for too
 * many coins at once, `WALLET_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { feeRate } from '@bitcoin-enterprise/core';
 * import { sweepCoins } from '@bitcoin-enterprise/wallet/coins';
 *
 * const scriptPubKey = Uint8Array.of(0x51, 32, ...new Uint8Array(32).fill(2));
 * const coins = [{ id: 'a', value: 50_000n, weight: 230 }];
 * sweepCoins({ coins, scriptPubKey, feeRate: feeRate(1_000n) }).payments[0]?.value; // => 49_889n
 * ```
 */
export function sweepCoins<AnyCoin extends Coin>(options: SweepCoinsOptions<AnyCoin>): CoinSelection<AnyCoin> {
  const {
    coins,
    scriptPubKey,
    feeRate,
    includeUneconomical = false,
    dustRelayFee = 3_000n as FeeRate,
    maximumWeight = 400_000,
  } = requireObject<SweepCoinsOptions<AnyCoin>>('options', options);
  const list = requireList('options.coins', coins) as readonly AnyCoin[];
  const script = requireBytes('options.scriptPubKey', scriptPubKey);
  const rate = requireRate('options.feeRate', feeRate);
  const dust = dustThreshold(script, BigInt(requireRate('options.dustRelayFee', dustRelayFee)));
  requireInteger('options.maximumWeight', maximumWeight, 1, 4_000_000);
  readCoins(list, 0);
  const price = unitPrice(rate);
  const spent = list.filter(
    ({ value, weight, isRequired = false }) => includeUneconomical || isRequired || Number(value) > weight * price,
  );
  if (new Set(spent.map(({ id }) => id)).size !== spent.length)
    throw invalidArgument('options.coins', 'coins of different names', 'one that is there twice');
  const inputs = {
    weight: spent.reduce((sum, { weight }) => sum + weight, 0),
    count: spent.length,
    witnesses: spent.filter(({ hasWitness = true }) => hasWitness).length,
  };
  const weight = transactionWeightOf(inputs, { bytes: outputBytes(script), count: 1 });
  if (weight > maximumWeight)
    throw new WalletError('WALLET_BUILD_IMPOSSIBLE', `expected at most ${maximumWeight} weight units, got ${weight}`, {
      details: { reason: 'weight' },
      hint: 'Sweep in several transactions.',
    });
  const fee = BigInt(feeOf(weight, rate));
  const available = spent.reduce((sum, { value }) => sum + value, 0n);
  const value = available - fee;
  if (value < dust || value <= 0n)
    throw new WalletError(
      'WALLET_FUNDS_INSUFFICIENT',
      `expected coins worth more than their fee and dust, ${fee + dust} satoshis, got ${available}`,
      { details: { available: String(available), needed: String(fee + dust) } },
    );
  return {
    algorithm: 'sweep',
    coins: spent,
    payments: [{ value, scriptPubKey: script }],
    fee,
    weight: weight as WeightUnits,
    waste: 0,
  };
}
