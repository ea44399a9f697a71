import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as sqlite from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import type { Entropy } from '@bitcoin-enterprise/core';
import { createSeededEntropy } from '@bitcoin-enterprise/core/testing';
import { createMemoryKeyStore, createSqliteKeyStore, type KeyStore } from '@bitcoin-enterprise/receipts';
import { keyStorePromises } from '@bitcoin-enterprise/receipts/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { Random } from '../../../scripts/testing/random.ts';

const long = process.env['BE_LONG'] === '1';
const base = mkdtempSync(join(tmpdir(), 'be-keys-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));
let files = 0;
const fresh = (): string => join(mkdtempSync(join(base, 'store-')), `${files++}.db`);
const bound = new TextEncoder().encode('place');
const content = { plaintext: new TextEncoder().encode('a secret'), associatedData: bound };

/** Everything that is on the disk beside and in a file. */
const remains = (path: string): Buffer =>
  Buffer.concat(readdirSync(join(path, '..')).map((name) => readFileSync(join(path, '..', name))));

/** Randomness that remembers which keys it gave. */
function remembered(seed: string): Entropy & { readonly keys: readonly Uint8Array[] } {
  const entropy = createSeededEntropy(seed);
  const keys: Uint8Array[] = [];
  return {
    keys,
    bytes(length) {
      const bytes = entropy.bytes(length);
      if (length === 32) keys.push(new Uint8Array(bytes));
      return bytes;
    },
  };
}

describe('the key store in SQLite keeps the promises', () => {
  it.for(keyStorePromises)('$name', ({ run }) => run(() => createSqliteKeyStore({ path: fresh(), sqlite })));
});

describe('a key store in SQLite', () => {
  it('opens in another process, or at another time, what was sealed before', async () => {
    const path = fresh();
    const first = createSqliteKeyStore({ path, sqlite });
    const second = createSqliteKeyStore({ path, sqlite });
    const sealed = await first.seal('a', content);
    expect(await second.open(sealed, bound)).toEqual(content.plaintext);
    expect((await second.seal('a', content)).keyId).toBe(sealed.keyId);
    first.close();
    second.close();
    const again = createSqliteKeyStore({ path, sqlite });

    expect(await again.open(sealed, bound)).toEqual(content.plaintext);
    expect(await again.destroy('a')).toBe(true);
    again.close();
    const last = createSqliteKeyStore({ path, sqlite });
    expect(await last.open(sealed, bound)).toBeUndefined();
    last.close();
  });

  it('has a destroyed key and its subject nowhere any more: not in the file, not beside it, not in free pages', async () => {
    const random = new Random(Number(process.env['BE_SEED'] ?? 7));
    const path = fresh();
    const entropy = remembered('keys');
    const keys = createSqliteKeyStore({ path, sqlite, entropy });
    const alive = new Map<string, Uint8Array>();
    const gone: Array<readonly [string, Uint8Array]> = [];
    const count = long ? 6_000 : 400;
    for (let i = 0; i < count; i++) {
      // Names of all lengths, in no order: rows are put between others, and pages are split and merged.
      const subject = `subject-${random.below(1e9)}-${'x'.repeat(random.below(60))}-end`;
      await keys.seal(subject, content);
      const raw = entropy.keys.at(-1) ?? expect.unreachable();
      alive.set(subject, raw);
      if (random.below(3) > 0) continue;
      const [victim = ''] = [...alive.keys()].slice(random.below(alive.size));
      expect(await keys.destroy(victim)).toBe(true);
      gone.push([victim, alive.get(victim) ?? expect.unreachable()]);
      alive.delete(victim);
    }
    // It sees what is there, so that what it does not see is not there.
    const before = remains(path);
    for (const [subject, raw] of alive)
      expect([before.includes(subject), before.includes(Buffer.from(raw))]).toEqual([true, true]);
    for (const [subject, raw] of gone)
      expect([subject, before.includes(subject), before.includes(Buffer.from(raw))]).toEqual([subject, false, false]);
    for (const subject of alive.keys()) await keys.destroy(subject);
    const after = remains(path);
    for (const raw of entropy.keys) expect(after.includes(Buffer.from(raw))).toBe(false);
    expect(after.includes('subject-')).toBe(false);
    keys.close();
    expect(gone.length).toBeGreaterThan(count / 5);
  });

  it('has destroyed what it said it had, killed at any moment', { timeout: 600_000 }, async () => {
    const path = fresh();
    const random = new Random(Number(process.env['BE_SEED'] ?? 8));
    const worker = fileURLToPath(new URL('./key-worker.ts', import.meta.url));
    const flags = ['--conditions=@bitcoin-enterprise/source', '--disable-warning=ExperimentalWarning'];
    const destroyed: string[] = [];
    for (let round = 0; round < (long ? 100 : 3); round++) {
      const child = spawn(process.execPath, [...flags, worker, path, `${round}`], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let out = '';
      const left = 2 + random.below(10);
      child.stdout.on('data', (chunk: Buffer) => {
        out += chunk.toString();
        if (out.split('\n').length > left) setTimeout(() => child.kill('SIGKILL'), random.below(4));
      });
      await once(child, 'close');
      for (const [, hex = ''] of out.matchAll(/^destroyed ([0-9a-f]{64})$/gm)) destroyed.push(hex);
    }
    createSqliteKeyStore({ path, sqlite }).close();
    const left = remains(path).toString('hex');

    expect(destroyed.length).toBeGreaterThan(3);
    for (const hex of destroyed) expect(left.includes(hex)).toBe(false);
  });

  it('tells of a file that it cannot use by a number alone', async () => {
    const path = fresh();
    writeFileSync(path, 'no database, but a secret: hunter2'.repeat(100));
    let error: unknown;
    try {
      createSqliteKeyStore({ path, sqlite });
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ code: 'RECEIPTS_KEY_STORE_UNAVAILABLE', details: { errcode: 26 } });
    expect(inspect(error, { depth: 9 })).not.toContain('hunter2');
    const closed = createSqliteKeyStore({ path: fresh(), sqlite });
    closed.close();
    await expect(closed.seal('a', content)).rejects.toThrow('RECEIPTS_KEY_STORE_UNAVAILABLE');
    for (const wrong of [undefined, {}, { path: 1, sqlite }, { path: 'x' }, { path: 'x', sqlite: {} }])
      expect(() => createSqliteKeyStore(wrong as never)).toThrow('RECEIPTS_INVALID_ARGUMENT');
  });
});

describe('a key that is destroyed while something is sealed with it', () => {
  const makers: ReadonlyArray<readonly [string, (entropy: Entropy) => KeyStore]> = [
    ['memory', (entropy) => createMemoryKeyStore({ entropy })],
    ['SQLite', (entropy) => createSqliteKeyStore({ path: fresh(), sqlite, entropy })],
  ];
  it.for(makers)('leaves nothing that looks sealed and opens to nobody: in %s', async ([, make]) => {
    let destroying: Promise<boolean> | undefined;
    const keys: KeyStore = make({
      bytes(length) {
        // The iv is drawn once the key is chosen.
        if (length === 12 && armed) destroying = keys.destroy('a');
        return crypto.getRandomValues(new Uint8Array(length));
      },
    });
    let armed = false;
    await keys.seal('a', content);
    armed = true;

    await expect(keys.seal('a', content)).rejects.toThrow('RECEIPTS_SEAL_KEY_UNAVAILABLE');
    expect(await destroying).toBe(true);
  });
});
