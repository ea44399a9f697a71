import type { CryptoEngine } from '@bitcoin-enterprise/core';
import type { TransactionView } from '../codec/transaction-view.ts';
import type { SighashContext } from '../sighash/context.ts';
import type { TapscriptSighash } from '../sighash/taproot.ts';
import type { SignatureBatch } from './signature-batch.ts';
import type { TraceStep } from './trace-step.ts';

/** The rules a script runs under. */
export const SigVersion = { BASE: 0, WITNESS_V0: 1, TAPROOT: 2, TAPSCRIPT: 3 } as const;

/** One of {@link SigVersion}. */
export type SigVersionValue = (typeof SigVersion)[keyof typeof SigVersion];

/** Everything about the input under check that its scripts can observe, and what the check collects on its way. */
export interface InputContext {
  readonly tx: TransactionView;
  readonly inputIndex: number;
  readonly flags: number;
  readonly sighash: SighashContext;
  readonly crypto: CryptoEngine;
  /** Where Schnorr checks are put off to; they are made at once without it. */
  readonly batch: SignatureBatch | undefined;
  /** Who owns the checks put off, so that a failed one is traced back. */
  readonly batchOwner: number;
  readonly onStep: ((step: TraceStep) => void) | undefined;
  /** SHA-256 of the annex with its length (BIP341). */
  annexHash: Uint8Array | undefined;
  /** Leaf and last executed OP_CODESEPARATOR (BIP342). */
  leaf: (TapscriptSighash & { codeSeparatorPosition: number }) | undefined;
  /** What is left of the budget of signature checks (BIP342). */
  validationWeightLeft: number;
}
