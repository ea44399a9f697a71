import { displayHash, type NetworkName, toHex } from '@bitcoin-enterprise/core';
import type { ComplianceRequest } from '@bitcoin-enterprise/core';
import type { TransactionOutput } from '@bitcoin-enterprise/script';
import type { ContractInstance } from '../contract/model.ts';
import type { TransitionPlan } from '../contract/transition.ts';
import { outpointOf } from '../covenant/presign.ts';
import { invalidArgument } from '../errors.ts';
import type { ApprovalRequest, ApprovalRule } from './ports.ts';
import type { Engine } from './settings.ts';

/** What a gate is asked about a plan. */
export function complianceRequest(
  instance: ContractInstance,
  plan: TransitionPlan,
  of: { readonly execution: string; readonly stage: 'sign' | 'broadcast'; readonly tx?: string },
): ComplianceRequest {
  const { contract, id, network, parties } = instance;
  const { tx, spentOutputs, fee, transition } = plan;
  return {
    id: `${id}/${of.execution}/${of.stage}`,
    stage: of.stage,
    chain: chainName(network),
    txid: displayHash(plan.txid),
    transaction: of.tx ?? toHex(plan.bytes),
    inputs: tx.inputs.map(({ previousTxid, previousIndex }, place) => {
      const { value, scriptPubKey } = spentOutputs[place] as TransactionOutput;
      const outpoint = outpointOf({ txid: previousTxid, index: previousIndex });
      return { outpoint, value: String(value), scriptPubKey: toHex(scriptPubKey) };
    }),
    outputs: tx.outputs.map(({ value, scriptPubKey }, index) => {
      const party = plan.payouts.find((payout) => payout.index === index)?.party;
      return { value: String(value), scriptPubKey: toHex(scriptPubKey), ...(party === undefined ? {} : { party }) };
    }),
    fee: String(fee),
    parties: [...parties.values()].map(({ name, key, payTo }) => ({ name, key, scriptPubKey: toHex(payTo) })),
    contract: { name: contract.name, version: contract.version, instance: id, transition },
  };
}

function chainName(network: NetworkName): string {
  return `bitcoin:${network}`;
}

/** What approvers are asked about a plan. */
export function approvalRequest(instance: ContractInstance, plan: TransitionPlan, execution: string): ApprovalRequest {
  return {
    contract: instance.contract.name,
    instance: instance.id,
    execution,
    transition: plan.transition,
    payouts: plan.payouts.map(({ index, party, value }) => {
      const { scriptPubKey } = plan.tx.outputs[index] as TransactionOutput;
      return { ...(party === undefined ? {} : { party }), value: String(value), scriptPubKey: toHex(scriptPubKey) };
    }),
    fee: String(plan.fee),
  };
}

/** Who has to approve; what is no clear answer must not pass for nobody. Throws `BISCOL_INVALID_ARGUMENT`. */
export function approvalOf(
  { approvals }: Pick<Engine, 'approvals'>,
  request: ApprovalRequest,
): ReturnType<ApprovalRule> {
  const rule: unknown = approvals?.(request);
  if (rule === undefined) return undefined;
  const { of, count } = (rule ?? {}) as Partial<Record<'of' | 'count', unknown>>;
  const isClear =
    Array.isArray(of) &&
    of.every((one) => typeof one === 'string') &&
    Number.isSafeInteger(count) &&
    Number(count) >= 0;
  if (!isClear) throw invalidArgument('approvals', 'to answer { of, count } at once, or undefined', rule);
  return rule as ReturnType<ApprovalRule>;
}
