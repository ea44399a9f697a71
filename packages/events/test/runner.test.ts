import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Logger, SuiteError } from '@bitcoin-enterprise/core';
import { createManualClock } from '@bitcoin-enterprise/core/testing';
import {
  createMemoryData,
  createMemoryStore,
  createRunner,
  type EventStore,
  type Machine,
  type Performers,
  register,
  type Runner,
} from '@bitcoin-enterprise/events';
import { openSqliteStore } from '@bitcoin-enterprise/events/sqlite';
import { describe, expect, it } from 'vitest';
import { order, type OrderEffect, type OrderEvent } from './support/order-machine.ts';

type Performed = Performers<OrderEvent, OrderEffect>;

const fine: Performed = {
  charge: async () => ({ type: 'charged' }),
  ship: async () => ({ type: 'shipped' }),
};

function scene(performers: Partial<Performed> = {}) {
  const clock = createManualClock();
  const data = createMemoryData();
  const store = createMemoryStore({ clock, data });
  let height = 0;
  const make = (more: Partial<Performed> = performers): Runner =>
    createRunner({
      store,
      clock,
      height: async () => height,
      machines: [register(order, { ...fine, ...more })],
      maxAttempts: 3,
      idleMs: 5,
      snapshotEvery: 2,
      leaseMs: 86_400_000,
    });
  return {
    clock,
    store,
    runner: make(),
    make,
    mine: (to: number) => {
      height = to;
    },
  };
}

/** The store's calls as functions of their own, so that one can be replaced. */
function bound(store: EventStore): EventStore {
  return new Proxy(store, {
    get: (target, name: keyof EventStore) => (target[name] as (...args: unknown[]) => unknown).bind(target),
    ownKeys: (target) => Reflect.ownKeys(Object.getPrototypeOf(target) as object),
    getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
  });
}

const phaseOf = async (runner: Runner, id = '1'): Promise<string> => (await runner.state(order, id)).state.phase;

describe('a runner', () => {
  it('records what it is told, performs what follows, and records the outcome', async () => {
    const { runner, store } = scene();
    const sent = await runner.send(order, '1', { type: 'ordered' });

    expect(sent).toEqual({ accepted: true, state: { phase: 'charging', reminders: 0 }, version: 1 });
    expect(await runner.drain()).toBe(2);
    expect(await runner.state(order, '1')).toEqual({ state: { phase: 'done', reminders: 0 }, version: 3 });
    expect((await store.readStream('order/1')).map(({ type }) => type)).toEqual(['ordered', 'charged', 'shipped']);
    expect(await store.claimTimers({ height: 1_000, time: 8e15 })).toEqual([]);
  });

  it('does not record what the machine refuses', async () => {
    const { runner, store } = scene();

    expect(await runner.send(order, '1', { type: 'shipped' })).toEqual({
      accepted: false,
      reason: 'shipped in new',
      state: { phase: 'new', reminders: 0 },
    });
    expect(await store.head()).toBe(0);
  });

  it('takes an event with a key once, even when the machine would refuse it by now', async () => {
    const { runner } = scene();
    const first = await runner.send(order, '1', { type: 'ordered' }, { key: 'k' });
    await runner.drain();
    const again = await runner.send(order, '1', { type: 'ordered' }, { key: 'k' });
    const other = await runner.send(order, '1', { type: 'ordered' }, { key: 'other' });

    expect([first.accepted, again.accepted, other.accepted]).toEqual([true, true, false]);
    expect(again).toMatchObject({ version: 1 });
  });

  it('hands each performer the effect, its key and its attempt', async () => {
    const seen: unknown[] = [];
    const { runner } = scene({
      charge: async (effect, { id, key, attempt, signal }) => {
        seen.push({ effect, id, key, attempt, aborted: signal.aborted });
        return { type: 'declined', why: 'no funds' };
      },
    });
    await runner.send(order, '1', { type: 'ordered' });
    await runner.drain();

    expect(seen).toEqual([
      { effect: { type: 'charge', sat: '5000' }, id: '1', key: 'order/1/charge', attempt: 1, aborted: false },
    ]);
    expect(await phaseOf(runner)).toBe('failed');
  });

  it('tries again what fails, later each time, and gives up in the end', async () => {
    const attempts: number[] = [];
    const { runner, clock, store } = scene({
      charge: async (_, { attempt }) => {
        attempts.push(attempt);
        throw new Error('offline');
      },
    });
    await runner.send(order, '1', { type: 'ordered' });
    for (let i = 0; i < 6; i++) {
      await runner.drain();
      clock.advanceMs(5_000);
    }

    expect(attempts).toEqual([1, 2, 3]);
    expect(await store.deadEffects()).toMatchObject([{ key: 'order/1/charge', attempts: 3, reason: 'Error' }]);
    expect(await phaseOf(runner)).toBe('charging');
  });

  it('gives up at once what its error calls hopeless, and takes it up again when revived', async () => {
    let broken = true;
    const { runner, store } = scene({
      charge: async () => {
        if (broken) throw new SuiteError('APP_CARD_STOLEN', 'expected an honest card', { details: {} });
        return { type: 'charged' };
      },
    });
    await runner.send(order, '1', { type: 'ordered' });
    await runner.drain();

    expect(await store.deadEffects()).toMatchObject([{ attempts: 1, reason: 'APP_CARD_STOLEN' }]);
    broken = false;
    await store.revive('order/1/charge');
    await runner.drain();
    expect(await phaseOf(runner)).toBe('done');
  });

  it('fires timers by height and by time', async () => {
    const { runner, clock, mine } = scene({ charge: () => new Promise<never>(() => undefined) });
    await runner.send(order, '1', { type: 'ordered' });
    void runner.drain();
    await sleep(5);
    clock.advanceMs(59_999);
    await runner.drain();
    expect(await runner.state(order, '1')).toMatchObject({ state: { phase: 'charging', reminders: 0 } });
    clock.advanceMs(1);
    await runner.drain();
    expect(await runner.state(order, '1')).toMatchObject({ state: { phase: 'charging', reminders: 1 } });
    mine(99);
    await runner.drain();
    expect(await phaseOf(runner)).toBe('charging');
    mine(100);
    await runner.drain();
    expect(await phaseOf(runner)).toBe('failed');
  });

  it('drops the outcome that the machine no longer wants, and the work with it', async () => {
    let finish: (event: OrderEvent) => void = () => undefined;
    const { runner, store, mine } = scene({
      charge: () =>
        new Promise((done) => {
          finish = done;
        }),
    });
    await runner.send(order, '1', { type: 'ordered' });
    const drained = runner.drain();
    await sleep(5);
    mine(100);
    await runner.drain();
    finish({ type: 'charged' });
    await drained;

    expect(await phaseOf(runner)).toBe('failed');
    expect((await store.readStream('order/1')).map(({ type }) => type)).toEqual(['ordered', 'expired']);
    expect(await store.claimEffects()).toEqual([]);
  });

  it('does not wait for a performer that outlives its time and does not listen', async () => {
    const { store, clock } = scene();
    let attempts = 0;
    const charge: Performed['charge'] = () => {
      attempts += 1;
      return attempts === 1 ? new Promise<never>(() => undefined) : Promise.resolve({ type: 'charged' });
    };
    const runner = createRunner({ store, clock, leaseMs: 20, machines: [register(order, { ...fine, charge })] });
    await runner.send(order, '1', { type: 'ordered' });
    await runner.drain();
    clock.advanceMs(1_000);
    await runner.drain();

    expect(attempts).toBe(2);
    expect(await phaseOf(runner)).toBe('done');
  });

  it('gives work back at once when it is told to stop', async () => {
    const { runner, store } = scene({ charge: () => new Promise<never>(() => undefined) });
    const stop = new AbortController();
    const working = runner.work({ signal: stop.signal });
    await runner.send(order, '1', { type: 'ordered' });
    await sleep(20);
    expect(await store.claimEffects()).toEqual([]);
    stop.abort();
    await working;

    expect((await store.claimEffects()).map(({ attempt }) => attempt)).toEqual([2]);
  });

  it('works until its signal comes, wakes at once for new events, and then lets the process end', async () => {
    const { runner, make } = scene();
    const stop = new AbortController();
    const working = [runner, make()].map((each) => each.work({ signal: stop.signal }));
    await Promise.all(Array.from({ length: 50 }, (_, i) => runner.send(order, String(i), { type: 'ordered' })));
    for (let i = 0; i < 200 && (await phaseOf(runner, '49')) !== 'done'; i++) await sleep(5);
    stop.abort();
    await Promise.all(working);

    const phases = await Promise.all(Array.from({ length: 50 }, (_, i) => phaseOf(runner, String(i))));
    expect(new Set(phases)).toEqual(new Set(['done']));
  });

  it('resolves every race between many senders', async () => {
    const counter: Machine<number, { readonly type: 'add' }, never> = {
      name: 'counter',
      initial: () => 0,
      step: (n) => ({ state: n + 1 }),
    };
    const { store } = scene();
    const runner = createRunner({ store, machines: [register(counter, {})] });
    const sent = await Promise.all(Array.from({ length: 20 }, () => runner.send(counter, 'a', { type: 'add' })));

    expect(sent.every(({ accepted }) => accepted)).toBe(true);
    expect(await runner.state(counter, 'a')).toEqual({ state: 20, version: 20 });
  });

  it('starts from its snapshot, but not from one of an older machine', async () => {
    const { runner, store, clock } = scene();
    await runner.send(order, '1', { type: 'ordered' });
    await runner.drain();
    const snapshot = await store.loadSnapshot('order/1');
    expect(snapshot).toMatchObject({ version: 2, state: { machine: 1, state: { phase: 'shipping' } } });
    let steps = 0;
    const counting = (version: number): Machine<unknown, OrderEvent, OrderEffect> => ({
      ...(order as Machine<unknown, OrderEvent, OrderEffect>),
      version,
      step: (state, event) => {
        steps += 1;
        return order.step(state as never, event);
      },
    });
    const other = (version: number) =>
      createRunner({ store, clock, machines: [register(counting(version), fine)] }).state(counting(version), '1');
    await other(1);
    expect(steps).toBe(1);
    await other(2);
    expect(steps).toBe(4);
  });

  it('says so when a changed machine refuses its own past', async () => {
    const { runner, store } = scene();
    await runner.send(order, '1', { type: 'ordered' });
    const changed: typeof order = { ...order, step: () => ({ refused: 'I changed my mind' }) };
    const other = createRunner({ store, machines: [register(changed, fine)] });

    await expect(other.state(changed, '1')).rejects.toMatchObject({
      code: 'EVENTS_HISTORY_REFUSED',
      details: { stream: 'order/1', version: 1, type: 'ordered' },
    });
  });

  it('counts and tells of performers that are deaf to their signal, and does not let them pile up', async () => {
    const { store } = scene();
    const told: Array<readonly [string, unknown]> = [];
    const tell = (text: string, fields?: Readonly<Record<string, unknown>>): number => told.push([text, fields]);
    const logger = { debug: tell, info: tell, warn: tell, error: tell } as unknown as Logger;
    let letGo: () => void = () => undefined;
    const until = new Promise<void>((done) => {
      letGo = done;
    });
    let begun = 0;
    const deaf: Partial<Performed> = {
      charge: async () => {
        begun += 1;
        await until;
        return { type: 'charged' };
      },
    };
    const machines = [register(order, { ...fine, ...deaf })];
    const runner = createRunner({ store, machines, logger, concurrency: 2, leaseMs: 10, idleMs: 5 });
    for (let i = 0; i < 9; i++) await runner.send(order, String(i), { type: 'ordered' });
    const stop = new AbortController();
    const working = runner.work({ signal: stop.signal });
    for (let i = 0; i < 400 && runner.overdue < 4; i++) await sleep(5);
    expect([begun, runner.overdue]).toEqual([4, 4]);
    // Nothing but the deaf ones is held up.
    await sleep(50);
    expect(begun).toBe(4);
    const loud = told.filter(([text]) => text === 'a performer goes on after its signal');
    expect(loud).toHaveLength(4);
    expect(loud[3]?.[1]).toMatchObject({ type: 'charge', attempt: 1, overdue: 4 });

    letGo();
    for (let i = 0; i < 400 && begun < 9; i++) await sleep(5);
    expect(begun).toBeGreaterThanOrEqual(9);
    stop.abort();
    await working;
    expect(runner.overdue).toBe(0);
    expect(told.some(([text]) => text === 'a performer that went on after its signal has ended')).toBe(true);
  });

  it('does not call a performer deaf that ends with its signal', async () => {
    const { store } = scene();
    const told: string[] = [];
    const tell = (text: string): number => told.push(text);
    const logger = { debug: tell, info: tell, warn: tell, error: tell } as unknown as Logger;
    const heeding: Partial<Performed> = {
      charge: (_, { signal }) =>
        new Promise((_done, fail) => {
          signal.addEventListener('abort', () => fail(new Error('stopped')), { once: true });
        }),
    };
    const machines = [register(order, { ...fine, ...heeding })];
    const runner = createRunner({ store, machines, logger, leaseMs: 10, idleMs: 5 });
    await runner.send(order, '1', { type: 'ordered' });
    await runner.drain();
    await sleep(10);

    expect(told).toEqual(['work failed, trying again']);
    expect(runner.overdue).toBe(0);
  });

  it('leaves the work of machines that it does not know to others', async () => {
    const { runner, store, clock } = scene();
    await store.append({
      stream: 'stranger/1',
      events: [{ type: 'x' }],
      effects: [{ key: 'strange', type: 'x' }],
      timers: [{ key: 't', due: { height: 0 } }],
    });
    expect(await runner.drain()).toBe(0);
    clock.advanceMs(10);

    expect((await store.claimEffects()).map(({ key }) => key)).toEqual(['strange']);
    expect((await store.claimTimers({ height: 0 })).map(({ key }) => key)).toEqual(['t']);
  });

  it('goes on when the store fails for a while', async () => {
    const { store, clock } = scene();
    let failing = true;
    const shaky: EventStore = new Proxy(store, {
      get(target, name: keyof EventStore) {
        if (name === 'claimTimers' && failing) return () => Promise.reject(new Error('down'));
        const member = target[name] as (...args: unknown[]) => unknown;
        return member.bind(target);
      },
    });
    const runner = createRunner({ store: shaky, clock, machines: [register(order, fine)], idleMs: 5 });
    const stop = new AbortController();
    const working = runner.work({ signal: stop.signal });
    await runner.send(order, '1', { type: 'ordered' });
    await sleep(20);
    failing = false;
    for (let i = 0; i < 400 && (await phaseOf(runner)) !== 'done'; i++) await sleep(5);
    stop.abort();
    await working;

    expect(await phaseOf(runner)).toBe('done');
  });

  it('records the outcome of everything it performed, however many do so at once', async () => {
    const paid = new Map<string, number>();
    const payer: Machine<number, { readonly type: 'start' } | { readonly type: 'paid' }, { readonly type: 'pay' }> = {
      name: 'payer',
      initial: () => 0,
      step: (state, event) =>
        event.type === 'paid'
          ? { state: state + 1 }
          : { state, asks: Array.from({ length: 200 }, (_, i) => ({ effect: { type: 'pay' }, key: String(i) })) },
    };
    const { store } = scene();
    const make = () =>
      createRunner({
        store,
        concurrency: 50,
        machines: [
          register(payer, {
            pay: async (_, { key }) => {
              paid.set(key, (paid.get(key) ?? 0) + 1);
              return { type: 'paid' };
            },
          }),
        ],
      });
    const runners = [make(), make(), make()];
    await runners[0]?.send(payer, 'p', { type: 'start' });
    await Promise.all(runners.map((runner) => runner.drain()));

    expect((await runners[0]?.state(payer, 'p'))?.state).toBe(200);
    expect([...paid.values()].every((times) => times === 1)).toBe(true);
    expect(paid.size).toBe(200);
  });

  it('keeps the effects of different machines apart, whatever their ids', async () => {
    const asked: string[] = [];
    const two: Machine<number, { readonly type: 'go'; readonly key: string }, { readonly type: 'x' }> = {
      name: 'two',
      initial: () => 0,
      step: (state, { key }) => ({ state, asks: [{ effect: { type: 'x' }, key }] }),
    };
    const { store } = scene();
    const runner = createRunner({
      store,
      machines: [
        register(two, {
          x: async (_, { id }) => {
            asked.push(id);
            return undefined;
          },
        }),
      ],
    });
    await runner.send(two, 'a', { type: 'go', key: 'b/p' });
    await runner.send(two, 'a/b', { type: 'go', key: 'p' });
    await runner.send(two, 'a%2Fb', { type: 'go', key: 'p' });
    await runner.drain();

    expect(asked.toSorted()).toEqual(['a', 'a%2Fb', 'a/b']);
  });

  it('does not spin while a timer that is due is held by somebody else', async () => {
    const { store, clock } = scene();
    await store.append({ stream: 'order/1', events: [{ type: 'ordered' }], timers: [{ key: 't', due: { time: 1 } }] });
    await store.claimTimers({ time: 1 });
    let turns = 0;
    const counted: EventStore = { ...bound(store), head: (...args) => ((turns += 1), store.head(...args)) };
    const runner = createRunner({ store: counted, clock, machines: [register(order, fine)], idleMs: 50 });
    const stop = new AbortController();
    const working = runner.work({ signal: stop.signal });
    await sleep(260);
    stop.abort();
    await working;

    expect(turns).toBeLessThan(12);
  });

  it('gives up an effect whose outcome can never be recorded', async () => {
    const { runner, store, clock } = scene({ charge: async () => ({ type: 'charged', sat: 5n }) as never });
    await runner.send(order, '1', { type: 'ordered' });
    for (let i = 0; i < 5; i++) {
      await runner.drain();
      clock.advanceMs(10_000);
    }

    expect(await store.deadEffects()).toMatchObject([{ attempts: 1, reason: 'EVENTS_DATA_INVALID' }]);
  });

  it('does not call an event lost that is on record, when only its snapshot fails', async () => {
    const { store, clock } = scene();
    const forgetful: EventStore = { ...bound(store), saveSnapshot: () => Promise.reject(new Error('no room')) };
    const runner = createRunner({ store: forgetful, clock, machines: [register(order, fine)], snapshotEvery: 1 });

    expect(await runner.send(order, '1', { type: 'ordered' })).toMatchObject({ accepted: true, version: 1 });
  });

  it('performs effects while the chain does not tell its height', async () => {
    for (const height of [() => Promise.reject(new Error('offline')), () => new Promise<never>(() => undefined)]) {
      const { store, clock } = scene();
      const runner = createRunner({ store, clock, height, machines: [register(order, fine)], idleMs: 5 });
      await runner.send(order, '1', { type: 'ordered' });
      await runner.drain();
      const stop = new AbortController();
      const working = runner.work({ signal: stop.signal });
      stop.abort();
      await working;

      expect(await phaseOf(runner)).toBe('done');
    }
  });

  it('turns the snapshot of an older machine into one of today when it can', async () => {
    const { runner, store } = scene();
    await runner.send(order, '1', { type: 'ordered' });
    await runner.drain();
    await store.truncate('order/1', { through: 2 });
    const next: typeof order = { ...order, version: 2 };
    const able: typeof order = {
      ...next,
      migrate: (state, from) => ({ ...(state as { phase: 'done' }), reminders: from }),
    };
    const read = (machine: typeof order) =>
      createRunner({ store, machines: [register(machine, fine)] }).state(machine, '1');

    await expect(read(next)).rejects.toMatchObject({ code: 'EVENTS_TRUNCATED' });
    expect(await read(able)).toEqual({ state: { phase: 'done', reminders: 1 }, version: 3 });
  });

  it('refuses wrong arguments with a code', async () => {
    const { runner, store } = scene();
    const wrong: ReadonlyArray<() => unknown> = [
      () => createRunner(undefined as never),
      () => createRunner({ store, machines: [register({ ...order, name: 'a/b' }, fine)] }),
      () => createRunner({ store, machines: [register(order, fine), register(order, fine)] }),
      () => createRunner({ store } as never),
      () => createRunner({ store, machines: [{}] as never }),
      () => createRunner({ store, machines: [register({ ...order, name: 'topic' }, fine)] }),
      () => createRunner({ store, machines: [], concurrency: 0 }),
      () => createRunner({ store, machines: [], leaseMs: 1 }),
    ];
    for (const call of wrong) expect(call).toThrow('EVENTS_INVALID_ARGUMENT');
    await expect(runner.send(order, '', { type: 'ordered' })).rejects.toMatchObject({
      code: 'EVENTS_INVALID_ARGUMENT',
    });
    for (const call of [
      () => runner.send(undefined as never, '1', { type: 'ordered' } as never),
      () => runner.send({ ...order, name: 'stranger' }, '1', { type: 'ordered' }),
      () => runner.work(undefined as never),
      () =>
        runner.send(order, '1', {
          get type(): 'ordered' {
            throw new Error('unreadable');
          },
        }),
    ])
      await expect(call()).rejects.toMatchObject({ code: 'EVENTS_INVALID_ARGUMENT' });
    await expect(runner.send(order, '1', null as never)).rejects.toMatchObject({ code: 'EVENTS_INVALID_ARGUMENT' });
  });
});

describe('a process of orders', () => {
  it('is killed again and again, and every order it took is charged and shipped', { timeout: 120_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'be-orders-'));
    const path = join(folder, 'orders.db');
    const sink = join(folder, 'sink');
    const taken = new Set<string>();
    const start = (mode: string) => {
      const args = ['--conditions=@bitcoin-enterprise/source', '--disable-warning=ExperimentalWarning'];
      const file = join(import.meta.dirname, 'support/runner-child.ts');
      return spawn(process.execPath, [...args, file, path, sink, mode], { stdio: ['pipe', 'pipe', 'inherit'] });
    };
    for (let kill = 0; kill < (process.env['BE_LONG'] === '1' ? 200 : 6); kill++) {
      const child = start('work');
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => {
        if (output === '') setTimeout(() => child.kill('SIGKILL'), 5 + ((kill * 37) % 60));
        output += chunk.toString();
      });
      await new Promise((done) => {
        child.on('close', done);
      });
      for (const line of output.split('\n').slice(0, -1)) taken.add(line);
    }
    const last = start('finish');
    const store = openSqliteStore({ path });
    const runner = createRunner({ store, machines: [register(order, fine)] });
    const ids = [...taken];
    for (let i = 0; i < 1_000; i++) {
      const phases = await Promise.all(ids.map((id) => phaseOf(runner, id)));
      if (phases.every((phase) => phase === 'done')) break;
      await sleep(30);
    }
    const states = await Promise.all(ids.map((id) => runner.state(order, id)));
    last.stdin.write('stop\n');
    await new Promise((done) => {
      last.on('close', done);
    });
    await store.close();

    expect(ids.length).toBeGreaterThan(5);
    expect(new Set(states.map(({ state }) => state.phase))).toEqual(new Set(['done']));
    // Performed at least once each; a repetition carries the same key, by which the receiver knows it.
    const performed = new Set(readFileSync(sink, 'utf8').split('\n'));
    for (const id of ids)
      for (const effect of ['charge', 'ship']) expect(performed.has(`order/${id}/${effect}`)).toBe(true);
    rmSync(folder, { recursive: true });
  });
});
