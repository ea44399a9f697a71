import { toHex } from '@bitcoin-enterprise/core';
import type { DerivedKey, KeyExpression, KeyOrigin } from './model.ts';
import { originText } from './path.ts';

/** What knows where its keys come from: worked out only when somebody asks. */
export interface OriginSource extends KeyExpression {
  /** The origin of the key at an index. */
  originAt(index: number): KeyOrigin;
}

/** A key at an index. */
export class KeyAtIndex implements DerivedKey {
  readonly bytes: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly participants: readonly DerivedKey[];
  readonly #source: OriginSource;
  readonly #index: number;

  constructor(
    source: OriginSource,
    index: number,
    keys: {
      readonly publicKey: Uint8Array;
      readonly isXOnly: boolean;
      readonly participants?: readonly DerivedKey[];
    },
  ) {
    this.publicKey = keys.publicKey;
    this.bytes = keys.isXOnly ? keys.publicKey.subarray(1, 33) : keys.publicKey;
    this.participants = keys.participants ?? NOBODY;
    this.#source = source;
    this.#index = index;
  }

  get origin(): KeyOrigin {
    return this.#source.originAt(this.#index);
  }

  get expression(): KeyExpression {
    return this.#source;
  }

  /** Origin and key in hexadecimal. */
  toJSON(): { readonly origin: string; readonly key: string } {
    return { origin: originText(this.origin, 'h').slice(1, -1), key: toHex(this.bytes) };
  }
}

const NOBODY: readonly DerivedKey[] = [];
