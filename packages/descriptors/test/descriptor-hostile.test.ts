import { loadCrypto } from '@bitcoin-enterprise/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Descriptor, parseDescriptor } from '../src/descriptor/descriptor.ts';
import { inferDescriptor } from '../src/descriptor/infer.ts';
import { parseWalletPolicy } from '../src/descriptor/wallet-policy.ts';
import { DescriptorsError } from '../src/errors.ts';
import { dice } from './support/dice.ts';
import { RandomDescriptorText } from './support/random-descriptor-text.ts';
import { readJsonVectors } from './support/vectors.ts';

const CASES = process.env['BE_LONG'] === '1' ? 1_000_000 : 20_000;
const XPUB =
  'xpub6ERApfZwUNrhLCkDtcHTcxd75RbzS1ed54G1LkBUHQVHQKqhMkhgbmJbZRkrgZw4koxb5JaHWkY4ALHY2grBGRjaDMzQLcgJvLJuZZvRcEL';
const KEY = '03a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd';

beforeAll(async () => {
  await loadCrypto();
});

/** The error that a text is refused with; anything but one of ours is thrown on. */
function refusalOf(read: () => unknown): DescriptorsError | undefined {
  try {
    read();
  } catch (error) {
    if (error instanceof DescriptorsError) return error;
    throw error;
  }
  return undefined;
}

function requirePlace(error: DescriptorsError, text: string): void {
  const { position, length } = error.details as { readonly position: number; readonly length: number };
  expect(Number.isInteger(position) && position >= 0 && length >= 0, error.message).toBe(true);
  expect(position + length, `${error.message} in ${text}`).toBeLessThanOrEqual(text.length);
}

/** What must hold of anything that is read. */
function requireRoundTrips(descriptor: Descriptor): void {
  const text = String(descriptor);
  expect(String(parseDescriptor(text))).toBe(text);
  const secret = descriptor.toPrivateString();
  expect(parseDescriptor(secret).toPrivateString()).toBe(secret);
  for (const path of descriptor.paths()) {
    const fault = refusalOf(() => {
      const { scripts } = path.derive(3);
      expect(parseDescriptor(path.toNormalizedString()).derive(3).scripts).toEqual(scripts);
    });
    if (fault !== undefined) expect(fault.code).toBe('DESCRIPTORS_DERIVATION_HARDENED');
  }
}

it('a spoilt text is refused with a code and a place, or reads as what it prints', () => {
  const seed = Number(process.env['BE_SEED'] ?? 20_261_127);
  const roll = dice(seed);
  const random = new RandomDescriptorText(roll, { musig: true });
  const vectors = readJsonVectors<Readonly<Record<'check' | 'unparsable', readonly { prv: string; pub: string }[]>>>(
    'derived/core_descriptors.json',
  );
  const known = [...(vectors?.check ?? []), ...(vectors?.unparsable ?? [])].flatMap(({ prv, pub }) => [prv, pub]);
  let read = 0;

  for (let place = 0; place < CASES; place++) {
    let text = known.length > 0 && roll.oneIn(3) ? (known[roll.below(known.length)] as string) : random.text();
    for (let times = roll.below(3); times > 0; times--) text = random.spoilt(text);
    let descriptor: Descriptor | undefined;
    const refusal = refusalOf(() => {
      descriptor = parseDescriptor(text);
    });
    if (refusal !== undefined) requirePlace(refusal, text);
    if (descriptor !== undefined && (read += 1) % 10 === 0) requireRoundTrips(descriptor);
  }

  expect(read, `seed ${seed}`).toBeGreaterThan(CASES / 20);
});

describe('a text that is made to cost', () => {
  const many = (text: string, count: number): string => text.repeat(count);
  const wide = (depth: number): string => (depth === 0 ? `pk(${KEY})` : `{${wide(depth - 1)},${wide(depth - 1)}}`);
  const deep = (depth: number): string => `tr(${KEY},${many(`{pk(${KEY}),`, depth)}pk(${KEY})${many('}', depth)})`;
  const numbers = (count: number): string => Array.from({ length: count }, (_, number) => number).join(';');

  it.for([
    ['brackets', many('sh(', 1_000_000), 'DESCRIPTORS_TOO_LARGE'],
    ['braces', `tr(${KEY},${many('{', 1_000_000)}`, 'DESCRIPTORS_TOO_LARGE'],
    ['a tree 129 deep', deep(129), 'DESCRIPTORS_TOO_LARGE'],
    ['wrappers', `wsh(${many('n', 3_000_000)}:pk(${KEY}))`, 'DESCRIPTORS_TOO_LARGE'],
    ['a path', `wpkh(${XPUB}${many('/0', 1_000_000)})`, 'DESCRIPTORS_TOO_LARGE'],
    ['an origin', `wpkh([deadbeef${many('/0', 1_000_000)}]${XPUB})`, 'DESCRIPTORS_TOO_LARGE'],
    ['a path one too deep', `wpkh(${XPUB}${many('/0', 252)}/*)`, 'DESCRIPTORS_KEY_INVALID'],
    ['alternatives', `wpkh(${XPUB}/<${numbers(300_000)}>/*)`, 'DESCRIPTORS_TOO_LARGE'],
    ['aggregates', `tr(${many('musig(', 450)}${KEY}${many(')', 450)})`, 'DESCRIPTORS_KEY_INVALID'],
    ['keys of multi', `wsh(multi(1,${many(`${KEY},`, 20_000)}${KEY}))`, 'DESCRIPTORS_THRESHOLD_INVALID'],
    ['parts of thresh', `wsh(thresh(1,pk(${KEY})${many(`,s:pk(${KEY})`, 40_000)}))`, 'DESCRIPTORS_THRESHOLD_INVALID'],
    [
      'parts of thresh in leaves',
      `tr(${KEY},${many('{', 4)}${many(`thresh(500,pk(${KEY})${many(',sln:older(1)', 999)})`, 1)}`,
      'DESCRIPTORS_SYNTAX',
    ],
    ['a key', `pk(${many('02', 1_900_000)})`, 'DESCRIPTORS_KEY_INVALID'],
    ['a base58 key', `pk(${many('x', 3_900_000)})`, 'DESCRIPTORS_KEY_INVALID'],
    ['commas', `wsh(${many(',', 3_000_000)})`, 'DESCRIPTORS_SYNTAX'],
    ['colons', `wsh(${many(':', 3_000_000)}pk(${KEY}))`, 'DESCRIPTORS_FUNCTION_INVALID'],
    ['and_v', `wsh(${many(`and_v(v:pk(${KEY}),`, 480)}pk(${KEY})${many(')', 480)})`, 'DESCRIPTORS_MINISCRIPT_INSANE'],
    ['checksums', many('#', 3_000_000), 'DESCRIPTORS_SYNTAX'],
    ['annotations', `raw(00)?${many('a=1&', 900_000)}`, 'DESCRIPTORS_SYNTAX'],
    ['length', many('a', 4_000_001), 'DESCRIPTORS_TOO_LARGE'],
  ] as const)('of %s is refused', ([, text, code]) => {
    const refusal = refusalOf(() => parseDescriptor(text));

    expect(refusal?.code).toBe(code);
    if (refusal !== undefined) requirePlace(refusal, text);
    expect(refusal?.message.length).toBeLessThan(1_500);
  });

  it.for([
    ['a tree of 16,384 leaves', `tr(${KEY},${wide(14)})`],
    ['a tree 128 deep', deep(128)],
    ['999 keys', `tr(${KEY},multi_a(1,${many(`${KEY},`, 998)}${KEY}))`],
    ['10,000 who aggregate', `tr(musig(${many(`${KEY},`, 9_999)}${KEY}))`],
    ['1,000 alternatives', `wpkh(${XPUB}/<${numbers(1_000)}>/*)`],
    ['251 steps', `wpkh(${XPUB}${many('/0', 251)})`],
    ['1,900,000 bytes of script', `raw(${many('00', 1_900_000)})`],
  ] as const)('of %s is read', ([, text]) => {
    expect(String(parseDescriptor(text)).replace(/#.*$/, '')).toBe(text);
  });
});

describe('arguments of the wrong type', () => {
  const wrong: readonly unknown[] = [undefined, null, 5, {}, [], Symbol('x'), new Uint8Array(3), () => 1, 1n];

  it.for(wrong.map((value) => [typeof value, value] as const))('of type %s are refused with a code', ([, value]) => {
    for (const call of [
      () => parseDescriptor(value as string),
      () => parseWalletPolicy(value as string, []),
      () => parseWalletPolicy('pkh(@0/**)', value as readonly string[]),
      () =>
        inferDescriptor(
          typeof value === 'object' && value instanceof Uint8Array
            ? (5 as unknown as Uint8Array)
            : (value as Uint8Array),
        ),
    ])
      expect(refusalOf(call)?.code).toMatch(/^DESCRIPTORS_(?:INVALID_ARGUMENT|WALLET_POLICY_INVALID)$/);
  });
});
