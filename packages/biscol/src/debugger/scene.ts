import type { CryptoEngine } from '@bitcoin-enterprise/core';
import {
  type InputTrace,
  type InputVerdict,
  type ScriptFlag,
  type ScriptPhase,
  type SpentOutput,
  type Transaction,
  type TransactionInput,
  traceInput,
  verifyInput,
} from '@bitcoin-enterprise/script';
import type { Way } from '../contract/state-output.ts';
import type { ChainView } from './chain-view.ts';
import type { Known } from './known.ts';
import type { DebugStep, FragmentMap, SpendKind } from './model.ts';

/** A spend that is looked into. */
export interface Scene {
  readonly tx: Transaction;
  readonly inputIndex: number;
  readonly spentOutputs: readonly SpentOutput[];
  readonly flags: readonly ScriptFlag[];
  readonly crypto: CryptoEngine;
  readonly known: Known;
  readonly kind: SpendKind;
  readonly way: Way | undefined;
  readonly map: FragmentMap | undefined;
  readonly steps: readonly DebugStep[];
  readonly stepCount: number;
  /** The scripts that ran. */
  readonly scripts: ReadonlyMap<ScriptPhase, Uint8Array>;
  readonly verdict: InputVerdict;
  readonly chain: ChainView | undefined;
}

/** What is another in a run. */
export interface Changes {
  readonly witness?: readonly Uint8Array[];
  readonly crypto?: CryptoEngine;
}

/** The input that is looked into. */
export function inputOf({ tx, inputIndex }: Pick<Scene, 'tx' | 'inputIndex'>): TransactionInput {
  return tx.inputs[inputIndex] as TransactionInput;
}

/** Runs the scripts again with something changed. */
export function works(scene: Scene, changes: Changes): boolean {
  return verifyInput(optionsOf(scene, changes)).ok;
}

/** The same, with what happened. */
export function retrace(scene: Scene, changes: Changes): InputTrace {
  return traceInput({ ...optionsOf(scene, changes), maximumSteps: 10_000 });
}

function optionsOf(scene: Scene, { witness, crypto }: Changes): Parameters<typeof verifyInput>[0] {
  const { tx, inputIndex, spentOutputs, flags } = scene;
  const changed =
    witness === undefined
      ? tx
      : { ...tx, inputs: tx.inputs.map((input, at) => (at === inputIndex ? { ...input, witness } : input)) };
  return { tx: changed, inputIndex, spentOutputs, flags, crypto: crypto ?? scene.crypto };
}
