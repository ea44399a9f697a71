import { describe, expect, it } from 'vitest';
import ts from 'typescript';
import { compileFence, fencesOf, fencesOfComments, findFences, renderFence } from './fences.ts';

async function runFence(code: string): Promise<void> {
  const { body } = compileFence({ file: 'x.md', line: 1, code, runs: true });
  const script = ts.transpile(`return (async () => {\n${body}\n})();`, { target: ts.ScriptTarget.ES2023 });
  // oxlint-disable-next-line typescript/no-implied-eval
  await (new Function('fenceExpect', script)(expect) as Promise<void>);
}

describe('a fence is a test', () => {
  it('holds when every value is the one in its comment', async () => {
    await expect(runFence('1 + 1; // => 2\nconst a = [1n]; // => [1n]\na.length\n// => 1')).resolves.toBeUndefined();
  });

  it.each([
    ['an expression', '1 + 1; // => 3'],
    ['an expression with its value on the next line', "'a'.repeat(2);\n// => 'a'"],
    ['a declaration', 'const a = 2n; // => 3n'],
    ['an expression inside a block', 'if (true) {\n  1 + 1; // => 3\n}'],
    ['a call that should throw', 'Promise.resolve(1); // => throws CORE_X'],
    ['another error code', "(() => { throw Object.assign(new Error('x'), { code: 'A' }); })(); // => throws B"],
  ])('fails on a wrong value of %s', async (_name, code) => {
    await expect(runFence(code)).rejects.toThrow();
  });

  it('only type-checks a fence marked no-run', () => {
    const [first, second] = fencesOf('x.md', 'a\n```ts no-run\nf();\n```\n```ts\ng();\n```\n```json\n{}\n```');
    expect(first).toEqual({ file: 'x.md', line: 3, code: 'f();', runs: false });
    expect(second).toEqual({ file: 'x.md', line: 6, code: 'g();', runs: true });
  });

  it('lets a no-run fence declare what it does not show', () => {
    const code = "import { f } from 'x';\ndeclare const tx: Uint8Array;\nawait f(tx);";
    expect(renderFence({ file: 'x.md', line: 1, code, runs: false })).toBe(
      "// Generated from x.md:1\nimport { f } from 'x';\n\ndeclare const tx: Uint8Array;\nawait f(tx);\nexport {};\n",
    );
  });

  it('refuses a fence that is never closed', () => {
    expect(() => fencesOf('x.md', '```ts\nf();')).toThrowErrorMatchingInlineSnapshot(
      `[Error: x.md:2: the fence is never closed]`,
    );
  });

  it('reads the examples of doc comments and nothing else', () => {
    const text =
      '/**\n * Adds.\n *\n * @example\n * ```ts\n * add(1, 2); // => 3\n * ```\n */\nconst s = `\n```ts\nx\n```\n`;';
    expect(fencesOfComments('x.ts', text)).toEqual([{ file: 'x.ts', line: 6, code: 'add(1, 2); // => 3', runs: true }]);
  });

  it('finds the fences of this repository', () => {
    expect(findFences().filter(({ file, runs }) => runs && file.startsWith('packages/core/')).length).toBeGreaterThan(
      3,
    );
  });
});
