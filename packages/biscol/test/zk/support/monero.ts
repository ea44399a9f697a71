/** What Monero does around Bulletproofs+: its generators, its transcript, its points of a curve with a cofactor. */
import { ed25519 } from '@noble/curves/ed25519.js';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { concatBytes } from '@bitcoin-enterprise/core';
import { createField } from '../../../src/zk/field.ts';

export const { Point } = ed25519;
export type EdPoint = InstanceType<typeof Point>;

/** Scalars of ed25519. */
export const scalars = createField(Point.Fn.ORDER);
const field = createField(Point.Fp.ORDER);

export function readLittle(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);
}

export function writeLittle(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
}

/** Keccak as Monero takes scalars from it. */
export function hashToScalar(...parts: readonly Uint8Array[]): Uint8Array {
  return writeLittle(readLittle(keccak_256(concatBytes(...parts))) % scalars.order);
}

/** Monero's own map from a hash to a point (`ge_fromfe_frombytes_vartime`), times the cofactor. */
export function hashToPoint(bytes: Uint8Array): EdPoint {
  const { reduce, multiply, power, invert } = field;
  const a = 486_662n;
  const u = reduce(readLittle(keccak_256(bytes)));
  const v = reduce(2n * u * u);
  const w = reduce(v + 1n);
  const x = reduce(w * w - a * a * v);
  // w/x or -w/x is a square times what the branch says; only whether it is one counts here.
  const ratio = multiply(w, power(x, 3n));
  const root = multiply(ratio, power(multiply(w, power(x, 7n)), (field.order - 5n) / 8n));
  const check = multiply(multiply(root, root), x);
  const isOne = check !== w && reduce(check + w) !== 0n;
  const z = reduce(-a * (isOne ? 1n : v));
  const encoded = writeLittle(multiply(reduce(z - w), invert(reduce(z + w))));
  encoded[31] = (encoded[31] as number) | (isOne ? 0x80 : 0);
  return Point.fromBytes(encoded, true).multiplyUnsafe(8n);
}

/** H, what amounts are multiples of. */
export const H: EdPoint = Point.fromBytes(keccak_256(Point.BASE.toBytes())).multiplyUnsafe(8n);

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7) {
    if (rest < 128) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest & 127) | 128);
  }
}

/** Generator number `index` of the vectors: even for the right one, odd for the left one. */
export function generator(index: number): EdPoint {
  const text = new TextEncoder().encode('bulletproof_plus');
  return hashToPoint(keccak_256(concatBytes(H.toBytes(), text, varint(index))));
}

/** What every transcript of Monero begins with. */
export function firstTranscript(): Uint8Array {
  return hashToPoint(keccak_256(new TextEncoder().encode('bulletproof_plus_transcript'))).toBytes();
}
