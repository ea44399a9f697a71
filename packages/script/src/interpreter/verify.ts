import { type CryptoEngine, currentCrypto } from '@bitcoin-enterprise/core';
import { type TransactionLike, type TransactionView, viewTransaction } from '../codec/transaction-view.ts';
import { invalidArgument, requireCrypto, requireInteger, requireObject } from '../errors.ts';
import type { ScriptFlag, SpentOutput } from '../model.ts';
import { isPayToScriptHash, isPushOnly } from '../output-type.ts';
import { SighashContext } from '../sighash/context.ts';
import { requireInputIndex, requireSpentOutputs } from '../sighash/sighash.ts';
import { type TransactionFault, checkTransaction } from '../transaction-rules.ts';
import { evaluate } from './evaluate.ts';
import { Flag, flagBits } from './flags.ts';
import { type InputContext, SigVersion } from './input-context.ts';
import { isTrue } from './number.ts';
import type { ScriptErrorName } from './script-error-name.ts';
import { SignatureBatch } from './signature-batch.ts';
import type { TraceStep } from './trace-step.ts';
import { verifyWitnessProgram, witnessProgramOf } from './witness.ts';

/** What the scripts of a whole transaction are checked against. */
export interface VerifyTransactionOptions {
  /** The spending transaction. */
  readonly tx: TransactionLike;
  /** The outputs that its inputs spend, one per input in order: Taproot signs them all. */
  readonly spentOutputs: readonly SpentOutput[];
  /** The rules; {@link consensusFlags} and {@link standardFlags} are ready-made. */
  readonly flags: readonly ScriptFlag[];
  /** The engine; the current one of core when absent. */
  readonly crypto?: CryptoEngine;
  /** Puts Schnorr checks off; `ok` then only holds once the batch has been verified. */
  readonly batch?: SignatureBatch;
  /** What the batch calls this transaction or input when a check fails; 0 when absent. */
  readonly batchOwner?: number;
}

/** What the script of one input is checked against. */
export interface VerifyInputOptions extends VerifyTransactionOptions {
  /** Which input, from 0. */
  readonly inputIndex: number;
  /** Called before each opcode runs. */
  readonly onStep?: (step: TraceStep) => void;
}

/** The verdict on one input. */
export type InputVerdict =
  | {
      readonly ok: true;
      /** Weight units of the input in its transaction: four for each base byte, one for each witness byte. */
      readonly weight: number;
    }
  | { readonly ok: false; readonly error: ScriptErrorName };

/** The verdict on a transaction. */
export type TransactionVerdict =
  | {
      readonly ok: true;
      /** Weight units of the transaction (BIP141). */
      readonly weight: number;
    }
  | { readonly ok: false; readonly error: ScriptErrorName; readonly inputIndex: number }
  | {
      readonly ok: false;
      /** Core's reject reason: the transaction breaks a rule that no script can see. */
      readonly error: TransactionFault;
    };

/**
 * Checks one input of a transaction as consensus does, under the flags given (Core's VerifyScript).
 *
 * @returns `{ ok: true, weight }`, or `{ ok: false, error }` with Bitcoin Core's name of the error.
 * @throws {@link ScriptError} `SCRIPT_INPUT_INDEX_OUT_OF_RANGE`, `SCRIPT_SPENT_OUTPUTS_MISMATCH`, `SCRIPT_FLAG_UNKNOWN`,
 * `SCRIPT_INVALID_ARGUMENT`, and what {@link parseTransaction} throws.
 *
 * @example Anyone can spend OP_1
 * ```ts
 * import { consensusFlags, verifyInput } from '@bitcoin-enterprise/script';
 *
 * const tx = {
 *   version: 2,
 *   inputs: [
 *     {
 *       previousTxid: new Uint8Array(32).fill(7),
 *       previousIndex: 0,
 *       scriptSig: new Uint8Array(),
 *       sequence: 0xffffffff,
 *       witness: [],
 *     },
 *   ],
 *   outputs: [{ value: 900n, scriptPubKey: Uint8Array.of(0x51) }],
 *   lockTime: 0,
 * };
 * const spentOutputs = [{ value: 1_000n, scriptPubKey: Uint8Array.of(0x51) }];
 * verifyInput({ tx, inputIndex: 0, spentOutputs, flags: consensusFlags }); // => { ok: true, weight: 164 }
 * ```
 */
export function verifyInput(options: VerifyInputOptions): InputVerdict {
  const { inputIndex, onStep } = requireObject(options, 'options') as unknown as VerifyInputOptions;
  const { tx, sighash, flags, batch, batchOwner } = prepare(options);
  requireInputIndex(inputIndex, tx);
  if (onStep !== undefined && typeof onStep !== 'function') throw invalidArgument('onStep', 'a function', onStep);
  const error = verifyScripts(newContext(sighash, inputIndex, flags, batch, batchOwner, onStep));
  return error === undefined ? { ok: true, weight: tx.inputWeight(inputIndex) } : { ok: false, error };
}

/**
 * Checks every input of a transaction, sharing what their signature hashes have in common, after the rules that need
 * no chain (Core's CheckTransaction).
 *
 * @returns `{ ok: true, weight }`, or the first failing input with Core's name of the error, or Core's reject reason.
 * @throws {@link ScriptError} as {@link verifyInput}.
 */
export function verifyTransaction(options: VerifyTransactionOptions): TransactionVerdict {
  const { tx, sighash, flags, batch, batchOwner } = prepare(options);
  const fault = checkTransaction(tx);
  if (fault !== undefined) return { ok: false, error: fault };
  for (let inputIndex = 0; inputIndex < tx.inputCount; inputIndex++) {
    const error = verifyScripts(newContext(sighash, inputIndex, flags, batch, batchOwner, undefined));
    if (error !== undefined) return { ok: false, error, inputIndex };
  }
  return { ok: true, weight: tx.weight };
}

interface Prepared {
  readonly tx: TransactionView;
  readonly sighash: SighashContext;
  readonly flags: number;
  readonly batch: SignatureBatch | undefined;
  readonly batchOwner: number;
}

function prepare(options: VerifyTransactionOptions): Prepared {
  requireObject(options, 'options');
  const { spentOutputs, batch, batchOwner = 0, crypto = currentCrypto() } = options;
  const tx = viewTransaction(options.tx);
  if (batch !== undefined && !(requireObject(batch, 'batch') instanceof SignatureBatch))
    throw invalidArgument('batch', 'a SignatureBatch', batch);
  requireInteger(batchOwner, 'batchOwner', 0, Number.MAX_SAFE_INTEGER);
  const spent = requireSpentOutputs(spentOutputs, tx.inputCount);
  const sighash = new SighashContext(tx, spent, requireCrypto(crypto));
  return { tx, sighash, flags: flagBits(options.flags), batch, batchOwner };
}

function newContext(
  sighash: SighashContext,
  inputIndex: number,
  flags: number,
  batch: SignatureBatch | undefined,
  batchOwner: number,
  onStep: ((step: TraceStep) => void) | undefined,
): InputContext {
  return {
    tx: sighash.tx,
    inputIndex,
    flags,
    sighash,
    crypto: sighash.crypto,
    batch,
    batchOwner,
    onStep,
    annexHash: undefined,
    leaf: undefined,
    validationWeightLeft: 0,
  };
}

/** Runs the scripts of one input in their order (Core's VerifyScript). */
function verifyScripts(context: InputContext): ScriptErrorName | undefined {
  const { tx, inputIndex, flags } = context;
  const { scriptPubKey } = context.sighash.spentOutputs[inputIndex] as SpentOutput;
  const scriptSig = tx.scriptSig(inputIndex);
  const witness = tx.witness(inputIndex);
  if ((flags & Flag.SIGPUSHONLY) !== 0 && !isPushOnly(scriptSig)) return 'SIG_PUSHONLY';

  let stack: Uint8Array[] = [];
  let error = evaluate(stack, scriptSig, context, SigVersion.BASE, 'scriptSig');
  if (error !== undefined) return error;
  const pushed = (flags & Flag.P2SH) !== 0 && isPayToScriptHash(scriptPubKey) ? stack.slice() : undefined;
  error = evaluate(stack, scriptPubKey, context, SigVersion.BASE, 'scriptPubKey') ?? requireTrue(stack);
  if (error !== undefined) return error;

  let program = (flags & Flag.WITNESS) === 0 ? undefined : witnessProgramOf(scriptPubKey);
  if (program !== undefined) {
    // The scriptSig must be exactly empty, or the transaction id could be changed by anyone.
    if (scriptSig.length !== 0) return 'WITNESS_MALLEATED';
    error = verifyWitnessProgram(context, witness, program, false);
    if (error !== undefined) return error;
    stack = stack.slice(0, 1);
  }
  if (pushed !== undefined) {
    if (!isPushOnly(scriptSig)) return 'SIG_PUSHONLY';
    stack = pushed;
    const redeemScript = stack.pop() as Uint8Array;
    error = evaluate(stack, redeemScript, context, SigVersion.BASE, 'redeemScript') ?? requireTrue(stack);
    if (error !== undefined) return error;
    program = (flags & Flag.WITNESS) === 0 ? undefined : witnessProgramOf(redeemScript);
    if (program !== undefined) {
      // A program has at most 42 bytes, so that its only push is one length byte and itself.
      if (scriptSig.length !== redeemScript.length + 1 || scriptSig[0] !== redeemScript.length)
        return 'WITNESS_MALLEATED_P2SH';
      error = verifyWitnessProgram(context, witness, program, true);
      if (error !== undefined) return error;
      stack = stack.slice(0, 1);
    }
  }
  if ((flags & Flag.CLEANSTACK) !== 0 && stack.length !== 1) return 'CLEANSTACK';
  if ((flags & Flag.WITNESS) !== 0 && program === undefined && witness.length > 0) return 'WITNESS_UNEXPECTED';
  return undefined;
}

function requireTrue(stack: readonly Uint8Array[]): ScriptErrorName | undefined {
  const top = stack.at(-1);
  return top !== undefined && isTrue(top) ? undefined : 'EVAL_FALSE';
}
