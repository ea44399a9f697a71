import { currentCrypto, loadCrypto } from '@bitcoin-enterprise/core';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { SecretBytes } from '../../src/keys/index.ts';
import { createSilentOutputs, silentAddressOf, silentInputs, SilentScanner } from '../../src/silent/index.ts';

const key = (n: number): Uint8Array => new Uint8Array(32).fill(n);
const publicKey = (n: number): Uint8Array => currentCrypto().publicKey(key(n)) as Uint8Array;

beforeAll(async () => {
  await loadCrypto();
});

describe('a transaction with many outputs in the worst order', () => {
  it.for([
    ['without label', []],
    ['to one label', [700]],
    ['to three labels', [1, 500, 1_000]],
    ['to labels and without', [undefined, 7, 8]],
  ] as const)('is scanned in few additions of points: %s', ([, labels]) => {
    const keys = { scanKey: new SecretBytes(key(1)), spendPublicKey: publicKey(2) };
    const coin = {
      previousTxid: key(9),
      previousIndex: 0,
      scriptPubKey: Uint8Array.of(0, 20, ...currentCrypto().hash160(publicKey(3))),
    };
    const recipients = Array.from({ length: 150 }, (_, n) => {
      const label = labels[n % labels.length];
      return silentAddressOf(keys, { network: 'regtest', ...(label === undefined ? {} : { label }) });
    });
    const outputs = createSilentOutputs({ inputs: [{ ...coin, secretKey: new SecretBytes(key(3)) }], recipients });
    const signed = { ...coin, scriptSig: new Uint8Array(), witness: [new Uint8Array(64), publicKey(3)] };
    const tweak = silentInputs([signed])?.tweak as Uint8Array;
    const scanner = new SilentScanner(keys, { labels: Array.from({ length: 1_000 }, (_, n) => n + 1) });
    const outputKeys = outputs.map(({ outputKey }) => outputKey).toReversed();
    const adding = vi.spyOn(currentCrypto(), 'publicKeyCombine');
    const found = scanner.scanTweak({ tweak, outputKeys });
    const additions = adding.mock.calls.length;
    adding.mockRestore();

    expect(found.map(({ output }) => output)).toStrictEqual(outputKeys.map((_, n) => n).toReversed());
    expect(found.map(({ label }) => label)).toStrictEqual(outputKeys.map((_, n) => labels[n % labels.length]));
    // Each label is looked for once among all outputs, and from then on is tried first.
    expect(additions).toBeLessThan(150 * 5 + labels.length * 2 * 150 + 10);
  });
});
