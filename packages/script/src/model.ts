/** A transaction as plain data. Byte arrays are views into the bytes it was parsed from; do not write to them. */
export interface Transaction {
  /** Unsigned 32-bit value of the version field (BIP68 compares it so). */
  readonly version: number;
  readonly inputs: readonly TransactionInput[];
  readonly outputs: readonly TransactionOutput[];
  /** Height below 500,000,000, else Unix seconds. */
  readonly lockTime: number;
}

/** One input: the output it spends and what satisfies it. */
export interface TransactionInput {
  /** Id of the transaction spent, 32 bytes in internal (hash) order, not the reversed order that people read. */
  readonly previousTxid: Uint8Array;
  /** Index of the output spent. */
  readonly previousIndex: number;
  readonly scriptSig: Uint8Array;
  /** BIP68 and BIP125 meanings. */
  readonly sequence: number;
  /** Witness stack, bottom first; empty for an input without one. */
  readonly witness: readonly Uint8Array[];
}

/** One output. */
export interface TransactionOutput {
  /** Satoshis; a parsed value may lie outside the range of money, which consensus then refuses. */
  readonly value: bigint;
  readonly scriptPubKey: Uint8Array;
}

/** A block header as plain data. */
export interface BlockHeader {
  /** Signed 32-bit version. */
  readonly version: number;
  /** Hash of the block before, 32 bytes in internal order. */
  readonly previousBlockHash: Uint8Array;
  /** 32 bytes in internal order. */
  readonly merkleRoot: Uint8Array;
  /** Unix seconds. */
  readonly time: number;
  /** Compact target. */
  readonly bits: number;
  readonly nonce: number;
}

/** A block: its header and its transactions. */
export interface Block {
  readonly header: BlockHeader;
  readonly transactions: readonly Transaction[];
}

/** What a script check was asked about an output that is spent. */
export interface SpentOutput {
  /** Satoshis. */
  readonly value: bigint;
  readonly scriptPubKey: Uint8Array;
}

/**
 * Verification flags, Core's names without the `SCRIPT_VERIFY_` prefix; `NONE` adds no rule.
 *
 * `CHECKTEMPLATEVERIFY` is BIP119, which is not active on Bitcoin: OP_NOP4 then compares an argument of 32 bytes with
 * the template hash of the transaction; other arguments are left for later, and `DISCOURAGE_UPGRADABLE_NOPS` refuses
 * them. Bitcoin Inquisition calls it `DEFAULT_CHECK_TEMPLATE_VERIFY_HASH`.
 */
export type ScriptFlag =
  | 'NONE'
  | 'P2SH'
  | 'STRICTENC'
  | 'DERSIG'
  | 'LOW_S'
  | 'NULLDUMMY'
  | 'SIGPUSHONLY'
  | 'MINIMALDATA'
  | 'DISCOURAGE_UPGRADABLE_NOPS'
  | 'CLEANSTACK'
  | 'CHECKLOCKTIMEVERIFY'
  | 'CHECKSEQUENCEVERIFY'
  | 'WITNESS'
  | 'DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM'
  | 'MINIMALIF'
  | 'NULLFAIL'
  | 'WITNESS_PUBKEYTYPE'
  | 'CONST_SCRIPTCODE'
  | 'TAPROOT'
  | 'DISCOURAGE_UPGRADABLE_TAPROOT_VERSION'
  | 'DISCOURAGE_OP_SUCCESS'
  | 'DISCOURAGE_UPGRADABLE_PUBKEYTYPE'
  | 'CHECKTEMPLATEVERIFY';
