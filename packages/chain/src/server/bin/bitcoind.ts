#!/usr/bin/env node
import { loadCrypto } from '@bitcoin-enterprise/core';
import { runBitcoind } from '../bitcoind-main.ts';
import { quietProcess } from './process.ts';

quietProcess();
await loadCrypto();
await runBitcoind({
  args: process.argv.slice(2),
  pid: process.pid,
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
  exit: (code) => process.exit(code),
  onSignal: (stop) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  },
});
