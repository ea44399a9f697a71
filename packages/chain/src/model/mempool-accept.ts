import type { TransactionView } from '@bitcoin-enterprise/script';
import { ancestorsWithin } from './chain-limits.ts';
import { type Candidate, checkCandidate, spendsConflictFault } from './candidate.ts';
import { clusterChange, clustersFit } from './clusters.ts';
import { unspentDustFault } from './ephemeral.ts';
import { reducedScriptFault } from './knots-dialect.ts';
import { type Mempool, type MempoolEntry, withDescendants, withEntry, withoutEntries } from './mempool.ts';
import type { AcceptContext } from './mempool-context.ts';
import { rulesOf } from './mempool-policy.ts';
import { replacementFault } from './replacement.ts';
import type { Rejection } from './rejection.ts';
import { inputText, ScriptChecker } from './scripts.ts';

export type { AcceptContext } from './mempool-context.ts';

/** What became of it. */
export interface Accepted {
  readonly pool: Mempool;
  readonly entry: MempoolEntry;
  /** What had to go for it. */
  readonly replaced: readonly MempoolEntry[];
}

/** How a single transaction comes. */
export interface AcceptOptions {
  /** Whether it is one of a package, which takes it out of some exceptions to the limits. */
  readonly ofPackage?: boolean;
  /** What its sender wants to pay at most, sat/kvB. */
  readonly maxFeeRate?: bigint;
}

/** Lets a transaction into the pool, or says why not: Core's `MemPoolAccept` for one transaction, in its order. */
export function acceptToMempool(
  pool: Mempool,
  tx: TransactionView,
  context: AcceptContext,
  options: AcceptOptions = {},
): Accepted | Rejection {
  const { policy, consensusOnly } = context;
  const { ofPackage = false, maxFeeRate } = options;
  const rules = rulesOf(policy);
  const candidate = checkCandidate(pool, tx, context, {
    replacement: true,
    siblingEviction: true,
    packageFees: false,
    carveOuts: !ofPackage,
  });
  if ('reason' in candidate) return candidate;
  const { entry, conflicts } = candidate;
  const isFree = consensusOnly || context.bypassLimits === true;
  const checks: readonly (() => Rejection | undefined)[] = isFree
    ? [() => chainFault(pool, candidate, context)]
    : rules.limits === 'clusters'
      ? [
          () => (conflicts.size === 0 ? undefined : replacementFault(pool, candidate, policy)),
          () => clusterFault(pool, candidate, context),
          () => spendsConflictFault(pool, candidate),
          () => senderFault(entry, maxFeeRate),
          () => dustFault(pool, entry, context),
        ]
      : [
          () => senderFault(entry, maxFeeRate),
          () => dustFault(pool, entry, context),
          () => (conflicts.size === 0 ? undefined : replacementFault(pool, candidate, policy)),
        ];
  for (const check of checks) {
    const fault = check();
    if (fault !== undefined) return fault;
  }
  const failed = scriptFault(entry, context);
  if (failed !== undefined) return failed;
  const replaced = [...withDescendants(pool, conflicts)];
  return { pool: withEntry(withoutEntries(pool, replaced), entry), entry, replaced };
}

/** Whether a transaction pays more than its sender wants to. */
function senderFault({ modifiedFee, size }: MempoolEntry, maxFeeRate: bigint | undefined): Rejection | undefined {
  return maxFeeRate !== undefined && modifiedFee * 1_000n > maxFeeRate * BigInt(size)
    ? { reason: 'max feerate exceeded' }
    : undefined;
}

function dustFault(pool: Mempool, { tx }: MempoolEntry, { policy }: AcceptContext): Rejection | undefined {
  const { form } = rulesOf(policy);
  return form === undefined ? undefined : unspentDustFault(pool, [tx], form.dustRelayFee)?.rejection;
}

function clusterFault(
  pool: Mempool,
  { entry, conflicts }: Candidate,
  { policy }: AcceptContext,
): Rejection | undefined {
  const { after } = clusterChange(pool, withDescendants(pool, conflicts), [entry]);
  return clustersFit(after, rulesOf(policy).cluster) ? undefined : { reason: 'too-large-cluster' };
}

/** After a reorganisation fees do not count, but the limits do. */
function chainFault(pool: Mempool, candidate: Candidate, context: AcceptContext): Rejection | undefined {
  if (context.chainLimits !== true) return undefined;
  const { policy } = context;
  if (rulesOf(policy).limits === 'clusters') return clusterFault(pool, candidate, context);
  const { entry, parents } = candidate;
  const found = ancestorsWithin(pool, parents, { size: entry.size, count: 1, limits: policy });
  return typeof found === 'string' ? { reason: 'too-long-mempool-chain', detail: found } : undefined;
}

/** Runs the scripts under the rules of the pool; where they fail, those of blocks decide on the words. */
export function scriptFault(entry: MempoolEntry, context: AcceptContext): Rejection | undefined {
  const { crypto, cache, blockFlags, policy, consensusOnly } = context;
  const { flags, scriptFailure, dialect } = rulesOf(policy);
  const { tx, spent, waived } = entry;
  const job = { tx, transactionIndex: 0, spentOutputs: spent, waived };
  const run = (under: typeof flags, prefix: string): Rejection | undefined => {
    const scripts = new ScriptChecker({ crypto, cache, blockFlags, prefix, remember: true, flags: under });
    scripts.add(job);
    return scripts.finish();
  };
  if (consensusOnly) return run(blockFlags, scriptFailure.consensus);
  const reduced = dialect === 'knots' ? reducedScriptFault(tx, spent) : undefined;
  if (reduced !== undefined)
    return { reason: scriptFailure.policy, detail: inputText(tx, reduced.inputIndex), ...reduced };
  const failed = run(flags, scriptFailure.policy);
  if (failed === undefined || scriptFailure.consensus === scriptFailure.policy) return failed;
  return run(blockFlags, scriptFailure.consensus) ?? failed;
}
