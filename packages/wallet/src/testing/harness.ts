import type { DigestSigner, KeyReference, Signer } from '../signers/ports.ts';

/** A signer of hashes under test, and what the kit must know of it. */
export interface DigestSignerHarness {
  readonly signer: DigestSigner;
  /** Keys that it holds for ECDSA, at least one, each of 33 bytes and all different. */
  readonly ecdsaKeys: readonly KeyReference[];
  /** Keys that it holds for Schnorr, of 33 bytes; empty for a signer that has no Schnorr, as most tokens. */
  readonly schnorrKeys: readonly KeyReference[];
  /** Hexadecimal of its secrets, which must not show anywhere; absent where nobody has them. */
  readonly secrets?: readonly string[];
  /** Ends the signer. */
  close(): Promise<void>;
}

/** A signer of PSBTs under test, and what the kit must know of it. */
export interface SignerHarness {
  readonly signer: Signer;
  /** Keys that it holds for ECDSA, at least one, each of 33 bytes and all different. */
  readonly ecdsaKeys: readonly KeyReference[];
  /** Keys that it holds for Taproot, of 33 bytes; empty for a signer that has no Schnorr. */
  readonly schnorrKeys: readonly KeyReference[];
  /** Hexadecimal of its secrets, which must not show anywhere; absent where nobody has them. */
  readonly secrets?: readonly string[];
  /** Ends the signer. */
  close(): Promise<void>;
}
