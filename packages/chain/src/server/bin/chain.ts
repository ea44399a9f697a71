#!/usr/bin/env node
import { loadCrypto } from '@bitcoin-enterprise/core';
import { runCli } from '../cli.ts';
import { quietProcess } from './process.ts';

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
