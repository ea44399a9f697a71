import { concatBytes, currentCrypto, jsCrypto, installCrypto, loadCrypto } from '@bitcoin-enterprise/core';
import { createSeededEntropy } from '@bitcoin-enterprise/core/testing';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  commitTo,
  proveRange,
  rangeProofSize,
  verifyRange,
  type VerifyRangeOptions,
  verifyRanges,
} from '../../src/zk/index.ts';
import { ORDER, writeNumber } from '../../src/zk/scalars.ts';
import { countBytes, createTranscript, type Transcript } from '../../src/zk/transcript.ts';
import { codeOf } from '../support/code-of.ts';
import { entropy, flipBit, isLong, openingOf, secretOf, seed } from './support/known.ts';
import { verifyNaively } from './support/naive-range.ts';

beforeAll(async () => {
  await loadCrypto();
});

const most = (bits: number): bigint => (1n << BigInt(bits)) - 1n;
const context = new TextEncoder().encode('a context');

function begin(commitments: readonly Uint8Array[], bits: number): Transcript {
  const transcript = createTranscript('biscol/zk/range-proof/1');
  transcript.append('size', countBytes(bits, commitments.length));
  transcript.append('context', context);
  transcript.append('commitments', concatBytes(...commitments));
  return transcript;
}

describe('a range proof', () => {
  it('is accepted for any values of so many bits, by ours and by the paper read literally', () => {
    const sizes = fc.record({ bits: fc.integer({ min: 1, max: 64 }), count: fc.integer({ min: 1, max: 4 }) });
    fc.assert(
      fc.property(sizes, fc.infiniteStream(fc.bigInt(0n, most(64))), ({ bits, count }, stream) => {
        const openings = [...stream.take(count)].map((value, i) => openingOf(value & most(bits), `${i}`));
        const { commitments, proof } = proveRange(openings, { bits, context, entropy });

        expect(commitments).toStrictEqual(openings.map((opening) => commitTo(opening)));
        expect(proof).toHaveLength(rangeProofSize({ bits, count }));
        expect(verifyRange({ commitments, proof, bits, context })).toBe(true);
        expect(verifyNaively({ commitments, proof, bits, begin: (list) => begin(list, bits) })).toBe(true);
      }),
      { numRuns: isLong ? 300 : 8, seed },
    );
  });

  it.for([
    [1, 1],
    [2, 1],
    [3, 3],
    [8, 4],
    [51, 2],
    [64, 1],
    [64, 2],
    [64, 3],
    [33, 7],
  ] as const)('holds at both ends of %i bits, %i values', ([bits, count]) => {
    for (const value of [0n, 1n, most(bits)]) {
      const openings = Array.from({ length: count }, (_, i) => openingOf(i % 2 === 0 ? value : most(bits), `${i}`));
      const proven = proveRange(openings, { bits, entropy });

      expect(verifyRange({ ...proven, bits })).toBe(true);
    }
  });

  it('is of 591 bytes for 64 bits, and 66 more each time the bits double', () => {
    expect([1, 2, 3, 4, 8, 16, 32].map((count) => rangeProofSize({ bits: 64, count }))).toStrictEqual([
      591, 657, 723, 723, 789, 855, 921,
    ]);
    expect(rangeProofSize({ bits: 1, count: 1 })).toBe(195);
  });

  it('is refused for other bits, context, commitments, or their order', () => {
    const openings = [openingOf(5n, 'a'), openingOf(6n, 'b')];
    const proven = { ...proveRange(openings, { bits: 32, context, entropy }), bits: 32, context };
    const [first, second] = proven.commitments as [Uint8Array, Uint8Array];
    const others: readonly Partial<VerifyRangeOptions>[] = [
      { bits: 31 },
      { bits: 33 },
      { bits: 64 },
      { context: context.slice(1) },
      { context: new Uint8Array(0) },
      { commitments: [second, first] },
      { commitments: [first, first] },
      { commitments: [first] },
      { commitments: [first, second, second] },
      { commitments: [first, commitTo(openingOf(6n, 'c'))] },
      { commitments: [first, new Uint8Array(33)] },
      { commitments: [first, new Uint8Array(33).fill(2)] },
      // The same point in no encoding of 33 bytes.
      { commitments: [first, second.with(0, 4)] },
    ];

    expect(verifyRange(proven)).toBe(true);
    for (const other of others) expect(verifyRange({ ...proven, ...other })).toBe(false);
  });

  it('has one encoding', () => {
    const proven = proveRange([openingOf(7n)], { entropy });
    const at = proven.proof.length - 96;
    const r = proven.proof.slice(at, at + 32);
    const plusOrder = BigInt(`0x${[...r].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`) + ORDER;
    const replaced = (place: number, bytes: Uint8Array): Uint8Array => {
      const copy = proven.proof.slice();
      copy.set(bytes, place);
      return copy;
    };

    expect(verifyRange({ ...proven, proof: concatBytes(proven.proof, Uint8Array.of(0)) })).toBe(false);
    expect(verifyRange({ ...proven, proof: proven.proof.slice(0, -1) })).toBe(false);
    expect(verifyRange({ ...proven, proof: new Uint8Array(0) })).toBe(false);
    for (const place of [at, at + 32, at + 64])
      expect(verifyRange({ ...proven, proof: replaced(place, writeNumber(ORDER)) })).toBe(false);
    if (plusOrder < 1n << 256n)
      expect(verifyRange({ ...proven, proof: replaced(at, writeNumber(plusOrder)) })).toBe(false);
    for (let place = 0; place < 15; place++)
      for (const tag of [0, 1, 4, 5, 6, 7, 0xff])
        expect(verifyRange({ ...proven, proof: replaced(place * 33, Uint8Array.of(tag)) })).toBe(false);
  });

  it('is not made of values that are too large', () => {
    const details = (value: bigint, bits: number): unknown => {
      try {
        return proveRange([openingOf(value)], { bits });
      } catch (error) {
        return (error as { readonly details: unknown }).details;
      }
    };

    expect(details(16n, 4)).toStrictEqual({
      argument: 'openings[0].value',
      expected: 'a value of 4 bits',
      got: 'bigint',
    });
    expect(details(1n << 64n, 64)).toMatchObject({ argument: 'openings[0].value' });
    expect(codeOf(() => proveRange([openingOf(15n)], { bits: 4 }))).toBe('no error');
  });

  it('is the same on every engine', async () => {
    const make = () => proveRange([openingOf(99n)], { bits: 8, entropy: createSeededEntropy('same') });
    const fast = make();
    const engine = currentCrypto();
    installCrypto(jsCrypto);
    try {
      expect(make()).toStrictEqual(fast);
      expect(verifyRange({ ...fast, bits: 8 })).toBe(true);
      expect(verifyRange({ ...fast, bits: 8, proof: flipBit(fast.proof, 5) })).toBe(false);
    } finally {
      installCrypto(engine);
    }
  });

  it('of the same values never repeats, and of a source that repeats tells nothing by it', () => {
    const [left, right] = [proveRange([openingOf(1n)]), proveRange([openingOf(1n)])];
    expect(left.commitments).toStrictEqual(right.commitments);
    expect(left.proof).not.toStrictEqual(right.proof);

    const stuck = { bytes: (length: number) => new Uint8Array(length).fill(7) };
    const points = [1n, 2n].map((value) => proveRange([openingOf(value)], { entropy: stuck }).proof.slice(0, 33));
    expect(points[0]).not.toStrictEqual(points[1]);
  });
});

describe('many range proofs together', () => {
  const many = (): VerifyRangeOptions[] =>
    Array.from({ length: 9 }, (_, i) => {
      const bits = [64, 8, 51][i % 3] as number;
      const openings = Array.from({ length: 1 + (i % 4) }, (__, j) => openingOf(BigInt(i + j), `${i} ${j}`));
      return { ...proveRange(openings, { bits, context, entropy }), bits, context };
    });

  it('hold of any sizes', () => {
    expect(verifyRanges(many())).toStrictEqual([]);
    expect(verifyRanges([])).toStrictEqual([]);
  });

  it('name those that do not, whatever is wrong with them', () => {
    const good = many();
    for (const pattern of [[0], [8], [1, 2], [0, 4, 8], [0, 1, 2, 3, 4, 5, 6, 7, 8]]) {
      const broken = good.map((proof, place) => {
        if (!pattern.includes(place)) return proof;
        const wrong: readonly VerifyRangeOptions[] = [
          { ...proof, proof: flipBit(proof.proof, 100) },
          { ...proof, proof: flipBit(proof.proof, 8 * proof.proof.length - 1) },
          { ...proof, proof: proof.proof.slice(1) },
          { ...proof, context: new Uint8Array(1) },
        ];
        return wrong[place % wrong.length] as VerifyRangeOptions;
      });

      expect(verifyRanges(broken)).toStrictEqual(pattern);
    }
  });
});

describe('arguments that are none', () => {
  const invalid = 'BISCOL_INVALID_ARGUMENT';
  const proven = { commitments: [new Uint8Array(33).fill(2)], proof: new Uint8Array(591) };

  it('are answered with a code', () => {
    const wrong = [undefined, null, 5, 'x', [], {}, 1n, new Uint8Array(3), () => 0];
    for (const value of wrong as never[]) {
      expect(codeOf(() => proveRange(value))).toBe(invalid);
      expect(codeOf(() => proveRange([value]))).toBe(invalid);
      expect(codeOf(() => proveRange([{ value, blinding: secretOf(1n) }]))).toBe(value === 1n ? 'no error' : invalid);
      expect(codeOf(() => proveRange([{ value: 1n, blinding: value }]))).toBe(invalid);
      expect(codeOf(() => verifyRange(value))).toBe(invalid);
      expect(codeOf(() => verifyRanges([value]))).toBe(invalid);
      expect(codeOf(() => verifyRange({ ...proven, commitments: value }))).toBe(invalid);
      expect(codeOf(() => verifyRange({ ...proven, commitments: [value] }))).toBe(invalid);
      expect(codeOf(() => rangeProofSize(value))).toBe(invalid);
      if (!((value as unknown) instanceof Uint8Array)) {
        expect(codeOf(() => verifyRange({ ...proven, proof: value }))).toBe(invalid);
        if (value !== undefined) {
          expect(codeOf(() => verifyRange({ ...proven, context: value }))).toBe(invalid);
          expect(codeOf(() => proveRange([openingOf(1n)], { context: value }))).toBe(invalid);
        }
      }
      if (value !== undefined) {
        expect(codeOf(() => proveRange([openingOf(1n)], { entropy: value }))).toBe(invalid);
        if ((value as unknown) !== 5) expect(codeOf(() => verifyRange({ ...proven, bits: value }))).toBe(invalid);
      }
    }
    for (const bits of [0, -1, 65, 0.5, Number.NaN]) {
      expect(codeOf(() => proveRange([openingOf(0n)], { bits }))).toBe(invalid);
      expect(codeOf(() => verifyRange({ ...proven, bits }))).toBe(invalid);
    }
    expect(codeOf(() => rangeProofSize({ bits: 64, count: 33 }))).toBe(invalid);
    expect(codeOf(() => proveRange([{ value: 1n, blinding: secretOf(0n) }]))).toBe(invalid);
    expect(codeOf(() => proveRange([{ value: 1n, blinding: secretOf(ORDER) }]))).toBe(invalid);
  });

  it('of hostile bytes are refused, and tell no secret', () => {
    for (const fill of [0, 2, 3, 255]) {
      const bytes = new Uint8Array(591).fill(fill);
      expect(verifyRange({ commitments: [bytes.slice(0, 33)], proof: bytes })).toBe(false);
    }
    const secret = secretOf(0xabcdef1234567890n);
    const texts = [
      () => proveRange([{ value: 1n << 70n, blinding: secret }]),
      () => proveRange([{ value: -1n, blinding: secret }]),
    ].map((call) => {
      try {
        return String(call());
      } catch (error) {
        return `${String(error)} ${JSON.stringify(error)}`;
      }
    });
    for (const text of texts) expect(text).not.toMatch(/abcdef1234567890|1180591620717411303424|12379813812177893520/i);
  });
});
