import { Secp256k1Error } from './errors.ts';

/** What the compiled module offers; `native/shim.c` says what lies in which slot. */
export interface Exports {
  readonly memory: WebAssembly.Memory;
  slots(): number;
  arena(): number;
  start(): number;
  randomize(): number;
  sha256(data: number, length: number): void;
  sha256_begin(): void;
  sha256_write(data: number, length: number): void;
  sha256_end(): void;
  hash256(data: number, length: number): void;
  sha1(data: number, length: number): void;
  ripemd160(data: number, length: number): void;
  hash160(data: number, length: number): void;
  sha512(data: number, length: number): void;
  hmac_sha256(key: number, keyLength: number, data: number, length: number): void;
  hmac_sha512(key: number, keyLength: number, data: number, length: number): void;
  tag_set(index: number, tag: number, length: number): void;
  tagged_hash(index: number, data: number, length: number): void;
  hash256_pairs(input: number, count: number, output: number): void;
  sha256_many(input: number, length: number, count: number, output: number, twice: number): void;
  secret_key_valid(): number;
  public_key_valid(length: number): number;
  x_only_valid(): number;
  public_key_create(compressed: number): number;
  public_key_convert(length: number, compressed: number): number;
  ecdsa_sign(hasEntropy: number): number;
  ecdsa_verify(keyLength: number): number;
  ecdsa_sign_recoverable(): number;
  ecdsa_recover(id: number): number;
  schnorr_sign(message: number, length: number, hasRandom: number): number;
  schnorr_verify(message: number, length: number): number;
  batch_memory(count: number): number;
  batch_verify(items: number, count: number, hasEntropy: number, failed: number, memory: number): number;
  x_only_tweak_add(): number;
  x_only_tweak_add_check(parity: number): number;
  secret_key_tweak_add(): number;
  secret_key_tweak_mul(): number;
  secret_key_negate(): number;
  public_key_tweak_add(length: number): number;
  public_key_tweak_mul(length: number): number;
  public_key_negate(length: number): number;
  public_key_combine(keys: number, count: number): number;
  multiply_memory(count: number): number;
  multiply(terms: number, count: number, isFirst: number, isLast: number, memory: number): number;
  ecdh(length: number): number;
}

const names = [
  'slots',
  'arena',
  'start',
  'randomize',
  'sha256',
  'sha256_begin',
  'sha256_write',
  'sha256_end',
  'hash256',
  'sha1',
  'ripemd160',
  'hash160',
  'sha512',
  'hmac_sha256',
  'hmac_sha512',
  'tag_set',
  'tagged_hash',
  'hash256_pairs',
  'sha256_many',
  'secret_key_valid',
  'public_key_valid',
  'x_only_valid',
  'public_key_create',
  'public_key_convert',
  'ecdsa_sign',
  'ecdsa_verify',
  'ecdsa_sign_recoverable',
  'ecdsa_recover',
  'schnorr_sign',
  'schnorr_verify',
  'batch_memory',
  'batch_verify',
  'x_only_tweak_add',
  'x_only_tweak_add_check',
  'secret_key_tweak_add',
  'secret_key_tweak_mul',
  'secret_key_negate',
  'public_key_tweak_add',
  'public_key_tweak_mul',
  'public_key_negate',
  'public_key_combine',
  'multiply_memory',
  'multiply',
  'ecdh',
] as const satisfies readonly Exclude<keyof Exports, 'memory'>[];

/** Instantiates a module and makes sure that it is this package's. */
export function instantiate(module: WebAssembly.Module): Exports {
  if (!isModule(module)) throw mismatch('a WebAssembly.Module');
  let exports: Record<string, unknown>;
  try {
    exports = new WebAssembly.Instance(module, {}).exports;
  } catch (cause) {
    throw mismatch('instantiation without imports', cause);
  }
  for (const name of names) if (typeof exports[name] !== 'function') throw mismatch(name);
  if (!(exports['memory'] instanceof WebAssembly.Memory)) throw mismatch('memory');
  return exports as unknown as Exports;
}

function isModule(value: unknown): boolean {
  try {
    return value instanceof WebAssembly.Module;
  } catch {
    // A revoked proxy throws at every touch.
    return false;
  }
}

function mismatch(missing: string, cause?: unknown): Secp256k1Error {
  return new Secp256k1Error(
    'SECP256K1_MODULE_MISMATCH',
    `expected the module of this package, but it lacks ${missing}`,
    {
      details: { missing },
      hint: 'import it from @bitcoin-enterprise/secp256k1/secp256k1.wasm of the same version',
      cause,
    },
  );
}
