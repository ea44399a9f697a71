import {
  compareBytes,
  compactSizeLength,
  concatBytes,
  decodeBase58,
  decodeBase58Check,
  decodeBech32,
  displayHash,
  encodeBase58,
  encodeBase58Check,
  encodeBech32,
  encodeCompactSize,
  equalBytes,
  fromWords,
  hasCode,
  parseDisplayHash,
  parseHex,
  readCompactSize,
  reverseBytes,
  toHex,
  toWords,
} from '@bitcoin-enterprise/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJsonVectors } from '../../../scripts/testing/vectors.ts';
import { codeOf } from './code-of.ts';

const base58 = readJsonVectors<readonly (readonly [hex: string, text: string])[]>(
  'bitcoin-core-unit/base58_encode_decode.json',
);
const bytes = (maxLength = 100) => fc.uint8Array({ maxLength });

describe('bytes', () => {
  it('are joined, reversed and compared by content', () => {
    fc.assert(
      fc.property(bytes(), bytes(), (a, b) => {
        expect([...concatBytes(a, b)]).toEqual([...a, ...b]);
        expect([...reverseBytes(a)]).toEqual([...a].reverse());
        expect(equalBytes(a, b)).toBe(toHex(a) === toHex(b));
        expect(Math.sign(compareBytes(a, b))).toBe(toHex(a) === toHex(b) ? 0 : toHex(a) < toHex(b) ? -1 : 1);
      }),
    );
  });

  it('of another type are refused', () => {
    expect(() => concatBytes('ab' as unknown as Uint8Array)).toThrowErrorMatchingInlineSnapshot(
      `[CoreError: CORE_INVALID_ARGUMENT: expected part to be a Uint8Array, got string of 2 characters]`,
    );
  });
});

describe('hexadecimal', () => {
  it('reads what it writes, in both cases', () => {
    fc.assert(
      fc.property(bytes(), (data) => {
        expect(parseHex(toHex(data))).toEqual(data);
        expect(parseHex(toHex(data).toUpperCase())).toEqual(data);
        expect(toHex(data)).toBe(Buffer.from(data).toString('hex'));
      }),
    );
  });

  it('names the first character that is no digit', () => {
    for (const [text, position] of [
      ['0g', 1],
      ['g0', 0],
      ['00 0', 2],
      ['00ÿ0', 2],
      ['0x12', 1],
    ] as const) {
      try {
        parseHex(text);
        expect.unreachable();
      } catch (error) {
        expect(hasCode(error, 'CORE_HEX_INVALID') && error.details).toEqual({ reason: 'digit', position });
      }
    }
    expect(codeOf(() => parseHex('abc'))).toBe('CORE_HEX_INVALID');
  });

  it('shows a hash reversed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (hash) => {
        expect(displayHash(hash)).toBe(toHex(reverseBytes(hash)));
        expect(parseDisplayHash(displayHash(hash))).toEqual(hash);
      }),
    );
    expect(codeOf(() => parseDisplayHash('00'))).toBe('CORE_HEX_INVALID');
    expect(codeOf(() => displayHash(new Uint8Array(31)))).toBe('CORE_INVALID_ARGUMENT');
  });
});

describe('a compact size', () => {
  it('reads what it writes, at any offset', () => {
    fc.assert(
      fc.property(fc.oneof(fc.nat(0x1_0010), fc.maxSafeNat()), bytes(5), (value, before) => {
        const data = concatBytes(before, encodeCompactSize(value));

        expect(readCompactSize(data, before.length, { maximum: Number.MAX_SAFE_INTEGER })).toEqual({
          value,
          size: compactSizeLength(value),
        });
      }),
    );
  });

  it.for([
    ['', 'truncated'],
    ['fd', 'truncated'],
    ['fdff', 'truncated'],
    ['fe000000', 'truncated'],
    ['ff00000000000000', 'truncated'],
    ['fdfc00', 'non-canonical'],
    ['feffff0000', 'non-canonical'],
    ['ffffffffff00000000', 'non-canonical'],
    ['fe01000002', 'too-large'],
    ['ffffffffffffffffff', 'too-large'],
  ] as const)('%s is %s', ([hex, reason]) => {
    try {
      readCompactSize(parseHex(hex), 0);
      expect.unreachable();
    } catch (error) {
      expect(hasCode(error, 'CORE_COMPACT_SIZE_INVALID') && error.details).toEqual({ reason, offset: 0 });
    }
  });

  it('goes up to 32 MiB, as in Core', () => {
    expect(readCompactSize(parseHex('fe00000002'), 0).value).toBe(0x0200_0000);
  });

  it('is never negative or broken', () => {
    for (const value of [-1, 0.5, Number.NaN, 2 ** 53, '1' as unknown as number])
      expect(codeOf(() => encodeCompactSize(value))).toMatch(/^CORE_(UNIT_OUT_OF_RANGE|INVALID_ARGUMENT)$/);
  });
});

describe('Base58', () => {
  it.skipIf(base58 === undefined)("passes Core's vectors both ways", () => {
    expect(base58).toHaveLength(21);
    for (const [hex, text] of base58 ?? []) {
      expect(encodeBase58(parseHex(hex))).toBe(text);
      expect(toHex(decodeBase58(text))).toBe(hex.toLowerCase());
    }
  });

  it('reads what it writes, with and without checksum', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(5), (data, zeros) => {
        const padded = concatBytes(new Uint8Array(zeros), data);

        expect(decodeBase58(encodeBase58(padded))).toEqual(padded);
        expect(decodeBase58Check(encodeBase58Check(padded))).toEqual(padded);
      }),
    );
  });

  it('notices a changed character by the checksum', () => {
    const text = encodeBase58Check(new Uint8Array(21).fill(9));
    for (let i = 0; i < text.length; i++)
      expect(
        codeOf(() => decodeBase58Check(text.slice(0, i) + (text[i] === 'a' ? 'b' : 'a') + text.slice(i + 1))),
      ).toBe('CORE_BASE58_INVALID');
  });

  it('refuses what cannot be, and does not work on absurd lengths', () => {
    for (const text of ['0', 'O', 'I', 'l', ' 1', '1 ', 'é', 'z'.repeat(1_400), '1'.repeat(10_000_000)])
      expect(codeOf(() => decodeBase58(text))).toBe('CORE_BASE58_INVALID');
    expect(decodeBase58('z'.repeat(1_399)).length).toBeLessThanOrEqual(1_025);
    expect(codeOf(() => encodeBase58(new Uint8Array(1_025)))).toBe('CORE_BASE58_INVALID');
    expect(codeOf(() => decodeBase58Check('1'))).toBe('CORE_BASE58_INVALID');
  });
});

describe('Bech32', () => {
  it.for([
    ['A12UEL5L', 'bech32'],
    ['an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs', 'bech32'],
    ['?1ezyfcl', 'bech32'],
    ['A1LQFN3A', 'bech32m'],
    ['an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7hg6', 'bech32m'],
    ['11llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllludsr8', 'bech32m'],
    ['?1v759aa', 'bech32m'],
  ] as const)('%s of BIP173 and BIP350 is %s', ([text, variant]) => {
    const decoded = decodeBech32(text);

    expect(decoded.variant).toBe(variant);
    expect(encodeBech32(decoded)).toBe(text.toLowerCase());
  });

  it.for([
    ['\x201nwldj5', 'character'],
    ['\x7f1axkwrx', 'character'],
    ['an84characterslonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1569pvx', 'length'],
    ['pzry9x0s0muk', 'separator'],
    ['1pzry9x0s0muk', 'separator'],
    ['x1b4n0q5v', 'character'],
    ['li1dgmt3', 'separator'],
    ['A1G7SGD8', 'checksum'],
    ['a1LQFN3A', 'mixed-case'],
    ['M1VUXWEZ', 'checksum'],
  ] as const)('%s is refused for its %s', ([text, reason]) => {
    try {
      decodeBech32(text);
      expect.unreachable();
    } catch (error) {
      expect(hasCode(error, 'CORE_BECH32_INVALID') && error.details.reason).toBe(reason);
    }
  });

  it('reads what it writes', () => {
    const prefix = fc.stringMatching(/^[a-z0-9!-@]{1,20}$/);
    fc.assert(
      fc.property(prefix, bytes(35), fc.constantFrom('bech32' as const, 'bech32m' as const), (hrp, data, variant) => {
        const decoded = decodeBech32(encodeBech32({ prefix: hrp, words: toWords(data), variant }));

        expect(decoded.prefix).toBe(hrp);
        expect(decoded.variant).toBe(variant);
        expect(fromWords(decoded.words)).toEqual(data);
      }),
    );
  });

  it('refuses padding of five bits or of ones', () => {
    expect(codeOf(() => fromWords(Uint8Array.of(31, 28, 0)))).toBe('CORE_BECH32_INVALID');
    expect(codeOf(() => fromWords(Uint8Array.of(31, 29)))).toBe('CORE_BECH32_INVALID');
    expect(codeOf(() => fromWords(Uint8Array.of(32)))).toBe('CORE_BECH32_INVALID');
  });
});

it('every codec answers junk with a code', () => {
  fc.assert(
    fc.property(fc.anything(), (junk) => {
      for (const call of [
        parseHex,
        toHex,
        displayHash,
        parseDisplayHash,
        decodeBase58Check,
        encodeBase58,
        toWords,
        fromWords,
        decodeBech32,
      ])
        expect(codeOf(() => (call as (value: unknown) => unknown)(junk))).toMatch(/^CORE_|^no error$/);
    }),
  );
});
