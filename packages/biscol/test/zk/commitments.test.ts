import { loadCrypto } from '@bitcoin-enterprise/core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  addCommitments,
  commitTo,
  createBlinding,
  type Opening,
  opensTo,
  shiftCommitment,
  sumOpenings,
} from '../../src/zk/index.ts';
import { ORDER } from '../../src/zk/scalars.ts';
import { codeOf } from '../support/code-of.ts';
import { isLong, openingOf, secretOf, seed } from './support/known.ts';

beforeAll(async () => {
  await loadCrypto();
});

const value = fc.oneof(fc.bigInt(0n, 3n), fc.bigInt(0n, 1n << 64n), fc.bigInt(0n, ORDER / 8n));
const settings = { numRuns: isLong ? 5_000 : 60, seed };

describe('a commitment', () => {
  it('opens to its value and blinding alone', () => {
    fc.assert(
      fc.property(value, fc.bigInt(1n, ORDER - 2n), (amount, blinding) => {
        const commitment = commitTo({ value: amount, blinding: secretOf(blinding) });

        expect(opensTo(commitment, { value: amount, blinding: secretOf(blinding) })).toBe(true);
        expect(opensTo(commitment, { value: amount + 1n, blinding: secretOf(blinding) })).toBe(false);
        expect(opensTo(commitment, { value: amount, blinding: secretOf(blinding + 1n) })).toBe(false);
      }),
      settings,
    );
  });

  it('adds up as its openings do', () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 5 }), fc.array(value, { maxLength: 4 }), (more, less) => {
        const plus = more.map((amount, i) => openingOf(amount, `+${i}`));
        const minus = less.map((amount, i) => openingOf(amount, `-${i}`));
        const total = [...more, ...less.map((amount) => -amount)].reduce((sum, amount) => sum + amount, 0n);
        const sum = addCommitments(
          plus.map((one) => commitTo(one)),
          minus.map((one) => commitTo(one)),
        ) as Uint8Array;

        if (total < 0n) expect(codeOf(() => sumOpenings(plus, minus))).toBe('BISCOL_INVALID_ARGUMENT');
        else expect(opensTo(sum, sumOpenings(plus, minus))).toBe(true);
      }),
      settings,
    );
  });

  it('is shifted by a value that all know', () => {
    const opening = openingOf(100n);
    const commitment = commitTo(opening);

    expect(shiftCommitment(commitment, 0n)).toStrictEqual(commitment);
    expect(shiftCommitment(commitment, 5n)).toStrictEqual(commitTo({ ...opening, value: 105n }));
    expect(shiftCommitment(commitment, -100n)).toStrictEqual(commitTo({ ...opening, value: 0n }));
  });

  it('less itself is nothing', () => {
    const commitment = commitTo(openingOf(3n));

    expect(addCommitments([commitment], [commitment])).toBeUndefined();
    expect(addCommitments([])).toBeUndefined();
    expect(codeOf(() => sumOpenings([openingOf(3n)], [openingOf(3n)]))).toBe('BISCOL_INVALID_ARGUMENT');
  });

  it('never shows its blinding in text', () => {
    const opening: Opening = { value: 1n, blinding: createBlinding() };
    const hex = opening.blinding.use((bytes) => Buffer.from(bytes).toString('hex'));

    expect(`${JSON.stringify(opening.blinding)} ${String(opening.blinding)}`).not.toContain(hex);
    expect(createBlinding().use((bytes) => bytes.slice())).not.toStrictEqual(
      createBlinding().use((bytes) => bytes.slice()),
    );
  });

  it('answers wrong arguments with a code', () => {
    const point = commitTo(openingOf(1n));
    for (const wrong of [undefined, null, 5, 'x', {}, 1n, new Uint8Array(32), new Uint8Array(33)] as never[]) {
      const calls: readonly (() => unknown)[] = [
        () => commitTo(wrong),
        () => commitTo({ value: wrong, blinding: secretOf(1n) }),
        () => commitTo({ value: 1n, blinding: wrong }),
        () => opensTo(wrong, openingOf(1n)),
        () => opensTo(point, wrong),
        () => addCommitments(wrong),
        () => addCommitments([wrong]),
        () => addCommitments([point], [wrong]),
        () => shiftCommitment(wrong, 1n),
        () => shiftCommitment(point, wrong),
        () => sumOpenings(wrong),
        () => sumOpenings([openingOf(1n)], [wrong]),
      ];
      const fits = new Set([
        (wrong as unknown) === 1n ? 1 : undefined,
        // Bytes that are no point open to nothing.
        (wrong as unknown) instanceof Uint8Array && (wrong as Uint8Array).length === 33 ? 3 : undefined,
        (wrong as unknown) === 1n ? 9 : undefined,
      ]);
      for (const [place, call] of calls.entries())
        if (!fits.has(place)) expect([place, codeOf(call)]).toStrictEqual([place, 'BISCOL_INVALID_ARGUMENT']);
    }
    expect(codeOf(() => commitTo({ value: ORDER, blinding: secretOf(1n) }))).toBe('BISCOL_INVALID_ARGUMENT');
    expect(codeOf(() => commitTo({ value: -1n, blinding: secretOf(1n) }))).toBe('BISCOL_INVALID_ARGUMENT');
    expect(codeOf(() => createBlinding({ bytes: () => new Uint8Array(3) }))).toBe('BISCOL_INVALID_ARGUMENT');
    for (const value of [ORDER, -ORDER, 1n << 300n])
      expect(codeOf(() => shiftCommitment(point, value))).toBe('BISCOL_INVALID_ARGUMENT');
    const large = { value: ORDER - 1n, blinding: secretOf(1n) };
    expect(codeOf(() => sumOpenings([large, large]))).toBe('BISCOL_INVALID_ARGUMENT');
    expect(codeOf(() => sumOpenings([large], []))).toBe('no error');
    // What calls itself a secret, and lends or returns something else.
    for (const use of [
      (lend: (bytes: never) => unknown) => lend('x'.repeat(32) as never),
      (lend: (bytes: never) => unknown) => lend(new Uint8Array(31) as never),
      (lend: (bytes: never) => unknown) => lend(undefined as never),
      () => 'x',
      () => -5n,
      () => ORDER,
      () => 0n,
      5,
    ])
      expect(codeOf(() => commitTo({ value: 1n, blinding: { use } as never }))).toBe('BISCOL_INVALID_ARGUMENT');
  });
});
