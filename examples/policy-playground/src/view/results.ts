import { englishOf, type SpendBlocked, type SpendPlan, svgTree } from '@bitcoin-enterprise/descriptors';
import type { PlaygroundOutput } from '../compile.ts';
import { byId, make } from './element.ts';
import { percent, rounded } from './numbers.ts';

/** Shows what a policy became. */
export function showResults(result: PlaygroundOutput): void {
  const { compiled, descriptor, output, policy } = result;
  showTree(result);
  byId('expected', HTMLElement).replaceChildren(
    `${rounded(compiled.expectedWeight)} WU`,
    small(`${rounded(compiled.expectedWeight / 4)} vB for a spend, on average`),
  );
  byId('bound', HTMLElement).replaceChildren(
    `${rounded(compiled.lowerBound)} WU`,
    small('no output does it with less'),
  );
  const proved = compiled.gap === 0;
  byId('gap', HTMLElement).replaceChildren(
    proved ? 'None' : percent(compiled.gap),
    small(proved ? 'proved to be the optimum' : 'at most so far from the optimum'),
  );
  showCosts(result);
  byId('no-key-path', HTMLElement).hidden = !hasNoKeyPath(result);
  byId('english', HTMLElement).replaceChildren(nested(englishOf(policy, { keyName: (name) => name }).split('\n')));
  byId('template', HTMLElement).textContent = compiled.template;
  byId('descriptor', HTMLElement).textContent = String(descriptor);
  byId('address', HTMLElement).textContent = output.address('regtest') ?? 'none';
}

function small(text: string): HTMLElement {
  return make('small', {}, text);
}

/** Pixels of a character of the picture, and of all that is beside its labels. */
const CHARACTER = 7.3;
const COLUMN = 46;
const BESIDE_LABELS = 16 + 120 + 124 + 2 * CHARACTER;

/** Draws the tree as wide as there is room. */
export function showTree({ compiled: { paths } }: PlaygroundOutput): void {
  const host = byId('tree', HTMLElement);
  const depth = Math.max(...paths.map((path) => path.depth));
  const room = (host.clientWidth - BESIDE_LABELS - COLUMN * (depth + 2)) / CHARACTER;
  const longest = Math.max(...paths.map(({ kind, text }) => text.length + (kind === 'key' ? 9 : 0)));
  const labelLength = Math.min(Math.max(16, Math.floor(room)), longest);
  // In a shadow of its own: the picture brings a style that would reach the whole page.
  const shadow = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  shadow.innerHTML = svgTree(paths, { labelLength });
}

const kinds = { key: 'Key path', script: 'Script' } as const;

function showCosts({ compiled: { paths } }: PlaygroundOutput): void {
  const first = paths.findIndex(({ kind }) => kind === 'leaf');
  const rows = paths.map(({ kind, text, depth, weight, probability }, place) =>
    make(
      'tr',
      {},
      make(
        'th',
        { scope: 'row' },
        make('span', { class: 'kind' }, kind === 'leaf' ? `Leaf ${place - first + 1}` : kinds[kind]),
        make('code', {}, text),
      ),
      number(kind === 'leaf' ? String(depth) : ''),
      number(rounded(weight)),
      make('td', { class: 'number virtual' }, rounded(weight / 4)),
      number(percent(probability)),
    ),
  );
  byId('costs', HTMLTableElement).tBodies[0]?.replaceChildren(...rows);
}

/** Whether an output of Taproot has leaves alone. */
function hasNoKeyPath({ compiled: { paths }, output }: PlaygroundOutput): boolean {
  return output.taproot !== undefined && paths.every(({ kind }) => kind !== 'key');
}

/** Marks the way that a spend would go, if there is one. */
export function showWay(plan: SpendPlan | SpendBlocked, { compiled: { paths } }: PlaygroundOutput): void {
  const leaves = paths.findIndex(({ kind }) => kind === 'leaf');
  const used = plan.ok ? (plan.path.kind === 'leaf' ? leaves + plan.path.index : 0) : -1;
  for (const [place, row] of Array.from(byId('costs', HTMLTableElement).tBodies[0]?.rows ?? []).entries())
    row.classList.toggle('used', place === used);
}

function number(text: string): HTMLElement {
  return make('td', { class: 'number' }, text);
}

/** Lines with two spaces for each level, as lists in lists. */
function nested(lines: readonly string[]): HTMLElement {
  const root = make('ul', {});
  const open = [root];
  for (const line of lines) {
    const level = (line.length - line.trimStart().length) / 2;
    while (open.length <= level) {
      const list = make('ul', {});
      const above = open.at(-1);
      (above?.lastElementChild ?? above)?.append(list);
      open.push(list);
    }
    open.length = level + 1;
    open[level]?.append(make('li', {}, line.trim()));
  }
  return root;
}
