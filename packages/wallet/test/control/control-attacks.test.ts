import { concatBytes, loadCrypto } from '@bitcoin-enterprise/core';
import { createMemoryStore, type EventStore } from '@bitcoin-enterprise/events';
import { taprootOutput } from '@bitcoin-enterprise/script';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  approvePayment,
  approvePolicy,
  controlledSigner,
  createControl,
  decidePayment,
  type Payment,
  paymentOfPsbt,
  parseApprovalPolicy,
  rejectPayment,
} from '../../src/control/index.ts';
import { createKeyRing, createPsbt, memoryDigestSigner, memorySigner, type Psbt, psbtSigner } from '../../src/index.ts';
import { codeOf, payment, people, policyJson, scene } from './support/scene.ts';

beforeAll(async () => {
  await loadCrypto();
});

describe('a transaction under control', () => {
  const ring = () => createKeyRing({ secretKeys: [new Uint8Array(32).fill(7)] });
  const publicKey = (): Uint8Array => ring().publicKeys[0] as Uint8Array;
  const own = (): Uint8Array => taprootOutput({ internalKey: publicKey().subarray(1) }).scriptPubKey;
  const strange = Uint8Array.of(0x51, 0x20, ...new Uint8Array(32).fill(1));
  const spending = (value: bigint, outputs: readonly object[] = [{ value: 50_000n, scriptPubKey: strange }]): Psbt =>
    createPsbt({
      inputs: [
        {
          previousTxid: new Uint8Array(32).fill(3),
          previousIndex: 0,
          witnessUtxo: { value, scriptPubKey: own() },
          tapInternalKey: publicKey().subarray(1),
        },
      ],
      outputs: outputs as { readonly value: bigint }[],
    });
  const context = {
    network: 'regtest',
    isOwn: (script: Uint8Array) => script.every((byte, i) => byte === own()[i]),
  } as const;
  const policy = policyJson({ rules: [{ name: 'small', when: { amount: { to: '100000' } }, effect: 'allow' }] });

  it('was approved with its fee: the same outputs of a larger coin are not', async () => {
    const { control } = await scene(policy);
    // Ids of transactions say nothing of amounts that are spent.
    const lie = await paymentOfPsbt(spending(51_000n), context);
    await control.request({ payment: lie, initiator: 'ann' });
    const signer = controlledSigner(memorySigner(ring()), { ...context, control });
    expect(await codeOf(signer.sign(spending(1_000_000_000n)))).toBe('WALLET_NOT_APPROVED');
    expect(await codeOf(signer.sign(spending(51_000n)))).toBe('none');
  });

  it('was approved with the address of a silent payment: a script of its bytes, or another one, is not', async () => {
    const { control } = await scene(policy);
    const silentAddress = concatBytes(publicKey(), publicKey());
    const open = await paymentOfPsbt(spending(51_000n, [{ value: 50_000n, silentAddress }]), context);
    await control.request({ payment: open, initiator: 'ann' });
    const forged = spending(51_000n, [{ value: 50_000n, silentAddress, scriptPubKey: strange }]);
    const raw = spending(51_000n, [{ value: 50_000n, scriptPubKey: silentAddress }]);
    for (const inner of [memorySigner(ring()), psbtSigner(memoryDigestSigner(ring()))])
      for (const psbt of [forged, raw])
        expect(await codeOf(controlledSigner(inner, { ...context, control }).sign(psbt))).not.toBe('none');
    expect(await codeOf(paymentOfPsbt(forged, context))).toBe('WALLET_SILENT_PROOF_INVALID');
  });
});

describe('a signer under control that does not know silent payments', () => {
  it('is not believed when it signs before they have their scripts', async () => {
    const ring = createKeyRing({ secretKeys: [new Uint8Array(32).fill(7)] });
    const key = ring.publicKeys[0] as Uint8Array;
    const own = taprootOutput({ internalKey: key.subarray(1) }).scriptPubKey;
    const rules = [{ name: 'small', when: { amount: { to: '100000' } }, effect: 'allow' }];
    const { control } = await scene(policyJson({ rules }));
    const psbt = createPsbt({
      inputs: [
        {
          previousTxid: new Uint8Array(32).fill(3),
          previousIndex: 0,
          witnessUtxo: { value: 51_000n, scriptPubKey: own },
          tapInternalKey: key.subarray(1),
        },
      ],
      outputs: [{ value: 50_000n, silentAddress: concatBytes(key, key) }],
    });
    const part = { participant: key, aggregate: key };
    for (const early of [
      { tapKeySignature: new Uint8Array(64) },
      { musigPartialSignatures: [{ ...part, signature: new Uint8Array(32) }] },
    ]) {
      const inner = {
        name: 'early',
        sign: async (given: Psbt) => ({ ...given, inputs: given.inputs.map((input) => ({ ...input, ...early })) }),
      };
      const signer = controlledSigner(inner, { network: 'regtest', isOwn: () => false, control, initiator: 'ann' });
      expect(await codeOf(signer.sign(psbt))).toBe('WALLET_SIGNER_ANSWER_INVALID');
    }
  });
});

describe('a payment under a policy', () => {
  it('that is none is not put on record, where it would stand for ever', async () => {
    const { control } = await scene();
    const good = payment('01', 5n);
    const bad: readonly unknown[] = [
      undefined,
      null,
      'text',
      { ...good, fee: 1.5 },
      { ...good, fee: -1n },
      { ...good, id: 7 },
      { ...good, id: '' },
      { ...good, chain: undefined },
      { ...good, transfers: undefined },
      { ...good, transfers: [null] },
      { ...good, transfers: [{ asset: 'native', to: 'x', amount: -5n }] },
      { ...good, transfers: [{ asset: 'native', to: 'x', amount: '5' }] },
    ];
    for (const one of bad)
      expect(await codeOf(control.request({ payment: one as Payment, initiator: 'ann' }))).toBe(
        'WALLET_INVALID_ARGUMENT',
      );
    expect(await codeOf(control.request({ payment: good, initiator: 1 as unknown as string }))).toBe(
      'WALLET_INVALID_ARGUMENT',
    );
    expect(await codeOf(control.request(undefined as never))).toBe('WALLET_INVALID_ARGUMENT');
    expect(await control.payments()).toEqual([]);
  });

  it('that was let through and then rejected is signed no more, and still counts', async () => {
    const { control } = await scene();
    const one = payment('01', 99_000n);
    await control.request({ payment: one, initiator: 'ann' });
    await control.release('01');
    expect(await control.reject('01', await rejectPayment(one, 'bob', people.bob))).toMatchObject({ kind: 'deny' });
    expect(await codeOf(control.release('01'))).toBe('WALLET_NOT_APPROVED');
    expect(await control.request({ payment: payment('02', 99_000n), initiator: 'ann' })).toMatchObject({
      kind: 'wait',
    });
  });

  it('is not approved by a key that the policy has taken away', async () => {
    const { control } = await scene();
    const large = payment('01', 500_000n);
    await control.request({ payment: large, initiator: 'ann' });
    await control.approve('01', await approvePayment(large, 'bob', people.bob));
    const actors = (policyJson() as { readonly actors: readonly { readonly id: string }[] }).actors.map((actor) =>
      actor.id === 'bob' ? { ...actor, key: { algorithm: 'ed25519', publicKey: 'ab'.repeat(32) } } : actor,
    );
    const next = policyJson({ actors });
    const change = { policy: next, replaces: (await control.policy()).digest };
    await control.changePolicy(next, [
      await approvePolicy(change, 'bob', people.bob),
      await approvePolicy(change, 'kim', people.kim),
    ]);
    expect(await control.decide('01')).toMatchObject({ kind: 'wait' });
  });

  it('is not signed by whoever asks a third time while receipts cannot be issued', async () => {
    const { control, receipts } = await scene();
    await control.request({ payment: payment('01', 1_000n), initiator: 'ann' });
    receipts.issue = async () => {
      throw new Error('the log is down');
    };
    for (let tries = 0; tries < 4; tries++) expect(await codeOf(control.release('01'))).toBe('Error: the log is down');
  });

  it('counts although a slow read of the store comes in late', async () => {
    const inner = createMemoryStore();
    const gates: Promise<void>[] = [];
    const store = new Proxy(inner, {
      get(target, name) {
        if (name !== 'readStream') {
          const value: unknown = Reflect.get(target, name);
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        }
        return async (...args: Parameters<EventStore['readStream']>) => {
          const events = await target.readStream(...args);
          await gates.shift();
          return events;
        };
      },
    });
    const gate = (): (() => void) => {
      let open = (): void => undefined;
      gates.push(new Promise((resolve) => (open = resolve)));
      return () => open();
    };
    const settled = async (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 5));
    const { receipts, clock } = await scene();
    const options = { wallet: 'treasury', policy: policyJson(), receipts, clock };
    const [control, other] = [
      await createControl({ ...options, store }),
      await createControl({ ...options, store: inner }),
    ];
    await other.request({ payment: payment('01', 99_000n), initiator: 'ann' });
    const openSlow = gate();
    const slow = control.decide('01');
    await settled();
    await control.release('01');
    await other.request({ payment: payment('02', 99_000n), initiator: 'ann' });
    const openSecond = gate();
    const second = codeOf(control.release('02'));
    await settled();
    const openLast = gate();
    openSlow();
    await settled();
    openSecond();
    await settled();
    openLast();
    expect(await second).toBe('WALLET_NOT_APPROVED');
    await slow;
  });
});

describe('the approval of a policy', () => {
  const lax = policyJson({ rules: [{ name: 'all', effect: 'allow' }] });

  it('is worth nothing for another wallet with the same policy', async () => {
    const { control, store, receipts } = await scene();
    const other = await createControl({ store, wallet: 'savings', policy: policyJson(), receipts });
    const change = { policy: lax, replaces: (await control.policy()).digest };
    const approvals = [await approvePolicy(change, 'bob', people.bob), await approvePolicy(change, 'kim', people.kim)];
    expect(await codeOf(other.changePolicy(lax, approvals))).toBe('WALLET_FORBIDDEN');
    expect(await codeOf(control.changePolicy(lax, approvals))).toBe('none');
  });

  it('is worth nothing when the same policy is in force a second time', async () => {
    const { control } = await scene();
    const changing = async (policy: object) => {
      const change = { policy, replaces: (await control.policy()).digest };
      return [await approvePolicy(change, 'bob', people.bob), await approvePolicy(change, 'kim', people.kim)];
    };
    const loosened = await changing(lax);
    await control.changePolicy(lax, loosened);
    await control.changePolicy(policyJson(), await changing(policyJson()));
    expect(await codeOf(control.changePolicy(lax, loosened))).toBe('WALLET_FORBIDDEN');
  });
});

describe('a rule that denies', () => {
  const TOKEN = '0xdAC17F958D2ee523a2206206994597C13D831ec7';
  const EVIL = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
  const decide = (when: object, transfers: Payment['transfers']): string => {
    const rules = [
      { name: 'no', when, effect: 'deny' },
      { name: 'yes', when: { fee: { to: '1000' } }, effect: 'allow' },
    ];
    const policy = parseApprovalPolicy(policyJson({ rules }));
    const one = { ...payment('01', 1n), transfers };
    const facts = { time: 1_700_000_000, approvals: [], released: [] };
    return decidePayment(policy, { payment: one, initiator: 'ann' }, facts).kind;
  };
  const pay = (to: string, amount: bigint, asset = 'native') => ({ asset, to, amount });

  it('denies whatever stands beside what it denies', () => {
    expect(decide({ to: { addresses: ['bcrt1qevil'] } }, [pay('bcrt1qevil', 5n), pay('bcrt1qgood', 1n)])).toBe('deny');
    expect(decide({ to: { addresses: ['bcrt1qevil'] } }, [pay('bcrt1qgood', 1n)])).toBe('allow');
    expect(decide({ assets: [TOKEN] }, [pay(EVIL, 5n, TOKEN), pay(EVIL, 1n)])).toBe('deny');
    expect(decide({ amount: { from: '1000' } }, [pay(EVIL, 5n, TOKEN), pay(EVIL, 2_000n)])).toBe('deny');
  });

  it('denies tokens without a word of the fee', () => {
    expect(decide({ assets: [TOKEN] }, [pay(EVIL, 5n, TOKEN)])).toBe('deny');
    expect(decide({}, [pay(EVIL, 5n, TOKEN)])).toBe('deny');
  });

  it('knows an address in whichever letters it is written', () => {
    expect(decide({ to: { addresses: [EVIL.toLowerCase()] } }, [pay(EVIL, 5n)])).toBe('deny');
    expect(decide({ to: { addresses: ['BCRT1QEVIL'] } }, [pay('bcrt1qevil', 5n)])).toBe('deny');
    expect(decide({ assets: [TOKEN.toLowerCase()] }, [pay(EVIL, 5n, TOKEN)])).toBe('deny');
  });
});
