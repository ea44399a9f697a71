import { toHex } from '@bitcoin-enterprise/core';
import { guarded, requireObject } from '../checks.ts';
import type { DebugSession } from './model.ts';
import type { DebugStep, Stacks } from './model.ts';

/** Stacks in hexadecimal, bottom first. */
export interface StacksJson {
  readonly stack: readonly string[];
  readonly altStack: readonly string[];
}

/** A step with its bytes in hexadecimal. */
export type DebugStepJson = Omit<DebugStep, 'data' | 'before' | 'after'> & {
  readonly data?: string;
  readonly before: StacksJson;
  readonly after?: StacksJson;
};

/** A session that can be kept and sent. */
export type DebugSessionJson = Omit<DebugSession, 'steps' | 'map'> & {
  readonly steps: readonly DebugStepJson[];
  readonly map?: {
    /** In hexadecimal. */
    readonly script: string;
    readonly fragments: NonNullable<DebugSession['map']>['fragments'];
    readonly opcodes: NonNullable<DebugSession['map']>['opcodes'];
    readonly clauses: readonly Omit<NonNullable<DebugSession['map']>['clauses'][number], 'clause'>[];
  };
};

/**
 * A session as JSON: bytes in hexadecimal. What the witness reveals is in it, as it is in the transaction.
 *
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function sessionToJson(session: DebugSession): DebugSessionJson {
  return guarded('session', 'what debugSpend returned', () => {
    const { steps, map, ...rest } = requireObject<DebugSession>('session', session) as DebugSession;
    return {
      ...rest,
      steps: steps.map(stepJson),
      ...(map === undefined
        ? {}
        : {
            map: {
              script: toHex(map.script),
              fragments: map.fragments,
              opcodes: map.opcodes,
              clauses: map.clauses.map(({ index, parent, text, source }) => ({
                index,
                parent,
                text,
                ...(source === undefined ? {} : { source }),
              })),
            },
          }),
    };
  });
}

function stepJson({ data, before, after, ...rest }: DebugStep): DebugStepJson {
  return {
    ...rest,
    ...(data === undefined ? {} : { data: toHex(data) }),
    before: stacksJson(before),
    ...(after === undefined ? {} : { after: stacksJson(after) }),
  };
}

function stacksJson({ stack, altStack }: Stacks): StacksJson {
  return { stack: stack.map(toHex), altStack: altStack.map(toHex) };
}
