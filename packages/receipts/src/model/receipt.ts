import type { Anchor } from './anchor.ts';
import type { Envelope } from './dsse.ts';

/** All that a third party needs to check, offline, what was claimed, by whom, and that the log cannot take it back. */
export interface Receipt {
  /** The signed statement; its one JSON form is the entry of the log. */
  readonly envelope: Envelope;
  /** Number of the entry, from 0. */
  readonly index: number;
  /** Inclusion proof of the entry in the checkpoint. */
  readonly inclusion: readonly Uint8Array[];
  /** The checkpoint as a signed note, with the cosignatures of witnesses. */
  readonly checkpoint: string;
  /** Proof in Bitcoin; absent until somebody adds it. */
  readonly anchor?: Anchor;
}
