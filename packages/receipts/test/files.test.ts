import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as sqlite from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toHex } from '@bitcoin-enterprise/core';
import {
  createFileLogStorage,
  createFileWitnessStorage,
  createLog,
  createLogReader,
  type FileAccess,
  ed25519Signer,
  leafHash,
  noteSigner,
  noteVerifier,
  publishCheckpoint,
  verifyInclusion,
} from '@bitcoin-enterprise/receipts';
import { logStoragePromises, witnessStoragePromises } from '@bitcoin-enterprise/receipts/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { Random } from '../../../scripts/testing/random.ts';

const long = process.env['BE_LONG'] === '1';
const base = mkdtempSync(join(tmpdir(), 'be-receipts-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));
let folders = 0;
const folder = (): string => join(base, `${folders++}`);
const entryOf = (i: number): Uint8Array => new TextEncoder().encode(`entry of ${i}`);
const key = noteSigner({ name: 'files.example', signer: ed25519Signer(new Uint8Array(32).fill(1)) });
const policy = { origin: 'files.example', logKeys: [noteVerifier(key.verifierKey)] };

describe('the log storage in files keeps the promises', () => {
  it.for(logStoragePromises)('$name', ({ run }) => run(() => createFileLogStorage({ folder: folder(), fs, sqlite })));
});

describe('the witness storage in files keeps the promises', () => {
  it.for(witnessStoragePromises)('$name', ({ run }) =>
    run(() => createFileWitnessStorage({ folder: folder(), fs, sqlite })),
  );
});

describe('a log in files', () => {
  it('is served by its files alone', async () => {
    const at = folder();
    const log = createLog({ storage: createFileLogStorage({ folder: at, fs, sqlite }) });
    await log.append(Array.from({ length: 300 }, (_, i) => ({ entry: entryOf(i) })));
    await publishCheckpoint(log, { origin: 'files.example', signers: [key] });
    const reader = createLogReader({ read: async (path) => new Uint8Array(await fs.readFile(join(at, path))), policy });

    expect((await reader.refresh()).size).toBe(300);
    expect((await reader.entry(299)).entry).toEqual(entryOf(299));
  });

  it('lets no path leave its folder', async () => {
    const storage = createFileLogStorage({ folder: folder(), fs, sqlite });
    for (const path of ['../x', '/etc/passwd', 'tile/../../x', '.head.json', 'a\\b', 'a//b', '', 'tile/.head'])
      expect(await storage.read(path)).toBeUndefined();
  });

  it('is whole after a crash at every single call of the file system', async () => {
    let finished = false;
    for (let failAt = 0; !finished; failAt++) {
      const at = folder();
      await createLog({ storage: createFileLogStorage({ folder: at, fs, sqlite }) }).append([
        { entry: entryOf(0), key: '0' },
      ]);
      let calls = 0;
      let crashed = false;
      // From the call on, nothing happens any more; a write that was going on has written half.
      const step = async <T>(call: () => Promise<T>): Promise<T> => {
        if (crashed || calls++ === failAt) {
          crashed = true;
          throw new Error('crash');
        }
        return call();
      };
      const dying: FileAccess = {
        readFile: (path) => step(() => fs.readFile(path)),
        rename: (from, to) => step(() => fs.rename(from, to)),
        mkdir: (path, options) => step(() => fs.mkdir(path, options)),
        rm: (path, options) => step(() => fs.rm(path, options)),
        open: (path, flags) =>
          step(async () => {
            const handle = await fs.open(path, flags);
            return {
              writeFile: async (data) => {
                if (calls === failAt) await handle.write(data.subarray(0, data.length >> 1));
                await step(() => handle.writeFile(data));
              },
              sync: () => step(() => handle.sync()),
              close: () => handle.close(),
            };
          }),
      };
      const log = createLog({ storage: createFileLogStorage({ folder: at, fs: dying, sqlite }) });
      const acknowledged = await log.append([{ entry: entryOf(1), key: '1' }]).then(
        () => true,
        () => false,
      );
      finished = !crashed;
      const again = createLog({ storage: createFileLogStorage({ folder: at, fs, sqlite }) });
      const [first] = await again.append([{ entry: entryOf(1), key: '1' }]);

      expect(first?.index).toBe(1);
      if (acknowledged) expect(first?.appended).toBe(false);
      expect((await again.head()).size).toBe(2);
      expect([await again.entry(0), await again.entry(1)]).toEqual([entryOf(0), entryOf(1)]);
      expect(toHex((await again.head()).root)).toBe(toHex(await again.root(2)));
      if (failAt > 200) expect.unreachable('it never ends');
    }
  });

  it(`keeps every acknowledged entry over ${long ? 300 : 8} kill -9`, { timeout: 3_600_000 }, async () => {
    const at = folder();
    const random = new Random(Number(process.env['BE_SEED'] ?? 5));
    const acknowledged = new Map<number, number>();
    for (let round = 0; round < (long ? 300 : 8); round++)
      await appendUntilKilled({ at, start: acknowledged.size, random, acknowledged });

    expect(acknowledged.size).toBeGreaterThan(8);
    for (const [i, index] of acknowledged) expect(index).toBe(i);
    await expectWhole(at, acknowledged);
  });

  it(
    'is one line when processes append to it at the same time and are killed at it',
    { timeout: 600_000 },
    async () => {
      const at = folder();
      const random = new Random(Number(process.env['BE_SEED'] ?? 6));
      const acknowledged = new Map<number, number>();
      const begun = [0, 100_000, 200_000];
      for (let round = 0; round < (long ? 60 : 3); round++) {
        const counts = await Promise.all(begun.map((start) => appendUntilKilled({ at, start, random, acknowledged })));
        counts.forEach((count, i) => (begun[i] = (begun[i] ?? 0) + count));
      }

      expect(new Set(acknowledged.values()).size).toBe(acknowledged.size);
      expect(begun.every((end, i) => end > i * 100_000)).toBe(true);
      await expectWhole(at, acknowledged);
    },
  );

  it('is refused with a code while another process has it, and free as soon as that is killed', async () => {
    const at = folder();
    const log = createLog({ storage: createFileLogStorage({ folder: at, fs, sqlite, lockWaitMs: 50 }) });
    await log.append([{ entry: entryOf(0) }]);
    const holding = `const { DatabaseSync } = require('node:sqlite');
      const held = new DatabaseSync(${JSON.stringify(join(at, '.lock'))});
      held.exec('BEGIN EXCLUSIVE');
      console.log('held');
      setInterval(() => held, 1e6);`;
    const child = spawn(process.execPath, ['-e', holding], { stdio: ['ignore', 'pipe', 'ignore'] });
    await once(child.stdout, 'data');
    await expect(log.append([{ entry: entryOf(1) }])).rejects.toMatchObject({
      code: 'RECEIPTS_FOLDER_IN_USE',
      details: { lockWaitMs: 50 },
      retryable: true,
    });
    // Who only reads needs no lock.
    expect((await createLog({ storage: createFileLogStorage({ folder: at, fs, sqlite }) }).head()).size).toBe(1);
    const witness = createFileWitnessStorage({ folder: at, fs, sqlite, lockWaitMs: 50 });
    const next = { size: 1, root: new Uint8Array(32), note: 'n\n' };
    await expect(witness.compareAndSet('o', { expected: undefined, next })).rejects.toThrow('RECEIPTS_FOLDER_IN_USE');
    const aborter = new AbortController();
    const patient = createFileLogStorage({ folder: at, fs, sqlite });
    const change = { expected: await patient.head(), head: { size: 9, root: new Uint8Array(32), published: 0 } };
    const nothing = { writes: new Map(), deletes: [], keys: new Map() };
    const waiting = patient.commit({ ...change, ...nothing }, { signal: aborter.signal });
    aborter.abort();
    await expect(waiting).rejects.toThrow('RECEIPTS_ABORTED');

    child.kill('SIGKILL');
    await once(child, 'close');
    expect(await log.append([{ entry: entryOf(1) }])).toEqual([{ index: 1, appended: true }]);
    expect(await witness.compareAndSet('o', { expected: undefined, next })).toBe(true);
  });

  it('is one memory for two witnesses on one folder: of many who go on from one checkpoint exactly one does', async () => {
    const at = folder();
    const storages = [0, 1, 2].map(() => createFileWitnessStorage({ folder: at, fs, sqlite }));
    const changes = Array.from({ length: 12 }, (_, i) => {
      const next = { size: i + 1, root: new Uint8Array(32).fill(i), note: 'n\n' };
      return storages[i % 3]?.compareAndSet('o', { expected: undefined, next });
    });
    const answers = await Promise.all(changes);

    expect(answers.filter((applied) => applied === true)).toHaveLength(1);
    expect((await storages[0]?.read('o'))?.size).toBe(answers.indexOf(true) + 1);
  });

  it('does not take what is no lock', () => {
    for (const wrong of [undefined, {}, { DatabaseSync: 1 }])
      for (const make of [createFileLogStorage, createFileWitnessStorage])
        expect(() => make({ folder: 'x', fs, sqlite: wrong as never })).toThrow('RECEIPTS_INVALID_ARGUMENT');
  });
});

/** Runs a process that appends until it is killed in the middle of whatever it does; answers how many came back. */
async function appendUntilKilled(options: {
  readonly at: string;
  readonly start: number;
  readonly random: Random;
  readonly acknowledged: Map<number, number>;
}): Promise<number> {
  const { at, start, random, acknowledged } = options;
  const worker = fileURLToPath(new URL('./file-worker.ts', import.meta.url));
  const flags = ['--conditions=@bitcoin-enterprise/source', '--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...flags, worker, at, `${start}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  const left = 1 + random.below(20);
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    // Killed in the middle of whatever comes after so many answers, or a moment later.
    if (out.split('\n').length > left) setTimeout(() => child.kill('SIGKILL'), random.below(4));
  });
  await once(child, 'close');
  const answers = [...out.matchAll(/^(\d+) (\d+)$/gm)];
  for (const [, i, index] of answers) acknowledged.set(Number(i), Number(index));
  return answers.length;
}

/** Every acknowledged entry is where it was said to be, proven, and the last checkpoint reads. */
async function expectWhole(at: string, acknowledged: ReadonlyMap<number, number>): Promise<void> {
  const log = createLog({ storage: createFileLogStorage({ folder: at, fs, sqlite }) });
  const { size, root } = await log.head();
  for (const [i, index] of acknowledged) {
    expect(await log.entry(index)).toEqual(entryOf(i));
    verifyInclusion({ leaf: leafHash(entryOf(i)), index, size, proof: await log.proveInclusion(index, size), root });
  }
  const reader = createLogReader({ read: async (path) => new Uint8Array(await fs.readFile(join(at, path))), policy });
  const checkpoint = await reader.refresh();
  expect((await reader.entry(checkpoint.size - 1)).entry).toEqual(await log.entry(checkpoint.size - 1));
}

it('a witness whose memory is damaged says so, and does not sign as if it knew nothing', async () => {
  const at = folder();
  const storage = createFileWitnessStorage({ folder: at, fs, sqlite });
  await storage.compareAndSet('o', { expected: undefined, next: { size: 1, root: new Uint8Array(32), note: 'n\n' } });
  const file = (await fs.readdir(at)).find((name) => name.endsWith('.json')) ?? '';
  await fs.writeFile(join(at, file), '{"size":');

  await expect(createFileWitnessStorage({ folder: at, fs, sqlite }).read('o')).rejects.toThrow('RECEIPTS_LOG_DAMAGED');
});
