import { guarded } from '../checks.ts';
import { outlineOf } from '../contract/outline.ts';
import type { ContractInstance } from '../contract/model.ts';
import { waitText } from './table.ts';

/** An instance as a state diagram in Mermaid's language. */
export function contractMermaid(instance: ContractInstance): string {
  return guarded('instance', 'what instantiate returned', () => {
    const { states, transitions } = outlineOf(instance);
    const lines = ['stateDiagram-v2'];
    for (const { name, description, isFirst } of states) {
      if (description !== '') lines.push(`  ${name}: ${name}<br>${safe(description)}`);
      if (isFirst) lines.push(`  [*] --> ${name}`);
    }
    for (const transition of transitions) {
      const wait = waitText(transition);
      const label = `${transition.name}${wait === '' ? '' : `, after ${wait}`}${transition.covenant ? ' (covenant)' : ''}`;
      for (const state of transition.to) lines.push(`  ${transition.from} --> ${state}: ${safe(label)}`);
      const paid = [...new Set(transition.payouts.map(({ party }) => party))];
      if (paid.length > 0) lines.push(`  ${transition.from} --> [*]: ${safe(`${label}, pays ${paid.join(' and ')}`)}`);
    }
    return `${lines.join('\n')}\n`;
  });
}

/** Without what Mermaid reads as its own. */
function safe(text: string): string {
  return text.replaceAll(/[;:"{}[\]\n]/g, ' ');
}
