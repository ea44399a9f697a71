import { describe, expect, it } from 'vitest';
import {
  compilePolicy,
  costTable,
  englishOf,
  keyLabel,
  liftDescriptor,
  mermaidTree,
  parseDescriptor,
  parsePolicy,
  pathsOfDescriptor,
  svgTree,
  terminalTree,
} from '../src/index.ts';

const POLICY = 'or(90@thresh(2,pk(alice),pk(bob),pk(carol)),8@and(pk(dave),older(4320)),2@and(pk(erin),after(900000)))';

describe('a policy, told', () => {
  it('in plain English', () => {
    expect(englishOf(parsePolicy(POLICY), { keyName: (name) => name })).toMatchInlineSnapshot(`
      "one of:
        any 2 of these 3 (90 % of spends):
          a signature of alice
          a signature of bob
          a signature of carol
        all of (8.0 % of spends):
          a signature of dave
          4,320 blocks (about 30 days) after the output was confirmed
        all of (2.0 % of spends):
          a signature of erin
          from block 900,000 on"
    `);
    expect(englishOf(parsePolicy('and(pk(A),after(1798761600))'), { keyName: (name) => name })).toMatch(
      /from 2027-01-01 00:00 UTC on/,
    );
    expect(englishOf(parsePolicy('and(pk(A),older(4194473))'), { keyName: (name) => name })).toMatch(
      /24 hours after the output was confirmed/,
    );
  });

  it('as a tree, a table and a chart', () => {
    const { paths } = compilePolicy(POLICY, { context: 'tr' });
    expect(terminalTree(paths)).toMatchInlineSnapshot(`
      "output
      ├─ key path musig(alice,bob)  [66 WU, 30 %]
      └─ branch
         ├─ and_v(v:pk(bob),pk(carol))  [266 WU, 30 %]
         └─ branch
            ├─ branch
            │  ├─ and_v(v:pk(erin),after(900000))  [236 WU, 2.0 %]
            │  └─ and_v(v:pk(dave),older(4320))  [235 WU, 8.0 %]
            └─ and_v(v:pk(alice),pk(carol))  [298 WU, 30 %]"
    `);
    expect(costTable(paths).split('\n')).toHaveLength(2 + paths.length);
    expect(mermaidTree(paths).match(/-->/g)).toHaveLength(8);
    const svg = svgTree(paths);
    expect(svg.match(/<rect class="b"/g)).toHaveLength(paths.length);
    expect(svgTree([{ kind: 'script', text: '<&">', depth: 0, weight: 1 }])).toMatch(/&lt;&amp;&quot;&gt;/);
  });

  it('of a descriptor, with short names of keys', () => {
    const key =
      'xpub6ERApfZwUNrhLCkDtcHTcxd75RbzS1ed54G1LkBUHQVHQKqhMkhgbmJbZRkrgZw4koxb5JaHWkY4ALHY2grBGRjaDMzQLcgJvLJuZZvRcEL';
    const leaf = 'pk(a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd)';
    const descriptor = parseDescriptor(`tr([d34db33f/86h/0h/0h]${key}/<0;1>/*,${leaf})`);
    expect(pathsOfDescriptor(descriptor).map(({ kind, text, weight }) => [kind, text, weight])).toEqual([
      ['key', 'd34db33f/<0;1>/*', 66],
      ['leaf', 'pk(a34b99f2…c5bd)', 135],
    ]);
    const meaning = liftDescriptor(descriptor.node);
    expect(meaning === undefined ? '' : englishOf(meaning, { keyName: keyLabel })).toMatch(/^either of:/);
  });
});
