import type { TransactionView } from '@bitcoin-enterprise/script';
import type { BlockNode } from '../model/block-node.ts';
import { copyOf, referenceTo } from './copies.ts';
import type { Cheat } from './options.ts';

/** How one block departs from the rules. */
export function cheatsOf(node: BlockNode): readonly Cheat[] {
  const { inflates = false, unsatisfied = [] } = node.cheats ?? {};
  const transaction = (index: number): TransactionView => node.transactions[index] as TransactionView;
  const waived = unsatisfied.map((position) => {
    const [index, input] = position.split(':').map(Number) as [number, number];
    return { ...waivedIn(transaction(index), input), block: referenceTo(node) };
  });
  return inflates
    ? [{ kind: 'inflated', txid: copyOf(transaction(0).id()), block: referenceTo(node) }, ...waived]
    : waived;
}

/** An input that an impersonation lets pass. */
export function waivedIn(tx: TransactionView, inputIndex: number): Cheat {
  return { kind: 'waived', txid: copyOf(tx.id()), inputIndex };
}
