import { CoreError, invalidArgument } from '../errors.ts';
import { isList } from '../codecs/is-bytes.ts';
import {
  requireFunction,
  requireName,
  requireNumber,
  requireOptionalFunction,
  requireOptionalMs,
  requireOptions,
  requirePart,
  requireSignal,
  type World,
  worldOf,
} from './arguments.ts';
import { deadlineError } from './deadline.ts';
import { isRetryable } from './error-facts.ts';
import { quietly, type ResilienceObserver } from './events.ts';
import type { AttemptContext } from './resilient.ts';
import type { RetryBudget } from './retry-budget.ts';
import { openScope, type Scope, untilAborted } from './scope.ts';

/** What {@link hedged} is told. */
export interface HedgedOptions extends Pick<World, 'clock' | 'timers'> {
  /** Name for errors and events. */
  readonly name?: string;
  /** How long each source is given before the next one is asked too, in milliseconds: the slowest 5 % of answers. */
  readonly delayMs: number;
  /** What every read beyond the first is paid from. */
  readonly budget?: RetryBudget;
  /**
   * Whether an error is worth asking the next source at once; its own field `retryable` when absent. Any other error is
   * the answer.
   */
  readonly isRetryable?: (error: unknown) => boolean;
  /** Is told of every hedge. */
  readonly observe?: ResilienceObserver;
  /** How long the call may take, in milliseconds from now. */
  readonly deadlineMs?: number;
  /** Ends the call. */
  readonly signal?: AbortSignal;
}

/**
 * Reads from the first source, and from the next one too when no answer came after a delay, or at once when it failed.
 * The first answer wins; the signals of the losers are aborted. For reads only: several sources may do the work.
 *
 * @param sources - One or more, in order of preference; the same one twice asks it twice.
 * @throws CoreError `CORE_TIMEOUT`, `CORE_ABORTED`, `CORE_INVALID_ARGUMENT`, `CORE_UNIT_OUT_OF_RANGE`; when all
 * sources failed, the error that came last.
 *
 * @example
 * ```ts
 * import { hedged } from '@bitcoin-enterprise/core/resilience';
 *
 * const stuck = () => new Promise<string>(() => {});
 * await hedged([stuck, async () => 'second'], { delayMs: 5 }); // => 'second'
 * ```
 */
export async function hedged<T>(
  sources: ReadonlyArray<(context: AttemptContext) => PromiseLike<T> | T>,
  options: HedgedOptions,
): Promise<T> {
  requireHedge(sources, options);
  const { name = 'hedge', delayMs, deadlineMs, signal: parent, budget } = options;
  const { clock, timers } = worldOf(options);
  const worthAnother = options.isRetryable ?? isRetryable;
  const observe = quietly(options.observe);
  const limit =
    deadlineMs === undefined
      ? undefined
      : { ms: deadlineMs, timeout: () => deadlineError({ policy: name, limitMs: deadlineMs }) };
  const scope = openScope({ clock, timers, parent, limit, policy: name });
  const open = new Set<Scope>();
  let callOff = (): void => undefined;
  budget?.deposit();

  const race = (resolve: (answer: T) => void, reject: (error: unknown) => void): void => {
    let begun = 0;
    let settled = false;
    const settle = (tell: () => void): void => {
      settled = true;
      callOff();
      tell();
    };
    /** A judge or a budget that fails is the caller's own: it ends the call, where nobody else would hear of it. */
    const orReject = (step: () => unknown): void => {
      try {
        step();
      } catch (failure) {
        settle(() => reject(failure));
      }
    };
    const mayBegin = (): boolean => begun < sources.length && (begun === 0 || budget?.withdraw() !== false);
    const begin = (): boolean => {
      callOff();
      const source = sources[begun];
      if (settled || scope.signal.aborted || source === undefined || !mayBegin()) return false;
      const attempt = ++begun;
      if (attempt > 1) observe({ kind: 'hedge', policy: name, attempt });
      const own = openScope({ clock, timers, parent: scope.signal, policy: name });
      open.add(own);
      const ended = (): void => {
        own.close();
        open.delete(own);
      };
      untilAborted(own.signal, () => source({ signal: own.signal, attempt })).then(
        (answer) => {
          ended();
          settle(() => resolve(answer));
        },
        (error: unknown) => {
          ended();
          // The last one out tells; before that, a failure only hastens the next source.
          orReject(() => {
            if (!worthAnother(error) || (!begin() && open.size === 0)) settle(() => reject(error));
          });
        },
      );
      if (begun < sources.length) callOff = timers.after(delayMs, () => orReject(begin));
      return true;
    };
    begin();
  };
  try {
    return await untilAborted(scope.signal, () => new Promise<T>(race));
  } finally {
    callOff();
    scope.close();
    for (const loser of open) loser.end(lostError(name));
  }
}

function requireHedge(sources: unknown, options: HedgedOptions): void {
  if (!isList(sources) || sources.length === 0) throw invalidArgument('sources', 'one function or more', sources);
  for (const source of sources) requireFunction('source', source);
  requireOptions('options', options);
  requireName('options.name', options.name);
  requireNumber('options.delayMs', options.delayMs, 0, Number.MAX_SAFE_INTEGER);
  requireOptionalMs('options.deadlineMs', options.deadlineMs);
  requireSignal('options.signal', options.signal);
  requirePart('options.budget', options.budget, ['deposit', 'withdraw']);
  requireOptionalFunction('options.isRetryable', options.isRetryable);
}

function lostError(policy: string): CoreError<'CORE_ABORTED'> {
  return new CoreError('CORE_ABORTED', 'expected to answer first, got beaten by another source', {
    details: { policy },
  });
}
