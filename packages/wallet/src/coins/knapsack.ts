import type { Problem } from './problem.ts';
import type { Draw } from './random.ts';

/** As in Core, as long as there are few. */
const MAXIMUM_ROUNDS = 1_000;
/** Steps in all: with many candidates there are fewer rounds. */
const MAXIMUM_STEPS = 200_000;
/** More are not looked at unless they are needed to reach the target. */
const MANY = 1_000;

/**
 * Looks at random for a set just above a target (Core's knapsack solver): of the coins below it, or else the smallest
 * above it.
 *
 * @param targets - `exact` without change, and `change` with what is to be left for it.
 * @returns Places of the set; `undefined` when there are not enough coins.
 */
export function knapsack(
  problem: Problem,
  targets: { readonly exact: number; readonly change: number },
  draw: Draw,
): readonly number[] | undefined {
  const { count, effective } = problem.candidates;
  // The first of those that are too small to do it alone; the one before it is the smallest that does.
  let first = 0;
  while (first < count && (effective[first] as number) >= targets.change) first++;
  const larger = first === 0 ? undefined : first - 1;
  let end = first;
  let total = 0;
  while (end < count && (end - first < MANY || total < targets.change)) total += effective[end++] as number;
  if (total < targets.exact) return larger === undefined ? undefined : [larger];
  const lower = { effective, first, end, total };
  const exact = bestSubset(lower, targets.exact, draw);
  const withChange = total >= targets.change ? bestSubset(lower, targets.change, draw) : undefined;
  const isExact = exact.worth < targets.exact + 1;
  const set = isExact || withChange === undefined ? exact : withChange;
  if (larger !== undefined && !isExact && (effective[larger] as number) <= set.worth) return [larger];
  return set.places;
}

interface Lower {
  readonly effective: Float64Array;
  readonly first: number;
  readonly end: number;
  readonly total: number;
}

interface Subset {
  readonly places: readonly number[];
  readonly worth: number;
}

/** Core's ApproximateBestSubset: at random, then what was left out until the target is reached; the least wins. */
function bestSubset({ effective, first, end, total }: Lower, target: number, draw: Draw): Subset {
  const size = end - first;
  let best = new Uint8Array(size).fill(1);
  let bestWorth = total;
  const rounds = Math.max(1, Math.min(MAXIMUM_ROUNDS, Math.floor(MAXIMUM_STEPS / Math.max(1, size))));
  for (let round = 0; round < rounds && bestWorth !== target; round++) {
    const included = new Uint8Array(size);
    let worth = 0;
    let isReached = false;
    let bits = 0;
    for (let pass = 0; pass < 2 && !isReached; pass++) {
      for (let i = 0; i < size; i++) {
        if (i % 32 === 0 && pass === 0) bits = draw.bits();
        if (pass === 0 ? ((bits >>> (i % 32)) & 1) === 0 : included[i] === 1) continue;
        worth += effective[first + i] as number;
        included[i] = 1;
        if (worth < target) continue;
        isReached = true;
        if (worth < bestWorth) {
          bestWorth = worth;
          best = included.slice();
        }
        worth -= effective[first + i] as number;
        included[i] = 0;
      }
    }
  }
  const places: number[] = [];
  best.forEach((isIn, i) => {
    if (isIn === 1) places.push(first + i);
  });
  return { places, worth: bestWorth };
}
