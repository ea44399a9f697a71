import { currentCrypto, type Entropy, toHex } from '@bitcoin-enterprise/core';
import type { EventStore } from '@bitcoin-enterprise/events';
import type { KeyStore } from '@bitcoin-enterprise/receipts';
import { requireBytes } from '../../checks.ts';
import type { SecretBytes } from '../../keys/secret-bytes.ts';

/** Settings of {@link openNonceVault}. */
export interface NonceVaultOptions {
  /** Where it is on record what was made and spent. */
  readonly store: EventStore;
  /** Names the vault in its stores: 1 to 200 characters. */
  readonly name: string;
  /**
   * Seals the secret nonces, so that they survive the process: each under a key of its own, destroyed before its
   * signature is released. Absent: they are in memory alone, and opening the vault burns those of earlier processes.
   */
  readonly keys?: KeyStore;
  /**
   * Stores that are on another machine and in other backups than `store` and `keys`: what was rolled back is found out
   * by them. Each must answer whenever something is signed. At least one when the vault is sealed.
   */
  readonly guards?: readonly EventStore[];
  /** What to do when a guard knows of more than the store; `refuse` when absent. `burn` gives all unsigned nonces up. */
  readonly whenStale?: 'refuse' | 'burn';
  /** Where the name of this opening comes from; the runtime's when absent. */
  readonly entropy?: Entropy;
}

/** A nonce for the vault to keep. */
export interface NewNonce {
  /** What the others will see. */
  readonly publicNonce: Uint8Array;
  /** Is wiped here. */
  readonly secretNonce: SecretBytes;
}

/** One use of a nonce. */
export interface NonceSpending {
  /** 32 bytes: a hash of everything that the signature depends on. The same one is answered again, another refused. */
  readonly session: Uint8Array;
  /** Makes the signature; must not keep the secret, which is wiped when it returns. */
  readonly sign: (secretNonce: Uint8Array, publicNonce: Uint8Array) => Uint8Array;
}

/**
 * Keeps secret nonces, and lets each sign one session: neither a crash, nor two processes, nor a restored backup makes
 * it two.
 */
export interface NonceVault {
  /** Whether its nonces survive the process. */
  readonly isSealed: boolean;
  /**
   * Takes nonces in.
   *
   * @returns A token for each, to be shown to nobody who may not sign; it is no secret.
   * @throws WalletError `WALLET_NONCE_SPENT` for a nonce that it had before, `WALLET_VAULT_STALE`.
   */
  make(nonces: readonly NewNonce[]): Promise<readonly string[]>;
  /**
   * Signs with a nonce: binds it to the session on record, then signs. Call it again after an error that can be retried.
   *
   * @throws WalletError `WALLET_NONCE_SPENT` when it signed another session, was burnt, lost or never made,
   * `WALLET_VAULT_STALE`; those of the stores.
   */
  sign(token: string, spending: NonceSpending): Promise<Uint8Array>;
  /** Whether a nonce can still sign, or has: an answer is given again to the same session alone. */
  holds(token: string): Promise<boolean>;
  /** Gives nonces up: they will not sign. */
  burn(tokens: readonly string[]): Promise<void>;
  /** Gives all unsigned nonces up. */
  burnAll(): Promise<void>;
  /** Wipes what is in memory. The stores are the caller's to close. */
  close(): Promise<void>;
}

/**
 * The token of a nonce, 32 hex digits: the same nonce has the same token, whoever makes it.
 *
 * @param publicNonce - As it was given to `make`.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 */
export function nonceToken(publicNonce: Uint8Array): string {
  return toHex(currentCrypto().sha256(requireBytes('publicNonce', publicNonce)).subarray(0, 16));
}
