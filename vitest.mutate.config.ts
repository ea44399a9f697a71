/** The tests of the interpreter alone, for Stryker: one project, and the package under test is the mutated copy. */
import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';

const root = import.meta.dirname;

export default defineConfig({
  resolve: {
    conditions: ['@bitcoin-enterprise/source', 'module', 'node', 'development|production'],
    // The link in node_modules points to the repository, not to Stryker's copy of it.
    alias: { '@bitcoin-enterprise/script': resolve(root, 'packages/script/src/index.ts') },
  },
  ssr: { resolve: { conditions: ['@bitcoin-enterprise/source', 'module', 'node', 'development|production'] } },
  test: {
    include: ['packages/script/test/**/*.test.ts'],
    // Hostile input is about time, not verdicts: it would only make every mutant slow.
    exclude: ['**/node_modules/**', 'packages/script/test/hostile-input.test.ts'],
    setupFiles: [resolve(root, 'scripts/vitest/setup.ts')],
    testTimeout: 120_000,
  },
});
