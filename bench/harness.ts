/**
 * Measures rivals against ours: interleaved rounds, CPU time of the calling thread, medians of per-round ratios.
 *
 * A ratio is rival time over our time: above 1 we are faster. One slow moment of the machine falls on all contenders
 * of a round alike, which is why ratios are taken round by round and the median of them is the result.
 */
import { cpus } from 'node:os';

/** Measures once: microseconds of CPU for one operation. */
export type Measure = () => number;

/** One thing that is done by several contenders. */
export interface Case {
  /** What is done, for example `Schnorr verify`. */
  readonly name: string;
  /** Our code. */
  readonly ours: Measure;
  /** Rivals by name, each with the ratio that is promised, if any. */
  readonly rivals: Readonly<Record<string, { readonly measure: Measure; readonly promised?: number }>>;
  /** The physical limit: native code that does the same, if it can be had, with the share of it that is promised. */
  readonly limit?: { readonly measure: Measure; readonly promised?: number };
}

/** One line of `bench/results/<name>.json`. */
export interface BenchResult {
  readonly name: string;
  readonly unit: string;
  /** Median of our time. */
  readonly ours: number;
  /** Median of the rival's time. */
  readonly rival: number;
  /** Median over the rounds of rival time / our time. */
  readonly ratio: number;
  /** Lowest and highest of those ratios. */
  readonly spread: readonly [number, number];
  /** The least ratio that is promised, when one is. */
  readonly promised?: number;
  /** Median of the native limit's time. */
  readonly limit?: number;
  /** Median over the rounds of limit time / our time. */
  readonly ofLimit?: number;
  readonly runs: number;
  readonly node: string;
  readonly cpu: string;
}

/** Settings of a benchmark. */
export interface BenchSettings {
  /** Rounds; each measures every contender once. */
  readonly rounds: number;
}

/** CPU time of this thread in microseconds; of the process where Node cannot tell. */
function cpuMicros(): number {
  const { user, system } = process.threadCpuUsage?.() ?? process.cpuUsage();
  return user + system;
}

/**
 * Measures a function that does `operations` operations a call, for at least `windowMs` of CPU time: thread time
 * comes in ticks, and windows much shorter than 100 ms lie.
 */
export function measured(
  run: () => void,
  options: { readonly operations: number; readonly windowMs?: number },
): Measure {
  const { operations, windowMs = 150 } = options;
  return () => {
    const start = cpuMicros();
    let calls = 0;
    let used = 0;
    // Looking at the clock costs; an eighth of the window between looks keeps that below notice.
    for (let step = 1; used < windowMs * 1_000;) {
      for (let i = 0; i < step; i++) run();
      calls += step;
      used = cpuMicros() - start;
      if (used < windowMs * 125) step *= 2;
    }
    return used / (calls * operations);
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** Runs one case: a warm-up of every contender, then rounds in rotating order. */
export function runCase(subject: Case, settings: BenchSettings): readonly BenchResult[] {
  const contenders = new Map<string, Measure>([['ours', subject.ours]]);
  for (const [name, { measure }] of Object.entries(subject.rivals)) contenders.set(`rival ${name}`, measure);
  if (subject.limit !== undefined) contenders.set('limit', subject.limit.measure);
  const names = [...contenders.keys()];
  const times = new Map<string, number[]>(names.map((name) => [name, []]));

  for (const measure of contenders.values()) measure();
  for (let round = 0; round < settings.rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length] as string;
      times.get(name)?.push((contenders.get(name) as Measure)());
    }
  }

  const of = (name: string): readonly number[] => times.get(name) ?? [];
  const ratios = (name: string): readonly number[] =>
    of(name).map((time, round) => time / (of('ours')[round] ?? Number.NaN));
  const common = { unit: 'µs CPU per operation', ours: median(of('ours')), runs: settings.rounds, ...machine() };
  const limit = subject.limit === undefined ? {} : { limit: median(of('limit')), ofLimit: median(ratios('limit')) };
  const results = Object.entries(subject.rivals).map(([rival, { promised }]): BenchResult => {
    const all = ratios(`rival ${rival}`);
    return {
      name: `${subject.name} against ${rival}`,
      rival: median(of(`rival ${rival}`)),
      ratio: median(all),
      spread: [Math.min(...all), Math.max(...all)],
      ...(promised === undefined ? {} : { promised }),
      ...limit,
      ...common,
    };
  });
  if (subject.limit === undefined) return results;
  const all = ratios('limit');
  return [
    ...results,
    {
      name: `${subject.name} against native`,
      rival: median(of('limit')),
      ratio: median(all),
      spread: [Math.min(...all), Math.max(...all)],
      ...(subject.limit.promised === undefined ? {} : { promised: subject.limit.promised }),
      ...limit,
      ...common,
    },
  ];
}

/** The machine, as results name it. */
export function machine(): { readonly node: string; readonly cpu: string } {
  const [first] = cpus();
  return { node: process.version, cpu: `${first?.model.trim() ?? 'unknown'} × ${cpus().length}` };
}

/** The results as a table for people. */
export function table(results: readonly BenchResult[]): string {
  const rows = results.map((result) => [
    result.name,
    result.ours.toFixed(2),
    result.rival.toFixed(2),
    result.ratio.toFixed(2),
    result.spread.map((ratio) => ratio.toFixed(2)).join('–'),
    result.promised === undefined ? '' : `≥ ${result.promised}`,
    result.promised === undefined ? '' : result.ratio >= result.promised ? 'holds' : 'MISSED',
  ]);
  const head = ['benchmark', 'ours', 'rival', 'ratio', 'spread', 'promised', ''];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ');
  return [line(head), ...rows.map(line)].join('\n');
}
