import { ensureEqual, type Promised } from '@bitcoin-enterprise/core/testing';
import type { WitnessedCheckpoint, WitnessStorage } from '../ports/witness.ts';

const seen = (size: number, fill = size): WitnessedCheckpoint => ({
  size,
  root: new Uint8Array(32).fill(fill),
  note: `note of ${size}\n`,
});

/** Everything a {@link WitnessStorage} promises; each run gets a fresh, empty one. */
export const witnessStoragePromises: ReadonlyArray<Promised<WitnessStorage>> = [
  {
    name: 'a log never seen has nothing',
    async run(make) {
      ensureEqual(await (await make()).read('example.com/log'), undefined, 'checkpoint');
    },
  },
  {
    name: 'what was set is read, for its own log alone',
    async run(make) {
      const storage = await make();

      ensureEqual(await storage.compareAndSet('a', { expected: undefined, next: seen(3) }), true, 'answer');
      ensureEqual(await storage.read('a'), seen(3), 'checkpoint');
      ensureEqual(await storage.read('b'), undefined, 'checkpoint of another log');
    },
  },
  {
    name: 'what differs from the expected one in size or root is not replaced',
    async run(make) {
      const storage = await make();
      await storage.compareAndSet('a', { expected: undefined, next: seen(3) });

      for (const expected of [undefined, seen(2), seen(4), seen(3, 9)])
        ensureEqual(await storage.compareAndSet('a', { expected, next: seen(8) }), false, 'answer');
      ensureEqual(await storage.read('a'), seen(3), 'checkpoint');
      ensureEqual(await storage.compareAndSet('a', { expected: seen(3), next: seen(8) }), true, 'answer');
      ensureEqual(await storage.read('a'), seen(8), 'checkpoint');
    },
  },
  {
    name: 'of many changes from one checkpoint at the same time exactly one is applied',
    async run(make) {
      const storage = await make();
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => storage.compareAndSet('a', { expected: undefined, next: seen(i + 1) })),
      );

      ensureEqual(answers.filter((applied) => applied).length, 1, 'changes applied');
      ensureEqual(await storage.read('a'), seen(answers.indexOf(true) + 1), 'checkpoint');
    },
  },
];
