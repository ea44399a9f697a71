import { ensure, ensureEqual, type Promised } from '@bitcoin-enterprise/core/testing';
import type { LogChange, LogHead, LogStorage } from '../ports/log-storage.ts';

const head = (size: number, published = 0): LogHead => ({
  size,
  root: new Uint8Array(32).fill(size),
  published,
});

function change(
  expected: LogHead | undefined,
  next: LogHead,
  parts: { readonly writes?: Readonly<Record<string, Uint8Array>>; readonly deletes?: readonly string[] } & {
    readonly keys?: Readonly<Record<string, number>>;
  } = {},
): LogChange {
  const { writes = {}, deletes = [], keys = {} } = parts;
  return {
    expected,
    head: next,
    writes: new Map(Object.entries(writes)),
    deletes,
    keys: new Map(Object.entries(keys)),
  };
}

/** Everything a {@link LogStorage} promises; each run gets a fresh, empty one. */
export const logStoragePromises: ReadonlyArray<Promised<LogStorage>> = [
  {
    name: 'an empty storage has no head, no resources and no keys',
    async run(make) {
      const storage = await make();

      ensureEqual(await storage.head(), undefined, 'head');
      ensureEqual(await storage.read('checkpoint'), undefined, 'resource');
      ensureEqual(await storage.indexOfKey('ab'), undefined, 'key');
    },
  },
  {
    name: 'a change is there as a whole: head, resources and keys',
    async run(make) {
      const storage = await make();
      const writes = { 'tile/0/000.p/2': Uint8Array.of(1, 2), 'tile/entries/x001/234.p/7': Uint8Array.of(3) };

      ensureEqual(await storage.commit(change(undefined, head(2), { writes, keys: { aa: 0, bb: 1 } })), true);
      ensureEqual(await storage.head(), head(2), 'head');
      ensureEqual(await storage.read('tile/0/000.p/2'), Uint8Array.of(1, 2), 'resource');
      ensureEqual(await storage.read('tile/entries/x001/234.p/7'), Uint8Array.of(3), 'resource');
      ensureEqual(await storage.indexOfKey('bb'), 1, 'key');
    },
  },
  {
    name: 'a change from another head than the current one is refused and leaves nothing behind',
    async run(make) {
      const storage = await make();
      await storage.commit(change(undefined, head(2), { writes: { checkpoint: Uint8Array.of(1) } }));
      const wrong = [undefined, head(1), head(3), head(2, 2), { ...head(2), root: new Uint8Array(32).fill(9) }];

      for (const expected of wrong) {
        const refused = change(expected, head(5), { writes: { checkpoint: Uint8Array.of(2) }, keys: { cc: 4 } });
        ensureEqual(await storage.commit({ ...refused, deletes: ['tile/0/000'] }), false, 'answer');
      }
      ensureEqual(await storage.head(), head(2), 'head');
      ensureEqual(await storage.read('checkpoint'), Uint8Array.of(1), 'resource');
      ensureEqual(await storage.indexOfKey('cc'), undefined, 'key');
    },
  },
  {
    name: 'resources are replaced and deleted with the change that says so',
    async run(make) {
      const storage = await make();
      const first = { a: Uint8Array.of(1), 'tile/0/000.p/1': Uint8Array.of(2) };
      await storage.commit(change(undefined, head(1), { writes: first }));
      const next = { writes: { a: Uint8Array.of(9, 9) }, deletes: ['tile/0/000.p/1', 'tile/never/was'] };
      await storage.commit(change(head(1), head(2), next));

      ensureEqual(await storage.read('a'), Uint8Array.of(9, 9), 'replaced');
      ensureEqual(await storage.read('tile/0/000.p/1'), undefined, 'deleted');
    },
  },
  {
    name: 'of many changes from one head at the same time exactly one is applied',
    async run(make) {
      const storage = await make();
      await storage.commit(change(undefined, head(1)));
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          storage.commit(change(head(1), head(2 + i), { writes: { winner: Uint8Array.of(2 + i) } })),
        ),
      );

      ensureEqual(answers.filter((applied) => applied).length, 1, 'changes applied');
      const winner = 2 + answers.indexOf(true);
      ensureEqual((await storage.head())?.size, winner, 'size');
      ensureEqual(await storage.read('winner'), Uint8Array.of(winner), 'resource of the winner');
    },
  },
  {
    name: 'bytes handed in or out belong to the caller',
    async run(make) {
      const storage = await make();
      const bytes = Uint8Array.of(1, 2, 3);
      const root = new Uint8Array(32).fill(1);
      await storage.commit(change(undefined, { size: 1, root, published: 0 }, { writes: { a: bytes } }));
      bytes.fill(7);
      root.fill(7);
      (await storage.read('a'))?.fill(8);

      ensureEqual(await storage.read('a'), Uint8Array.of(1, 2, 3), 'resource');
      ensureEqual(await storage.head(), head(1), 'head');
    },
  },
  {
    name: 'a resource of half a megabyte and an empty one come back as they were',
    async run(make) {
      const storage = await make();
      const large = new Uint8Array(524_288).map((_, i) => i % 251);
      const writes = { large, empty: new Uint8Array(0) };
      await storage.commit(change(undefined, head(1), { writes }));

      ensureEqual(await storage.read('large'), large, 'large resource');
      const empty = await storage.read('empty');
      ensure(empty?.length === 0, 'an empty resource is there');
    },
  },
];
