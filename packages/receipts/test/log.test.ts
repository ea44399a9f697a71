import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { concatBytes, toHex } from '@bitcoin-enterprise/core';
import {
  createLog,
  createLogReader,
  createMemoryLogStorage,
  leafHash,
  type LogHead,
  type LogStorage,
  MAX_ENTRY_LENGTH,
  type MemoryLogStorage,
  nodeHash,
  publishCheckpoint,
  type ReadResource,
  verifyConsistency,
  verifyInclusion,
} from '@bitcoin-enterprise/receipts';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createScene } from './scene.ts';

const compare = (a: string, b: string): number => (a < b ? -1 : 1);
const entry = (i: number): Uint8Array => new TextEncoder().encode(`entry ${i}`);
const entriesUpTo = (count: number, from = 0): ReadonlyArray<{ readonly entry: Uint8Array }> =>
  Array.from({ length: count - from }, (_, i) => ({ entry: entry(from + i) }));

describe('the layout of C2SP tlog-tiles', () => {
  it('of 70,000 entries is that of the example in the specification', async () => {
    const storage = createMemoryLogStorage();
    const log = createLog({ storage });
    await log.append(Array.from({ length: 70_000 }, () => ({ entry: new Uint8Array(0) })));
    const widths = new Map<string, Map<number, number>>();
    for (const [path, bytes] of storage.files()) {
      const level = path.split('/')[1] as string;
      const width = Number(/\.p\/(\d+)$/.exec(path)?.[1] ?? 256);
      if (level !== 'entries') expect(bytes.length).toBe(width * 32);
      const seen = widths.get(level) ?? new Map<number, number>();
      widths.set(level, seen.set(width, (seen.get(width) ?? 0) + 1));
    }

    // "273 full level 0 tiles, one partial level 0 tile of width 112, one full level 1 tile, one partial level 1 tile of
    // width 17, and one partial level 2 tile of width 1"
    expect(Object.fromEntries([...widths].map(([level, seen]) => [level, Object.fromEntries(seen)]))).toEqual({
      entries: { 256: 273, 112: 1 },
      0: { 256: 273, 112: 1 },
      1: { 256: 1, 17: 1 },
      2: { 1: 1 },
    });
    expect(storage.files().has('tile/0/272')).toBe(true);
    expect(storage.files().has('tile/0/273.p/112')).toBe(true);
  });

  it('of 256 entries has one full tile and, above, a partial one of width 1 that holds its root', async () => {
    const storage = createMemoryLogStorage();
    const log = createLog({ storage });
    await log.append(entriesUpTo(256));
    const files = storage.files();

    expect([...files.keys()].toSorted(compare)).toEqual(['tile/0/000', 'tile/1/000.p/1', 'tile/entries/000']);
    let row = Array.from({ length: 256 }, (_, i) => leafHash(entry(i)));
    expect(toHex(files.get('tile/0/000') as Uint8Array)).toBe(toHex(concatBytes(...row)));
    while (row.length > 1)
      row = Array.from({ length: row.length / 2 }, (_, i) =>
        nodeHash(row[2 * i] as Uint8Array, row[2 * i + 1] as Uint8Array),
      );
    expect(toHex(files.get('tile/1/000.p/1') as Uint8Array)).toBe(toHex(row[0] as Uint8Array));
    expect((files.get('tile/entries/000') as Uint8Array).subarray(0, 9)).toEqual(
      Uint8Array.of(0, 7, ...new TextEncoder().encode('entry 0')),
    );
  });

  it('keeps the partial tiles of published checkpoints, and no others, until they are full', async () => {
    const storage = createMemoryLogStorage();
    const log = createLog({ storage });
    await log.append(entriesUpTo(3));
    await log.publish({ note: 'a\n', size: 3 });
    await log.append(entriesUpTo(5, 3));
    await log.append(entriesUpTo(7, 5));
    const partials = (): readonly string[] =>
      [...storage.files().keys()].filter((path) => path.includes('.p/')).toSorted(compare);

    const widths = (list: readonly number[]): readonly string[] =>
      ['tile/0/000', 'tile/entries/000'].flatMap((path) => list.map((width) => `${path}.p/${width}`));
    expect(partials()).toEqual(widths([3, 7]));
    await log.append(entriesUpTo(256, 7));
    expect(partials()).toEqual(['tile/1/000.p/1']);
  });

  it('brings the partial tiles of a size back whose checkpoint comes late', async () => {
    const storage = createMemoryLogStorage();
    const log = createLog({ storage });
    await log.append(entriesUpTo(300));
    await log.append(entriesUpTo(600, 300));
    await log.publish({ note: 'late\n', size: 300 });
    const files = storage.files();

    expect(files.has('tile/0/001.p/44')).toBe(true);
    expect(files.has('tile/1/000.p/1')).toBe(true);
    expect(files.has('tile/entries/001.p/44')).toBe(true);
  });
});

describe('a log', () => {
  it('gives the same roots however its entries come: one by one, in batches, or over several openings', async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(sizes, async (batches) => {
        const whole = createLog({ storage: createMemoryLogStorage() });
        const storage = createMemoryLogStorage();
        const total = batches.reduce((sum, batch) => sum + batch, 0);
        await whole.append(entriesUpTo(total));
        let at = 0;
        for (const batch of batches) {
          // Each batch by a process of its own.
          await createLog({ storage }).append(entriesUpTo(at + batch, at));
          at += batch;
        }
        const [one, other] = [await whole.head(), await createLog({ storage }).head()];

        expect([other.size, toHex(other.root)]).toEqual([one.size, toHex(one.root)]);
        if (total > 0) expect(await createLog({ storage }).entry(total - 1)).toEqual(entry(total - 1));
      }),
      { numRuns: 25 },
    );
  });

  it('proves across tile borders, from any size it has had', async () => {
    const storage = createMemoryLogStorage();
    const log = createLog({ storage });
    const roots = new Map<number, Uint8Array>();
    let at = 0;
    for (const size of [1, 255, 256, 257, 511, 512, 700, 1_025]) {
      await log.append(entriesUpTo(size, at));
      at = size;
      roots.set(size, (await log.head()).root);
    }
    for (const [first, firstRoot] of roots)
      for (const [second, secondRoot] of roots) {
        if (first > second) continue;
        expect(toHex(await log.root(first))).toBe(toHex(firstRoot));
        verifyConsistency({ first, firstRoot, second, secondRoot, proof: await log.proveConsistency(first, second) });
        for (const index of [0, first - 1, Math.floor(second / 2), second - 1]) {
          const proof = await log.proveInclusion(index, second);
          verifyInclusion({ leaf: leafHash(entry(index)), index, size: second, proof, root: secondRoot });
        }
      }
  });

  it('appends under a key once, also within one batch, and stores no key in clear', async () => {
    const storage = createMemoryLogStorage();
    const log = createLog({ storage });
    const first = await log.append([
      { entry: entry(0), key: 'jane@example.com' },
      { entry: entry(1), key: 'jane@example.com' },
      { entry: entry(2), key: 'other' },
    ]);
    const again = await createLog({ storage }).append([{ entry: entry(9), key: 'other' }]);

    expect(first).toEqual([
      { index: 0, appended: true },
      { index: 0, appended: false },
      { index: 1, appended: true },
    ]);
    expect(again).toEqual([{ index: 1, appended: false }]);
    expect(await log.indexOf('jane@example.com')).toBe(0);
    expect(await log.indexOf('nobody')).toBeUndefined();
    expect(await storage.indexOfKey('jane@example.com')).toBeUndefined();
  });

  it('stays one line when several writers append at the same time', async () => {
    const storage = createMemoryLogStorage();
    const writers = Array.from({ length: 4 }, () => createLog({ storage: slow(storage) }));
    const answers = await Promise.all(
      writers.flatMap((log, w) => Array.from({ length: 5 }, (_, i) => log.append([{ entry: entry(100 * w + i) }]))),
    );
    const log = createLog({ storage });
    const { size } = await log.head();
    const indices = answers.map(([answer]) => answer?.index as number).toSorted((a, b) => a - b);

    expect(size).toBe(20);
    expect(indices).toEqual(Array.from({ length: 20 }, (_, i) => i));
    const seen = await Promise.all(Array.from({ length: 20 }, (_, i) => log.entry(i)));
    expect(new Set(seen.map((bytes) => new TextDecoder().decode(bytes))).size).toBe(20);
  });

  it('does not take itself for damaged when it grows between the head and the tiles that are read', async () => {
    const storage = createMemoryLogStorage();
    const other = createLog({ storage });
    await other.append(entriesUpTo(5));
    let growths = 0;
    const growing: LogStorage = {
      ...storage,
      read: async (path, options) => {
        // Each look finds that somebody else, of this process or another one, has appended since.
        if (growths < 12) await other.append(entriesUpTo(6 + growths, 5 + growths++));
        return storage.read(path, options);
      },
    };
    const log = createLog({ storage: growing });

    expect(await log.entry(4)).toEqual(entry(4));
    growths = 6;
    expect(toHex(await log.root(5))).toBe(toHex(await createLog({ storage }).root(5)));
    growths = 9;
    const [appended] = await createLog({ storage: growing }).append([{ entry: entry(99) }]);
    expect(await other.entry(appended?.index ?? 0)).toEqual(entry(99));
    await storage.commit({
      expected: await storage.head(),
      head: (await storage.head()) as LogHead,
      writes: new Map(),
      deletes: [...storage.files().keys()],
      keys: new Map(),
    });
    await expect(log.entry(0)).rejects.toThrow('RECEIPTS_LOG_DAMAGED');
  });

  it('gives up with a code that can be retried when others are always faster', async () => {
    const storage = createMemoryLogStorage();
    const log = createLog({ storage: { ...storage, commit: async () => false } });

    await expect(log.append([{ entry: entry(0) }])).rejects.toMatchObject({
      code: 'RECEIPTS_LOG_CONTENDED',
      retryable: true,
    });
  });

  it('groups what comes while it is committing', async () => {
    const storage = createMemoryLogStorage();
    let commits = 0;
    const counted: LogStorage = {
      ...slow(storage),
      commit: (change) => {
        commits++;
        return slow(storage).commit(change);
      },
    };
    const log = createLog({ storage: counted });
    await Promise.all(Array.from({ length: 500 }, (_, i) => log.append([{ entry: entry(i) }])));

    expect((await log.head()).size).toBe(500);
    expect(commits).toBeLessThanOrEqual(3);
  });

  it('fails one append and goes on with the next when the storage fails', async () => {
    const storage = createMemoryLogStorage();
    let broken = true;
    const log = createLog({
      storage: {
        ...storage,
        commit: (change) => (broken ? Promise.reject(new Error('disk full')) : storage.commit(change)),
      },
    });
    await expect(log.append([{ entry: entry(0), key: 'a' }])).rejects.toThrow('disk full');
    broken = false;

    expect(await log.append([{ entry: entry(0), key: 'a' }])).toEqual([{ index: 0, appended: true }]);
  });

  it('does not append to tiles that do not lead to the head', async () => {
    const storage = createMemoryLogStorage();
    await createLog({ storage }).append(entriesUpTo(5));
    const damagedStorage: LogStorage = {
      ...storage,
      read: async (path) => {
        const bytes = await storage.read(path);
        return path.startsWith('tile/0') ? bytes?.map((byte, i) => (i === 70 ? byte ^ 1 : byte)) : bytes;
      },
    };

    await expect(createLog({ storage: damagedStorage }).append(entriesUpTo(1))).rejects.toMatchObject({
      code: 'RECEIPTS_LOG_DAMAGED',
    });
  });

  it('refuses what it cannot hold or does not have with a code', async () => {
    const log = createLog({ storage: createMemoryLogStorage() });
    await log.append([{ entry: new Uint8Array(MAX_ENTRY_LENGTH) }]);

    await expect(log.append([{ entry: new Uint8Array(MAX_ENTRY_LENGTH + 1) }])).rejects.toThrow(
      'RECEIPTS_ENTRY_TOO_LARGE',
    );
    await expect(log.append([{ entry: 'text' }] as never)).rejects.toThrow('RECEIPTS_INVALID_ARGUMENT');
    await expect(log.append([{ entry: entry(0), key: '' }])).rejects.toThrow('RECEIPTS_INVALID_ARGUMENT');
    await expect(log.append(undefined as never)).rejects.toThrow('RECEIPTS_INVALID_ARGUMENT');
    await expect(log.entry(1)).rejects.toThrow('RECEIPTS_INDEX_OUT_OF_RANGE');
    await expect(log.root(2)).rejects.toThrow('RECEIPTS_INDEX_OUT_OF_RANGE');
    await expect(log.proveInclusion(1, 1)).rejects.toThrow('RECEIPTS_INDEX_OUT_OF_RANGE');
    await expect(log.proveConsistency(1, 2)).rejects.toThrow('RECEIPTS_INDEX_OUT_OF_RANGE');
    await expect(log.publish({ note: 'x\n', size: 2 })).rejects.toThrow('RECEIPTS_INDEX_OUT_OF_RANGE');
    await expect(log.append([{ entry: entry(0) }], { signal: AbortSignal.abort() })).rejects.toThrow(
      'RECEIPTS_ABORTED',
    );
    await expect(log.proveInclusion(-1, 1)).rejects.toThrow('RECEIPTS_INVALID_ARGUMENT');
  });
});

/** A storage whose every call takes a turn of the event loop. */
function slow(storage: MemoryLogStorage): LogStorage {
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    head: async () => turn().then(() => storage.head()),
    read: async (path) => turn().then(() => storage.read(path)),
    indexOfKey: async (key) => turn().then(() => storage.indexOfKey(key)),
    commit: async (change) => turn().then(() => storage.commit(change)),
  };
}

describe('a reader of a log on a file server', () => {
  const scene = createScene({ seed: 'reader' });
  const { storage, log, origin, logSigner, witnesses } = scene;
  const publish = async (): Promise<void> => {
    await publishCheckpoint(log, { origin, signers: [logSigner], witnesses });
  };
  let server: Server;
  let read: ReadResource;
  beforeAll(async () => {
    await log.append(entriesUpTo(700));
    await publish();
    server = createServer((request, response) => {
      const bytes = storage.files().get((request.url ?? '').slice(1));
      response.writeHead(bytes === undefined ? 404 : 200).end(bytes ?? '');
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    read = async (path, options) => {
      const answer = await fetch(`http://127.0.0.1:${port}/${path}`, { signal: options?.signal ?? null });
      return answer.ok ? new Uint8Array(await answer.arrayBuffer()) : undefined;
    };
  });
  afterAll(() => server.close());

  it('reads every entry with a proof, over the network', async () => {
    const reader = createLogReader({ read, policy: scene.policy.log });
    const { size, root } = await reader.refresh();
    let index = 0;
    for await (const proved of reader.entries({ start: 0, end: size })) {
      expect(proved.entry).toEqual(entry(index));
      verifyInclusion({ leaf: leafHash(proved.entry), index, size, proof: proved.proof, root });
      index++;
    }

    expect(index).toBe(700);
  });

  it('goes on from what it believed, also in another process', async () => {
    const first = createLogReader({ read, policy: scene.policy.log });
    const before = await first.refresh();
    await log.append(entriesUpTo(720, 700));
    await publish();
    const second = createLogReader({ read, policy: scene.policy.log, trusted: first.trusted as string });
    const after = await second.refresh();

    expect([before.size, after.size]).toEqual([700, 720]);
    expect((await second.entry(710)).entry).toEqual(entry(710));
    await expect(second.entry(720)).rejects.toThrow('RECEIPTS_INDEX_OUT_OF_RANGE');
  });

  const lying =
    (path: string, at: (bytes: Uint8Array) => number): ReadResource =>
    async (wanted) => {
      const bytes = await storage.read(wanted);
      if (wanted !== path || bytes === undefined) return bytes;
      const place = at(bytes);
      return bytes.map((byte, i) => (i === place ? byte ^ 4 : byte));
    };

  it('finds a changed byte in any entry', async () => {
    for (const index of [0, 100, 255, 256, 511, 512, 699]) {
      const partial = index < 512 ? '' : '.p/208';
      const path = `tile/entries/00${index >> 8}${partial}`;
      const reader = createLogReader({
        read: lying(path, (bytes) => Buffer.from(bytes).indexOf(entry(index)) + 3),
        policy: scene.policy.log,
      });

      await expect(reader.entry(index)).rejects.toMatchObject({
        code: 'RECEIPTS_LOG_DAMAGED',
        details: { reason: 'hash' },
      });
      // The others of the bundle are as they were.
      expect((await reader.entry(index === 1 ? 2 : 1)).entry).toEqual(entry(index === 1 ? 2 : 1));
    }
  });

  it('finds a changed byte in any tile that a proof takes', async () => {
    const indices = [0, 255, 256, 600];
    let found = 0;
    for (const path of [...storage.files().keys()].filter((each) => /^tile\/\d/.test(each)))
      for (const part of [0.01, 0.4, 0.99]) {
        const read = lying(path, (bytes) => Math.floor(part * bytes.length));
        const reader = createLogReader({ read, policy: scene.policy.log });
        const answers = await Promise.allSettled(indices.map((index) => reader.entry(index)));
        for (const [i, answer] of answers.entries())
          if (answer.status === 'fulfilled') expect(answer.value.entry).toEqual(entry(indices[i] as number));
          else {
            found++;
            expect(answer.reason).toMatchObject({ code: 'RECEIPTS_LOG_DAMAGED' });
          }
      }

    expect(found).toBeGreaterThan(20);
  });

  it('finds a changed byte in the checkpoint', async () => {
    const { length } = (await storage.read('checkpoint')) as Uint8Array;
    for (let at = 0; at < length; at += 5) {
      const reader = createLogReader({ read: lying('checkpoint', () => at), policy: scene.policy.log });
      await expect(reader.refresh()).rejects.toMatchObject({ code: expect.stringMatching(/^RECEIPTS_/) });
    }
  });

  it('survives that partial tiles are taken away once the full ones are there', async () => {
    const other = createScene({ seed: 'reader 2' });
    await other.log.append(entriesUpTo(200));
    await publishCheckpoint(other.log, { origin, signers: [other.logSigner], witnesses: other.witnesses });
    const reader = createLogReader({ read: (path) => other.storage.read(path), policy: other.policy.log });
    await reader.refresh();
    await other.log.append(entriesUpTo(300, 200));

    expect((await reader.entry(150)).entry).toEqual(entry(150));
  });

  it('tells a fork and a rollback of the log from a server that is merely broken', async () => {
    const fork = createScene({ seed: 'reader' });
    await fork.log.append([...entriesUpTo(699), { entry: Uint8Array.of(6, 6, 6) }, ...entriesUpTo(800, 700)]);
    await publishCheckpoint(fork.log, { origin, signers: [fork.logSigner], witnesses: fork.witnesses });
    const trusted = (await log.checkpoint()) as string;
    const readers = (from: ReadResource): ReturnType<typeof createLogReader> =>
      createLogReader({ read: from, policy: scene.policy.log, trusted });

    await expect(readers((path) => fork.storage.read(path)).refresh()).rejects.toMatchObject({
      code: 'RECEIPTS_LOG_FORKED',
      details: { knownSize: 720, size: 800 },
    });
    // The true checkpoint and false tiles: nobody signed those.
    await log.append(entriesUpTo(730, 720));
    await publish();
    const mixed: ReadResource = (path) => (path === 'checkpoint' ? storage.read(path) : fork.storage.read(path));
    await expect(readers(mixed).refresh()).rejects.toThrow('RECEIPTS_LOG_DAMAGED');
    await expect(readers(async () => undefined).refresh()).rejects.toThrow('RECEIPTS_LOG_DAMAGED');

    const short = createScene({ seed: 'reader' });
    await short.log.append(entriesUpTo(5));
    await publishCheckpoint(short.log, { origin, signers: [short.logSigner], witnesses: short.witnesses });
    await expect(readers((path) => short.storage.read(path)).refresh()).rejects.toThrow('RECEIPTS_LOG_ROLLED_BACK');
  });

  it('can be stopped while a server does not answer', async () => {
    const reader = createLogReader({ read: () => new Promise(() => {}), policy: scene.policy.log });
    const controller = new AbortController();
    const waiting = reader.entry(0, { signal: controller.signal });
    controller.abort();

    await expect(waiting).rejects.toThrow('RECEIPTS_ABORTED');
  });
});
