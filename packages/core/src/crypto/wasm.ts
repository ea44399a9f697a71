import { loadSecp256k1 } from '@bitcoin-enterprise/secp256k1';
import type { Variant } from '@bitcoin-enterprise/secp256k1';
import type { CryptoEngine } from '../ports/crypto.ts';
import { cryptoArgumentError, requireOptions } from './arguments.ts';

/** How the WebAssembly engine is made. */
export interface WasmCryptoOptions {
  /** A ready module; nothing is read or compiled then. */
  readonly module?: WebAssembly.Module;
  /** Which build to read; `small` by default. */
  readonly variant?: Variant;
  /** 32 bytes that blind signing against side channels. */
  readonly entropy?: Uint8Array;
}

/** Makes the engine on libsecp256k1 as WebAssembly, without making it the current one. */
export async function wasmCrypto(options: WasmCryptoOptions = {}): Promise<CryptoEngine> {
  requireOptions(options);
  return { name: 'wasm', ...(await loadSecp256k1({ ...options, invalidArgument: cryptoArgumentError })) };
}
