import { requireBytes } from '../checks.ts';
import { WalletError } from '../errors.ts';
import { offHeap } from './off-heap.ts';

/**
 * Secret bytes that are shown to nobody: not in JSON, not in logs, not by `util.inspect`; wiped when they are done with.
 *
 * @example
 * ```ts
 * import { SecretBytes } from '@bitcoin-enterprise/wallet/keys';
 *
 * const secret = new SecretBytes(new Uint8Array(32).fill(7));
 * JSON.stringify({ secret }); // => '{"secret":"[secret]"}'
 * secret.use((bytes) => bytes.length); // => 32
 * secret.wipe();
 * secret.isWiped; // => true
 * ```
 */
export class SecretBytes {
  readonly #bytes: Uint8Array;
  #isWiped = false;

  /** @param bytes - Copied: the caller wipes its own. */
  constructor(bytes: Uint8Array) {
    const given = requireBytes('bytes', bytes);
    this.#bytes = offHeap(given.length);
    this.#bytes.set(given);
    // Not by name in the class, for a declaration could not say which symbol it is.
    Object.defineProperty(this, Symbol.for('nodejs.util.inspect.custom'), { value: () => '[secret]' });
  }

  /** Whether `wipe` was called. */
  get isWiped(): boolean {
    return this.#isWiped;
  }

  /**
   * Lends the bytes to a function, which must not keep them.
   *
   * @throws WalletError `WALLET_SECRET_WIPED`.
   */
  use<Result>(action: (bytes: Uint8Array) => Result): Result {
    if (this.#isWiped)
      throw new WalletError('WALLET_SECRET_WIPED', 'expected a secret, got one that was wiped', {
        details: { what: 'secret bytes' },
        hint: 'Read or unlock it again.',
      });
    return action(this.#bytes);
  }

  /** Overwrites the bytes with zeros, for good. */
  wipe(): void {
    this.#bytes.fill(0);
    this.#isWiped = true;
  }

  /** `[secret]`. */
  toJSON(): string {
    return '[secret]';
  }

  /** `[secret]`. */
  toString(): string {
    return '[secret]';
  }
}
