import type { Counterexample } from './explore.ts';

/** Settings of {@link toScript}. */
export interface ScriptOptions {
  /** Module that exports the model, as the script imports it: `./model.ts`. */
  readonly module: string;
  /** Name of the export; `model` when absent. */
  readonly name?: string;
}

/**
 * Writes a counterexample as a TypeScript program: it plays the trace again, prints each step, and ends with 1 while
 * the bug is there, with 0 once it is gone.
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
  const { wrong, actions, faults } = counterexample;
  const { module, name = 'model' } = options;
  const lines = actions.map((action) => `  ${JSON.stringify(action)},`);
  return `// ${oneLine(wrong)}
import { replay } from '@bitcoin-enterprise/events';
import { ${name} } from ${JSON.stringify(module)};

const faults = ${JSON.stringify(faults)};
const actions = [
${lines.join('\n')}
];
const steps = replay(${name}, { actions, faults });
for (const { action, states, world, wrong } of steps) {
  console.log(action === undefined ? 'beginning' : JSON.stringify(action));
  console.log('  states', JSON.stringify(states));
  console.log('  world ', JSON.stringify(world));
  if (wrong !== undefined) console.log('  WRONG ', wrong);
}
process.exitCode = steps.at(-1)?.wrong === undefined ? 0 : 1;
`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}
