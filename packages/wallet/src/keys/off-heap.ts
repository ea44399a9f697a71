/**
 * Bytes in a buffer of their own, for secrets. V8 keeps short arrays among its objects: it leaves a copy behind when it
 * moves them, and when somebody first asks for their buffer, and no copy is ever overwritten.
 */
export function offHeap(length: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(length));
}
