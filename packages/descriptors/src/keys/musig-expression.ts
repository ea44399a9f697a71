import type { NetworkName } from '@bitcoin-enterprise/core';
import { DescriptorsError, type TextFault } from '../errors.ts';
import { KeyAtIndex, type OriginSource } from './derived-key.ts';
import { ExtendedExpression } from './extended-expression.ts';
import type { ExtendedKey } from './extended-key.ts';
import type { DerivedKey, KeyExpression, KeyOrigin, KeyTextForm } from './model.ts';
import { aggregatePublicKeys, sortPublicKeys, syntheticExtendedKey } from './musig.ts';
import { pathText, type Wildcard } from './path.ts';

/** What an aggregate is made of. */
export interface MusigExpressionParts {
  readonly participants: readonly KeyExpression[];
  readonly steps: readonly (number | readonly number[])[];
  readonly wildcard: Wildcard;
  /** Whether scripts hold its x coordinate alone. */
  readonly isXOnly: boolean;
  /** Where it stands in the text. */
  readonly place: TextFault;
}

/** The aggregate of several keys (BIP390), with steps below it (BIP328). */
export class MusigExpression implements OriginSource {
  readonly kind = 'musig';
  readonly origin: undefined = undefined;
  readonly participants: readonly KeyExpression[];
  readonly isRange: boolean;
  readonly multipathCount: number;
  readonly networks: readonly NetworkName[] | undefined;
  readonly #parts: MusigExpressionParts;
  /** The aggregate with the steps below it, when it is the same at each index. */
  #below: ExtendedExpression | undefined;
  #fixedParticipants: readonly DerivedKey[] | undefined;

  constructor(parts: MusigExpressionParts) {
    this.participants = parts.participants;
    this.isRange = parts.wildcard !== 'none' || parts.participants.some((key) => key.isRange);
    const counts = parts.participants.map((key) => key.multipathCount);
    this.multipathCount = parts.steps.find((step) => typeof step !== 'number')?.length ?? Math.max(...counts);
    this.networks = parts.participants.find((key) => key.networks !== undefined)?.networks;
    this.#parts = parts;
  }

  get hasPrivateKey(): boolean {
    return this.participants.some((key) => key.hasPrivateKey);
  }

  get hasAllPrivateKeys(): boolean {
    return this.participants.every((key) => key.hasAllPrivateKeys);
  }

  alternative(index: number): KeyExpression {
    if (this.multipathCount === 1) return this;
    const steps = this.#parts.steps.map((step) => (typeof step === 'number' ? step : (step[index] as number)));
    const participants = this.participants.map((key) => (key.multipathCount === 1 ? key : key.alternative(index)));
    return new MusigExpression({ ...this.#parts, steps, participants });
  }

  derive(index: number): DerivedKey {
    const { isXOnly } = this.#parts;
    const participants = this.#participantsAt(index);
    const { publicKey } = this.#belowAt(index).derive(index);
    return new KeyAtIndex(this, index, { publicKey, isXOnly, participants });
  }

  /** Nobody has it: an aggregate has no secret of its own. */
  deriveSecretKey(): undefined {
    return undefined;
  }

  originAt(index: number): KeyOrigin {
    return this.#belowAt(index).originAt(index);
  }

  text(form: KeyTextForm): string {
    const { steps, wildcard } = this.#parts;
    return `musig(${this.participants.map((key) => key.text(form)).join(',')})${pathText(steps, { marker: 'h', wildcard })}`;
  }

  /** The steps behind the aggregate, without the wildcard. */
  get steps(): readonly (number | readonly number[])[] {
    return this.#parts.steps;
  }

  /** What the steps end in. */
  get wildcard(): Wildcard {
    return this.#parts.wildcard;
  }

  /** The public text: secrets stay out of JSON. */
  toJSON(): string {
    return this.text('public');
  }

  #participantsAt(index: number): readonly DerivedKey[] {
    if (this.participants.some((key) => key.isRange)) return this.participants.map((key) => key.derive(index));
    this.#fixedParticipants ??= this.participants.map((key) => key.derive(0));
    return this.#fixedParticipants;
  }

  #belowAt(index: number): ExtendedExpression {
    if (this.#below !== undefined) return this.#below;
    const { steps, wildcard, isXOnly } = this.#parts;
    const root = this.#aggregate(this.#participantsAt(index));
    const below = new ExtendedExpression({ root, steps, wildcard, origin: undefined, marker: 'h', isXOnly });
    if (!this.participants.some((key) => key.isRange)) this.#below = below;
    return below;
  }

  #aggregate(participants: readonly DerivedKey[]): ExtendedKey {
    const aggregate = aggregatePublicKeys(sortPublicKeys(participants.map((key) => key.publicKey)));
    if (aggregate === undefined) {
      const reason = 'musig(): the keys have no aggregate';
      throw new DescriptorsError('DESCRIPTORS_KEY_INVALID', reason, { details: { ...this.#parts.place, reason } });
    }
    return syntheticExtendedKey(
      aggregate,
      this.networks === undefined || this.networks[0] === 'main' ? 'main' : 'test',
    );
  }
}
