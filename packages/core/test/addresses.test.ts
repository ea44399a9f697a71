import {
  decodeAddress,
  decodeWif,
  encodeAddress,
  encodeWif,
  type NetworkName,
  parseHex,
  toHex,
} from '@bitcoin-enterprise/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJsonVectors } from '../../../scripts/testing/vectors.ts';
import { codeOf } from './code-of.ts';

type ValidRow = readonly [
  text: string,
  hex: string,
  facts: {
    readonly chain: NetworkName;
    readonly isPrivkey: boolean;
    readonly isCompressed?: boolean;
    readonly tryCaseFlip?: boolean;
  },
];
const valid = readJsonVectors<readonly ValidRow[]>('bitcoin-core-unit/key_io_valid.json');
const invalid = readJsonVectors<readonly (readonly [string])[]>('bitcoin-core-unit/key_io_invalid.json');

describe.skipIf(valid === undefined)("Core's valid addresses and keys", () => {
  const addresses = (valid ?? []).filter(([, , facts]) => !facts.isPrivkey);
  const keys = (valid ?? []).filter(([, , facts]) => facts.isPrivkey);

  it('come in seventy rows', () => {
    expect([addresses.length, keys.length]).toEqual([54, 16]);
  });

  it.for(addresses)('%s is an address of that script both ways', ([text, hex, facts]) => {
    const decoded = decodeAddress(text, facts.chain);

    expect(toHex(decoded.scriptPubKey)).toBe(hex);
    expect(encodeAddress(decoded.scriptPubKey, facts.chain)).toBe(text);
    if (facts.tryCaseFlip) expect(toHex(decodeAddress(text.toUpperCase()).scriptPubKey)).toBe(hex);
    else expect(codeOf(() => decodeAddress(text.toUpperCase()))).toBe('CORE_ADDRESS_INVALID');
    expect(codeOf(() => decodeWif(text))).toBe('CORE_WIF_INVALID');
  });

  it.for(keys)('a key in wallet import format reads and writes back, row %#', ([text, hex, facts]) => {
    const decoded = decodeWif(text);

    expect(toHex(decoded.secretKey)).toBe(hex);
    expect(decoded.compressed).toBe(facts.isCompressed);
    expect(decoded.networks).toContain(facts.chain);
    expect(encodeWif(decoded.secretKey, { network: facts.chain, compressed: decoded.compressed })).toBe(text);
    expect(codeOf(() => decodeAddress(text))).toBe('CORE_ADDRESS_INVALID');
  });
});

describe.skipIf(invalid === undefined)("Core's invalid addresses and keys", () => {
  it.for(invalid ?? [])('"%s" is neither', ([text]) => {
    expect(codeOf(() => decodeAddress(text))).toBe('CORE_ADDRESS_INVALID');
    expect(codeOf(() => decodeWif(text))).toBe('CORE_WIF_INVALID');
  });
});

describe('an address', () => {
  it('names its type', () => {
    const program = (opcode: string, length: number) =>
      parseHex(`${opcode}${length.toString(16).padStart(2, '0')}${'ab'.repeat(length)}`);
    const types = [program('00', 20), program('00', 32), program('51', 32), parseHex('51024e73'), program('52', 2)].map(
      (script) => decodeAddress(encodeAddress(script, 'main')).type,
    );

    expect(types).toEqual(['p2wpkh', 'p2wsh', 'p2tr', 'p2a', 'witness-unknown']);
  });

  it('of another network is refused with the networks it belongs to', () => {
    const text = encodeAddress(parseHex('51024e73'), 'main');

    expect(() => decodeAddress(text, 'regtest')).toThrowErrorMatchingInlineSnapshot(
      `[CoreError: CORE_ADDRESS_WRONG_NETWORK: expected an address of regtest, got one of main]`,
    );
  });

  it('exists only for scripts that have a form', () => {
    for (const hex of [
      '',
      '6a',
      '76a914',
      '0003abcdef',
      '5100',
      '5129' + '00'.repeat(41),
      '51',
      '0014' + '00'.repeat(21),
    ])
      expect(codeOf(() => encodeAddress(parseHex(hex), 'main'))).toBe('CORE_ADDRESS_NO_FORM');
  });

  it('keeps BIP350: version 0 in Bech32m and version 1 in Bech32 are refused', () => {
    const reasons = [
      'bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd',
      'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh',
    ].map((text) => {
      try {
        return decodeAddress(text);
      } catch (error) {
        return (error as { details: unknown }).details;
      }
    });

    expect(reasons).toEqual([{ reason: 'checksum-variant' }, { reason: 'checksum-variant' }]);
  });

  it('changed in one character is refused', () => {
    const text = encodeAddress(parseHex('5120' + '7a'.repeat(32)), 'main');
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom(...'qpzry9x8gf2tvdw0s3jn54khce6mua7l'), (i, character) => {
        fc.pre(text[i] !== character);
        expect(codeOf(() => decodeAddress(text.slice(0, i) + character + text.slice(i + 1)))).toBe(
          'CORE_ADDRESS_INVALID',
        );
      }),
    );
  });

  it('of anything else is refused with a code, whatever the type', () => {
    fc.assert(
      fc.property(fc.anything(), (junk) => {
        expect(codeOf(() => decodeAddress(junk as string))).toMatch(/^CORE_/);
        expect(codeOf(() => decodeWif(junk as string))).toMatch(/^CORE_/);
        expect(codeOf(() => encodeAddress(junk as Uint8Array, 'main'))).toMatch(/^CORE_/);
        expect(codeOf(() => encodeAddress(new Uint8Array(22), junk as NetworkName))).toMatch(/^CORE_/);
      }),
    );
  });
});

describe('a key in wallet import format', () => {
  it('is a number from 1 to n-1', () => {
    const order = parseHex('fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141');

    expect(codeOf(() => encodeWif(new Uint8Array(32), { network: 'main' }))).toBe('CORE_WIF_INVALID');
    expect(codeOf(() => encodeWif(order, { network: 'main' }))).toBe('CORE_WIF_INVALID');
  });

  it('never shows in an error', () => {
    const text = encodeWif(new Uint8Array(32).fill(7), { network: 'main' });
    for (let i = 0; i < text.length; i++) {
      const broken = text.slice(0, i) + (text[i] === 'z' ? 'y' : 'z') + text.slice(i + 1);
      try {
        decodeWif(broken);
        expect.unreachable();
      } catch (error) {
        expect(JSON.stringify(error) + String(error)).not.toContain(broken.slice(0, 8));
      }
    }
  });
});
