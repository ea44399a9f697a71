import { currentCrypto } from '@bitcoin-enterprise/core';
import { TokenError } from './protocol.ts';

/** BIP32: from here on a step is hardened. */
const HARDENED = 0x8000_0000;

/**
 * The secret key at the end of a path below a master key (BIP32, CKDpriv); all that lies between is wiped. Not by
 * `ExtendedKey`, whose memory cannot be.
 *
 * @param master - 64 bytes, secret key and chain code.
 */
export function secretAt(master: Uint8Array, path: readonly number[]): Uint8Array {
  const crypto = currentCrypto();
  let secret: Uint8Array = master.slice(0, 32);
  let chainCode: Uint8Array = master.slice(32);
  for (const step of path) {
    const data = new Uint8Array(37);
    if (step >= HARDENED) data.set(secret, 1);
    else data.set(publicKeyOf(secret));
    new DataView(data.buffer).setUint32(33, step);
    const digest = crypto.hmacSha512(chainCode, data);
    const child = crypto.secretKeyTweakAdd(secret, digest.subarray(0, 32));
    for (const done of [secret, chainCode, data]) done.fill(0);
    if (child === undefined) throw new TokenError({ kind: 'key-unknown', key: 'a step without a key' });
    secret = child;
    chainCode = digest.slice(32);
    digest.fill(0);
  }
  chainCode.fill(0);
  return secret;
}

/** 33 bytes. */
export function publicKeyOf(secret: Uint8Array): Uint8Array {
  const publicKey = currentCrypto().publicKey(secret);
  if (publicKey === undefined) throw new TokenError({ kind: 'answer', reason: 'a secret that is no key' });
  return publicKey;
}

/** Signs with a secret that is in memory for this moment. */
export function signWith(
  secret: Uint8Array,
  wanted: {
    readonly scheme: 'ecdsa' | 'schnorr';
    readonly digest: Uint8Array;
    readonly tweak?: Uint8Array;
    /** Whether the key was named by its x coordinate alone. */
    readonly isXOnly: boolean;
    /** 32 bytes. */
    readonly random: Uint8Array;
  },
): Uint8Array {
  const crypto = currentCrypto();
  const { scheme, digest, tweak, isXOnly, random } = wanted;
  if (scheme === 'ecdsa') return present(crypto.ecdsaSign(digest, secret));
  if (tweak === undefined) return present(crypto.schnorrSign(digest, secret, random));
  // A key of 32 bytes stands for the one with an even y (BIP341); one of 33 is tweaked as it is (BIP352).
  const isOdd = isXOnly && publicKeyOf(secret)[0] === 3;
  const even = isOdd ? present(crypto.secretKeyNegate(secret)) : new Uint8Array(secret);
  const tweaked = crypto.secretKeyTweakAdd(even, tweak);
  even.fill(0);
  if (tweaked === undefined) throw new TokenError({ kind: 'answer', reason: 'a tweak that leaves no key' });
  try {
    return present(crypto.schnorrSign(digest, tweaked, random));
  } finally {
    tweaked.fill(0);
  }
}

/** Order of the curve halved: a higher S is replaced by its negative (BIP62, BIP146). */
const HALF_ORDER: Uint8Array = /* @__PURE__ */ Uint8Array.from([
  0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x5d, 0x57, 0x6e,
  0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
]);

/** The same signature with the lower of its two S, which is all that the network relays; a token gives either. */
export function withLowS(signature: Uint8Array): Uint8Array {
  const s = signature.subarray(32);
  const differs = s.findIndex((byte, place) => byte !== HALF_ORDER[place]);
  if (differs < 0 || (s[differs] as number) < (HALF_ORDER[differs] as number)) return signature;
  const low = new Uint8Array(signature);
  low.set(present(currentCrypto().secretKeyNegate(s)), 32);
  return low;
}

function present(bytes: Uint8Array | undefined): Uint8Array {
  if (bytes === undefined) throw new TokenError({ kind: 'answer', reason: 'a number that is none of the curve' });
  return bytes;
}
