import { decodeAddress, displayHash, loadCrypto, toHex } from '@bitcoin-enterprise/core';
import { transactionId } from '@bitcoin-enterprise/script';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readJsonVectors } from '../../../../scripts/testing/vectors.ts';
import { messageHash, messageToSign, messageToSpend, verifyMessage } from '../../src/messages/index.ts';

interface Basic {
  readonly tx_hashes: readonly {
    readonly message: string;
    readonly address: string;
    readonly message_hash: string;
    readonly to_spend_tx_hash: string;
    readonly to_sign_tx_hash: string;
  }[];
  readonly simple: readonly {
    readonly message: string;
    readonly address: string;
    readonly bip322_signatures: readonly string[];
  }[];
  readonly error: readonly {
    readonly description: string;
    readonly message: string;
    readonly address: string;
    readonly signature: string;
  }[];
}

/**
 * The generated set of BIP322, one signature a line: format, message, address, signature, a message and an address that it is
 * not for. It is no part of the usual run, on no machine, so that nothing is skipped where it is not: who has a copy in the
 * cache runs it beside.
 */
const cached = resolve(homedir(), '.cache/bitcoin-enterprise/bip-0322/generated.txt');
const generated = existsSync(cached)
  ? readFileSync(cached, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split('|') as [string, string, string, string, string, string])
  : [];

const basic = readJsonVectors<Basic>('bips/bip-0322/basic-test-vectors.json');

beforeAll(async () => {
  await loadCrypto();
});

describe.skipIf(basic === undefined)('the basic vectors of BIP322', () => {
  const { tx_hashes = [], simple = [], error = [] } = basic ?? {};

  it('are 3, 4 and 8', () => expect([tx_hashes.length, simple.length, error.length]).toStrictEqual([3, 4, 8]));

  it.for(tx_hashes)('have the transactions of “$message”', (row) => {
    const toSpend = messageToSpend(row.message, decodeAddress(row.address).scriptPubKey);

    expect(toHex(messageHash(row.message))).toBe(row.message_hash);
    expect(displayHash(transactionId(toSpend))).toBe(row.to_spend_tx_hash);
    expect(displayHash(transactionId(messageToSign(toSpend)))).toBe(row.to_sign_tx_hash);
  });

  it.for(simple)('verify the signatures of “$message”', ({ message, address, bip322_signatures }) => {
    for (const signature of bip322_signatures)
      expect(verifyMessage({ message, address, signature })).toMatchObject({
        state: 'valid',
        format: 'simple',
        lockTime: 0,
        sequence: 0,
      });
  });

  it.for(error)('refuse: $description', ({ message, address, signature }) => {
    expect(verifyMessage({ message, address, signature })).toMatchObject({ state: 'invalid' });
  });
});

// No `skipIf`: without a copy they are no part of the run, and count as nothing.
if (generated.length > 0)
  describe('the generated vectors of BIP322', () => {
    it.for(generated)('verify %s %s of %s', ([format, message, address, signature]) => {
      const times =
        format === 'full'
          ? { lockTime: 2016, sequence: 2016 }
          : format === 'pof'
            ? { lockTime: 123, sequence: 456 }
            : {};

      expect(verifyMessage({ message, address, signature })).toMatchObject({ state: 'valid', ...times });
    });

    it.for(generated)('refuse %s %s of %s for anything else', ([, message, address, signature, other, nobody]) => {
      const elsewhere = nobody === '' ? 'bc1q9vza2e8x573nczrlzms0wvx3gsqjx7vavgkx0l' : nobody;

      expect(verifyMessage({ message: other, address, signature }).state).toBe('invalid');
      expect(verifyMessage({ message, address: elsewhere, signature }).state).toBe('invalid');
    });

    it.for(generated)('refuse %s %s of %s with any byte changed', ([, message, address, signature]) => {
      for (let at = 3; at < signature.length - 4; at += 37) {
        const other = signature[at] === 'A' ? 'B' : 'A';
        const changed = signature.slice(0, at) + other + signature.slice(at + 1);
        const { state } = verifyMessage({ message, address, signature: changed });
        expect(['invalid', 'inconclusive']).toContain(state);
      }
    });
  });
