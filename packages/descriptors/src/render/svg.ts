import { requireObject, requirePaths } from '../arguments.ts';
import { percent } from './english.ts';
import { type RenderPath, type RenderTree, treeOfPaths } from './paths.ts';
import { weightText } from './terminal.ts';

/** How a picture is drawn. */
export interface SvgOptions {
  /** Characters of a label; longer ones are cut. 44 when absent. */
  readonly labelLength?: number;
}

const ROW = 34;
const COLUMN = 46;
const MARGIN = 16;
const CHARACTER = 7.3;
const BAR = 120;

interface Placed {
  readonly path: RenderPath;
  readonly x: number;
  readonly y: number;
}

interface Page {
  readonly lines: string[];
  readonly placed: Placed[];
  rows: number;
  deepest: number;
}

/**
 * The ways of an output as a picture: the tree from left to right, a bar for the weight of each way, as dark as it is likely.
 * Colours follow the light or dark scheme of the reader.
 */
export function svgTree(paths: readonly RenderPath[], options: SvgOptions = {}): string {
  requirePaths(paths);
  requireObject(options, 'options');
  const { labelLength = 44 } = options;
  const page: Page = { lines: [], placed: [], rows: 0, deepest: 1 };
  const centres: number[] = [];
  for (const path of paths) if (path.kind !== 'leaf') centres.push(leafAt(path, 1, page));
  const tree = treeOfPaths(paths);
  if (tree !== undefined) centres.push(treeAt(tree, 1, page));
  const root = centres.length === 0 ? MARGIN : ((centres[0] as number) + (centres.at(-1) as number)) / 2;
  for (const centre of centres) page.lines.push(connection(0, root, 1, centre));
  const labelAt = MARGIN + COLUMN * (page.deepest + 1);
  const barAt = labelAt + CHARACTER * (labelLength + 2);
  const width = barAt + BAR + 110;
  const height = 2 * MARGIN + ROW * Math.max(1, page.rows);
  const heaviest = Math.max(1, ...page.placed.map(({ path }) => path.weight));
  const labels = page.placed.map(({ path, x, y }) => labelled(path, { x, y, labelAt, barAt, heaviest, labelLength }));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${round(width)} ${round(height)}" width="${round(width)}" height="${round(height)}" role="img" aria-label="ways to spend">`,
    '<style>text{font:12px ui-monospace,monospace;fill:#1d2733}.l{stroke:#8a97a6;fill:none}.n{fill:#f7931a}.t{fill:#e6eaef}.b{fill:#f7931a}@media(prefers-color-scheme:dark){text{fill:#e6eaef}.t{fill:#2b3643}}</style>',
    ...page.lines,
    `<circle class="n" cx="${MARGIN + 4}" cy="${round(root)}" r="6"/>`,
    ...labels,
    '</svg>',
  ].join('\n');
}

function treeAt(tree: RenderTree, depth: number, page: Page): number {
  if (tree.kind === 'leaf') return leafAt(tree.path, depth, page);
  const left = treeAt(tree.left, depth + 1, page);
  const right = treeAt(tree.right, depth + 1, page);
  const centre = (left + right) / 2;
  page.lines.push(connection(depth, centre, depth + 1, left), connection(depth, centre, depth + 1, right));
  return centre;
}

function leafAt(path: RenderPath, depth: number, page: Page): number {
  const y = MARGIN + ROW * (page.rows + 0.5);
  page.rows += 1;
  page.deepest = Math.max(page.deepest, depth);
  page.placed.push({ path, x: MARGIN + COLUMN * depth, y });
  return y;
}

function connection(fromDepth: number, fromY: number, toDepth: number, toY: number): string {
  const x = MARGIN + 4 + COLUMN * fromDepth;
  const end = MARGIN + 4 + COLUMN * toDepth;
  const middle = (x + end) / 2;
  return `<path class="l" d="M${round(x)} ${round(fromY)}C${round(middle)} ${round(fromY)} ${round(middle)} ${round(toY)} ${round(end)} ${round(toY)}"/>`;
}

function labelled(
  { kind, text, weight, probability }: RenderPath,
  place: {
    readonly x: number;
    readonly y: number;
    readonly labelAt: number;
    readonly barAt: number;
    readonly heaviest: number;
    readonly labelLength: number;
  },
): string {
  const { x, y, labelAt, barAt, heaviest, labelLength } = place;
  const prefix = kind === 'key' ? 'key path ' : '';
  const whole = `${prefix}${text}`;
  const shown = whole.length > labelLength ? `${whole.slice(0, labelLength - 1)}…` : whole;
  const odds = probability === undefined ? '' : ` · ${percent(probability)}`;
  const bar = (BAR * weight) / heaviest;
  const shade = probability === undefined ? 0.8 : 0.25 + 0.75 * Math.sqrt(probability);
  return [
    `<g><title>${escaped(whole)}</title>`,
    `<line class="l" stroke-dasharray="1 3" x1="${round(x + 10)}" y1="${round(y)}" x2="${round(labelAt - 6)}" y2="${round(y)}"/>`,
    `<circle class="n" cx="${round(x + 4)}" cy="${round(y)}" r="4"/>`,
    `<text x="${round(labelAt)}" y="${round(y + 4)}">${escaped(shown)}</text>`,
    `<rect class="t" x="${round(barAt)}" y="${round(y - 7)}" width="${BAR}" height="14" rx="3"/>`,
    `<rect class="b" x="${round(barAt)}" y="${round(y - 7)}" width="${round(bar)}" height="14" rx="3" opacity="${round(shade)}"/>`,
    `<text x="${round(barAt + BAR + 8)}" y="${round(y + 4)}">${weightText(weight)} WU${odds}</text></g>`,
  ].join('');
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
