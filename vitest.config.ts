import { existsSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { writeFences } from './scripts/docs/fences.ts';

const root = import.meta.dirname;
const long = process.env['BE_LONG'] === '1';
// Tests run from source: the condition that every package exports first.
const conditions = ['@bitcoin-enterprise/source'];
const seconds = 1_000;

// Against a server that nobody installs for us: part of a run only when it is named.
const optIn = process.env['BE_ELECTRUMX'] === undefined ? ['**/electrum-real.test.ts'] : [];

function project(
  name: string,
  include: readonly string[],
  options: { readonly isolate?: boolean } = {},
): TestProjectInlineConfiguration {
  return {
    resolve: { conditions: [...conditions, 'module', 'node', 'development|production'] },
    ssr: { resolve: { conditions: [...conditions, 'module', 'node', 'development|production'] } },
    test: {
      name,
      include: [...include],
      exclude: ['**/node_modules/**', '**/dist/**', 'bench/thirdparty/**', ...optIn],
      environment: 'node',
      ...options,
      setupFiles: [resolve(root, 'scripts/vitest/setup.ts')],
      testTimeout: long ? 3_600 * seconds : 60 * seconds,
      hookTimeout: 180 * seconds,
      execArgv: ['--conditions=@bitcoin-enterprise/source', '--disable-warning=ExperimentalWarning'],
    },
  };
}

const packages = readdirSync(resolve(root, 'packages')).filter((name) =>
  existsSync(resolve(root, 'packages', name, 'package.json')),
);

writeFences();

export default defineConfig({
  test: {
    pool: 'forks',
    // Node tests start real nodes and the interpreter suites are all CPU: more workers than cores only cost memory.
    maxWorkers: 2,
    projects: [
      ...packages.map((name) => project(name, [`packages/${name}/test/**/*.test.ts`])),
      // One worker for all fences: each is a file of a few lines, a process of its own would cost more than it runs.
      project('docs', ['out/fences/**/*.test.ts'], { isolate: false }),
      project('examples', ['examples/*/test/**/*.test.ts', 'examples/*/src/**/*.test.ts']),
      project('tools', ['scripts/**/*.test.ts']),
    ],
    coverage: { provider: 'v8', include: ['packages/*/src/**'] },
  },
});
