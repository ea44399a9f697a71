import type { NetworkName } from '@bitcoin-enterprise/core';

/** Where a key comes from: the fingerprint of a master key and the steps from there. */
export interface KeyOrigin {
  /** First 4 bytes of the HASH160 of the master public key. */
  readonly fingerprint: Uint8Array;
  /** Steps of 0 to 2³²-1; from 2³¹ on they are hardened. */
  readonly path: readonly number[];
}

/**
 * A text of a key expression: `public` for others to read, `private` with the secrets it was read with, `normalized`
 * with hardened steps moved into the origin (they can then be derived without secrets).
 */
export type KeyTextForm = 'public' | 'private' | 'normalized';

/** A key as a descriptor names it: one key, or one for each index. Secrets are shown by `text('private')` alone. */
export interface KeyExpression {
  /** `single`: hexadecimal or WIF; `extended`: BIP32; `musig`: an aggregate (BIP390). */
  readonly kind: 'single' | 'extended' | 'musig';
  /** As written in brackets. */
  readonly origin: KeyOrigin | undefined;
  /** Whether it ends in a wildcard. */
  readonly isRange: boolean;
  /** How many alternatives a multipath step has, 1 without one (BIP389). */
  readonly multipathCount: number;
  /** Whether it was read with its secret, or with one of those it is made of. */
  readonly hasPrivateKey: boolean;
  /** Whether all keys that it is made of were read with their secrets. */
  readonly hasAllPrivateKeys: boolean;
  /** Those who aggregate; empty for others. */
  readonly participants: readonly KeyExpression[];
  /** The networks in which keys are written so; `undefined` for hexadecimal ones. */
  readonly networks: readonly NetworkName[] | undefined;
  /** The key with one alternative of its multipath step; itself without one. */
  alternative(index: number): KeyExpression;
  /**
   * The key at an index; the index is not used without a wildcard.
   *
   * @throws DescriptorsError `DESCRIPTORS_DERIVATION_HARDENED` for a hardened step from a public key.
   */
  derive(index: number): DerivedKey;
  /**
   * The secret key at an index, 32 bytes; `undefined` when it was read without.
   *
   * @throws DescriptorsError `DESCRIPTORS_DERIVATION_HARDENED`.
   */
  deriveSecretKey(index: number): Uint8Array | undefined;
  /**
   * The text of the key.
   *
   * @throws DescriptorsError `DESCRIPTORS_DERIVATION_HARDENED` for `normalized` when a hardened step needs a secret that
   * is not there.
   */
  text(form: KeyTextForm): string;
}

/** A key at an index. */
export interface DerivedKey {
  /** 33 or 65 bytes; 32 in `tr()` and `rawtr()`. */
  readonly bytes: Uint8Array;
  /** In the form in which it was derived: 33 or 65 bytes; with an even y for a key that was written as 32 bytes. */
  readonly publicKey: Uint8Array;
  /** With all steps; of a key without origin the fingerprint is its own, and of an aggregate that of the aggregate. */
  readonly origin: KeyOrigin;
  /** The keys of those who aggregate, in the order of the descriptor; empty for others. */
  readonly participants: readonly DerivedKey[];
  /** What it was derived of. */
  readonly expression: KeyExpression;
}
