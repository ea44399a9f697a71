import type { NoteVerifier } from '../model/note.ts';
import type { CallOptions } from './signer.ts';

/** What a witness is asked: to co-sign a checkpoint that goes on from the one it holds. */
export interface CosignRequest {
  /** Size of the checkpoint that the witness holds; 0 when it holds none. */
  readonly oldSize: number;
  /** Consistency proof from there to the new one. */
  readonly proof: readonly Uint8Array[];
  /** The new checkpoint as a signed note. */
  readonly checkpoint: string;
}

/** Somebody who remembers what a log has shown, and co-signs only what goes on from it. */
export interface Witness {
  /** Verifies what it signs. */
  readonly key: NoteVerifier;
  /**
   * Co-signs a checkpoint.
   *
   * @returns One or several signature lines of a note, each with its newline.
   * @throws ReceiptsError `RECEIPTS_WITNESS_STALE` when it holds another size than `oldSize`: ask again from that;
   * `RECEIPTS_PROOF_INVALID`, `RECEIPTS_LOG_FORKED`, `RECEIPTS_LOG_ROLLED_BACK`, `RECEIPTS_WITNESS_LOG_UNKNOWN`,
   * `RECEIPTS_NOTE_UNVERIFIED`.
   */
  cosign(request: CosignRequest, options?: CallOptions): Promise<string>;
}

/** The last checkpoint that a witness has co-signed for a log. */
export interface WitnessedCheckpoint {
  readonly size: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
  /** The note as the log signed it: half of the evidence, should the log ever fork. */
  readonly note: string;
}

/** Where a witness remembers, by origin. */
export interface WitnessStorage {
  /** The last one; `undefined` for a log never seen. */
  read(origin: string, options?: CallOptions): Promise<WitnessedCheckpoint | undefined>;
  /**
   * Replaces the last one if its size and root are still those of `expected` (`undefined`: none yet): atomic, and
   * durable before it answers.
   *
   * @returns Whether it was replaced.
   */
  compareAndSet(
    origin: string,
    change: { readonly expected: WitnessedCheckpoint | undefined; readonly next: WitnessedCheckpoint },
    options?: CallOptions,
  ): Promise<boolean>;
}
