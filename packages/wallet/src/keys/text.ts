import { invalidArgument } from '../errors.ts';

/**
 * Requires a text without half a surrogate pair: UTF-8 cannot write one, so that two passwords would be the same.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`; the text is never repeated.
 */
export function requireWellFormed(argument: string, value: unknown): string {
  if (typeof value !== 'string' || !isWellFormed(value)) throw invalidArgument(argument, 'a well-formed text', value);
  return value;
}

/** ES2024 has this as `String.prototype.isWellFormed`. */
function isWellFormed(text: string): boolean {
  return !/[\uD800-\uDFFF]/u.test(text);
}
