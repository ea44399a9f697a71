import { invalidArgument } from '../errors.ts';
import type { Coin } from './model.ts';

/** 21 million bitcoin in satoshis: all sums stay below 2⁵³. */
export const MAXIMUM_SATOSHIS = 2_100_000_000_000_000;
const MAXIMUM_WEIGHT = 4_000_000;
/** As in Core: spending more at once would make a transaction too large. */
const LARGEST_GROUP = 100;

/** What can be selected, the most worth first. All lists go by the same places. */
export interface Candidates {
  readonly count: number;
  /** Satoshis. */
  readonly values: Float64Array;
  /** Satoshis less the fee of the input: what it brings. */
  readonly effective: Float64Array;
  /** Weight units. */
  readonly weights: Float64Array;
  /** Of the coins of a place, those that have a witness, and all. */
  readonly witnesses: Int32Array;
  readonly sizes: Int32Array;
  /** For each place the next one that brings or weighs something else: trying equals again finds nothing new. */
  readonly different: Int32Array;
  /** The coins at a place. */
  coinsAt(place: number): readonly number[];
}

/** What all coins bring, and those that must be spent. */
export interface ReadCoins {
  readonly candidates: Candidates;
  /** Places in the list of coins. */
  readonly required: readonly number[];
}

/** What is read of coins, in their order: lists of numbers, as 100,000 objects are slow to come back to. */
interface CoinNumbers {
  readonly values: Float64Array;
  readonly effective: Float64Array;
  readonly weights: Float64Array;
  readonly witnesses: Uint8Array;
}

/**
 * Reads coins once, sorts them by what they bring, and leaves out those that cost more than they are worth.
 *
 * @param satoshisPerUnit - Fee of one weight unit.
 * @throws WalletError `WALLET_INVALID_ARGUMENT` for a coin that is none.
 */
export function readCoins(coins: readonly Coin[], satoshisPerUnit: number): ReadCoins {
  const { length } = coins;
  const numbers: CoinNumbers = {
    values: new Float64Array(length),
    effective: new Float64Array(length),
    weights: new Float64Array(length),
    witnesses: new Uint8Array(length),
  };
  const required: number[] = [];
  const single: number[] = [];
  const groups = new Map<string, number[]>();
  let total = 0;
  for (let i = 0; i < length; i++) {
    const coin = coins[i];
    const value = valueOf(coin);
    const { weight, group, isRequired, hasWitness } = coin as Coin;
    const effective = value - weight * satoshisPerUnit;
    numbers.values[i] = value;
    numbers.effective[i] = effective;
    numbers.weights[i] = weight;
    numbers.witnesses[i] = hasWitness === false ? 0 : 1;
    total += value;
    if (isRequired === true) required.push(i);
    else if (effective <= 0) continue;
    else if (group === undefined) single.push(i);
    else {
      const members = groups.get(group);
      if (members === undefined) groups.set(group, [i]);
      else members.push(i);
    }
  }
  if (total > MAXIMUM_SATOSHIS) throw invalidArgument('options.coins', 'coins of at most 21 million bitcoin', 'more');
  return { candidates: sortCandidates(single, [...groups.values()].flatMap(inParts), numbers), required };
}

function valueOf(coin: Coin | undefined): number {
  if (typeof coin !== 'object' || coin === null) throw invalidArgument('options.coins', 'coins', coin);
  const { value, weight, id } = coin;
  if (typeof value !== 'bigint') throw invalidArgument('coin.value', 'satoshis as a bigint', value);
  // Far outside numbers are compared as bigints: as a number they might round into the range.
  if (value < 1n || value > 2_100_000_000_000_000n)
    throw invalidArgument('coin.value', '1 satoshi to 21 million bitcoin', value);
  if (!Number.isInteger(weight) || weight < 1 || weight > MAXIMUM_WEIGHT)
    throw invalidArgument('coin.weight', `a whole number of 1 to ${MAXIMUM_WEIGHT} weight units`, weight);
  if (typeof id !== 'string') throw invalidArgument('coin.id', 'a text', id);
  return Number(value);
}

function inParts(members: readonly number[]): readonly (readonly number[])[] {
  const parts: (readonly number[])[] = [];
  for (let from = 0; from < members.length; from += LARGEST_GROUP)
    parts.push(members.slice(from, from + LARGEST_GROUP));
  return parts;
}

function sortCandidates(
  single: readonly number[],
  groups: readonly (readonly number[])[],
  numbers: CoinNumbers,
): Candidates {
  const count = single.length + groups.length;
  const worth = new Float64Array(count);
  for (let i = 0; i < single.length; i++) worth[i] = numbers.effective[single[i] as number] as number;
  groups.forEach((members, i) => {
    worth[single.length + i] = members.reduce((sum, coin) => sum + (numbers.effective[coin] as number), 0);
  });
  const order = descending(worth);
  const sorted = {
    values: new Float64Array(count),
    effective: new Float64Array(count),
    weights: new Float64Array(count),
    witnesses: new Int32Array(count),
    sizes: new Int32Array(count),
  };
  for (let place = 0; place < count; place++) {
    const unsorted = order[place] as number;
    sorted.effective[place] = worth[unsorted] as number;
    if (unsorted < single.length) {
      const index = single[unsorted] as number;
      sorted.values[place] = numbers.values[index] as number;
      sorted.weights[place] = numbers.weights[index] as number;
      sorted.witnesses[place] = numbers.witnesses[index] as number;
      sorted.sizes[place] = 1;
      continue;
    }
    const members = groups[unsorted - single.length] as readonly number[];
    const total = (list: Float64Array | Uint8Array): number =>
      members.reduce((sum, index) => sum + (list[index] as number), 0);
    sorted.values[place] = total(numbers.values);
    sorted.weights[place] = total(numbers.weights);
    sorted.witnesses[place] = total(numbers.witnesses);
    sorted.sizes[place] = members.length;
  }
  const coinsAt = (place: number): readonly number[] => {
    const unsorted = order[place] as number;
    return unsorted < single.length
      ? [single[unsorted] as number]
      : (groups[unsorted - single.length] as readonly number[]);
  };
  return { count, ...sorted, different: differentPlaces(sorted.effective, sorted.weights), coinsAt };
}

function differentPlaces(effective: Float64Array, weights: Float64Array): Int32Array {
  const { length } = effective;
  const different = new Int32Array(length);
  for (let place = length - 1; place >= 0; place--) {
    const next = place + 1;
    const isSame = next < length && effective[place] === effective[next] && weights[place] === weights[next];
    different[place] = isSame ? (different[next] as number) : next;
  }
  return different;
}

const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;
const HALF = 0x1_0000_0000;

/**
 * The places of numbers below 2⁵³, the largest first; equal ones keep their order. By their digits, as comparing 100,000
 * of them would take longer than all the rest of a selection; fractions do not count.
 */
export function descending(numbers: Float64Array): Uint32Array {
  const { length } = numbers;
  let from = new Uint32Array(length);
  for (let i = 0; i < length; i++) from[i] = i;
  if (length < 2_000)
    return from.sort((left, right) => (numbers[right] as number) - (numbers[left] as number) || left - right);
  const low = new Uint32Array(length);
  const high = new Uint32Array(length);
  for (let i = 0; i < length; i++) {
    const number = numbers[i] as number;
    high[i] = Math.floor(number / HALF);
    low[i] = number;
  }
  let to = new Uint32Array(length);
  const counts = new Uint32Array(DIGITS);
  for (const half of [low, high]) {
    for (let shift = 0; shift < 32; shift += DIGIT_BITS) {
      counts.fill(0);
      // All ones less the digit: the largest comes first.
      for (let i = 0; i < length; i++) {
        const digit = DIGITS - 1 - (((half[i] as number) >>> shift) & (DIGITS - 1));
        counts[digit] = (counts[digit] as number) + 1;
      }
      if (counts.includes(length)) continue;
      let start = 0;
      for (let digit = 0; digit < DIGITS; digit++) {
        const here = counts[digit] as number;
        counts[digit] = start;
        start += here;
      }
      for (let i = 0; i < length; i++) {
        const index = from[i] as number;
        const digit = DIGITS - 1 - (((half[index] as number) >>> shift) & (DIGITS - 1));
        const place = counts[digit] as number;
        counts[digit] = place + 1;
        to[place] = index;
      }
      [from, to] = [to, from];
    }
  }
  return from;
}
