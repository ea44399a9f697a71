/**
 * Runs one benchmark and writes `bench/results/<name>.json`.
 *
 *     npm run bench -- secp256k1 [--rounds 9] [--check]
 *
 * `--check` ends with 1 when a promised ratio is missed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { table } from '../bench/harness.ts';
import type { BenchResult, BenchSettings } from '../bench/harness.ts';

const folder = resolve(import.meta.dirname, '../bench');
const condition = '--conditions=@bitcoin-enterprise/source';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '9' }, check: { type: 'boolean', default: false } },
});
const [name = ''] = positionals;
const file = resolve(folder, `${name}.ts`);
if (!/^[a-z0-9-]+$/.test(name) || name === 'harness' || !existsSync(file)) {
  const known = readdirSync(folder).filter((entry) => entry.endsWith('.ts') && entry !== 'harness.ts');
  console.error(
    `usage: npm run bench -- <name> [--rounds 9] [--check]; known: ${known.map((entry) => entry.slice(0, -3)).join(', ')}`,
  );
  process.exit(2);
}

if (process.execArgv.includes(condition)) {
  const { runBench } = (await import(pathToFileURL(file).href)) as {
    runBench(settings: BenchSettings): Promise<readonly BenchResult[]>;
  };
  const results = await runBench({ rounds: Number(values.rounds) });
  mkdirSync(resolve(folder, 'results'), { recursive: true });
  writeFileSync(resolve(folder, 'results', `${name}.json`), `${JSON.stringify(results, undefined, 2)}\n`);
  console.log(table(results));
  const missed = results.filter(({ ratio, promised }) => promised !== undefined && ratio < promised);
  if (values.check && missed.length > 0) process.exitCode = 1;
} else {
  // The rivals are no dependencies of the repository: they come with a lock file of their own, once.
  const rivals = resolve(folder, 'thirdparty');
  if (!existsSync(resolve(rivals, 'node_modules'))) spawnSync('npm', ['ci'], { cwd: rivals, stdio: 'inherit' });
  // Packages are measured from source, as the tests run them; that takes a condition only a new process can set.
  const args = [condition, '--disable-warning=ExperimentalWarning', import.meta.filename, ...process.argv.slice(2)];
  process.exitCode = spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
}
