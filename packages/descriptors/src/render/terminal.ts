import { requirePaths } from '../arguments.ts';
import { percent } from './english.ts';
import { type RenderPath, type RenderTree, treeOfPaths } from './paths.ts';

/** The ways of an output as a tree for a terminal, with weights and odds. */
export function terminalTree(paths: readonly RenderPath[]): string {
  requirePaths(paths);
  const tops = paths.filter(({ kind }) => kind !== 'leaf').map((path) => `${titleOf(path)} ${described(path)}`);
  const tree = treeOfPaths(paths);
  const lines = [
    'output',
    ...tops.map((line, place) => `${place === tops.length - 1 && tree === undefined ? '└─' : '├─'} ${line}`),
  ];
  if (tree !== undefined) lines.push(...branchLines(tree, '', '└─ '));
  return lines.join('\n');
}

function branchLines(tree: RenderTree, indent: string, mark: string): readonly string[] {
  if (tree.kind === 'leaf') return [`${indent}${mark}${described(tree.path)}`];
  const inner = `${indent}${mark === '├─ ' ? '│  ' : '   '}`;
  return [`${indent}${mark}branch`, ...branchLines(tree.left, inner, '├─ '), ...branchLines(tree.right, inner, '└─ ')];
}

function titleOf({ kind }: RenderPath): string {
  return kind === 'key' ? 'key path' : 'script';
}

function described({ text, weight, probability }: RenderPath): string {
  const odds = probability === undefined ? '' : `, ${percent(probability)}`;
  return `${text}  [${weightText(weight)} WU${odds}]`;
}

/** A weight with at most one digit behind the point. */
export function weightText(weight: number): string {
  return String(Math.round(weight * 10) / 10);
}

/** The ways of an output as a table in Markdown. */
export function costTable(paths: readonly RenderPath[]): string {
  requirePaths(paths);
  const hasOdds = paths.some(({ probability }) => probability !== undefined);
  const head = ['way', 'depth', 'witness, WU', 'vB', ...(hasOdds ? ['odds'] : []), 'what'];
  const rows = paths.map(({ kind, depth, weight, probability, text }) => [
    kind === 'key' ? 'key path' : kind,
    kind === 'leaf' ? String(depth) : '',
    weightText(weight),
    weightText(weight / 4),
    ...(hasOdds ? [probability === undefined ? '' : percent(probability)] : []),
    `\`${text}\``,
  ]);
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
