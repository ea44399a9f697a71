import { concatBytes, currentCrypto, loadCrypto, toHex } from '@bitcoin-enterprise/core';
import { mapScript, mapWay, type FragmentMap } from '@bitcoin-enterprise/biscol/debugger';
import { fundingOutputs } from '@bitcoin-enterprise/biscol';
import {
  compileFragment,
  decompileFragment,
  type Fragment,
  mapKeys,
  type MiniscriptContext,
  printFragment,
} from '@bitcoin-enterprise/descriptors';
import { ScriptReader } from '@bitcoin-enterprise/script';
import { beforeAll, describe, expect, it } from 'vitest';
import { dice } from '../../../descriptors/test/support/dice.ts';
import { randomMiniscript } from '../../../descriptors/test/support/random-miniscript.ts';
import { allScenarios } from '../contracts/scenarios/all.ts';
import { COVENANTS } from '../support/scenarios.ts';

beforeAll(async () => {
  await loadCrypto();
});

const RUNS = process.env['BE_LONG'] === '1' ? 5_000 : 400;
const SEED = 4_711;

function keyOf(place: number, context: MiniscriptContext): Uint8Array {
  const secret = currentCrypto().sha256(Uint8Array.of(7, place & 0xff, place >> 8));
  const key = currentCrypto().publicKey(secret) as Uint8Array;
  return context === 'tapscript' ? key.subarray(1) : key;
}

/** What every map has to be: opcodes that are the script, each in one innermost fragment, fragments within each other. */
function check({ script, opcodes, fragments }: FragmentMap): void {
  expect(toHex(concatBytes(...opcodes.map(({ offset, end }) => script.subarray(offset, end))))).toBe(toHex(script));
  const reader = new ScriptReader(script);
  for (const { offset, end } of opcodes) {
    expect(reader.position).toBe(offset);
    reader.next();
    expect(reader.position).toBe(end);
  }
  for (const { index, parent, start, end } of fragments) {
    const above = parent === undefined ? { start: 0, end: script.length } : fragments[parent];
    expect(above !== undefined && above.start <= start && end <= above.end).toBe(true);
    if (parent !== undefined) expect(parent).toBeLessThan(index);
    // Parts of one fragment never share a byte.
    const twins = fragments.filter((one) => one.parent === parent && one.index !== index);
    expect(twins.every((one) => one.end <= start || one.start >= end)).toBe(true);
  }
  for (const { offset, end, fragment } of opcodes) {
    const around = fragments.filter((one) => one.start <= offset && end <= one.end);
    expect(around.at(-1)?.index).toBe(fragment);
    // No opcode lies across the border of a fragment.
    expect(
      fragments.every((one) => one.end <= offset || one.start >= end || (one.start <= offset && end <= one.end)),
    ).toBe(true);
  }
}

describe('the map of a miniscript', () => {
  it.for(['tapscript', 'wsh'] as const)('of %s gives every opcode to one innermost fragment', (context) => {
    const roll = dice(SEED);
    for (let run = 0; run < RUNS; run++) {
      const fragment = mapKeys(randomMiniscript(roll, context), (place) => keyOf(place, context));
      const script = compileFragment(fragment, { bytesOf: (key) => key });
      const map = mapScript(script, { context });
      expect(map, `seed ${SEED}, run ${run}`).toBeDefined();
      check(map as FragmentMap);
    }
  });

  it('has for each fragment the bytes that the fragment alone compiles to', () => {
    const roll = dice(SEED + 1);
    for (let run = 0; run < RUNS; run++) {
      const fragment = mapKeys(randomMiniscript(roll, 'tapscript'), (place) => keyOf(place, 'tapscript'));
      const script = compileFragment(fragment, { bytesOf: (key) => key });
      const { fragments } = mapScript(script, { context: 'tapscript' }) as FragmentMap;
      // In the order of the script the third part of an andor comes before its second.
      const visit = (one: Fragment<Uint8Array>): readonly Fragment<Uint8Array>[] => {
        if (!('subs' in one)) return [one];
        const [first, second, third] = one.subs;
        const subs = one.name === 'andor' ? [first, third, second] : one.subs;
        return [one, ...subs.flatMap((sub) => visit(sub as Fragment<Uint8Array>))];
      };
      const all = visit(fragment);
      const own = fragments.filter(({ name }) => name !== 'key');
      expect(own.map(({ name }) => name)).toEqual(all.map(({ name }) => name));
      for (const [place, { start, end, name, parent }] of own.entries()) {
        const alone = compileFragment(all[place] as Fragment<Uint8Array>, { bytesOf: (key) => key });
        const isVerified = parent !== undefined && fragments[parent]?.name === 'v' && fragments[parent].end === end;
        const bytes = script.subarray(start, end);
        // The last opcode of what is verified is its VERIFY form.
        const shown = isVerified || name === 'v' ? [bytes.subarray(0, -1), alone.subarray(0, -1)] : [bytes, alone];
        if (name !== 'and_v') expect(toHex(shown[0] as Uint8Array)).toBe(toHex(shown[1] as Uint8Array));
        expect(bytes.length).toBe(alone.length);
      }
    }
  });

  it('writes fragments as the miniscript does', () => {
    const roll = dice(SEED + 2);
    for (let run = 0; run < 50; run++) {
      const fragment = mapKeys(randomMiniscript(roll, 'tapscript'), (place) => keyOf(place, 'tapscript'));
      const script = compileFragment(fragment, { bytesOf: (key) => key });
      if (script.length > 400) continue;
      const [whole] = (mapScript(script, { context: 'tapscript' }) as FragmentMap).fragments;
      const text = printFragment(decompileFragment(script, 'tapscript'), ({ bytes }) => toHex(bytes));
      expect(whole?.text).toBe(text);
    }
  });

  it('is not there for a script that is no miniscript, or too long', () => {
    expect(mapScript(Uint8Array.of(0x6a), { context: 'tapscript' })).toBeUndefined();
    expect(mapScript(new Uint8Array(10_001).fill(0x51), { context: 'tapscript' })).toBeUndefined();
  });

  it('takes the deepest script that it reads at all', () => {
    const script = new Uint8Array(10_000);
    for (let at = 0; at < script.length - 1; at += 2) script.set([0x51, 0x69], at);
    script.set([0x51, 0x51], script.length - 2);
    const deep = Uint8Array.of(...script.subarray(0, 9_998), 0x51);
    const map = mapScript(deep, { context: 'tapscript' });
    expect(map === undefined || map.opcodes.length === 9_999).toBe(true);
  });
});

describe('the map of a way of a contract', () => {
  const ways = (): readonly [string, Parameters<typeof mapWay>[0]][] =>
    allScenarios().flatMap(({ contract, scenarios: [scenario] }) =>
      COVENANTS.flatMap((covenants) => {
        const instance = scenario?.instance(100, covenants);
        return instance === undefined
          ? []
          : fundingOutputs(instance).flatMap(({ output }) =>
              output.ways.map((way): [string, typeof way] => [`${contract.name} ${way.path}`, way]),
            );
      }),
    );

  it('gives every opcode to a fragment, and every fragment to a part of the clause', () => {
    let mapped = 0;
    for (const [name, way] of ways()) {
      const map = mapWay(way);
      expect(map === undefined, name).toBe(way.leaf === undefined);
      if (map === undefined) continue;
      check(map);
      mapped += 1;
      for (const { name: kind, clause } of map.fragments) {
        const part = clause === undefined ? undefined : map.clauses[clause];
        expect(part, name).toBeDefined();
        if (kind === 'pk_k' || kind === 'key') expect(part?.clause.name, name).toBe('pk');
        if (kind === 'older' || kind === 'after' || kind === 'sha256') expect(part?.clause.name, name).toBe(kind);
        if (kind === 'multi_a') expect(part?.clause.name, name).toBe('thresh');
      }
      // Keys, locks and hashes of a clause without a choice are all there, each once.
      const atoms = map.clauses.filter(({ clause }) => !('subs' in clause)).map(({ index }) => index);
      const used = map.fragments.filter(({ name: kind }) => ['pk_k', 'key', 'older', 'after', 'sha256'].includes(kind));
      const placed = used.flatMap(({ clause }) => clause ?? []);
      expect(
        placed.toSorted((a, b) => a - b),
        name,
      ).toEqual(atoms.toSorted((a, b) => a - b));
    }
    expect(mapped).toBeGreaterThan(40);
  });

  it('names the template of a covenant', () => {
    const templates = ways().filter(([, way]) => way.template !== undefined);
    expect(templates.length).toBeGreaterThan(3);
    for (const [, way] of templates) {
      const map = mapWay(way) as FragmentMap;
      expect(map.fragments.at(-1)?.text).toBe(`template(${toHex(way.template as Uint8Array)})`);
      expect(map.opcodes.slice(-2).map(({ fragment }) => map.fragments[fragment]?.name)).toEqual([
        'template',
        'template',
      ]);
    }
  });
});
