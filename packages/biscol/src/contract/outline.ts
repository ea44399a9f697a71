import { guarded } from '../checks.ts';
import { feeRate, satoshis, type Satoshis } from '@bitcoin-enterprise/core';
import { hasCode } from '@bitcoin-enterprise/core';
import { printClause } from './clauses.ts';
import type { AnyState, AnyTransition } from './define.ts';
import { fundingOutputs } from './instance.ts';
import type { ContractInstance } from './model.ts';
import { planTransition, type TransitionPlan } from './transition.ts';
import { sampleValues, type ValueKinds } from './values.ts';

/** A transition of an instance as it can be drawn and counted before anything moves. */
export interface OutlinedTransition {
  readonly name: string;
  readonly description: string;
  readonly from: string;
  /** Name of the path. */
  readonly by: string;
  /** The clause of the path, as a policy with names. */
  readonly clause: string;
  readonly covenant: boolean;
  /** Blocks or units of 512 seconds to wait after the output was confirmed (BIP68); absent without such a lock. */
  readonly older?: { readonly count: number; readonly unit: 'blocks' | '512 seconds' };
  /** Height or Unix time before which it is not mined (BIP65). */
  readonly after?: number;
  /** States that it leads to. */
  readonly to: readonly string[];
  /** Who is paid; amounts in satoshis, `rest` for what is left. */
  readonly payouts: readonly { readonly party: string; readonly amount: Satoshis | 'rest' }[];
  /** With stand-ins for arguments; absent where the contract needs real ones. */
  readonly plan?: TransitionPlan;
}

/** An instance as a graph. */
export interface Outline {
  readonly states: readonly { readonly name: string; readonly description: string; readonly isFirst: boolean }[];
  readonly transitions: readonly OutlinedTransition[];
}

/** What stands in for the value of an output whose amount nobody knows yet. */
const SAMPLE_VALUE = satoshis(100_000n);
const SAMPLE_TXID = new Uint8Array(32).fill(0xab);

/** The graph of an instance: states, transitions, what each waits for and pays. */
export function outlineOf(instance: ContractInstance): Outline {
  return guarded('instance', 'what instantiate returned', () => {
    const { contract } = instance;
    const first = fundingOutputs(instance);
    const states = Object.entries(contract.states as Readonly<Record<string, AnyState>>).map(([name, state]) => {
      return { name, description: state.description ?? '', isFirst: first.some((output) => output.state === name) };
    });
    const transitions = Object.entries(contract.transitions).map(([name, template]) =>
      outlined(instance, name, template),
    );
    return { states, transitions };
  });
}

function outlined(instance: ContractInstance, name: string, template: AnyTransition): OutlinedTransition {
  const { from, by, description = '', covenant = false } = template;
  const plan = samplePlan(instance, name, template);
  const clause = plan?.inputs[0]?.plan.way.clause;
  const sequence = plan?.tx.inputs[0]?.sequence ?? 0xffff_ffff;
  const lockTime = plan?.tx.lockTime ?? 0;
  return {
    name,
    description,
    from,
    by,
    clause: clause === undefined ? by : printClause(clause),
    covenant,
    ...(sequence < 0x8000_0000
      ? {
          older: {
            count: sequence & 0xffff,
            unit: (sequence & (1 << 22)) === 0 ? ('blocks' as const) : ('512 seconds' as const),
          },
        }
      : {}),
    ...(lockTime === 0 ? {} : { after: lockTime }),
    to: [...new Set(plan?.next.map(({ state }) => state))],
    payouts: (plan?.payouts ?? []).map(({ index, party = 'somebody', value }) => ({
      party,
      amount: index === plan?.restAt ? 'rest' : value,
    })),
    ...(plan === undefined ? {} : { plan }),
  };
}

/** A plan with stand-ins; `undefined` where they do not suffice. */
function samplePlan(instance: ContractInstance, name: string, template: AnyTransition): TransitionPlan | undefined {
  const { contract, params } = instance;
  const state = (contract.states as Readonly<Record<string, AnyState>>)[template.from];
  const funded = fundingOutputs(instance).find((output) => output.state === template.from);
  const data = funded?.data ?? dataOf(instance);
  const value = funded?.value ?? state?.amount?.(params, data) ?? SAMPLE_VALUE;
  try {
    return planTransition(instance, name, {
      cells: [{ state: template.from, data, value, txid: SAMPLE_TXID, index: 0 }],
      args: sampleValues(template.args ?? {}),
      feeRate: feeRate(1_000n),
      assumeSecrets: true,
      partial: template.takes === 'many',
    });
  } catch (error) {
    if (hasCode(error, 'BISCOL_STATE_INVALID')) throw error;
    return undefined;
  }
}

/** Data of the first output that begins the contract, for states further on. */
function dataOf(instance: ContractInstance): Readonly<Record<string, unknown>> {
  return fundingOutputs(instance)[0]?.data ?? sampleValues(instance.contract.data as ValueKinds);
}
