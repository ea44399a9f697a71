// Mutation tests of what guards money: `npm run mutate` of the script interpreter, `BE_MUTATE=descriptors npm run mutate` of
// the satisfier and planner, `BE_MUTATE=wallet npm run mutate` of what is signed and of who may pay. A survivor is a line that no test would miss.
import { resolve } from 'node:path';

// Stryker runs the tests in a copy of the repository, from where ../shared is not beside it.
process.env.BE_VECTORS ??= resolve(import.meta.dirname, '../shared/vectors');

const subjects = {
  script: ['packages/script/src/interpreter/**/*.ts', 'packages/script/src/sighash/**/*.ts'],
  descriptors: ['packages/descriptors/src/plan/**/*.ts'],
  wallet: [
    'packages/wallet/src/psbt/{spend,slots,sign}.ts',
    'packages/wallet/src/control/{approval,evaluate,psbt-payment}.ts',
  ],
};
const subject = process.env.BE_MUTATE ?? 'script';

export default {
  packageManager: 'npm',
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner'],
  vitest: { configFile: 'vitest.mutate.config.ts' },
  mutate: subjects[subject],
  ignorePatterns: ['bench', 'docs', 'examples', 'coverage', 'out', '**/dist'],
  coverageAnalysis: 'perTest',
  // Tables at module level need all tests for each mutant, most of the time for a few of the mutants.
  ignoreStatic: true,
  concurrency: 2,
  incremental: true,
  incrementalFile: `reports/stryker-incremental-${subject}.json`,
  reporters: ['clear-text', 'progress', 'json', 'html'],
  jsonReporter: { fileName: 'reports/mutation.json' },
  htmlReporter: { fileName: 'reports/mutation.html' },
  thresholds: { high: 95, low: 85, break: 85 },
};
