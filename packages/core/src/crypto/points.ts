/** The order of the group, n. */
export const ORDER: bigint = 0xffff_ffff_ffff_ffff_ffff_ffff_ffff_fffe_baae_dce6_af48_a03b_bfd2_5e8c_d036_4141n;

/** 32 bytes big endian as a number. */
export function readScalar(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

/** A number below 2^256 as 32 bytes big endian. */
export function writeScalar(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32);
  for (let i = 31, rest = value; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytes;
}

/**
 * A public key without the hybrid form: `06` and `07` become `04` where the byte tells the parity of y truly.
 *
 * @returns `undefined` when it does not; consensus counts such a key as no key.
 */
export function withoutHybrid(publicKey: Uint8Array): Uint8Array | undefined {
  const first = publicKey[0];
  if (publicKey.length !== 65 || (first !== 6 && first !== 7)) return publicKey;
  if (((publicKey[64] as number) & 1) !== first - 6) return undefined;
  // Never `slice`: that of a Buffer gives a view, and this would write into the caller's key.
  const plain = new Uint8Array(publicKey);
  plain[0] = 4;
  return plain;
}

/** The point with even y over an x coordinate, as a compressed key. */
export function evenPoint(xOnly: Uint8Array): Uint8Array {
  const key = new Uint8Array(33);
  key[0] = 2;
  key.set(xOnly, 1);
  return key;
}
