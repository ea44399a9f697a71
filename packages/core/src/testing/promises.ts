import type { Clock } from '../ports/clock.ts';
import type { Entropy } from '../ports/entropy.ts';
import type { Logger } from '../ports/logger.ts';
import { ensure, ensureEqual, ensureThrows, type Promised, promises } from './promised.ts';

/** Everything a {@link Clock} promises. */
export const clockPromises: ReadonlyArray<Promised<Clock>> = /* @__PURE__ */ promises<Clock>(
  {
    name: 'tells whole seconds and milliseconds of the same moment',
    async run(make) {
      const clock = await make();
      const before = clock.now();
      const ms = clock.nowMs();
      const after = clock.now();

      ensure(Number.isInteger(before) && Number.isInteger(ms), 'times are whole numbers');
      ensure(Math.floor(ms / 1_000) >= before && Math.floor(ms / 1_000) <= after, 'nowMs is between two now()');
    },
  },
  {
    name: 'has a monotonic time that never runs backwards',
    async run(make) {
      const clock = await make();
      let last = clock.monotonicMs();
      for (let i = 0; i < 1_000; i++) {
        const next = clock.monotonicMs();
        ensure(next >= last, 'monotonicMs went backwards');
        last = next;
      }
    },
  },
);

/** Everything an {@link Entropy} promises. */
export const entropyPromises: ReadonlyArray<Promised<Entropy>> = /* @__PURE__ */ promises<Entropy>(
  {
    name: 'gives as many bytes as asked for, from none to 65,536',
    async run(make) {
      const entropy = await make();
      for (const length of [0, 1, 32, 65_536]) ensureEqual(entropy.bytes(length).length, length, 'length');
    },
  },
  {
    name: 'never repeats itself',
    async run(make) {
      const entropy = await make();
      const seen = new Set(Array.from({ length: 100 }, () => entropy.bytes(16).join()));

      ensureEqual(seen.size, 100, 'different answers');
    },
  },
  {
    name: 'refuses a negative, broken or absurd length with a code',
    async run(make) {
      const entropy = await make();
      for (const length of [-1, 0.5, Number.NaN, 65_537])
        await ensureThrows(() => entropy.bytes(length), 'CORE_UNIT_OUT_OF_RANGE');
    },
  },
);

/** Everything a {@link Logger} promises. */
export const loggerPromises: ReadonlyArray<Promised<Logger>> = /* @__PURE__ */ promises<Logger>({
  name: 'takes any fields without throwing',
  async run(make) {
    const logger = (await make()).child({ part: 'kit' });
    const circular: Record<string, unknown> = { amount: 1n };
    circular['self'] = circular;

    for (const level of ['debug', 'info', 'warn', 'error'] as const) {
      logger[level]('no fields');
      logger[level]('odd fields', circular);
    }
  },
});
