import { checksFor } from './arguments.ts';
import { Secp256k1Error } from './errors.ts';
import { instantiateSecp256k1 } from './secp256k1.ts';
import type { InstanceOptions, Secp256k1 } from './secp256k1.ts';

/** Which build is meant: `small` for nearly all uses, `large` with bigger tables, a few per cent faster. */
export type Variant = 'small' | 'large';

/** What {@link loadSecp256k1} may be told. */
export interface LoadOptions extends InstanceOptions {
  /** A ready module; nothing is read or compiled then. */
  readonly module?: WebAssembly.Module;
  /** Which build to read; `small` by default. */
  readonly variant?: Variant;
}

/**
 * Reads and compiles the module of this package and makes an instance; nothing happens before this call.
 *
 * @returns A new instance with memory of its own.
 * @throws {@link Secp256k1Error} `SECP256K1_MODULE_UNAVAILABLE` when the module was not built or cannot be compiled
 * here, `SECP256K1_MODULE_MISMATCH` when `module` is another one,
 * `SECP256K1_INVALID_ARGUMENT`.
 *
 * @example A public key
 * ```ts
 * import { loadSecp256k1 } from '@bitcoin-enterprise/secp256k1';
 *
 * const secp256k1 = await loadSecp256k1();
 * secp256k1.publicKey(new Uint8Array(32).fill(1))?.length; // => 33
 * ```
 */
export async function loadSecp256k1(options: LoadOptions = {}): Promise<Secp256k1> {
  const check = checksFor(options);
  const { module, variant = 'small', ...rest } = options;
  if (variant !== 'small' && variant !== 'large') check.reject('options.variant', "'small' or 'large'", variant);
  return instantiateSecp256k1(module ?? (await compile(variant)), rest);
}

async function compile(variant: Variant): Promise<WebAssembly.Module> {
  try {
    // Two literal specifiers, so that bundlers see both and split each into a chunk of its own.
    const { wasm } = variant === 'large' ? await import('#wasm-large') : await import('#wasm-small');
    return await WebAssembly.compile(wasm());
  } catch (cause) {
    throw new Secp256k1Error('SECP256K1_MODULE_UNAVAILABLE', `cannot load the ${variant} WebAssembly module`, {
      details: { variant },
      hint: 'in a checkout run `npm run build:wasm`; where compilation is forbidden pass a ready `module`',
      cause,
    });
  }
}
