import type { Timers } from '../ports/timers.ts';
import { ensure, ensureEqual, type Promised, promises } from './promised.ts';

/** Everything a {@link Timers} promises, of one whose time passes by itself. */
export const timersPromises: ReadonlyArray<Promised<Timers>> = /* @__PURE__ */ promises<Timers>(
  {
    name: 'rings once, and not before the call that set it has returned',
    async run(make) {
      const timers = await make();
      const rung: string[] = [];
      await new Promise<void>((resolve) => {
        timers.after(0, () => rung.push('now'));
        timers.after(20, resolve);
        ensureEqual(rung, [], 'rings inside of after');
      });

      ensureEqual(rung, ['now'], 'rings');
    },
  },
  {
    name: 'rings in the order of the delays',
    async run(make) {
      const timers = await make();
      const rung: number[] = [];
      await new Promise<void>((resolve) => {
        for (const delayMs of [60, 5, 30])
          timers.after(delayMs, () => {
            if (rung.push(delayMs) === 3) resolve();
          });
      });

      ensureEqual(rung, [5, 30, 60], 'order');
    },
  },
  {
    name: 'does not ring when it was called off, nor after a delay that never ends',
    async run(make) {
      const timers = await make();
      let rung = 0;
      const callOff = timers.after(1, () => rung++);
      const callOffNever = timers.after(Infinity, () => rung++);
      const callOffFar = timers.after(10_000_000_000, () => rung++);
      callOff();
      callOff();
      await new Promise<void>((resolve) => timers.after(20, resolve));
      callOffNever();
      callOffFar();

      ensure(rung === 0, 'a timer that was called off rang');
    },
  },
);
