import { type FeeRate, feeRate as requireFeeRate, type WeightUnits } from '@bitcoin-enterprise/core';
import { dustThreshold } from '@bitcoin-enterprise/script';
import { requireBytes, requireInteger, requireList, requireObject } from '../checks.ts';
import { invalidArgument, WalletError } from '../errors.ts';
import { branchAndBound } from './branch-and-bound.ts';
import { MAXIMUM_SATOSHIS, readCoins } from './candidates.ts';
import { coinGrinder } from './coin-grinder.ts';
import { largestFirst, singleRandomDraw } from './draws.ts';
import { knapsack } from './knapsack.ts';
import type { ChangeOptions, Coin, CoinSelection, Payment, SelectCoinsOptions, SelectionAlgorithm } from './model.ts';
import { feeOf, outputBytes } from './price.ts';
import { type Outcome, outcomeOf, type Problem, targetOf, targetWithChange, unitPrice, weightWith } from './problem.ts';
import { createDraw, type Draw } from './random.ts';

/** What spending a coin costs in quiet times, as in Core: 10 sat/vB. */
const LONG_TERM_FEE_RATE = 10_000n;
const DUST_RELAY_FEE = 3_000n;
/** Core's `MAX_STANDARD_TX_WEIGHT`. */
const STANDARD_WEIGHT = 400_000;
const MAXIMUM_BLOCK_WEIGHT = 4_000_000;
/** Core's `CHANGE_LOWER`. */
const CHANGE_TARGET = 50_000n;
/** 10⁶ sat/vB: beyond that somebody has mistaken the unit. */
const MAXIMUM_FEE_RATE = 1_000_000_000n;

const ALGORITHMS: readonly SelectionAlgorithm[] = [
  'branch-and-bound',
  'coin-grinder',
  'knapsack',
  'single-random-draw',
  'largest-first',
];

/**
 * Selects the coins that pay something, with the least waste of several ways to do so.
 *
 * With change the fee is what the rate asks for, to the satoshi; without, what is too little for change goes to it. The
 * fee is never below the rate, change never dust, and coins = payments + change + fee exactly.
 *
 * @throws WalletError `WALLET_FUNDS_INSUFFICIENT`; `WALLET_BUILD_IMPOSSIBLE` when no set is light enough, or a payment
 * cannot bear its part of the fee; `WALLET_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { feeRate } from '@bitcoin-enterprise/core';
 * import { selectCoins } from '@bitcoin-enterprise/wallet/coins';
 *
 * const taproot = Uint8Array.of(0x51, 32, ...new Uint8Array(32).fill(2));
 * const selection = selectCoins({
 *   coins: [
 *     { id: 'a', value: 50_000n, weight: 230 },
 *     { id: 'b', value: 30_000n, weight: 230 },
 *   ],
 *   payments: [{ value: 47_500n, scriptPubKey: taproot }],
 *   change: { scriptPubKey: taproot, spendWeight: 230 },
 *   feeRate: feeRate(20_000n),
 * });
 * selection.coins.map(({ id }) => id); // => ['a']
 * selection.fee; // => 2_500n
 * ```
 */
export function selectCoins<AnyCoin extends Coin>(options: SelectCoinsOptions<AnyCoin>): CoinSelection<AnyCoin> {
  const {
    coins,
    payments,
    change,
    feeRate,
    longTermFeeRate = LONG_TERM_FEE_RATE as FeeRate,
    dustRelayFee = DUST_RELAY_FEE as FeeRate,
    maximumWeight = STANDARD_WEIGHT,
    feeFrom = [],
    entropy,
    algorithms = ALGORITHMS,
  } = requireObject<SelectCoinsOptions<AnyCoin>>('options', options);
  const list = requireList('options.coins', coins) as readonly AnyCoin[];
  const paid = requirePayments(payments);
  const rates = {
    fee: requireRate('options.feeRate', feeRate),
    longTerm: requireRate('options.longTermFeeRate', longTermFeeRate),
    dust: BigInt(requireRate('options.dustRelayFee', dustRelayFee)) as FeeRate,
  };
  const bearers = requireBearers(feeFrom, paid.length);
  requireInteger('options.maximumWeight', maximumWeight, 1, MAXIMUM_BLOCK_WEIGHT);
  for (const algorithm of requireList('options.algorithms', algorithms))
    if (!ALGORITHMS.includes(algorithm as SelectionAlgorithm))
      throw invalidArgument('options.algorithms', `some of ${ALGORITHMS.join(', ')}`, algorithm);
  // When the payments bear the fee, coins need not.
  const selectionRate = bearers.length > 0 ? 0 : rates.fee;
  const { candidates, required } = readCoins(list, unitPrice(selectionRate));
  const problem: Problem = {
    candidates,
    paid: paid.reduce((sum, { value }) => sum + Number(value), 0),
    outputs: { bytes: paid.reduce((sum, { scriptPubKey }) => sum + outputBytes(scriptPubKey), 0), count: paid.length },
    required: sumOf(required.map((index) => list[index] as AnyCoin)),
    feeRate: selectionRate,
    realFeeRate: rates.fee,
    longTermFeeRate: rates.longTerm,
    change: requireChange(change, rates),
    maximumWeight,
  };
  if (problem.paid > MAXIMUM_SATOSHIS) throw invalidArgument('options.payments', 'at most 21 million bitcoin', 'more');
  const { algorithm, outcome } = solve(problem, algorithms, createDraw(entropy));
  const spent = [
    ...required.map((index) => list[index] as AnyCoin),
    ...outcome.places.flatMap((place) => candidates.coinsAt(place).map((index) => list[index] as AnyCoin)),
  ];
  // A coin that is there twice must not be spent twice; looking for one among all would cost more than selecting.
  if (new Set(spent.map(({ id }) => id)).size !== spent.length)
    throw invalidArgument('options.coins', 'coins of different names', 'one that is there twice');
  return settle({ algorithm, outcome, spent, payments: paid, bearers, dustRelayFee: rates.dust });
}

interface Solution {
  readonly algorithm: SelectionAlgorithm | 'required';
  readonly outcome: Outcome;
}

/** Tries all ways, and keeps the one with the least waste; of equals the first. */
function solve(problem: Problem, algorithms: readonly SelectionAlgorithm[], draw: Draw): Solution {
  requireFunds(problem);
  const alone = targetOf(problem) <= 0 ? outcomeOf(problem, []) : undefined;
  let best: Solution | undefined = alone === undefined ? undefined : { algorithm: 'required', outcome: alone };
  const consider = (algorithm: SelectionAlgorithm, places: readonly number[] | undefined): void => {
    const outcome = places === undefined ? undefined : outcomeOf(problem, places);
    if (outcome !== undefined && outcome.waste < (best?.outcome.waste ?? Infinity)) best = { algorithm, outcome };
  };
  if (best === undefined)
    for (const algorithm of algorithms) for (const places of run(algorithm, problem, draw)) consider(algorithm, places);
  // What is there may be too little for change: all that pays at all is tried before it is given up.
  if (best === undefined) for (const [algorithm, places] of lastResorts(problem)) consider(algorithm, places);
  if (best === undefined)
    throw new WalletError(
      'WALLET_BUILD_IMPOSSIBLE',
      `expected coins that pay within ${problem.maximumWeight} weight units, found none`,
      { details: { reason: 'weight' }, hint: 'Merge small coins first, or pay in several transactions.' },
    );
  return best;
}

/** The sets of one way: with the change that is wanted, else with as little as may be, else without. */
function* run(
  algorithm: SelectionAlgorithm,
  problem: Problem,
  draw: Draw,
): Generator<readonly number[] | undefined, void, undefined> {
  const least = targetWithChange(problem, problem.change.minimum);
  const wanted = targetWithChange(problem, problem.change.target);
  const exact = exactTarget(problem);
  const weightLeft = problem.maximumWeight - weightWith(problem, { weight: 0, count: 0, witnesses: 0 }, true) - 13;
  switch (algorithm) {
    case 'branch-and-bound':
      yield branchAndBound(problem);
      return;
    case 'coin-grinder':
      yield coinGrinder(problem, least);
      yield coinGrinder(problem, exact);
      return;
    case 'knapsack':
      yield knapsack(problem, { exact, change: wanted }, draw);
      return;
    case 'single-random-draw':
      yield (
        singleRandomDraw(problem, wanted, { draw, weightLeft }) ??
          singleRandomDraw(problem, least, { draw, weightLeft })
      );
      return;
    case 'largest-first':
      yield largestFirst(problem, wanted) ?? largestFirst(problem, least);
      yield largestFirst(problem, exact);
  }
}

/** What a set without change has to bring, rounding included. */
function exactTarget(problem: Problem): number {
  return targetOf(problem) + 13 * unitPrice(problem.feeRate) + 1;
}

/** What may still pay where all else does not: by a rounding, or with the lightest coins. */
function* lastResorts(
  problem: Problem,
): Generator<readonly [SelectionAlgorithm, readonly number[] | undefined], void, undefined> {
  const exact = exactTarget(problem);
  yield ['largest-first', largestFirst(problem, exact)];
  const { count, effective } = problem.candidates;
  const target = targetOf(problem);
  const places: number[] = [];
  let worth = 0;
  for (let place = 0; place < count && worth < exact; place++) {
    places.push(place);
    worth += effective[place] as number;
    if (worth + 0.5 >= target) yield ['largest-first', places.slice()];
  }
  yield ['coin-grinder', coinGrinder(problem, exact)];
  yield ['coin-grinder', coinGrinder(problem, target)];
}

function requireFunds(problem: Problem): void {
  const { candidates, required, paid, feeRate } = problem;
  const added = { weight: 0, count: 0, witnesses: 0 };
  let available = required.value;
  for (let place = 0; place < candidates.count; place++) {
    available += candidates.values[place] as number;
    added.weight += candidates.weights[place] as number;
    added.count += candidates.sizes[place] as number;
    added.witnesses += candidates.witnesses[place] as number;
  }
  const needed = paid + feeOf(weightWith(problem, added, false), feeRate);
  if (available >= needed) return;
  // Coins that cost nearly all that they bring may make it worse by their rounding: fewer of them may still do.
  let worth = 0;
  for (const effective of candidates.effective) worth += effective;
  if (
    worth + 0.5 >= targetOf(problem) &&
    [...lastResorts(problem)].some(([, places]) => places !== undefined && outcomeOf(problem, places) !== undefined)
  )
    return;
  throw new WalletError(
    'WALLET_FUNDS_INSUFFICIENT',
    `expected coins worth ${needed} satoshis with their fees, got ${available}`,
    { details: { available: String(available), needed: String(needed) } },
  );
}

/** The selection in bigints, with the fee taken from where it is to be taken. */
function settle<AnyCoin extends Coin>(parts: {
  readonly algorithm: CoinSelection['algorithm'];
  readonly outcome: Outcome;
  readonly spent: readonly AnyCoin[];
  readonly payments: readonly Payment[];
  readonly bearers: readonly number[];
  readonly dustRelayFee: FeeRate;
}): CoinSelection<AnyCoin> {
  const { algorithm, outcome, spent, payments, bearers, dustRelayFee } = parts;
  const { weight, waste } = outcome;
  const change = BigInt(outcome.change);
  const sum = (list: readonly { readonly value: bigint }[]): bigint =>
    list.reduce((total, { value }) => total + value, 0n);
  // What is left beside payments and change goes to the fee; the rest of it is taken from the payments.
  const given = sum(spent) - sum(payments) - change;
  const owed = bearers.length === 0 ? 0n : BigInt(outcome.leastFee) - given;
  const settled = owed > 0n ? withoutFee(payments, bearers, owed, dustRelayFee) : payments;
  const fee = sum(spent) - sum(settled) - change;
  // Coins are the caller's objects: what was read of them first must still be so.
  if (fee < BigInt(outcome.leastFee)) throw invalidArgument('options.coins', 'coins that stay as they are', 'others');
  return {
    algorithm,
    coins: spent,
    payments: settled,
    ...(change === 0n ? {} : { change }),
    fee,
    weight: weight as WeightUnits,
    waste,
  };
}

function withoutFee(
  payments: readonly Payment[],
  bearers: readonly number[],
  fee: bigint,
  dustRelayFee: FeeRate,
): readonly Payment[] {
  const part = fee / BigInt(bearers.length);
  // The first bears what does not divide, as in Core.
  const first = fee - part * BigInt(bearers.length - 1);
  return payments.map((payment, place) => {
    const bearer = bearers.indexOf(place);
    if (bearer === -1) return payment;
    const value = payment.value - (bearer === 0 ? first : part);
    if (value < dustThreshold(payment.scriptPubKey, dustRelayFee) || value <= 0n)
      throw new WalletError(
        'WALLET_BUILD_IMPOSSIBLE',
        `expected payment ${place} to bear its fee, but it is too small`,
        {
          details: { reason: 'fee' },
        },
      );
    return { ...payment, value };
  });
}

function sumOf(coins: readonly Coin[]): Problem['required'] {
  return coins.reduce(
    (sum, { value, weight, hasWitness = true }) => ({
      value: sum.value + Number(value),
      weight: sum.weight + weight,
      count: sum.count + 1,
      witnesses: sum.witnesses + (hasWitness ? 1 : 0),
    }),
    { value: 0, weight: 0, count: 0, witnesses: 0 },
  );
}

/** Throws unless payments are some, and returns them. */
export function requirePayments(payments: unknown): readonly Payment[] {
  const list = requireList('options.payments', payments) as readonly Payment[];
  if (list.length === 0) throw invalidArgument('options.payments', 'at least one payment', list);
  for (const payment of list) {
    const { value, scriptPubKey } = requireObject<Payment>('payment', payment);
    requireBytes('payment.scriptPubKey', scriptPubKey);
    requireAmount('payment.value', value);
  }
  return list;
}

function requireAmount(argument: string, value: unknown): bigint {
  if (typeof value !== 'bigint' || value < 0n || value > BigInt(MAXIMUM_SATOSHIS))
    throw invalidArgument(argument, 'satoshis of 0 to 21 million bitcoin, as a bigint', value);
  return value;
}

/** Throws unless a value is a rate that somebody can mean, and returns it as a number. */
export function requireRate(argument: string, rate: unknown): number {
  if (typeof rate !== 'bigint' || rate < 0n || rate > MAXIMUM_FEE_RATE)
    throw invalidArgument(argument, `a fee rate of 0 to ${MAXIMUM_FEE_RATE} sat/kvB, as a bigint`, rate);
  return Number(requireFeeRate(rate));
}

function requireBearers(feeFrom: unknown, payments: number): readonly number[] {
  const bearers = requireList('options.feeFrom', feeFrom).map((place) =>
    requireInteger('options.feeFrom', place, 0, payments - 1),
  );
  if (new Set(bearers).size !== bearers.length)
    throw invalidArgument('options.feeFrom', 'each payment once', 'one that is there twice');
  return bearers;
}

function requireChange(
  change: unknown,
  rates: { readonly longTerm: number; readonly dust: FeeRate },
): Problem['change'] {
  const {
    scriptPubKey,
    spendWeight,
    minimum = 0n,
    target = CHANGE_TARGET,
  } = requireObject<ChangeOptions>('options.change', change);
  const script = requireBytes('options.change.scriptPubKey', scriptPubKey);
  const weight = requireInteger('options.change.spendWeight', spendWeight, 1, MAXIMUM_BLOCK_WEIGHT);
  const spendFee = feeOf(weight, rates.longTerm);
  const least = Math.max(
    1,
    Number(requireAmount('options.change.minimum', minimum)),
    Number(dustThreshold(script, rates.dust)),
    spendFee + 1,
  );
  const wanted = Number(requireAmount('options.change.target', target));
  return { bytes: outputBytes(script), minimum: least, target: Math.max(least, wanted), spendFee };
}
