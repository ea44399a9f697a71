import { assemble, type InputVerdict, isOpSuccess, traceInput, type TraceStep } from '@bitcoin-enterprise/script';
import { concatBytes } from '@bitcoin-enterprise/core';
import { guarded, requireInteger, requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import type { DebugSession, DebugStep, FragmentMap, Stacks } from './model.ts';

/** Errors of a script that has run to its end: its last opcode did what it does. */
const AT_THE_END: ReadonlySet<string> = new Set([
  'EVAL_FALSE',
  'CLEANSTACK',
  'UNBALANCED_CONDITIONAL',
  'WITNESS_UNEXPECTED',
]);
/** What leaves both stacks as they are. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  'OP_ELSE',
  'OP_ENDIF',
  'OP_CHECKLOCKTIMEVERIFY',
  'OP_CHECKSEQUENCEVERIFY',
  'OP_CHECKTEMPLATEVERIFY',
  'OP_CODESEPARATOR',
]);

/** Steps of a trace with what each did, and whose it is. */
export function stepsOf(
  traced: readonly TraceStep[],
  of: { readonly verdict: InputVerdict; readonly isWhole: boolean; readonly map: FragmentMap | undefined },
): readonly DebugStep[] {
  const { verdict, isWhole, map } = of;
  const places = new Map(map?.opcodes.map((one) => [one.offset, one.fragment]));
  return traced.map((step, index): DebugStep => {
    const { phase, offset, opcodePosition, opcode, name, data, executed, conditionDepth } = step;
    const next = traced[index + 1];
    const isMapped = phase === 'tapscript' || phase === 'witnessScript';
    const fragment = isMapped ? places.get(offset) : undefined;
    const clause = fragment === undefined ? undefined : map?.fragments[fragment]?.clause;
    return {
      index,
      phase,
      offset,
      opcodePosition,
      opcode,
      name,
      data,
      executed,
      conditionDepth,
      before: { stack: step.stack, altStack: step.altStack },
      after:
        next?.phase === phase
          ? { stack: next.stack, altStack: next.altStack }
          : next === undefined && !(isWhole && hasRun(verdict))
            ? undefined
            : afterLast(step, next !== undefined || verdict.ok || (verdict.error === 'EVAL_FALSE' ? false : undefined)),
      validationWeightLeft: step.validationWeightLeft,
      ...(fragment === undefined ? {} : { fragment }),
      ...(clause === undefined ? {} : { clause }),
    };
  });
}

function hasRun(verdict: InputVerdict): boolean {
  return verdict.ok || AT_THE_END.has(verdict.error);
}

/** What the last opcode of a script did; `undefined` where nobody can tell. `isTrue`: what the script left on top. */
function afterLast(
  { name, opcode, executed, stack, altStack, data, phase }: TraceStep,
  isTrue: boolean | undefined,
): Stacks | undefined {
  if (!executed || WITHOUT_EFFECT.has(name) || (phase !== 'tapscript' && name.startsWith('OP_NOP')))
    return { stack, altStack };
  if (data !== undefined) return { stack: [...stack, data], altStack };
  if (name.startsWith('OP_CHECKSIG')) {
    if (phase !== 'tapscript')
      return name === 'OP_CHECKSIG' && isTrue !== undefined
        ? { stack: [...stack.slice(0, -2), isTrue ? Uint8Array.of(1) : new Uint8Array(0)], altStack }
        : undefined;
    const taken = name === 'OP_CHECKSIGADD' ? 3 : 2;
    const isGiven = (stack.at(-taken)?.length ?? 0) > 0;
    const rest = stack.slice(0, -taken);
    if (name === 'OP_CHECKSIGVERIFY') return { stack: rest, altStack };
    if (name === 'OP_CHECKSIG') return { stack: [...rest, isGiven ? Uint8Array.of(1) : new Uint8Array(0)], altStack };
    return undefined;
  }
  if (name.startsWith('OP_CHECKMULTISIG') || isOpSuccess(opcode)) return undefined;
  return runAlone(opcode, stack, altStack);
}

/** Consensus limit of a script before tapscript; there is no other way to run an opcode by itself. */
const MOST_BYTES = 10_000;

/** Runs an opcode that needs no transaction on stacks that are given. */
function runAlone(opcode: number, stack: readonly Uint8Array[], altStack: readonly Uint8Array[]): Stacks | undefined {
  const pushes = assemble([...altStack.flatMap((one) => [one, 'OP_TOALTSTACK' as const]), ...stack]);
  const script = concatBytes(pushes, Uint8Array.of(opcode), assemble(['OP_NOP']));
  if (script.length > MOST_BYTES) return undefined;
  const nothing = new Uint8Array(0);
  const { steps } = traceInput({
    tx: {
      version: 2,
      inputs: [{ previousTxid: new Uint8Array(32), previousIndex: 0, scriptSig: nothing, sequence: 0, witness: [] }],
      outputs: [{ value: 0n, scriptPubKey: nothing }],
      lockTime: 0,
    },
    inputIndex: 0,
    spentOutputs: [{ value: 0n, scriptPubKey: script }],
    flags: ['NONE'],
  });
  const last = steps.at(-1);
  return last === undefined || last.offset < script.length - 1
    ? undefined
    : { stack: last.stack, altStack: last.altStack };
}

/**
 * One step of a session, in constant time.
 *
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT` for an index that no step has.
 */
export function stepAt(session: DebugSession, index: number): DebugStep {
  return guarded('session', 'what debugSpend returned', () => {
    const steps = requireSteps(session);
    if (steps.length === 0) throw invalidArgument('session', 'a session with steps', session);
    return steps[requireInteger('index', index, 0, steps.length - 1)] as DebugStep;
  });
}

/** The step after a step, in constant time; `undefined` after the last one. */
export function nextStep(session: DebugSession, step: DebugStep): DebugStep | undefined {
  return guarded('session', 'what debugSpend returned', () => requireSteps(session)[indexOf(step) + 1]);
}

/** The step before a step, in constant time; `undefined` before the first one. */
export function previousStep(session: DebugSession, step: DebugStep): DebugStep | undefined {
  return guarded('session', 'what debugSpend returned', () => requireSteps(session)[indexOf(step) - 1]);
}

function requireSteps(session: unknown): readonly DebugStep[] {
  const { steps } = requireObject<DebugSession>('session', session);
  // Not every step is looked at: that would not be constant time.
  if (!Array.isArray(steps)) throw invalidArgument('session.steps', 'a list', steps);
  return steps;
}

function indexOf(step: unknown): number {
  const { index } = requireObject<DebugStep>('step', step);
  return requireInteger('step.index', index, 0, Number.MAX_SAFE_INTEGER);
}
