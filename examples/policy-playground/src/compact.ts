/** A policy without the white space that people put into it, and the way back to what they wrote. */
export interface CompactText {
  readonly text: string;
  /** Where a character of `text` stands in what was written, in UTF-16 units; the length of `text` is allowed. */
  readonly positionOf: (position: number) => number;
}

/** Takes white space out of a text. */
export function compactText(written: string): CompactText {
  const positions: number[] = [];
  let text = '';
  for (const [position, unit] of written.split('').entries()) {
    if (/\s/.test(unit)) continue;
    text += unit;
    positions.push(position);
  }
  const end = (positions.at(-1) ?? -1) + 1;
  return { text, positionOf: (position) => positions[position] ?? end };
}
