import { type BatchItem, type CryptoEngine, currentCrypto } from '@bitcoin-enterprise/core';
import { invalidArgument, requireBytes, requireCrypto, requireInteger, requireObject } from '../errors.ts';

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
  #items: BatchItem[] = [];
  #owners: number[] = [];
  /** Checks that another thread makes meanwhile. */
  #begun: { readonly owners: readonly number[]; readonly failed: () => readonly number[] }[] = [];
  #begunSize = 0;

  constructor(crypto: CryptoEngine = currentCrypto()) {
    this.#crypto = requireCrypto(crypto);
  }

  /** How many checks wait. */
  get size(): number {
    return this.#items.length + this.#begunSize;
  }

  /**
   * Puts a check off; `owner` names it when it fails. Its bytes are copied: what was checked must not change until it is
   * verified, even where the caller reads the next transaction into the same buffer.
   *
   * @throws {@link ScriptError} `SCRIPT_INVALID_ARGUMENT`.
   */
  add(item: BatchItem, owner: number): void {
    requireObject(item, 'item');
    requireInteger(owner, 'owner', 0, Number.MAX_SAFE_INTEGER);
    this.#items.push(copyOf(item));
    this.#owners.push(owner);
    const failed = this.#crypto.beginBatch?.(this.#items);
    if (failed === undefined) return;
    this.#begun.push({ owners: this.#owners, failed });
    this.#begunSize += this.#items.length;
    this.#items = [];
    this.#owners = [];
  }

  /** Makes all checks, forgets them, and returns the owners of those that fail, ascending and without repetition. */
  verify(): readonly number[] {
    const [items, owners, begun] = [this.#items, this.#owners, this.#begun];
    [this.#items, this.#owners, this.#begun, this.#begunSize] = [[], [], [], 0];
    const failed = items.length === 0 ? [] : this.#crypto.verifyBatch(items).map((index) => owners[index] as number);
    for (const share of begun) failed.push(...share.failed().map((index) => share.owners[index] as number));
    return [...new Set(failed)].sort((a, b) => a - b);
  }
}

function copyOf(item: BatchItem): BatchItem {
  if (item.kind === 'schnorr')
    return {
      kind: 'schnorr',
      signature: requireBytes(item.signature, 'item.signature', 64).slice(),
      message: requireBytes(item.message, 'item.message').slice(),
      xOnlyPublicKey: requireBytes(item.xOnlyPublicKey, 'item.xOnlyPublicKey', 32).slice(),
    };
  if (item.kind !== 'tweak') throw invalidArgument('item.kind', "'schnorr' or 'tweak'", (item as BatchItem).kind);
  return {
    kind: 'tweak',
    tweakedXOnly: requireBytes(item.tweakedXOnly, 'item.tweakedXOnly', 32).slice(),
    parity: requireInteger(item.parity, 'item.parity', 0, 1),
    internalXOnly: requireBytes(item.internalXOnly, 'item.internalXOnly', 32).slice(),
    tweak: requireBytes(item.tweak, 'item.tweak', 32).slice(),
  };
}
