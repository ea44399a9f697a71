/** Builds the Bitcoin Cores that tests run beside, where they are not there yet; ends with 1 when one cannot be built. */
import { buildCore, isBuilt } from './build-core.ts';

for (const version of ['core-31', 'core-30'] as const) {
  process.stdout.write(`${await buildCore(version)}\n`);
  if (!isBuilt(version)) process.exitCode = 1;
}
