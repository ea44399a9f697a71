import { parseHex } from '../codecs/hex.ts';
import type { BatchItem, CryptoEngine } from '../ports/crypto.ts';
import { ensure, type Promised } from './promised.ts';

/** Code of an argument that is none. */
export const INVALID: string = 'CORE_CRYPTO_INVALID_ARGUMENT';
/** Order of the curve. */
export const N: string = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141';
/** The largest scalar. */
export const N_MINUS_1: string = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140';
/** Modulus of the field: no coordinate. */
export const FIELD: string = 'fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f';
/** The x of the generator. */
export const GX: string = '79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798';
/** The y of the generator. */
export const GY: string = '483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8';
/** The generator, compressed. */
export const G: string = `02${GX}`;
/** Twice the generator. */
export const G2: string = '02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5';

/** Bytes of a text in hex. */
export const hex = (text: string): Uint8Array => parseHex(text);
/** Bytes of a text. */
export const text = (value: string): Uint8Array => new TextEncoder().encode(value);
/** A small number as a scalar. */
export const scalar = (value: number): Uint8Array => {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(28, value);
  return bytes;
};
/** A copy with one bit changed. */
export const flipped = (bytes: Uint8Array, at: number): Uint8Array => {
  const copy = bytes.slice();
  copy[at] = (copy[at] as number) ^ 1;
  return copy;
};
/** What an engine answers for good input; the kit's own way to say that nothing is missing. */
export function some<Value>(value: Value | undefined, what: string): Value {
  ensure(value !== undefined, `${what}: expected an answer, got none`);
  return value;
}

/** Objects that pass for bytes in one test or another; all must be refused. */
export function lookAlikes(length: number): readonly object[] {
  const lying = (descriptor: PropertyDescriptor, size: number): Uint8Array =>
    Object.defineProperty(new Uint8Array(size), 'length', descriptor);
  class Lying extends Uint8Array {
    override get length(): number {
      return length;
    }
  }
  const revoked = Proxy.revocable(new Uint8Array(length), {});
  revoked.revoke();
  const throwing = (): never => {
    throw new Error('a getter that throws');
  };
  const detached = new Uint8Array(length);
  structuredClone(detached.buffer, { transfer: [detached.buffer] });
  return [
    new Lying(length + 2_000),
    lying({ value: length }, length + 1),
    lying({ get: throwing }, length),
    lying({ value: Number.NaN }, length),
    Object.assign(new Uint8Array(length), { constructor: null }),
    new Proxy(new Uint8Array(length), {}),
    revoked.proxy,
    Object.create(Uint8Array.prototype) as object,
    Object.setPrototypeOf({ length }, Uint8Array.prototype) as object,
    detached,
    new Uint8ClampedArray(length),
  ];
}

type Check = (engine: CryptoEngine) => void | Promise<void>;

/** One promise of an engine. */
export function promise(name: string, check: Check): Promised<CryptoEngine> {
  return { name, run: async (make) => check(await make()) };
}

/** Pseudorandom but fixed: key number `i` of the kit. */
export function keyOf(engine: CryptoEngine, i: number): Uint8Array {
  return engine.sha256(text(`key ${i}`));
}

/** Signature number `i` of the kit. */
export function schnorrItem(engine: CryptoEngine, i: number, message: Uint8Array): BatchItem {
  const key = keyOf(engine, i);
  return {
    kind: 'schnorr',
    signature: some(engine.schnorrSign(message, key), 'signature'),
    message,
    xOnlyPublicKey: some(engine.publicKey(key), 'public key').slice(1),
  };
}

/** Commitment number `i` of the kit. */
export function tweakItem(engine: CryptoEngine, i: number): BatchItem {
  const internalXOnly = some(engine.publicKey(keyOf(engine, i)), 'public key').slice(1);
  const tweak = engine.sha256(text(`tweak ${i}`));
  const { xOnlyPublicKey, parity } = some(engine.xOnlyTweakAdd(internalXOnly, tweak), 'tweaked key');
  return { kind: 'tweak', tweakedXOnly: xOnlyPublicKey, parity, internalXOnly, tweak };
}
