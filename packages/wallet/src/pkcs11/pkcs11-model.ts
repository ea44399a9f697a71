import type { Entropy } from '@bitcoin-enterprise/core';
import type { SecretBytes } from '../keys/secret-bytes.ts';
import type { DigestSigner, SignerCallOptions } from '../signers/ports.ts';
import type { PinSource } from './pin.ts';
import type { SealMechanism } from './protocol.ts';
import type { SealedKey } from './sealed-key.ts';

/** Settings of {@link createPkcs11Signer}. */
export interface Pkcs11SignerOptions {
  /** Path of the PKCS#11 module: `/usr/lib/softhsm/libsofthsm2.so`. */
  readonly module: string;
  /** Label of the token; or give `slot`. */
  readonly token?: string;
  /** Number of the slot; or give `token`. */
  readonly slot?: number;
  /** PIN of the user. */
  readonly pin: PinSource;
  /** Secrets that the token sealed, and that it opens to sign with. */
  readonly sealedKeys?: readonly SealedKey[];
  /** For people, logs and receipts; the label of the token, or its slot, when absent. */
  readonly name?: string;
  /** How long the module may take for one request, in milliseconds, 100 to 600,000; 10,000 when absent. */
  readonly timeoutMs?: number;
  /** Variables that the module reads, beside those of this process: `SOFTHSM2_CONF`. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Makes the ids of new keys; that of the system when absent. */
  readonly entropy?: Entropy;
}

/** A key whose secret is in a token. */
export interface TokenKey {
  readonly label: string;
  /** CKA_ID; 20 bytes of those that were made here. */
  readonly id: Uint8Array;
  /** 33 bytes. */
  readonly publicKey: Uint8Array;
}

/** A token as a {@link DigestSigner}, and what else it can do. All calls throw the codes of {@link createPkcs11Signer}. */
export interface Pkcs11Signer extends DigestSigner {
  /** The keys of secp256k1 in the token. They sign with ECDSA alone: PKCS#11 has no Schnorr. */
  listKeys(options?: SignerCallOptions): Promise<readonly TokenKey[]>;
  /** Makes a key in the token, which never leaves it. */
  generateKey(options: SignerCallOptions & { readonly label: string }): Promise<TokenKey>;
  /** Puts a key into the token. Whoever had it before still has it. */
  importKey(
    options: SignerCallOptions & {
      readonly label: string;
      /** 32 bytes; the caller wipes it. */
      readonly secretKey: SecretBytes;
    },
  ): Promise<TokenKey>;
  /** Makes the AES key in the token that seals others; one of that label is left as it is. */
  makeWrappingKey(options: SignerCallOptions & { readonly label: string }): Promise<void>;
  /**
   * Seals a secret with the token, and signs with it from now on. Store what it returns.
   *
   * @param options - `secret`: 32 bytes of a key, 64 of a master key (secret key and chain code); made of the token's
   * randomness, and never seen by this process, when absent. `mechanism`: the best that the token has when absent;
   * `aes-gcm` notices every change, `aes-cbc-pad` one of the secret key but none of a chain code.
   */
  sealKey(
    options: SignerCallOptions & {
      readonly kind: 'key' | 'master';
      readonly wrappingKey: string;
      readonly mechanism?: SealMechanism;
      readonly secret?: SecretBytes;
    },
  ): Promise<SealedKey>;
  /** Logs out; the next call asks for the PIN again. */
  lock(options?: SignerCallOptions): Promise<void>;
  /** Ends the process of the module; calls after it fail. */
  close(): Promise<void>;
}
