import type { Dice } from './dice.ts';

/** Values that an answer should not hold. */
export const STRANGE: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1,
  1e308,
  0.5,
  2 ** 31,
  2 ** 53,
  '',
  'zz',
  '00',
  '00'.repeat(32),
  'ff'.repeat(80),
  [],
  {},
  [[[[]]]],
  { a: { b: null } },
];

/** JSON with one of its values replaced, one left out, or one twice. */
export function mutated(value: unknown, roll: Dice): unknown {
  if (roll.oneIn(4) || typeof value !== 'object' || value === null) return STRANGE[roll.below(STRANGE.length)];
  const keys = Object.keys(value);
  const key = keys[roll.below(Math.max(1, keys.length))];
  if (key === undefined) return STRANGE[roll.below(STRANGE.length)];
  if (Array.isArray(value)) {
    const list = value as readonly unknown[];
    const at = Number(key);
    if (roll.oneIn(3)) return list.toSpliced(at, 1);
    if (roll.oneIn(3)) return list.toSpliced(at, 0, list[at]);
    return list.with(at, mutated(list[at], roll));
  }
  const { [key]: inner, ...rest } = value as Readonly<Record<string, unknown>>;
  return roll.oneIn(5) ? rest : { ...rest, [key]: mutated(inner, roll) };
}
