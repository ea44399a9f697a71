import { sizeOf } from './bytes.ts';
import { Secp256k1Error } from './errors.ts';
import type { Exports } from './exports.ts';

/**
 * The module's memory as the wrapper uses it: eight slots of 128 bytes for arguments of known length, and an arena
 * for the rest. Growth detaches every view, so the views are read from here at each use.
 */
export interface Memory {
  /** All bytes. */
  bytes: Uint8Array;
  /** All bytes as 32-bit words. */
  words: Uint32Array;
  /** Addresses of the slots. */
  readonly slot: readonly [number, number, number, number];
  /** Where the arena begins, aligned to 64. */
  readonly arena: number;
  /** Makes sure the arena holds `size` bytes. */
  reserve(size: number): void;
  /** Copies bytes to the begin of the arena, or `offset` bytes behind it, and says where they are. */
  put(data: Uint8Array, offset?: number): number;
  /** A copy of bytes. */
  read(address: number, length: number): Uint8Array;
  /** A copy of bytes that are then erased. */
  readSecret(address: number, length: number): Uint8Array;
}

const PAGE = 65_536;

/** Sizes the memory up front, so that ordinary calls never grow it. */
export function openMemory(exports: Exports): Memory {
  const { memory } = exports;
  const first = exports.slots();
  const state: Memory = {
    bytes: new Uint8Array(memory.buffer),
    words: new Uint32Array(memory.buffer),
    slot: [first, first + 128, first + 256, first + 384],
    arena: exports.arena(),
    reserve(size) {
      const missing = state.arena + size - state.bytes.length;
      if (missing <= 0) return;
      try {
        memory.grow(Math.ceil(missing / PAGE));
      } catch (cause) {
        throw new Secp256k1Error('SECP256K1_OUT_OF_MEMORY', `cannot hold an input of ${size} bytes`, {
          details: { bytes: size },
          hint: 'hash or verify in smaller pieces',
          cause,
        });
      }
      state.bytes = new Uint8Array(memory.buffer);
      state.words = new Uint32Array(memory.buffer);
    },
    put(data, offset = 0) {
      state.reserve(offset + sizeOf(data));
      state.bytes.set(data, state.arena + offset);
      return state.arena + offset;
    },
    read: (address, length) => state.bytes.slice(address, address + length),
    readSecret(address, length) {
      const copy = state.bytes.slice(address, address + length);
      state.bytes.fill(0, address, address + length);
      return copy;
    },
  };
  state.reserve(4 * PAGE);
  return state;
}
