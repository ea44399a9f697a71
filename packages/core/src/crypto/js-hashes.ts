import { hmac } from '@noble/hashes/hmac.js';
import { ripemd160, sha1 } from '@noble/hashes/legacy.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import type { CryptoEngine } from '../ports/crypto.ts';
import { requireBytes, requirePairs, requireText } from './arguments.ts';

type HashName =
  | 'sha256'
  | 'hash256'
  | 'sha1'
  | 'ripemd160'
  | 'hash160'
  | 'sha512'
  | 'hmacSha256'
  | 'hmacSha512'
  | 'taggedHash'
  | 'hash256Pairs';

/** The hash half of an engine, in JavaScript: for the engines that have no hashes of their own. */
export const jsHashes: Pick<CryptoEngine, HashName> = /* @__PURE__ */ Object.freeze<Pick<CryptoEngine, HashName>>({
  sha256(data) {
    requireBytes('data', data);
    return sha256(data);
  },
  hash256(data) {
    requireBytes('data', data);
    return sha256(sha256(data));
  },
  sha1(data) {
    requireBytes('data', data);
    return sha1(data);
  },
  ripemd160(data) {
    requireBytes('data', data);
    return ripemd160(data);
  },
  hash160(data) {
    requireBytes('data', data);
    return ripemd160(sha256(data));
  },
  sha512(data) {
    requireBytes('data', data);
    return sha512(data);
  },
  hmacSha256(key, data) {
    requireBytes('key', key);
    requireBytes('data', data);
    return hmac(sha256, key, data);
  },
  hmacSha512(key, data) {
    requireBytes('key', key);
    requireBytes('data', data);
    return hmac(sha512, key, data);
  },
  taggedHash(tag, data) {
    requireText('tag', tag);
    requireBytes('data', data);
    const tagHash = sha256(new TextEncoder().encode(tag));
    return sha256.create().update(tagHash).update(tagHash).update(data).digest();
  },
  hash256Pairs(pairs) {
    requirePairs('pairs', pairs);
    const out = new Uint8Array(pairs.length / 2);
    for (let at = 0; at < pairs.length; at += 64) out.set(sha256(sha256(pairs.subarray(at, at + 64))), at / 2);
    return out;
  },
});
