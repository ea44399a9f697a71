import { createManualClock } from '@bitcoin-enterprise/core/testing';
import { createMemoryStore } from '@bitcoin-enterprise/events';
import { openSqliteStore } from '@bitcoin-enterprise/events/sqlite';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createCoinLocks } from '../../src/coins/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'be-locks-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const locked = { code: 'WALLET_COIN_LOCKED' };

describe('a lock', () => {
  it('keeps coins for one payment: all that are wanted, or none', async () => {
    const locks = createCoinLocks(createMemoryStore());
    await locks.lock({ ids: ['a', 'b'], owner: 'one' });

    await expect(locks.lock({ ids: ['c', 'b'], owner: 'two' })).rejects.toMatchObject({
      ...locked,
      details: { outpoint: 'b' },
    });

    expect((await locks.held()).map(({ id }) => id)).toStrictEqual(['a', 'b']);
    const coins = ['a', 'b', 'c'].map((id) => ({ id }));
    expect(await locks.free(coins)).toStrictEqual([{ id: 'c' }]);
    expect(await locks.free(coins, { owner: 'one' })).toStrictEqual(coins);
  });

  it('expires, and its payment notices before it signs', async () => {
    const clock = createManualClock();
    const locks = createCoinLocks(createMemoryStore(), { clock });
    await locks.lock({ ids: ['a'], owner: 'slow', ttlMs: 1_000 });
    await locks.requireHeld('slow', ['a']);

    clock.advanceMs(999);
    await expect(locks.lock({ ids: ['a'], owner: 'quick' })).rejects.toMatchObject(locked);
    clock.advanceMs(1);

    await expect(locks.requireHeld('slow', ['a'])).rejects.toMatchObject(locked);
    await locks.lock({ ids: ['a'], owner: 'quick' });
    await expect(locks.lock({ ids: ['a'], owner: 'slow' })).rejects.toMatchObject(locked);
    // Too late to give back what is somebody else's.
    await locks.release('slow');
    await locks.requireHeld('quick', ['a']);
  });

  it('is extended by its own payment, and given back', async () => {
    const clock = createManualClock();
    const locks = createCoinLocks(createMemoryStore(), { clock });
    await locks.lock({ ids: ['a', 'b'], owner: 'one', ttlMs: 1_000 });
    clock.advanceMs(900);
    await locks.lock({ ids: ['a', 'b'], owner: 'one', ttlMs: 1_000 });
    clock.advanceMs(900);
    await locks.requireHeld('one', ['a', 'b']);

    await locks.release('one', { ids: ['a', 'never'] });

    expect((await locks.held()).map(({ id }) => id)).toStrictEqual(['b']);
    await locks.release('one');
    expect(await locks.held()).toStrictEqual([]);
  });

  it('outlives its process, and a history that was cut short', async () => {
    const path = join(folder, 'restart.db');
    const first = openSqliteStore({ path });
    const locks = createCoinLocks(first);
    const other = createCoinLocks(first);
    await other.held();
    for (let i = 0; i < 520; i++) await locks.lock({ ids: [`coin ${i % 7}`], owner: 'one' });
    // Somebody who has read only the beginning.
    await expect(other.lock({ ids: ['coin 3'], owner: 'two' })).rejects.toMatchObject(locked);
    await first.close();

    const second = openSqliteStore({ path });
    const after = createCoinLocks(second);
    expect(await after.held()).toHaveLength(7);
    await expect(after.lock({ ids: ['coin 3'], owner: 'two' })).rejects.toMatchObject(locked);
    expect((await second.readStream('wallet/coin-locks', { after: 500 })).length).toBeLessThan(100);
    await second.close();
  });

  it('is had by one process alone', async () => {
    const path = join(folder, 'two.db');
    await openSqliteStore({ path }).close();
    const file = join(import.meta.dirname, 'support/lock-child.ts');
    const flags = ['--conditions=@bitcoin-enterprise/source', '--disable-warning=ExperimentalWarning'];

    const got = await Promise.all(
      ['one', 'two', 'three'].map(
        (owner) =>
          new Promise<readonly string[]>((done, fail) => {
            const child = spawn(process.execPath, [...flags, file, path, owner], {
              stdio: ['ignore', 'pipe', 'inherit'],
            });
            let output = '';
            child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
            child.on('close', (code) =>
              code === 0 ? done(JSON.parse(output) as string[]) : fail(new Error(`exit ${code}`)),
            );
          }),
      ),
    );

    expect(got.flat()).toHaveLength(30);
    expect(new Set(got.flat()).size).toBe(30);
  });

  it('refuses nonsense with a code', async () => {
    const locks = createCoinLocks(createMemoryStore());
    const invalid = { code: 'WALLET_INVALID_ARGUMENT' };

    for (const request of [
      undefined,
      {},
      { ids: [], owner: 'a' },
      { ids: ['a'], owner: '' },
      { ids: [5], owner: 'a' },
      { ids: ['a'], owner: 'a', ttlMs: 0 },
    ])
      await expect(locks.lock(request as never)).rejects.toMatchObject(invalid);
    expect(() => createCoinLocks({} as never)).toThrow(expect.objectContaining(invalid) as Error);
  });
});
