import { loadCrypto, satoshis, toHex } from '@bitcoin-enterprise/core';
import {
  after,
  and,
  type Cell,
  defineContract,
  instantiate,
  older,
  olderSeconds,
  or,
  party,
  pay,
  pk,
  rest,
  to,
} from '@bitcoin-enterprise/biscol';
import { escrow, htlc, inheritance, vault } from '@bitcoin-enterprise/biscol/contracts';
import { explainTransition, renderExplanation } from '@bitcoin-enterprise/biscol/debugger';
import { beforeAll, describe, expect, it } from 'vitest';
import { escrowParams } from '../contracts/scenarios/escrow.ts';
import { htlcParams } from '../contracts/scenarios/htlc.ts';
import { inheritanceParams } from '../contracts/scenarios/inheritance.ts';
import { vaultParams } from '../contracts/scenarios/vault.ts';
import { keyOf, personOf, secretOf } from '../support/people.ts';

beforeAll(async () => {
  await loadCrypto();
});

const cellOf = (state: string, data: object = {}): Cell => ({
  state,
  data: data as Cell['data'],
  value: satoshis(100_000n),
  txid: new Uint8Array(32).fill(6),
  index: 0,
});

const instanceOf = {
  htlc: () => instantiate(htlc, { network: 'regtest', params: htlcParams(100) }),
  escrow: () => instantiate(escrow, { network: 'regtest', params: escrowParams() }),
  vault: () =>
    instantiate(vault, {
      network: 'regtest',
      params: vaultParams(),
      covenants: { kind: 'presigned', keys: [keyOf(90), keyOf(91)], feeRate: 2_000n },
    }),
};

describe('what a transition needs', () => {
  it('is everybody’s signature, the secret and the height while nothing is at hand', () => {
    const { digest } = htlcParams(100);
    const cells = [cellOf('offered')];

    const claim = explainTransition(instanceOf.htlc(), 'claim', { cells, chain: { height: 101 } });
    expect(claim).toMatchObject({
      status: 'missing',
      missing: { keys: ['receiver'], preimages: [{ hashFunction: 'sha256', hash: toHex(digest) }] },
      diagnosis: { cause: 'missing-signature' },
    });
    expect(claim.worksFrom).toBeUndefined();

    const refund = explainTransition(instanceOf.htlc(), 'refund', { cells, chain: { height: 101 } });
    expect(refund).toMatchObject({ status: 'missing', missing: { keys: ['sender'] }, worksFrom: { height: 112 } });
  });

  it('is the secret alone once the receiver signs, and nothing once the secret is known', () => {
    const cells = [cellOf('offered')];
    const half = explainTransition(instanceOf.htlc(), 'claim', { cells, signers: ['receiver'] });
    expect(half).toMatchObject({ status: 'missing', missing: { keys: [] }, diagnosis: { cause: 'missing-preimage' } });

    for (const known of [
      { args: { secret: secretOf(41) } },
      { args: { secret: toHex(secretOf(41)) } },
      { preimages: [secretOf(41)] },
    ])
      expect(explainTransition(instanceOf.htlc(), 'claim', { cells, signers: ['receiver'], ...known })).toMatchObject({
        status: 'ready',
        text: 'everything is there',
      });
  });

  it('takes no secret of another hash, and shows none', () => {
    const wrong = explainTransition(instanceOf.htlc(), 'claim', {
      cells: [cellOf('offered')],
      signers: ['receiver'],
      preimages: [secretOf(42)],
    });
    expect(wrong.status).toBe('missing');
    expect(JSON.stringify(wrong)).not.toContain(toHex(secretOf(42)));
  });

  it('is a height, exactly: not a block before', () => {
    const at = (height: number) =>
      explainTransition(instanceOf.htlc(), 'refund', {
        cells: [cellOf('offered')],
        signers: ['sender'],
        chain: { height },
      });
    expect(at(111)).toMatchObject({ status: 'waits', worksFrom: { height: 112 }, diagnosis: { cause: 'too-early' } });
    expect(at(112).status).toBe('ready');
  });

  it('is an age, exactly: not a confirmation before', () => {
    const state = Object.keys(escrow.states)[0] as string;
    const cells = [cellOf(state)];
    const exact = (height: number) =>
      explainTransition(instanceOf.escrow(), 'refund', {
        cells,
        signers: ['buyer'],
        chain: { height, outputs: [{ height: 200 }] },
      });
    expect(exact(204)).toMatchObject({ status: 'waits', worksFrom: { height: 205, confirmations: 6 } });
    expect(exact(205).status).toBe('ready');
  });

  it('is an age of an output that is in no block yet, and of a chain that nobody tells', () => {
    const cells = [cellOf(Object.keys(escrow.states)[0] as string)];
    const options = { cells, signers: ['buyer'] };
    expect(explainTransition(instanceOf.escrow(), 'refund', options).worksFrom).toEqual({ confirmations: 6 });
    expect(
      explainTransition(instanceOf.escrow(), 'refund', { ...options, chain: { height: 500, outputs: [{}] } }).worksFrom,
    ).toEqual({ confirmations: 6 });
  });

  it('is all that sign a key together, less those who do', () => {
    const cells = [cellOf(Object.keys(escrow.states)[0] as string)];
    expect(explainTransition(instanceOf.escrow(), 'release', { cells, signers: ['seller'] }).missing.keys).toEqual([
      'buyer',
    ]);
  });

  it('is the covenant’s keys beside those of the clause', () => {
    const { missing } = explainTransition(instanceOf.vault(), 'unvault', { cells: [cellOf('stored')] });
    expect(missing.keys).toEqual(['owner', 'covenant0', 'covenant1']);
  });

  it('is as many of a threshold as are missing, any of them', () => {
    const instance = instantiate(inheritance, { network: 'regtest', params: inheritanceParams() });
    const data = { owner: { name: 'owner', key: keyOf(1) } };
    const [state] = Object.keys(inheritance.states) as [string];
    const kinds = Object.keys(inheritance.data);
    const cell = cellOf(state, Object.fromEntries(kinds.map((name) => [name, data.owner])));
    const one = explainTransition(instance, 'inherit', {
      cells: [cell],
      signers: ['heirs[1]'],
      chain: { height: 900, outputs: [{ height: 1 }] },
    });
    expect(one.missing.keys).toHaveLength(1);
    expect(one.status).toBe('missing');
    const open = one.cells[0]?.clauses.filter(({ status }) => status === 'missing').map(({ text }) => text);
    expect(open).toEqual(expect.arrayContaining(['pk(heirs[0])', 'pk(heirs[2])']));
    const two = explainTransition(instance, 'inherit', {
      cells: [cell],
      signers: ['heirs[1]', 'heirs[2]'],
      chain: { height: 900, outputs: [{ height: 1 }] },
    });
    expect(two.status).toBe('ready');
    expect(two.cells[0]?.clauses.find(({ text }) => text === 'pk(heirs[0])')?.status).toBe('unneeded');
  });
});

const waiting = defineContract({
  name: 'waiting',
  params: { ann: party(), ben: party() },
  states: {
    open: {
      paths: ({ ann, ben }) => ({
        either: or(and(pk(ann), after(2_000_000_000)), and(pk(ben), olderSeconds(5_120))),
        late: and(pk(ann), older(3)),
      }),
    },
  },
  transitions: {
    either: { from: 'open', by: 'either', outputs: ({ ann }) => [pay(ann, rest)] },
    refused: { from: 'open', by: 'late', refuses: () => 'not on Sundays', outputs: ({ ann }) => [pay(ann, rest)] },
    late: { from: 'open', by: 'late', lockTime: () => 700, outputs: ({ ann }) => [pay(ann, rest)] },
  },
  funding: () => [to('open', { amount: satoshis(100_000n) })],
});

describe('of several ways', () => {
  const params = { ann: personOf(1), ben: personOf(2) };
  const instance = () => instantiate(waiting, { network: 'regtest', params });
  const cells = [cellOf('open')];

  it('the one of which least is missing is taken, then the one that opens first', () => {
    const chain = { height: 800, medianTime: 1_700_000_000, outputs: [{ height: 799, medianTime: 1_699_999_000 }] };
    const both = explainTransition(instance(), 'either', { cells, signers: ['ann', 'ben'], chain });
    expect(both).toMatchObject({
      status: 'waits',
      worksFrom: { medianTime: 1_699_999_000 + 5_120, ageSeconds: 5_120 },
    });
    const ann = explainTransition(instance(), 'either', { cells, signers: ['ann'], chain });
    expect(ann).toMatchObject({ status: 'waits', worksFrom: { medianTime: 2_000_000_001 } });
  });

  it('a lock of the transition itself is waited for as well', () => {
    const chain = { height: 650, outputs: [{ height: 600 }] };
    expect(explainTransition(instance(), 'late', { cells, signers: ['ann'], chain })).toMatchObject({
      status: 'waits',
      worksFrom: { height: 700 },
    });
    expect(
      explainTransition(instance(), 'late', { cells, signers: ['ann'], chain: { ...chain, height: 700 } }).status,
    ).toBe('ready');
  });

  it('what the contract refuses is impossible, whatever is signed', () => {
    expect(explainTransition(instance(), 'refused', { cells, signers: ['ann'] })).toMatchObject({
      status: 'impossible',
      text: 'not on Sundays',
      diagnosis: { cause: 'refused' },
    });
  });

  it('locks that exclude each other make a transition impossible', () => {
    const mixed = defineContract({
      name: 'mixed',
      params: { ann: party() },
      states: { open: { paths: ({ ann }) => ({ go: and(pk(ann), after(500)) }) } },
      transitions: {
        go: { from: 'open', by: 'go', lockTime: () => 1_900_000_000, outputs: ({ ann }) => [pay(ann, rest)] },
      },
      funding: () => [to('open', { amount: satoshis(100_000n) })],
    });
    const one = instantiate(mixed, { network: 'regtest', params: { ann: personOf(1) } });
    expect(explainTransition(one, 'go', { cells, signers: ['ann'] })).toMatchObject({
      status: 'impossible',
      diagnosis: { cause: 'unsatisfiable-clause' },
    });
  });
});

it('a tree of clauses shows what is there, what is missing and what waits, with lines', () => {
  const text = renderExplanation(
    explainTransition(instanceOf.htlc(), 'refund', {
      cells: [cellOf('offered')],
      signers: ['sender'],
      chain: { height: 100 },
    }),
  );
  expect(text.replaceAll(/:\d+:\d+/g, ':L:C')).toMatchInlineSnapshot(`
    "refund by refund: waits
    height 112 has to be reached

    offered 0606060606060606060606060606060606060606060606060606060606060606:0
    ⏳ and(pk(sender),after(112)) from 112  src/contracts/htlc.ts:L:C
      ✓ pk(sender)                         src/contracts/htlc.ts:L:C
      ⏳ after(112) from 112                src/contracts/htlc.ts:L:C"
  `);
});
