import { inspect } from 'node:util';
import { loadCrypto, parseHex, toHex } from '@bitcoin-enterprise/core';
import { createSeededEntropy } from '@bitcoin-enterprise/core/testing';
import * as oracle from '@scure/bip39';
import { wordlist as english } from '@scure/bip39/wordlists/english.js';
import { wordlist as japanese } from '@scure/bip39/wordlists/japanese.js';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  generateMnemonic,
  languagesOfMnemonic,
  MNEMONIC_LANGUAGES,
  mnemonicFromEntropy,
  type MnemonicLength,
  readMnemonic,
} from '../../src/keys/index.ts';

beforeAll(async () => {
  await loadCrypto();
});

/** Of the vectors of BIP39: entropy, words, seed with the passphrase TREZOR. */
const VECTORS: readonly (readonly [string, string, string])[] = [
  [
    '00000000000000000000000000000000',
    'abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about',
    'c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e53495531f09a6987599d18264c1e1c92f2cf141630c7a3c4ab7c81b2f001698e7463b04',
  ],
  [
    '7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f',
    'legal winner thank year wave sausage worth useful legal winner thank yellow',
    '2e8905819b8723fe2c1d161860e5ee1830318dbf49a83bd451cfb8440c28bd6fa457fe1296106559a3c80937a1c1069be3a3a5bd381ee6260e8d9739fce1f607',
  ],
  [
    '80808080808080808080808080808080',
    'letter advice cage absurd amount doctor acoustic avoid letter advice cage above',
    'd71de856f81a8acc65e6fc851a38d4d7ec216fd0796d0a6827a3ad6ed5511a30fa280f12eb2e47ed2ac03b5c462a0358d18d69fe4f985ec81778c1b370b652a8',
  ],
  [
    'ffffffffffffffffffffffffffffffff',
    'zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo wrong',
    'ac27495480225222079d7be181583751e86f571027b0497b5b5d11218e0a8a13332572917f0f8e5a589620c6f15b11c61dee327651a14c34e18231052e48c069',
  ],
  [
    'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
    'zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo vote',
    'dd48c104698c30cfe2b6142103248622fb7bb0ff692eebb00089b32d22484e1613912f0a5b694407be899ffd31ed3992c456cdf60f5d4564b8ba3f05a69890ad',
  ],
];

describe('the vectors of BIP39', () => {
  it.for(VECTORS)('%s', async ([entropy, words, seed]) => {
    const read = await readMnemonic(words);

    expect(read.entropy().use(toHex)).toBe(entropy);
    expect((await mnemonicFromEntropy(parseHex(entropy))).words().join(' ')).toBe(words);
    expect((await read.seed({ passphrase: 'TREZOR' })).use(toHex)).toBe(seed);
  });
});

describe('mnemonics agree with @scure/bip39', () => {
  it('for any entropy and passphrase, in any language, both ways', async () => {
    const lengths = fc.constantFrom(16, 20, 24, 28, 32);
    const entropies = lengths.chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
    await fc.assert(
      fc.asyncProperty(
        entropies,
        fc.constantFrom(...MNEMONIC_LANGUAGES),
        fc.string({ unit: 'grapheme', maxLength: 12 }),
        async (entropy, language, passphrase) => {
          const { wordlist } = (await import(`@scure/bip39/wordlists/${language}.js`)) as { wordlist: string[] };
          const expected = oracle.entropyToMnemonic(entropy, wordlist);
          const mnemonic = await mnemonicFromEntropy(entropy, { language });

          expect(mnemonic.words().join(' ')).toBe(expected.normalize('NFKD'));
          const read = await readMnemonic(expected, { language });
          expect(read.entropy().use((bytes) => new Uint8Array(bytes))).toEqual(entropy);
          expect((await read.seed({ passphrase })).use(toHex)).toBe(
            toHex(oracle.mnemonicToSeedSync(expected, passphrase)),
          );
          expect(await languagesOfMnemonic(expected)).toContain(language);
        },
      ),
      { numRuns: process.env['BE_LONG'] === '1' ? 2_000 : 40 },
    );
  });

  it('about which words are a mnemonic', async () => {
    const word = fc.nat({ max: 2_047 }).map((place) => english[place] as string);
    const texts = fc.constantFrom(12, 15, 18, 21, 24).chain((n) => fc.array(word, { minLength: n, maxLength: n }));
    await fc.assert(
      fc.asyncProperty(texts, async (words) => {
        const text = words.join(' ');
        const isValid = await readMnemonic(text).then(
          () => true,
          () => false,
        );
        expect(isValid).toBe(oracle.validateMnemonic(text, english));
      }),
      { numRuns: 2_000 },
    );
  });

  it('reads Japanese words with their ideographic space, in composed form', async () => {
    const text = oracle.entropyToMnemonic(new Uint8Array(32).fill(9), japanese).normalize('NFC');
    expect(text).toContain('\u3000');
    const seed = await (
      await readMnemonic(text, { language: 'japanese' })
    ).seed({ passphrase: '㍍ガバヴァぱばぐゞちぢ十人十色' });
    expect(seed.use(toHex)).toBe(toHex(oracle.mnemonicToSeedSync(text, '㍍ガバヴァぱばぐゞちぢ十人十色')));
  });
});

describe('generating', () => {
  it.for([12, 15, 18, 21, 24] as const)('makes %i words of the entropy it is given', async (words) => {
    const mnemonic = await generateMnemonic({ words, entropy: createSeededEntropy('m') });

    expect(mnemonic.length).toBe(words satisfies MnemonicLength);
    expect(mnemonic.entropy().use(toHex)).toBe(toHex(createSeededEntropy('m').bytes((words * 4) / 3)));
    expect(oracle.validateMnemonic(mnemonic.words().join(' '), english)).toBe(true);
  });

  it('never makes the same twice', async () => {
    const seen = new Set<string>();
    for (let i = 0; i < 50; i++) seen.add((await generateMnemonic()).words().join(' '));
    expect(seen.size).toBe(50);
  });

  it('does not go on with a source that gives too little', async () => {
    const entropy = { bytes: () => new Uint8Array(3) };
    await expect(generateMnemonic({ entropy })).rejects.toMatchObject({ code: 'WALLET_INVALID_ARGUMENT' });
  });
});

describe('what is no mnemonic', () => {
  const good = 'legal winner thank year wave sausage worth useful legal winner thank yellow';

  it('is named by its first wrong word, and not repeated', async () => {
    const error: unknown = await readMnemonic(good.replace('sausage', 'hotdogcanary')).catch(
      (caught: unknown) => caught,
    );

    expect(error).toMatchObject({ code: 'WALLET_MNEMONIC_INVALID', details: { reason: 'word', position: 5 } });
    expect(inspect(error, { depth: 9 })).not.toMatch(/canary|legal|winner/);
  });

  it('has a wrong number of words, or a wrong checksum', async () => {
    await expect(readMnemonic('')).rejects.toMatchObject({ details: { reason: 'length' } });
    await expect(readMnemonic(`${good} yellow`)).rejects.toMatchObject({ details: { reason: 'length' } });
    await expect(readMnemonic('zoo '.repeat(10_000))).rejects.toMatchObject({ details: { reason: 'length' } });
    await expect(readMnemonic(good.replace('yellow', 'year'))).rejects.toMatchObject({
      details: { reason: 'checksum' },
    });
  });

  it('does not mind case and space', async () => {
    expect((await readMnemonic(`  ${good.toUpperCase().replaceAll(' ', '\n ')} `)).words().join(' ')).toBe(good);
  });

  it('of another type or language is an argument error', async () => {
    for (const call of [
      () => readMnemonic(7 as never),
      () => readMnemonic(good, { language: 'klingon' as never }),
      () => readMnemonic(good, { language: '__proto__' as never }),
      () => readMnemonic(good, null as never),
      () => mnemonicFromEntropy(new Uint8Array(17)),
      () => mnemonicFromEntropy('00' as never),
      () => generateMnemonic({ words: 13 as never }),
      async () => (await readMnemonic(good)).seed({ passphrase: '\ud800' }),
    ])
      await expect(call()).rejects.toMatchObject({ code: 'WALLET_INVALID_ARGUMENT' });
  });
});

describe('a mnemonic', () => {
  it('shows itself to nobody', async () => {
    const mnemonic = await readMnemonic(VECTORS[1]?.[1] ?? '');
    const shown = [inspect(mnemonic, { depth: 9, showHidden: true }), JSON.stringify({ mnemonic }), String(mnemonic)];
    for (const text of shown) expect(text).not.toMatch(/legal|127|7f7f/);
    expect(shown[1]).toBe('{"mnemonic":"[mnemonic]"}');
  });

  it('has no words once it is wiped', async () => {
    const mnemonic = await generateMnemonic();
    mnemonic.wipe();
    expect(() => mnemonic.words()).toThrow('WALLET_SECRET_WIPED');
    await expect(mnemonic.seed()).rejects.toMatchObject({ code: 'WALLET_SECRET_WIPED' });
  });
});
