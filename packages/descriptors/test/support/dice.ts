/** Whole numbers that look random, from a seed. */
export interface Dice {
  /** 0 to limit - 1. */
  below(limit: number): number;
  oneIn(limit: number): boolean;
}

/** Makes dice (mulberry32). */
export function dice(seed: number): Dice {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { below: (limit) => Math.floor(next() * limit), oneIn: (limit) => next() * limit < 1 };
}
