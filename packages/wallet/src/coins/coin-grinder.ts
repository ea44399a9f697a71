import type { Problem } from './problem.ts';

const MAXIMUM_TRIES = 100_000;

/**
 * Looks for the lightest set that brings an amount (after Core's CoinGrinder): for times when fees are high.
 *
 * @param target - What the set has to bring.
 * @returns Places of the set; `undefined` when none was found.
 */
export function coinGrinder(problem: Problem, target: number): readonly number[] | undefined {
  const { count, effective, weights, different } = problem.candidates;
  const rest = new Float64Array(count + 1);
  const lightest = new Float64Array(count + 1).fill(Infinity);
  for (let i = count - 1; i >= 0; i--) {
    rest[i] = (rest[i + 1] as number) + (effective[i] as number);
    lightest[i] = Math.min(lightest[i + 1] as number, weights[i] as number);
  }
  if ((rest[0] as number) < target) return undefined;
  const chosen: number[] = [];
  let best: readonly number[] | undefined;
  let bestWeight = Infinity;
  let [worth, weight, next] = [0, 0, 0];
  for (let tries = 0; tries < MAXIMUM_TRIES; tries++) {
    const isThere = worth >= target;
    if (isThere && weight < bestWeight) {
      best = chosen.slice();
      bestWeight = weight;
    }
    // The next ones are worth the most: not even as many of the lightest as are needed at least would do.
    const needed = next < count ? Math.ceil((target - worth) / (effective[next] as number)) : 0;
    const isLeft =
      isThere ||
      next >= count ||
      worth + (rest[next] as number) < target ||
      weight + needed * (lightest[next] as number) >= bestWeight;
    if (!isLeft) {
      chosen.push(next);
      worth += effective[next] as number;
      weight += weights[next] as number;
      next++;
      continue;
    }
    const last = chosen.pop();
    if (last === undefined) break;
    worth -= effective[last] as number;
    weight -= weights[last] as number;
    next = different[last] as number;
  }
  return best;
}
