import type { CallOptions } from './signer.ts';

/** What a key store encrypts, or has encrypted. */
export interface SealedBytes {
  /** Names the key and nobody: random, so that it says nothing of the subject once the key is gone. */
  readonly keyId: string;
  /** 12 bytes, never used twice with one key. */
  readonly iv: Uint8Array;
  /** AES-256-GCM with its tag of 16 bytes. */
  readonly ciphertext: Uint8Array;
}

/**
 * Keys of people and other subjects of data, one each, made when first needed. Destroying a key is how personal data
 * leaves a log that forgets nothing: keep these keys apart from its backups.
 */
export interface KeyStore {
  /**
   * Encrypts with the key of a subject.
   *
   * @param subject - The store's name for whom the data is about.
   * @param content - The plaintext, and what the ciphertext is bound to.
   * @throws ReceiptsError `RECEIPTS_SEAL_KEY_UNAVAILABLE` when the key is destroyed meanwhile: nothing that nobody can
   * open is handed out as sealed.
   */
  seal(
    subject: string,
    content: { readonly plaintext: Uint8Array; readonly associatedData: Uint8Array },
    options?: CallOptions,
  ): Promise<SealedBytes>;
  /**
   * Decrypts.
   *
   * @returns `undefined` when the key is not there, or not there any more.
   * @throws ReceiptsError `RECEIPTS_SEALED_INVALID` when it is there and does not open this.
   */
  open(sealed: SealedBytes, associatedData: Uint8Array, options?: CallOptions): Promise<Uint8Array | undefined>;
  /**
   * Destroys the key of a subject for good, durable before it answers. A subject who comes back gets a new one.
   *
   * @returns Whether there was one.
   */
  destroy(subject: string, options?: CallOptions): Promise<boolean>;
}
