import { compareBytes } from '@bitcoin-enterprise/core';
import { hashText } from './names.ts';
import { type Mempool, type MempoolEntry, parentsOf, withDescendants } from './mempool.ts';
import type { MempoolPolicy } from './mempool-policy.ts';

/** Limits on what stands on what, as they are for one check. */
export type ChainLimits = Pick<
  MempoolPolicy,
  'maxAncestors' | 'maxAncestorSizeVb' | 'maxDescendants' | 'maxDescendantSizeVb'
>;

/**
 * Core's `CalculateMemPoolAncestors`: what a transaction would stand on, or which limit that breaks, in the same order,
 * so that the words are the same where several are broken.
 *
 * @param parents - The waiting transactions whose outputs are spent.
 * @param size - Virtual bytes of what comes, one transaction or a package.
 * @param count - How many come.
 */
export function ancestorsWithin(
  pool: Mempool,
  parents: Iterable<MempoolEntry>,
  options: { readonly size: number; readonly count: number; readonly limits: ChainLimits },
): ReadonlySet<MempoolEntry> | string {
  const { size, count, limits } = options;
  const staged: MempoolEntry[] = [];
  for (const parent of parents) {
    if (!staged.includes(parent)) staged.push(parent);
    if (staged.length + count > limits.maxAncestors)
      return `too many unconfirmed parents [limit: ${limits.maxAncestors}]`;
  }
  const ancestors = new Set<MempoolEntry>();
  let total = size;
  while (staged.length > 0) {
    staged.sort((a, b) => compareBytes(a.tx.id(), b.tx.id()));
    const entry = staged.shift() as MempoolEntry;
    ancestors.add(entry);
    total += entry.size;
    const descendants = withDescendants(pool, [entry]);
    let descendantSize = 0;
    for (const descendant of descendants) descendantSize += descendant.size;
    const name = hashText(entry.tx.id());
    if (descendantSize + size > limits.maxDescendantSizeVb)
      return `exceeds descendant size limit for tx ${name} [limit: ${limits.maxDescendantSizeVb}]`;
    if (descendants.size + count > limits.maxDescendants)
      return `too many descendants for tx ${name} [limit: ${limits.maxDescendants}]`;
    if (total > limits.maxAncestorSizeVb) return `exceeds ancestor size limit [limit: ${limits.maxAncestorSizeVb}]`;
    for (const parent of parentsOf(pool, entry.tx)) {
      if (!ancestors.has(parent) && !staged.includes(parent)) staged.push(parent);
      if (staged.length + ancestors.size + count > limits.maxAncestors)
        return `too many unconfirmed ancestors [limit: ${limits.maxAncestors}]`;
    }
  }
  return ancestors;
}

/** Core's `CheckPackageLimits`: all of a package is counted as if it stood on everything that any of it stands on. */
export function packageLimitFault(
  pool: Mempool,
  entries: readonly MempoolEntry[],
  limits: ChainLimits,
): string | undefined {
  const count = entries.length;
  const size = entries.reduce((sum, entry) => sum + entry.size, 0);
  if (count > limits.maxAncestors)
    return `package count ${count} exceeds ancestor count limit [limit: ${limits.maxAncestors}]`;
  if (count > limits.maxDescendants)
    return `package count ${count} exceeds descendant count limit [limit: ${limits.maxDescendants}]`;
  if (size > limits.maxAncestorSizeVb)
    return `package size ${size} exceeds ancestor size limit [limit: ${limits.maxAncestorSizeVb}]`;
  if (size > limits.maxDescendantSizeVb)
    return `package size ${size} exceeds descendant size limit [limit: ${limits.maxDescendantSizeVb}]`;
  const parents = entries.flatMap(({ tx }) => [...parentsOf(pool, tx)]);
  const staged = new Set<MempoolEntry>();
  for (const parent of parents) {
    staged.add(parent);
    if (staged.size + count > limits.maxAncestors)
      return `too many unconfirmed parents [limit: ${limits.maxAncestors}]`;
  }
  const found = ancestorsWithin(pool, staged, { size, count, limits });
  return typeof found === 'string' ? `possibly ${found}` : undefined;
}
