// Loads every export of every built package on the Node that runs this file. Plain JavaScript: the oldest Node that
// the packages promise does not read TypeScript.
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';

const folders = new URL('../packages/', import.meta.url);
let failed = 0;
for (const folder of readdirSync(folders)) {
  const manifest = JSON.parse(readFileSync(new URL(`${folder}/package.json`, folders), 'utf8'));
  for (const [subpath, target] of Object.entries(manifest.exports)) {
    // Importing a .wasm file is still an experiment of Node's; the packages read theirs in another way.
    if (typeof target !== 'object' || subpath.endsWith('.wasm')) continue;
    const name = manifest.name + subpath.slice(1);
    try {
      const loaded = await import(createRequire(import.meta.url).resolve(name));
      console.log(`${name}: ${Object.keys(loaded).length} exports`);
    } catch (error) {
      failed += 1;
      console.error(name, error);
    }
  }
}

// An export that loads may still fail when used: derive a key on the best engine there is.
const { loadCrypto } = await import(createRequire(import.meta.url).resolve('@bitcoin-enterprise/core'));
const { engine, name } = await loadCrypto();
const key = engine.publicKey(new Uint8Array(32).fill(1));
if (key?.length !== 33) failed += 1;
console.log(`the engine ${name} derives a key of ${key?.length} bytes`);
console.log(`Node ${process.version}: ${failed === 0 ? 'all exports load' : `${failed} exports do not load`}`);
process.exitCode = failed === 0 ? 0 : 1;
