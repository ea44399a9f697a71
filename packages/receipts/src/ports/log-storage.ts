import type { CallOptions } from './signer.ts';

/** What a log has committed to. */
export interface LogHead {
  /** Number of entries. */
  readonly size: number;
  /** Root of the tree of them, 32 bytes. */
  readonly root: Uint8Array;
  /** Size of the tree that the stored checkpoint is about; 0 when none was published. */
  readonly published: number;
}

/** One change of a log, all or nothing. */
export interface LogChange {
  /** The head that this change goes on from; `undefined` for an empty storage. Another one: nothing is changed. */
  readonly expected: LogHead | undefined;
  /** The head after the change. */
  readonly head: LogHead;
  /** Resources to write by path, replacing what is there. */
  readonly writes: ReadonlyMap<string, Uint8Array>;
  /** Paths of partial tiles and bundles that nobody needs any more. */
  readonly deletes: readonly string[];
  /** Idempotency keys of new entries, with the entry of each. */
  readonly keys: ReadonlyMap<string, number>;
}

/**
 * Where a log keeps its tiles, its entries and its head. The paths are those of C2SP tlog-tiles (`checkpoint`,
 * `tile/0/000`, `tile/entries/000.p/7`), so that whatever serves them as files serves the log.
 */
export interface LogStorage {
  /** The committed head; `undefined` when nothing was ever committed. */
  head(options?: CallOptions): Promise<LogHead | undefined>;
  /** A resource; `undefined` when there is none. */
  read(path: string, options?: CallOptions): Promise<Uint8Array | undefined>;
  /** The entry that was appended under a key; `undefined` when none was. */
  indexOfKey(key: string, options?: CallOptions): Promise<number | undefined>;
  /**
   * Applies a change if the head is still the one expected (same size, root and published size): atomic, and durable
   * before it answers.
   *
   * @returns Whether it was applied; `false` leaves everything as it was.
   */
  commit(change: LogChange, options?: CallOptions): Promise<boolean>;
}
