import { type Entropy, webEntropy } from '@bitcoin-enterprise/core';
import { requireFunction, requireObject } from '../checks.ts';

/** Whole numbers below a bound, from few bytes of entropy: quick, and only as secret as a choice of coins needs. */
export interface Draw {
  /** 0 to `bound - 1`; `bound` up to 2³². */
  below(bound: number): number;
  /** 32 bits. */
  bits(): number;
}

/** A generator of the sfc32 kind, seeded with 12 bytes. */
export function createDraw(entropy: Entropy = webEntropy()): Draw {
  requireFunction('options.entropy.bytes', requireObject<Entropy>('options.entropy', entropy).bytes);
  const seed = new DataView(new Uint8Array(entropy.bytes(12)).buffer);
  let [a, b, c, counter] = [seed.getUint32(0), seed.getUint32(4), seed.getUint32(8), 1];
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  return { below: (bound) => Math.floor((next() / 0x1_0000_0000) * bound), bits: next };
}
