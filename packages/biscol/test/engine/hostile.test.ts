import { createEmbeddedChain, mempoolProfile } from '@bitcoin-enterprise/chain';
import { feeRate, loadCrypto, satoshis } from '@bitcoin-enterprise/core';
import {
  type ContractEngine,
  type ContractInstance,
  createEngine,
  type EngineOptions,
  fundingOutputs,
  instantiate,
  type InstanceView,
  outpointOf,
  type PartyMessage,
  planTransition,
  withSignatures,
} from '@bitcoin-enterprise/biscol';
import { escrow } from '@bitcoin-enterprise/biscol/contracts';
import { createMemoryStore } from '@bitcoin-enterprise/events';
import { memoryDigestSigner, parsePsbt, psbtToBase64, updatePsbtOutput } from '@bitcoin-enterprise/wallet';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { codeOfPromise } from '../support/code-of.ts';
import { personOf, ringOf, scriptOf } from '../support/people.ts';
import { signPlan } from '../support/sign-plan.ts';

beforeAll(async () => {
  await loadCrypto();
});

const instanceOf = (nonce = 'one'): ContractInstance<typeof escrow> =>
  instantiate(escrow, {
    network: 'regtest',
    params: { buyer: personOf(1), seller: personOf(2), arbiter: personOf(3), price: 100_000n, patience: 6 },
    nonce,
  });

interface Desk {
  readonly engine: ContractEngine;
  readonly id: string;
  readonly instance: ContractInstance;
  readonly outpoint: { readonly txid: Uint8Array; readonly index: number };
}

/** The arbiter's engine, with an escrow that is funded; the others are hostile. */
async function deskOf(
  options: Partial<EngineOptions> = {},
  chain = createEmbeddedChain({ policy: mempoolProfile('core-31') }),
): Promise<Desk> {
  const engine = createEngine({
    store: createMemoryStore(),
    chain: chain.ports,
    network: 'regtest',
    contracts: [escrow],
    keys: memoryDigestSigner(ringOf(3)),
    consent: () => 'sign',
    ...options,
  });
  const instance = instanceOf();
  const id = await engine.open(instance, { nonce: 'one' });
  const [funding] = fundingOutputs(instance);
  const outpoint = chain.fund(funding?.output.scriptPubKey as Uint8Array, satoshis(100_000n));
  await engine.fund(id, [outpointOf(outpoint)]);
  return { engine, id, instance, outpoint };
}

/** What the seller proposes: the arbiter's award to the seller, signed by the seller. */
async function proposalOf({ id, instance, outpoint }: Desk, rate = 2_000n): Promise<PartyMessage> {
  const plan = planTransition(instance, 'awardSeller', {
    cells: [{ state: 'funded', data: {}, value: satoshis(100_000n), ...outpoint }],
    feeRate: feeRate(rate),
  });
  const signatures = await signPlan(plan, { without: [1, 3] });
  return {
    type: 'biscol/execution',
    version: 1,
    instance: id,
    execution: 'award',
    transition: 'awardSeller',
    cells: [outpointOf(outpoint)],
    args: {},
    feeRate: String(rate),
    attempt: 0,
    psbt: psbtToBase64(withSignatures(plan, signatures)),
  };
}

let desk: Desk;
let before: InstanceView;

beforeEach(async () => {
  desk = await deskOf();
  before = await desk.engine.state(desk.id);
});

async function refused(message: unknown, code: string): Promise<void> {
  expect(await codeOfPromise(desk.engine.receive(message))).toEqual(code);
  expect(await desk.engine.state(desk.id)).toEqual(before);
}

describe('a hostile party', () => {
  it('is heard when it is honest', async () => {
    await desk.engine.receive(await proposalOf(desk));

    expect((await desk.engine.state(desk.id)).executions['award']?.status).toBe('sending');
  });

  it('sends a PSBT that is none', async () => {
    const message = await proposalOf(desk);
    for (const psbt of [
      '',
      'AAAA',
      'cHNidP8=',
      message.psbt.slice(0, -8),
      `${message.psbt.slice(0, 60)}////${message.psbt.slice(64)}`,
    ])
      await refused(
        { ...message, psbt },
        expect.stringMatching(/^(?:WALLET_PSBT|BISCOL_PSBT|BISCOL_MESSAGE|WALLET_INVALID)/) as never,
      );
  });

  it('sends the PSBT of a transaction that pays itself', async () => {
    const message = await proposalOf(desk);
    const changed = updatePsbtOutput({ ...parsePsbt(message.psbt), modifiable: 3 }, 0, {});
    const stolen = { ...changed, outputs: [{ ...changed.outputs[0], scriptPubKey: scriptOf(9) }] };
    await refused({ ...message, psbt: psbtToBase64(stolen as never) }, 'BISCOL_PSBT_MISMATCH');
  });

  it('sends amounts that do not add up', async () => {
    const message = await proposalOf(desk);
    const psbt = parsePsbt(message.psbt);
    for (const value of [0n, 99_000n, 100_001n, 2_100_000_000_000_000n]) {
      const other = { ...psbt, outputs: psbt.outputs.map((output) => ({ ...output, value })) };
      await refused({ ...message, psbt: psbtToBase64(other) }, 'BISCOL_PSBT_MISMATCH');
    }
  });

  it('sends the signature of another instance', async () => {
    const message = await proposalOf(desk);
    const other = await proposalOf(await deskOf());
    const foreign = parsePsbt(other.psbt);
    const own = parsePsbt(message.psbt);
    const mixed = {
      ...own,
      inputs: own.inputs.map((input) => ({
        ...input,
        tapScriptSignatures: foreign.inputs[0]?.tapScriptSignatures.map((one) => ({
          ...one,
          signature: Uint8Array.from(one.signature, (byte, at) => (at === 40 ? byte ^ 1 : byte)),
        })),
      })),
    };
    await refused({ ...message, psbt: psbtToBase64(mixed as never) }, 'BISCOL_SIGNATURE_INVALID');
  });

  it('names an instance, an output or a transition that is not there', async () => {
    const message = await proposalOf(desk);
    await refused({ ...message, instance: 'ab'.repeat(16) }, 'BISCOL_INSTANCE_UNKNOWN');
    await refused({ ...message, cells: [`${'00'.repeat(32)}:0`] }, 'BISCOL_TRANSITION_IMPOSSIBLE');
    await refused({ ...message, cells: ['__proto__'] }, 'BISCOL_TRANSITION_IMPOSSIBLE');
    await refused({ ...message, transition: 'steal' }, 'BISCOL_INVALID_ARGUMENT');
    await refused({ ...message, transition: '__proto__' }, 'BISCOL_INVALID_ARGUMENT');
    await refused({ ...message, args: { toBuyer: '1' } }, 'BISCOL_VALUE_INVALID');
    await refused({ ...message, signers: ['nobody'] }, 'BISCOL_INVALID_ARGUMENT');
  });

  it('asks for an absurd fee', async () => {
    const message = await proposalOf(desk);
    await refused({ ...message, feeRate: '600000000' }, 'BISCOL_AMOUNTS_MISMATCH');
    await refused({ ...message, feeRate: '550000' }, 'BISCOL_GAS_LIMIT');
    await refused({ ...message, feeRate: '-1' }, 'BISCOL_MESSAGE_INVALID');
    await refused({ ...message, feeRate: '1e9' }, 'BISCOL_MESSAGE_INVALID');
  });

  it('sends messages that are none', async () => {
    const message = await proposalOf(desk);
    for (const wrong of [
      null,
      'text',
      [],
      { ...message, version: 2 },
      { ...message, attempt: -1 },
      { ...message, attempt: 2 ** 40 },
      { ...message, execution: '../x' },
      { ...message, cells: [] },
      { ...message, cells: [1] },
      { ...message, psbt: 'A'.repeat(300_000) },
    ])
      await refused(wrong, 'BISCOL_MESSAGE_INVALID');
  });

  it('cannot fill the record with proposals', async () => {
    const patient = await deskOf({ consent: () => 'ask' });
    const message = await proposalOf(patient);
    for (let place = 0; place < 100; place++) await patient.engine.receive({ ...message, execution: `award-${place}` });
    expect(Object.keys((await patient.engine.state(patient.id)).executions)).toEqual(['award-0']);

    for (let place = 1; place < 100; place++)
      await patient.engine.receive({
        ...(await proposalOf(patient, 2_000n + 10n * BigInt(place))),
        execution: `other-${place}`,
      });

    expect(Object.keys((await patient.engine.state(patient.id)).executions)).toHaveLength(100);
    const last = await proposalOf(patient, 9_000n);
    expect(await codeOfPromise(patient.engine.receive({ ...last, execution: 'one-too-many' }))).toBe(
      'BISCOL_MESSAGE_INVALID',
    );
  });

  it.for(['constructor', '__proto__', 'toString', 'one too many'])('cannot name an execution %s', async (execution) => {
    const refusing = await deskOf({ consent: () => 'refuse' });
    const message = await proposalOf(refusing);

    expect(await codeOfPromise(refusing.engine.receive({ ...message, execution }))).toBe('BISCOL_MESSAGE_INVALID');
    expect(await codeOfPromise(refusing.engine.execute(refusing.id, 'awardSeller', {}, { key: execution }))).toBe(
      'BISCOL_INVALID_ARGUMENT',
    );
    expect((await refusing.engine.state(refusing.id)).executions).toEqual({});
  });

  it.for(['refuse', 'ask'] as const)('cannot take the name of what a party does by itself (%s)', async (consent) => {
    const chain = createEmbeddedChain({ policy: mempoolProfile('core-31') });
    const seller = await deskOf(
      {
        chain: chain.ports,
        keys: memoryDigestSigner(ringOf(1)),
        dutiesOf: ['buyer'],
        consent: () => consent,
        pollMs: 5,
      },
      chain,
    );
    const { engine, instance, outpoint } = seller;
    const [txid = '', index = ''] = outpointOf(outpoint).split(':');
    const plan = planTransition(instance, 'refund', {
      cells: [{ state: 'funded', data: {}, value: satoshis(100_000n), ...outpoint }],
      feeRate: feeRate(1_000n),
    });
    const message: PartyMessage = {
      ...(await proposalOf(seller)),
      transition: 'refund',
      execution: `duty-refund-${txid.slice(0, 16)}-${index}`,
      feeRate: '1000',
      psbt: psbtToBase64(withSignatures(plan, new Map())),
    };
    const stop = new AbortController();
    const working = engine.work({ signal: stop.signal });
    await engine.receive(message);
    chain.mine(8);
    for (let tries = 0; tries < 1_000 && chain.mempool().length === 0; tries++)
      await new Promise((resolve) => setTimeout(resolve, 5));

    expect(chain.mempool()).toHaveLength(1);
    stop.abort();
    await working;
  });
});

describe('a caller', () => {
  it('cannot open an instance of another network', async () => {
    const instance = instantiate(escrow, {
      network: 'main',
      params: { buyer: personOf(1), seller: personOf(2), arbiter: personOf(3), price: 100_000n, patience: 6 },
    });

    expect(await codeOfPromise(desk.engine.open(instance))).toBe('BISCOL_INVALID_ARGUMENT');
  });

  it('cannot name an output that pays something else', async () => {
    const other = instanceOf('two');
    const id = await desk.engine.open(other, { nonce: 'two' });
    const chain = createEmbeddedChain();
    const wrong = chain.fund(scriptOf(5), satoshis(100_000n));

    // Unknown to this chain: expected; known and wrong: refused.
    expect(await codeOfPromise(desk.engine.fund(id, ['nonsense']))).toBe('BISCOL_INVALID_ARGUMENT');
    expect(await codeOfPromise(desk.engine.fund(id, [outpointOf(wrong), outpointOf(wrong)]))).toBe(
      'BISCOL_INVALID_ARGUMENT',
    );
  });

  it.for([
    [{ maxWeight: 400 }, 'maxWeight'],
    [{ maxFee: 100n }, 'maxFee'],
    [{ maxFeeRate: 1_000n }, 'maxFeeRate'],
  ] as const)('has limits: $1', async ([limits, limit]) => {
    const both = await deskOf({ keys: memoryDigestSigner(ringOf(2, 3)) });
    const wanted = both.engine.execute(both.id, 'awardSeller', {}, { feeRate: feeRate(2_000n), limits });

    await expect(wanted).rejects.toMatchObject({ code: 'BISCOL_GAS_LIMIT', details: { limit } });
    expect((await both.engine.state(both.id)).executions).toEqual({});
  });

  it('is not let past a gate that refuses, fails, or answers nonsense', async () => {
    const answers = [
      async () => ({ decision: 'refuse', reasons: [{ code: 'SANCTIONED', text: '' }], gate: 'test/1' }) as const,
      async () => ({ decision: 'sure', reasons: [], gate: 'test/1' }) as never,
      async () => undefined as never,
      async () => ({ decision: 'refuse', reasons: [null], gate: 'test/1' }) as never,
      async () => {
        throw new Error('the gate is away');
      },
    ];
    for (const judge of answers) {
      const gated = await deskOf({ keys: memoryDigestSigner(ringOf(2, 3)), gate: { judge } });
      await expect(gated.engine.execute(gated.id, 'awardSeller')).rejects.toThrow(
        /SANCTIONED|GATE_ANSWER_INVALID|the compliance gate to answer/,
      );
      const { executions } = await gated.engine.state(gated.id);
      expect(Object.values(executions).every(({ status, tx }) => status === 'refused' && tx === undefined)).toBe(true);
    }
  });

  it.for([
    [{ maxWeight: Number.NaN }],
    [{ maxFee: 'abc' }],
    [{ maxFee: Number.NaN }],
    [{ maxFeeRate: 5 }],
    [5],
    [null],
  ])('has no limits that are none: %j', async ([limits]) => {
    const both = await deskOf({ keys: memoryDigestSigner(ringOf(2, 3)) });

    expect(await codeOfPromise(both.engine.execute(both.id, 'awardSeller', {}, { limits: limits as never }))).toBe(
      'BISCOL_INVALID_ARGUMENT',
    );
    expect((await both.engine.state(both.id)).executions).toEqual({});
  });

  it('keeps the limits of the engine where its own are undefined', async () => {
    const both = await deskOf({ keys: memoryDigestSigner(ringOf(2, 3)), limits: { maxFeeRate: undefined } as never });

    expect(await codeOfPromise(both.engine.execute(both.id, 'awardSeller', {}, { feeRate: feeRate(550_000n) }))).toBe(
      'BISCOL_GAS_LIMIT',
    );
  });

  it.for([
    async () => ({ of: ['boss'], count: 1 }),
    () => ({ of: ['boss'] }),
    () => ({ of: ['boss'], count: Number.NaN }),
    () => ({ of: ['boss'], count: 'two' }),
    () => null,
  ])('is not let past a rule of approvals that is unclear', async (approvals) => {
    const both = await deskOf({ keys: memoryDigestSigner(ringOf(2, 3)), approvals: approvals as never });

    expect(await codeOfPromise(both.engine.execute(both.id, 'awardSeller'))).toBe('BISCOL_INVALID_ARGUMENT');
    expect((await both.engine.state(both.id)).executions).toEqual({});
  });

  it('does not get another execution for a name that it has used', async () => {
    const both = await deskOf({ keys: memoryDigestSigner(ringOf(2, 3)) });
    const { engine, id } = both;
    const first = await engine.execute(id, 'awardSeller', {}, { key: 'award', hold: true });

    expect(await engine.execute(id, 'awardSeller', {}, { key: 'award' })).toEqual(first);
    expect(await codeOfPromise(engine.execute(id, 'refund', {}, { key: 'award' }))).toBe('BISCOL_INVALID_ARGUMENT');
    const kept = await engine.execute(id, 'awardSeller', {}, { hold: true });
    await engine.abandon(id, kept.id);
    const again = await engine.execute(id, 'awardSeller');
    expect([again.id, again.status]).toEqual([`${kept.id}.2`, 'sending']);
  });

  it('has to wait for those who approve', async () => {
    const guarded = await deskOf({
      keys: memoryDigestSigner(ringOf(2, 3)),
      approvals: () => ({ of: ['ann', 'bob', 'cat'], count: 2 }),
    });
    const { engine, id } = guarded;
    const { id: execution, status } = await engine.execute(id, 'awardSeller', {}, { key: 'award' });
    expect(status).toBe('waiting');

    expect(await codeOfPromise(engine.approve(id, execution, { by: 'eve' }))).toBe('BISCOL_INVALID_ARGUMENT');
    await engine.approve(id, execution, { by: 'ann' });
    expect(await codeOfPromise(engine.approve(id, execution, { by: 'ann' }))).toBe('BISCOL_EXECUTION_STATE');
    expect((await engine.state(id)).executions[execution]?.status).toBe('waiting');
    await engine.approve(id, execution, { by: 'bob' });

    expect((await engine.state(id)).executions[execution]?.status).toBe('sending');
  });

  it('can keep a transaction back, and give it up or send it', async () => {
    const both = await deskOf({ keys: memoryDigestSigner(ringOf(2, 3)) });
    const { engine, id } = both;
    const { status } = await engine.execute(id, 'awardSeller', {}, { key: 'award', hold: true });
    expect(status).toBe('held');

    await engine.release(id, 'award');
    expect((await engine.state(id)).executions['award']?.status).toBe('sending');
    expect(await codeOfPromise(engine.abandon(id, 'award'))).toBe('BISCOL_EXECUTION_STATE');
    expect(await codeOfPromise(engine.release(id, 'award'))).toBe('BISCOL_EXECUTION_STATE');
  });
});
