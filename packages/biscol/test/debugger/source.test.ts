import { readFileSync } from 'node:fs';
import { feeRate, loadCrypto, satoshis } from '@bitcoin-enterprise/core';
import {
  after,
  and,
  completeTransition,
  defineContract,
  hash,
  instantiate,
  musig,
  older,
  or,
  party,
  pay,
  pk,
  planTransition,
  rest,
  sha256,
  thresh,
  to,
} from '@bitcoin-enterprise/biscol';
import { htlc } from '@bitcoin-enterprise/biscol/contracts';
import { debugSpend, mapWay, sourceOfClause } from '@bitcoin-enterprise/biscol/debugger';
import { beforeAll, describe, expect, it } from 'vitest';
import { htlcParams } from '../contracts/scenarios/htlc.ts';
import { personOf, secretOf } from '../support/people.ts';
import { signPlan } from '../support/sign-plan.ts';

beforeAll(async () => {
  await loadCrypto();
});

// The marks behind the clauses are what the tests look for.
const deal = defineContract({
  name: 'deal',
  params: { ann: party(), ben: party(), cat: party(), digest: hash() },
  states: {
    open: {
      key: ({ ann, ben }) => musig(ann, ben), // musig
      paths: ({ ann, ben, cat, digest }) => ({
        solve: and(
          pk(ann), // pk ann
          sha256(digest), // sha256
        ),
        wait: and(
          or(
            pk(ben), // pk ben
            and(
              pk(cat), // pk cat
              older(12), // older
            ),
          ),
          after(900), // after
        ),
        vote: thresh(2, [ann, ben, cat].map(pk)), // thresh
        some: and(
          pk(ann), // some
          or(
            older(7), // one lock
            older(9), // other lock
            sha256(digest), // one hash
            sha256(new Uint8Array(32).fill(9)), // other hash
          ),
        ),
      }),
    },
  },
  transitions: {
    solve: { from: 'open', by: 'solve', outputs: ({ ann }) => [pay(ann, rest)] },
    wait: { from: 'open', by: 'wait', outputs: ({ ben }) => [pay(ben, rest)] },
    some: { from: 'open', by: 'some', outputs: ({ ann }) => [pay(ann, rest)] },
    vote: { from: 'open', by: 'vote', outputs: ({ cat }) => [pay(cat, rest)] },
    agree: { from: 'open', by: 'key', outputs: ({ ann }) => [pay(ann, rest)] },
  },
  funding: () => [to('open', { amount: satoshis(50_000n) })],
});

const lines = readFileSync(import.meta.filename, 'utf8').split('\n');
const lineOf = (mark: string): number => lines.findIndex((line) => line.endsWith(`// ${mark}`)) + 1;

const instance = () =>
  instantiate(deal, {
    network: 'regtest',
    params: { ann: personOf(1), ben: personOf(2), cat: personOf(3), digest: '11'.repeat(32) },
  });
const cell = { state: 'open', data: {}, value: satoshis(50_000n), txid: new Uint8Array(32), index: 0 };

describe('the line of a clause', () => {
  it.for([
    ['solve', 'pk(ann)', 'pk ann'],
    ['wait', 'pk(ben)', 'pk ben'],
    ['wait', 'pk(cat)', 'pk cat'],
    ['wait', 'older(12)', 'older'],
    ['wait', 'after(900)', 'after'],
    ['vote', 'pk(cat)', 'thresh'],
  ])('of %s, %s is where it was written', ([path, text, mark]) => {
    const maps = instance()
      .output('open', {}, cell.value)
      .ways.filter((way) => way.path === path)
      .map(mapWay);
    const parts = maps.flatMap((map) => map?.clauses ?? []).filter((part) => part.text === text);

    expect(parts.length).toBeGreaterThan(0);
    for (const { source } of parts) {
      expect(source?.file).toBe(import.meta.filename);
      expect(source?.line).toBe(lineOf(mark as string));
    }
  });

  it('is known for every opcode of every leaf', () => {
    for (const way of instance().output('open', {}, cell.value).ways) {
      const map = mapWay(way);
      for (const { fragment } of map?.opcodes ?? []) {
        const { clause } = map?.fragments[fragment] ?? {};
        const part = clause === undefined ? undefined : map?.clauses[clause];
        expect(part?.source?.file).toBe(import.meta.filename);
        expect(part?.source?.line).toBeGreaterThanOrEqual(lineOf('pk ann') - 1);
      }
    }
  });

  it('of leaves that have some of the parts is that of the parts that they have', () => {
    const maps = instance()
      .output('open', {}, cell.value)
      .ways.filter(({ path }) => path === 'some')
      .map(mapWay);
    const lines = maps.flatMap(
      (map) =>
        map?.fragments
          .filter(({ name }) => name === 'older' || name === 'sha256')
          .map(({ text, clause }) => [text, map.clauses[clause ?? -1]?.source?.line]) ?? [],
    );
    const marks: Readonly<Record<string, string>> = {
      'older(7)': 'one lock',
      'older(9)': 'other lock',
      [`sha256(${'11'.repeat(32)})`]: 'one hash',
      [`sha256(${'09'.repeat(32)})`]: 'other hash',
    };
    expect(maps.length).toBeGreaterThan(2);
    expect(new Set(lines.map(([text]) => text))).toEqual(new Set(Object.keys(marks)));
    for (const [text, line] of lines) expect(line).toBe(lineOf(marks[String(text)] as string));
  });

  it('of keys that sign as one is where they were put together', () => {
    const [way] = instance().output('open', {}, cell.value).ways;
    expect(way?.path).toBe('key');
    expect(sourceOfClause((way as NonNullable<typeof way>).clause)?.line).toBe(lineOf('musig'));
  });

  it('of the library is in the library', () => {
    const ways = instantiate(htlc, { network: 'regtest', params: htlcParams(100) }).output(
      'offered',
      {},
      cell.value,
    ).ways;
    const refund = ways.find(({ path }) => path === 'refund') as NonNullable<(typeof ways)[number]>;
    const source = sourceOfClause(refund.clause);
    expect(source?.file).toMatch(/src\/contracts\/htlc\.ts$/);
    const text = readFileSync(source?.file as string, 'utf8').split('\n')[(source?.line ?? 0) - 1];
    expect(text).toMatch(/refund: and\(pk\(sender\)/);
  });

  it('is not there for a clause that no function made', () => {
    expect(sourceOfClause({ name: 'older', value: 3 })).toBeUndefined();
  });

  it('is in the diagnosis of a failed spend', async () => {
    const plan = planTransition(instance(), 'vote', { cells: [cell], feeRate: feeRate(1_000n) });
    const tx = completeTransition(plan, await signPlan(plan));
    const [input] = tx.inputs;
    const witness = input?.witness.map((item) => (item.length === 64 ? new Uint8Array(0) : item)) ?? [];
    const { diagnosis } = debugSpend({
      tx: { ...tx, inputs: [{ ...(input as NonNullable<typeof input>), witness }] },
      inputIndex: 0,
      spentOutputs: plan.spentOutputs,
      instance: instance(),
      cell,
    });
    expect(diagnosis?.cause).toBe('missing-signature');
    expect(diagnosis?.source?.line).toBe(lineOf('thresh'));
  });
});

it('secrets that are known are in no diagnosis', () => {
  const secret = secretOf(41);
  const plan = planTransition(instance(), 'solve', { cells: [cell], feeRate: feeRate(1_000n), assumeSecrets: true });
  const session = debugSpend({
    tx: plan.tx,
    inputIndex: 0,
    spentOutputs: plan.spentOutputs,
    instance: instance(),
    cell,
    preimages: [secret],
  });
  expect(JSON.stringify(session)).not.toContain('29'.repeat(32));
  expect(
    JSON.stringify(session, (_, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
    ),
  ).not.toContain(Buffer.from(secret).toString('hex'));
});
