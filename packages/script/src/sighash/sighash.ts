import { type CryptoEngine, currentCrypto, isBytes } from '@bitcoin-enterprise/core';
import { requireOutput, requireValue } from '../codec/serialize.ts';
import { type TransactionLike, TransactionView, viewTransaction } from '../codec/transaction-view.ts';
import { ScriptError, requireBytes, requireCrypto, requireInteger, requireList, requireObject } from '../errors.ts';
import type { SpentOutput } from '../model.ts';
import { checkTemplateHashOf } from './check-template.ts';
import { SighashContext } from './context.ts';
import { SighashType } from './hash-type.ts';
import { legacySighash } from './legacy.ts';
import { NO_CODE_SEPARATOR, annexHashOf, isTaprootHashType, taprootSighash } from './taproot.ts';
import { witnessV0Sighash } from './witness-v0.ts';

/** A view of bytes that nobody else has. */
function ownView(transaction: TransactionLike): TransactionView {
  const { bytes, hasWitness } = viewTransaction(transaction);
  return TransactionView.of(new Uint8Array(bytes), { witness: hasWitness });
}

/** The transaction that is signed, and who hashes. */
export interface SighasherOptions {
  readonly tx: TransactionLike;
  /** The outputs that the inputs spend, one per input in order; Taproot signs them all, legacy inputs need none. */
  readonly spentOutputs?: readonly SpentOutput[];
  readonly crypto?: CryptoEngine;
}

/** What a legacy signature covers besides its transaction. */
export interface LegacySighash {
  /** The script that is satisfied, from behind its last executed OP_CODESEPARATOR. */
  readonly scriptCode: Uint8Array;
  /** 32 bits, signed or not; ALL when absent. */
  readonly hashType?: number;
}

/** What a version 0 witness signature covers besides its transaction. */
export interface WitnessV0Sighash extends LegacySighash {
  /** Satoshis of the output that is spent. */
  readonly value: bigint;
}

/** What a Taproot signature covers besides its transaction. */
export interface TaprootSighash {
  /** DEFAULT when absent. */
  readonly hashType?: number;
  /** The annex, with its leading 0x50. */
  readonly annex?: Uint8Array;
  /** For the script path: the hash of the leaf. */
  readonly leafHash?: Uint8Array;
  /** For the script path: opcode position of the last executed OP_CODESEPARATOR; none when absent. */
  readonly codeSeparatorPosition?: number;
}

/**
 * Makes the signature hashes of one transaction; what its inputs have in common is hashed once (BIP143, BIP341).
 *
 * @example Sign every input of a transaction
 * ```ts no-run
 * import { Sighasher, type SpentOutput, type Transaction } from '@bitcoin-enterprise/script';
 *
 * declare const tx: Transaction, spentOutputs: SpentOutput[];
 *
 * const hasher = new Sighasher({ tx, spentOutputs });
 * const hashes = tx.inputs.map((_, inputIndex) => hasher.taproot(inputIndex));
 * ```
 */
export class Sighasher {
  readonly #context: SighashContext;
  readonly #knowsSpentOutputs: boolean;

  /** @throws {@link ScriptError} `SCRIPT_SPENT_OUTPUTS_MISMATCH`, `SCRIPT_INVALID_ARGUMENT`, as {@link parseTransaction}. */
  constructor(options: SighasherOptions) {
    requireObject(options, 'options');
    const { spentOutputs, crypto = currentCrypto() } = options;
    // A hasher outlives the call: what it hashes must not change under it.
    const tx = isBytes(options.tx) ? TransactionView.of(new Uint8Array(options.tx)) : ownView(options.tx);
    const spent = spentOutputs === undefined ? [] : requireSpentOutputs(spentOutputs, tx.inputCount);
    const kept = spent.map(({ value, scriptPubKey }) => ({ value, scriptPubKey: new Uint8Array(scriptPubKey) }));
    this.#context = new SighashContext(tx, kept, requireCrypto(crypto));
    this.#knowsSpentOutputs = spentOutputs !== undefined;
  }

  /**
   * Signature hash for an input without witness, 32 bytes.
   *
   * @throws {@link ScriptError} `SCRIPT_INPUT_INDEX_OUT_OF_RANGE`, `SCRIPT_INVALID_ARGUMENT`.
   */
  legacy(inputIndex: number, what: LegacySighash): Uint8Array {
    const { tx, crypto } = this.#context;
    requireInputIndex(inputIndex, tx);
    const { scriptCode, hashType } = requireScriptCode(what);
    return legacySighash(tx, inputIndex, scriptCode, hashType, crypto);
  }

  /**
   * Signature hash for an input of witness version 0 (BIP143), 32 bytes.
   *
   * @throws {@link ScriptError} `SCRIPT_INPUT_INDEX_OUT_OF_RANGE`, `SCRIPT_INVALID_ARGUMENT`.
   */
  witnessV0(inputIndex: number, what: WitnessV0Sighash): Uint8Array {
    requireInputIndex(inputIndex, this.#context.tx);
    const { scriptCode, hashType } = requireScriptCode(what);
    return witnessV0Sighash(this.#context, inputIndex, scriptCode, requireValue(what.value, 'value'), hashType);
  }

  /**
   * Signature hash for Taproot, key path or, with `leafHash`, script path (BIP341, BIP342), 32 bytes.
   *
   * @throws {@link ScriptError} `SCRIPT_SIGHASH_TYPE_INVALID`, `SCRIPT_SPENT_OUTPUTS_MISMATCH` when the hasher was made
   * without them, `SCRIPT_INPUT_INDEX_OUT_OF_RANGE`, `SCRIPT_INVALID_ARGUMENT`.
   */
  taproot(inputIndex: number, what: TaprootSighash = {}): Uint8Array {
    const { tx, crypto } = this.#context;
    requireInputIndex(inputIndex, tx);
    requireObject(what, 'options');
    const { hashType = SighashType.DEFAULT, annex, leafHash, codeSeparatorPosition = NO_CODE_SEPARATOR } = what;
    if (!this.#knowsSpentOutputs) requireSpentOutputs([], tx.inputCount);
    requireInteger(hashType, 'hashType', 0, 0xff);
    requireInteger(codeSeparatorPosition, 'codeSeparatorPosition', 0, NO_CODE_SEPARATOR);
    if (annex !== undefined) requireBytes(annex, 'annex');
    if (leafHash !== undefined) requireBytes(leafHash, 'leafHash', 32);
    const hash = taprootSighash(
      this.#context,
      inputIndex,
      hashType,
      annex === undefined ? undefined : annexHashOf(annex, crypto),
      leafHash === undefined ? undefined : { leafHash, codeSeparatorPosition },
    );
    if (hash !== undefined) return hash;
    const reason = isTaprootHashType(hashType) ? 'no-output' : 'undefined';
    throw new ScriptError('SCRIPT_SIGHASH_TYPE_INVALID', `expected a sighash type of BIP341, got ${hashType}`, {
      details: { hashType, reason },
      hint: reason === 'no-output' ? 'SIGHASH_SINGLE needs an output of the same index.' : 'Use a SighashType.',
    });
  }

  /**
   * What OP_CHECKTEMPLATEVERIFY compares its argument with (BIP119), 32 bytes: {@link checkTemplateHash}, with what the
   * inputs share hashed once.
   *
   * @throws {@link ScriptError} `SCRIPT_INPUT_INDEX_OUT_OF_RANGE`, `SCRIPT_INVALID_ARGUMENT`.
   */
  checkTemplate(inputIndex: number): Uint8Array {
    requireInputIndex(inputIndex, this.#context.tx);
    return checkTemplateHashOf(this.#context, inputIndex);
  }
}

/** Options of {@link sighashLegacy}. */
export interface LegacySighashOptions extends SighasherOptions, LegacySighash {
  readonly inputIndex: number;
}

/** Signature hash for one input without witness, 32 bytes; throws as {@link Sighasher.legacy}. */
export function sighashLegacy(options: LegacySighashOptions): Uint8Array {
  return new Sighasher(options).legacy(options.inputIndex, options);
}

/** Options of {@link sighashWitnessV0}. */
export interface WitnessV0SighashOptions extends SighasherOptions, WitnessV0Sighash {
  readonly inputIndex: number;
}

/** Signature hash for one input of witness version 0 (BIP143), 32 bytes; throws as {@link Sighasher.witnessV0}. */
export function sighashWitnessV0(options: WitnessV0SighashOptions): Uint8Array {
  return new Sighasher(options).witnessV0(options.inputIndex, options);
}

/** Options of {@link sighashTaproot}. */
export interface TaprootSighashOptions extends SighasherOptions, TaprootSighash {
  readonly inputIndex: number;
  readonly spentOutputs: readonly SpentOutput[];
}

/** Signature hash for one Taproot input (BIP341, BIP342), 32 bytes; throws as {@link Sighasher.taproot}. */
export function sighashTaproot(options: TaprootSighashOptions): Uint8Array {
  return new Sighasher(options).taproot(options.inputIndex, options);
}

function requireScriptCode(what: LegacySighash): { readonly scriptCode: Uint8Array; readonly hashType: number } {
  requireObject(what, 'options');
  const { scriptCode, hashType = SighashType.ALL } = what;
  requireInteger(hashType, 'hashType', -0x80000000, 0xffffffff);
  return { scriptCode: requireBytes(scriptCode, 'scriptCode'), hashType };
}

/** Throws unless there is exactly one well-formed spent output per input; each is read once, and later never again. */
export function requireSpentOutputs(spentOutputs: readonly SpentOutput[], inputs: number): readonly SpentOutput[] {
  const read = requireList(spentOutputs, 'spentOutputs');
  if (read.length !== inputs)
    throw new ScriptError(
      'SCRIPT_SPENT_OUTPUTS_MISMATCH',
      `expected one spent output for each of ${inputs} inputs, got ${read.length}`,
      { details: { inputs, spentOutputs: read.length } },
    );
  return read.map(requireOutput);
}

/** Throws unless a transaction has an input of that index, and returns the index. */
export function requireInputIndex(inputIndex: unknown, tx: TransactionView): number {
  const index = requireInteger(inputIndex, 'inputIndex', 0, Number.MAX_SAFE_INTEGER);
  if (index >= tx.inputCount)
    throw new ScriptError('SCRIPT_INPUT_INDEX_OUT_OF_RANGE', `expected an input below ${tx.inputCount}, got ${index}`, {
      details: { inputIndex: index, inputs: tx.inputCount },
    });
  return index;
}
