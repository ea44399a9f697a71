/** From the start of a process to the first mined block, beside what it takes to import the usual libraries. */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { machine } from './harness.ts';
import type { BenchResult, BenchSettings } from './harness.ts';

const built = pathToFileURL(resolve(import.meta.dirname, '../packages/chain/dist/index.js')).href;
const rivals = resolve(import.meta.dirname, 'thirdparty');

const firstBlock = `const t = performance.now();
const { createEmbeddedChain } = await import(${JSON.stringify(built)});
createEmbeddedChain().mine(1);
console.log(performance.now() - t);`;
const importOf = (name: string): string => `const t = performance.now();
await import(${JSON.stringify(name)});
console.log(performance.now() - t);`;

/** Milliseconds that a script prints in a fresh process. */
function timed(script: string): number {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: rivals,
    encoding: 'utf8',
  });
  const time = Number(stdout);
  if (stdout === '' || Number.isNaN(time))
    throw new Error(`no time: run npm run build first (${stderr.slice(0, 500)})`);
  return time;
}

/** Runs all cases. */
export async function runBench({ rounds }: BenchSettings): Promise<readonly BenchResult[]> {
  return ['bitcoinjs-lib', 'bitcore-lib'].map((name) => {
    const pairs = Array.from({ length: rounds }, () => [timed(firstBlock), timed(importOf(name))] as const);
    const ratios = pairs.map(([ours, rival]) => rival / ours);
    return {
      name: `import to first mined block, against the import of ${name} alone`,
      unit: 'ms on the wall',
      ours: median(pairs.map(([ours]) => ours)),
      rival: median(pairs.map(([, rival]) => rival)),
      ratio: median(ratios),
      spread: [Math.min(...ratios), Math.max(...ratios)],
      runs: rounds,
      ...machine(),
    };
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
