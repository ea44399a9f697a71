#!/usr/bin/env node
import * as nodeModule from 'node:module';

// Most of a start is reading code: what V8 makes of it is kept for the next one, and so is loaded after this line.
if ('enableCompileCache' in nodeModule) nodeModule.enableCompileCache();
const [{ loadCrypto }, { runCli }, { quietProcess }] = await Promise.all([
  import('@bitcoin-enterprise/core'),
  import('../cli.ts'),
  import('./process.ts'),
]);

quietProcess();
try {
  await loadCrypto();
  await runCli({
    args: process.argv.slice(2),
    out: (text) => void process.stdout.write(text),
    exit: (code) => process.exit(code),
    onSignal: (stop) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
    },
  });
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : 'unknown problem'}\n`);
  process.exit(1);
}
