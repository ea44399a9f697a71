import { concatBytes, parseHex } from '@bitcoin-enterprise/core';
import { hashToCurve } from './hash-to-curve.ts';
import { countBytes } from './transcript.ts';

const DOMAIN = 'BISCOL-ZK-V01-with-secp256k1_XMD:SHA-256_SSWU_RO_';

/** G, the generator of secp256k1, 65 bytes: what blindings and secret keys are multiples of. */
export const BASE: Uint8Array = /* @__PURE__ */ parseHex(
  '0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8',
);

const known = new Map<string, Uint8Array[]>();

/** Generators of one name, as many as asked for at least; each is made once. */
function generators(name: string, count: number): readonly Uint8Array[] {
  const list = known.get(name) ?? [];
  known.set(name, list);
  while (list.length < count)
    list.push(hashToCurve(concatBytes(new TextEncoder().encode(name), countBytes(list.length)), DOMAIN));
  return list;
}

/** H, what committed values are multiples of; 65 bytes. */
export function valueGenerator(): Uint8Array {
  return generators('value', 1)[0] as Uint8Array;
}

/** The generators of the left vector, `count` or more. */
export function leftGenerators(count: number): readonly Uint8Array[] {
  return generators('left', count);
}

/** The generators of the right vector, `count` or more. */
export function rightGenerators(count: number): readonly Uint8Array[] {
  return generators('right', count);
}
