import { equalBytes } from '@bitcoin-enterprise/core';
import type { TransactionView } from '@bitcoin-enterprise/script';
import { ancestorsOf, type Mempool, type MempoolEntry, sortedById, withDescendants } from './mempool.ts';
import { txText } from './names.ts';

/** Version of transactions that ask for the limits of BIP431. */
export const TRUC_VERSION = 3;

/** Virtual bytes of such a transaction, and of one that spends another that waits. */
const MAX_SIZE_VB = 10_000;
const MAX_CHILD_SIZE_VB = 1_000;

/** What breaks BIP431; with the sibling whose place the transaction may take instead, where there is one. */
export interface TrucFault {
  readonly detail: string;
  readonly sibling?: MempoolEntry;
}

/** BIP431 for one transaction among those that wait: Core's `SingleTRUCChecks`. */
export function trucFault(
  pool: Mempool,
  tx: TransactionView,
  options: {
    readonly size: number;
    readonly parents: ReadonlySet<MempoolEntry>;
    readonly conflicts: ReadonlySet<MempoolEntry>;
    /** Among whom the version is looked at: the parents, or before Core 31 all ancestors. */
    readonly relatives: ReadonlySet<MempoolEntry>;
  },
): TrucFault | undefined {
  const { size, parents, conflicts } = options;
  for (const relative of sortedById(options.relatives)) {
    const detail = inheritanceFault(tx, relative.tx);
    if (detail !== undefined) return { detail };
  }
  if (tx.version !== TRUC_VERSION) return undefined;
  if (size > MAX_SIZE_VB)
    return { detail: `version=3 tx ${txText(tx)} is too big: ${size} > ${MAX_SIZE_VB} virtual bytes` };
  const tooManyAncestors = { detail: `tx ${txText(tx)} would have too many ancestors` };
  if (parents.size > 1) return tooManyAncestors;
  const [parent] = parents;
  if (parent === undefined) return undefined;
  if (ancestorsOf(pool, parent.tx).size > 0) return tooManyAncestors;
  if (size > MAX_CHILD_SIZE_VB) return { detail: childTooBig(tx, size) };
  const others = [...withDescendants(pool, [parent])].filter((entry) => entry !== parent);
  if (others.length === 0 || others.some((other) => conflicts.has(other))) return undefined;
  const detail = `tx ${txText(parent.tx)} would exceed descendant count limit`;
  const [sibling] = others;
  // Of several, as a reorganisation may leave behind, it is not clear which one should go.
  return others.length === 1 && sibling !== undefined && ancestorsOf(pool, sibling.tx).size === 1
    ? { detail, sibling }
    : { detail };
}

/** What of a package breaks BIP431. */
export interface PackageTrucFault {
  readonly detail: string;
  /** Whether it is a transaction between a parent and a child, which Knots calls by a name of its own. */
  readonly isBetween?: boolean;
}

/** BIP431 for one transaction of a package: Core's `PackageTRUCChecks`. */
export function packageTrucFault(
  pool: Mempool,
  entry: MempoolEntry,
  options: { readonly package: readonly MempoolEntry[]; readonly parents: ReadonlySet<MempoolEntry> },
): PackageTrucFault | undefined {
  const { tx, size } = entry;
  const { parents } = options;
  const others = options.package.filter((other) => other !== entry);
  const before = options.package.slice(0, options.package.indexOf(entry));
  const inPackage = before.filter((other) => spends(tx, other.tx));
  if (tx.version !== TRUC_VERSION) {
    for (const parent of [...sortedById(parents), ...inPackage]) {
      const detail = inheritanceFault(tx, parent.tx);
      if (detail !== undefined) return { detail };
    }
    return undefined;
  }
  const tooManyAncestors = (of: TransactionView): PackageTrucFault => ({
    detail: `tx ${txText(of)} would have too many ancestors`,
  });
  if (parents.size + inPackage.length > 1) return tooManyAncestors(tx);
  const [inPool] = parents;
  if (inPool !== undefined && ancestorsOf(pool, inPool.tx).size + inPackage.length > 0) return tooManyAncestors(tx);
  const parent = inPool ?? inPackage[0];
  if (parent === undefined) return undefined;
  if (size > MAX_CHILD_SIZE_VB) return { detail: childTooBig(tx, size) };
  const detail = inheritanceFault(tx, parent.tx);
  if (detail !== undefined) return { detail };
  const full = { detail: `tx ${txText(parent.tx)} would exceed descendant count limit` };
  for (const other of others) {
    for (let i = 0; i < other.tx.inputCount; i++) {
      const spent = other.tx.previousTxid(i);
      if (equalBytes(spent, parent.tx.id())) return full;
      if (equalBytes(spent, tx.id())) return { ...tooManyAncestors(other.tx), isBetween: true };
    }
  }
  return inPool !== undefined && withDescendants(pool, [inPool]).size > 1 ? full : undefined;
}

function childTooBig(tx: TransactionView, size: number): string {
  return `version=3 child tx ${txText(tx)} is too big: ${size} > ${MAX_CHILD_SIZE_VB} virtual bytes`;
}

/** Version 3 spends only version 3 of what waits, and the others only others. */
function inheritanceFault(tx: TransactionView, parent: TransactionView): string | undefined {
  const [own, other] = [tx.version === TRUC_VERSION, parent.version === TRUC_VERSION];
  if (own === other) return undefined;
  return own
    ? `version=3 tx ${txText(tx)} cannot spend from non-version=3 tx ${txText(parent)}`
    : `non-version=3 tx ${txText(tx)} cannot spend from version=3 tx ${txText(parent)}`;
}

function spends(tx: TransactionView, parent: TransactionView): boolean {
  for (let i = 0; i < tx.inputCount; i++) if (equalBytes(tx.previousTxid(i), parent.id())) return true;
  return false;
}
