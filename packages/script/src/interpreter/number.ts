import { EMPTY } from '../codec/scanner.ts';

/** What is on the stack for true. */
export const TRUE: Uint8Array = Uint8Array.of(1);

/** Bytes of the numbers that scripts use most, made once; stack elements are never written to. */
const small: readonly Uint8Array[] = Array.from({ length: 18 }, (_, index) => encode(index - 1));

/** A number as the shortest little endian sign-magnitude bytes (Core's CScriptNum::serialize). */
export function encodeScriptNumber(value: number): Uint8Array {
  return value >= -1 && value <= 16 ? (small[value + 1] as Uint8Array) : encode(value);
}

function encode(value: number): Uint8Array {
  if (value === 0) return EMPTY;
  const bytes: number[] = [];
  for (let rest = Math.abs(value); rest > 0; rest = Math.floor(rest / 256)) bytes.push(rest % 256);
  const last = bytes[bytes.length - 1] as number;
  if (last >= 0x80) bytes.push(value < 0 ? 0x80 : 0);
  else if (value < 0) bytes[bytes.length - 1] = last | 0x80;
  return Uint8Array.from(bytes);
}

/**
 * Reads a number of at most `maximumSize` bytes, at most five, so that a double holds it exactly; `undefined` when it
 * is longer or, where `minimal` asks for it, not in its shortest form.
 */
export function decodeScriptNumber(bytes: Uint8Array, minimal: boolean, maximumSize: number): number | undefined {
  const length = bytes.length;
  if (length > maximumSize) return undefined;
  if (length === 0) return 0;
  const last = bytes[length - 1] as number;
  if (minimal && (last & 0x7f) === 0 && (length === 1 || ((bytes[length - 2] as number) & 0x80) === 0))
    return undefined;
  let magnitude = last & 0x7f;
  for (let i = length - 2; i >= 0; i--) magnitude = magnitude * 256 + (bytes[i] as number);
  return (last & 0x80) === 0 ? magnitude : -magnitude;
}

/** Whether a stack element counts as true: any bit set, except for the sign alone (negative zero). */
export function isTrue(bytes: Uint8Array): boolean {
  const last = bytes.length - 1;
  for (let i = 0; i <= last; i++) if (bytes[i] !== 0) return i !== last || bytes[i] !== 0x80;
  return false;
}
