import { invalidArgument } from '../errors.ts';
import { requireRecord } from '../model/checks.ts';
import { toJson } from '../model/json.ts';
import type { Counterexample } from './explore.ts';

/** Settings of {@link toScript}. */
export interface ScriptOptions {
  /** Module that exports the model, as the script imports it: `./model.ts`. */
  readonly module: string;
  /** Name of the export; `model` when absent. */
  readonly name?: string;
}

/**
 * Writes a counterexample as a TypeScript program for Node, which passes strict type checks: it plays the trace again
 * and prints each step. It ends with 1 while something is wrong, with 0 once nothing is, and with 2 when the trace no
 * longer fits the model, so that it says nothing about the bug.
 *
 * @example
 * ```ts
 * import { toScript } from '@bitcoin-enterprise/events';
 *
 * const actions = [{ do: 'move', name: 'block' } as const];
 * toScript({ wrong: 'paid twice', actions, faults: {} }, { module: './model.ts' }).includes('paid twice'); // => true
 * ```
 */
export function toScript(counterexample: Counterexample, options: ScriptOptions): string {
  requireRecord('counterexample', counterexample);
  requireRecord('options', options);
  const { wrong, actions, faults } = counterexample;
  const { module, name = 'model' } = options;
  if (typeof wrong !== 'string') throw invalidArgument('counterexample.wrong', 'a string', wrong);
  if (!Array.isArray(actions)) throw invalidArgument('counterexample.actions', 'an array', actions);
  requireRecord('counterexample.faults', faults);
  if (typeof module !== 'string') throw invalidArgument('options.module', 'a string', module);
  if (typeof name !== 'string' || !/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name))
    throw invalidArgument('options.name', 'a name of an export', name);
  const lines = actions.map((action, index) => `      ${toJson(action, `counterexample.actions[${index}]`)},\n`);
  // The trace stands in the call itself, so that its texts keep their literal types.
  return `// ${oneLine(wrong)}
import { EventsError, replay } from '@bitcoin-enterprise/events';
import { ${name} } from ${JSON.stringify(module)};

try {
  const steps = replay(${name}, {
    faults: ${toJson(faults, 'counterexample.faults')},
    actions: [
${lines.join('')}    ],
  });
  for (const { action, states, world, wrong } of steps) {
    console.log(action === undefined ? 'beginning' : JSON.stringify(action));
    console.log('  states', JSON.stringify(states));
    console.log('  world ', JSON.stringify(world));
    if (wrong !== undefined) console.log('  WRONG ', wrong);
  }
  process.exitCode = steps.some(({ wrong }) => wrong !== undefined) ? 1 : 0;
} catch (error) {
  if (!(error instanceof EventsError) || error.code !== 'EVENTS_ACTION_IMPOSSIBLE') throw error;
  console.error('the trace no longer fits:', error.message);
  process.exitCode = 2;
}
`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}
