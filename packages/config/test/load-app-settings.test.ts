import { secret } from '@bitcoin-enterprise/config';
import { loadAppSettings } from '@bitcoin-enterprise/config/node';
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';

const schema = z.strictObject({ port: z.int().default(1), password: secret().optional() });

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'be-config-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

it('reads a file, the variables of the process and secrets in files', async () => {
  const password = write('password', 'hunter2\n');
  const file = write('app.json', JSON.stringify({ port: 1, password: { $secret: `file:${password}` } }));
  process.env['BE_CONFIG_TEST_PORT'] = '8332';
  try {
    const loaded = await loadAppSettings(schema, { file, prefix: 'BE_CONFIG_TEST' });

    expect(loaded.port).toBe(8332);
    expect(loaded.password?.reveal()).toBe('hunter2');
    expect((await loadAppSettings(schema, { file })).port).toBe(1);
  } finally {
    delete process.env['BE_CONFIG_TEST_PORT'];
  }
});

it('fetches secrets from variables that are no settings', async () => {
  const explicit = { password: { $secret: 'env:RPC_PASSWORD' } };
  const loaded = await loadAppSettings(schema, { explicit, variables: { RPC_PASSWORD: 'hunter2', PORT: '7' } });

  expect([loaded.port, loaded.password?.reveal()]).toEqual([1, 'hunter2']);
});

it('says why a file cannot be read', async () => {
  symlinkSync(join(folder, 'loop.json'), join(folder, 'loop.json'));
  for (const [file, reason] of [
    [join(folder, 'absent.json'), 'ENOENT'],
    [folder, 'EISDIR'],
    [join(folder, 'loop.json'), 'ELOOP'],
  ] as const)
    await expect(loadAppSettings(schema, { file })).rejects.toMatchObject({
      code: 'CONFIG_FILE_UNREADABLE',
      details: { file, reason },
    });
  await expect(loadAppSettings(schema, { file: 'a\0b.json' })).rejects.toMatchObject({
    code: 'CONFIG_INVALID_ARGUMENT',
  });
  await expect(
    loadAppSettings(schema, { file: write('latin1.json', Uint8Array.of(0x22, 0xe9, 0x22)) }),
  ).rejects.toMatchObject({
    code: 'CONFIG_TEXT_MALFORMED',
  });
});

it('reads no more of a file than settings may be, however long it is', async () => {
  const file = write('sparse.json', '');
  truncateSync(file, 50_000_000_000);

  await expect(loadAppSettings(schema, { file })).rejects.toMatchObject({ code: 'CONFIG_TOO_LARGE' });
  await expect(loadAppSettings(schema, { file: '/dev/zero' })).rejects.toMatchObject({ code: 'CONFIG_TOO_LARGE' });
});

it('refuses secrets of files that are not there, not absolute or no text', async () => {
  const binary = write('binary', Uint8Array.of(0xff, 0xfe));
  for (const reference of ['file:/nowhere/at/all', 'file:relative', `file:${binary}`, 'file:/dev/zero'])
    await expect(loadAppSettings(schema, { explicit: { password: { $secret: reference } } })).rejects.toMatchObject({
      code: 'CONFIG_SECRET_UNRESOLVED',
      details: { scheme: 'file', reason: 'failed' },
    });
});
