import { toHex } from '@bitcoin-enterprise/core';
import { ed25519Signer } from '@bitcoin-enterprise/receipts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ApprovalPolicy,
  decidePayment,
  type Decision,
  type GivenApproval,
  parseApprovalPolicy,
  type Payment,
  type ReleasedPayment,
} from '../../src/control/index.ts';
import { payment, policyJson } from './support/scene.ts';

const NOW = 1_700_000_000;
const asked = payment('now', 1_000n);

const policyOf = (...rules: readonly object[]): ApprovalPolicy => parseApprovalPolicy(policyJson({ rules }));

const decide = (
  policy: ApprovalPolicy,
  more: {
    readonly initiator?: string;
    readonly payment?: Payment;
    readonly approvals?: readonly GivenApproval[];
    readonly released?: readonly ReleasedPayment[];
    readonly time?: number;
  } = {},
): Decision =>
  decidePayment(
    policy,
    { payment: more.payment ?? asked, initiator: more.initiator ?? 'ann' },
    { time: more.time ?? NOW, approvals: more.approvals ?? [], released: more.released ?? [] },
  );

const released = (more: Partial<ReleasedPayment> = {}): ReleasedPayment => ({
  payment: payment('before', 1_000n),
  initiator: 'ann',
  rule: 'a',
  time: NOW - 10,
  ...more,
});

describe('a limit', () => {
  const counting = (per: string, more: object): ApprovalPolicy =>
    policyOf({ name: 'a', limits: [{ per, windowSeconds: 60, ...more }], effect: 'allow' });

  it('of a number of payments is the most there may be, this one included', () => {
    const policy = counting('wallet', { count: 2 });
    expect(decide(policy, { released: [released()] }).kind).toBe('allow');
    const two = [released(), released({ payment: payment('other', 1n) })];
    expect(decide(policy, { released: two })).toEqual({
      kind: 'deny',
      rule: undefined,
      reasons: ['a: more than 2 payments in 60 s'],
    });
  });

  it('of an amount counts what leaves with its fee, to the last satoshi', () => {
    const policy = counting('wallet', { amount: '2200' });
    expect(decide(policy, { released: [released()] }).kind).toBe('allow');
    expect(decide(policy, { released: [released({ payment: payment('before', 1_001n) })] })).toMatchObject({
      kind: 'deny',
      reasons: ['a: more than 2200 in 60 s'],
    });
  });

  it.for([
    { per: 'wallet', counts: [true, true, true] },
    { per: 'rule', counts: [true, true, false] },
    { per: 'initiator', counts: [true, false, true] },
  ])('per $per counts what belongs together', ({ per, counts }) => {
    const before = [released(), released({ initiator: 'bob' }), released({ rule: 'b' })];
    const found = before.map((one) => decide(counting(per, { count: 1 }), { released: [one] }).kind === 'deny');
    expect(found).toEqual(counts);
  });

  it('does not count another chain, the payment itself, or what is older than its window', () => {
    const policy = counting('wallet', { count: 1 });
    const kindWith = (more: Partial<ReleasedPayment>): string => decide(policy, { released: [released(more)] }).kind;
    expect(kindWith({})).toBe('deny');
    expect(kindWith({ payment: { ...asked, id: 'x', chain: 'bitcoin:main' } })).toBe('allow');
    expect(kindWith({ payment: asked })).toBe('allow');
    expect(kindWith({ time: NOW - 59 })).toBe('deny');
    expect(kindWith({ time: NOW - 60 })).toBe('allow');
  });

  it('that is exceeded makes the next rule decide, and all of several are kept', () => {
    const limit = (count: number): object => ({ per: 'wallet', windowSeconds: 60, count });
    const policy = policyOf(
      { name: 'a', limits: [limit(5), limit(1)], effect: 'allow' },
      { name: 'b', limits: [limit(5)], effect: 'allow' },
    );
    expect(decide(policy)).toMatchObject({ rule: 'a' });
    expect(decide(policy, { released: [released()] })).toMatchObject({ kind: 'allow', rule: 'b' });
  });
});

describe('a decision', () => {
  it('says why each rule did not let a payment through', () => {
    const policy = policyOf(
      { name: 'chain', when: { chains: ['bitcoin:main'] }, effect: 'allow' },
      { name: 'asset', when: { assets: ['0xdac1'] }, effect: 'allow' },
      { name: 'who', when: { initiators: { roles: ['director'] } }, effect: 'allow' },
      { name: 'amount', when: { amount: { to: '1099' } }, effect: 'allow' },
      { name: 'fee', when: { fee: { from: '101' } }, effect: 'allow' },
      { name: 'to', when: { to: { addresses: ['x'] } }, effect: 'allow' },
      { name: 'time', when: { time: { from: '00:00', to: '00:01' } }, effect: 'allow' },
    );
    expect(decide(policy)).toEqual({
      kind: 'deny',
      rule: undefined,
      reasons: [
        'chain: not on bitcoin:regtest',
        'asset: another asset',
        'who: not for ann',
        'amount: an amount of 1100 outside of its window',
        'fee: a fee of 100 outside of its window',
        'to: bcrt1supplier is on no list of it',
        'time: not at this time',
      ],
    });
    expect(decide(policy, { initiator: 'zoe' })).toEqual({
      kind: 'deny',
      rule: undefined,
      reasons: ['zoe is no actor of the policy'],
    });
    expect(decide(policyOf({ name: 'a', effect: 'deny' }))).toEqual({
      kind: 'deny',
      rule: 'a',
      reasons: ['a: denies'],
    });
    expect(decide(policyOf({ name: 'a', effect: 'allow' }))).toEqual({ kind: 'allow', rule: 'a', approvedBy: [] });
  });

  it('takes both ends of a window of amounts and of fees', () => {
    const windows = { amount: { from: '1100', to: '1100' }, fee: { from: '100', to: '100' } };
    expect(decide(policyOf({ name: 'a', when: windows, effect: 'allow' })).kind).toBe('allow');
  });

  it('takes a payment only when all that leaves fits', () => {
    const transfers = [...asked.transfers, { asset: '0xdac1', to: 'bcrt1supplier', amount: 1n }];
    const policy = policyOf({ name: 'a', when: { assets: ['native'] }, effect: 'allow' });
    expect(decide(policy).kind).toBe('allow');
    expect(decide(policy, { payment: { ...asked, transfers } }).kind).toBe('deny');
  });

  it('knows a time without days, and one that is a whole day', () => {
    const at = (time: object, moment: string): string =>
      decide(policyOf({ name: 'a', when: { time }, effect: 'allow' }), { time: Date.parse(moment) / 1000 }).kind;
    expect(at({ from: '08:00', to: '09:00' }, '2026-11-27T08:00:00Z')).toBe('allow');
    expect(at({ from: '08:00', to: '09:00' }, '2026-11-27T09:00:00Z')).toBe('deny');
    expect(at({ days: ['fri'] }, '2026-11-27T00:00:00Z')).toBe('allow');
    expect(at({ days: ['fri'] }, '2026-11-27T23:59:59Z')).toBe('allow');
    expect(at({ days: ['fri'] }, '2026-11-28T00:00:00Z')).toBe('deny');
    // From Saturday night to Sunday morning: the week begins anew.
    expect(at({ days: ['sat'], from: '22:00', to: '06:00' }, '2026-11-29T05:00:00Z')).toBe('allow');
    expect(at({ days: ['sat'], from: '22:00', to: '06:00' }, '2026-11-28T22:00:00Z')).toBe('allow');
    expect(at({ days: ['sat'], from: '22:00', to: '06:00' }, '2026-11-28T05:00:00Z')).toBe('deny');
  });
});

describe('consent', () => {
  const consent = (more: object): ApprovalPolicy =>
    policyOf({ name: 'a', effect: { approvals: [{ roles: ['director'], count: 2 }], fourEyes: false, ...more } });
  const given = (actor: string, time: number): GivenApproval => ({ actor, time });

  it('waits since the last of the approvals that are needed, from the first time that each was given', () => {
    const policy = consent({ delaySeconds: 100 });
    const approvals = [given('bob', NOW), given('kim', NOW + 50), given('kim', NOW + 90), given('ann', NOW + 80)];
    expect(decide(policy, { approvals, time: NOW + 120 })).toEqual({
      kind: 'wait',
      rule: 'a',
      missing: [],
      from: NOW + 150,
      reasons: [`a: not before ${NOW + 150}`],
    });
    expect(decide(policy, { approvals, time: NOW + 150 })).toEqual({
      kind: 'allow',
      rule: 'a',
      approvedBy: ['bob', 'kim'],
    });
  });

  it('does not count an approval that is from later', () => {
    const approvals = [given('bob', NOW), given('kim', NOW + 1)];
    expect(decide(consent({}), { approvals })).toEqual({
      kind: 'wait',
      rule: 'a',
      missing: [{ anyOf: ['kim'], count: 1 }],
      from: undefined,
      reasons: ['a: approvals are missing'],
    });
    expect(decide(consent({}), { approvals, time: NOW + 1 }).kind).toBe('allow');
  });

  it('tells the reasons of the rules before', () => {
    const policy = policyOf(
      { name: 'small', when: { amount: { to: '5' } }, effect: 'allow' },
      { name: 'a', effect: { approvals: [{ roles: ['director'], count: 1 }], delaySeconds: 10 } },
    );
    const small = 'small: an amount of 1100 outside of its window';
    expect(decide(policy)).toMatchObject({ reasons: [small, 'a: approvals are missing'] });
    const approvals = [given('bob', NOW)];
    expect(decide(policy, { approvals })).toMatchObject({ reasons: [small, `a: not before ${NOW + 10}`] });
  });

  it('finds places for all who can have one: as many as the best of all ways to seat them', () => {
    const ids = ['p', 'q', 'r', 's', 't'];
    const actors = [{ id: 'ann', roles: [] }, ...ids.map((id, i) => ({ id, roles: [], key: keyOf(i) }))];
    const groups = fc.array(
      fc.record({ actors: fc.subarray(ids, { minLength: 1 }), count: fc.integer({ min: 1, max: 3 }) }),
      { minLength: 1, maxLength: 3 },
    );
    fc.assert(
      fc.property(groups, fc.shuffledSubarray(ids), (drawn, approvers) => {
        const sized = drawn.map(({ actors, count }) => ({ actors, count: Math.min(count, actors.length) }));
        const policy = parseApprovalPolicy({
          version: 1,
          actors,
          rules: [{ name: 'a', effect: { approvals: sized } }],
        });
        const decision = decide(policy, { approvals: approvers.map((actor) => given(actor, NOW)) });
        const wanted = sized.reduce((sum, { count }) => sum + count, 0);
        const seated = mostSeated(sized, approvers);
        expect(decision.kind).toBe(seated === wanted ? 'allow' : 'wait');
        const lacking = decision.kind === 'wait' ? decision.missing.reduce((sum, { count }) => sum + count, 0) : 0;
        expect(lacking).toBe(wanted - seated);
      }),
      { numRuns: 500, seed: 5 },
    );
  });
});

const keyOf = (i: number): object => ({
  algorithm: 'ed25519',
  publicKey: toHex(ed25519Signer(new Uint8Array(32).fill(40 + i)).publicKey),
});

/** By trying every way to seat each approver, or not. */
function mostSeated(
  groups: readonly { readonly actors: readonly string[]; readonly count: number }[],
  [first, ...others]: readonly string[],
): number {
  if (first === undefined) return 0;
  const ways = groups.flatMap(({ actors, count }, i) => {
    if (!actors.includes(first) || count === 0) return [];
    return [1 + mostSeated(groups.with(i, { actors, count: count - 1 }), others)];
  });
  return Math.max(mostSeated(groups, others), ...ways);
}
