import { currentCrypto } from '@bitcoin-enterprise/core';

/** BIP39: a word carries 11 bits. */
const WORD_BITS = 11;

/** Places of words for entropy with its checksum behind it, one bit for each four bytes (BIP39). */
export function placesOfEntropy(entropy: Uint8Array): number[] {
  const bytes = new Uint8Array(entropy.length + 1);
  bytes.set(entropy);
  bytes[entropy.length] = currentCrypto().sha256(entropy)[0] as number;
  const count = (entropy.length * 3) / 4;
  const places = Array.from({ length: count }, (_, word) => {
    let place = 0;
    for (let bit = word * WORD_BITS; bit < (word + 1) * WORD_BITS; bit++)
      place = (place << 1) | (((bytes[bit >> 3] as number) >> (7 - (bit & 7))) & 1);
    return place;
  });
  bytes.fill(0);
  return places;
}

/** Entropy of places of words; `undefined` when the checksum does not fit. */
export function entropyOfPlaces(places: readonly number[]): Uint8Array | undefined {
  const length = (places.length * 4) / 3;
  const bytes = new Uint8Array(length + 1);
  let bit = 0;
  for (const place of places)
    for (let i = WORD_BITS - 1; i >= 0; i--, bit++)
      bytes[bit >> 3] = (bytes[bit >> 3] as number) | (((place >> i) & 1) << (7 - (bit & 7)));
  const entropy = bytes.slice(0, length);
  const checksumBits = length / 4;
  const expected = (currentCrypto().sha256(entropy)[0] as number) >> (8 - checksumBits);
  const isRight = (bytes[length] as number) >> (8 - checksumBits) === expected;
  bytes.fill(0);
  if (isRight) return entropy;
  entropy.fill(0);
  return undefined;
}
