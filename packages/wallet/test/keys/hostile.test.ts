import { hasCode, loadCrypto } from '@bitcoin-enterprise/core';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  languagesOfMnemonic,
  MNEMONIC_LANGUAGES,
  openEthereumKeystore,
  readDerivationPath,
  readExtendedKey,
  readMnemonic,
} from '../../src/keys/index.ts';

const runs = process.env['BE_LONG'] === '1' ? 1_000_000 : 3_000;
const XPRV =
  'xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi';
const WORDS = 'legal winner thank year wave sausage worth useful legal winner thank yellow';

beforeAll(async () => {
  await loadCrypto();
});

/** A text with some of its characters replaced, dropped or doubled. */
const spoilt = (text: string) =>
  fc
    .array(fc.tuple(fc.nat({ max: text.length }), fc.nat({ max: 3 }), fc.string({ unit: 'binary', maxLength: 3 })), {
      minLength: 1,
      maxLength: 4,
    })
    .map((edits) => edits.reduce((was, [at, cut, put]) => was.slice(0, at) + put + was.slice(at + cut), text));

describe('any text', () => {
  it('is an extended key or WALLET_EXTENDED_KEY_INVALID', () => {
    fc.assert(
      fc.property(fc.oneof(spoilt(XPRV), fc.string({ unit: 'binary', maxLength: 120 })), (text) => {
        try {
          expect(readExtendedKey(text).prefix).toMatch(/^[xyzYZtuvUV](?:pub|prv)$/);
        } catch (error) {
          expect(hasCode(error, 'WALLET_EXTENDED_KEY_INVALID')).toBe(true);
        }
      }),
      { numRuns: runs },
    );
  });

  it('is a mnemonic or WALLET_MNEMONIC_INVALID, in every language', async () => {
    const word = fc.oneof(fc.constantFrom(...wordlist.slice(0, 4)), fc.string({ unit: 'binary', maxLength: 4 }));
    const texts = fc.oneof(
      spoilt(WORDS),
      fc.array(word, { maxLength: 26 }).map((words) => words.join(' ')),
      fc.string({ unit: 'binary', maxLength: 200 }),
    );
    await fc.assert(
      fc.asyncProperty(texts, fc.constantFrom(...MNEMONIC_LANGUAGES), async (text, language) => {
        try {
          expect((await readMnemonic(text, { language })).language).toBe(language);
        } catch (error) {
          expect(hasCode(error, 'WALLET_MNEMONIC_INVALID')).toBe(true);
        }
      }),
      { numRuns: runs },
    );
    expect(await languagesOfMnemonic('')).toEqual([]);
  });

  it('is a path or WALLET_PATH_INVALID', () => {
    fc.assert(
      fc.property(fc.oneof(spoilt("m/84'/0h/0H/1/2147483647"), fc.string({ unit: 'binary' })), (text) => {
        try {
          expect(readDerivationPath(text).every((step) => step >>> 0 === step)).toBe(true);
        } catch (error) {
          expect(hasCode(error, 'WALLET_PATH_INVALID')).toBe(true);
        }
      }),
      { numRuns: runs },
    );
  });

  it('is no Ethereum keystore, and says so with a code', async () => {
    const good = JSON.stringify({
      version: 3,
      crypto: {
        cipher: 'aes-128-ctr',
        cipherparams: { iv: '00'.repeat(16) },
        ciphertext: '00'.repeat(32),
        kdf: 'pbkdf2',
        kdfparams: { c: 1, dklen: 32, prf: 'hmac-sha256', salt: '00' },
        mac: '00'.repeat(32),
      },
    });
    await fc.assert(
      fc.asyncProperty(fc.oneof(spoilt(good), fc.json(), fc.string({ unit: 'binary' })), async (text) => {
        const error: unknown = await openEthereumKeystore(text, { password: 'x' }).catch((caught: unknown) => caught);
        expect(hasCode(error, 'WALLET_KEYSTORE_INVALID', 'WALLET_KEYSTORE_LOCKED')).toBe(true);
      }),
      { numRuns: Math.min(runs, 20_000) },
    );
  });
});
