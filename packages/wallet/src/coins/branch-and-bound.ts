import { feeOf } from './price.ts';
import { changeCost, type Problem, targetOf, unitPrice, weightWith } from './problem.ts';

/** As in Core. */
const MAXIMUM_TRIES = 100_000;

/**
 * Looks for a set that needs no change (Core's branch and bound): depth first, the most worth first, with and then
 * without each candidate; what cannot come to the target any more, or is over it, is left.
 *
 * @returns Places of the set with the least waste; `undefined` when none was found.
 */
export function branchAndBound(problem: Problem): readonly number[] | undefined {
  const { candidates, feeRate, realFeeRate, longTermFeeRate, paid, required, maximumWeight } = problem;
  const { count, effective, values, weights, sizes, witnesses, different } = candidates;
  const target = targetOf(problem);
  const limit = changeCost(problem);
  // Whole virtual bytes and satoshis add less than that to what is reckoned with here.
  const slack = 14 * unitPrice(feeRate) + 2;
  const rest = new Float64Array(count + 1);
  for (let i = count - 1; i >= 0; i--) rest[i] = (rest[i + 1] as number) + (effective[i] as number);
  if (target <= 0 || (rest[0] as number) + 0.5 < target) return undefined;
  const extraPerUnit = unitPrice(realFeeRate) - unitPrice(longTermFeeRate);

  const chosen: number[] = [];
  let best: readonly number[] | undefined;
  let bestWaste = Infinity;
  let [worth, value, weight, inputs, witnessed] = [0, 0, 0, 0, 0];

  const isLeft = (next: number): boolean => {
    if (worth + (rest[next] as number) + 0.5 < target || worth > target + limit + slack) return true;
    // The waste of inputs only grows when they cost more now than later.
    return extraPerUnit > 0 && weight * extraPerUnit > bestWaste;
  };
  const tryHere = (): boolean => {
    if (worth + 0.5 < target) return false;
    const total = weightWith(problem, { weight, count: inputs, witnesses: witnessed }, false);
    const excess = required.value + value - paid - feeOf(total, feeRate);
    // Not yet there by a rounding: another coin may still help.
    if (excess < 0) return false;
    const waste = weight * extraPerUnit + excess;
    if (excess <= limit && waste < bestWaste && total <= maximumWeight) {
      best = chosen.slice();
      bestWaste = waste;
    }
    // Where inputs are cheaper now than later, more of them waste less.
    return extraPerUnit >= 0;
  };
  const add = (place: number, sign: 1 | -1): void => {
    worth += sign * (effective[place] as number);
    value += sign * (values[place] as number);
    weight += sign * (weights[place] as number);
    inputs += sign * (sizes[place] as number);
    witnessed += sign * (witnesses[place] as number);
  };

  let next = 0;
  for (let tries = 0; tries < MAXIMUM_TRIES; tries++) {
    if (isLeft(next) || tryHere() || next >= count) {
      // Back to the last one that is in, and on without it.
      const last = chosen.pop();
      if (last === undefined) break;
      add(last, -1);
      // Those just like it would give the same sets again.
      next = different[last] as number;
      continue;
    }
    chosen.push(next);
    add(next, 1);
    next++;
  }
  return best;
}
