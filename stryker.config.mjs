// Mutation tests of the script interpreter: `npm run mutate`. A survivor is a line that no test would miss.
import { resolve } from 'node:path';

// Stryker runs the tests in a copy of the repository, from where ../shared is not beside it.
process.env.BE_VECTORS ??= resolve(import.meta.dirname, '../shared/vectors');

export default {
  packageManager: 'npm',
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner'],
  vitest: { configFile: 'vitest.mutate.config.ts' },
  mutate: ['packages/script/src/interpreter/**/*.ts', 'packages/script/src/sighash/**/*.ts'],
  ignorePatterns: ['bench', 'docs', 'examples', 'coverage', 'out', '**/dist'],
  coverageAnalysis: 'perTest',
  // Tables at module level need all tests for each mutant, most of the time for a few of the mutants.
  ignoreStatic: true,
  concurrency: 2,
  incremental: true,
  incrementalFile: 'reports/stryker-incremental.json',
  reporters: ['clear-text', 'progress', 'json', 'html'],
  jsonReporter: { fileName: 'reports/mutation.json' },
  htmlReporter: { fileName: 'reports/mutation.html' },
  thresholds: { high: 95, low: 85, break: 85 },
};
