import type { Candidate } from './candidate.ts';
import { clusterChange, diagramChunks, clustersFit } from './clusters.ts';
import { type Chunk, isBetterDiagram } from './linearization.ts';
import {
  ancestorsOf,
  childrenOf,
  type Mempool,
  type MempoolEntry,
  parentsOf,
  sortedById,
  withDescendants,
} from './mempool.ts';
import { type MempoolPolicy, rulesOf } from './mempool-policy.ts';
import { rateText } from './money.ts';
import { hashText } from './names.ts';
import { paymentFault, tooManyConflicts } from './replacement.ts';
import type { Rejection } from './rejection.ts';

/** Whether a parent and its child may replace what conflicts with either: Core's package RBF. */
export function packageReplacementFault(
  pool: Mempool,
  candidates: readonly Candidate[],
  policy: MempoolPolicy,
): Rejection | undefined {
  const [parent, child, ...more] = candidates;
  const failed = (problem: string, detail?: string): Rejection => {
    const reason = `package RBF failed: ${problem}`;
    return detail === undefined ? { reason } : { reason, detail };
  };
  if (parent === undefined || child === undefined || more.length > 0) return failed('package must be 1-parent-1-child');
  if (candidates.some(({ parents }) => parents.size > 0))
    return failed('new transaction cannot have mempool ancestors');
  const conflicts = new Set(candidates.flatMap((candidate) => [...candidate.conflicts]));
  const name = hashText(child.entry.tx.id());
  const tooMany = tooManyConflicts(pool, conflicts, policy, name);
  if (tooMany !== undefined) return failed('too many potential replacements', tooMany);
  const replaced = withDescendants(pool, conflicts);
  const entries = candidates.map(({ entry }) => entry);
  const total = {
    modifiedFee: entries.reduce((sum, { modifiedFee }) => sum + modifiedFee, 0n),
    size: entries.reduce((sum, { size }) => sum + size, 0),
  };
  const unpaid = paymentFault(total, replaced, policy, name);
  if (unpaid !== undefined) return failed('insufficient anti-DoS fees', unpaid);
  const { modifiedFee, size } = parent.entry;
  if (total.modifiedFee * BigInt(size) <= modifiedFee * BigInt(total.size))
    return failed(
      'package feerate is less than or equal to parent feerate',
      `package feerate ${rateText(total.modifiedFee, total.size)} <= parent feerate is ${rateText(modifiedFee, size)}`,
    );
  return rulesOf(policy).limits === 'clusters'
    ? clusterFault(pool, replaced, entries, policy)
    : pairFault(pool, replaced, total);
}

const NO_BETTER = 'package RBF failed: insufficient feerate: does not improve feerate diagram';

function clusterFault(
  pool: Mempool,
  replaced: ReadonlySet<MempoolEntry>,
  entries: readonly MempoolEntry[],
  policy: MempoolPolicy,
): Rejection | undefined {
  const { before, after } = clusterChange(pool, replaced, entries);
  if (!clustersFit(after, rulesOf(policy).cluster)) return { reason: 'too-large-cluster' };
  return isBetterDiagram(after.flatMap(diagramChunks), before.flatMap(diagramChunks))
    ? undefined
    : { reason: NO_BETTER };
}

/** Before clusters were known, Core could draw the diagram of what goes for single transactions and pairs alone. */
function pairFault(
  pool: Mempool,
  replaced: ReadonlySet<MempoolEntry>,
  total: { readonly modifiedFee: bigint; readonly size: number },
): Rejection | undefined {
  const before: Chunk[] = [];
  const after: Chunk[] = [chunk(total.modifiedFee, total.size)];
  for (const entry of sortedById(replaced)) {
    const problem = topologyFault(pool, entry);
    if (problem !== undefined) return { reason: `package RBF failed: ${problem}` };
  }
  for (const entry of replaced) {
    if (childrenOf(pool, entry).size > 0) continue;
    const [parent] = parentsOf(pool, entry.tx);
    const own = chunk(entry.modifiedFee, entry.size);
    if (parent === undefined) {
      before.push(own);
      continue;
    }
    const both = chunk(entry.modifiedFee + parent.modifiedFee, entry.size + parent.size);
    const isPair = own.fee * both.size > both.fee * own.size;
    before.push(...(isPair ? [both] : [chunk(parent.modifiedFee, parent.size), own]));
    if (!replaced.has(parent)) after.push(chunk(parent.modifiedFee, parent.size));
  }
  return isBetterDiagram(after, before) ? undefined : { reason: NO_BETTER };
}

function chunk(fee: bigint, size: number): Chunk {
  return { fee, size: BigInt(size), members: [] };
}

function topologyFault(pool: Mempool, entry: MempoolEntry): string | undefined {
  const name = hashText(entry.tx.id());
  const ancestors = ancestorsOf(pool, entry.tx);
  const descendants = [...withDescendants(pool, [entry])].filter((other) => other !== entry);
  if (ancestors.size > 1) return `${name} has ${ancestors.size} ancestors, max 1 allowed`;
  if (descendants.length > 1) return `${name} has ${descendants.length} descendants, max 1 allowed`;
  if (ancestors.size > 0 && descendants.length > 0)
    return `${name} has both ancestor and descendant, exceeding cluster limit of 2`;
  const [child] = descendants;
  if (child !== undefined && ancestorsOf(pool, child.tx).size > 1)
    return `${name} is not the only parent of child ${hashText(child.tx.id())}`;
  const [parent] = ancestors;
  if (parent !== undefined && withDescendants(pool, [parent]).size > 2)
    return `${name} is not the only child of parent ${hashText(parent.tx.id())}`;
  return undefined;
}
