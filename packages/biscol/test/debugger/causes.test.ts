import { concatBytes, currentCrypto, feeRate, loadCrypto, satoshis } from '@bitcoin-enterprise/core';
import {
  after,
  and,
  completeTransition,
  defineContract,
  instantiate,
  olderSeconds,
  party,
  pay,
  pk,
  planTransition,
  rest,
  to,
} from '@bitcoin-enterprise/biscol';
import { debugSpend } from '@bitcoin-enterprise/biscol/debugger';
import {
  assemble,
  checkTemplateHash,
  consensusFlags,
  encodeDerSignature,
  serializeTransaction,
  Sighasher,
  type SpentOutput,
  taprootOutput,
  type Transaction,
} from '@bitcoin-enterprise/script';
import { beforeAll, describe, expect, it } from 'vitest';
import { personOf, secretOf } from '../support/people.ts';
import { signPlan } from '../support/sign-plan.ts';

beforeAll(async () => {
  await loadCrypto();
});

const NOTHING = new Uint8Array(0);
const inputOf = (fill: number, sequence = 0xffff_fffd) => ({
  previousTxid: new Uint8Array(32).fill(fill),
  previousIndex: 0,
  scriptSig: NOTHING,
  sequence,
  witness: [] as Uint8Array[],
});
const payTo = (fill: number, value: bigint) => ({
  value,
  scriptPubKey: Uint8Array.of(0x51, 32, ...new Uint8Array(32).fill(fill)),
});

describe('a template of BIP119 whose contract nobody knows', () => {
  const allowed: Transaction = {
    version: 2,
    inputs: [inputOf(1), inputOf(2)],
    outputs: [payTo(3, 10_000n), payTo(4, 20_000n)],
    lockTime: 0,
  };
  const internalKey = (): Uint8Array => (currentCrypto().publicKey(secretOf(1)) as Uint8Array).subarray(1);

  it.for([
    ['version', (tx: Transaction) => ({ ...tx, version: 3 })],
    ['lock-time', (tx: Transaction) => ({ ...tx, lockTime: 5 })],
    [
      'sequence',
      (tx: Transaction) => ({
        ...tx,
        inputs: tx.inputs.map((one) => ({ ...one, sequence: one.sequence - (one === tx.inputs[0] ? 9 : 0) })),
      }),
    ],
    ['output', (tx: Transaction) => ({ ...tx, outputs: tx.outputs.toReversed() })],
    ['output-count', (tx: Transaction) => ({ ...tx, outputs: [...tx.outputs, payTo(5, 1n)] })],
    ['input-count', (tx: Transaction) => ({ ...tx, inputs: [...tx.inputs, inputOf(8)] })],
  ] as const)('names the %s that differs', ([field, change]) => {
    const template = checkTemplateHash(allowed, 0);
    const taproot = taprootOutput({
      internalKey: internalKey(),
      tree: { script: assemble([template, 'OP_CHECKTEMPLATEVERIFY']) },
    });
    const spent = (count: number): SpentOutput[] =>
      Array.from({ length: count }, () => ({ value: 50_000n, scriptPubKey: taproot.scriptPubKey }));
    const { script, controlBlock } = taproot.leaves[0] as NonNullable<(typeof taproot.leaves)[0]>;
    const spend = (tx: Transaction) => {
      const inputs = tx.inputs.map((one) => ({ ...one, witness: [script, controlBlock] }));
      const flags = [...consensusFlags, 'CHECKTEMPLATEVERIFY'] as const;
      return debugSpend({
        tx: { ...tx, inputs },
        inputIndex: 0,
        spentOutputs: spent(tx.inputs.length),
        taproot,
        flags,
      });
    };

    expect(spend(allowed).diagnosis).toBeUndefined();
    expect(spend(change(allowed)).diagnosis).toMatchObject({ cause: 'template-mismatch', fields: [field] });
  });
});

describe('locks of time', () => {
  const timed = defineContract({
    name: 'timed',
    params: { ann: party() },
    states: {
      open: {
        paths: ({ ann }) => ({ old: and(pk(ann), olderSeconds(5_120)), late: and(pk(ann), after(1_800_000_000)) }),
      },
    },
    transitions: {
      old: { from: 'open', by: 'old', outputs: ({ ann }) => [pay(ann, rest)] },
      late: { from: 'open', by: 'late', outputs: ({ ann }) => [pay(ann, rest)] },
    },
    funding: () => [to('open', { amount: satoshis(50_000n) })],
  });
  const instance = () => instantiate(timed, { network: 'regtest', params: { ann: personOf(1) } });
  const cell = { state: 'open', data: {}, value: satoshis(50_000n), txid: new Uint8Array(32).fill(3), index: 0 };

  async function spend(transition: 'old' | 'late', medianTime: number) {
    const plan = planTransition(instance(), transition, { cells: [cell], feeRate: feeRate(1_000n) });
    const tx = completeTransition(plan, await signPlan(plan));
    const chain = { height: 500, medianTime, outputs: [{ height: 490, medianTime: 1_700_000_000 }] };
    // The output of the funding is found by its script.
    return debugSpend({ tx, inputIndex: 0, spentOutputs: plan.spentOutputs, instance: instance(), chain }).diagnosis;
  }

  it('wait for the median time of the best block: above the lock', async () => {
    expect(await spend('late', 1_800_000_000)).toMatchObject({
      cause: 'too-early',
      clause: 'after(1800000000)',
      worksFrom: { medianTime: 1_800_000_001 },
    });
    expect(await spend('late', 1_800_000_001)).toBeUndefined();
  });

  it('count an age from the block before that of the output', async () => {
    expect(await spend('old', 1_700_005_119)).toMatchObject({
      cause: 'too-early',
      clause: 'older(4194314)',
      worksFrom: { medianTime: 1_700_005_120, ageSeconds: 5_120 },
    });
    expect(await spend('old', 1_700_005_120)).toBeUndefined();
  });
});

it('a sequence that is no lock is none of seconds either', async () => {
  const old = defineContract({
    name: 'old',
    params: { ann: party() },
    states: { open: { paths: ({ ann }) => ({ go: and(pk(ann), olderSeconds(512)) }) } },
    transitions: { go: { from: 'open', by: 'go', outputs: ({ ann }) => [pay(ann, rest)] } },
    funding: () => [to('open', { amount: satoshis(50_000n) })],
  });
  const instance = instantiate(old, { network: 'regtest', params: { ann: personOf(1) } });
  const cell = { state: 'open', data: {}, value: satoshis(50_000n), txid: new Uint8Array(32).fill(3), index: 0 };
  const plan = planTransition(instance, 'go', { cells: [cell], feeRate: feeRate(1_000n) });
  const unlocked = { ...plan.tx, inputs: plan.tx.inputs.map((one) => ({ ...one, sequence: 0xffff_fffe })) };
  const bytes = serializeTransaction(unlocked, { witness: false });
  const other = { ...plan, tx: unlocked, bytes };
  const tx = completeTransition(other, await signPlan(other));
  const { diagnosis } = debugSpend({ tx, inputIndex: 0, spentOutputs: plan.spentOutputs, instance, cell });
  expect(diagnosis).toMatchObject({ cause: 'sequence-not-set', worksFrom: { ageSeconds: 512 } });
});

describe('signatures before Taproot', () => {
  const setup = () => {
    const crypto = currentCrypto();
    const key = crypto.publicKey(secretOf(1)) as Uint8Array;
    const script = assemble(['OP_DUP', 'OP_HASH160', crypto.hash160(key), 'OP_EQUALVERIFY', 'OP_CHECKSIG']);
    const scriptPubKey = assemble([0, crypto.hash160(key)]);
    const tx: Transaction = { version: 2, inputs: [inputOf(1), inputOf(2)], outputs: [payTo(3, 1_000n)], lockTime: 0 };
    const spentOutputs = [
      { value: 5_000n, scriptPubKey },
      { value: 6_000n, scriptPubKey },
    ];
    const sign = (at: number): Uint8Array => {
      const value = (spentOutputs[at] as SpentOutput).value;
      const digest = new Sighasher({ tx, spentOutputs }).witnessV0(at, { scriptCode: script, value });
      return concatBytes(encodeDerSignature(crypto.ecdsaSign(digest, secretOf(1)) as Uint8Array), Uint8Array.of(1));
    };
    const spend = (signature: Uint8Array) => {
      const inputs = tx.inputs.map((one) => ({ ...one, witness: [signature, key] }));
      return debugSpend({ tx: { ...tx, inputs }, inputIndex: 0, spentOutputs });
    };
    return { sign, spend };
  };

  it('of another input are named so', () => {
    const { sign, spend } = setup();
    expect(spend(sign(0)).diagnosis).toBeUndefined();
    expect(spend(sign(1)).diagnosis).toMatchObject({ cause: 'signature-of-another-message', differs: ['input'] });
  });

  it('have steps with the states before and after, the last one too', () => {
    const { sign, spend } = setup();
    expect(spend(sign(0)).steps.at(-1)?.after?.stack).toEqual([Uint8Array.of(1)]);
    expect(spend(sign(1)).steps.at(-1)?.after?.stack).toEqual([NOTHING]);
  });
});

describe('transactions of many inputs', () => {
  it('are looked into in time that grows with them, not with their square', () => {
    const crypto = currentCrypto();
    const internalKey = (crypto.publicKey(secretOf(1)) as Uint8Array).subarray(1);
    const { scriptPubKey } = taprootOutput({ internalKey });
    const took = (count: number): number => {
      const inputs = Array.from({ length: count }, (_, at) => ({
        ...inputOf(1),
        previousIndex: at,
        witness: [new Uint8Array(64).fill(7)],
      }));
      const tx: Transaction = { version: 2, inputs, outputs: [payTo(3, 1_000n)], lockTime: 0 };
      const spentOutputs = inputs.map(() => ({ value: 5_000n, scriptPubKey }));
      const begin = performance.now();
      const { diagnosis } = debugSpend({ tx, inputIndex: 1, spentOutputs, taproot: taprootOutput({ internalKey }) });
      expect(diagnosis?.cause).toBe('wrong-signature');
      return performance.now() - begin;
    };
    took(50);
    const [few, many] = [took(200), took(2_000)];
    expect(many / few).toBeLessThan(40);
  });
});
