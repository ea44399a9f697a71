import { syntaxError } from '../errors.ts';

/** What a descriptor says beside its scripts (BIP393), in the order in which it stands there; unknown keys are kept. */
export interface Annotations {
  /** The block height from which on to scan, `bh`. */
  readonly birthHeight?: number;
  /** How many unused addresses to try, `gl`. */
  readonly gapLimit?: number;
  /** The largest label index of silent payments, `ml`. */
  readonly maximumLabel?: number;
  /** All pairs as written. */
  readonly pairs: ReadonlyMap<string, bigint>;
}

/** None at all. */
export const NO_ANNOTATIONS: Annotations = { pairs: new Map() };

const KNOWN = { bh: 'birthHeight', gl: 'gapLimit', ml: 'maximumLabel' } as const;
/** No number has a use that is longer. */
const MAXIMUM_DIGITS = 30;

/**
 * Takes annotations off a descriptor without checksum: `…?bh=800000&gl=30`.
 *
 * @throws DescriptorsError `DESCRIPTORS_SYNTAX`.
 */
export function splitAnnotations(text: string): { readonly script: string; readonly annotations: Annotations } {
  const mark = text.indexOf('?');
  if (mark < 0) return { script: text, annotations: NO_ANNOTATIONS };
  const pairs = new Map<string, bigint>();
  const known: { birthHeight?: number; gapLimit?: number; maximumLabel?: number } = {};
  let at = mark + 1;
  for (const pair of text.slice(mark + 1).split('&')) {
    const place = { position: at, length: pair.length };
    const [, key, digits] = /^([a-z]+)=(0|[1-9]\d*)$/.exec(pair) ?? [];
    if (key === undefined || digits === undefined || digits.length > MAXIMUM_DIGITS)
      throw syntaxError(
        place,
        'an annotation key=number of small letters and digits (BIP393)',
        `${pair.length} characters`,
      );
    if (pairs.has(key)) throw syntaxError(place, 'each annotation once', `${key.slice(0, 20)} again`);
    const value = BigInt(digits);
    pairs.set(key, value);
    const name = Object.hasOwn(KNOWN, key) ? KNOWN[key as keyof typeof KNOWN] : undefined;
    if (name !== undefined) {
      if (value > 0xffff_ffffn) throw syntaxError(place, 'a number below 2³²', 'a larger one');
      known[name] = Number(value);
    }
    at += pair.length + 1;
  }
  return { script: text.slice(0, mark), annotations: { ...known, pairs } };
}

/** Annotations as text, empty for none. */
export function annotationsText({ pairs }: Annotations): string {
  return pairs.size === 0 ? '' : `?${[...pairs].map(([key, value]) => `${key}=${value}`).join('&')}`;
}
