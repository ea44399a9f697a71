import { jsCrypto, wasmCrypto } from '@bitcoin-enterprise/core';
import type { CryptoEngine } from '@bitcoin-enterprise/core';
import { loadTiny } from '../src/crypto/tiny.ts';

/** The engines under test; without a built module the WebAssembly one is left out, in CI that fails. */
export async function engines(): Promise<ReadonlyMap<string, CryptoEngine>> {
  const all = new Map<string, CryptoEngine>([
    ['tiny', await loadTiny()],
    ['js', jsCrypto],
  ]);
  for (const variant of ['small', 'large'] as const) {
    try {
      all.set(`wasm, ${variant}`, await wasmCrypto({ variant }));
    } catch (error) {
      if (process.env['CI'] === 'true') throw error;
      console.warn(`wasm engine not tested: ${String(error)}`);
    }
  }
  return all;
}
