import { invalidArgument, WalletError } from '../errors.ts';
import { SecretBytes } from '../keys/secret-bytes.ts';

/**
 * Where the PIN of a token comes from: bytes that the caller keeps, or a function that is asked at every login and whose
 * answer is wiped afterwards.
 */
export type PinSource = SecretBytes | (() => SecretBytes | Promise<SecretBytes>);

/**
 * Gives the PIN for one login. One that was wrong is not tried again, because a token locks itself after a few: bytes
 * that were wrong stay wrong, and a function is asked once for each call of the wallet.
 */
export class Pin {
  readonly #source: PinSource;
  #wrong: WalletError | undefined;

  constructor(source: unknown) {
    if (!(source instanceof SecretBytes) && typeof source !== 'function')
      throw invalidArgument('options.pin', 'SecretBytes, or a function that gives them', source);
    this.#source = source as PinSource;
  }

  /**
   * A copy of the PIN, which the caller overwrites.
   *
   * @throws WalletError `WALLET_TOKEN_PIN_WRONG` when these bytes were wrong before; `WALLET_INVALID_ARGUMENT`.
   */
  async read(): Promise<Uint8Array> {
    if (this.#wrong !== undefined) throw this.#wrong;
    const source = this.#source;
    if (source instanceof SecretBytes) return source.use((bytes) => new Uint8Array(bytes));
    const given: unknown = await source();
    if (!(given instanceof SecretBytes)) throw invalidArgument('options.pin()', 'SecretBytes', given);
    try {
      return given.use((bytes) => new Uint8Array(bytes));
    } finally {
      given.wipe();
    }
  }

  /** Remembers that the token did not take it, and makes the error that says so. */
  refused(isLocked: boolean): WalletError {
    const error = new WalletError('WALLET_TOKEN_PIN_WRONG', 'expected the PIN of the token, got another', {
      details: { isLocked },
      hint: isLocked
        ? 'The token takes no further PIN; its security officer can set a new one.'
        : 'It is not tried again: a token locks itself after a few.',
    });
    if (this.#source instanceof SecretBytes || isLocked) this.#wrong = error;
    return error;
  }
}
