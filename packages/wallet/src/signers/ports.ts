import type { KeyOrigin } from '@bitcoin-enterprise/descriptors';
import type { Psbt } from '../psbt/model.ts';

/** What every call of a signer takes last. */
export interface SignerCallOptions {
  /** Ends the call: it then throws `WALLET_ABORTED`. */
  readonly signal?: AbortSignal;
}

/** Signs transactions with keys that never leave it. */
export interface Signer {
  /** For people, logs and receipts; never a secret. */
  readonly name: string;
  /**
   * Adds the signatures that this signer can make; what it has no keys for stays as it is.
   *
   * @returns The PSBT with what was added. Nothing else of it has changed.
   * @throws WalletError `WALLET_PSBT_INPUT_INVALID` when an input contradicts itself, `WALLET_SIGNER_UNAVAILABLE`,
   * `WALLET_SIGNER_REFUSED`, `WALLET_ABORTED`.
   */
  sign(psbt: Psbt, options?: SignerCallOptions): Promise<Psbt>;
}

/** Names a key. */
export interface KeyReference {
  /** 33 or 65 bytes, 32 of a key of Taproot. */
  readonly publicKey: Uint8Array;
  /** From which master key, if it is known. */
  readonly origin?: KeyOrigin;
}

/** One signature that is wanted of a key. */
export interface DigestRequest {
  readonly key: KeyReference;
  /** `ecdsa`: 64 bytes `r || s`, low S. `schnorr`: BIP340. */
  readonly scheme: 'ecdsa' | 'schnorr';
  /** 32 bytes. */
  readonly digest: Uint8Array;
  /** 32 bytes that are added to the secret key before it signs (BIP341); only `schnorr`. */
  readonly tweak?: Uint8Array;
}

/** Holds keys and signs hashes: what a token or a key in memory is to a {@link Signer}. */
export interface DigestSigner {
  readonly name: string;
  /** For each key, whether it is held. */
  holds(keys: readonly KeyReference[], options?: SignerCallOptions): Promise<readonly boolean[]>;
  /** One signature of 64 bytes for each request, all or none. */
  signDigests(requests: readonly DigestRequest[], options?: SignerCallOptions): Promise<readonly Uint8Array[]>;
}
