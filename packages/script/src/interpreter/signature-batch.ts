import { type BatchItem, type CryptoEngine, currentCrypto } from '@bitcoin-enterprise/core';
import { requireInteger, requireObject } from '../errors.ts';

/**
 * Schnorr signatures and Taproot commitments put off, to be checked together.
 *
 * Deferring is exact: BIP342 lets a non-empty signature only succeed or fail its script, so that a script which ran to
 * its end on the assumption that all hold is valid if and only if they do.
 *
 * @example
 * ```ts no-run
 * import { SignatureBatch, consensusFlags, verifyTransaction, type SpentOutput } from '@bitcoin-enterprise/script';
 *
 * declare const transactions: readonly { tx: Uint8Array; spentOutputs: SpentOutput[] }[];
 *
 * const batch = new SignatureBatch();
 * transactions.forEach(({ tx, spentOutputs }, owner) =>
 *   verifyTransaction({ tx, spentOutputs, flags: consensusFlags, batch, batchOwner: owner }),
 * );
 * batch.verify(); // => the owners whose signatures do not hold
 * ```
 */
export class SignatureBatch {
  readonly #crypto: CryptoEngine;
  readonly #items: BatchItem[] = [];
  readonly #owners: number[] = [];

  constructor(crypto: CryptoEngine = currentCrypto()) {
    this.#crypto = crypto;
  }

  /** How many checks wait. */
  get size(): number {
    return this.#items.length;
  }

  /** Puts a check off; `owner` names it when it fails. */
  add(item: BatchItem, owner: number): void {
    requireObject(item, 'item');
    requireInteger(owner, 'owner', 0, Number.MAX_SAFE_INTEGER);
    this.#items.push(item);
    this.#owners.push(owner);
  }

  /** Makes all checks, forgets them, and returns the owners of those that fail, ascending and without repetition. */
  verify(): readonly number[] {
    const failed = this.#items.length === 0 ? [] : this.#crypto.verifyBatch(this.#items);
    const owners = [...new Set(failed.map((index) => this.#owners[index] as number))].sort((a, b) => a - b);
    this.#items.length = 0;
    this.#owners.length = 0;
    return owners;
  }
}
