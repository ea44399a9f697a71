import { parseHex, toHex } from '@bitcoin-enterprise/core';

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** Whether the `s` of a signature `r || s` over P-256 is in the lower half: of `s` and `n - s` one is. */
export function isP256LowS(raw: Uint8Array): boolean {
  return scalarOf(raw) <= ORDER / 2n;
}

/** The low-S form of a signature `r || s`, which says the same. */
export function toP256LowS(raw: Uint8Array): Uint8Array {
  if (isP256LowS(raw)) return raw;
  const low = new Uint8Array(raw);
  low.set(parseHex((ORDER - scalarOf(raw)).toString(16).padStart(64, '0')), 32);
  return low;
}

function scalarOf(raw: Uint8Array): bigint {
  return BigInt(`0x${toHex(raw.subarray(32, 64))}`);
}
