import * as core from '@bitcoin-enterprise/core';
import { expect, it } from 'vitest';
import { codeOf } from './code-of.ts';

const junk: readonly unknown[] = [
  undefined,
  null,
  true,
  -1,
  0.5,
  Number.NaN,
  2 ** 60,
  -5n,
  10n ** 40n,
  '',
  'x'.repeat(5_000),
  Symbol('x'),
  {},
  { toString: null, valueOf: null },
  [],
  [null],
  () => 1,
  new Uint8Array(0),
  new Uint8Array(5_000),
  new Proxy({}, {}),
];

/** Engines have tests of their own; the others make and read errors, and are given names that a developer has written. */
const elsewhere = new Set([
  'assertBytes',
  'assertObject',
  'describeValue',
  'hasCode',
  'installCrypto',
  'invalidArgument',
  'loadCrypto',
]);

const functions = Object.entries(core).filter(
  (entry): entry is [string, (...args: unknown[]) => unknown] =>
    typeof entry[1] === 'function' && /^[a-z]/.test(entry[0]) && !elsewhere.has(entry[0]),
);

it.for(functions)('%s answers any arguments with a result or a code', ([, call]) => {
  for (const first of junk)
    for (const second of junk) expect(codeOf(() => call(first, second))).toMatch(/^(no error|CORE_[A-Z0-9_]+)$/);
});
