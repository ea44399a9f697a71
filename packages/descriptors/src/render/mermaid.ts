import { requirePaths } from '../arguments.ts';
import { percent } from './english.ts';
import { type RenderPath, type RenderTree, treeOfPaths } from './paths.ts';
import { weightText } from './terminal.ts';

/** The ways of an output as a Mermaid flow chart. */
export function mermaidTree(paths: readonly RenderPath[]): string {
  requirePaths(paths);
  const lines = ['flowchart TD', '  output(("output"))'];
  for (const [place, path] of paths.entries())
    if (path.kind !== 'leaf')
      lines.push(`  output -->|${path.kind === 'key' ? 'key path' : 'script'}| p${place}["${label(path)}"]`);
  const tree = treeOfPaths(paths);
  if (tree !== undefined) draw(tree, 'output', { lines, branches: 0 });
  return lines.join('\n');
}

function draw(tree: RenderTree, from: string, page: { readonly lines: string[]; branches: number }): void {
  if (tree.kind === 'leaf') {
    page.lines.push(`  ${from} --> p${tree.place}["${label(tree.path)}"]`);
    return;
  }
  const name = `b${page.branches++}`;
  page.lines.push(`  ${from} --> ${name}(( ))`);
  draw(tree.left, name, page);
  draw(tree.right, name, page);
}

function label({ text, weight, probability }: RenderPath): string {
  const odds = probability === undefined ? '' : `, ${percent(probability)}`;
  // Mermaid knows entities of its own: of HTML without the ampersand.
  return `${text.replaceAll('"', '#quot;')}<br/>${weightText(weight)} WU${odds}`;
}
