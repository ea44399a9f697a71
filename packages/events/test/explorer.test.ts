import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Counterexample, explore, type Model, replay, shrink, toScript, walk } from '@bitcoin-enterprise/events';
import { afterAll, describe, expect, it } from 'vitest';
import { type Bug, bugs, type SwapEvent, swapModel } from './support/swap-model.ts';

// Inside the package, so that a script finds it by its name.
const folder = mkdtempSync(join(import.meta.dirname, 'scripts-'));
afterAll(() => rmSync(folder, { recursive: true }));

const faults = { crashes: 1, duplicates: 1, losses: 0, late: 1 };
const none = { crashes: 0, duplicates: 0, losses: 0, late: 0 };
const depth = 40;
const fewFirst = [none, { ...none, crashes: 1 }, { ...none, duplicates: 1 }, { ...none, late: 1 }, faults];
const found = new Map<Bug, Counterexample<SwapEvent>>();

/** The counterexample with the fewest faults: what needs none is found in a much smaller space. */
function findBug(bug: Bug): Counterexample<SwapEvent> {
  const before = found.get(bug);
  if (before !== undefined) return before;
  for (const few of fewFirst) {
    const { counterexample } = explore(swapModel(bug), { depth, faults: few });
    if (counterexample === undefined) continue;
    found.set(bug, counterexample);
    return counterexample;
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

  describe('writes each counterexample as a program', () => {
    const module = JSON.stringify(join(import.meta.dirname, 'support/swap-model.ts'));
    const node = ['--conditions=@bitcoin-enterprise/source', '--disable-warning=ExperimentalWarning'];

    it('that fails with the bug, and with the right machine ends well or says that it does not fit', () => {
      const files: string[] = [];
      for (const [index, bug] of bugs.entries())
        for (const [kind, model] of [
          ['broken', `swapModel(${JSON.stringify(bug)})`],
          ['mended', 'swapModel()'],
        ] as const) {
          const name = `${kind}-${index}`;
          const text = `import { swapModel } from ${module};\nexport const swap = ${model};\n`;
          writeFileSync(join(folder, `model-${name}.ts`), text);
          const script = toScript(findBug(bug), { module: `./model-${name}.ts`, name: 'swap' });
          writeFileSync(join(folder, `trace-${name}.ts`), script);
          files.push(`trace-${name}`);
        }
      // All in one process: each is imported for itself, and its exit code taken.
      writeFileSync(
        join(folder, 'all.ts'),
        `const codes: Record<string, unknown> = {};
for (const file of ${JSON.stringify(files)}) {
  process.exitCode = 99;
  await import(\`./\${file}.ts\`);
  codes[file] = process.exitCode;
}
process.exitCode = 0;
console.log(JSON.stringify(codes));
`,
      );
      const { stdout, stderr } = spawnSync(process.execPath, [...node, join(folder, 'all.ts')], {
        encoding: 'utf8',
        maxBuffer: 1e8,
      });
      const codes = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Readonly<Record<string, number>>;
      const broken = bugs.map((_, index) => codes[`trace-broken-${index}`]);
      const mended = bugs.map((_, index) => codes[`trace-mended-${index}`]);

      expect(broken).toEqual(bugs.map(() => 1));
      expect(mended.every((code) => code === 0 || code === 2)).toBe(true);
      // Both happen: some mistakes change what can be done, some only what comes of it.
      expect(new Set(mended)).toEqual(new Set([0, 2]));
      expect(stderr.match(/no longer fits/g)).toHaveLength(mended.filter((code) => code === 2).length);
    });

    it('that ends by itself with its exit code', () => {
      const run = (kind: string): number | null =>
        spawnSync(process.execPath, [...node, join(folder, `trace-${kind}-0.ts`)]).status;

      expect(run('broken')).toBe(1);
      expect([0, 2]).toContain(run('mended'));
    });

    it('that passes strict type checks', { timeout: 120_000 }, () => {
      const root = join(import.meta.dirname, '../../..');
      const settings = { extends: join(root, 'tsconfig.check.json'), include: ['trace-*.ts'], exclude: [] };
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings));
      const tsc = join(root, 'node_modules/typescript7/bin/tsc');
      const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });

      expect(stdout).toBe('');
      expect(status).toBe(0);
    });
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

  it('lets a worker that slept perform what is long done', () => {
    type Event = { readonly type: 'go' | 'paid' };
    type Effect = { readonly type: 'pay' | 'forget' };
    interface World {
      readonly keys: readonly string[];
      readonly paid: number;
    }
    // The bank knows a payment by its key, until it is told to forget it.
    const model: Model<string, Event, Effect, World> = {
      machines: {
        payer: {
          name: 'payer',
          initial: () => 'new',
          step: (state, { type }) => {
            if (type === 'go')
              return state === 'new'
                ? { state: 'paying', asks: [{ effect: { type: 'pay' }, key: 'pay' }] }
                : { refused: 'it is paying' };
            return { state: 'done', asks: [{ effect: { type: 'forget' }, key: 'forget' }] };
          },
        },
      },
      world: { keys: [], paid: 0 },
      messages: [{ to: 'payer', event: { type: 'go' } }],
      perform: (world, { effect, key }) => {
        if (effect.type === 'forget') return [{ name: 'forgotten', world: { ...world, keys: [] } }];
        if (world.keys.includes(key)) return [{ name: 'paid before', world, reply: { type: 'paid' } }];
        const paid = { keys: [key], paid: world.paid + 1 };
        return [{ name: 'paid', world: paid, reply: { type: 'paid' } }];
      },
      invariant: ({ world }) => (world.paid > 1 ? 'paid twice' : undefined),
    };
    const others = { crashes: 3, duplicates: 3, losses: 1 };

    expect(explore(model, { faults: { ...others, late: 0 } })).toMatchObject({
      counterexample: undefined,
      complete: true,
    });
    const { counterexample } = explore(model, { faults: { late: 1 } });
    expect(counterexample?.actions.map((action) => action.do)).toEqual(['deliver', 'perform', 'perform', 'late']);
    expect(replay(model, counterexample ?? { actions: [], faults: {} }).at(-1)?.wrong).toBe('paid twice');
    expect(walk(model, { seed: 1, faults: { late: 1 } }).counterexample?.wrong).toBe('paid twice');
    expect(explore(model).counterexample?.wrong, 'it is among the faults by itself').toBe('paid twice');
  });

  it('tells situations apart that differ in the faults that are left alone', () => {
    type Event = { readonly type: 'first' | 'second' };
    // A crash is the short way from 0 to 3. Only who came there without one can crash at the second effect.
    const model: Model<number, Event, Event, number> = {
      machines: {
        a: {
          name: 'm',
          initial: () => 0,
          step: (n, { type }) => ({ state: n, asks: [{ effect: { type }, key: type }] }),
        },
      },
      world: 0,
      messages: [{ to: 'a', event: { type: 'first' } }],
      perform: (world, { effect }) => {
        if (effect.type === 'first') return [{ name: 'done', world: world === 0 ? 1 : 3 }];
        return [{ name: 'done', world: world + 1 }];
      },
      moves: (world) => {
        if (world === 1 || world === 2) return [{ name: 'on', world: world + 1 }];
        return world === 3 ? [{ name: 'go', world: 4, messages: [{ to: 'a', event: { type: 'second' } }] }] : [];
      },
      invariant: ({ world }) => (world > 5 ? 'the second was done twice' : undefined),
    };

    expect(explore(model, { faults: { ...none, crashes: 1 } }).counterexample?.wrong).toBe('the second was done twice');
  });

  it('tells situations apart that differ in the effects that were ever asked for alone', () => {
    type Event = { readonly type: 'first' | 'skip' | 'again' };
    type Effect = { readonly type: 'x'; readonly n: number };
    const model: Model<number, Event, Effect, number> = {
      machines: {
        a: {
          name: 'm',
          initial: () => 0,
          step: (n, { type }) => {
            // The mistake: two effects under one key. Who skips the first never notices.
            if (type === 'first') return { state: n, asks: [{ effect: { type: 'x', n: 1 }, key: 'k' }] };
            if (type === 'again') return { state: 2, asks: [{ effect: { type: 'x', n: 2 }, key: 'k' }] };
            return { state: 1, asks: [{ timer: 't', due: { height: 0 }, event: { type: 'again' } }] };
          },
        },
      },
      world: 0,
      perform: (_, { effect }) =>
        effect.n === 1 ? [{ name: 'first', world: 3, reply: { type: 'skip' } }] : [{ name: 'second', world: 4 }],
      moves: (world) =>
        world === 0
          ? [
              { name: 'long', world: 1, messages: [{ to: 'a', event: { type: 'first' } }] },
              { name: 'short', world: 3, messages: [{ to: 'a', event: { type: 'skip' } }] },
            ]
          : [],
      settled: ({ world }) => (world === 4 ? undefined : 'the second was never performed'),
    };

    expect(explore(model, { faults: none }).counterexample?.wrong).toBe('the second was never performed');
  });

  describe('refuses what it could not tell apart', () => {
    class Point {
      readonly x = 1;
    }
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    const bad: Readonly<Record<string, unknown>> = {
      Map: new Map([['a', 1]]),
      Set: new Set([1]),
      Date: new Date(0),
      Infinity,
      NaN,
      bigint: 1n,
      bytes: new Uint8Array(1),
      'a class instance': new Point(),
      'a function': () => 1,
      'a symbol': Symbol('x'),
      'a hole': Array.from({ length: 1 }),
      'a circle': cyclic,
    };
    type Any = { readonly type: 'go' | 'done'; readonly data?: unknown };
    const modelWith = (place: string, value: unknown): Model<unknown, Any, Any, unknown> => {
      const at = (name: string): unknown => (name === place ? { in: [value] } : 1);
      return {
        machines: {
          a: {
            name: 'm',
            initial: () => at('states.a'),
            step: (_, { type }) => {
              if (type === 'done') return { state: 1 };
              const timer = { timer: 't', due: { height: 9 }, event: { type: 'done', data: at('timers') } } as const;
              return {
                state: at('states.a later'),
                asks: [{ effect: { type: 'go', data: at('effects') }, key: 'k' }, timer],
              };
            },
          },
        },
        world: at('world'),
        now: () => ({ height: 0 }),
        messages: [{ to: 'a', event: { type: 'go', data: at('messages') } }],
        perform: () => [
          {
            name: 'done',
            world: at('world later'),
            messages: [{ to: 'a', event: { type: 'done', data: at('messages later') } }],
          },
        ],
      };
    };
    const places = ['states.a', 'world', 'messages', 'effects', 'timers'];

    it.for([...places, 'states.a later', 'world later', 'messages later'])('in %s', (place) => {
      expect(explore(modelWith(place, 'JSON'))).toMatchObject({ complete: true });
      for (const [name, value] of Object.entries(bad)) {
        const refusal = expect.objectContaining({
          code: 'EVENTS_DATA_INVALID',
          details: expect.objectContaining({ path: expect.stringContaining(place.replace(' later', '')) }),
        });
        expect(() => explore(modelWith(place, value)), name).toThrow(refusal);
        expect(() => walk(modelWith(place, value), { seed: 1, walks: 5 }), name).toThrow(refusal);
      }
    });
  });

  it('leaves the world of its caller as it was, and tells nothing from null', () => {
    const world = { a: { b: 1 } };
    const messages = [{ to: 'a', event: { type: 'tick' as const } }];
    const model: Model<null | undefined, { readonly type: 'tick' }, never, typeof world> = {
      machines: { a: { name: 'm', initial: () => null, step: () => ({ state: undefined }) } },
      world,
      messages,
      perform: () => [],
      invariant: ({ states }) => (states['a'] === undefined ? 'nothing' : undefined),
    };

    expect(explore(model).counterexample?.wrong).toBe('nothing');
    expect(Object.isFrozen(world) || Object.isFrozen(world.a) || Object.isFrozen(messages[0])).toBe(false);
  });

  it('answers wrong types with a code', () => {
    const trace = { wrong: 'x', actions: [], faults: {} };
    const machine = { name: 'm', initial: () => 0, step: () => ({ state: 0 }) };
    for (const bad of [undefined, null, 5, 'x', {}, [], { machines: null }, { machines: { a: {} } }] as never[]) {
      const calls: Readonly<Record<string, () => unknown>> = {
        explore: () => explore(bad),
        'explore machines': () => explore({ ...counter, machines: { a: bad } }),
        'explore perform': () => explore({ ...counter, perform: bad }),
        'explore moves': () => explore({ ...counter, moves: bad ?? 5 }),
        'explore depth': () => explore(counter, { depth: bad === 5 ? 0.5 : (bad ?? 0) }),
        'explore crashes': () => explore(counter, { faults: { crashes: bad === 5 ? -1 : (bad ?? -1) } }),
        walk: () => walk(bad, { seed: 1 }),
        'walk seed': () => walk(counter, { seed: bad === 5 ? -1 : bad }),
        replay: () => replay(bad, trace),
        'replay actions': () => replay(counter, { faults: {}, actions: Array.isArray(bad) ? [7 as never] : bad }),
        shrink: () => shrink(bad, trace),
        'shrink trace': () => shrink(counter, bad),
        toScript: () => toScript(bad, { module: './model.ts' }),
        'toScript options': () => toScript(trace, bad),
        'toScript name': () => toScript(trace, { module: 'x', name: bad === 'x' ? 'a b' : (bad ?? '') }),
      };
      for (const [name, call] of Object.entries(calls))
        expect(call, `${name} of ${JSON.stringify(bad)}`).toThrow(/EVENTS_(INVALID_ARGUMENT|ACTION_IMPOSSIBLE)/);
    }
    const lost = {
      machines: { a: machine },
      world: 0,
      messages: [{ to: 'b', event: { type: 'x' } }],
      perform: () => [],
    };
    expect(() => explore(lost)).toThrow('EVENTS_ACTION_IMPOSSIBLE');
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
