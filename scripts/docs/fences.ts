/**
 * Code fences as tests: README.md, packages/*\/README.md, docs and the `@example` blocks of exported code.
 *
 * Each ```` ```ts ```` fence becomes a file below `out/fences`: run by the vitest project `docs` and type-checked with
 * everything else. A comment `// => value` after a statement, or on the line below it, is compared; `// => throws CODE`
 * expects a coded error; ```` ```ts no-run ```` is type-checked only, and may
 * `declare const` what it does not show.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import ts from 'typescript';

/** One fence as found. */
export interface Fence {
  /** File it stands in, relative to the repository. */
  readonly file: string;
  /** Line of its first code line, from 1. */
  readonly line: number;
  readonly code: string;
  /** Whether it is a test; else it is type-checked only. */
  readonly runs: boolean;
}

const root = resolve(import.meta.dirname, '../..');
const folder = join(root, 'out/fences');

/** All fences of the repository. */
export function findFences(): readonly Fence[] {
  const found: Fence[] = [];
  const documents = ['README.md', ...listFiles('docs', '.md'), ...packageFiles('README.md')];
  for (const file of documents)
    if (existsSync(join(root, file))) found.push(...fencesOf(file, readFileSync(join(root, file), 'utf8')));
  for (const file of packageFiles('src').flatMap((source) => listFiles(source, '.ts')))
    found.push(...fencesOfComments(file, readFileSync(join(root, file), 'utf8')));
  return found;
}

/** Writes all fences as files below `out/fences`; a file that is as it should be is not touched. */
export function writeFences(): void {
  const wanted = new Map<string, string>();
  for (const fence of findFences()) {
    const name = `${fence.file.replaceAll(/[^A-Za-z0-9]+/g, '-')}-${fence.line}`;
    wanted.set(`${name}${fence.runs ? '.test.ts' : '.fence.ts'}`, renderFence(fence));
  }
  wanted.set('tsconfig.json', `${JSON.stringify(checkConfig, undefined, 2)}\n`);
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) if (!wanted.has(name)) rmSync(join(folder, name), { recursive: true });
  for (const [name, text] of wanted) {
    const path = join(folder, name);
    if (!existsSync(path) || readFileSync(path, 'utf8') !== text) writeFileSync(path, text);
  }
}

const checkConfig = {
  extends: '../../tsconfig.check.json',
  compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
  include: ['*.ts'],
  exclude: [],
};

/** The fences of a Markdown text. */
export function fencesOf(file: string, text: string): readonly Fence[] {
  const found: Fence[] = [];
  let open: { readonly line: number; readonly runs: boolean; readonly code: string[] } | undefined;
  text.split('\n').forEach((line, index) => {
    if (open === undefined) {
      const info = /^\s*```(?:ts|typescript)\b(.*)$/.exec(line)?.[1];
      if (info !== undefined) open = { line: index + 2, runs: !/\bno-run\b/.test(info), code: [] };
    } else if (/^\s*```\s*$/.test(line)) {
      found.push({ file, line: open.line, runs: open.runs, code: open.code.join('\n') });
      open = undefined;
    } else open.code.push(line);
  });
  if (open !== undefined) throw new Error(`${file}:${open.line}: the fence is never closed`);
  return found;
}

/** The fences in the doc comments of a TypeScript text. */
export function fencesOfComments(file: string, text: string): readonly Fence[] {
  let inside = false;
  // The lines keep their places, so that line numbers stay true; code outside of doc comments is blanked.
  const lines = text.split('\n').map((line) => {
    if (/^\s*\/\*\*/.test(line)) inside = true;
    const content = inside ? (/^\s*\*(?: (.*))?$/.exec(line)?.[1] ?? '') : '';
    if (line.includes('*/')) inside = false;
    return content.startsWith('/') ? '' : content;
  });
  return fencesOf(file, lines.join('\n'));
}

/** The TypeScript file of a fence. */
export function renderFence(fence: Fence): string {
  const { imports, body } = compileFence(fence);
  const place = `${fence.file}:${fence.line}`;
  const head = [`// Generated from ${place}`, ...imports];
  // At the top of a module, so that a fence may say `declare const tx: Uint8Array;` for what it does not show.
  if (!fence.runs) return [...head, body, 'export {};', ''].join('\n');
  const test = "import { expect as fenceExpect, it as fenceTest } from 'vitest';";
  return [...head, test, `fenceTest(${JSON.stringify(place)}, async () => {`, body, '});', ''].join('\n');
}

/** The imports of a fence, and its statements with every `// =>` turned into a comparison. */
export function compileFence(fence: Fence): { readonly imports: readonly string[]; readonly body: string } {
  const source = ts.createSourceFile('fence.ts', fence.code, ts.ScriptTarget.Latest, true);
  const imports: string[] = [];
  const edits: Array<{ readonly start: number; readonly end: number; readonly text: string }> = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      imports.push(node.getText(source));
      edits.push({ start: node.getStart(source), end: node.getEnd(), text: '' });
      return;
    }
    const expected = fence.runs && ts.isStatement(node) ? expectationAfter(fence.code, node.getEnd()) : undefined;
    const check = expected === undefined ? undefined : comparison(node, expected, source);
    if (check !== undefined) edits.push(check);
    else ts.forEachChild(node, visit);
  };
  visit(source);
  const body = edits
    .toSorted((a, b) => b.start - a.start)
    .reduce((text, edit) => text.slice(0, edit.start) + edit.text + text.slice(edit.end), fence.code);
  return { imports, body: body.replaceAll(/^export (?=const|function|async|class|interface|type)/gm, '') };
}

function expectationAfter(code: string, end: number): string | undefined {
  return /^[ \t]*(?:\n[ \t]*)?\/\/ => (.*)/.exec(code.slice(end))?.[1]?.trim();
}

function comparison(
  node: ts.Node,
  expected: string,
  source: ts.SourceFile,
): { readonly start: number; readonly end: number; readonly text: string } | undefined {
  const start = node.getStart(source);
  const end = node.getEnd();
  if (ts.isExpressionStatement(node)) {
    const actual = node.expression.getText(source);
    const code = /^throws (\w+)/.exec(expected)?.[1];
    if (code !== undefined) {
      const call = `(async () => { await (${actual}); })()`;
      return { start, end, text: `await fenceExpect(${call}).rejects.toMatchObject({ code: '${code}' });` };
    }
    return { start, end, text: `fenceExpect(await (${actual})).toEqual(${expected});` };
  }
  const declared = ts.isVariableStatement(node) ? node.declarationList.declarations[0]?.name : undefined;
  if (declared === undefined || !ts.isIdentifier(declared)) return undefined;
  const name = declared.text;
  return { start, end, text: `${node.getText(source)} fenceExpect(${name}).toEqual(${expected});` };
}

function packageFiles(name: string): readonly string[] {
  return readdirSync(join(root, 'packages'))
    .map((entry) => `packages/${entry}/${name}`)
    .filter((path) => existsSync(join(root, path)));
}

function listFiles(path: string, ending: string): readonly string[] {
  const base = join(root, path);
  if (!existsSync(base)) return [];
  return readdirSync(base, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => !/(^|\/)(node_modules|site)\//.test(file))
    .toSorted();
}
