import type { Problem } from './problem.ts';
import type { Draw } from './random.ts';

/**
 * Takes coins at random until they bring an amount (Core's single random draw); when they weigh too much, the least worth
 * is put back.
 *
 * @returns Places of the set; `undefined` when it cannot be reached within the weight.
 */
export function singleRandomDraw(
  problem: Problem,
  target: number,
  options: { readonly draw: Draw; readonly weightLeft: number },
): readonly number[] | undefined {
  const { count, effective, weights } = problem.candidates;
  const order = new Int32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  const chosen: number[] = [];
  let [worth, weight] = [0, 0];
  for (let i = 0; i < count; i++) {
    const other = i + options.draw.below(count - i);
    const place = order[other] as number;
    order[other] = order[i] as number;
    worth += effective[place] as number;
    weight += weights[place] as number;
    chosen.push(place);
    while (weight > options.weightLeft && chosen.length > 0) {
      // The places go by worth: the last is the least.
      const least = chosen.indexOf(Math.max(...chosen));
      const [dropped] = chosen.splice(least, 1) as [number];
      worth -= effective[dropped] as number;
      weight -= weights[dropped] as number;
    }
    if (worth >= target) return chosen;
  }
  return undefined;
}

/** Takes those that are worth the most until they bring an amount: the fewest inputs. */
export function largestFirst(problem: Problem, target: number): readonly number[] | undefined {
  const { count, effective } = problem.candidates;
  const chosen: number[] = [];
  let worth = 0;
  for (let place = 0; place < count; place++) {
    if (worth >= target) return chosen;
    chosen.push(place);
    worth += effective[place] as number;
  }
  return worth >= target ? chosen : undefined;
}
