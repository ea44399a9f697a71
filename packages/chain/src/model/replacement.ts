import type { Candidate } from './candidate.ts';
import { clusterChange, diagramChunks, clustersFit, clustersOf } from './clusters.ts';
import { isBetterDiagram } from './linearization.ts';
import { type Mempool, type MempoolEntry, sortedById, withDescendants } from './mempool.ts';
import { type MempoolPolicy, rulesOf } from './mempool-policy.ts';
import { feeAt, moneyText, rateText } from './money.ts';
import { hashText } from './names.ts';
import type { Rejection } from './rejection.ts';

/** Most transactions, or with clusters most clusters, that a replacement may touch, as the messages name it. */
export interface ReplacementFault {
  readonly problem: string;
  readonly detail?: string;
}

/** Whether one transaction may replace what conflicts with it: Core's `ReplacementChecks`. */
export function replacementFault(pool: Mempool, candidate: Candidate, policy: MempoolPolicy): Rejection | undefined {
  const { entry, conflicts, evictsSibling } = candidate;
  const rules = rulesOf(policy);
  const suffix = evictsSibling ? ' (including sibling eviction)' : '';
  const name = hashText(entry.tx.id());
  if (rules.replacementBeats === 'conflicts') {
    const detail = rateFault(entry, conflicts);
    if (detail !== undefined) return { reason: `insufficient fee${suffix}`, category: 'reconsiderable', detail };
  }
  const tooMany = tooManyConflicts(pool, conflicts, policy, name);
  if (tooMany !== undefined) return { reason: `too many potential replacements${suffix}`, detail: tooMany };
  const replaced = withDescendants(pool, conflicts);
  if (rules.replacesConfirmedOnly) {
    const detail = unconfirmedFault(pool, entry, replaced);
    if (detail !== undefined) return { reason: `replacement-adds-unconfirmed${suffix}`, detail };
  }
  const unpaid = paymentFault(entry, replaced, policy, name);
  if (unpaid !== undefined) return { reason: `insufficient fee${suffix}`, category: 'reconsiderable', detail: unpaid };
  if (rules.limits !== 'clusters') return undefined;
  const change = clusterChange(pool, replaced, [entry]);
  if (!clustersFit(change.after, rules.cluster)) return { reason: 'too-large-cluster' };
  return isBetterDiagram(change.after.flatMap(diagramChunks), change.before.flatMap(diagramChunks))
    ? undefined
    : {
        reason: 'replacement-failed',
        category: 'reconsiderable',
        detail: 'insufficient feerate: does not improve feerate diagram',
      };
}

/** BIP125 with full RBF, rule 6 of Core's list: the rate must beat that of each direct conflict. */
function rateFault(entry: MempoolEntry, conflicts: ReadonlySet<MempoolEntry>): string | undefined {
  for (const conflict of sortedById(conflicts)) {
    if (entry.modifiedFee * BigInt(conflict.size) > conflict.modifiedFee * BigInt(entry.size)) continue;
    const rates = [entry, conflict].map(({ modifiedFee, size }) => rateText(modifiedFee, size));
    return `rejecting replacement ${hashText(entry.tx.id())}; new feerate ${rates[0]} <= old feerate ${rates[1]}`;
  }
  return undefined;
}

/** BIP125 rule 5; what is counted are transactions, or clusters. */
export function tooManyConflicts(
  pool: Mempool,
  conflicts: ReadonlySet<MempoolEntry>,
  policy: MempoolPolicy,
  name: string,
): string | undefined {
  if (rulesOf(policy).limits === 'clusters') {
    const count = clustersOf(pool, conflicts).length;
    return count > policy.maxReplaced
      ? `rejecting replacement ${name}; too many conflicting clusters (${count} > ${policy.maxReplaced})`
      : undefined;
  }
  let count = 0;
  for (const conflict of sortedById(conflicts)) {
    count += withDescendants(pool, [conflict]).size;
    if (count > policy.maxReplaced)
      return `rejecting replacement ${name}; too many potential replacements (${count} > ${policy.maxReplaced})`;
  }
  return undefined;
}

/** BIP125 rule 2: no output that waits may be spent, unless what goes has spent from the same transaction. */
function unconfirmedFault(
  pool: Mempool,
  { tx }: MempoolEntry,
  replaced: ReadonlySet<MempoolEntry>,
): string | undefined {
  const known = new Set<string>();
  for (const gone of replaced)
    for (let i = 0; i < gone.tx.inputCount; i++) known.add(hashText(gone.tx.previousTxid(i)));
  for (let i = 0; i < tx.inputCount; i++) {
    const txid = tx.previousTxid(i);
    if (!known.has(hashText(txid)) && pool.entries.get(txid) !== undefined)
      return `replacement ${hashText(tx.id())} adds unconfirmed input, idx ${i}`;
  }
  return undefined;
}

/** BIP125 rules 3 and 4: not less than what goes, and its own relay besides. */
export function paymentFault(
  payer: { readonly modifiedFee: bigint; readonly size: number },
  replaced: Iterable<MempoolEntry>,
  policy: MempoolPolicy,
  name: string,
): string | undefined {
  let gone = 0n;
  for (const { modifiedFee } of replaced) gone += modifiedFee;
  const { modifiedFee, size } = payer;
  if (modifiedFee < gone)
    return `rejecting replacement ${name}, less fees than conflicting txs; ${moneyText(modifiedFee)} < ${moneyText(gone)}`;
  const relay = feeAt(policy.incrementalRelayFeeRate, size);
  return modifiedFee - gone < relay
    ? `rejecting replacement ${name}, not enough additional fees to relay; ${moneyText(modifiedFee - gone)} < ${moneyText(relay)}`
    : undefined;
}
