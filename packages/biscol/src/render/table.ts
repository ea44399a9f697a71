import { guarded } from '../checks.ts';
import type { NetworkName } from '@bitcoin-enterprise/core';
import { type OutlinedTransition, outlineOf } from '../contract/outline.ts';
import type { ContractInstance } from '../contract/model.ts';
import { fundingOutputs } from '../contract/instance.ts';
import { showScript } from '../contract/values.ts';
import { markdownTable } from '../gas/report.ts';

/** An instance as tables in Markdown: where it is funded, and what each transition waits for, costs and pays. */
export function contractTable(instance: ContractInstance): string {
  return guarded('instance', 'what instantiate returned', () => {
    const { network } = instance;
    const funding = fundingOutputs(instance).map(({ state, value, output }) => [
      state,
      String(value),
      addressOf(output.scriptPubKey, network),
    ]);
    const rows = outlineOf(instance).transitions.map((transition) => [
      transition.name,
      transition.from,
      transition.clause,
      waitText(transition),
      outcomeText(transition),
      transition.plan === undefined ? '–' : String(transition.plan.weight),
    ]);
    return [
      markdownTable(['begins in', 'satoshis', 'address'], funding),
      markdownTable(['transition', 'from', 'who', 'waits', 'leads to', 'weight'], rows),
    ].join('\n\n');
  });
}

function addressOf(script: Uint8Array, network: NetworkName): string {
  return showScript(script, network);
}

/** What a transition waits for, in words; empty for nothing. */
export function waitText({ older, after }: Pick<OutlinedTransition, 'older' | 'after'>): string {
  const parts: string[] = [];
  if (older !== undefined)
    parts.push(older.unit === 'blocks' ? `${older.count} blocks` : `${Math.round((older.count * 512) / 3_600)} hours`);
  if (after !== undefined)
    parts.push(after < 500_000_000 ? `height ${after}` : new Date(after * 1_000).toISOString().slice(0, 16));
  return parts.join(', ');
}

/** Where a transition leads, in words. */
export function outcomeText({ to, payouts }: Pick<OutlinedTransition, 'to' | 'payouts'>): string {
  return [
    ...to,
    ...payouts.map(({ party, amount }) => `pays ${party} ${amount === 'rest' ? 'the rest' : amount}`),
  ].join(', ');
}
