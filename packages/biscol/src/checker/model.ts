import type { AnyContract, ContractInstance } from '../contract/model.ts';
import type { Guarantees } from '../contract/guarantees.ts';

/** How far the model checker looks. */
export interface CheckBounds {
  /** Blocks after the funding; what is not over by then is not looked at any more. 40 when absent. */
  readonly blocks?: number;
  /** How many blocks a reorganisation replaces at most; 2 when absent. */
  readonly reorgDepth?: number;
  /** How many reorganisations there are; 1 when absent. */
  readonly reorgs?: number;
  /**
   * Whether honest parties have all of the time to react again after a reorganisation; `false` when absent: what they sent
   * before is in a block within the time that they had. Contracts need not leave room for it; `htlc` and
   * `unidirectionalChannel` do.
   */
  readonly renews?: boolean;
  /** How often an adversary tries to pin what honest parties send; 1 when absent. */
  readonly pins?: number;
  /** Whether fees may rise for good; `true` when absent. */
  readonly spikes?: boolean;
  /** Whether adversaries send transactions of their own; `true` when absent. */
  readonly acts?: boolean;
  /** Whether anybody may leave undone what he agreed to; `true` when absent. Otherwise it is done in the next block. */
  readonly vanishes?: boolean;
  /** Whether what honest parties send may take as long as the contract allows; `true` when absent. Otherwise it is in the next block. */
  readonly delays?: boolean;
  /** Situations after which it gives up; 200,000 when absent. */
  readonly situations?: number;
}

/** What is checked. */
export interface CheckOptions<Of extends AnyContract = AnyContract> {
  readonly instance: ContractInstance<Of>;
  readonly guarantees: Guarantees<Of>;
  /** Secret keys of everybody who takes part, 32 bytes each: the checker plays them all. */
  readonly secretKeys: readonly Uint8Array[];
  /** Secrets of hash locks, and who knows them from the beginning. */
  readonly secrets?: readonly { readonly party: string; readonly secret: Uint8Array }[];
  /** Transitions that all have signed before, and who keeps them; the newest last. */
  readonly held?: readonly HeldBefore[];
  /** Transitions to which honest parties agree whenever they are asked, with their arguments. */
  readonly agreed?: readonly { readonly transition: string; readonly args: Readonly<Record<string, unknown>> }[];
  /** Names of the sides whose promises are checked; all when absent. */
  readonly sides?: readonly string[];
  readonly bounds?: CheckBounds;
  /** Hears how far it has come. */
  readonly onProgress?: (progress: { readonly side: string; readonly situations: number }) => void;
}

/** A transition that was signed by all before, and kept back. */
export interface HeldBefore {
  readonly party: string;
  readonly transition: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** A run in which a promise is broken. Plain data: what happened, and the blocks in which it did. */
export interface Counterexample {
  readonly contract: string;
  /** Whose promise. */
  readonly side: string;
  /** What is wrong, for people. */
  readonly wrong: string;
  /** What happened, for people, in order. */
  readonly actions: readonly string[];
  /** All blocks from the first after the genesis block, in the order in which they were made, in hexadecimal. */
  readonly blocks: readonly string[];
  /** Hash of the last best block, as people read it. */
  readonly tip: string;
  /** What the members of the side were paid: outputs on the best branch. */
  readonly paid: readonly { readonly outpoint: string; readonly value: string }[];
  /** Satoshis that they had to get at least, fees aside, and the fees. */
  readonly least: string;
  readonly fees: string;
  /** Outputs of the contract that are still there. */
  readonly live: readonly string[];
}

/** What the checker found about one side. */
export interface CheckedSide {
  readonly side: string;
  readonly situations: number;
  /** Whether everything within the bounds was looked at. */
  readonly complete: boolean;
  readonly counterexample: Counterexample | undefined;
}
