import type { Arguments } from './arguments.ts';
import { sizeOf } from './bytes.ts';
import type { Exports } from './exports.ts';
import type { Memory } from './memory.ts';

/** One term of a multi-scalar multiplication. */
export interface ScalarTerm {
  /** 32 bytes, 0 to n-1. */
  readonly scalar: Uint8Array;
  /** A public key: 33 or 65 bytes. 65 spare a square root. */
  readonly point: Uint8Array;
}

/** Multi-scalar multiplication. */
export interface Multiplication {
  /**
   * Sum of `scalar*point` over many terms, compressed, in one go and in variable time: for public data only.
   *
   * @returns `undefined` at infinity, so also of no terms; and also when a scalar is n or more, or a point is none. Who
   * asks whether a sum vanishes must add a known point and compare.
   */
  multiScalarMultiply(terms: readonly ScalarTerm[]): Uint8Array | undefined;
}

const TERM = 98;
// Parts of this size keep the memory below that of a full batch.
const MAX_TERMS = 2048;

/** Binds multi-scalar multiplication to an instance. */
export function bindMultiplication(exports: Exports, memory: Memory, check: Arguments): Multiplication {
  /** Reads a term once, so that what is checked is what is copied. */
  function readTerm(term: ScalarTerm, index: number): ScalarTerm {
    if (typeof term !== 'object' || term === null) return check.reject(`terms[${index}]`, 'a term', term);
    let read: ScalarTerm;
    try {
      read = { scalar: term.scalar, point: term.point };
    } catch {
      return check.reject(`terms[${index}]`, 'a term', term);
    }
    check.sized(read.scalar, 32, `terms[${index}].scalar`);
    check.point(read.point, `terms[${index}].point`);
    return read;
  }

  return {
    multiScalarMultiply(given) {
      check.list(given, 'terms');
      const terms: ScalarTerm[] = [];
      // Indexed, not map: a hole in the array is a wrong value too.
      for (let i = 0; i < given.length; i++) terms.push(readTerm(given[i] as ScalarTerm, i));

      for (let from = 0; from < terms.length; from += MAX_TERMS) {
        const count = Math.min(MAX_TERMS, terms.length - from);
        const work = (count * TERM + 63) & ~63;
        memory.reserve(work + exports.multiply_memory(count));
        const { bytes, arena } = memory;
        for (let i = 0, at = arena; i < count; i++, at += TERM) {
          const { scalar, point } = terms[from + i] as ScalarTerm;
          bytes.set(scalar, at);
          bytes[at + 32] = sizeOf(point);
          bytes.set(point, at + 33);
        }
        const isLast = from + count === terms.length;
        const length = exports.multiply(arena, count, from === 0 ? 1 : 0, isLast ? 1 : 0, arena + work);
        if (length < 0) return undefined;
        if (isLast && length > 0) return memory.read(memory.slot[1], length);
      }
      return undefined;
    },
  };
}
