/**
 * How signatures are made.
 *
 * | name | signature | over |
 * | --- | --- | --- |
 * | `ed25519` | 64 bytes, RFC 8032 | the bytes |
 * | `ecdsa-p256-sha256` | DER, as sigstore reads it | SHA-256 of the bytes |
 * | `ecdsa-secp256k1-sha256` | 64 bytes `r || s`, low S | SHA-256 of the bytes |
 * | `schnorr-secp256k1` | 64 bytes, BIP340 | tagged hash `bitcoin-enterprise/receipt` of the bytes |
 */
export type SignatureAlgorithm = 'ed25519' | 'ecdsa-p256-sha256' | 'ecdsa-secp256k1-sha256' | 'schnorr-secp256k1';

/** What every call through a port may be told. */
export interface CallOptions {
  /** Ends the call early. */
  readonly signal?: AbortSignal;
}

/** Who signs: a key in memory, an HSM, a service. */
export interface ReceiptSigner {
  /** Names the key for verifiers; a hint that decides nothing. */
  readonly keyId: string;
  readonly algorithm: SignatureAlgorithm;
  /** The public key: 32 bytes Ed25519 or BIP340, 33 bytes secp256k1, SPKI for P-256. */
  readonly publicKey: Uint8Array;
  /** Signs bytes as they are; hashing belongs to the algorithm. */
  sign(bytes: Uint8Array, options?: CallOptions): Promise<Uint8Array>;
}

/** Who tells whether a signature is right. */
export interface ReceiptVerifier {
  /** The key id that its signer writes. */
  readonly keyId: string;
  readonly algorithm: SignatureAlgorithm;
  readonly publicKey: Uint8Array;
  /** Whether the signature is by this key; never throws for bad signatures, whatever their length. */
  verify(bytes: Uint8Array, signature: Uint8Array, options?: CallOptions): Promise<boolean>;
}
