import { type BatchItem, type CryptoEngine, currentCrypto } from '@bitcoin-enterprise/core';
import { invalidArgument, requireBytes, requireCrypto, requireInteger, requireObject } from '../errors.ts';

/** Fewer checks are not worth a thread. */
const LEAST_OFFER = 64;
/** More are begun in parts. */
const MOST_OFFERED = 8_192;
const OFFER_GROWTH = 1.25;

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
  #begun: { readonly owners: readonly number[]; readonly ask: () => readonly number[] }[] = [];
  #begunSize = 0;
  /** How many checks must wait before they are offered. */
  #offerAt = LEAST_OFFER;

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
    this.#items.push(copyOfItem(item));
    this.#owners.push(owner);
    if (this.#items.length >= this.#offerAt) this.#offer();
  }

  /**
   * Makes all checks, forgets them, and returns the owners of those that fail, ascending and without repetition.
   * Where the engine throws nothing is forgotten: the checks are still to be made, so take another batch for others.
   */
  verify(): readonly number[] {
    // Forgotten only once there is an answer: an engine that throws has answered nothing.
    const failed =
      this.#items.length === 0
        ? []
        : this.#crypto.verifyBatch(this.#items).map((index) => this.#owners[index] as number);
    for (const { owners, ask } of this.#begun) failed.push(...ask().map((index) => owners[index] as number));
    [this.#items, this.#owners, this.#begun, this.#begunSize] = [[], [], [], 0];
    this.#offerAt = LEAST_OFFER;
    return [...new Set(failed)].sort((a, b) => a - b);
  }

  /** Offers the oldest checks to an idle thread; one refused is offered again when it has grown, not at each check. */
  #offer(): void {
    const ask = this.#crypto.beginBatch?.(this.#items.slice(0, MOST_OFFERED));
    if (ask === undefined) {
      this.#offerAt = Math.ceil(this.#items.length * OFFER_GROWTH);
      return;
    }
    const owners = this.#owners.splice(0, MOST_OFFERED);
    this.#items.splice(0, MOST_OFFERED);
    this.#begun.push({ owners, ask });
    this.#begunSize += owners.length;
    this.#offerAt = Math.max(LEAST_OFFER, this.#items.length);
  }
}

function copyOfItem(item: BatchItem): BatchItem {
  if (item.kind === 'schnorr')
    return {
      kind: 'schnorr',
      signature: copyOf(item.signature, 'item.signature', 64),
      message: copyOf(item.message, 'item.message'),
      xOnlyPublicKey: copyOf(item.xOnlyPublicKey, 'item.xOnlyPublicKey', 32),
    };
  if (item.kind !== 'tweak') throw invalidArgument('item.kind', "'schnorr' or 'tweak'", (item as BatchItem).kind);
  return {
    kind: 'tweak',
    tweakedXOnly: copyOf(item.tweakedXOnly, 'item.tweakedXOnly', 32),
    parity: requireInteger(item.parity, 'item.parity', 0, 1),
    internalXOnly: copyOf(item.internalXOnly, 'item.internalXOnly', 32),
    tweak: copyOf(item.tweak, 'item.tweak', 32),
  };
}

/** Never `slice`: that of a Buffer gives a view, which changes with what it was made from. */
function copyOf(bytes: unknown, argument: string, length?: number): Uint8Array {
  return new Uint8Array(requireBytes(bytes, argument, length));
}
