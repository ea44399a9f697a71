import { toHex } from '@bitcoin-enterprise/core';
import type { TransactionView } from '@bitcoin-enterprise/script';
import { type Candidate, checkCandidate, feeRateFault } from './candidate.ts';
import { packageLimitFault } from './chain-limits.ts';
import { clusterChange, clustersFit } from './clusters.ts';
import type { Connected } from './block-node.ts';
import { inKnotsWords } from './knots-dialect.ts';
import { unspentDustFault } from './ephemeral.ts';
import { type Mempool, type MempoolEntry, withDescendants, withEntry, withoutEntries } from './mempool.ts';
import { acceptToMempool, scriptFault } from './mempool-accept.ts';
import type { AcceptContext } from './mempool-context.ts';
import { trimToPolicy } from './mempool-eviction.ts';
import { rulesOf } from './mempool-policy.ts';
import { packageFormFault, isChildWithParents } from './package-form.ts';
import { packageReplacementFault } from './package-replacement.ts';
import type { Rejection } from './rejection.ts';
import { packageTrucFault } from './truc.ts';

/** What became of one transaction of a package. */
export type PackageMember =
  | {
      readonly kind: 'accepted';
      readonly entry: MempoolEntry;
      readonly replaced: readonly MempoolEntry[];
      /** What its fee rate was judged by: its own fee, or that of the transactions it was judged with. */
      readonly judged: { readonly fee: bigint; readonly size: number; readonly members: readonly TransactionView[] };
    }
  | { readonly kind: 'known'; readonly entry: MempoolEntry }
  | { readonly kind: 'other-witness'; readonly entry: MempoolEntry }
  | { readonly kind: 'refused'; readonly rejection: Rejection };

/** What became of a package. */
export interface PackageOutcome {
  readonly pool: Mempool;
  /** Why the package was not taken as such; `undefined` when all went well. */
  readonly fault?: Rejection & { readonly scope: 'package' | 'transaction' };
  /** By witness id in hex; what is missing was not looked at. */
  readonly members: ReadonlyMap<string, PackageMember>;
}

/** How a package comes. */
export interface PackageOptions {
  /** What its sender wants to pay at most, sat/kvB. */
  readonly maxFeeRate?: bigint;
}

const FAILED = { reason: 'transaction failed', scope: 'transaction' } as const;

/** Says what would become of transactions that stand on one another, each paying for itself: `testmempoolaccept`. */
export function testPackage(pool: Mempool, txs: readonly TransactionView[], context: AcceptContext): PackageOutcome {
  return acceptTogether(pool, txs, context, { isTest: true });
}

/** Lets a child with its parents into the pool: Core's `AcceptPackage`. Those that pay for themselves go first and alone. */
export function acceptPackage(
  pool: Mempool,
  txs: readonly TransactionView[],
  context: AcceptContext,
  options: PackageOptions = {},
): PackageOutcome {
  const form = packageFormFault(txs);
  if (form !== undefined) return { pool, fault: { ...form, scope: 'package' }, members: new Map() };
  if (txs.length > 1 && !isChildWithParents(txs))
    return { pool, fault: { reason: 'package-not-child-with-parents', scope: 'package' }, members: new Map() };
  if (txs.length > 1 && rulesOf(context.policy).packagesHoldAllParents && lacksParent(txs, context))
    return {
      pool,
      fault: { reason: 'package-not-child-with-unconfirmed-parents', scope: 'package' },
      members: new Map(),
    };
  let current = pool;
  const final = new Map<string, PackageMember>();
  const alone = new Map<string, PackageMember>();
  const together: TransactionView[] = [];
  let isOver = false;
  for (const tx of txs) {
    const name = toHex(tx.witnessId());
    const known = current.entries.get(tx.id());
    if (known !== undefined) {
      final.set(name, { kind: toHex(known.tx.witnessId()) === name ? 'known' : 'other-witness', entry: known });
      continue;
    }
    const accepted = acceptToMempool(current, tx, context, { ...options, ofPackage: true });
    if (!('reason' in accepted)) {
      current = accepted.pool;
      final.set(name, acceptedAlone(accepted));
      continue;
    }
    alone.set(name, { kind: 'refused', rejection: accepted });
    // Only what fails for its fee or for its parents can fare better with the others.
    if (txs.length === 1 || accepted.category === undefined) isOver = true;
    else together.push(tx);
  }
  const rest: PackageOutcome =
    isOver || together.length === 0
      ? { pool: current, members: new Map(), ...(isOver ? { fault: FAILED } : {}) }
      : together.length === 1
        ? again(current, together[0] as TransactionView, context, options)
        : acceptTogether(current, together, context, options);
  return settle(txs, rest, { final, alone, context });
}

/** Whether the child spends what is neither of the package nor in a block. */
function lacksParent(txs: readonly TransactionView[], { tip }: AcceptContext): boolean {
  const child = txs.at(-1) as TransactionView;
  const names = new Set(txs.map((tx) => toHex(tx.id())));
  const { coins } = tip.connected as Connected;
  for (let i = 0; i < child.inputCount; i++) {
    const txid = child.previousTxid(i);
    if (!names.has(toHex(txid)) && coins.get(txid, child.previousIndex(i)) === undefined) return true;
  }
  return false;
}

/** One that is left alone is judged by itself once more: what it waited for may be there now. */
function again(pool: Mempool, tx: TransactionView, context: AcceptContext, options: PackageOptions): PackageOutcome {
  const accepted = acceptToMempool(pool, tx, context, { ...options, ofPackage: true });
  const name = toHex(tx.witnessId());
  return 'reason' in accepted
    ? { pool, fault: FAILED, members: new Map([[name, { kind: 'refused', rejection: accepted }]]) }
    : { pool: accepted.pool, members: new Map([[name, acceptedAlone(accepted)]]) };
}

function acceptedAlone(accepted: {
  readonly entry: MempoolEntry;
  readonly replaced: readonly MempoolEntry[];
}): PackageMember {
  const { entry, replaced } = accepted;
  const { modifiedFee, size, tx } = entry;
  return { kind: 'accepted', entry, replaced, judged: { fee: modifiedFee, size, members: [tx] } };
}

/** Lets the pool have its size again, and says of each transaction what has become of it in the end. */
function settle(
  txs: readonly TransactionView[],
  rest: PackageOutcome,
  found: {
    readonly final: ReadonlyMap<string, PackageMember>;
    readonly alone: ReadonlyMap<string, PackageMember>;
    readonly context: AcceptContext;
  },
): PackageOutcome {
  const pool = trimToPolicy(rest.pool, found.context.policy);
  const members = new Map<string, PackageMember>();
  let { fault } = rest;
  for (const tx of txs) {
    const name = toHex(tx.witnessId());
    const member = rest.members.get(name) ?? found.final.get(name) ?? found.alone.get(name);
    if (member === undefined) continue;
    const isGone = member.kind !== 'refused' && pool.entries.get(tx.id()) === undefined;
    if (isGone) fault = FAILED;
    members.set(name, isGone ? { kind: 'refused', rejection: { reason: 'mempool full' } } : member);
  }
  return { pool, members, ...(fault === undefined ? {} : { fault }) };
}

interface TogetherOptions extends PackageOptions {
  /** Whether nothing is taken, and each transaction pays for itself. */
  readonly isTest?: boolean;
}

/** Judges transactions as one: Core's `AcceptMultipleTransactions`. */
function acceptTogether(
  pool: Mempool,
  txs: readonly TransactionView[],
  context: AcceptContext,
  options: TogetherOptions,
): PackageOutcome {
  const { isTest = false } = options;
  const refuse = (reason: Rejection, members = new Map<string, PackageMember>()): PackageOutcome => ({
    pool,
    fault: { ...reason, scope: 'package' },
    members,
  });
  const failOne = (
    tx: TransactionView,
    rejection: Rejection,
    done = new Map<string, PackageMember>(),
  ): PackageOutcome => ({
    pool,
    fault: FAILED,
    members: new Map([...done, [toHex(tx.witnessId()), { kind: 'refused', rejection }]]),
  });
  const form = packageFormFault(txs);
  if (form !== undefined) return refuse(form);
  const candidates = candidatesOf(pool, txs, context, options);
  if (!Array.isArray(candidates)) {
    const { tx, rejection } = candidates as Failure;
    return failOne(tx, rejection);
  }
  const entries = candidates.map(({ entry }) => entry);
  const { policy } = context;
  const rules = rulesOf(policy);
  if (rules.truc === 'enforce')
    for (const { entry, parents } of candidates) {
      const found = packageTrucFault(pool, entry, { package: entries, parents });
      if (found === undefined) continue;
      const fault = { reason: 'TRUC-violation', detail: found.detail };
      if (rules.dialect === 'core') return refuse(fault);
      return refuse(
        found.isBetween === true ? { ...fault, reason: 'truc-parent-and-child-both' } : inKnotsWords(fault),
      );
    }
  const total = {
    fee: entries.reduce((sum, { modifiedFee }) => sum + modifiedFee, 0n),
    size: entries.reduce((sum, { size }) => sum + size, 0),
  };
  const tooCheap = isTest ? undefined : feeRateFault(pool, total.fee, total.size, context);
  if (tooCheap !== undefined) return failOne(txs.at(-1) as TransactionView, tooCheap);
  const limit = poolFault(pool, candidates, context);
  if (limit !== undefined) return refuse(limit);
  if (rules.form !== undefined) {
    const unspent = unspentDustFault(pool, txs, rules.form.dustRelayFee);
    if (unspent !== undefined)
      return { ...failOne(unspent.tx, unspent.rejection), fault: { reason: 'unspent-dust', scope: 'transaction' } };
  }
  const conflicts = new Set(candidates.flatMap((candidate) => [...candidate.conflicts]));
  const replaced = [...withDescendants(pool, conflicts)];
  const members = new Map<string, PackageMember>();
  let next = withoutEntries(pool, replaced);
  for (const candidate of candidates) {
    const entry = { ...candidate.entry, sequence: next.nextSequence };
    const failed = scriptFault(entry, context);
    if (failed !== undefined) return failOne(entry.tx, failed, isTest ? members : undefined);
    next = withEntry(next, entry);
    const judged = isTest
      ? { fee: entry.modifiedFee, size: entry.size, members: [entry.tx] }
      : { ...total, members: txs };
    members.set(toHex(entry.tx.witnessId()), {
      kind: 'accepted',
      entry,
      judged,
      replaced: members.size === 0 ? replaced : [],
    });
  }
  return { pool: isTest ? pool : next, members };
}

interface Failure {
  readonly tx: TransactionView;
  readonly rejection: Rejection;
}

function candidatesOf(
  pool: Mempool,
  txs: readonly TransactionView[],
  context: AcceptContext,
  { isTest = false, maxFeeRate }: TogetherOptions,
): readonly Candidate[] | Failure {
  const before = new Map<string, TransactionView>();
  const candidates: Candidate[] = [];
  for (const tx of txs) {
    const candidate = checkCandidate(pool, tx, context, {
      replacement: !isTest,
      siblingEviction: false,
      packageFees: !isTest,
      carveOuts: false,
      package: before,
    });
    if ('reason' in candidate) return { tx, rejection: candidate };
    const { modifiedFee, size } = candidate.entry;
    if (maxFeeRate !== undefined && modifiedFee * 1_000n > maxFeeRate * BigInt(size))
      return { tx, rejection: { reason: 'max feerate exceeded' } };
    candidates.push(candidate);
    before.set(toHex(tx.id().toReversed()), tx);
  }
  return candidates;
}

/** The limits of the pool for a package, and what it would replace. */
function poolFault(pool: Mempool, candidates: readonly Candidate[], { policy }: AcceptContext): Rejection | undefined {
  const rules = rulesOf(policy);
  const entries = candidates.map(({ entry }) => entry);
  if (rules.limits === 'chains' && candidates.length > 1) {
    const detail = packageLimitFault(pool, entries, policy);
    if (detail !== undefined) return { reason: 'package-mempool-limits', detail };
  }
  const conflicts = new Set(candidates.flatMap((candidate) => [...candidate.conflicts]));
  if (conflicts.size > 0 && (rules.limits === 'clusters' || candidates.length > 1)) {
    const fault = packageReplacementFault(pool, candidates, policy);
    if (fault !== undefined) return fault;
  }
  if (rules.limits !== 'clusters') return undefined;
  const { after } = clusterChange(pool, withDescendants(pool, conflicts), entries);
  return clustersFit(after, rules.cluster) ? undefined : { reason: 'too-large-cluster' };
}
