import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Counterexample, explore, type Model, replay, shrink, toScript, walk } from '@bitcoin-enterprise/events';
import { afterAll, describe, expect, it } from 'vitest';
import { type Bug, bugs, type SwapEvent, swapModel } from './support/swap-model.ts';

// Inside the package, so that a script finds it by its name.
const folder = mkdtempSync(join(import.meta.dirname, 'scripts-'));
afterAll(() => rmSync(folder, { recursive: true }));

const faults = { crashes: 1, duplicates: 1, losses: 0 };
const depth = 40;
const fewFirst = [{ crashes: 0, duplicates: 0 }, { crashes: 1, duplicates: 0 }, { crashes: 0, duplicates: 1 }, faults];

/** The counterexample with the fewest faults: what needs none is found in a much smaller space. */
function findBug(bug: Bug): Counterexample<SwapEvent> {
  for (const few of fewFirst) {
    const { counterexample } = explore(swapModel(bug), { depth, faults: few });
    if (counterexample !== undefined) return counterexample;
  }
  throw new Error(`not found: ${bug}`);
}

describe('exploring a swap', () => {
  it('finds nothing wrong with the right machine, in every interleaving', { timeout: 600_000 }, () => {
    const { counterexample, situations, complete } = explore(swapModel(), { depth, faults });
    process.stderr.write(`the right swap: ${situations} situations\n`);

    expect(counterexample).toBeUndefined();
    expect(complete).toBe(true);
    expect(situations).toBeGreaterThan(10_000);
  });

  it.for(bugs)('finds the bug: %s', { timeout: 600_000 }, (bug: Bug) => {
    const model = swapModel(bug);
    const counterexample = findBug(bug);

    const steps = replay(model, counterexample);
    expect(steps.at(-1)?.wrong).toBe(counterexample.wrong);
    expect(steps.slice(0, -1).every(({ wrong }) => wrong === undefined)).toBe(true);
    for (const index of counterexample.actions.keys()) {
      const without = { ...counterexample, actions: counterexample.actions.toSpliced(index, 1) };
      expect(wrongOf(model, without), `action ${index} is needed`).not.toBe(counterexample.wrong);
    }
  });

  it('writes each counterexample as a program that fails with the bug and ends well without it', () => {
    const bug = 'pays again under a new key when the outcome is unknown';
    const counterexample = findBug(bug);
    const module = join(import.meta.dirname, 'support/swap-model.ts');
    const play = (model: string): ReturnType<typeof spawnSync> => {
      writeFileSync(
        join(folder, 'model.ts'),
        `import { swapModel } from ${JSON.stringify(module)};\nexport const model = ${model};\n`,
      );
      writeFileSync(join(folder, 'trace.ts'), toScript(counterexample, { module: './model.ts' }));
      const args = ['--conditions=@bitcoin-enterprise/source', '--disable-warning=ExperimentalWarning'];
      return spawnSync(process.execPath, [...args, join(folder, 'trace.ts')], { encoding: 'utf8' });
    };
    const broken = play(`swapModel(${JSON.stringify(bug)})`);
    const other = play(`swapModel('takes an unknown outcome for a failure')`);

    expect(broken.stdout).toContain('WRONG  paid twice');
    expect(broken.status).toBe(1);
    // The trace does not fit another machine: the program says so, and does not claim that all is well.
    expect(other.stderr).toContain('EVENTS_ACTION_IMPOSSIBLE');
    expect(other.status).toBe(1);
  });
});

describe('random walks', () => {
  it('find a deep bug, shrink it, and find the same again for the same seed', () => {
    const model = swapModel('claims again under the old key');
    const options = { seed: 7, walks: 20_000, depth: 60, faults };
    const first = walk(model, options);

    expect(first.counterexample?.wrong).toMatch(/claim/);
    expect(walk(model, options)).toEqual(first);
    expect(replay(model, first.counterexample ?? { actions: [], faults }).at(-1)?.wrong).toBe(
      first.counterexample?.wrong,
    );
    expect(first.counterexample?.actions.length).toBeLessThanOrEqual(
      findBug('claims again under the old key').actions.length + 4,
    );
  });
});

describe('the explorer', () => {
  const counter: Model<number, { readonly type: 'tick' }, never, number> = {
    machines: { a: { name: 'counter', initial: () => 0, step: (n) => ({ state: n + 1 }) } },
    world: 0,
    perform: () => [],
    moves: (n) => (n < 5 ? [{ name: 'tick', world: n + 1, messages: [{ to: 'a', event: { type: 'tick' } }] }] : []),
    invariant: ({ states }) => ((states['a'] ?? 0) > 4 ? 'five' : undefined),
  };

  it('stops at its depth and at its number of situations, and says that it is not complete', () => {
    expect(explore(counter, { depth: 3 })).toMatchObject({ counterexample: undefined, complete: false });
    expect(explore(counter, { maxSituations: 5 })).toMatchObject({ situations: 5, complete: false });
    expect(explore({ ...counter, invariant: () => undefined }, { depth: 20 })).toMatchObject({ complete: true });
  });

  it('loses messages only when it may', () => {
    const heard = {
      ...counter,
      invariant: () => undefined,
      settled: ({ states }: { readonly states: Readonly<Record<string, number>> }) =>
        states['a'] === 5 ? undefined : 'a tick is missing',
    };

    expect(explore(heard, { faults: { losses: 0, duplicates: 0 } }).counterexample).toBeUndefined();
    expect(explore(heard, { faults: { losses: 1, duplicates: 0 } }).counterexample?.wrong).toBe('a tick is missing');
  });

  it('reports an effect that can never be performed', () => {
    const model: Model<number, { readonly type: 'go' }, { readonly type: 'x' }, number> = {
      machines: {
        a: { name: 'm', initial: () => 0, step: () => ({ state: 1, asks: [{ effect: { type: 'x' }, key: 'k' }] }) },
      },
      world: 0,
      messages: [{ to: 'a', event: { type: 'go' } }],
      perform: () => [],
    };

    expect(explore(model).counterexample?.wrong).toBe('effect k of a can never be performed');
  });

  it('shrinks away what is not needed, in runs and one by one', () => {
    const tick = { do: 'move', name: 'tick' } as const;
    const deliver = { do: 'deliver', to: 'a', event: { type: 'tick' } } as const;
    const actions = [tick, deliver, tick, tick, deliver, deliver, tick, deliver, tick, deliver];
    const model: typeof counter = {
      ...counter,
      invariant: ({ states }) => ((states['a'] ?? 0) > 1 ? 'two' : undefined),
    };
    const shrunk = shrink(model, { wrong: 'two', actions, faults: {} });

    expect(shrunk.actions).toEqual([tick, deliver, tick, deliver]);
  });
});

function wrongOf(model: ReturnType<typeof swapModel>, trace: Pick<Counterexample<SwapEvent>, 'actions' | 'faults'>) {
  try {
    return replay(model, trace).at(-1)?.wrong;
  } catch {
    return undefined;
  }
}
