import { toHex } from '@bitcoin-enterprise/core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PersistentMap } from '../src/model/persistent-map.ts';

/** Keys that often share the bytes which choose their path, and sometimes differ in the others alone. */
const key = fc
  .tuple(fc.constantFrom(0, 1, 32, 0xff), fc.constantFrom(0, 0x80), fc.nat(3))
  .map(([first, fourth, last]) => {
    const bytes = new Uint8Array(32);
    bytes[0] = first;
    bytes[3] = fourth;
    bytes[31] = last;
    return bytes;
  });
const change = fc.record({ key, index: fc.nat(3), value: fc.option(fc.nat(), { nil: undefined }) });
const nameOf = (bytes: Uint8Array, index: number): string => `${toHex(bytes)}:${index}`;

it('a persistent map is a map, and every earlier one stays what it was', () => {
  fc.assert(
    fc.property(fc.array(fc.array(change, { maxLength: 20 }), { maxLength: 20 }), (rounds) => {
      let map = PersistentMap.empty<number>();
      let model = new Map<string, number>();
      const history: [PersistentMap<number>, ReadonlyMap<string, number>][] = [];
      for (const round of rounds) {
        const draft = map.draft();
        const next = new Map(model);
        for (const { key: bytes, index, value } of round) {
          const name = nameOf(bytes, index);
          expect(draft.get(bytes, index)).toBe(next.get(name));
          if (value === undefined) expect(draft.delete(bytes, index)).toBe(next.get(name));
          else draft.set(bytes, index, value);
          if (value === undefined) next.delete(name);
          else next.set(name, value);
        }
        map = draft.freeze();
        model = next;
        history.push([map, model]);
      }
      for (const [then, expected] of history) {
        expect(then.size).toBe(expected.size);
        expect(new Map([...then.entries()].map((entry) => [nameOf(entry.key, entry.index), entry.value]))).toEqual(
          expected,
        );
      }
    }),
  );
});

it('tells what another map has lost and gained, whichever way they came about', () => {
  const contents = fc.array(fc.record({ key, index: fc.nat(3), value: fc.nat(5) }), { maxLength: 30 });
  fc.assert(
    fc.property(contents, contents, (first, second) => {
      const fill = (map: PersistentMap<string>, items: typeof first): PersistentMap<string> =>
        items.reduce(
          (all, item) => all.with(item.key, `${nameOf(item.key, item.index)}=${item.value}`, item.index),
          map,
        );
      const before = fill(PersistentMap.empty<string>(), first);
      for (const after of [fill(before, second), fill(PersistentMap.empty<string>(), second)]) {
        const [old, now] = [new Set(before.values()), new Set(after.values())];
        const { lost, gained } = before.changesTo(after);
        for (const { key: bytes, index, value } of [...lost, ...gained])
          expect(value.startsWith(`${nameOf(bytes, index)}=`)).toBe(true);

        expect(lost.map(({ value }) => value).toSorted()).toEqual(
          [...old].filter((value) => !now.has(value)).toSorted(),
        );
        expect(gained.map(({ value }) => value).toSorted()).toEqual(
          [...now].filter((value) => !old.has(value)).toSorted(),
        );
      }
    }),
  );
});

it('a draft that was frozen goes on without touching what was frozen', () => {
  const bytes = new Uint8Array(32);
  const draft = PersistentMap.empty<number>().draft();
  draft.set(bytes, 0, 1);
  const frozen = draft.freeze();
  draft.set(bytes, 0, 2);

  expect([frozen.get(bytes, 0), draft.get(bytes, 0)]).toEqual([1, 2]);
});
