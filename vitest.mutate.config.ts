/** The tests of one package alone, for Stryker: one project, and the package under test is the mutated copy. */
import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';

const root = import.meta.dirname;
const subject = process.env['BE_MUTATE'] ?? 'script';

const tests: Readonly<Record<string, readonly string[]>> = {
  script: ['packages/script/test/**/*.test.ts'],
  descriptors: ['packages/descriptors/test/{satisfier,spends,finish}.test.ts'],
  wallet: [
    'packages/wallet/test/psbt/psbt-{roles,vectors,claims,lies}.test.ts',
    'packages/wallet/test/control/control{,-decisions,-approvers,-attacks}.test.ts',
    'packages/wallet/test/evm/evm-control.test.ts',
    'packages/wallet/test/silent/psbt.test.ts',
  ],
};

export default defineConfig({
  resolve: {
    conditions: ['@bitcoin-enterprise/source', 'module', 'node', 'development|production'],
    // The link in node_modules points to the repository, not to Stryker's copy of it.
    alias: { [`@bitcoin-enterprise/${subject}`]: resolve(root, `packages/${subject}/src/index.ts`) },
  },
  ssr: { resolve: { conditions: ['@bitcoin-enterprise/source', 'module', 'node', 'development|production'] } },
  test: {
    include: [...(tests[subject] ?? [])],
    // Hostile input is about time, not verdicts: it would only make every mutant slow.
    exclude: ['**/node_modules/**', 'packages/script/test/hostile-input.test.ts'],
    setupFiles: [resolve(root, 'scripts/vitest/setup.ts')],
    testTimeout: 120_000,
  },
});
