import { hasCode, loadCrypto, parseHex, toHex } from '@bitcoin-enterprise/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseDescriptor } from '../src/descriptor/descriptor.ts';
import { inferDescriptor, type KnownKey } from '../src/descriptor/infer.ts';
import { DescriptorsError } from '../src/errors.ts';
import type { DerivedKey } from '../src/keys/model.ts';
import { readPath } from '../src/keys/path.ts';
import { readJsonVectors } from './support/vectors.ts';

interface CheckRow {
  readonly prv: string;
  readonly pub: string;
  readonly norm: string;
  readonly flags: readonly string[];
  /** Of each index, of each script. */
  readonly scripts: readonly (readonly string[])[];
  /** What else the test calls Check() with; the third is the set of key paths. */
  readonly rest: readonly string[];
}

interface CoreVectors {
  readonly check: readonly CheckRow[];
  readonly unparsable: readonly { readonly prv: string; readonly pub: string; readonly error: string }[];
  readonly infer_raw_args: readonly (readonly [string, string, string, string])[];
}

const vectors = readJsonVectors<CoreVectors>('derived/core_descriptors.json');
const { check = [], unparsable = [], infer_raw_args: inferred = [] } = vectors ?? {};

const withoutChecksum = (text: string): string => text.replace(/#.*$/, '');
const failure = (action: () => unknown): unknown => {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
};

beforeAll(async () => {
  await loadCrypto();
});

describe.skipIf(vectors === undefined)('descriptors that Bitcoin Core reads', () => {
  const rows = check.map((row, place) => ({
    ...row,
    name: `${place}: ${row.pub.slice(0, 40)} ${row.flags.join(' ')}`,
  }));

  it.for(rows)('has the public text of $name', ({ prv, pub }) => {
    for (const text of [prv, pub]) expect(withoutChecksum(String(parseDescriptor(text)))).toBe(withoutChecksum(pub));
  });

  it.for(rows)('has the private text of $name', ({ prv, pub }) => {
    expect(withoutChecksum(parseDescriptor(prv).toPrivateString())).toBe(withoutChecksum(prv));
    expect(parseDescriptor(prv).isRange).toBe(parseDescriptor(pub).isRange);
  });

  it.for(rows)('has the normalised text of $name', ({ prv, norm }) => {
    expect(withoutChecksum(parseDescriptor(prv).toNormalizedString())).toBe(withoutChecksum(norm));
  });

  it.for(rows)('derives the scripts of $name', ({ prv, pub, norm, flags, scripts }) => {
    const isHardened = flags.includes('HARDENED');
    for (const [index, expected] of scripts.entries()) {
      expect(parseDescriptor(prv).derive(index).scripts.map(toHex)).toEqual(expected);
      if (isHardened)
        expect(
          hasCode(
            failure(() => parseDescriptor(pub).derive(index)),
            'DESCRIPTORS_DERIVATION_HARDENED',
          ),
        ).toBe(true);
      else expect(parseDescriptor(pub).derive(index).scripts.map(toHex)).toEqual(expected);
      if (!flags.includes('DERIVE_HARDENED') && !norm.includes('/*h'))
        expect(parseDescriptor(norm).derive(index).scripts.map(toHex)).toEqual(expected);
    }
  });

  it.for(rows.filter(({ rest }) => rest[2]?.startsWith('{{') === true))('knows the key paths of $name', (row) => {
    const expected = new Set(
      [...(row.rest[2] ?? '').matchAll(/\{([^{}]*)\}/g)].map(([, path = '']) =>
        path
          .split(',')
          .filter((step) => step.trim() !== '')
          .map((step) => Number(step.trim().replace('UL', '')))
          .join(),
      ),
    );
    const descriptor = parseDescriptor(row.prv);
    const everyone = (key: DerivedKey): readonly DerivedKey[] => [key, ...key.participants];

    const found = row.scripts.flatMap((_, index) => descriptor.derive(index).keys.flatMap(everyone));

    expect(new Set(found.map((key) => key.origin.path.join()))).toEqual(expected);
  });
});

/** Where our words are others: they repeat no text that may be a secret, and no whole scripts. */
const OTHER_WORDS: readonly RegExp[] = [
  /^Multi: Key '.*' is invalid due to whitespace$/,
  /^pk\(\): Key '.*' is invalid due to whitespace$/,
  /^tr\(\): key '.*' is not valid$/,
  /^'multi\(1,.*' is not a valid descriptor function$/,
  /^Multi: expected ',', got '\)'$/,
  / is invalid$/,
  /^Invalid characters in payload$/,
  /^No key provided$/,
];

describe.skipIf(vectors === undefined)('descriptors that Bitcoin Core refuses', () => {
  const rows = unparsable.map((row, place) => ({ ...row, name: `${place}: ${row.error.slice(0, 100)}` }));

  it.for(rows)('refuses $name', ({ prv, pub, error }) => {
    const errors = [prv, pub]
      .filter((text) => text !== '')
      .map((text) => ({ text, fault: failure(() => parseDescriptor(text)) }));

    for (const { text, fault } of errors) {
      expect(fault).toBeInstanceOf(DescriptorsError);
      const { details } = fault as DescriptorsError;
      const { position, length } = details as { readonly position: number; readonly length: number };
      expect(position).toBeGreaterThanOrEqual(0);
      expect(position + length).toBeLessThanOrEqual(text.length);
    }
    // The words are those of the public text.
    const texts = errors.map(({ fault }) => (fault as Error).message.replace(/^\w+: /, ''));
    if (!OTHER_WORDS.some((words) => words.test(error)) && !error.includes('checksum')) expect(texts).toContain(error);
    if (error.includes('checksum')) expect(texts.join()).toMatch(/checksum/);
  });
});

describe.skipIf(vectors === undefined)('outputs of which Bitcoin Core infers a descriptor', () => {
  const strings = (text: string): readonly string[] => [...text.matchAll(/"([^"]*)"/g)].map(([, inner = '']) => inner);

  it.for(inferred.map((row) => ({ row, name: row[1] })))(
    'infers $name',
    ({ row: [script, expected, scripts, keys] }) => {
      const pairs = strings(keys);
      const known = pairs
        .filter((_, place) => place % 2 === 0)
        .map((key, place): KnownKey => {
          const origin = pairs[2 * place + 1] ?? '';
          const publicKey = parseHex(key);
          if (origin === '') return { publicKey };
          const { steps } = readPath(origin.slice(8), { position: 0, label: '', isOrigin: true });
          return { publicKey, origin: { fingerprint: parseHex(origin.slice(0, 8)), path: steps as number[] } };
        });

      const descriptor = inferDescriptor(parseHex(JSON.parse(script) as string), {
        scripts: strings(scripts).map(parseHex),
        keys: known,
      });

      expect(withoutChecksum(String(descriptor))).toBe(JSON.parse(expected));
    },
  );

  it.for(check.map((row, place) => ({ ...row, name: `${place}: ${row.pub.slice(0, 40)}` })))(
    'infers the same scripts of $name',
    ({ prv, scripts }) => {
      const output = parseDescriptor(prv).derive(0);
      const keys = output.keys.map(({ publicKey, origin }) => ({ publicKey, origin }));
      const inner = [output.redeemScript, output.witnessScript].filter((script) => script !== undefined);
      for (const script of output.scripts) {
        const again = inferDescriptor(script, { keys, scripts: inner });
        const text = String(again);
        expect(again.derive().scriptPubKey).toEqual(script);
        expect(String(parseDescriptor(text))).toBe(text);
      }
      expect(output.scripts).toHaveLength(scripts[0]?.length ?? 0);
    },
  );
});
