import { checksFor } from './arguments.ts';
import type { InvalidArgument } from './arguments.ts';
import { bindBatch } from './batch.ts';
import type { Batch } from './batch.ts';
import { bindCurve } from './curve.ts';
import type { Curve } from './curve.ts';
import { Secp256k1Error } from './errors.ts';
import { instantiate } from './exports.ts';
import { bindHashes } from './hashes.ts';
import type { Hashes } from './hashes.ts';
import { openMemory } from './memory.ts';
import { bindMultiplication } from './multiply.ts';
import type { Multiplication } from './multiply.ts';

/** libsecp256k1 at work: hashes, curve operations, batch verification and multi-scalar multiplication, all synchronous. */
export interface Secp256k1 extends Hashes, Curve, Batch, Multiplication {}

/** How an instance is made. */
export interface InstanceOptions {
  /** 32 bytes that blind signing from the start; {@link Curve.randomize} does it later. */
  readonly entropy?: Uint8Array;
  /** Makes the error for a bad argument, for a wrapper with codes of its own. */
  readonly invalidArgument?: InvalidArgument;
}

/**
 * Makes an instance from a compiled module, synchronously: the way of Cloudflare Workers and of worker threads.
 *
 * @param module - The module at `@bitcoin-enterprise/secp256k1/secp256k1.wasm`, or the large variant.
 * @returns An instance with memory of its own.
 * @throws {@link Secp256k1Error} `SECP256K1_MODULE_MISMATCH` when the module is another one,
 * `SECP256K1_INVALID_ARGUMENT`.
 *
 * @example In a Worker
 * ```ts no-run
 * import module from '@bitcoin-enterprise/secp256k1/secp256k1.wasm';
 * import { instantiateSecp256k1 } from '@bitcoin-enterprise/secp256k1';
 *
 * const secp256k1 = instantiateSecp256k1(module);
 * ```
 */
export function instantiateSecp256k1(module: WebAssembly.Module, options: InstanceOptions = {}): Secp256k1 {
  const check = checksFor(options);
  const exports = instantiate(module);
  if (exports.start() !== 1)
    throw new Secp256k1Error('SECP256K1_MODULE_MISMATCH', 'the module cannot build its context', {
      details: { missing: 'context' },
    });
  const memory = openMemory(exports);
  const curve = bindCurve(exports, memory, check);
  if (options.entropy !== undefined) curve.randomize(options.entropy);
  return {
    ...bindHashes(exports, memory, check),
    ...curve,
    ...bindBatch(exports, memory, check),
    ...bindMultiplication(exports, memory, check),
  };
}
