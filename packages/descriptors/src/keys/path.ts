import { toHex } from '@bitcoin-enterprise/core';
import { DescriptorsError, type TextFault } from '../errors.ts';
import { HARDENED } from './extended-key.ts';
import type { KeyOrigin } from './model.ts';

/** How a hardened step is written. */
export type HardenedMarker = "'" | 'h';

/** What a path ends in: nothing, an index, or a hardened index. */
export type Wildcard = 'none' | 'unhardened' | 'hardened';

/** The steps behind a key, as written. */
export interface KeyPath {
  /** A list for a multipath step, of which there is at most one (BIP389). */
  readonly steps: readonly (number | readonly number[])[];
  readonly wildcard: Wildcard;
  /** How its last hardened step was written; `undefined` without one. */
  readonly marker: HardenedMarker | undefined;
}

/** Where a path stands and what is allowed in it. */
export interface ReadPathOptions {
  /** Of the path in the whole text. */
  readonly position: number;
  /** What errors begin with. */
  readonly label: string;
  /** Whether it belongs to an origin: neither multipath nor wildcard. */
  readonly isOrigin: boolean;
}

/** No wallet has so many alternatives; each costs a whole descriptor. */
const MAXIMUM_ALTERNATIVES = 1_000;
/** No key is deeper (BIP32). */
const MAXIMUM_STEPS = 255;

/**
 * Reads the steps behind a key or a fingerprint.
 *
 * @param text - Empty, or beginning with a slash.
 * @throws DescriptorsError `DESCRIPTORS_KEY_INVALID`, `DESCRIPTORS_MULTIPATH_INVALID`, `DESCRIPTORS_TOO_LARGE`.
 */
export function readPath(text: string, options: ReadPathOptions): KeyPath {
  const { position, label, isOrigin } = options;
  const steps: (number | readonly number[])[] = [];
  let marker: HardenedMarker | undefined;
  let wildcard: Wildcard = 'none';
  let hasMultipath = false;
  for (let begin = 1; begin <= text.length;) {
    const slash = text.indexOf('/', begin);
    const end = slash < 0 ? text.length : slash;
    const word = text.slice(begin, end);
    const fault: TextFault = { position: position + begin, length: word.length };
    if (steps.length === MAXIMUM_STEPS)
      throw new DescriptorsError('DESCRIPTORS_TOO_LARGE', `${label}expected at most ${MAXIMUM_STEPS} steps, got more`, {
        details: { ...fault, what: 'depth', limit: MAXIMUM_STEPS },
      });
    // Only the last step may be one.
    const wild = isOrigin || slash >= 0 ? undefined : wildcardOf(word);
    if (wild !== undefined) {
      wildcard = wild.wildcard;
      marker = wild.marker ?? marker;
    } else if (word.startsWith('<') && word.endsWith('>')) {
      if (isOrigin)
        throw multipathInvalid(
          fault,
          `${label}Key path value ${shownStep(word)} specifies multipath in a section where multipath is not allowed`,
        );
      if (hasMultipath) throw multipathInvalid(fault, `${label}Multiple multipath key path specifiers found`);
      hasMultipath = true;
      const multipath = readMultipath(word, fault, label);
      steps.push(multipath.values);
      marker = multipath.marker ?? marker;
    } else {
      const step = readStep(word, fault, label);
      steps.push(step.value);
      marker = step.marker ?? marker;
    }
    begin = end + 1;
  }
  return { steps, wildcard, marker };
}

/** The wildcard that a word is, if it is one. */
function wildcardOf(
  word: string,
): { readonly wildcard: Wildcard; readonly marker: HardenedMarker | undefined } | undefined {
  switch (word) {
    case '*':
      return { wildcard: 'unhardened', marker: undefined };
    case '*h':
      return { wildcard: 'hardened', marker: 'h' };
    case "*'":
      return { wildcard: 'hardened', marker: "'" };
    default:
      return undefined;
  }
}

interface Step {
  readonly value: number;
  readonly marker: HardenedMarker | undefined;
}

function readMultipath(
  word: string,
  fault: TextFault,
  label: string,
): { readonly values: readonly number[]; readonly marker: HardenedMarker | undefined } {
  const words = word.slice(1, -1).split(';', MAXIMUM_ALTERNATIVES + 1);
  if (words.length < 2)
    throw multipathInvalid(fault, `${label}Multipath key path specifiers must have at least two items`);
  if (words.length > MAXIMUM_ALTERNATIVES)
    throw new DescriptorsError(
      'DESCRIPTORS_TOO_LARGE',
      `${label}expected at most ${MAXIMUM_ALTERNATIVES} alternatives of a path, got more`,
      { details: { ...fault, what: 'multipath', limit: MAXIMUM_ALTERNATIVES } },
    );
  const values = new Set<number>();
  let marker: HardenedMarker | undefined;
  let at = fault.position + 1;
  for (const item of words) {
    const place = { position: at, length: item.length };
    const step = readStep(item, place, label);
    if (values.has(step.value))
      throw multipathInvalid(place, `${label}Duplicated key path value ${step.value} in multipath specifier`);
    values.add(step.value);
    marker = step.marker ?? marker;
    at += item.length + 1;
  }
  return { values: [...values], marker };
}

function readStep(word: string, fault: TextFault, label: string): Step {
  const last = word.at(-1);
  const marker = last === "'" || last === 'h' ? last : undefined;
  const digits = marker === undefined ? word : word.slice(0, -1);
  const value = /^\d{1,100}$/.test(digits) ? Number(digits) : Number.NaN;
  if (!(value < 2 * HARDENED))
    throw pathInvalid(fault, `${label}Key path value ${shownStep(digits)} is not a valid uint32`);
  if (value >= HARDENED) throw pathInvalid(fault, `${label}Key path value ${value} is out of range`);
  return { value: marker === undefined ? value : value + HARDENED, marker };
}

/** A step as text, cut: what stands there may be anything, a secret among others. */
function shownStep(word: string): string {
  return word.length <= 20 ? `'${word}'` : `of ${word.length} characters`;
}

function pathInvalid(fault: TextFault, reason: string): DescriptorsError<'DESCRIPTORS_KEY_INVALID'> {
  return new DescriptorsError('DESCRIPTORS_KEY_INVALID', reason, { details: { ...fault, reason } });
}

function multipathInvalid(fault: TextFault, reason: string): DescriptorsError<'DESCRIPTORS_MULTIPATH_INVALID'> {
  return new DescriptorsError('DESCRIPTORS_MULTIPATH_INVALID', reason, { details: { ...fault, reason } });
}

/** Steps as text: `/44h/0h/<0;1>/*`. */
export function pathText(
  steps: readonly (number | readonly number[])[],
  options: { readonly marker: HardenedMarker; readonly wildcard?: Wildcard },
): string {
  const { marker, wildcard = 'none' } = options;
  const one = (step: number): string => (step >= HARDENED ? `${step - HARDENED}${marker}` : String(step));
  let text = '';
  for (const step of steps) text += typeof step === 'number' ? `/${one(step)}` : `/<${step.map(one).join(';')}>`;
  return wildcard === 'none' ? text : `${text}/*${wildcard === 'hardened' ? marker : ''}`;
}

/** An origin as text: `[d34db33f/86h/0h/0h]`; empty for none. */
export function originText(origin: KeyOrigin | undefined, marker: HardenedMarker): string {
  return origin === undefined ? '' : `[${toHex(origin.fingerprint)}${pathText(origin.path, { marker })}]`;
}
