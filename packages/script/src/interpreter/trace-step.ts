/** Which script of an input runs. */
export type ScriptPhase = 'scriptSig' | 'scriptPubKey' | 'redeemScript' | 'witnessScript' | 'tapscript';

/** The machine just before one opcode runs. */
export interface TraceStep {
  readonly phase: ScriptPhase;
  /** The script that runs. */
  readonly script: Uint8Array;
  /** Byte offset of the opcode in its script. */
  readonly offset: number;
  /** How many opcodes came before it in its script: what OP_CODESEPARATOR commits to (BIP342). */
  readonly opcodePosition: number;
  /** The opcode byte. */
  readonly opcode: number;
  /** Its name; `OP_PUSHBYTES_n` for direct pushes. */
  readonly name: string;
  /** What it pushes, if it is a push. */
  readonly data: Uint8Array | undefined;
  /** The main stack before it runs, bottom first. */
  readonly stack: readonly Uint8Array[];
  /** The alternative stack before it runs, bottom first. */
  readonly altStack: readonly Uint8Array[];
  /** Whether it runs, or lies in a branch not taken. */
  readonly executed: boolean;
  /** How many conditionals enclose it. */
  readonly conditionDepth: number;
  /** Tapscript only: what is left of the budget of signature checks, in weight units. */
  readonly validationWeightLeft: number | undefined;
}
