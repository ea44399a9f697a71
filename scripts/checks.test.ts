/** Every check of `npm test` is seen to fail here, on a small package that is wrong in one way. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { type Ended, run } from './nodes/run.ts';
import { repository } from './packages.ts';

let folder = '';
const folders: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'be-check-'));
  folders.push(folder);
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'));
});
afterAll(() => folders.forEach((path) => rmSync(path, { recursive: true, force: true })));

function write(path: string, content: string | object): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), typeof content === 'string' ? content : JSON.stringify(content));
}

const node = (...args: string[]): Promise<Ended> =>
  run(process.execPath, args, { cwd: folder, env: { NO_COLOR: '1' } });
const tool = (path: string): string => join(repository, 'node_modules', path);

describe('the checks fail on what they are there for', () => {
  it('size-limit: a file one byte too large', async () => {
    const limits = (limit: string): object => ({
      name: 'x',
      type: 'module',
      devDependencies: { '@size-limit/preset-small-lib': '*' },
      'size-limit': [{ path: 'index.js', limit }],
    });
    write('index.js', 'export const text = "a text that nobody can make shorter than this one is";\n');
    write('package.json', limits('200 B'));
    const fits = await node(tool('size-limit/bin.js'));
    write('package.json', limits('20 B'));
    const exceeds = await node(tool('size-limit/bin.js'));

    expect(fits.code).toBe(0);
    expect(exceeds.code).toBe(1);
    expect(exceeds.stdout).toContain('Package size limit has exceeded');
  });

  it.skipIf(!existsSync(join(repository, 'packages/core/dist/index.d.ts')))(
    'API reports: an export that the report does not have',
    async () => {
      cpSync(join(repository, 'api'), join(folder, 'api'), { recursive: true });
      const report = join(folder, 'api/core.api.md');
      writeFileSync(report, readFileSync(report, 'utf8').replace(/^export function hasCode.*$/m, ''));
      const script = join(repository, 'scripts/api.ts');
      const ended = await node(script, '--check', '--package', 'core', '--reports', join(folder, 'api'));

      expect(ended.code).toBe(1);
      expect(ended.stderr).toContain('+ export function hasCode');
      expect(ended.stderr).toContain('The public API changed: core.api.md');
    },
  );

  it('typedoc: an export without a comment', async () => {
    write('x/package.json', { name: 'x', type: 'module', exports: { '.': { types: './dist/index.d.ts' } } });
    write('x/tsconfig.json', {
      extends: join(repository, 'tsconfig.base.json'),
      compilerOptions: { rootDir: 'src', outDir: 'dist' },
      include: ['src'],
    });
    const options = ['--options', join(repository, 'typedoc.json'), '--readme', 'none', '--emit', 'none'];
    const check = (): Promise<Ended> =>
      node(tool('typedoc/bin/typedoc'), ...options, '--entryPoints', join(folder, 'x'));
    write('x/src/index.ts', '/** One. */\nexport const one: number = 1;\n');
    const documented = await check();
    write('x/src/index.ts', 'export const one: number = 1;\n');
    const silent = await check();

    expect(documented.code, documented.stderr).toBe(0);
    expect(silent.code).not.toBe(0);
    expect(silent.stderr + silent.stdout).toContain('does not have any documentation');
  });

  it('knip: an import that the manifest does not declare, and a file that nobody imports', async () => {
    rmSync(join(folder, 'node_modules'));
    write('package.json', { name: 'root', private: true, type: 'module', workspaces: ['packages/*'] });
    write('knip.json', readFileSync(join(repository, 'knip.json'), 'utf8'));
    write('packages/x/package.json', { name: '@bitcoin-enterprise/x', type: 'module', exports: './src/index.ts' });
    write('packages/x/src/index.ts', "export { satoshis } from '@bitcoin-enterprise/core';\n");
    write('packages/core/package.json', {
      name: '@bitcoin-enterprise/core',
      type: 'module',
      exports: './src/index.ts',
    });
    write('packages/core/src/index.ts', 'export const satoshis = 1;\n');
    mkdirSync(join(folder, 'node_modules/@bitcoin-enterprise'), { recursive: true });
    symlinkSync('../../packages/core', join(folder, 'node_modules/@bitcoin-enterprise/core'));
    write('packages/x/src/forgotten.ts', 'export const one = 1;\n');
    const ended = await node(tool('knip/bin/knip.js'));

    expect(ended.code).toBe(1);
    expect(ended.stdout).toMatch(/Unlisted dependencies[^]*@bitcoin-enterprise\/core/);
    expect(ended.stdout).toMatch(/Unused files[^]*forgotten\.ts/);
  });

  it('publint and attw: an entry that is not published', async () => {
    write('package.json', { name: 'x', version: '1.0.0', type: 'module', exports: './index.js', files: ['other.js'] });
    write('index.js', 'export const one = 1;\n');
    const ended = await node(join(repository, 'scripts/publish-check.ts'), folder);

    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/index\.js/);
  });

  it('tsc: a type error in a documentation fence', async () => {
    write('out/fences/x.fence.ts', "import { satoshis } from '@bitcoin-enterprise/core';\nsatoshis('1');\n");
    write('out/fences/tsconfig.json', {
      extends: join(repository, 'tsconfig.check.json'),
      include: ['*.ts'],
      exclude: [],
    });
    const ended = await node(tool('typescript7/bin/tsc'), '-p', 'out/fences/tsconfig.json');

    expect(ended.code).not.toBe(0);
    expect(ended.stdout).toContain("Argument of type 'string' is not assignable to parameter of type 'bigint'");
  });

  it('npm test: a step that nobody knows', async () => {
    const ended = await node(join(repository, 'scripts/test.ts'), 'no-such-step');

    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain('no step no-such-step; there are: wasm build types');
  });
});
