import { CoreError, invalidArgument } from '../errors.ts';

/** The property that exists in types only and carries the name of a unit. */
export declare const unit: unique symbol;

/** Requires a whole number from `minimum` to `maximum`. */
export function assertWhole(name: string, value: number, minimum: number, maximum: number): void {
  if (typeof value !== 'number') throw invalidArgument(name, 'a number', value);
  if (!Number.isInteger(value) || value < minimum || value > maximum)
    throw new CoreError('CORE_UNIT_OUT_OF_RANGE', `expected a whole ${name} ${minimum}..${maximum}, got ${value}`, {
      details: { unit: name, value, minimum, maximum },
    });
}
