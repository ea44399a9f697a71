import { type CryptoEngine, currentCrypto } from '@bitcoin-enterprise/core';
import { requireValue } from '../codec/serialize.ts';
import { type TransactionLike, type TransactionView, viewTransaction } from '../codec/transaction-view.ts';
import { ScriptError, invalidArgument, requireBytes, requireInteger, requireObject } from '../errors.ts';
import type { SpentOutput } from '../model.ts';
import { SighashContext } from './context.ts';
import { SighashType } from './hash-type.ts';
import { legacySighash } from './legacy.ts';
import { NO_CODE_SEPARATOR, annexHashOf, isTaprootHashType, taprootSighash } from './taproot.ts';
import { witnessV0Sighash } from './witness-v0.ts';

interface SighashOptions {
  readonly tx: TransactionLike;
  readonly inputIndex: number;
  readonly crypto?: CryptoEngine;
}

/** What a legacy signature covers. */
export interface LegacySighashOptions extends SighashOptions {
  /** The script that is satisfied, from behind its last executed OP_CODESEPARATOR. */
  readonly scriptCode: Uint8Array;
  /** 32 bits, signed or not; ALL when absent. */
  readonly hashType?: number;
}

/**
 * Signature hash for inputs without witness, 32 bytes.
 *
 * @throws {@link ScriptError} `SCRIPT_INPUT_INDEX_OUT_OF_RANGE`, `SCRIPT_INVALID_ARGUMENT`.
 */
export function sighashLegacy(options: LegacySighashOptions): Uint8Array {
  const { tx, inputIndex, crypto } = prepare(options);
  const { hashType = SighashType.ALL } = options;
  requireInteger(hashType, 'hashType', -0x80000000, 0xffffffff);
  return legacySighash(tx, inputIndex, requireBytes(options.scriptCode, 'scriptCode'), hashType, crypto);
}

/** What a version 0 witness signature covers. */
export interface WitnessV0SighashOptions extends LegacySighashOptions {
  /** Satoshis of the output that is spent. */
  readonly value: bigint;
}

/**
 * Signature hash for witness version 0 (BIP143), 32 bytes.
 *
 * @throws {@link ScriptError} `SCRIPT_INPUT_INDEX_OUT_OF_RANGE`, `SCRIPT_INVALID_ARGUMENT`.
 */
export function sighashWitnessV0(options: WitnessV0SighashOptions): Uint8Array {
  const { tx, inputIndex, crypto } = prepare(options);
  const { hashType = SighashType.ALL } = options;
  requireInteger(hashType, 'hashType', -0x80000000, 0xffffffff);
  const value = requireValue(options.value, 'value');
  const context = new SighashContext(tx, [], crypto);
  return witnessV0Sighash(context, inputIndex, requireBytes(options.scriptCode, 'scriptCode'), value, hashType);
}

/** What a Taproot signature covers. */
export interface TaprootSighashOptions extends SighashOptions {
  /** The outputs that the inputs spend, one per input in order. */
  readonly spentOutputs: readonly SpentOutput[];
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
 * Signature hash for Taproot, key path or, with `leafHash`, script path (BIP341, BIP342), 32 bytes.
 *
 * @throws {@link ScriptError} `SCRIPT_SIGHASH_TYPE_INVALID`, `SCRIPT_SPENT_OUTPUTS_MISMATCH`,
 * `SCRIPT_INPUT_INDEX_OUT_OF_RANGE`, `SCRIPT_INVALID_ARGUMENT`.
 */
export function sighashTaproot(options: TaprootSighashOptions): Uint8Array {
  const { tx, inputIndex, crypto } = prepare(options);
  const { spentOutputs, hashType = SighashType.DEFAULT, annex, leafHash } = options;
  const { codeSeparatorPosition = NO_CODE_SEPARATOR } = options;
  requireSpentOutputs(spentOutputs, tx.inputCount);
  requireInteger(hashType, 'hashType', 0, 0xff);
  requireInteger(codeSeparatorPosition, 'codeSeparatorPosition', 0, NO_CODE_SEPARATOR);
  if (annex !== undefined) requireBytes(annex, 'annex');
  if (leafHash !== undefined) requireBytes(leafHash, 'leafHash', 32);
  const hash = taprootSighash(
    new SighashContext(tx, spentOutputs, crypto),
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

/** Throws unless there is exactly one well-formed spent output per input. */
export function requireSpentOutputs(spentOutputs: readonly SpentOutput[], inputs: number): void {
  if (!Array.isArray(spentOutputs)) throw invalidArgument('spentOutputs', 'an array', spentOutputs);
  if (spentOutputs.length !== inputs)
    throw new ScriptError(
      'SCRIPT_SPENT_OUTPUTS_MISMATCH',
      `expected one spent output for each of ${inputs} inputs, got ${spentOutputs.length}`,
      { details: { inputs, spentOutputs: spentOutputs.length } },
    );
  for (const spent of spentOutputs as readonly SpentOutput[]) {
    requireObject(spent, 'spentOutputs entry');
    requireValue(spent.value, 'spentOutputs entry value');
    requireBytes(spent.scriptPubKey, 'spentOutputs entry scriptPubKey');
  }
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

function prepare(options: SighashOptions): {
  readonly tx: TransactionView;
  readonly inputIndex: number;
  readonly crypto: CryptoEngine;
} {
  requireObject(options, 'options');
  const { crypto = currentCrypto() } = options;
  const tx = viewTransaction(options.tx);
  return { tx, inputIndex: requireInputIndex(options.inputIndex, tx), crypto };
}
