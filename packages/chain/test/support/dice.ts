/** Random numbers that come again with their seed. */
export interface Dice {
  /** A whole number from 0, below a bound. */
  below(bound: number): number;
  /** True once in so many times. */
  oneIn(times: number): boolean;
}

/** Dice from a seed (mulberry32). */
export function dice(seed: number): Dice {
  let state = seed >>> 0;
  const below = (bound: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
  return { below, oneIn: (times) => below(times) === 0 };
}
