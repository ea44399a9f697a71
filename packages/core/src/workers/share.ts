import { isBytes, sizeOf } from '../codecs/is-bytes.ts';
import type { BatchItem } from '../ports/crypto.ts';

/** One place for checks that a thread and its owner share: whose turn it is, an answer, and room. */
export interface Slot {
  /** {@link Turn}, how many checks failed, how many microseconds they took. */
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
const HEAD_BYTES = 16;
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
      words: new Int32Array(memory, start, 3),
      failed: new Int32Array(memory, start + HEAD_BYTES, MAXIMUM_CHECKS),
      room: new Uint8Array(memory, start + HEAD_BYTES + 4 * MAXIMUM_CHECKS, MAXIMUM_CHECKS * CHECK_BYTES),
    };
  });
}

const KIND = { schnorr: 0, tweak: 1 } as const;

/** Writes checks one behind the other, a byte of length before each part; `false` when they do not fit or are none. */
export function writeChecks(room: Uint8Array, items: readonly BatchItem[]): boolean {
  let offset = 4;
  if (items.length > MAXIMUM_CHECKS) return false;
  new DataView(room.buffer, room.byteOffset).setUint32(0, items.length, true);
  for (const item of items) {
    const parts = partsOf(item);
    if (parts === undefined || offset + CHECK_BYTES > room.length) return false;
    room[offset++] = KIND[item.kind];
    room[offset++] = item.kind === 'tweak' ? item.parity : 0;
    for (const part of parts) {
      room[offset++] = sizeOf(part);
      room.set(part, offset);
      offset += sizeOf(part);
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

const MAXIMUM_PART = 80;

/** The bytes of a check; `undefined` when it is none, or longer than its place: its owner then checks it alone. */
function partsOf(item: BatchItem | null | undefined): readonly Uint8Array[] | undefined {
  let parts: readonly unknown[];
  try {
    if (item?.kind !== 'schnorr' && (item?.kind !== 'tweak' || (item.parity !== 0 && item.parity !== 1)))
      return undefined;
    parts =
      item.kind === 'schnorr'
        ? [item.signature, item.message, item.xOnlyPublicKey]
        : [item.tweakedXOnly, item.internalXOnly, item.tweak];
  } catch {
    // A revoked proxy: its owner refuses it with a code.
    return undefined;
  }
  return parts.every((part): part is Uint8Array => isBytes(part) && sizeOf(part) <= MAXIMUM_PART) ? parts : undefined;
}
