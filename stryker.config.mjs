// Mutation tests of the script interpreter: `npm run mutate`. A survivor is a line that no test would miss.
export default {
  packageManager: 'npm',
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner'],
  vitest: { configFile: 'vitest.config.ts', dir: 'packages/script' },
  mutate: ['packages/script/src/interpreter/**/*.ts', 'packages/script/src/sighash/**/*.ts'],
  ignorePatterns: ['bench', 'docs', 'examples', 'coverage', 'out', '**/dist'],
  coverageAnalysis: 'perTest',
  concurrency: 2,
  incremental: true,
  incrementalFile: 'reports/stryker-incremental.json',
  reporters: ['clear-text', 'progress', 'json', 'html'],
  jsonReporter: { fileName: 'reports/mutation.json' },
  htmlReporter: { fileName: 'reports/mutation.html' },
  thresholds: { high: 95, low: 85, break: 85 },
};
