import { currentCrypto, encodeWif, type NetworkName, toHex } from '@bitcoin-enterprise/core';
import { KeyAtIndex, type OriginSource } from './derived-key.ts';
import type { DerivedKey, KeyExpression, KeyOrigin, KeyTextForm } from './model.ts';
import { type HardenedMarker, originText } from './path.ts';

/** What one key is made of. */
export interface SingleKeyParts {
  /** 33 or 65 bytes. */
  readonly publicKey: Uint8Array;
  /** Whether scripts hold its x coordinate alone. */
  readonly isXOnly: boolean;
  /** Whether its public text is the x coordinate alone. */
  readonly isWrittenXOnly: boolean;
  readonly origin: KeyOrigin | undefined;
  readonly marker: HardenedMarker;
  /** The networks of its WIF; `undefined` of hexadecimal. */
  readonly networks: readonly NetworkName[] | undefined;
}

/** A key that is the same at each index: hexadecimal or WIF. */
export class SingleKey implements OriginSource {
  readonly kind = 'single';
  readonly isRange = false;
  readonly multipathCount = 1;
  readonly participants: readonly KeyExpression[] = [];
  readonly origin: KeyOrigin | undefined;
  readonly networks: readonly NetworkName[] | undefined;
  readonly #parts: SingleKeyParts;
  readonly #secretKey: Uint8Array | undefined;
  readonly #derived: DerivedKey;

  constructor(parts: SingleKeyParts, secretKey?: Uint8Array) {
    this.origin = parts.origin;
    this.networks = parts.networks;
    this.#parts = parts;
    this.#secretKey = secretKey;
    this.#derived = new KeyAtIndex(this, 0, parts);
  }

  get hasPrivateKey(): boolean {
    return this.#secretKey !== undefined;
  }

  get hasAllPrivateKeys(): boolean {
    return this.#secretKey !== undefined;
  }

  alternative(): KeyExpression {
    return this;
  }

  derive(): DerivedKey {
    return this.#derived;
  }

  deriveSecretKey(): Uint8Array | undefined {
    return this.#secretKey === undefined ? undefined : new Uint8Array(this.#secretKey);
  }

  originAt(): KeyOrigin {
    return this.origin ?? { fingerprint: currentCrypto().hash160(this.#parts.publicKey).subarray(0, 4), path: [] };
  }

  text(form: KeyTextForm): string {
    const { publicKey, isWrittenXOnly, marker, networks } = this.#parts;
    const origin = originText(this.origin, form === 'normalized' ? 'h' : marker);
    if (form !== 'private' || this.#secretKey === undefined)
      return origin + toHex(isWrittenXOnly ? publicKey.subarray(1, 33) : publicKey);
    const network = networks?.[0] ?? 'main';
    return origin + encodeWif(this.#secretKey, { network, compressed: publicKey.length === 33 });
  }

  /** The public text: secrets stay out of JSON. */
  toJSON(): string {
    return this.text('public');
  }
}
