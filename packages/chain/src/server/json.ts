/** A value as JSON has it. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** What `JSON.stringify` copies as it is; the engines that run this package have it, the library types do not yet. */
interface RawJson {
  readonly rawJSON: string;
}

const raw = (JSON as unknown as { readonly rawJSON: (text: string) => RawJson }).rawJSON;

/** An amount as Core writes it: bitcoin with eight decimals, exactly. */
export function amountJson(value: bigint): RawJson {
  return raw(bitcoinText(value));
}

/** Satoshis as bitcoin with eight decimals. */
export function bitcoinText(value: bigint): string {
  const digits = (value < 0n ? -value : value).toString().padStart(9, '0');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -8)}.${digits.slice(-8)}`;
}

/** A whole number of any size. */
export function wholeJson(value: bigint): RawJson {
  return raw(value.toString());
}

/** The name of a JSON value's type in Core's words. */
export function jsonType(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}
