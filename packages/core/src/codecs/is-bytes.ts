/** An accessor of %TypedArray%.prototype: no subclass can override it, and it works across realms. */
function intrinsic(key: 'length' | typeof Symbol.toStringTag): (this: unknown) => unknown {
  const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
  return Object.getOwnPropertyDescriptor(typedArray, key)?.get as (this: unknown) => unknown;
}

const tagOf = /* @__PURE__ */ intrinsic(Symbol.toStringTag);
const lengthOf = /* @__PURE__ */ intrinsic('length');

/** Whether the engine made this as a Uint8Array, whatever it says of itself now; never throws. */
export function isRealUint8Array(value: unknown): value is Uint8Array {
  return tagOf.call(value) === 'Uint8Array';
}

/**
 * Whether a value is a Uint8Array that may be relied on: a Node `Buffer`, an array of another realm and a subclass
 * are; a proxy, a look-alike, a detached one, and one whose `length` or `constructor` is falsified are not.
 *
 * @param value - Anything; nothing makes this throw.
 *
 * @example
 * ```ts
 * import { isBytes } from '@bitcoin-enterprise/core';
 *
 * isBytes(new Uint8Array(2)); // => true
 * isBytes(Object.create(Uint8Array.prototype)); // => false
 * ```
 */
export function isBytes(value: unknown): value is Uint8Array {
  if (!isRealUint8Array(value)) return false;
  try {
    const { length, constructor } = value;
    if (length !== lengthOf.call(value) || typeof constructor !== 'function') return false;
    // A detached array has the length zero and throws at every use.
    if (length === 0) Uint8Array.prototype.at.call(value, 0);
    return true;
  } catch {
    return false;
  }
}

/** How many bytes there are, whatever `length` answers the next time. */
export function sizeOf(bytes: Uint8Array): number {
  return lengthOf.call(bytes) as number;
}

/** Whether a value is an array; a revoked proxy, which throws at every touch, is none. */
export function isList(value: unknown): value is readonly unknown[] {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}

/** Whether a value can be an object of options: no array, no bytes nor what passes for them, no revoked proxy. */
export function isRecord(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false;
  try {
    return !Array.isArray(value) && !(value instanceof Uint8Array);
  } catch {
    return false;
  }
}
