import { requireInteger, requireObject } from '../errors.ts';
import type { TraceStep } from './trace-step.ts';
import { type InputVerdict, type VerifyInputOptions, verifyInput } from './verify.ts';

/** How an input is traced. */
export interface TraceInputOptions extends Omit<VerifyInputOptions, 'onStep' | 'batch' | 'batchOwner'> {
  /** Steps kept, 100,000 when absent: a hostile script can have four million. */
  readonly maximumSteps?: number;
}

/** What happened while an input was checked. */
export interface InputTrace {
  readonly verdict: InputVerdict;
  /** The machine before each opcode, in order. The last one is where a failing script failed. */
  readonly steps: readonly TraceStep[];
  /** How many steps there were, kept or not. */
  readonly stepCount: number;
}

/**
 * Checks an input and records the machine before each opcode.
 *
 * @throws {@link ScriptError} as {@link verifyInput}.
 *
 * @example
 * ```ts no-run
 * import { consensusFlags, traceInput, type SpentOutput } from '@bitcoin-enterprise/script';
 *
 * declare const tx: Uint8Array, spentOutputs: SpentOutput[];
 *
 * const { verdict, steps } = traceInput({ tx, inputIndex: 0, spentOutputs, flags: consensusFlags });
 * if (!verdict.ok) steps.at(-1)?.name; // the opcode that failed
 * ```
 */
export function traceInput(options: TraceInputOptions): InputTrace {
  requireObject(options, 'options');
  const { maximumSteps = 100_000, ...rest } = options;
  requireInteger(maximumSteps, 'maximumSteps', 0, Number.MAX_SAFE_INTEGER);
  const steps: TraceStep[] = [];
  let stepCount = 0;
  const verdict = verifyInput({
    ...rest,
    onStep: (step) => {
      stepCount++;
      if (steps.length < maximumSteps) steps.push(step);
    },
  });
  return { verdict, steps, stepCount };
}
