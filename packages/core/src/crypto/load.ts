import { isRecord } from '../codecs/is-bytes.ts';
import { CoreError, describeValue, hasCode } from '../errors.ts';
import type { CryptoEngine } from '../ports/crypto.ts';
import { cryptoArgumentError, requireOptions } from './arguments.ts';
import { jsCrypto } from './js.ts';
import { wasmCrypto } from './wasm.ts';
import type { WasmCryptoOptions } from './wasm.ts';

/** What {@link loadCrypto} may be told. */
export interface LoadCryptoOptions extends WasmCryptoOptions {
  /** The first engine to try; those after it, in the order `wasm`, `tiny`, `js`, are the fallbacks. */
  readonly prefer?: CryptoEngine['name'];
  /** This engine or none: without it the call fails instead of falling back. */
  readonly only?: CryptoEngine['name'];
}

/** The engine that was loaded. */
export interface LoadedCrypto {
  readonly engine: CryptoEngine;
  /** Its name. */
  readonly name: CryptoEngine['name'];
  /** Why it is not the preferred one; absent when it is. */
  readonly notice?: string;
}

const order = ['wasm', 'tiny', 'js'] as const;

let current: CryptoEngine | undefined;

/** The engine in use: the one loaded or installed last, until then {@link jsCrypto}. */
export function currentCrypto(): CryptoEngine {
  return current ?? jsCrypto;
}

/**
 * Makes an engine the current one.
 *
 * @throws {@link CoreError} `CORE_CRYPTO_INVALID_ARGUMENT` when it lacks a member of the port.
 */
export function installCrypto(engine: CryptoEngine): void {
  for (const [name, member] of Object.entries(jsCrypto))
    if (typeTag(engine, name) !== typeof member)
      throw cryptoArgumentError('engine', `an engine with the member ${name}`, describeValue(engine));
  current = engine;
}

/**
 * Loads the fastest engine this runtime allows and makes it the current one: WebAssembly, else tiny-secp256k1 (in
 * Node, where it is installed), else plain JavaScript.
 *
 * @returns The engine, with a notice when it is a fallback.
 * @throws {@link CoreError} `CORE_CRYPTO_ENGINE_UNAVAILABLE` when a `module` was handed in that cannot be used, for a
 * fallback would hide the mistake, or when the `only` engine is not there. `CORE_CRYPTO_INVALID_ARGUMENT` for options of the wrong type.
 *
 * @example
 * ```ts
 * import { currentCrypto, loadCrypto } from '@bitcoin-enterprise/core';
 *
 * const { engine } = await loadCrypto();
 * engine === currentCrypto(); // => true
 * ```
 */
export async function loadCrypto(options: LoadCryptoOptions = {}): Promise<LoadedCrypto> {
  requireOptions(options);
  const { only, prefer = 'wasm', ...wasm } = options;
  for (const [option, name] of Object.entries({ prefer, only: only ?? prefer }))
    if (!order.includes(name))
      throw cryptoArgumentError(`options.${option}`, "'wasm', 'tiny' or 'js'", describeValue(name));
  const reasons: string[] = [];
  let hint: string | undefined;
  for (const name of only === undefined ? order.slice(order.indexOf(prefer)) : [only]) {
    try {
      const engine = await load(name, wasm);
      installCrypto(engine);
      if (reasons.length === 0) return { engine, name };
      return { engine, name, notice: `crypto engine '${name}' is in use: ${reasons.join('; ')}` };
    } catch (cause) {
      // A wrong argument is a bug that a fallback would hide.
      if (hasCode(cause, 'CORE_CRYPTO_INVALID_ARGUMENT')) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      if (name === 'wasm' && wasm.module !== undefined)
        throw new CoreError('CORE_CRYPTO_ENGINE_UNAVAILABLE', `the module handed in cannot be used: ${reason}`, {
          details: { engine: name, reason },
          hint: 'pass the module of @bitcoin-enterprise/secp256k1/secp256k1.wasm',
          cause,
        });
      hint = hintOf(cause);
      reasons.push(`'${name}' is not available (${reason}${hint === undefined ? '' : `; ${hint}`})`);
    }
  }
  throw new CoreError('CORE_CRYPTO_ENGINE_UNAVAILABLE', `no crypto engine: ${reasons.join('; ')}`, {
    details: { engine: only ?? prefer, reason: reasons.join('; ') },
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Type of a member; what cannot be read, as of a revoked proxy, is missing. */
function typeTag(engine: unknown, name: string): string {
  try {
    return isRecord(engine) ? typeof (engine as Record<string, unknown>)[name] : 'undefined';
  } catch {
    return 'undefined';
  }
}

async function load(name: CryptoEngine['name'], wasm: WasmCryptoOptions): Promise<CryptoEngine> {
  if (name === 'js') return jsCrypto;
  if (name === 'wasm') return wasmCrypto(wasm);
  const { loadTiny } = await import('#tiny');
  return loadTiny();
}

function hintOf(error: unknown): string | undefined {
  const hint = typeof error === 'object' && error !== null && 'hint' in error ? error.hint : undefined;
  return typeof hint === 'string' ? hint : undefined;
}
