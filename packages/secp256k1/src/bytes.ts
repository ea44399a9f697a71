/** An accessor of %TypedArray%.prototype: no subclass can override it, and it works across realms. */
function intrinsic(key: 'length' | typeof Symbol.toStringTag): (this: unknown) => unknown {
  const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
  return Object.getOwnPropertyDescriptor(typedArray, key)?.get as (this: unknown) => unknown;
}

const tagOf = /* @__PURE__ */ intrinsic(Symbol.toStringTag);
const lengthOf = /* @__PURE__ */ intrinsic('length');

/** Which typed array the runtime made this as, whatever it says of itself now; `undefined` when it is none. */
export function typedArrayName(value: unknown): string | undefined {
  return tagOf.call(value) as string | undefined;
}

/** How many bytes there are to copy: what {@link isBytes} compared `length` with, and nobody can override. */
export function sizeOf(bytes: Uint8Array): number {
  return lengthOf.call(bytes) as number;
}

/**
 * Whether a value is a Uint8Array that may be relied on: of any realm or subclass, but no proxy, no look-alike, not
 * detached, and of the length it states. Never throws.
 */
export function isBytes(value: unknown): value is Uint8Array {
  if (typedArrayName(value) !== 'Uint8Array') return false;
  try {
    const { length, constructor } = value as Uint8Array;
    if (length !== lengthOf.call(value) || typeof constructor !== 'function') return false;
    // A detached array has the length zero and throws at every use.
    if (length === 0) Uint8Array.prototype.at.call(value, 0);
    return true;
  } catch {
    return false;
  }
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
