/** Runs in every test worker before the tests: property tests are the same every time unless `BE_SEED` says otherwise. */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['BE_SEED'] ?? 20_261_120) });
