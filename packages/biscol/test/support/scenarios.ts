import { feeRate } from '@bitcoin-enterprise/core';
import {
  type AnyContract,
  type Cell,
  completeTransition,
  type ContractHistory,
  type ContractInstance,
  type CovenantsInput,
  fundingOutputs,
  type Guarantees,
  type HeldStep,
  type HistoryStep,
  meterTransaction,
  nextCells,
  planTransition,
  type TransitionPlan,
} from '@bitcoin-enterprise/biscol';
import { consensusFlags, serializeTransaction, standardFlags } from '@bitcoin-enterprise/script';
import { expect } from 'vitest';
import { signPlan } from './sign-plan.ts';
import { keyOf } from './people.ts';
import type { TestChain } from './test-chains.ts';

/** One transition of a scenario. */
export interface ScenarioStep {
  readonly transition: string;
  readonly args?: Readonly<Record<string, unknown>>;
  /** Names of those who sign, of those who could; all when absent. */
  readonly signers?: readonly string[];
  /** Which of the live outputs of its state, in their order; the first when absent. */
  readonly cells?: readonly number[] | 'all';
  /** Secret keys beside those of people. */
  readonly secretKeys?: readonly Uint8Array[];
  /** Blocks that pass before it, beyond what its locks want. */
  readonly wait?: number;
}

/** A way through a contract, from its funding to its end. */
export interface Scenario {
  readonly title: string;
  /** The instance, at a height of the chain. */
  readonly instance: (height: number, covenants: CovenantsInput) => ContractInstance;
  readonly steps: readonly ScenarioStep[];
  /** Secrets that parties know from the start. */
  readonly knows?: readonly { readonly party: string; readonly secret: Uint8Array }[];
  /** Transitions that parties hold signed from the start. */
  readonly holds?: readonly { readonly party: string; readonly transition: string; readonly args: object }[];
  /** Names of the sides that did not do their duties here. */
  readonly idle?: readonly string[];
  /** Outputs of the contract that are live at the end: it rests there. */
  readonly rests?: boolean;
}

/** Scenarios of a contract, and what it promises. */
export interface ScenarioFile {
  readonly contract: AnyContract;
  readonly guarantees: Guarantees;
  readonly scenarios: readonly Scenario[];
}

/** Presigned by two keys together, and by the rule of BIP119. */
export const COVENANTS: readonly CovenantsInput[] = [
  { kind: 'presigned', keys: [keyOf(90), keyOf(91)], feeRate: 2_000n },
  { kind: 'ctv', feeRate: 2_000n },
];

/** What every walk has to show, whatever the chain: weights to the unit, locks that hold, promises that are kept. */
export function checkWalk(
  of: { readonly guarantees: Guarantees; readonly scenario: Scenario },
  { measured, history, paid, fees, instance, funded }: Walked,
): void {
  const { scenario, guarantees } = of;
  for (const { plan, weights, tooEarly } of measured) {
    const [predicted] = weights;
    expect(weights, plan.transition).toEqual([predicted, predicted, predicted]);
    if (tooEarly !== undefined) expect(['non-final', 'non-BIP68-final'], plan.transition).toContain(tooEarly);
  }
  const left = history.live.reduce((sum, { value }) => sum + value, 0n);
  const strangers = measured.flatMap(({ plan }) => plan.payouts.filter(({ party }) => party === undefined));
  const out = [...paid.values(), ...strangers.map(({ value }) => value)].reduce((sum, one) => sum + one, 0n);
  expect(out + left + fees).toBe(funded);
  expect(history.live.length > 0).toBe(scenario.rests === true);
  if (scenario.rests === true) return;
  const { sides, endsBy } = guarantees;
  for (const { name, members, least, paidBy } of sides(instance.params)) {
    if (scenario.idle?.includes(name) === true) continue;
    const got = members.reduce((sum, one) => sum + (paid.get(one) ?? 0n), 0n);
    expect(got + fees, name).toBeGreaterThanOrEqual(least(history));
    const last = history.steps.findLast(({ payouts }) => members.some((one) => payouts.has(one)))?.height ?? 0;
    if (scenario.idle === undefined) expect(paidBy(history) ?? last, `${name} in time`).toBeGreaterThanOrEqual(last);
  }
  if (scenario.idle === undefined)
    expect(endsBy(instance.params, history) ?? history.height).toBeGreaterThanOrEqual(history.height);
}

/** A transition as it went: what was predicted, and what was measured. */
export interface Measured {
  readonly plan: TransitionPlan;
  readonly path: string;
  /** Why it was refused one block before its time; absent without a lock. */
  readonly tooEarly?: string | undefined;
  /** Weight of the bytes, and as the chain reports it. */
  readonly weights: readonly [predicted: number, signed: number, reported: number];
}

/** What came of a scenario. */
export interface Walked {
  readonly instance: ContractInstance;
  readonly measured: readonly Measured[];
  readonly history: ContractHistory<AnyContract>;
  /** Satoshis by party, over all transitions. */
  readonly paid: ReadonlyMap<string, bigint>;
  /** Satoshis that the contract began with. */
  readonly funded: bigint;
  /** Satoshis that the transitions paid, and what anchors hold. */
  readonly fees: bigint;
}

interface Placed extends Cell {
  readonly height: number;
}

/** A transition that is about to be sent. */
export interface Pending {
  readonly instance: ContractInstance;
  readonly plan: TransitionPlan;
  readonly signatures: ReadonlyMap<string, Uint8Array>;
  readonly secretKeys: readonly Uint8Array[];
}

/** Walks through a scenario on a chain: each transition refused before its time, then signed, metered, mined. */
export async function walk(
  chain: TestChain,
  scenario: Scenario,
  options: {
    readonly covenants: CovenantsInput;
    readonly way: 'mempool' | 'block';
    /** Told of each transition once its locks have ended, before it is sent. */
    readonly before?: (pending: Pending) => Promise<void>;
  },
): Promise<Walked> {
  const { covenants, way, before } = options;
  const instance = scenario.instance(await chain.height(), covenants);
  const live: Placed[] = [];
  let startHeight = 0;
  for (const { state, data, value, output } of fundingOutputs(instance)) {
    const outpoint = await chain.fund(output.scriptPubKey, value);
    startHeight = await chain.height();
    live.push({ state, data, value, ...outpoint, height: startHeight });
  }
  const measured: Measured[] = [];
  const steps: HistoryStep<AnyContract>[] = [];
  const paid = new Map<string, bigint>();
  let fees = 0n;
  for (const step of scenario.steps) {
    const { from } = instance.contract.transitions[step.transition] ?? { from: `no ${step.transition}` };
    const inState = live.filter(({ state }) => state === from);
    const cells = step.cells === 'all' ? inState : (step.cells ?? [0]).map((at) => inState[at] as Placed);
    await chain.mine(step.wait ?? 0);
    const plan = planTransition(instance, step.transition, {
      cells,
      feeRate: feeRate(2_000n),
      ...(step.args === undefined ? {} : { args: step.args }),
      ...(step.signers === undefined ? {} : { signers: step.signers }),
    });
    const signatures = await signPlan(plan, step.secretKeys === undefined ? {} : { secretKeys: step.secretKeys });
    const bytes = serializeTransaction(completeTransition(plan, signatures));
    const tooEarly = await waitFor(chain, { plan, cells, bytes });
    await before?.({ instance, plan, signatures, secretKeys: step.secretKeys ?? [] });
    const isTemplate = plan.inputs.some(({ plan: { way: taken } }) => taken.template !== undefined);
    const flags = isTemplate ? consensusFlags : standardFlags;
    const gas = meterTransaction(bytes, { spentOutputs: plan.spentOutputs, flags });
    if (!gas.ok) throw new Error(`${step.transition}: ${gas.error}`);
    const reported = await chain.confirm(bytes, isTemplate && way === 'block' ? 'block' : way);
    measured.push({
      plan,
      path: plan.inputs[0]?.plan.way.path ?? '',
      ...(tooEarly === undefined ? {} : { tooEarly }),
      weights: [plan.weight, gas.gas.weight, reported],
    });
    const height = await chain.height();
    for (const cell of cells) live.splice(live.indexOf(cell), 1);
    live.push(...nextCells(plan).map((cell) => ({ ...cell, height })));
    const payouts = new Map<string, bigint>();
    for (const { party, value } of plan.payouts) {
      if (party === undefined) continue;
      payouts.set(party, (payouts.get(party) ?? 0n) + value);
      paid.set(party, (paid.get(party) ?? 0n) + value);
    }
    fees += plan.fee + (plan.anchor === undefined ? 0n : (plan.tx.outputs[plan.anchor]?.value ?? 0n));
    steps.push({
      transition: step.transition,
      args: (step.args ?? {}) as never,
      by: plan.inputs[0]?.plan.way.path ?? '',
      height,
      cells,
      payouts,
      signers: signersOf(instance, plan),
      fee: plan.fee,
    });
  }
  return {
    instance,
    measured,
    paid,
    funded: fundingOutputs(instance).reduce((sum, { value }) => sum + value, 0n),
    fees,
    history: {
      startHeight,
      height: await chain.height(),
      steps,
      live,
      secrets: (scenario.knows ?? []).map((known) => ({ ...known, since: startHeight })),
      held: (scenario.holds ?? []).map((one): HeldStep<AnyContract> => ({
        ...one,
        args: one.args as never,
        since: startHeight,
      })),
    },
  };
}

/** Mines to the block before a plan's locks end, sees that it is refused, and mines one more. */
async function waitFor(
  chain: TestChain,
  of: { readonly plan: TransitionPlan; readonly cells: readonly Placed[]; readonly bytes: Uint8Array },
): Promise<string | undefined> {
  const { plan, cells, bytes } = of;
  const from = Math.max(
    plan.tx.lockTime,
    ...plan.tx.inputs.map(({ sequence }, at) =>
      sequence < 0x8000_0000 ? (cells[at]?.height ?? 0) + (sequence & 0xffff) - 1 : 0,
    ),
  );
  const left = from - (await chain.height());
  if (left <= 0) return undefined;
  await chain.mine(left - 1);
  const reason = await chain.refusal(bytes);
  await chain.mine(1);
  return reason ?? 'accepted';
}

function signersOf(instance: ContractInstance, plan: TransitionPlan): readonly string[] {
  const names = new Map(
    Object.values(instance.params)
      .flat()
      .flatMap((value) => nameOf(value)),
  );
  const texts = plan.inputs.flatMap(({ plan: { signers } }) =>
    signers.flatMap(({ expression, participants }) =>
      participants.length === 0
        ? [expression.text('public')]
        : participants.map((one) => one.expression.text('public')),
    ),
  );
  return [...new Set(texts.flatMap((text) => names.get(text) ?? []))];
}

function nameOf(value: unknown): readonly (readonly [string, string])[] {
  const { name, key } = (value ?? {}) as { readonly name?: unknown; readonly key?: unknown };
  return typeof name === 'string' && typeof key === 'string' ? [[key, name]] : [];
}
