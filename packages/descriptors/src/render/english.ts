import { requireFunction, requireNamed, requireObject } from '../arguments.ts';
import { toHex } from '@bitcoin-enterprise/core';
import type { Meaning } from '../policy/lift.ts';

/** How a meaning is told. */
export interface EnglishOptions<Key> {
  /** What a key is called. */
  readonly keyName: (key: Key) => string;
}

const TIME_FLAG = 1 << 22;
const LOCK_TIME_THRESHOLD = 500_000_000;

/**
 * What it takes to spend, in plain English: one line for each condition, with two spaces for each level.
 *
 * @param meaning - From `liftDescriptor`, or a policy.
 */
export function englishOf<Key>(meaning: Meaning<Key>, options: EnglishOptions<Key>): string {
  requireNamed(meaning, 'meaning');
  requireFunction(requireObject<EnglishOptions<Key>>(options, 'options').keyName, 'options.keyName');
  return lines(meaning, options, 0).join('\n');
}

function lines<Key>(meaning: Meaning<Key>, options: EnglishOptions<Key>, level: number): readonly string[] {
  const indent = '  '.repeat(level);
  const list = (title: string, subs: readonly Meaning<Key>[]): readonly string[] => [
    `${indent}${title}`,
    ...subs.flatMap((sub) => lines(sub, options, level + 1)),
  ];
  switch (meaning.name) {
    case 'and':
      return list('all of:', meaning.subs);
    case 'or': {
      const { weights } = meaning;
      const total = weights.reduce((sum, one) => sum + one, 0);
      const isEven = weights.every((weight) => weight === weights[0]);
      if (isEven) return list(meaning.subs.length === 2 ? 'either of:' : 'one of:', meaning.subs);
      return [
        `${indent}one of:`,
        ...meaning.subs.flatMap((sub, place) => {
          const [first = '', ...rest] = lines(sub, options, level + 1);
          const odds = `(${percent((weights[place] as number) / total)} of spends)`;
          return [first.endsWith(':') ? `${first.slice(0, -1)} ${odds}:` : `${first} ${odds}`, ...rest];
        }),
      ];
    }
    case 'thresh':
      return list(
        meaning.threshold === 1 ? 'one of:' : `any ${meaning.threshold} of these ${meaning.subs.length}:`,
        meaning.subs,
      );
    default:
      return [`${indent}${condition(meaning, options)}`];
  }
}

function condition<Key>(
  meaning: Exclude<Meaning<Key>, { readonly name: 'and' | 'or' | 'thresh' }>,
  { keyName }: EnglishOptions<Key>,
): string {
  switch (meaning.name) {
    case 'pk':
      return `a signature of ${keyName(meaning.key)}`;
    case 'older':
      return (meaning.value & TIME_FLAG) === 0
        ? `${grouped(meaning.value & 0xffff)} blocks${about((meaning.value & 0xffff) * 600)} after the output was confirmed`
        : `${duration((meaning.value & 0xffff) * 512)} after the output was confirmed`;
    case 'after':
      return meaning.value < LOCK_TIME_THRESHOLD
        ? `from block ${grouped(meaning.value)} on`
        : `from ${new Date(meaning.value * 1_000).toISOString().slice(0, 16).replace('T', ' ')} UTC on`;
    case 'always':
      return 'nothing';
    case 'never':
      return 'what nobody can do';
    default:
      return `the secret behind ${meaning.name} ${toHex(meaning.hash).slice(0, 8)}…`;
  }
}

/** A share as a percentage. */
export function percent(share: number): string {
  const value = share * 100;
  return `${value >= 10 ? value.toFixed(0) : value.toPrecision(2)} %`;
}

function about(seconds: number): string {
  return seconds < 3_600 ? '' : ` (about ${duration(seconds)})`;
}

function duration(seconds: number): string {
  const units: readonly (readonly [number, string])[] = [
    [365.25 * 86_400, 'year'],
    [30.4375 * 86_400, 'month'],
    [86_400, 'day'],
    [3_600, 'hour'],
    [60, 'minute'],
  ];
  const [size, name] = units.find(([one]) => seconds >= 1.5 * one) ?? [1, 'second'];
  const amount = Math.round(seconds / size);
  return `${amount} ${name}${amount === 1 ? '' : 's'}`;
}

function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}
