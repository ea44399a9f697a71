import { type Expression, parseExpression } from '../../src/text/expression.ts';
import type { Dice } from './dice.ts';

const OLDER = [6, 144, 1_000, 4_320, 52_560];

/** A random policy that needs a key in each way; keys `K0`, `K1`, …; `and` and `or` of two, as rust-miniscript wants them. */
export function randomPolicy(roll: Dice, depth: number): string {
  let keys = 0;
  let locks = 0;
  let hashes = 0;
  const pk = (): string => `pk(K${keys++})`;
  const odds = (most: number): number => 1 + roll.below(most);
  const extra = (): string => {
    const what = roll.below(4);
    if (what === 0) return `older(${(OLDER[roll.below(OLDER.length)] as number) + locks++})`;
    if (what === 1) return `after(${800_000 + 100 * locks++})`;
    const digits = String(hashes++).padStart(2, '0');
    return roll.oneIn(2) ? `sha256(${digits.repeat(32)})` : `hash160(${digits.repeat(20)})`;
  };
  const safe = (levels: number): string => {
    if (levels <= 0) return roll.oneIn(3) ? `and(${pk()},${extra()})` : pk();
    switch (roll.below(5)) {
      case 0:
        return `and(${safe(levels - 1)},${roll.oneIn(2) ? safe(levels - 1) : loose(levels - 1)})`;
      case 1:
      case 2:
        return `or(${odds(20)}@${safe(levels - 1)},${odds(20)}@${safe(levels - 1)})`;
      case 3: {
        const parts = Array.from({ length: 2 + roll.below(3) }, () => safe(levels - 1 - roll.below(2)));
        return `thresh(${1 + roll.below(parts.length)},${parts.join(',')})`;
      }
      default:
        return pk();
    }
  };
  /** May be fulfilled without a key. */
  const loose = (levels: number): string => {
    if (levels <= 0 || roll.oneIn(2)) return roll.oneIn(2) ? extra() : pk();
    return `or(${odds(9)}@${safe(levels - 1)},${odds(9)}@${loose(levels - 1)})`;
  };
  return safe(depth);
}

/** The same policy with random odds at each `or`. */
export function withOdds(policy: string, roll: Dice): string {
  const write = ({ name, args }: Expression): string => {
    if (args === undefined) return name;
    const inner = args.map((one) => (name === 'or' ? `${1 + roll.below(20)}@${write(one)}` : write(one)));
    return `${name}(${inner.join(',')})`;
  };
  return write(parseExpression(policy));
}
