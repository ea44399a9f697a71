import { currentCrypto, loadCrypto } from '@bitcoin-enterprise/core';
import { taprootOutput } from '@bitcoin-enterprise/script';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  approvePayment,
  approvePolicy,
  controlledSigner,
  decidePayment,
  paymentOfPsbt,
  parseApprovalPolicy,
  rejectPayment,
} from '../../src/control/index.ts';
import { createKeyRing, createPsbt, memorySigner, type Psbt, type Signer } from '../../src/index.ts';
import { codeOf, payment, people, policyJson, scene } from './support/scene.ts';

beforeAll(async () => {
  await loadCrypto();
});

describe('payments under a policy', () => {
  it('lets small ones through, and others by approvals that are bound to them', async () => {
    const { control } = await scene();
    expect(await control.request({ payment: payment('01', 50_000n), initiator: 'ann' })).toMatchObject({
      kind: 'allow',
      rule: 'small',
    });
    const large = payment('02', 500_000n);
    expect(await control.request({ payment: large, initiator: 'ann' })).toMatchObject({
      kind: 'wait',
      rule: 'large',
      missing: [{ anyOf: ['bob', 'kim'], count: 1 }],
    });
    expect(await codeOf(control.release('02'))).toBe('WALLET_NOT_APPROVED');
    const other = await approvePayment(payment('03', 500_000n), 'bob', people.bob);
    expect(await codeOf(control.approve('02', other))).toBe('WALLET_FORBIDDEN');
    const cheaper = await approvePayment({ ...large, fee: 99n }, 'bob', people.bob);
    expect(await codeOf(control.approve('02', cheaper))).toBe('WALLET_FORBIDDEN');
    const forged = await approvePayment(large, 'bob', people.eve);
    expect(await codeOf(control.approve('02', forged))).toBe('WALLET_FORBIDDEN');
    expect(await control.approve('02', await approvePayment(large, 'ann', people.ann))).toMatchObject({ kind: 'wait' });
    expect(await control.approve('02', await approvePayment(large, 'bob', people.bob))).toMatchObject({
      kind: 'allow',
      approvedBy: ['bob'],
    });
    expect(await control.release('02')).toMatchObject({ rule: 'large', initiator: 'ann' });
  });

  it('does not take the approval of who has asked', async () => {
    const { control } = await scene();
    const large = payment('02', 500_000n);
    await control.request({ payment: large, initiator: 'kim' });
    expect(await control.approve('02', await approvePayment(large, 'kim', people.kim))).toMatchObject({
      kind: 'wait',
      missing: [{ anyOf: ['bob'], count: 1 }],
    });
  });

  it('denies what no rule fits, and what was rejected', async () => {
    const { control } = await scene();
    expect(await control.request({ payment: payment('01', 50_000_000n), initiator: 'ann' })).toMatchObject({
      kind: 'deny',
    });
    expect(await control.request({ payment: payment('02', 1n), initiator: 'bot' })).toMatchObject({ kind: 'deny' });
    expect(await control.request({ payment: payment('03', 1n), initiator: 'nobody' })).toMatchObject({ kind: 'deny' });
    const small = payment('04', 5n);
    await control.request({ payment: small, initiator: 'ann' });
    expect(await control.reject('04', await rejectPayment(small, 'bob', people.bob))).toMatchObject({ kind: 'deny' });
    expect(await codeOf(control.release('04'))).toBe('WALLET_NOT_APPROVED');
    expect(await codeOf(control.release('05'))).toBe('WALLET_NOT_APPROVED');
  });

  it('counts what was let through, and the fee with it', async () => {
    const { control, clock } = await scene();
    const release = async (id: string, amount: bigint): Promise<string> => {
      const decision = await control.request({ payment: payment(id, amount), initiator: 'ann' });
      if (decision.kind === 'allow') await control.release(id);
      return decision.kind === 'deny' ? 'denied' : decision.rule;
    };
    expect(await release('01', 100_000n)).toBe('large');
    expect(await release('02', 99_900n)).toBe('small');
    expect(await release('03', 49_901n)).toBe('large');
    expect(await release('04', 49_900n)).toBe('small');
    expect(await release('05', 1n)).toBe('large');
    clock.set(1_700_000_000 + 86_400);
    expect(await release('06', 99_000n)).toBe('small');
  });

  it('never lets two through at once where one is allowed', async () => {
    const { control, again } = await scene();
    const other = await again();
    const [a, b] = [payment('01', 99_000n), payment('02', 99_000n)];
    await control.request({ payment: a, initiator: 'ann' });
    await other.request({ payment: b, initiator: 'ann' });
    const results = await Promise.all([codeOf(control.release('01')), codeOf(other.release('02'))]);
    expect(results.sort()).toEqual(['WALLET_NOT_APPROVED', 'none']);
  });

  it('goes on after a restart, not with another policy, and changes it by its administration alone', async () => {
    const { control, again } = await scene();
    await control.request({ payment: payment('01', 1_000n), initiator: 'ann' });
    expect((await (await again()).payments()).length).toBe(1);
    const lax = policyJson({ rules: [{ name: 'all', effect: 'allow' }] });
    expect(await codeOf(again(lax))).toBe('WALLET_FORBIDDEN');
    const { digest } = await control.policy();
    const change = { policy: lax, replaces: digest };
    const approvals = [await approvePolicy(change, 'bob', people.bob)];
    expect(await codeOf(control.changePolicy(lax, approvals))).toBe('WALLET_NOT_APPROVED');
    const twice = [...approvals, ...approvals];
    expect(await codeOf(control.changePolicy(lax, twice))).toBe('WALLET_NOT_APPROVED');
    await control.changePolicy(lax, [...approvals, await approvePolicy(change, 'kim', people.kim)]);
    expect((await control.policy()).policy.rules[0]?.name).toBe('all');
    // An approval of the way back was for the policy of that time.
    expect(await codeOf(control.changePolicy(policyJson(), approvals))).toBe('WALLET_FORBIDDEN');
  });

  it('leaves a receipt of every decision', async () => {
    const { control, receipts } = await scene();
    await control.request({ payment: payment('01', 1_000n), initiator: 'ann' });
    await control.release('01');
    await control.signed('01', { signer: 'hot', digest: 'ab' });
    await control.request({ payment: payment('02', 10n ** 9n), initiator: 'ann' });
    const found = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => receipts.find(`wallet/control/treasury/${n}`)));
    const types = found.map((receipt) => {
      const text = new TextDecoder().decode(receipt?.envelope.payload);
      return (JSON.parse(text) as { predicate: { event: { type: string } } }).predicate.event.type;
    });
    expect(types).toEqual(['policy-set', 'requested', 'released', 'signed', 'requested', 'denied']);
  });
});

describe('a signer under control', () => {
  const ring = () => createKeyRing({ secretKeys: [new Uint8Array(32).fill(7)] });
  const own = (): Uint8Array =>
    taprootOutput({ internalKey: (ring().publicKeys[0] as Uint8Array).subarray(1) }).scriptPubKey;
  const strange = Uint8Array.of(0x51, 0x20, ...new Uint8Array(32).fill(1));
  const spend = (amount: bigint, more: object = {}): Psbt =>
    createPsbt({
      inputs: [
        {
          previousTxid: new Uint8Array(32).fill(3),
          previousIndex: 0,
          witnessUtxo: { value: 1_000_000n, scriptPubKey: own() },
          tapInternalKey: (ring().publicKeys[0] as Uint8Array).subarray(1),
          ...more,
        },
      ],
      outputs: [
        { value: amount, scriptPubKey: strange },
        { value: 999_000n - amount, scriptPubKey: own() },
      ],
    });
  const context = {
    network: 'regtest',
    isOwn: (script: Uint8Array) => script.every((byte, i) => byte === own()[i]),
  } as const;
  const policy = policyJson({
    rules: [{ name: 'small', when: { amount: { to: '100000' } }, effect: 'allow' }],
  });

  it('is not shown what the policy does not let through', async () => {
    const { control } = await scene(policy);
    const seen: Psbt[] = [];
    const inner = memorySigner(ring());
    const spy: Signer = { name: 'spy', sign: (psbt, call) => (seen.push(psbt), inner.sign(psbt, call)) };
    const signer = controlledSigner(spy, { ...context, control, initiator: 'ann' });
    expect(await codeOf(signer.sign(spend(200_000n)))).toBe('WALLET_NOT_APPROVED');
    expect(seen.length).toBe(0);
    const signed = await signer.sign(spend(50_000n));
    expect(signed.inputs[0]?.tapKeySignature?.length).toBe(64);
    expect(seen.length).toBe(1);
  });

  it('refuses what nobody asked for, unless somebody is named', async () => {
    const { control } = await scene(policy);
    const signer = controlledSigner(memorySigner(ring()), { ...context, control });
    expect(await codeOf(signer.sign(spend(50_000n)))).toBe('WALLET_NOT_APPROVED');
  });

  it.for([0x02, 0x03, 0x81, 0x83])('refuses the sighash type %i, which leaves something open', async (sighashType) => {
    const { control } = await scene(policy);
    const inner = memorySigner(ring(), { sighashTypes: [sighashType] });
    const signer = controlledSigner(inner, { ...context, control, initiator: 'ann' });
    expect(await codeOf(signer.sign(spend(5n, { sighashType })))).toBe('WALLET_NOT_APPROVED');
  });

  it('counts the fee, and proves it', async () => {
    const paid = await paymentOfPsbt(spend(50_000n), context);
    expect(paid).toMatchObject({ chain: 'bitcoin:regtest', fee: 1_000n, transfers: [{ amount: 50_000n }] });
    const keyHash = currentCrypto().hash160(ring().publicKeys[0] as Uint8Array);
    const v0 = { value: 1_000_000n, scriptPubKey: Uint8Array.of(0, 20, ...keyHash) };
    expect(await codeOf(paymentOfPsbt(spend(50_000n, { witnessUtxo: v0 }), context))).toBe('WALLET_NOT_APPROVED');
    const { control } = await scene(policy);
    const signer = controlledSigner(memorySigner(ring()), { ...context, control, initiator: 'ann' });
    const burning = spend(50_000n);
    const outputs = burning.outputs.slice(0, 1);
    expect(await codeOf(signer.sign({ ...burning, outputs }))).toBe('WALLET_NOT_APPROVED');
  });

  it('is told apart from one that answers another transaction', async () => {
    const { control } = await scene(policy);
    const liar: Signer = { name: 'liar', sign: async () => spend(60_000n) };
    const signer = controlledSigner(liar, { ...context, control, initiator: 'ann' });
    expect(await codeOf(signer.sign(spend(50_000n)))).toBe('WALLET_SIGNER_ANSWER_INVALID');
  });
});

describe('rules', () => {
  const decide = (
    rules: readonly object[],
    more: { readonly time?: number; readonly to?: string; readonly asset?: string } = {},
  ) => {
    const policy = parseApprovalPolicy(policyJson({ rules }));
    const { time = 1_700_000_000, to = 'bcrt1supplier', asset = 'native' } = more;
    const one = { ...payment('01', 1_000n, to), transfers: [{ asset, to, amount: 1_000n }] };
    return decidePayment(policy, { payment: one, initiator: 'ann' }, { time, approvals: [], released: [] }).kind;
  };

  it('know days and times of a time zone, and nights', () => {
    const at = (text: string): number => Date.parse(text) / 1000;
    const office = [
      {
        name: 'a',
        when: { time: { days: ['fri'], from: '08:00', to: '18:00', timeZone: 'Europe/Berlin' } },
        effect: 'allow',
      },
    ];
    expect(decide(office, { time: at('2026-11-27T06:59:59Z') })).toBe('deny');
    expect(decide(office, { time: at('2026-11-27T07:00:00Z') })).toBe('allow');
    expect(decide(office, { time: at('2026-11-27T17:00:00Z') })).toBe('deny');
    // One hour earlier in summer.
    expect(decide(office, { time: at('2026-07-31T06:00:00Z') })).toBe('allow');
    const night = [{ name: 'a', when: { time: { days: ['fri'], from: '22:00', to: '06:00' } }, effect: 'allow' }];
    expect(decide(night, { time: at('2026-11-27T23:00:00Z') })).toBe('allow');
    expect(decide(night, { time: at('2026-11-28T05:59:00Z') })).toBe('allow');
    expect(decide(night, { time: at('2026-11-27T05:59:00Z') })).toBe('deny');
    expect(decide(night, { time: at('2026-11-28T06:00:00Z') })).toBe('deny');
  });

  it('know addresses, lists, assets, chains and fees', () => {
    const allow = (when: object): readonly object[] => [{ name: 'a', when, effect: 'allow' }];
    expect(decide(allow({ to: { addresses: ['x'], lists: ['suppliers'] } }))).toBe('allow');
    expect(decide(allow({ to: { lists: ['suppliers'] } }), { to: 'y' })).toBe('deny');
    expect(decide(allow({ assets: ['0xdac1'] }))).toBe('deny');
    expect(decide(allow({ chains: ['bitcoin:main'] }))).toBe('deny');
    expect(decide(allow({ fee: { to: '99' } }))).toBe('deny');
    expect(decide(allow({ fee: { to: '100' } }))).toBe('allow');
    // A token transfer whose fee nobody limits could burn the wallet.
    expect(decide(allow({}), { asset: '0xdac1' })).toBe('deny');
    expect(decide(allow({ fee: { to: '100' } }), { asset: '0xdac1' })).toBe('allow');
  });

  it('end at the first that fits', () => {
    expect(
      decide([
        { name: 'a', effect: 'deny' },
        { name: 'b', effect: 'allow' },
      ]),
    ).toBe('deny');
    expect(
      decide([
        { name: 'a', when: { fee: { from: '101' } }, effect: 'deny' },
        { name: 'b', effect: 'allow' },
      ]),
    ).toBe('allow');
  });

  it('count nobody in two groups, and find places for all who can have one', () => {
    const policy = parseApprovalPolicy(
      policyJson({
        rules: [
          {
            name: 'a',
            effect: {
              approvals: [
                { roles: ['director'], count: 1 },
                { roles: ['treasurer'], count: 1 },
              ],
              fourEyes: false,
            },
          },
        ],
      }),
    );
    const by = (...actors: readonly string[]): string =>
      decidePayment(
        policy,
        { payment: payment('01', 1n), initiator: 'ann' },
        { time: 100, approvals: actors.map((actor) => ({ actor, time: 50 })), released: [] },
      ).kind;
    expect(by('kim')).toBe('wait');
    expect(by('kim', 'kim')).toBe('wait');
    expect(by('kim', 'bob')).toBe('allow');
    expect(by('kim', 'ann')).toBe('allow');
    expect(by('bob', 'kim')).toBe('allow');
    expect(by('bob')).toBe('wait');
  });

  it('wait for a delay, and forget approvals that are old', () => {
    const policy = parseApprovalPolicy(
      policyJson({
        rules: [
          {
            name: 'a',
            effect: { approvals: [{ roles: ['director'], count: 1 }], delaySeconds: 60, expirySeconds: 600 },
          },
        ],
      }),
    );
    const at = (time: number): unknown =>
      decidePayment(
        policy,
        { payment: payment('01', 1n), initiator: 'ann' },
        { time, approvals: [{ actor: 'bob', time: 1_000 }], released: [] },
      );
    expect(at(1_059)).toMatchObject({ kind: 'wait', from: 1_060 });
    expect(at(1_060)).toMatchObject({ kind: 'allow', approvedBy: ['bob'] });
    expect(at(1_599)).toMatchObject({ kind: 'allow' });
    expect(at(1_600)).toMatchObject({ kind: 'wait', from: undefined });
  });

  it.for([
    ['', 'a policy of nothing', undefined],
    ['rules.0.name', 'a rule without name', { rules: [{ effect: 'allow' }] }],
    ['rules.0.when', 'an unknown word', { rules: [{ name: 'a', when: { amont: {} }, effect: 'allow' }] }],
    [
      'rules.0.when.to.lists',
      'an unknown list',
      { rules: [{ name: 'a', when: { to: { lists: ['x'] } }, effect: 'allow' }] },
    ],
    [
      'rules.0.when.initiators.roles',
      'an unknown role',
      { rules: [{ name: 'a', when: { initiators: { roles: ['x'] } }, effect: 'allow' }] },
    ],
    [
      'rules.0.effect.approvals.0.count',
      'too small a group',
      { rules: [{ name: 'a', effect: { approvals: [{ roles: ['director'], count: 3 }] } }] },
    ],
    [
      'rules',
      'two rules of one name',
      {
        rules: [
          { name: 'a', effect: 'deny' },
          { name: 'a', effect: 'allow' },
        ],
      },
    ],
    [
      'rules.0.when.amount.to',
      'an amount as a number',
      { rules: [{ name: 'a', when: { amount: { to: 5 } }, effect: 'allow' }] },
    ],
    [
      'rules.0.when.time.timeZone',
      'a time zone that is none',
      { rules: [{ name: 'a', when: { time: { timeZone: 'Mars/X' } }, effect: 'allow' }] },
    ],
  ] as const)('say where they are wrong: %s, %s', ([path, , more]) => {
    try {
      parseApprovalPolicy(more === undefined ? undefined : policyJson(more));
      expect.fail('parsed');
    } catch (error) {
      expect(error).toMatchObject({ code: 'WALLET_POLICY_INVALID', details: { path } });
    }
  });
});
