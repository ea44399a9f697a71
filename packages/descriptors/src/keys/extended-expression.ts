import { currentCrypto, type NetworkName } from '@bitcoin-enterprise/core';
import { KeyAtIndex, type OriginSource } from './derived-key.ts';
import { type ExtendedKey, type ExtendedKeyNetwork, HARDENED, hardenedStep, writeUint32 } from './extended-key.ts';
import type { DerivedKey, KeyExpression, KeyOrigin, KeyTextForm } from './model.ts';
import { type HardenedMarker, originText, pathText, type Wildcard } from './path.ts';

/** An extended key with steps behind it. */
export interface ExtendedExpressionParts {
  readonly root: ExtendedKey;
  readonly steps: readonly (number | readonly number[])[];
  readonly wildcard: Wildcard;
  readonly origin: KeyOrigin | undefined;
  readonly marker: HardenedMarker;
  /** Whether scripts hold its x coordinate alone. */
  readonly isXOnly: boolean;
}

const NETWORK_NAMES: Readonly<Record<ExtendedKeyNetwork, readonly NetworkName[]>> = {
  main: ['main'],
  test: ['test', 'testnet4', 'signet', 'regtest'],
};

/** An extended key with its steps: one key, or one for each index (BIP32, BIP380, BIP389). */
export class ExtendedExpression implements OriginSource {
  readonly kind = 'extended';
  readonly participants: readonly KeyExpression[] = [];
  readonly origin: KeyOrigin | undefined;
  readonly isRange: boolean;
  readonly multipathCount: number;
  readonly networks: readonly NetworkName[];
  readonly #parts: ExtendedExpressionParts;
  /** The key above the wildcard, or the key itself; what all indexes share. */
  #parent: ExtendedKey | undefined;
  #derived: DerivedKey | undefined;

  constructor(parts: ExtendedExpressionParts) {
    this.origin = parts.origin;
    this.isRange = parts.wildcard !== 'none';
    this.multipathCount = parts.steps.find((step) => typeof step !== 'number')?.length ?? 1;
    this.networks = NETWORK_NAMES[parts.root.network];
    this.#parts = parts;
  }

  get hasPrivateKey(): boolean {
    return this.#parts.root.hasSecretKey;
  }

  get hasAllPrivateKeys(): boolean {
    return this.#parts.root.hasSecretKey;
  }

  /** The extended key that was written. */
  get root(): ExtendedKey {
    return this.#parts.root;
  }

  /** The steps behind it, without the wildcard. */
  get steps(): readonly (number | readonly number[])[] {
    return this.#parts.steps;
  }

  /** How its hardened steps are written. */
  get marker(): HardenedMarker {
    return this.#parts.marker;
  }

  /** What the steps end in. */
  get wildcard(): Wildcard {
    return this.#parts.wildcard;
  }

  alternative(index: number): KeyExpression {
    if (this.multipathCount === 1) return this;
    const steps = this.#parts.steps.map((step) => (typeof step === 'number' ? step : (step[index] as number)));
    return new ExtendedExpression({ ...this.#parts, steps });
  }

  derive(index: number): DerivedKey {
    if (this.#derived !== undefined) return this.#derived;
    const parent = this.#keyAbove();
    const { wildcard, isXOnly } = this.#parts;
    if (wildcard === 'none') {
      this.#derived = new KeyAtIndex(this, 0, { publicKey: parent.publicKey, isXOnly });
      return this.#derived;
    }
    const publicKey =
      (wildcard === 'unhardened' ? childPublicKey(parent, index) : undefined) ??
      parent.child(wildcard === 'hardened' ? index + HARDENED : index).publicKey;
    return new KeyAtIndex(this, index, { publicKey, isXOnly });
  }

  deriveSecretKey(index: number): Uint8Array | undefined {
    const { root, wildcard } = this.#parts;
    if (!root.hasSecretKey) return undefined;
    const steps = [...this.#fixedSteps()];
    if (wildcard !== 'none') steps.push(wildcard === 'hardened' ? index + HARDENED : index);
    return steps.reduce((key, step) => key.child(step), root).secretKey();
  }

  originAt(index: number): KeyOrigin {
    const { root, wildcard, origin } = this.#parts;
    const path = [...(origin?.path ?? []), ...this.#fixedSteps()];
    if (wildcard !== 'none') path.push(wildcard === 'hardened' ? index + HARDENED : index);
    return { fingerprint: origin?.fingerprint ?? root.fingerprint, path };
  }

  text(form: KeyTextForm): string {
    const { root, steps, wildcard, origin, marker } = this.#parts;
    if (form === 'normalized') return this.#normalizedText();
    const key = form === 'private' ? root.toPrivateString() : root.toString();
    return originText(origin, marker) + key + pathText(steps, { marker, wildcard });
  }

  /** The public text: secrets stay out of JSON. */
  toJSON(): string {
    return this.text('public');
  }

  #normalizedText(): string {
    const { root, steps, wildcard, origin } = this.#parts;
    // A multipath step stays where it is, so that hardened steps before it can move and those in it cannot.
    const multipathAt = steps.findIndex((step) => typeof step !== 'number');
    const last = steps.findLastIndex((step) => Math.max(...[step].flat()) >= HARDENED);
    if (last < 0 || wildcard === 'hardened')
      return originText(origin, 'h') + root.toString() + pathText(steps, { marker: 'h', wildcard });
    if (multipathAt >= 0 && multipathAt <= last)
      return originText(origin, 'h') + root.toString() + pathText(steps, { marker: 'h', wildcard });
    const moved = steps.slice(0, last + 1) as readonly number[];
    const key = moved.reduce((above, step) => above.child(step), root);
    const path = [...(origin?.path ?? []), ...moved];
    const fingerprint = origin?.fingerprint ?? root.fingerprint;
    return (
      originText({ fingerprint, path }, 'h') +
      key.toString() +
      pathText(steps.slice(last + 1), { marker: 'h', wildcard })
    );
  }

  /** The key above the wildcard; with its secret only when the wildcard is hardened. */
  #keyAbove(): ExtendedKey {
    if (this.#parent !== undefined) return this.#parent;
    const { root, wildcard } = this.#parts;
    const steps = this.#fixedSteps();
    const lastHardened = wildcard === 'hardened' ? steps.length : steps.findLastIndex((step) => step >= HARDENED);
    if (wildcard === 'hardened' && !root.hasSecretKey)
      throw hardenedStep(steps.find((step) => step >= HARDENED) ?? HARDENED);
    let key = lastHardened < 0 ? root.neutered() : root;
    for (const [place, step] of steps.entries()) {
      key = key.child(step);
      if (place === lastHardened) key = key.neutered();
    }
    this.#parent = key;
    return key;
  }

  #fixedSteps(): readonly number[] {
    return this.#parts.steps.map((step) => (typeof step === 'number' ? step : (step[0] as number)));
  }
}

/** CKDpub alone, without what a child key has beside its point. */
function childPublicKey(parent: ExtendedKey, index: number): Uint8Array | undefined {
  const crypto = currentCrypto();
  const data = new Uint8Array(37);
  data.set(parent.publicKey);
  writeUint32(data, 33, index);
  return crypto.publicKeyTweakAdd(parent.publicKey, crypto.hmacSha512(parent.chainCode, data).subarray(0, 32));
}
