import { guarded, requireFunction, requireInteger } from '../checks.ts';
import type { AnyDuty, Duty, ParamProblem } from './define.ts';
import type { NamedKey } from './values.ts';

/** A rule of parameters: what has to hold, or else what was expected of one of them. */
export function rule(holds: boolean, param: string, expected: string): ParamProblem | undefined {
  return holds ? undefined : { param, expected };
}

/** A rule of keys: all are different, so that nobody stands in for two. */
export function distinctKeys(...keys: readonly NamedKey[]): ParamProblem | undefined {
  return guarded('keys', 'keys', () => {
    const twice = keys.find(({ key }, place) => keys.slice(0, place).some((other) => other.key === key));
    return twice === undefined ? undefined : { param: twice.name, expected: 'a key that nobody else has' };
  });
}

/** Stands in where a list of parties is shorter than a contract allows. */
export const nobody: NamedKey = { name: '', key: '' };

/**
 * The same duties for each party of a list.
 *
 * @param most - Longest list that the contract allows.
 * @param duties - The duties of one, by its place from 0; {@link nobody} where the list has no such place.
 */
export function dutiesOfEach<One extends Duty<never, never, string, string> | AnyDuty>(
  most: number,
  duties: (place: number) => readonly One[],
): readonly One[] {
  requireFunction('duties', duties);
  return Array.from({ length: requireInteger('most', most, 1, 1_000) }, (_, place) => duties(place)).flat();
}
