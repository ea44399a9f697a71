/** The payout curve of the farmer, and the nights on it. */
import { payoutIntervals } from '@bitcoin-enterprise/biscol/dlc';
import type { Night } from './story.ts';
import { COLLATERAL, CONTRACT, toCelsius } from './terms.ts';

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [760, 420, 96, 24, 56, 64];
const [COLDEST, WARMEST] = [-20, 43];

/** An SVG; text is drawn by whoever shows it. */
export function payoutSvg(nights: readonly Night[]): string {
  const x = (celsius: number): number =>
    LEFT + ((celsius - COLDEST) / (WARMEST + 1 - COLDEST)) * (WIDTH - LEFT - RIGHT);
  const y = (payout: bigint): number => TOP + (1 - Number(payout) / Number(COLLATERAL)) * (HEIGHT - TOP - BOTTOM);
  const steps = payoutIntervals(CONTRACT, { collateral: COLLATERAL })
    .map(({ from, to, payout }, at) => {
      const [left, right] = [x(toCelsius(from)), x(toCelsius(to) + 1)];
      return `${at === 0 ? 'M' : 'L'}${left.toFixed(1)} ${y(payout).toFixed(1)}H${right.toFixed(1)}`;
    })
    .join('');
  const text = (at: readonly [number, number], anchor: 'start' | 'middle' | 'end', words: string): string =>
    `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" text-anchor="${anchor}">${words}</text>`;
  const across = [-20, -10, 0, 10, 20, 30, 40].map(
    (celsius) =>
      `<path class="grid" d="M${x(celsius).toFixed(1)} ${TOP}V${HEIGHT - BOTTOM}"/>` +
      text([x(celsius), HEIGHT - BOTTOM + 20], 'middle', `${celsius}`),
  );
  const up = [0n, 250_000n, 500_000n, 750_000n, 1_000_000n].map(
    (payout) =>
      `<path class="grid" d="M${LEFT} ${y(payout).toFixed(1)}H${WIDTH - RIGHT}"/>` +
      text([LEFT - 8, y(payout) + 4], 'end', payout.toLocaleString('en')),
  );
  const marks = nights.flatMap(({ title, said, end, farmer }) => {
    // The first oracle of a group decides; the others only have to agree with it.
    const decided = said.valley;
    if (end === 'refund' || decided === undefined) return [];
    const at = [x(decided + 0.5), y(farmer)] as const;
    return [
      `<circle cx="${at[0].toFixed(1)}" cy="${at[1].toFixed(1)}" r="6"/>`,
      text([at[0] + 10, at[1] - 10], 'start', `${title}: ${decided} °C`),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}">`,
    '<style>text{font:13px system-ui,sans-serif;fill:#222}.grid{stroke:#ddd;fill:none}.curve{stroke:#1f5fa8;stroke-width:2.5;fill:none}circle{fill:#c2410c}.title{font-weight:600;font-size:15px}</style>',
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text class="title" x="${LEFT}" y="28">What the farmer gets, in satoshis, by the temperature</text>`,
    ...across,
    ...up,
    `<path class="curve" d="${steps}"/>`,
    ...marks,
    text([(LEFT + WIDTH - RIGHT) / 2, HEIGHT - 18], 'middle', '°C'),
    '</svg>',
    '',
  ].join('\n');
}
