import { isBytes, sizeOf } from '../codecs/is-bytes.ts';
import type { BatchItem } from '../ports/crypto.ts';

/** One place for checks that a thread and its owner share: whose turn it is, an answer, and room. */
export interface Slot {
  /**
   * {@link Turn}, how many checks failed, how many microseconds they took, the number of the share that lies there, and
   * of the one that was answered.
   */
  readonly words: Int32Array;
  /** Indices of failed checks. */
  readonly failed: Int32Array;
  readonly room: Uint8Array;
}

/** Whose turn it is, in the first shared word. */
export const Turn = { OWNER: 0, WORKER: 1, FAILED: 2 } as const;

/** Checks that one slot holds at most. */
export const MAXIMUM_CHECKS = 16_384;
/** Places a thread works off in turn: while it is at one, its owner fills the other. */
const SLOTS = 2;
const HEAD_BYTES = 32;
const CHECK_BYTES = 256;
const SLOT_BYTES = HEAD_BYTES + 4 * MAXIMUM_CHECKS + MAXIMUM_CHECKS * CHECK_BYTES;

/** Memory for one thread. */
export function shareMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(SLOTS * SLOT_BYTES);
}

/** The views of both sides on their memory. */
export function slotsIn(memory: SharedArrayBuffer): readonly Slot[] {
  return Array.from({ length: SLOTS }, (_, index) => {
    const start = index * SLOT_BYTES;
    return {
      words: new Int32Array(memory, start, 5),
      failed: new Int32Array(memory, start + HEAD_BYTES, MAXIMUM_CHECKS),
      room: new Uint8Array(memory, start + HEAD_BYTES + 4 * MAXIMUM_CHECKS, MAXIMUM_CHECKS * CHECK_BYTES),
    };
  });
}

const KIND = { schnorr: 0, tweak: 1 } as const;

/**
 * Writes checks one behind the other, a byte of length before each part; `false` when they do not fit or one is none, so
 * that only well-formed checks ever lie there.
 */
export function writeChecks(room: Uint8Array, items: readonly BatchItem[]): boolean {
  let offset = 4;
  if (items.length > MAXIMUM_CHECKS) return false;
  new DataView(room.buffer, room.byteOffset).setUint32(0, items.length, true);
  for (let i = 0; i < items.length; i++) {
    const check = checkOf(items[i]);
    if (check === undefined || offset + CHECK_BYTES > room.length) return false;
    room[offset++] = KIND[check.kind];
    room[offset++] = check.parity;
    for (const part of check.parts) {
      const size = sizeOf(part);
      room[offset++] = size;
      room.set(part, offset);
      offset += size;
    }
  }
  return true;
}

/** Reads what {@link writeChecks} wrote. */
export function readChecks(room: Uint8Array): readonly BatchItem[] {
  const count = new DataView(room.buffer, room.byteOffset).getUint32(0, true);
  let offset = 4;
  const part = (): Uint8Array => {
    const length = room[offset++] as number;
    offset += length;
    return room.slice(offset - length, offset);
  };
  return Array.from({ length: count }, (): BatchItem => {
    const kind = room[offset++];
    const parity = room[offset++] as number;
    const [first, second, third] = [part(), part(), part()];
    return kind === KIND.schnorr
      ? { kind: 'schnorr', signature: first, message: second, xOnlyPublicKey: third }
      : { kind: 'tweak', tweakedXOnly: first, parity, internalXOnly: second, tweak: third };
  });
}

/** Longest message that has its place; a longer one its owner checks alone. */
const MAXIMUM_MESSAGE = 80;

interface Check {
  readonly kind: keyof typeof KIND;
  readonly parity: number;
  readonly parts: readonly Uint8Array[];
}

/** A check with each part read once; `undefined` when it is none: its owner then refuses it with a code. */
function checkOf(item: BatchItem | null | undefined): Check | undefined {
  try {
    if (item?.kind === 'schnorr') {
      const parts = [item.signature, item.message, item.xOnlyPublicKey];
      const [signature, message, key] = parts.map(lengthOf) as [number, number, number];
      const fits = signature === 64 && message <= MAXIMUM_MESSAGE && key === 32;
      return fits ? { kind: 'schnorr', parity: 0, parts } : undefined;
    }
    if (item?.kind !== 'tweak') return undefined;
    const { parity } = item;
    const parts = [item.tweakedXOnly, item.internalXOnly, item.tweak];
    const fits = (parity === 0 || parity === 1) && parts.every((part) => lengthOf(part) === 32);
    return fits ? { kind: 'tweak', parity, parts } : undefined;
  } catch {
    // A revoked proxy, or a getter that throws.
    return undefined;
  }
}

function lengthOf(part: unknown): number {
  return isBytes(part) ? sizeOf(part) : Infinity;
}
