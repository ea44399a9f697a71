/**
 * `npm run test:long`: every suite with `BE_LONG=1`, which widens the random ones, and its outcome as evidence in
 * docs/evidence: one JSON for each run, with the commit, the machine and the counts. Arguments go to vitest.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { run } from './nodes/run.ts';
import { repository } from './packages.ts';

const evidence = join(repository, 'docs/evidence');
const report = join(repository, 'out/test-long.json');
mkdirSync(evidence, { recursive: true });
mkdirSync(join(repository, 'out'), { recursive: true });

const began = new Date();
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
const ended = spawnSync(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...process.argv.slice(2)],
  {
    cwd: repository,
    stdio: 'inherit',
    env: { ...process.env, BE_LONG: '1' },
  },
);

interface Report {
  readonly numTotalTests: number;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: ReadonlyArray<{ readonly name: string; readonly startTime: number; readonly endTime: number }>;
}

const outcome = JSON.parse(readFileSync(report, 'utf8')) as Report;
const commit = await run('git', ['rev-parse', 'HEAD'], { cwd: repository });
const summary = {
  began: began.toISOString(),
  minutes: Number(((Date.now() - began.getTime()) / 60_000).toFixed(1)),
  commit: commit.stdout.trim(),
  node: process.version,
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  arguments: process.argv.slice(2),
  seed: process.env['BE_SEED'] ?? 'default',
  tests: outcome.numTotalTests,
  passed: outcome.numPassedTests,
  failed: outcome.numFailedTests,
  skipped: outcome.numPendingTests,
  slowest: outcome.testResults
    .map(({ name, startTime, endTime }) => ({
      file: name.replace(`${repository}/`, ''),
      seconds: Math.round((endTime - startTime) / 1_000),
    }))
    .toSorted((a, b) => b.seconds - a.seconds)
    .slice(0, 10),
};
const name = `test-long-${began.toISOString().slice(0, 16).replace(':', '')}.json`;
writeFileSync(join(evidence, name), `${JSON.stringify(summary, undefined, 2)}\n`);
process.stdout.write(`evidence: docs/evidence/${name}\n`);
process.exitCode = ended.status ?? 1;
