/**
 * `npm test`: everything that CI needs, in one command. `npm test -- lint knip` runs only the steps named,
 * `npm test -- --all` goes on after a failure.
 *
 * Each step is one line with its time; the first that fails ends the run with its output. Vitest comes last, and the
 * counts of its tests are the last line.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { listPackages, repository } from './packages.ts';
import { run } from './nodes/run.ts';
import { writeFences } from './docs/fences.ts';

interface Step {
  readonly name: string;
  readonly title: string;
  /** File below `node_modules`, or a script of this repository, run with this Node. */
  readonly command: readonly [file: string, ...args: string[]];
  /** Says so and goes on when it fails outside of CI. */
  readonly optional?: boolean;
  /** Takes many minutes the first time: only done in CI, or when it is asked for by name. */
  readonly slow?: boolean;
}

const tsc = 'node_modules/typescript7/bin/tsc';
const steps: readonly Step[] = [
  { name: 'wasm', title: 'WebAssembly of secp256k1', command: ['scripts/wasm/build.ts'], optional: true },
  { name: 'build', title: 'build', command: [tsc, '-b'] },
  { name: 'types', title: 'types of sources, tests, scripts', command: [tsc, '-p', 'tsconfig.check.json'] },
  { name: 'fences', title: 'types of documentation fences', command: [tsc, '-p', 'out/fences/tsconfig.json'] },
  { name: 'lint', title: 'lint', command: ['node_modules/oxlint/bin/oxlint', '--type-aware'] },
  {
    name: 'knip',
    title: 'unused and undeclared dependencies',
    command: ['node_modules/knip/bin/knip.js', '--no-config-hints'],
  },
  {
    name: 'layers',
    title: 'layers',
    command: [
      'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs',
      '--config',
      '.dependency-cruiser.mjs',
      ...listPackages().map(({ folder }) => `packages/${folder}/src`),
    ],
  },
  { name: 'api', title: 'public API against api/', command: ['scripts/api.ts', '--check'] },
  {
    name: 'docs',
    title: 'documentation of every export',
    command: ['node_modules/typedoc/bin/typedoc', '--emit', 'none'],
  },
  { name: 'publish', title: 'packages as published', command: ['scripts/publish-check.ts'] },
  { name: 'size', title: 'size of each root export', command: ['node_modules/size-limit/bin.js'] },
  {
    name: 'core',
    title: 'Bitcoin Core, built from its published source',
    command: ['scripts/functional/build.ts'],
    slow: true,
  },
];

const goOn = process.argv.includes('--all');
const wanted = process.argv.slice(2).filter((argument) => argument !== '--all');
const unknown = wanted.filter((name) => name !== 'vitest' && !steps.some((step) => step.name === name));
if (unknown.length > 0) {
  const names = [...steps.map(({ name }) => name), 'vitest'].join(' ');
  process.stderr.write(`no step ${unknown.join(' ')}; there are: ${names}\n`);
  process.exit(2);
}

const began = performance.now();
for (const step of steps) {
  const asked = wanted.length === 0 ? step.slow !== true || process.env['CI'] === 'true' : wanted.includes(step.name);
  if (asked) await runStep(step);
}
if (wanted.length === 0 || wanted.includes('vitest')) await runVitest();

async function runStep(step: Step): Promise<void> {
  const { name, title, command, optional = false } = step;
  const [file, ...args] = command;
  if (name === 'fences') writeFences();
  const start = performance.now();
  process.stdout.write(`${title} … `);
  const ended = existsSync(join(repository, file))
    ? await run(process.execPath, [file, ...args], { cwd: repository })
    : { code: 127, stdout: '', stderr: `${file} is missing\n` };
  const took = seconds(start);
  if (ended.code === 0) return void process.stdout.write(`ok (${took})\n`);
  const output = `${ended.stdout}${ended.stderr}`.trimEnd();
  if (optional && process.env['CI'] !== 'true')
    return void process.stdout.write(`not available, going on without (${took}): ${output.split('\n').at(-1)}\n`);
  process.stdout.write(`FAILED (${took})\n\n${output}\n\n${title} failed: npm test -- ${name}\n`);
  if (!goOn) process.exit(1);
  process.exitCode = 1;
}

async function runVitest(): Promise<void> {
  process.stdout.write(`tests (${seconds(began)} so far)\n`);
  const report = join(repository, 'out/test.json');
  rmSync(report, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const child = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...reporters], {
    cwd: repository,
    stdio: 'inherit',
  });
  const code = await new Promise<number>((done) => {
    child.on('exit', (status) => done(status ?? 1));
  });
  if (code !== 0) process.exitCode = code;
  sayOutcome(report);
}

/** Closes with the counts in plain words; in CI a skipped test is a failure, because nothing may be absent there. */
function sayOutcome(report: string): void {
  const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, 'utf8')) as Record<
    'numPassedTests' | 'numFailedTests' | 'numPendingTests',
    number
  >;
  if (process.env['CI'] === 'true' && numPendingTests > 0) {
    process.stdout.write(`${numPendingTests} tests were skipped, which CI=true forbids\n`);
    process.exitCode ||= 1;
  }
  process.stdout.write(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped\n`);
}

function seconds(start: number): string {
  return `${((performance.now() - start) / 1_000).toFixed(1)} s`;
}
