import {
  SuiteError,
  decodeAddress,
  decodeBase58,
  decodeBase58Check,
  decodeBech32,
  decodeWif,
  displayHash,
  encodeAddress,
  encodeBase58,
  encodeBase58Check,
  encodeBech32,
  encodeWif,
  parseBitcoin,
  parseDisplayHash,
  parseHex,
  parseSatoshis,
  readCompactSize,
  toHex,
  toWords,
} from '@bitcoin-enterprise/core';
import { expect, it } from 'vitest';
import { Random } from '../../../scripts/testing/random.ts';

const rounds = process.env['BE_LONG'] === '1' ? 1_000_000 : 10_000;
const seed = Number(process.env['BE_SEED'] ?? 20_261_120);

const textParsers: readonly ((text: string) => unknown)[] = [
  decodeAddress,
  (text) => decodeAddress(text, 'main'),
  decodeBase58,
  decodeBase58Check,
  decodeBech32,
  decodeWif,
  parseHex,
  parseDisplayHash,
  parseBitcoin,
  parseSatoshis,
];

/** Texts that their parsers accept: what mutations start from. */
function corpus(random: Random): string[] {
  const hash = random.bytes(20);
  const key = random.bytes(32);
  const script = (...head: number[]): Uint8Array => Uint8Array.from([...head, ...(head.at(-1) === 20 ? hash : key)]);
  return [
    encodeAddress(script(0, 20), 'main'),
    encodeAddress(script(0, 32), 'regtest'),
    encodeAddress(script(0x51, 32), 'test'),
    encodeAddress(Uint8Array.from([0xa9, 20, ...hash, 0x87]), 'main'),
    encodeAddress(Uint8Array.from([0x76, 0xa9, 20, ...hash, 0x88, 0xac]), 'regtest'),
    encodeWif(key, { network: 'main' }),
    encodeBase58(random.bytes(40)),
    encodeBase58Check(random.bytes(21)),
    encodeBech32({ variant: 'bech32m', prefix: 'prefix', words: toWords(random.bytes(10)) }),
    toHex(random.bytes(16)),
    displayHash(key),
    '12345.67800000',
    '0.1',
    '2100000000000000',
  ];
}

const alphabet = ' 0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ.,-+\u0000\u00e9\u{1f600}';

function mutate(random: Random, text: string): string {
  const characters = [...text];
  for (let changes = random.below(4); changes > 0; changes--) {
    const at = random.below(characters.length + 1);
    characters.splice(at, random.below(2), random.pick([...alphabet]));
  }
  const mutated = characters.join('');
  return random.chance(0.05) ? mutated.toUpperCase() : random.chance(0.1) ? mutated.slice(random.below(9)) : mutated;
}

function outcomeOf(parse: () => unknown): string {
  try {
    parse();
    return 'ok';
  } catch (error) {
    if (error instanceof SuiteError) return error.code;
    throw error;
  }
}

it(`random and mutated texts never make a parser throw anything but a coded error (seed ${seed})`, () => {
  const random = new Random(seed);
  const sources = corpus(random);
  const outcomes = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    const text = random.chance(0.2)
      ? Array.from({ length: random.below(60) }, () => random.pick([...alphabet])).join('')
      : mutate(random, random.pick(sources));
    for (const parse of textParsers) outcomes.add(outcomeOf(() => parse(text)));
    outcomes.add(outcomeOf(() => readCompactSize(random.bytes(random.below(10)), 0)));
  }

  expect([...outcomes].filter((outcome) => outcome !== 'ok' && !outcome.startsWith('CORE_'))).toEqual([]);
  expect(outcomes.size).toBeGreaterThan(8);
});

it('texts of absurd length are refused without reading them all', () => {
  for (const parse of textParsers)
    for (const character of ['1', 'a', 'z', ' ']) {
      const start = performance.now();
      const short = outcomeOf(() => parse(character.repeat(100_000)));
      const shortTime = performance.now() - start;
      const again = performance.now();
      outcomeOf(() => parse(character.repeat(1_600_000)));
      // Sixteen times the text may take sixteen times as long, not 256 times.
      expect(performance.now() - again).toBeLessThan(80 * Math.max(shortTime, 1));
      expect(short).toMatch(/^(ok|CORE_)/);
    }
});
