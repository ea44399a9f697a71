import { guarded } from '../checks.ts';
import { type Outline, type OutlinedTransition, outlineOf } from '../contract/outline.ts';
import type { ContractInstance } from '../contract/model.ts';
import { waitText } from './table.ts';

const BOX = { width: 150, height: 48, gapX: 170, gapY: 42, margin: 24 };

interface Placed {
  readonly id: string;
  readonly title: string;
  readonly isParty: boolean;
  readonly x: number;
  readonly y: number;
}

/** An instance as a picture: states from left to right, those who are paid at the right. */
export function contractSvg(instance: ContractInstance): string {
  return guarded('instance', 'what instantiate returned', () => {
    const outline = outlineOf(instance);
    const placed = layOut(outline);
    const at = new Map(placed.map((box) => [box.id, box]));
    const arrows = outline.transitions.flatMap((transition) => targetsOf(transition).map((to) => ({ transition, to })));
    const lanes = new Map<string, number>();
    const drawn = arrows.map(({ transition, to }) => {
      const from = at.get(transition.from);
      const target = at.get(to);
      if (from === undefined || target === undefined) return '';
      const pair = `${from.id} ${target.id}`;
      const lane = lanes.get(pair) ?? 0;
      lanes.set(pair, lane + 1);
      return arrow(from, target, { label: labelOf(transition), lane, isCovenant: transition.covenant });
    });
    const width = Math.max(...placed.map(({ x }) => x)) + BOX.width + BOX.margin;
    const height = Math.max(...placed.map(({ y }) => y)) + BOX.height + BOX.margin + 20;
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escape(instance.contract.name)}" font-family="system-ui, sans-serif" font-size="12">`,
      '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 10 5 0 10z" fill="#475569"/></marker></defs>',
      `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
      ...drawn.filter((line) => line !== ''),
      ...placed.map(box),
      '</svg>',
      '',
    ].join('\n');
  });
}

function targetsOf({ to, payouts }: OutlinedTransition): readonly string[] {
  return [...to, ...new Set(payouts.map(({ party }) => `pays ${party}`))];
}

function labelOf(transition: OutlinedTransition): string {
  const wait = waitText(transition);
  return wait === '' ? transition.name : `${transition.name} (${wait})`;
}

/** Columns by the shortest way from the beginning; those who are paid come last. */
function layOut({ states, transitions }: Outline): readonly Placed[] {
  const column = new Map(states.filter(({ isFirst }) => isFirst).map(({ name }) => [name, 0]));
  for (let changed = true; changed;) {
    changed = false;
    for (const { from, to } of transitions) {
      const here = column.get(from);
      if (here === undefined) continue;
      for (const state of to)
        if (!column.has(state)) {
          column.set(state, here + 1);
          changed = true;
        }
    }
  }
  for (const { name } of states) if (!column.has(name)) column.set(name, 0);
  const last = Math.max(0, ...column.values()) + 1;
  const parties = [...new Set(transitions.flatMap(({ payouts }) => payouts.map(({ party }) => party)))];
  const rows = new Map<number, number>();
  const place = (id: string, title: string, of: { readonly column: number; readonly isParty: boolean }): Placed => {
    const row = rows.get(of.column) ?? 0;
    rows.set(of.column, row + 1);
    return {
      id,
      title,
      isParty: of.isParty,
      x: BOX.margin + of.column * (BOX.width + BOX.gapX),
      y: BOX.margin + row * (BOX.height + BOX.gapY),
    };
  };
  return [
    ...states.map(({ name }) => place(name, name, { column: column.get(name) ?? 0, isParty: false })),
    ...parties.map((party) => place(`pays ${party}`, party, { column: last, isParty: true })),
  ];
}

function box({ title, isParty, x, y }: Placed): string {
  const style = isParty ? 'fill="#f1f5f9" stroke="#94a3b8" stroke-dasharray="4 3"' : 'fill="#eff6ff" stroke="#2563eb"';
  const radius = isParty ? BOX.height / 2 : 8;
  return `<g><rect x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="${radius}" ${style}/><text x="${x + BOX.width / 2}" y="${y + BOX.height / 2 + 4}" text-anchor="middle" fill="#0f172a" font-weight="600">${escape(title)}</text></g>`;
}

function arrow(
  from: Placed,
  to: Placed,
  of: { readonly label: string; readonly lane: number; readonly isCovenant: boolean },
): string {
  const { label, lane, isCovenant } = of;
  const shift = lane * 18;
  const isBack = to.x <= from.x;
  const x1 = from.x + (isBack ? BOX.width / 2 : BOX.width);
  const y1 = isBack ? from.y : from.y + BOX.height / 2 + shift - 6;
  const x2 = to.x + (isBack ? BOX.width / 2 : 0);
  const y2 = isBack ? to.y : to.y + BOX.height / 2 + shift - 6;
  const middle = (x1 + x2) / 2;
  const path = isBack
    ? `M${x1} ${y1} C${x1 - 40} ${y1 - 34 - shift} ${x2 + 40} ${y2 - 34 - shift} ${x2} ${y2}`
    : `M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
  const labelX = isBack ? (x1 + x2) / 2 : x1 + 12;
  const labelY = isBack ? Math.min(y1, y2) - 22 - shift : y1 + (y2 - y1) * 0.12 - 5;
  const dash = isCovenant ? ' stroke-dasharray="6 3"' : '';
  return `<path d="${path}" fill="none" stroke="#475569" stroke-width="1.4" marker-end="url(#tip)"${dash}/><text x="${labelX}" y="${labelY}" fill="#334155"${isBack ? ' text-anchor="middle"' : ''} paint-order="stroke" stroke="#ffffff" stroke-width="3">${escape(label)}</text>`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
