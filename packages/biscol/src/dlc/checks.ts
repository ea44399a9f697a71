import { requireList as requireAnyList, requireObject } from '../checks.ts';
import { BiscolError, invalidArgument } from '../errors.ts';

/** The error of terms that contradict themselves. */
export function termsInvalid(path: string, expected: string): BiscolError<'BISCOL_DLC_TERMS_INVALID'> {
  return new BiscolError('BISCOL_DLC_TERMS_INVALID', `expected ${path} to be ${expected}`, {
    details: { path, expected },
  });
}

/** The error of a contract of too many outcomes. */
export function tooLarge(what: string, most: number): BiscolError<'BISCOL_DLC_TOO_LARGE'> {
  return new BiscolError('BISCOL_DLC_TOO_LARGE', `expected at most ${most} ${what}, got more`, {
    details: { what, most },
    hint: 'Round more, where payouts matter less: see rounding.',
  });
}

/** Throws unless a value is a list; holes in it become `undefined`, for what walks over a list passes holes by. */
export function requireList(argument: string, value: unknown): readonly unknown[] {
  return Array.from(requireAnyList(argument, value));
}

/** Throws unless a value is a whole number of a range, both ends included. */
export function requireBigint(argument: string, value: unknown, least: bigint, most: bigint): bigint {
  if (typeof value !== 'bigint' || value < least || value > most)
    throw invalidArgument(argument, `a bigint of ${least} to ${most}`, value);
  return value;
}

/** Throws unless a value is true or false. */
export function requireBoolean(argument: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw invalidArgument(argument, 'true or false', value);
  return value;
}

/** Throws unless a value is a text of at most so many characters, which may be empty. */
export function requireString(argument: string, value: unknown, most: number): string {
  if (typeof value !== 'string' || value.length > most)
    throw invalidArgument(argument, `a text of at most ${most} characters`, value);
  return value;
}

/** The `kind` of a value that has one of several. */
export function kindOf<Kind extends string>(argument: string, value: unknown, kinds: readonly Kind[]): Kind {
  const { kind } = requireObject<{ kind: string }>(argument, value);
  const found = kinds.find((one) => one === kind);
  if (found === undefined) throw invalidArgument(`${argument}.kind`, kinds.map((one) => `'${one}'`).join(' or '), kind);
  return found;
}
