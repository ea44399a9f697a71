import { DescriptorsError, invalidArgument } from '../errors.ts';

/** BIP380: the characters of a descriptor, in groups of 32 of which those of one kind are neighbours. */
const INPUT_CHARACTERS =
  '0123456789()[],\'/*abcdefgh@:$%{}IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~ijklmnopqrstuvwxyzABCDEFGH`#"\\ ';
const CHECKSUM_CHARACTERS = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const CHECKSUM_LENGTH = 8;

/** Place of a character by its code; 255 for one that a descriptor has not. */
const PLACES: Uint8Array = /* @__PURE__ */ (() => {
  const places = new Uint8Array(128).fill(255);
  for (let i = 0; i < INPUT_CHARACTERS.length; i++) places[INPUT_CHARACTERS.charCodeAt(i)] = i;
  return places;
})();

/** BIP380: the generator, each coefficient as two halves of 20 bits. */
const GENERATOR_HIGH = [0xf5dee, 0xa9fdc, 0x1bab1, 0x3706b, 0x644d6] as const;
const GENERATOR_LOW = [0x51989, 0xa3312, 0x0e32d, 0x1677a, 0x26ffd] as const;

/** The remainder of 40 bits, as two halves, since numbers have bit operations on 32 bits alone. */
class Remainder {
  high = 0;
  low = 1;

  push(value: number): void {
    const top = this.high >>> 15;
    this.high = ((this.high & 0x7fff) << 5) | (this.low >>> 15);
    this.low = ((this.low & 0x7fff) << 5) ^ value;
    for (let bit = 0; bit < 5; bit++)
      if (((top >>> bit) & 1) !== 0) {
        this.high ^= GENERATOR_HIGH[bit] as number;
        this.low ^= GENERATOR_LOW[bit] as number;
      }
  }
}

/**
 * The checksum of a descriptor (BIP380).
 *
 * @param text - Without `#`.
 * @returns 8 characters.
 * @throws DescriptorsError `DESCRIPTORS_SYNTAX` for a character that no descriptor has, `DESCRIPTORS_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { descriptorChecksum } from '@bitcoin-enterprise/descriptors';
 *
 * descriptorChecksum('raw(deadbeef)'); // => '89f8spxm'
 * ```
 */
export function descriptorChecksum(text: string): string {
  if (typeof text !== 'string') throw invalidArgument('text', 'a string', text);
  const remainder = new Remainder();
  let group = 0;
  let size = 0;
  for (let i = 0; i < text.length; i++) {
    const place = PLACES[text.charCodeAt(i)] ?? 255;
    if (place === 255)
      throw new DescriptorsError('DESCRIPTORS_SYNTAX', `Invalid characters in payload: got one at character ${i}`, {
        details: { position: i, length: 1, expected: 'a character of BIP380', got: 'another' },
      });
    remainder.push(place & 31);
    group = group * 3 + (place >> 5);
    if (++size === 3) {
      remainder.push(group);
      group = 0;
      size = 0;
    }
  }
  if (size > 0) remainder.push(group);
  for (let i = 0; i < CHECKSUM_LENGTH; i++) remainder.push(0);
  remainder.low ^= 1;
  let checksum = '';
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    const half = i < 4 ? remainder.high : remainder.low;
    checksum += CHECKSUM_CHARACTERS.charAt((half >>> (5 * (3 - (i % 4)))) & 31);
  }
  return checksum;
}

/**
 * Takes a checksum off and verifies it.
 *
 * @returns The text before it, and whether there was one.
 * @throws DescriptorsError `DESCRIPTORS_CHECKSUM_INVALID`, `DESCRIPTORS_SYNTAX`.
 */
export function splitChecksum(text: string): { readonly payload: string; readonly hasChecksum: boolean } {
  const hash = text.indexOf('#');
  const payload = hash < 0 ? text : text.slice(0, hash);
  if (hash < 0) {
    descriptorChecksum(payload);
    return { payload, hasChecksum: false };
  }
  const got = text.slice(hash + 1);
  const place = { position: hash + 1, length: got.length };
  const second = got.indexOf('#');
  if (second >= 0)
    throw new DescriptorsError('DESCRIPTORS_SYNTAX', "Multiple '#' symbols", {
      details: { position: hash + 1 + second, length: 1, expected: 'one checksum', got: "'#'" },
    });
  if (got.length !== CHECKSUM_LENGTH)
    throw new DescriptorsError(
      'DESCRIPTORS_CHECKSUM_INVALID',
      `Expected ${CHECKSUM_LENGTH} character checksum, not ${got.length} characters`,
      { details: { ...place, expected: `${CHECKSUM_LENGTH} characters`, got: `${got.length} characters` } },
    );
  const expected = descriptorChecksum(payload);
  if (got !== expected)
    throw new DescriptorsError(
      'DESCRIPTORS_CHECKSUM_INVALID',
      `Provided checksum '${got}' does not match computed checksum '${expected}'`,
      { details: { ...place, expected, got }, hint: 'a character of the descriptor or of the checksum is wrong' },
    );
  return { payload, hasChecksum: true };
}
