import type { Arguments } from './arguments.ts';
import { sizeOf } from './bytes.ts';
import type { Exports } from './exports.ts';
import type { Memory } from './memory.ts';

/** One check of a batch: a BIP340 signature, or a Taproot commitment. */
export type BatchItem =
  | {
      readonly kind: 'schnorr';
      /** 64 bytes. */
      readonly signature: Uint8Array;
      /** Any length. */
      readonly message: Uint8Array;
      /** 32 bytes. */
      readonly xOnlyPublicKey: Uint8Array;
    }
  | {
      readonly kind: 'tweak';
      /** The output key, 32 bytes. */
      readonly tweakedXOnly: Uint8Array;
      /** Of the output key's y: 0 or 1. */
      readonly parity: number;
      /** The internal key, 32 bytes. */
      readonly internalXOnly: Uint8Array;
      /** 32 bytes. */
      readonly tweak: Uint8Array;
    };

/** How a batch is verified. */
export interface BatchOptions {
  /** 32 bytes mixed into the randomisers, which are otherwise a hash of the whole batch. */
  readonly entropy?: Uint8Array;
}

/** Batch verification. */
export interface Batch {
  /**
   * Verifies many signatures and tweaks by multi-scalar multiplication and names the ones that fail.
   *
   * @returns Indices of the failing items, ascending; empty when all hold.
   */
  verifyBatch(items: readonly BatchItem[], options?: BatchOptions): readonly number[];
}

const ITEM = 112;
// Beyond this a batch gains nothing and outgrows the second-level cache.
const MAX_ITEMS = 2048;
const MAX_MESSAGES = 1 << 22;

/** Binds batch verification to an instance. */
export function bindBatch(exports: Exports, memory: Memory, check: Arguments): Batch {
  const align = (size: number): number => (size + 63) & ~63;

  /** Reads an item once, so that what is checked is what is copied; a getter may answer otherwise the next time. */
  function readItem(item: BatchItem, index: number): BatchItem {
    if (typeof item !== 'object' || item === null) return check.reject(`items[${index}]`, 'a batch item', item);
    let kind: unknown;
    try {
      if (item.kind === 'schnorr') {
        const { signature, message, xOnlyPublicKey } = item;
        return { kind: 'schnorr', signature, message, xOnlyPublicKey };
      }
      if (item.kind === 'tweak') {
        const { tweakedXOnly, parity, internalXOnly, tweak } = item;
        return { kind: 'tweak', tweakedXOnly, parity, internalXOnly, tweak };
      }
      kind = (item as BatchItem).kind;
    } catch {
      return check.reject(`items[${index}]`, 'a batch item', item);
    }
    return check.reject(`items[${index}].kind`, "'schnorr' or 'tweak'", kind);
  }

  /** Checks an item and says how long its message is. */
  function checkItem(item: BatchItem, index: number): number {
    if (item.kind === 'schnorr') {
      check.sized(item.signature, 64, `items[${index}].signature`);
      check.bytes(item.message, `items[${index}].message`);
      check.sized(item.xOnlyPublicKey, 32, `items[${index}].xOnlyPublicKey`);
      return sizeOf(item.message);
    }
    check.sized(item.tweakedXOnly, 32, `items[${index}].tweakedXOnly`);
    if (item.parity !== 0 && item.parity !== 1) check.reject(`items[${index}].parity`, '0 or 1', item.parity);
    check.sized(item.internalXOnly, 32, `items[${index}].internalXOnly`);
    check.sized(item.tweak, 32, `items[${index}].tweak`);
    return 0;
  }

  /** Packs items [from, to) with their messages behind them, verifies them and appends the failing indices. */
  function verifyRange(
    items: readonly BatchItem[],
    from: number,
    to: number,
    messageBytes: number,
    hasEntropy: number,
    failed: number[],
  ): void {
    const count = to - from;
    const messages = align(count * ITEM);
    const failedAt = align(messages + messageBytes);
    const work = align(failedAt + 4 * count);
    memory.reserve(work + exports.batch_memory(count));
    const { bytes, words, arena } = memory;
    let message = arena + messages;
    for (let i = from, at = arena; i < to; i++, at += ITEM) {
      const item = items[i] as BatchItem;
      const word = (at + 96) >> 2;
      if (item.kind === 'schnorr') {
        bytes.set(item.signature, at);
        bytes.set(item.xOnlyPublicKey, at + 64);
        bytes.set(item.message, message);
        words[word] = 0;
        words[word + 1] = 0;
        words[word + 2] = message;
        words[word + 3] = sizeOf(item.message);
        message += sizeOf(item.message);
      } else {
        bytes.set(item.tweakedXOnly, at);
        bytes.set(item.tweak, at + 32);
        bytes.set(item.internalXOnly, at + 64);
        words[word] = 1;
        words[word + 1] = item.parity;
        words[word + 2] = 0;
        words[word + 3] = 0;
      }
    }
    const n = exports.batch_verify(arena, count, hasEntropy, arena + failedAt, arena + work);
    const first = (arena + failedAt) >> 2;
    for (let i = 0; i < n; i++) failed.push(from + (words[first + i] as number));
  }

  return {
    verifyBatch(given, options = {}) {
      check.list(given, 'items');
      check.options(options);
      const { entropy } = options;
      if (entropy !== undefined) check.sized(entropy, 32, 'entropy');
      const items: BatchItem[] = [];
      const lengths = new Uint32Array(given.length);
      for (let i = 0; i < lengths.length; i++) {
        const item = readItem(given[i] as BatchItem, i);
        lengths[i] = checkItem(item, i);
        items.push(item);
      }

      const failed: number[] = [];
      const parts = Math.ceil(items.length / MAX_ITEMS);
      const size = Math.ceil(items.length / parts);
      for (let from = 0; from < items.length;) {
        let to = from;
        let messageBytes = 0;
        while (to < items.length && to - from < size && (to === from || messageBytes < MAX_MESSAGES))
          messageBytes += lengths[to++] as number;
        // Written for each part: hashing uses the same slot.
        if (entropy !== undefined) memory.bytes.set(entropy, memory.slot[0]);
        verifyRange(items, from, to, messageBytes, entropy === undefined ? 0 : 1, failed);
        from = to;
      }
      return failed;
    },
  };
}
