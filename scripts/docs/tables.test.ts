/** What is generated and committed is what the sources say. Each comparison is also seen to fail. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorTableFile, listErrors, readErrors, renderErrors } from './errors.ts';
import { listPackages, repository } from '../packages.ts';
import { graphFile, importsOf, listImports, renderGraph, withGraph } from './graph.ts';

describe('docs/errors.md', () => {
  const committed = readFileSync(errorTableFile, 'utf8');

  it('has every code of the sources, with its meaning and details', () => {
    expect(committed).toBe(renderErrors(listErrors()));
  });

  it('has no code that no source has', () => {
    const codes = new Set(listErrors().map(({ code }) => code));
    const inTable = [...committed.matchAll(/^\| `(\w+)`/gm)].map((match) => match[1]);
    expect(inTable.filter((code) => !codes.has(code as string))).toEqual([]);
    expect(inTable).toHaveLength(codes.size);
  });

  it('would differ for a code added, removed or described otherwise', () => {
    const errors = listErrors();
    const [first, ...others] = errors;
    if (first === undefined) throw new Error('no errors found');

    expect(renderErrors(others)).not.toBe(committed);
    expect(renderErrors([...errors, { ...first, code: 'CORE_NEW' }])).not.toBe(committed);
    expect(renderErrors([{ ...first, meaning: 'other' }, ...others])).not.toBe(committed);
  });

  it('never names one code twice', () => {
    const codes = listErrors().map(({ code }) => code);
    expect(new Set(codes).size).toBe(codes.length);
  });

  it('refuses a code without a comment', () => {
    const text = 'export interface XErrors { readonly X_A: { readonly a: 1 } }';
    expect(() => readErrors({ packageName: 'x', text })).toThrow('X_A has no comment');
  });

  it('reads meaning and details, through an interface of the same file too', () => {
    const text = [
      'export interface Why { readonly reason: string }',
      'export interface XErrors {',
      '  /** One\n * thing. */',
      '  readonly X_A: { readonly a: number | string; readonly b?: bigint };',
      '  /** Other. */',
      '  readonly X_B: Why;',
      '}',
    ].join('\n');
    expect(readErrors({ packageName: 'x', text })).toEqual([
      { package: 'x', code: 'X_A', meaning: 'One thing.', details: '`a: number \\| string`, `b?: bigint`' },
      { package: 'x', code: 'X_B', meaning: 'Other.', details: '`reason: string`' },
    ]);
  });
});

describe('README.md', () => {
  const readme = readFileSync(join(repository, 'README.md'), 'utf8');
  const missing = (text: string): readonly string[] =>
    listPackages()
      .map(({ name, folder }) => `[\`${name}\`](packages/${folder})`)
      .filter((link) => !text.includes(link));

  it('links every package', () => {
    expect(missing(readme)).toEqual([]);
    expect(missing(readme.replace('(packages/core)', '(core)'))).toHaveLength(1);
  });

  it('gives the command that .ci/run runs', () => {
    const ci = readFileSync(join(repository, '.ci/run'), 'utf8');
    for (const command of ['npm ci', 'npm test']) {
      expect(readme).toContain(command);
      expect(ci).toContain(command);
    }
  });
});

describe('the import graph of ARCHITECTURE.md', () => {
  const committed = readFileSync(graphFile, 'utf8');

  it('is the graph of today', () => {
    expect(committed).toBe(withGraph(committed, renderGraph(listImports())));
  });

  it('would differ for one import more or less', () => {
    const imports = listImports();
    expect(withGraph(committed, renderGraph(imports.slice(1)))).not.toBe(committed);
    const more = [...imports, { from: 'core', to: 'chain', typesOnly: true }];
    expect(withGraph(committed, renderGraph(more))).not.toBe(committed);
  });

  it('sees every form of import', () => {
    const text = [
      "import { a } from '@bitcoin-enterprise/core';",
      "import type { b } from '@bitcoin-enterprise/script';",
      "export {\n  c,\n} from '@bitcoin-enterprise/chain/testing';",
      "const d = await import('@bitcoin-enterprise/secp256k1');",
      "import { type e } from '@bitcoin-enterprise/script';",
      "let f: import('@bitcoin-enterprise/core').F;",
      "/** import { g } from '@bitcoin-enterprise/wallet'; */ export const g = ' from ';",
    ].join('\n');
    expect(importsOf(text)).toEqual([
      { to: 'core', typesOnly: false },
      { to: 'script', typesOnly: true },
      { to: 'chain', typesOnly: false },
      { to: 'secp256k1', typesOnly: false },
      { to: 'script', typesOnly: true },
      { to: 'core', typesOnly: true },
    ]);
  });

  it('needs its markers', () => {
    expect(() => withGraph('# A', '')).toThrow('markers');
  });
});
