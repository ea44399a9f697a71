import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { unpackDebianPackages } from './debian.ts';
import { run } from './run.ts';

let folder = '';
const before = { path: process.env['PATH'], cache: process.env['XDG_CACHE_HOME'] };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'be-debian-'));
  process.env['XDG_CACHE_HOME'] = join(folder, 'cache');
  mkdirSync(join(folder, 'bin'));
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
});
afterEach(() => {
  vi.restoreAllMocks();
  process.env['PATH'] = before.path;
  if (before.cache === undefined) delete process.env['XDG_CACHE_HOME'];
  else process.env['XDG_CACHE_HOME'] = before.cache;
  rmSync(folder, { recursive: true, force: true });
});

const wanted = { name: 'x', packages: ['x'], suite: 'sid' };
const leftOver = (): string[] => readdirSync(join(folder, 'cache/bitcoin-enterprise'));

/** Puts a shell script on PATH: what apt would say where this test cannot make it say so. */
function onPath(name: string, script: string): void {
  const file = join(folder, 'bin', name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

describe('packages of Debian', () => {
  it('are absent with a reason where there is no apt, and leave nothing behind', async () => {
    process.env['PATH'] = join(folder, 'bin');
    const outcome = await unpackDebianPackages(wanted);

    expect(outcome).toEqual({ ok: false, reason: expect.stringMatching(/keyring|names no Debian mirror/) as string });
    expect(leftOver()).toEqual([]);
  });

  it('are absent with apt’s own reason where it cannot reach its mirror', async () => {
    onPath(
      'apt-get',
      'case "$1" in indextargets) echo "file:/nowhere/debian main";; *) exec /usr/bin/apt-get "$@";; esac',
    );
    process.env['PATH'] = `${join(folder, 'bin')}:${before.path}`;
    const outcome = await unpackDebianPackages(wanted);

    expect(outcome).toMatchObject({ ok: false });
    expect((outcome as { readonly reason: string }).reason).toMatch(
      /keyring|apt-get update failed: E: |names no Debian/,
    );
    expect(leftOver()).toEqual([]);
  });

  it('are one root with a loader, made once, even when two ask at the same time', async ({ skip }) => {
    skip(!(await buildMirror()), 'dpkg-deb is absent');
    const [first, second] = await Promise.all([unpackDebianPackages(wanted), unpackDebianPackages(wanted)]);

    if (!first.ok || !second.ok) throw new Error(JSON.stringify([first, second]));
    expect(first.root).toBe(second.root);
    expect(first.versions).toEqual({ x: '1.0' });
    expect(readFileSync(join(folder, 'downloads'), 'utf8')).toBe('once\n');
    const { file, args } = first.command('hello');
    expect(file).toBe(join(first.root, 'usr/lib64/ld-linux-test.so.2'));
    expect(args.slice(0, 1)).toEqual(['--library-path']);
    expect(args.at(-1)).toBe(join(first.root, 'usr/bin/hello'));
    expect(readFileSync(join(first.root, 'lib64/ld-linux-test.so.2'), 'utf8')).toBe('loader\n');
    expect(() => first.command('absent')).toThrow('no absent in');
    expect(leftOver()).toEqual([expect.stringMatching(/^x-sid-[0-9a-f]{12}$/)]);
  });

  /** A package made here, and an apt that "downloads" it: the way of unpacking is real, the network is not needed. */
  async function buildMirror(): Promise<boolean> {
    const tree = join(folder, 'tree');
    for (const path of ['DEBIAN', 'usr/bin', 'lib64', 'usr/share/doc/x'])
      mkdirSync(join(tree, path), { recursive: true });
    writeFileSync(
      join(tree, 'DEBIAN/control'),
      'Package: x\nVersion: 1.0\nArchitecture: all\nMaintainer: x\nDescription: x\n',
    );
    writeFileSync(join(tree, 'lib64/ld-linux-test.so.2'), 'loader\n');
    writeFileSync(join(tree, 'usr/bin/hello'), 'hello\n');
    writeFileSync(join(tree, 'usr/share/doc/x/copyright'), 'x\n');
    symlinkSync('hello', join(tree, 'usr/bin/hallo'));
    const built = await run('dpkg-deb', ['--build', '--root-owner-group', tree, join(folder, 'x.deb')]);
    if (built.code !== 0) return false;
    onPath(
      'apt-get',
      [
        'case "$1" in',
        'indextargets) echo "file:/nowhere/debian main";;',
        `install) echo once >> ${folder}/downloads; cache=$(sed -n 's/^Dir::Cache "\\(.*\\)";/\\1/p' "$APT_CONFIG"); cp ${folder}/x.deb "$cache/archives/";;`,
        'esac',
      ].join('\n'),
    );
    process.env['PATH'] = `${join(folder, 'bin')}:${before.path}`;
    return true;
  }
});
