import { type CryptoEngine, toHex } from '@bitcoin-enterprise/core';
import {
  type ScriptFlag,
  SignatureBatch,
  type SpentOutput,
  type TransactionView,
  verifyInput,
  verifyTransaction,
} from '@bitcoin-enterprise/script';
import { hashText } from './names.ts';
import type { Rejection } from './rejection.ts';

/** A transaction whose scripts are to be checked. */
export interface ScriptJob {
  readonly tx: TransactionView;
  readonly transactionIndex: number;
  /** What its inputs spend, in their order. */
  readonly spentOutputs: readonly SpentOutput[];
  /** Inputs that an impersonation lets pass without being asked. */
  readonly waived: ReadonlySet<number>;
}

/**
 * Transactions whose scripts were found right: what the mempool has checked, a block need not check again.
 *
 * A witness id commits to the whole transaction, and its inputs name what they spend by hash, so that a verdict under
 * the same flags holds on every branch. It holds no state of any chain and may serve many.
 */
export class ScriptCache {
  readonly #known = new Set<string>();
  readonly #limit: number;

  /** @param limit - Most transactions remembered; the oldest is forgotten first. */
  constructor(limit = 50_000) {
    this.#limit = limit;
  }

  /** Whether a transaction is known to be right. */
  has(witnessId: Uint8Array): boolean {
    return this.#known.size > 0 && this.#known.has(toHex(witnessId));
  }

  /** Remembers a transaction. */
  add(witnessId: Uint8Array): void {
    this.#known.add(toHex(witnessId));
    if (this.#known.size <= this.#limit) return;
    for (const oldest of this.#known) {
      this.#known.delete(oldest);
      break;
    }
  }
}

/** What script checks run with. */
export interface ScriptChecks {
  readonly crypto: CryptoEngine;
  readonly cache: ScriptCache;
  /** Opens the reason: Core says `block-script-verify-flag-failed` and `mandatory-script-verify-flag-failed`. */
  readonly prefix: string;
  /** Whether what is found right is remembered. */
  readonly remember: boolean;
  /** The rules of blocks; what the cache knows holds for these alone. */
  readonly blockFlags: readonly ScriptFlag[];
  /** The rules asked about; those of blocks when absent. */
  readonly flags?: readonly ScriptFlag[];
}

/**
 * Checks the scripts of many transactions, with all Schnorr checks in one batch, which an
 * engine with idle threads begins while transactions are still coming.
 */
export class ScriptChecker {
  readonly #checks: ScriptChecks;
  readonly #batch: SignatureBatch;
  readonly #jobs: ScriptJob[] = [];
  #failed = false;

  constructor(checks: ScriptChecks) {
    this.#checks = checks;
    this.#batch = new SignatureBatch(checks.crypto);
  }

  /** Takes the next transaction. */
  add(job: ScriptJob): void {
    const { crypto, cache, blockFlags, flags = blockFlags } = this.#checks;
    const { tx, spentOutputs, waived } = job;
    if (flags === blockFlags && cache.has(tx.witnessId(crypto))) return;
    const batchOwner = this.#jobs.push(job) - 1;
    // What comes behind a fault cannot be the first one.
    if (this.#failed) return;
    this.#failed =
      waived.size > 0
        ? checkOneByOne(job, this.#checks) !== undefined
        : !verifyTransaction({ tx, spentOutputs, flags, crypto, batch: this.#batch, batchOwner }).ok;
  }

  /** Names the first fault, if there is one; without one, what was found right may be remembered. */
  finish(): Rejection | undefined {
    const { crypto, cache, remember } = this.#checks;
    if (this.#failed || this.#batch.verify().length > 0) return firstFault(this.#jobs, this.#checks);
    if (remember) for (const { tx, waived } of this.#jobs) if (waived.size === 0) cache.add(tx.witnessId(crypto));
    return undefined;
  }
}

/** Names the first fault in order, without a batch: one put off in an earlier input comes before a later script's. */
function firstFault(jobs: readonly ScriptJob[], checks: ScriptChecks): Rejection | undefined {
  for (const job of jobs) {
    const failed = checkOneByOne(job, checks);
    if (failed !== undefined) return failed;
  }
  return undefined;
}

/** Checks a transaction input by input without a batch, which names the input and the error. */
function checkOneByOne(
  job: ScriptJob,
  { crypto, prefix, blockFlags, flags = blockFlags }: ScriptChecks,
): Rejection | undefined {
  const { tx, spentOutputs, transactionIndex, waived } = job;
  for (let inputIndex = 0; inputIndex < tx.inputCount; inputIndex++) {
    if (waived.has(inputIndex)) continue;
    const verdict = verifyInput({ tx, inputIndex, spentOutputs, flags, crypto });
    if (verdict.ok) continue;
    const detail = inputText(tx, inputIndex);
    return { reason: prefix, detail, scriptError: verdict.error, transactionIndex, inputIndex };
  }
  return undefined;
}

/** An input as Core's messages name it. */
export function inputText(tx: TransactionView, inputIndex: number): string {
  const spent = `${hashText(tx.previousTxid(inputIndex))}:${tx.previousIndex(inputIndex)}`;
  return `input ${inputIndex} of ${hashText(tx.id())} (wtxid ${hashText(tx.witnessId())}), spending ${spent}`;
}
