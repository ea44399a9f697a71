import type { Arguments } from './arguments.ts';
import { sizeOf } from './bytes.ts';
import type { Exports } from './exports.ts';
import type { Memory } from './memory.ts';

/** Hash functions; every result is a fresh array. */
export interface Hashes {
  /** SHA-256, 32 bytes. */
  sha256(data: Uint8Array): Uint8Array;
  /** SHA-256 applied twice, 32 bytes. */
  hash256(data: Uint8Array): Uint8Array;
  /** SHA-1, 20 bytes. */
  sha1(data: Uint8Array): Uint8Array;
  /** RIPEMD-160, 20 bytes. */
  ripemd160(data: Uint8Array): Uint8Array;
  /** RIPEMD-160 of SHA-256, 20 bytes. */
  hash160(data: Uint8Array): Uint8Array;
  /** SHA-512, 64 bytes. */
  sha512(data: Uint8Array): Uint8Array;
  /** HMAC with SHA-256, 32 bytes. */
  hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** HMAC with SHA-512, 64 bytes. */
  hmacSha512(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** BIP340 tagged hash, 32 bytes; the midstates of the last 64 tags are kept. */
  taggedHash(tag: string, data: Uint8Array): Uint8Array;
  /** SHA-256d of each 64-byte block, concatenated: one level of a Merkle tree. A length that is no multiple of 64 throws. */
  hash256Pairs(pairs: Uint8Array): Uint8Array;
  /** SHA-256 of consecutive messages of `length` bytes each, digests concatenated; four run at once. */
  sha256Many(messages: Uint8Array, length: number): Uint8Array;
  /** SHA-256d of consecutive messages of `length` bytes each, digests concatenated; four run at once. */
  hash256Many(messages: Uint8Array, length: number): Uint8Array;
}

const TAGS = 64;
const CHUNK = 1 << 20;

/** Binds the hash functions to an instance. */
export function bindHashes(exports: Exports, memory: Memory, check: Arguments): Hashes {
  const result = memory.slot[0];
  const tags = new Map<string, number>();
  const tagNames: string[] = [];
  let nextTag = 0;

  function sha256Long(data: Uint8Array): void {
    exports.sha256_begin();
    for (let at = 0; at < sizeOf(data); at += CHUNK) {
      const chunk = data.subarray(at, at + CHUNK);
      check.bytes(chunk, 'data');
      exports.sha256_write(memory.put(chunk), sizeOf(chunk));
    }
    exports.sha256_end();
  }

  function tagIndex(tag: string): number {
    const known = tags.get(tag);
    if (known !== undefined) return known;
    const index = nextTag;
    nextTag = (nextTag + 1) % TAGS;
    const evicted = tagNames[index];
    if (evicted !== undefined) tags.delete(evicted);
    const bytes = new TextEncoder().encode(tag);
    exports.tag_set(index, memory.put(bytes), bytes.length);
    tagNames[index] = tag;
    tags.set(tag, index);
    return index;
  }

  function many(messages: Uint8Array, length: number, twice: number): Uint8Array {
    check.bytes(messages, 'messages');
    if (!Number.isSafeInteger(length) || length < 1) check.reject('length', 'a whole number from 1', length);
    if (sizeOf(messages) % length !== 0) check.reject('messages', `a multiple of ${length} bytes`, messages);
    const count = sizeOf(messages) / length;
    const output = (sizeOf(messages) + 15) & ~15;
    memory.reserve(output + 32 * count);
    exports.sha256_many(memory.put(messages), length, count, memory.arena + output, twice);
    return memory.read(memory.arena + output, 32 * count);
  }

  return {
    sha256(data) {
      check.bytes(data, 'data');
      if (sizeOf(data) > CHUNK) sha256Long(data);
      else exports.sha256(memory.put(data), sizeOf(data));
      return memory.read(result, 32);
    },
    hash256(data) {
      check.bytes(data, 'data');
      if (sizeOf(data) > CHUNK) {
        sha256Long(data);
        exports.sha256(result, 32);
      } else exports.hash256(memory.put(data), sizeOf(data));
      return memory.read(result, 32);
    },
    sha1(data) {
      check.bytes(data, 'data');
      exports.sha1(memory.put(data), sizeOf(data));
      return memory.read(result, 20);
    },
    ripemd160(data) {
      check.bytes(data, 'data');
      exports.ripemd160(memory.put(data), sizeOf(data));
      return memory.read(result, 20);
    },
    hash160(data) {
      check.bytes(data, 'data');
      exports.hash160(memory.put(data), sizeOf(data));
      return memory.read(result, 20);
    },
    sha512(data) {
      check.bytes(data, 'data');
      exports.sha512(memory.put(data), sizeOf(data));
      return memory.read(result, 64);
    },
    hmacSha256(key, data) {
      check.bytes(key, 'key');
      check.bytes(data, 'data');
      memory.reserve(sizeOf(key) + sizeOf(data));
      const at = memory.put(key);
      exports.hmac_sha256(at, sizeOf(key), memory.put(data, sizeOf(key)), sizeOf(data));
      memory.bytes.fill(0, at, at + sizeOf(key) + sizeOf(data));
      return memory.readSecret(result, 32);
    },
    hmacSha512(key, data) {
      check.bytes(key, 'key');
      check.bytes(data, 'data');
      memory.reserve(sizeOf(key) + sizeOf(data));
      const at = memory.put(key);
      exports.hmac_sha512(at, sizeOf(key), memory.put(data, sizeOf(key)), sizeOf(data));
      memory.bytes.fill(0, at, at + sizeOf(key) + sizeOf(data));
      return memory.readSecret(result, 64);
    },
    taggedHash(tag, data) {
      if (typeof tag !== 'string') check.reject('tag', 'a string', tag);
      check.bytes(data, 'data');
      const index = tagIndex(tag);
      exports.tagged_hash(index, memory.put(data), sizeOf(data));
      return memory.read(result, 32);
    },
    hash256Pairs(pairs) {
      check.bytes(pairs, 'pairs');
      if (sizeOf(pairs) % 64 !== 0) check.reject('pairs', 'a multiple of 64 bytes', pairs);
      const at = memory.put(pairs);
      exports.hash256_pairs(at, sizeOf(pairs) / 64, at);
      return memory.read(at, sizeOf(pairs) / 2);
    },
    sha256Many: (messages, length) => many(messages, length, 0),
    hash256Many: (messages, length) => many(messages, length, 1),
  };
}
