import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WalletError } from '../../src/errors.ts';
import { fromWire, readAnswer, readRequest, toWire } from '../../src/remote/wire.ts';

const runs = process.env['BE_LONG'] === '1' ? 1_000_000 : 5_000;
const KEY = '0a'.repeat(16);

/** Any JSON, and JSON that is nearly right. */
const nearly = (good: object) =>
  fc.oneof(
    fc.json(),
    fc.string({ unit: 'binary' }),
    fc
      .tuple(fc.constantFrom(...Object.keys(good), '__proto__', 'constructor'), fc.jsonValue())
      .map(([name, value]) => JSON.stringify({ ...good, [name]: value })),
  );

describe('any body', () => {
  it('is a request or a reason', () => {
    const good = { version: 1, key: KEY, sentAt: 1, psbt: '' };
    expect(readRequest(JSON.stringify(good))).toEqual(good);
    fc.assert(
      fc.property(nearly(good), (body) => {
        const read = readRequest(body);
        if (typeof read !== 'string') expect(Object.keys(read)).toEqual(['version', 'key', 'sentAt', 'psbt']);
      }),
      { numRuns: runs },
    );
  });

  it('is an answer or none, and its error one of ours or none', () => {
    const error = { code: 'WALLET_SIGNER_REFUSED', details: { reason: 'x' }, retryable: false };
    expect(readAnswer(JSON.stringify({ version: 1, key: KEY, error }), KEY)).toEqual({ error });
    fc.assert(
      fc.property(nearly({ version: 1, key: KEY, error }), nearly(error), (body, fault) => {
        const read = readAnswer(body, KEY);
        if (read !== undefined && 'error' in read) fromWire(read.error, 'far');
        const parsed = ((): unknown => {
          try {
            return JSON.parse(fault);
          } catch {
            return fault;
          }
        })();
        const made = fromWire(parsed, 'far');
        if (made !== undefined) expect(toWire(made)).toMatchObject({ code: made.code, retryable: made.retryable });
      }),
      { numRuns: runs },
    );
  });

  it('carries texts that are cut, and lists that are bounded', () => {
    const long = new WalletError('WALLET_SIGNER_REFUSED', 'x', { details: { signer: 's', reason: 'y'.repeat(9_999) } });
    expect(String(toWire(long).details['reason'])).toHaveLength(512);
    const many = new WalletError('WALLET_NOT_APPROVED', 'x', {
      details: { reasons: Array.from({ length: 1_001 }, () => 'y') },
    });
    expect(toWire(many)).toMatchObject({ code: 'WALLET_SIGNER_UNAVAILABLE' });
  });
});
