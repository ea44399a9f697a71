import { feeRate, loadCrypto, satoshis, toHex } from '@bitcoin-enterprise/core';
import {
  type Cell,
  completeTransition,
  type ContractInstance,
  instantiate,
  planTransition,
  type TransitionPlan,
} from '@bitcoin-enterprise/biscol';
import { escrow, htlc, inheritance } from '@bitcoin-enterprise/biscol/contracts';
import {
  type DebugSession,
  debugSpend,
  nextStep,
  previousStep,
  renderSession,
  renderStep,
  sessionToJson,
  stepAt,
} from '@bitcoin-enterprise/biscol/debugger';
import {
  assemble,
  policyProfiles,
  traceInput,
  consensusFlags,
  type Transaction,
  type TransactionInput,
} from '@bitcoin-enterprise/script';
import { beforeAll, describe, expect, it } from 'vitest';
import { escrowParams } from '../contracts/scenarios/escrow.ts';
import { htlcParams } from '../contracts/scenarios/htlc.ts';
import { inheritanceParams } from '../contracts/scenarios/inheritance.ts';
import { keyOf, secretOf } from '../support/people.ts';
import { signPlan } from '../support/sign-plan.ts';

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

const htlcInstance = (): ContractInstance => instantiate(htlc, { network: 'regtest', params: htlcParams(100) });

async function spend(
  instance: ContractInstance,
  transition: string,
  options: { readonly cell: Cell; readonly args?: object; readonly signers?: readonly string[] },
): Promise<{ readonly plan: TransitionPlan; readonly tx: Transaction }> {
  const { cell, args, signers } = options;
  const plan = planTransition(instance, transition, {
    cells: [cell],
    feeRate: feeRate(2_000n),
    ...(args === undefined ? {} : { args: args as Record<string, unknown> }),
    ...(signers === undefined ? {} : { signers }),
  });
  return { plan, tx: completeTransition(plan, await signPlan(plan)) };
}

function witnessed(tx: Transaction, change: (witness: readonly Uint8Array[]) => readonly Uint8Array[]): Transaction {
  const [input, ...rest] = tx.inputs as [TransactionInput, ...TransactionInput[]];
  return { ...tx, inputs: [{ ...input, witness: change(input.witness) }, ...rest] };
}

const NOTHING = new Uint8Array(0);

describe('a session', () => {
  async function claimed(): Promise<DebugSession> {
    const cell = cellOf('offered');
    const { plan, tx } = await spend(htlcInstance(), 'claim', { cell, args: { secret: secretOf(41) } });
    return debugSpend({ tx, inputIndex: 0, spentOutputs: plan.spentOutputs, instance: htlcInstance(), cell });
  }

  it('of a spend that works has no diagnosis, and every step the stacks before and after', async () => {
    const { verdict, diagnosis, steps, path, clause } = await claimed();

    expect([verdict.ok, diagnosis, path]).toEqual([true, undefined, 'claim']);
    expect(clause).toMatch(/^and\(pk\(receiver\),sha256\(/);
    expect(steps.every(({ after }) => after !== undefined)).toBe(true);
    expect(steps.at(-1)?.after?.stack.map(toHex)).toEqual(['01']);
  });

  it('steps backwards through the states of its steps forwards', async () => {
    const session = await claimed();
    const forwards = [];
    for (
      let step = stepAt(session, 0), more: typeof step | undefined = step;
      more !== undefined;
      more = nextStep(session, more)
    )
      forwards.push(more);
    const backwards = [];
    for (
      let more: ReturnType<typeof nextStep> = stepAt(session, session.steps.length - 1);
      more !== undefined;
      more = previousStep(session, more)
    )
      backwards.push(more);

    expect(forwards).toEqual(session.steps);
    expect(backwards.toReversed()).toEqual(forwards);
    for (const step of session.steps) {
      const next = nextStep(session, step);
      if (next?.phase === step.phase) expect(step.after).toEqual(next.before);
    }
  });

  it('maps each step of the leaf to a fragment, a part of the clause and a line', async () => {
    const { steps, map } = await claimed();
    const own = steps.filter(({ phase }) => phase === 'tapscript');

    expect(
      own.map(({ name, fragment, clause }) => [
        name,
        map?.fragments[fragment ?? -1]?.name,
        map?.clauses[clause ?? -1]?.clause.name,
      ]),
    ).toEqual([
      ['OP_PUSHBYTES_32', 'pk_k', 'pk'],
      ['OP_CHECKSIGVERIFY', 'c', 'pk'],
      ['OP_SIZE', 'sha256', 'sha256'],
      ['OP_PUSHBYTES_1', 'sha256', 'sha256'],
      ['OP_EQUALVERIFY', 'sha256', 'sha256'],
      ['OP_SHA256', 'sha256', 'sha256'],
      ['OP_PUSHBYTES_32', 'sha256', 'sha256'],
      ['OP_EQUAL', 'sha256', 'sha256'],
    ]);
    expect(own.every(({ clause }) => map?.clauses[clause ?? -1]?.source?.file.endsWith('contracts/htlc.ts'))).toBe(
      true,
    );
  });

  it('says what each opcode did as the interpreter does, also the last one', () => {
    const scripts = [
      ['OP_1', 'OP_2', 'OP_ADD'],
      ['OP_1', 'OP_TOALTSTACK', 'OP_FROMALTSTACK'],
      ['OP_0', 'OP_NOT'],
      ['OP_1', 'OP_DUP', 'OP_BOOLAND'],
      ['OP_3', 'OP_2', 'OP_1', 'OP_ROT'],
      ['OP_1', 'OP_IF', 'OP_1', 'OP_ENDIF'],
      ['OP_1', 'OP_NOP'],
      ['OP_2', 'OP_SHA256'],
    ] as const;
    for (const parts of scripts) {
      const optionsOf = (scriptPubKey: Uint8Array) => ({
        tx: {
          version: 2,
          inputs: [
            { previousTxid: new Uint8Array(32), previousIndex: 0, scriptSig: NOTHING, sequence: 0, witness: [] },
          ],
          outputs: [{ value: 1n, scriptPubKey: NOTHING }],
          lockTime: 0,
        },
        inputIndex: 0,
        spentOutputs: [{ value: 2n, scriptPubKey }],
      });
      const { steps } = debugSpend(optionsOf(assemble(parts)));
      // With a step behind it the interpreter tells the state itself.
      const longer = traceInput({ ...optionsOf(assemble([...parts, 'OP_NOP'])), flags: consensusFlags });
      expect(steps.at(-1)?.after?.stack.map(toHex), parts.join(' ')).toEqual(longer.steps.at(-1)?.stack.map(toHex));
    }
  });

  it('keeps as many steps as it is told to, and counts the rest', async () => {
    const cell = cellOf('offered');
    const { plan, tx } = await spend(htlcInstance(), 'claim', { cell, args: { secret: secretOf(41) } });
    const session = debugSpend({ tx, inputIndex: 0, spentOutputs: plan.spentOutputs, maximumSteps: 3 });
    expect([session.steps.length, session.stepCount, session.verdict.ok]).toEqual([3, 10, true]);
  });

  it('of an output that is no contract has fragments without lines', async () => {
    const cell = cellOf('offered');
    const { plan, tx } = await spend(htlcInstance(), 'claim', { cell, args: { secret: secretOf(41) } });
    const { map } = debugSpend({ tx, inputIndex: 0, spentOutputs: plan.spentOutputs });
    expect(map?.fragments.map(({ name }) => name)).toEqual(['and_v', 'v', 'c', 'pk_k', 'sha256']);
    expect(map?.clauses).toEqual([]);
  });

  it('as JSON has all of it in hexadecimal', async () => {
    const session = await claimed();
    const json = JSON.parse(JSON.stringify(sessionToJson(session))) as { steps: { before: { stack: string[] } }[] };
    expect(json.steps).toHaveLength(session.steps.length);
    expect(json.steps[3]?.before.stack).toEqual(session.steps[3]?.before.stack.map(toHex));
  });

  it('as text tells the cause, the line and each opcode', async () => {
    const cell = cellOf('offered');
    const { plan, tx } = await spend(htlcInstance(), 'refund', { cell });
    const wrong = witnessed(tx, ([, ...rest]) => [NOTHING, ...rest]);
    const session = debugSpend({
      tx: wrong,
      inputIndex: 0,
      spentOutputs: plan.spentOutputs,
      instance: htlcInstance(),
      cell,
    });
    const plain = (text: string): string => text.replaceAll(/:\d+:\d+/g, ':L:C').replaceAll(/[\da-f]{15,}…?/g, '…');
    expect(plain(renderSession(session))).toMatchInlineSnapshot(`
      "input 0, script-path, path refund: CHECKSIGVERIFY
      clause and(pk(sender),after(112))
      ✗ missing-signature: the signature of sender is missing
        at pk(sender) src/contracts/htlc.ts:L:C
        missing signatures: sender

        0  OP_1 (scriptPubKey)
        1  OP_PUSHBYTES_32 … (scriptPubKey)
        2  OP_PUSHBYTES_32 …                 pk_k(sender)  src/contracts/htlc.ts:L:C
      ✗ 3  OP_CHECKSIGVERIFY                                pk(sender)    src/contracts/htlc.ts:L:C"
    `);
    expect(plain(renderStep(session, 3))).toMatchInlineSnapshot(`
      "step 3 of 4: OP_CHECKSIGVERIFY at byte 33 of the tapscript
      fragment pk(sender)
      clause pk(sender) src/contracts/htlc.ts:L:C
      188 weight units left for signatures
      before:
        …
        (empty)
      after: it fails"
    `);
  });
});

describe('the root cause of several faults', () => {
  const cell = cellOf('offered');

  it('is the first that the interpreter meets, before what the chain says', async () => {
    const { plan, tx } = await spend(htlcInstance(), 'refund', { cell });
    const wrong = witnessed(tx, ([, ...rest]) => [NOTHING, ...rest]);
    const options = {
      inputIndex: 0,
      spentOutputs: plan.spentOutputs,
      instance: htlcInstance(),
      cell,
      chain: { height: 50 },
    };
    expect(debugSpend({ ...options, tx: wrong }).diagnosis?.cause).toBe('missing-signature');
    expect(debugSpend({ ...options, tx }).diagnosis).toMatchObject({ cause: 'too-early', worksFrom: { height: 112 } });
  });

  it('is another output before everything else', async () => {
    const { plan, tx } = await spend(htlcInstance(), 'refund', { cell });
    const other = instantiate(htlc, { network: 'regtest', params: htlcParams(200) });
    const wrong = witnessed(tx, ([, ...rest]) => [NOTHING, ...rest]);
    const session = debugSpend({ tx: wrong, inputIndex: 0, spentOutputs: plan.spentOutputs, instance: other, cell });
    expect(session.diagnosis?.cause).toBe('wrong-output');
  });

  it('is what one change heals, before what failed by itself', async () => {
    const params = { ...escrowParams() };
    const instance = instantiate(escrow, { network: 'regtest', params });
    const own = cellOf(Object.keys(escrow.states)[0] as string);
    const { plan, tx } = await spend(instance, 'awardSeller', { cell: own });
    const swapped = witnessed(tx, ([one, other, ...rest]) => [other as Uint8Array, one as Uint8Array, ...rest]);
    const options = { inputIndex: 0, spentOutputs: plan.spentOutputs, instance, cell: own };
    expect(debugSpend({ ...options, tx: swapped }).diagnosis?.cause).toBe('wrong-order');
    // Two faults are not healed by one change: then it is the signature that failed.
    const broken = witnessed(swapped, ([one, other, ...rest]) =>
      [NOTHING, other as Uint8Array, ...rest].map((item) => item ?? one),
    );
    expect(debugSpend({ ...options, tx: broken }).diagnosis?.cause).toBe('wrong-key');
  });

  it('is policy last of all, and only where somebody asks for it', async () => {
    const { plan, tx } = await spend(htlcInstance(), 'settle', { cell });
    const options = { inputIndex: 0, spentOutputs: plan.spentOutputs, instance: htlcInstance(), cell };
    const unrelayed = { ...tx, version: 9 };
    expect(debugSpend({ ...options, tx: unrelayed, profile: policyProfiles['core-31'], plan }).diagnosis?.cause).toBe(
      'signature-of-another-message',
    );
  });
});

describe('what is missing', () => {
  it('is script and control block also where the last item then looks like an annex', async () => {
    const instance = instantiate(escrow, { network: 'regtest', params: escrowParams() });
    const cell = cellOf(Object.keys(escrow.states)[0] as string);
    // Signatures are random: one in 256 begins with 0x50.
    for (;;) {
      const { plan, tx } = await spend(instance, 'awardSeller', { cell });
      const witness = tx.inputs[0]?.witness ?? [];
      if (witness.at(-3)?.[0] !== 0x50) continue;
      const cut = witnessed(tx, (all) => all.slice(0, -2));
      const { diagnosis } = debugSpend({ tx: cut, inputIndex: 0, spentOutputs: plan.spentOutputs, instance, cell });
      expect(diagnosis).toMatchObject({ cause: 'missing-witness-item', item: 2 });
      return;
    }
  });

  it('is everything whose place is empty, not the first alone', async () => {
    const cell = cellOf('offered');
    const { plan, tx } = await spend(htlcInstance(), 'claim', { cell, args: { secret: secretOf(41) } });
    const unsigned = witnessed(tx, (witness) => witness.map((item, at) => (at < witness.length - 2 ? NOTHING : item)));
    const { diagnosis } = debugSpend({
      tx: unsigned,
      inputIndex: 0,
      spentOutputs: plan.spentOutputs,
      instance: htlcInstance(),
      cell,
    });
    expect(diagnosis?.cause).toBe('missing-signature');
    expect(diagnosis?.missing).toEqual({
      keys: ['receiver'],
      preimages: [{ hashFunction: 'sha256', hash: toHex(htlcParams(100).digest) }],
    });
  });

  it('is each of those who sign together', async () => {
    const cell = cellOf('offered');
    const { plan, tx } = await spend(htlcInstance(), 'settle', { cell });
    const unsigned = witnessed(tx, () => [NOTHING]);
    const { diagnosis } = debugSpend({
      tx: unsigned,
      inputIndex: 0,
      spentOutputs: plan.spentOutputs,
      instance: htlcInstance(),
      cell,
    });
    expect(diagnosis?.missing.keys).toEqual(['sender', 'receiver']);
  });

  it('is those of a threshold who could, and the text says how many', async () => {
    const instance = instantiate(inheritance, { network: 'regtest', params: inheritanceParams() });
    const [state] = Object.keys(inheritance.states) as [string];
    const data = Object.fromEntries(
      Object.keys(inheritance.data).map((name) => [name, { name: 'owner', key: keyOf(1) }]),
    );
    const cell = cellOf(state, data);
    const { plan, tx } = await spend(instance, 'inherit', { cell, signers: ['heirs[0]', 'heirs[1]'] });
    const signatures = tx.inputs[0]?.witness.flatMap((item, at) => (item.length === 64 ? [at] : [])) ?? [];
    const [first] = signatures;
    const wrong = witnessed(tx, (witness) => witness.map((item, at) => (at === first ? NOTHING : item)));
    const { diagnosis } = debugSpend({ tx: wrong, inputIndex: 0, spentOutputs: plan.spentOutputs, instance, cell });
    expect(diagnosis?.cause).toBe('missing-signature');
    expect(diagnosis?.missing.keys.toSorted()).toEqual(['heirs[1]', 'heirs[2]']);
    expect(diagnosis?.text).toMatch(/^1 more of the signatures of/);
  });
});
