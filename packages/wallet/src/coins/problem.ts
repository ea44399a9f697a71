import type { Candidates } from './candidates.ts';
import { feeOf, type InputSum, transactionWeightOf } from './price.ts';

/** What is to be solved, in numbers: satoshis and weight units. */
export interface Problem {
  readonly candidates: Candidates;
  /** Satoshis that are paid. */
  readonly paid: number;
  readonly outputs: { readonly bytes: number; readonly count: number };
  /** The inputs that must be there. */
  readonly required: InputSum & { readonly value: number };
  /** Satoshis per 1,000 virtual bytes; for the selection it is 0 when the payments bear the fee. */
  readonly feeRate: number;
  /** The price that the transaction really pays. */
  readonly realFeeRate: number;
  readonly longTermFeeRate: number;
  readonly change: {
    readonly bytes: number;
    /** Least amount of an output of its own. */
    readonly minimum: number;
    /** What is left for it if possible. */
    readonly target: number;
    /** Fee of the later input that spends it. */
    readonly spendFee: number;
  };
  readonly maximumWeight: number;
}

/** A set of candidates with all that follows from it. */
export interface Outcome {
  readonly places: readonly number[];
  readonly weight: number;
  /** What the rate asks for; without change the rest goes there too. */
  readonly leastFee: number;
  readonly change: number;
  readonly waste: number;
}

/** Fee of one weight unit. */
export function unitPrice(satoshisPerKvb: number): number {
  return satoshisPerKvb / 4_000;
}

/** Weight of the transaction with required inputs and what was added to them. */
export function weightWith(problem: Problem, added: InputSum, hasChange: boolean): number {
  const { required, outputs, change } = problem;
  const inputs = {
    weight: required.weight + added.weight,
    count: required.count + added.count,
    witnesses: required.witnesses + added.witnesses,
  };
  return transactionWeightOf(
    inputs,
    hasChange ? { bytes: outputs.bytes + change.bytes, count: outputs.count + 1 } : outputs,
  );
}

/** What change costs: its output now, its input later (Core's cost of change). */
export function changeCost(problem: Problem): number {
  const { change, realFeeRate } = problem;
  return change.bytes * 4 * unitPrice(realFeeRate) + change.spendFee;
}

/** What candidates have to bring for a transaction without change, fees of inputs not counted; never too much. */
export function targetOf(problem: Problem): number {
  const base = weightWith(problem, { weight: 0, count: 0, witnesses: 0 }, false);
  return problem.paid - problem.required.value + base * unitPrice(problem.feeRate);
}

/** What candidates have to bring so that change of an amount is left; rounding included. */
export function targetWithChange(problem: Problem, amount: number): number {
  const base = weightWith(problem, { weight: 0, count: 0, witnesses: 0 }, true);
  // 2 for the frame of witnesses, 8 for a longer count of inputs, 3 for whole virtual bytes, 1 satoshi for whole ones.
  return problem.paid - problem.required.value + amount + (base + 13) * unitPrice(problem.feeRate) + 1;
}

/**
 * What a set comes to, exactly.
 *
 * @returns `undefined` when it does not pay, or weighs too much.
 */
export function outcomeOf(problem: Problem, places: readonly number[]): Outcome | undefined {
  const { candidates, required, paid, feeRate, realFeeRate, longTermFeeRate, change, maximumWeight } = problem;
  let value = required.value;
  const added = { weight: 0, count: 0, witnesses: 0 };
  for (const place of places) {
    value += candidates.values[place] as number;
    added.weight += candidates.weights[place] as number;
    added.count += candidates.sizes[place] as number;
    added.witnesses += candidates.witnesses[place] as number;
  }
  const inputWeight = required.weight + added.weight;
  const later = inputWeight * (unitPrice(realFeeRate) - unitPrice(longTermFeeRate));
  const weightAndChange = weightWith(problem, added, true);
  const left = value - paid - feeOf(weightAndChange, feeRate);
  if (left >= change.minimum) {
    if (weightAndChange > maximumWeight) return undefined;
    const leastFee = feeOf(weightAndChange, realFeeRate);
    return { places, weight: weightAndChange, leastFee, change: left, waste: later + changeCost(problem) };
  }
  const weight = weightWith(problem, added, false);
  const excess = value - paid - feeOf(weight, feeRate);
  if (excess < 0 || weight > maximumWeight) return undefined;
  return { places, weight, leastFee: feeOf(weight, realFeeRate), change: 0, waste: later + excess };
}
