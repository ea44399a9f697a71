/**
 * Published test vectors, read from `../shared/vectors` beside the repository (or the folder `BE_VECTORS` names).
 *
 * Absent: a test says so and is skipped; absent with `CI=true`: it fails.
 */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';

const root = process.env['BE_VECTORS'] ?? resolve(import.meta.dirname, '../../../shared/vectors');
const mustExist = process.env['CI'] === 'true';

/**
 * The bytes of one file of vectors; a name that ends in `.gz` is decompressed.
 *
 * @param path - Path below the vectors folder, for example `bips/bip-0340/test-vectors.csv`.
 * @returns The bytes, or `undefined` when the file is absent and this is not CI.
 * @throws Error when the file is absent and `CI=true`.
 *
 * @example Skip a test without its vectors
 * ```ts no-run
 * const vectors = readJsonVectors<{ cases: string[] }>('bips/bip-0341/wallet-test-vectors.json');
 *
 * it.skipIf(vectors === undefined)('matches BIP341', () => {});
 * ```
 */
export function readVectors(path: string): Uint8Array | undefined {
  const file = resolve(root, path);
  if (!existsSync(file)) {
    if (mustExist) throw new Error(`test vectors missing: ${path}; CI needs ../shared/vectors or BE_VECTORS`);
    console.warn(`test vectors missing: ${path}; tests that need it are skipped (set BE_VECTORS to their folder)`);
    return undefined;
  }
  const bytes = readFileSync(file);
  return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

/** The text of one file of vectors, as {@link readVectors} finds it. */
export function readTextVectors(path: string): string | undefined {
  const bytes = readVectors(path);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

/** The parsed JSON of one file of vectors (`.json` or `.json.gz`), as {@link readVectors} finds it. */
export function readJsonVectors<Shape>(path: string): Shape | undefined {
  const text = readTextVectors(path);
  return text === undefined ? undefined : (JSON.parse(text) as Shape);
}
