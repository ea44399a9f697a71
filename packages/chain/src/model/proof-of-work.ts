/** The target that a compact form stands for, or `undefined` for one that Core refuses: negative, zero, too large. */
export function targetOf(bits: number): bigint | undefined {
  const exponent = bits >>> 24;
  const mantissa = bits & 0x7f_ffff;
  if ((bits & 0x80_0000) !== 0 && mantissa !== 0) return undefined;
  const target =
    exponent <= 3 ? BigInt(mantissa >> (8 * (3 - exponent))) : BigInt(mantissa) << BigInt(8 * (exponent - 3));
  return target === 0n || target >= 1n << 256n ? undefined : target;
}

/** The compact form of a target: three digits of base 256 and their number; what does not fit is cut off. */
export function bitsOf(target: bigint): number {
  let size = Math.ceil(target.toString(16).length / 2);
  let mantissa = size <= 3 ? Number(target << BigInt(8 * (3 - size))) : Number(target >> BigInt(8 * (size - 3)));
  // The highest bit of the digits would make the number negative.
  if (mantissa >= 0x80_0000) {
    mantissa >>= 8;
    size += 1;
  }
  return size * 0x100_0000 + mantissa;
}

/** Expected number of hashes behind a target: what branches are compared by. */
export function workOf(target: bigint): bigint {
  return (1n << 256n) / (target + 1n);
}

/** Whether a block hash, 32 bytes in internal order, reaches a target. */
export function reachesTarget(hash: Uint8Array, target: Uint8Array): boolean {
  for (let i = 31; i >= 0; i--) {
    const difference = (hash[i] as number) - (target[i] as number);
    if (difference !== 0) return difference < 0;
  }
  return true;
}

/** A target as 32 bytes in the order of a block hash. */
export function targetBytes(target: bigint): Uint8Array {
  const bytes = new Uint8Array(32);
  let rest = target;
  for (let i = 0; i < 32; i++) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}
