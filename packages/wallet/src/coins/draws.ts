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
  // A heap with the highest place on top: places go by worth, so that it is the least.
  const heap: number[] = [];
  let [worth, weight] = [0, 0];
  for (let i = 0; i < count; i++) {
    const other = i + options.draw.below(count - i);
    const place = order[other] as number;
    order[other] = order[i] as number;
    worth += effective[place] as number;
    weight += weights[place] as number;
    push(heap, place);
    while (weight > options.weightLeft && heap.length > 0) {
      const dropped = pop(heap);
      worth -= effective[dropped] as number;
      weight -= weights[dropped] as number;
    }
    if (worth >= target) return heap;
  }
  return undefined;
}

function push(heap: number[], place: number): void {
  let at = heap.length;
  heap.push(place);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent] as number;
    if (above >= place) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = place;
}

/** Takes the highest place off. */
function pop(heap: number[]): number {
  const top = heap[0] as number;
  const last = heap.pop() as number;
  const { length } = heap;
  if (length === 0) return top;
  let at = 0;
  for (;;) {
    const left = 2 * at + 1;
    if (left >= length) break;
    const higher = left + 1 < length && (heap[left + 1] as number) > (heap[left] as number) ? left + 1 : left;
    const below = heap[higher] as number;
    if (below <= last) break;
    heap[at] = below;
    at = higher;
  }
  heap[at] = last;
  return top;
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
