/** The guards of the house are seen to fail here: on a file that breaks every rule, and not on the repository. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../nodes/run.ts';
import { layers } from './layers.ts';

const root = resolve(import.meta.dirname, '../..');
const bin = (name: string): string => join(root, 'node_modules/.bin', name);
// Outside of the repository, because linters skip what git ignores.
const canary = mkdtempSync(join(tmpdir(), 'be-canary-'));
const source = join(canary, 'packages/core/src');

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
}

interface References {
  readonly references?: ReadonlyArray<{ readonly path: string }>;
}

const readJson = <Shape>(path: string): Shape => JSON.parse(readFileSync(join(root, path), 'utf8')) as Shape;

describe('the canary', () => {
  beforeAll(() => {
    symlinkSync(join(root, 'node_modules'), join(canary, 'node_modules'));
    cpSync(join(root, 'package.json'), join(canary, 'package.json'));
    mkdirSync(source, { recursive: true });
    cpSync(join(root, 'scripts/layers/canary.txt'), join(source, 'canary.ts'));
    writeFileSync(join(source, 'loop.ts'), "import { canary } from './canary.ts';\nexport const loop = canary;\n");
    const lint = { ...readJson<object>('.oxlintrc.json'), ignorePatterns: [] };
    writeFileSync(join(canary, '.oxlintrc.json'), JSON.stringify(lint));
    const config = { extends: join(root, 'tsconfig.check.json'), include: ['packages'] };
    writeFileSync(join(canary, 'tsconfig.json'), JSON.stringify(config));
  });
  afterAll(() => rmSync(canary, { recursive: true, force: true }));

  it('fails under dependency-cruiser: type import up, value import up, cycle, built-in, dev dependency, absent file', async () => {
    const config = join(root, '.dependency-cruiser.mjs');
    const args = ['--config', config, 'packages/core/src'];
    const verdict = await run(bin('depcruise'), args, { cwd: canary });
    const ended = await run(bin('depcruise'), ['--output-type', 'json', ...args], { cwd: canary });
    const { summary } = JSON.parse(ended.stdout) as {
      readonly summary: {
        readonly violations: ReadonlyArray<{ readonly rule: { readonly name: string }; readonly to: string }>;
      };
    };
    const found = summary.violations.map(({ rule, to }) => `${rule.name} ${to.split('/').slice(-3).join('/')}`);

    expect(found).toEqual(
      expect.arrayContaining([
        'layer-core chain/src/index.ts',
        'layer-core script/src/index.ts',
        'browser-safe fs',
        'no-unresolved ./absent.ts',
      ]),
    );
    expect(new Set(summary.violations.map(({ rule }) => rule.name))).toEqual(
      new Set(['browser-safe', 'layer-core', 'no-cycle', 'no-dev-dependency', 'no-unresolved']),
    );
    expect(verdict.code).not.toBe(0);
  });

  it('fails under oxlint: imports up, built-in, console, a promise nobody waits for', async () => {
    const args = ['--type-aware', '--no-ignore', '--format', 'json', '-c', '.oxlintrc.json', 'packages'];
    const ended = await run(bin('oxlint'), args, { cwd: canary });
    const { diagnostics } = JSON.parse(ended.stdout) as {
      readonly diagnostics: ReadonlyArray<{
        readonly code: string;
        readonly filename: string;
        readonly message: string;
      }>;
    };
    const rules = diagnostics.filter(({ filename }) => filename.endsWith('canary.ts')).map(({ code }) => code);

    expect(rules.filter((rule) => rule === 'eslint(no-restricted-imports)')).toHaveLength(3);
    expect(rules).toEqual(expect.arrayContaining(['eslint(no-console)', 'typescript(no-floating-promises)']));
    expect(ended.code).not.toBe(0);
  });
});

describe('the layers', () => {
  it('name every package of the repository', () => {
    const folders = readdirSync(join(root, 'packages')).filter((name) =>
      existsSync(join(root, 'packages', name, 'package.json')),
    );
    expect(layers.map(({ name }) => name).toSorted()).toEqual(folders.toSorted());
  });

  it('only point down', () => {
    layers.forEach(({ mayImport }, floor) => {
      const below = layers.slice(0, floor).map(({ name }) => name);
      expect(below).toEqual(expect.arrayContaining([...mayImport]));
    });
  });

  it.each(layers)('of $name are what its manifest, its references and its lint rule say', ({ name, mayImport }) => {
    const manifest = readJson<Manifest>(`packages/${name}/package.json`);
    const declared = Object.keys(manifest.dependencies ?? {}).filter((key) => key.startsWith('@bitcoin-enterprise/'));
    const references = readJson<References>(`packages/${name}/tsconfig.json`).references ?? [];
    const lint = readJson<{ overrides: ReadonlyArray<{ files: readonly string[]; rules: Record<string, unknown> }> }>(
      '.oxlintrc.json',
    );
    const rule = lint.overrides.find(({ files }) => files.includes(`packages/${name}/src/**`))?.rules[
      'no-restricted-imports'
    ];
    const forbidden = layers.filter((other) => other.name !== name && !mayImport.includes(other.name));

    for (const dependency of declared) expect(mayImport).toContain(dependency.replace('@bitcoin-enterprise/', ''));
    for (const { path } of references) expect(mayImport).toContain(path.replace('../', ''));
    for (const other of forbidden) expect(JSON.stringify(rule)).toContain(`@bitcoin-enterprise/${other.name}`);
    for (const allowed of mayImport) expect(JSON.stringify(rule)).not.toContain(`@bitcoin-enterprise/${allowed}`);
  });
});
