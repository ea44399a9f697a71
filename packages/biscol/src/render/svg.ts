import { guarded } from '../checks.ts';
import { type OutlinedTransition, outlineOf } from '../contract/outline.ts';
import type { ContractInstance } from '../contract/model.ts';
import { waitText } from './table.ts';

const MARGIN = 24;
const ROW = 46;
const STATE_WIDTH = 150;
const LINE_FROM = MARGIN + STATE_WIDTH;
const CHIP_HEIGHT = 26;
const CHIP_GAP = 8;
/** Wider than any of the letters that names are made of, at 12 pixels. */
const LETTER = 7.2;
/** Between states. */
const GAP = 18;

/**
 * An instance as a picture: each state with what leads out of it, one line each, to the states (blue) and parties (grey)
 * behind it. Covenants are dashed; below a line is what it waits for.
 */
export function contractSvg(instance: ContractInstance): string {
  return guarded('instance', 'what instantiate returned', () => {
    const { states, transitions } = outlineOf(instance);
    const lineTo = LINE_FROM + 40 + Math.max(0, ...transitions.map((one) => LETTER * longest(one)));
    const drawn: string[] = [];
    let y = MARGIN;
    let width = lineTo;
    for (const { name, isFirst } of states) {
      const out = transitions.filter(({ from }) => from === name);
      const height = Math.max(1, out.length) * ROW;
      drawn.push(stateBox(name, { y, height, isFirst }));
      for (const [place, transition] of out.entries()) {
        const middle = y + place * ROW + ROW / 2;
        drawn.push(line(transition, middle, lineTo));
        let x = lineTo + CHIP_GAP;
        for (const chip of chipsOf(transition)) {
          drawn.push(chipBox(chip, x, middle));
          x += chipWidth(chip) + CHIP_GAP;
        }
        width = Math.max(width, x);
      }
      y += height + GAP;
    }
    const size = { width: Math.ceil(width + MARGIN - CHIP_GAP), height: y - GAP + MARGIN };
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" width="${size.width}" height="${size.height}" role="img" aria-label="${escape(instance.contract.name)}" font-family="system-ui, sans-serif" font-size="12">`,
      '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 10 5 0 10z" fill="#475569"/></marker></defs>',
      `<rect width="${size.width}" height="${size.height}" fill="#ffffff"/>`,
      ...drawn,
      '</svg>',
      '',
    ].join('\n');
  });
}

interface Chip {
  readonly text: string;
  readonly kind: 'state' | 'party' | 'open';
}

/** Where a transition leads; where only its arguments say, that. */
function chipsOf({ to, payouts, plan }: OutlinedTransition): readonly Chip[] {
  if (plan === undefined) return [{ text: 'as its arguments say', kind: 'open' }];
  const parties = [...new Set(payouts.map(({ party }) => party))];
  return [
    ...to.map((text): Chip => ({ text, kind: 'state' })),
    ...parties.map((text): Chip => ({ text, kind: 'party' })),
  ];
}

function longest(transition: OutlinedTransition): number {
  return Math.max(transition.name.length, belowText(transition).length);
}

function belowText(transition: OutlinedTransition): string {
  const wait = waitText(transition);
  return wait === '' ? '' : `after ${wait}`;
}

function stateBox(
  name: string,
  of: { readonly y: number; readonly height: number; readonly isFirst: boolean },
): string {
  const { y, height, isFirst } = of;
  return `<g><rect x="${MARGIN}" y="${y}" width="${STATE_WIDTH}" height="${height}" rx="8" fill="#eff6ff" stroke="#2563eb"${isFirst ? ' stroke-width="2.5"' : ''}/>${text(name, { x: MARGIN + STATE_WIDTH / 2, y: y + height / 2 + 4, style: 'text-anchor="middle" fill="#0f172a" font-weight="600"' })}</g>`;
}

function line(transition: OutlinedTransition, y: number, to: number): string {
  const dash = transition.covenant ? ' stroke-dasharray="6 3"' : '';
  const x = LINE_FROM + 14;
  const below = belowText(transition);
  return [
    `<path d="M${LINE_FROM} ${y}H${to}" fill="none" stroke="#475569" stroke-width="1.4" marker-end="url(#tip)"${dash}/>`,
    text(transition.name, { x, y: y - 6, style: 'fill="#0f172a"' }),
    below === '' ? '' : text(below, { x, y: y + 15, style: 'fill="#475569" font-size="11"' }),
  ].join('');
}

function chipWidth({ text: label }: Chip): number {
  return Math.ceil(label.length * LETTER) + 24;
}

const CHIP_STYLE: Readonly<Record<Chip['kind'], string>> = {
  state: 'fill="#eff6ff" stroke="#2563eb"',
  party: 'fill="#f1f5f9" stroke="#94a3b8"',
  open: 'fill="#ffffff" stroke="#94a3b8" stroke-dasharray="4 3"',
};

function chipBox(chip: Chip, x: number, middle: number): string {
  const width = chipWidth(chip);
  const radius = chip.kind === 'state' ? 6 : CHIP_HEIGHT / 2;
  return `<g><rect x="${x}" y="${middle - CHIP_HEIGHT / 2}" width="${width}" height="${CHIP_HEIGHT}" rx="${radius}" ${CHIP_STYLE[chip.kind]}/>${text(chip.text, { x: x + width / 2, y: middle + 4, style: 'text-anchor="middle" fill="#0f172a"' })}</g>`;
}

function text(content: string, at: { readonly x: number; readonly y: number; readonly style: string }): string {
  return `<text x="${at.x}" y="${at.y}" ${at.style}>${escape(content)}</text>`;
}

function escape(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
