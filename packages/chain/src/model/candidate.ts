import { equalBytes } from '@bitcoin-enterprise/core';
import {
  checkStandardForm,
  checkStandardInputs,
  checkTransaction,
  isCoinbase,
  type PolicyProfile,
  type TransactionView,
  transactionSigopsCost,
  verifyInput,
  viewTransaction,
} from '@bitcoin-enterprise/script';
import type { Connected } from './block-node.ts';
import { ancestorsWithin } from './chain-limits.ts';
import type { Coin } from './coins.ts';
import { dustOutputs } from './ephemeral.ts';
import { outpointKey, scriptKey } from './impersonation.ts';
import { inKnotsWords, reducedOutputFault } from './knots-dialect.ts';
import { ancestorsOf, type Mempool, type MempoolEntry, parentsOf, sortedById, withDescendants } from './mempool.ts';
import type { AcceptContext } from './mempool-context.ts';
import { DEFAULT_BYTES_PER_SIGOP, type MempoolPolicy, type MempoolRules, rulesOf } from './mempool-policy.ts';
import { feeAt } from './money.ts';
import { hashText } from './names.ts';
import type { Rejection } from './rejection.ts';
import { rollingMinimum } from './rolling-fee.ts';
import { checkInputs, isFinal, sequenceLocksPassed } from './transaction-rules.ts';
import { TRUC_VERSION, trucFault } from './truc.ts';

/** What the carve-out for channels lets a child be, virtual bytes, and how much it adds to the limit. */
const CARVE_OUT_SIZE_VB = 10_000;

/** What a transaction may do, by how it came. */
export interface CandidateOptions {
  /** Whether what conflicts with it may be replaced. */
  readonly replacement: boolean;
  /** Whether it may take the place of the only child of a version 3 parent. */
  readonly siblingEviction: boolean;
  /** Whether its fee rate is judged later, with those of its package. */
  readonly packageFees: boolean;
  /** Whether it is alone, so that the exceptions to the limits on chains hold. */
  readonly carveOuts: boolean;
  /** Transactions of the same package that come before it, by id in hex. */
  readonly package?: ReadonlyMap<string, TransactionView>;
}

/** A transaction that has passed all checks of its own, with what the checks against others need. */
export interface Candidate {
  readonly entry: MempoolEntry;
  /** What it would replace directly: what spends the same, and a sibling whose place it takes. */
  readonly conflicts: ReadonlySet<MempoolEntry>;
  readonly evictsSibling: boolean;
  /** What waits and is spent by it. */
  readonly parents: ReadonlySet<MempoolEntry>;
}

/** The checks of one transaction before those against what it replaces: Core's `PreChecks`, in its order. */
export function checkCandidate(
  pool: Mempool,
  tx: TransactionView,
  context: AcceptContext,
  options: CandidateOptions,
): Candidate | Rejection {
  const candidate = check(pool, tx, context, options);
  return 'reason' in candidate && rulesOf(context.policy).dialect === 'knots' ? inKnotsWords(candidate) : candidate;
}

function check(
  pool: Mempool,
  tx: TransactionView,
  context: AcceptContext,
  options: CandidateOptions,
): Candidate | Rejection {
  const { tip, policy, consensusOnly } = context;
  const rules = rulesOf(policy);
  const reason = checkTransaction(tx);
  if (reason !== undefined) return { reason };
  if (isCoinbase(tx)) return { reason: 'coinbase' };
  const form = consensusOnly ? undefined : rules.form;
  if (form !== undefined) {
    const fault = checkStandardForm(tx, form);
    if (fault !== undefined) return { reason: fault };
  }
  if (!consensusOnly && tx.baseSize < policy.minBaseSizeBytes) return { reason: 'tx-size-small' };
  if (!isFinal(tx, tip.height + 1, tip.medianTime)) return { reason: 'non-final' };
  const known = pool.entries.get(tx.id());
  if (known !== undefined)
    return {
      reason: equalBytes(known.tx.witnessId(), tx.witnessId())
        ? 'txn-already-in-mempool'
        : 'txn-same-nonwitness-data-in-mempool',
    };
  const conflicts = conflictsOf(pool, tx);
  if (conflicts.size > 0 && consensusOnly) return { reason: 'txn-mempool-conflict' };
  if (conflicts.size > 0 && !options.replacement) return { reason: 'bip125-replacement-disallowed' };

  const entry = entryFor(pool, tx, context, options);
  if ('reason' in entry) return entry;
  const reduced = !consensusOnly && rules.dialect === 'knots' ? reducedOutputFault(tx) : undefined;
  if (reduced !== undefined) return reduced;
  if (form !== undefined) {
    const fault = formOfSpent(entry, form, rules);
    if (fault !== undefined) return fault;
  }
  return consensusOnly || context.bypassLimits === true
    ? { entry, conflicts, evictsSibling: false, parents: parentsOf(pool, tx) }
    : checkRelay(pool, { entry, conflicts, evictsSibling: false, parents: parentsOf(pool, tx) }, context, options);
}

/** What it would be as one that waits: its inputs, its locks, its fee. */
function entryFor(
  pool: Mempool,
  tx: TransactionView,
  context: AcceptContext,
  options: CandidateOptions,
): MempoolEntry | Rejection {
  const { tip } = context;
  const coins = coinsFor(pool, tx, context, options.package);
  if (coins.includes(undefined) && isKnownToChain(tx, context)) return { reason: 'txn-already-known' };
  const checked = checkInputs(tx, coins, tip.height + 1);
  if ('reason' in checked && checked.reason === 'bad-txns-inputs-missingorspent')
    return { ...checked, category: 'missing-inputs' };
  const spent = coins as readonly Coin[];
  if (!sequenceLocksPassed(tx, spent, tip)) return { reason: 'non-BIP68-final' };
  if ('reason' in checked) return checked;
  const sigopsCost = transactionSigopsCost(tx, spent);
  const { bytesPerSigop = DEFAULT_BYTES_PER_SIGOP } = context.policy;
  const adjustedWeight = Math.max(tx.weight, sigopsCost * bytesPerSigop);
  return {
    tx,
    fee: checked.fee,
    modifiedFee: checked.fee + (context.priorities?.get(tx.id()) ?? 0n),
    size: Math.ceil(adjustedWeight / 4),
    adjustedWeight,
    sigopsCost,
    spent,
    waived: waivedInputs(tx, spent, context),
    sequence: pool.nextSequence,
    time: context.now ?? tip.header.time,
    height: tip.height,
  };
}

function formOfSpent(
  { tx, spent, fee, modifiedFee }: MempoolEntry,
  form: PolicyProfile,
  { explainsInputs, dialect }: MempoolRules,
): Rejection | undefined {
  const inputFault = checkStandardInputs(tx, spent, form);
  if (inputFault !== undefined) {
    const { fault, detail } = inputFault;
    // Core tells nothing of witnesses, and before version 31 nothing of inputs; in the words of Knots it becomes the reason.
    const isTold = dialect === 'knots' || (explainsInputs && fault === 'bad-txns-nonstandard-inputs');
    return detail === undefined || !isTold ? { reason: fault } : { reason: fault, detail };
  }
  // Whoever mined dust for its own fee would leave it behind.
  return (fee !== 0n || modifiedFee !== 0n) && dustOutputs(tx, form.dustRelayFee).length > 0
    ? { reason: 'dust', detail: 'tx with dust output must be 0-fee' }
    : undefined;
}

/** What a node asks of a transaction beyond its form: fees, chains, version 3. */
function checkRelay(
  pool: Mempool,
  candidate: Candidate,
  context: AcceptContext,
  options: CandidateOptions,
): Candidate | Rejection {
  const { policy } = context;
  const rules = rulesOf(policy);
  const { entry } = candidate;
  const nonStandard = askStandardness(entry, policy);
  if (nonStandard !== undefined) return { reason: nonStandard };
  if (entry.sigopsCost > policy.maxSigopsCost)
    return { reason: 'bad-txns-too-many-sigops', detail: String(entry.sigopsCost) };
  const relayFee = feeAt(policy.minRelayFeeRate, entry.size);
  if (rules.minRelayFeeInPackages && !isExemptTruc(entry, policy) && entry.modifiedFee < relayFee)
    return { reason: 'min relay fee not met', detail: `${entry.modifiedFee} < ${relayFee}` };
  if (!options.packageFees) {
    const fault = feeRateFault(pool, entry.modifiedFee, entry.size, context);
    if (fault !== undefined) return fault;
  }
  if (rules.limits === 'chains') {
    const fault = chainFault(pool, candidate, policy, options);
    if (fault !== undefined) return { reason: 'too-long-mempool-chain', detail: fault };
  }
  const relatives = rules.limits === 'clusters' ? candidate.parents : ancestorsOf(pool, entry.tx);
  const checked = rules.truc === 'enforce' ? checkTruc(pool, candidate, relatives, options) : candidate;
  if ('reason' in checked || rules.limits === 'clusters') return checked;
  return spendsConflictFault(pool, checked) ?? checked;
}

/** Version 3 transactions may come below the relay fee, in a package that pays for them. */
function isExemptTruc({ tx }: MempoolEntry, policy: MempoolPolicy): boolean {
  return rulesOf(policy).truc === 'enforce' && tx.version === TRUC_VERSION;
}

/** Whether a fee reaches what the pool asks for, now and always. */
export function feeRateFault(
  pool: Mempool,
  fee: bigint,
  size: number,
  { policy, now, tip }: AcceptContext,
): Rejection | undefined {
  const rolling = feeAt(rollingMinimum(pool, policy, now ?? tip.header.time), size);
  if (rolling > 0n && fee < rolling)
    return { reason: 'mempool min fee not met', category: 'reconsiderable', detail: `${fee} < ${rolling}` };
  const relay = feeAt(policy.minRelayFeeRate, size);
  return fee < relay
    ? { reason: 'min relay fee not met', category: 'reconsiderable', detail: `${fee} < ${relay}` }
    : undefined;
}

/** Which limit on chains of waiting transactions would be broken, with Core's exceptions for replacements and channels. */
function chainFault(
  pool: Mempool,
  { entry, conflicts, parents }: Candidate,
  policy: MempoolPolicy,
  { carveOuts }: CandidateOptions,
): string | undefined {
  const { carveOut, name } = rulesOf(policy);
  const [conflict] = conflicts;
  let { maxDescendants, maxDescendantSizeVb } = policy;
  if (conflict !== undefined && conflicts.size === 1 && carveOuts && carveOut) {
    maxDescendants++;
    for (const gone of withDescendants(pool, [conflict])) maxDescendantSizeVb += gone.size;
  } else if (name === 'plain') {
    // What will be replaced does not count.
    const gone = withDescendants(pool, conflicts);
    const shared = [...gone].filter((other) => ancestorsOf(pool, other.tx).size > 0);
    maxDescendants += shared.length;
    for (const other of shared) maxDescendantSizeVb += other.size;
  }
  const limits = { ...policy, maxDescendants, maxDescendantSizeVb };
  const found = ancestorsWithin(pool, parents, { size: entry.size, count: 1, limits });
  if (typeof found !== 'string') return undefined;
  if (!carveOut || !carveOuts || entry.size > CARVE_OUT_SIZE_VB || entry.tx.version === TRUC_VERSION) return found;
  const wider = {
    ...limits,
    maxAncestors: 2,
    maxDescendants: maxDescendants + 1,
    maxDescendantSizeVb: maxDescendantSizeVb + CARVE_OUT_SIZE_VB,
  };
  const retried = ancestorsWithin(pool, parents, { size: entry.size, count: 1, limits: wider });
  return typeof retried === 'string' ? found : undefined;
}

function checkTruc(
  pool: Mempool,
  candidate: Candidate,
  relatives: ReadonlySet<MempoolEntry>,
  options: CandidateOptions,
): Candidate | Rejection {
  const { entry, conflicts, parents } = candidate;
  const fault = trucFault(pool, entry.tx, { size: entry.size, parents, conflicts, relatives });
  if (fault === undefined) return candidate;
  if (fault.sibling === undefined || !options.siblingEviction)
    return { reason: 'TRUC-violation', detail: fault.detail };
  return { ...candidate, conflicts: new Set([...conflicts, fault.sibling]), evictsSibling: true };
}

/** A transaction that stands on what it replaces could never be mined. */
export function spendsConflictFault(pool: Mempool, { entry, conflicts }: Candidate): Rejection | undefined {
  if (conflicts.size === 0) return undefined;
  for (const ancestor of sortedById(ancestorsOf(pool, entry.tx)))
    if (conflicts.has(ancestor))
      return {
        reason: 'bad-txns-spends-conflicting-tx',
        detail: `${hashText(entry.tx.id())} spends conflicting transaction ${hashText(ancestor.tx.id())}`,
      };
  return undefined;
}

/** What a transaction would spend: coins of the chain, outputs that wait themselves, and those of its package. */
function coinsFor(
  pool: Mempool,
  tx: TransactionView,
  { tip }: AcceptContext,
  package_: ReadonlyMap<string, TransactionView> | undefined,
): readonly (Coin | undefined)[] {
  const { coins } = tip.connected as Connected;
  return Array.from({ length: tx.inputCount }, (_, i) => {
    const txid = tx.previousTxid(i);
    const index = tx.previousIndex(i);
    const parent = package_?.get(hashText(txid)) ?? pool.entries.get(txid)?.tx;
    if (parent === undefined) return coins.get(txid, index);
    if (index >= parent.outputCount) return undefined;
    // An output that waits is treated as one of the next block (BIP68).
    const height = tip.height + 1;
    return { value: parent.value(index), scriptPubKey: parent.scriptPubKey(index), height, coinbase: false };
  });
}

function isKnownToChain(tx: TransactionView, { tip }: AcceptContext): boolean {
  const { coins } = tip.connected as Connected;
  for (let i = 0; i < tx.outputCount; i++) if (coins.get(tx.id(), i) !== undefined) return true;
  return false;
}

function conflictsOf(pool: Mempool, tx: TransactionView): ReadonlySet<MempoolEntry> {
  const conflicts = new Set<MempoolEntry>();
  for (let i = 0; i < tx.inputCount; i++) {
    const spender = pool.spenders.get(tx.previousTxid(i), tx.previousIndex(i));
    if (spender !== undefined) conflicts.add(spender);
  }
  return conflicts;
}

/** Inputs whose scripts fail, and whose coins the user may spend all the same. */
function waivedInputs(tx: TransactionView, spent: readonly Coin[], context: AcceptContext): ReadonlySet<number> {
  const waived = new Set(context.waived);
  if (context.impersonated.size === 0) return waived;
  for (const [inputIndex, coin] of spent.entries()) {
    const { impersonated, crypto, blockFlags } = context;
    if (!impersonated.has(scriptKey(coin.scriptPubKey)) && !impersonated.has(outpointKey(tx.outpoint(inputIndex))))
      continue;
    if (!verifyInput({ tx, inputIndex, spentOutputs: spent, flags: blockFlags, crypto }).ok) waived.add(inputIndex);
  }
  return waived;
}

/** Asks the user's rule, which gets copies: what it does with them is its own affair. */
function askStandardness({ tx, spent }: MempoolEntry, { standardness }: MempoolPolicy): string | undefined {
  return standardness?.(
    viewTransaction(new Uint8Array(tx.bytes)),
    spent.map(({ value, scriptPubKey }) => ({ value, scriptPubKey: new Uint8Array(scriptPubKey) })),
  );
}
