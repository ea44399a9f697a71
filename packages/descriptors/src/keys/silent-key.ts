import {
  concatBytes,
  currentCrypto,
  decodeBech32,
  encodeBech32,
  fromWords,
  hasCode,
  type NetworkName,
  toWords,
} from '@bitcoin-enterprise/core';
import { HARDENED } from './extended-key.ts';
import type { KeyOrigin, KeyTextForm } from './model.ts';
import { type HardenedMarker, originText } from './path.ts';
import { SingleKey } from './single-key.ts';

/** Bytes of a scan key and of a spend key, 32 of a secret and 33 of a public one. */
const SPEND_SIZES = { spscan: 33, spspend: 32 } as const;
/** Nothing longer is worth converting: both forms have less than 125 characters. */
const MAXIMUM_CHARACTERS = 140;

/** What a silent payment key is made of. */
export interface SilentKeyParts {
  readonly scanSecretKey: Uint8Array;
  /** 33 bytes. */
  readonly spendPublicKey: Uint8Array;
  readonly isTest: boolean;
  readonly origin: KeyOrigin | undefined;
  readonly marker: HardenedMarker;
}

/** The key of a silent payment wallet in one text (BIP392): scan and spend key. */
export class SilentKey {
  readonly origin: KeyOrigin | undefined;
  readonly networks: readonly NetworkName[];
  readonly #parts: SilentKeyParts;
  readonly #spendSecretKey: Uint8Array | undefined;

  constructor(parts: SilentKeyParts, spendSecretKey: Uint8Array | undefined) {
    this.origin = parts.origin;
    this.networks = parts.isTest ? ['test', 'testnet4', 'signet', 'regtest'] : ['main'];
    this.#parts = parts;
    this.#spendSecretKey = spendSecretKey;
  }

  /** The key that finds payments; it comes with its secret. */
  scanKey(): SingleKey {
    const secretKey = new Uint8Array(this.#parts.scanSecretKey);
    // A secret key that was checked has a public one.
    const publicKey = currentCrypto().publicKey(secretKey) as Uint8Array;
    return this.#single(publicKey, 1, secretKey);
  }

  /** The key that spends. */
  spendKey(): SingleKey {
    return this.#single(this.#parts.spendPublicKey, 0, this.#spendSecretKey);
  }

  /** Whether it can spend. */
  get hasSpendSecretKey(): boolean {
    return this.#spendSecretKey !== undefined;
  }

  /**
   * `spspend1q…` with the secret of spending for `private`, else `spscan1q…`. **Both hold the secret of scanning**: there
   * is no form without.
   */
  text(form: KeyTextForm): string {
    const { isTest, marker, scanSecretKey, spendPublicKey } = this.#parts;
    const spend = form === 'private' ? this.#spendSecretKey : undefined;
    const prefix = `${isTest ? 't' : ''}${spend === undefined ? 'spscan' : 'spspend'}`;
    const words = concatBytes(Uint8Array.of(0), toWords(concatBytes(scanSecretKey, spend ?? spendPublicKey)));
    const origin = originText(this.origin, form === 'normalized' ? 'h' : marker);
    return origin + encodeBech32({ prefix, words, variant: 'bech32m' }, { maxCharacters: MAXIMUM_CHARACTERS });
  }

  /** Secrets stay out of JSON. */
  toJSON(): string {
    return `${originText(this.origin, 'h')}…`;
  }

  /** BIP352: the scan key lies at 1h/0 and the spend key at 0h/0 below the origin. */
  #single(publicKey: Uint8Array, branch: number, secretKey: Uint8Array | undefined): SingleKey {
    const { marker } = this.#parts;
    const origin =
      this.origin === undefined
        ? undefined
        : { fingerprint: this.origin.fingerprint, path: [...this.origin.path, HARDENED + branch, 0] };
    const parts = { publicKey, isXOnly: false, isWrittenXOnly: false, origin, marker, networks: this.networks };
    return new SingleKey(parts, secretKey);
  }
}

/** Whether a text is meant as a silent payment key. */
export function looksLikeSilentKey(text: string): boolean {
  return /^t?sp(?:scan|spend)1/i.test(text);
}

/**
 * Reads `spscan1q…` or `spspend1q…` (BIP392, version 0).
 *
 * @returns `undefined` for a text that is none.
 */
export function decodeSilentKey(
  text: string,
  origin: { readonly origin: KeyOrigin | undefined; readonly marker: HardenedMarker },
): SilentKey | undefined {
  const decoded = decoded32(text);
  if (decoded === undefined || decoded.version !== 0) return undefined;
  const isTest = decoded.prefix.startsWith('t');
  const kind = isTest ? decoded.prefix.slice(1) : decoded.prefix;
  if (kind !== 'spscan' && kind !== 'spspend') return undefined;
  const { payload } = decoded;
  if (payload.length !== 32 + SPEND_SIZES[kind]) return undefined;
  const crypto = currentCrypto();
  const scanSecretKey = payload.slice(0, 32);
  const spend = payload.slice(32);
  if (!crypto.isSecretKey(scanSecretKey)) return undefined;
  const isSecret = kind === 'spspend';
  if (isSecret ? !crypto.isSecretKey(spend) : !crypto.isPublicKey(spend)) return undefined;
  const spendPublicKey = isSecret ? crypto.publicKey(spend) : spend;
  if (spendPublicKey === undefined) return undefined;
  return new SilentKey({ scanSecretKey, spendPublicKey, isTest, ...origin }, isSecret ? spend : undefined);
}

function decoded32(
  text: string,
): { readonly prefix: string; readonly version: number; readonly payload: Uint8Array } | undefined {
  try {
    const { prefix, words, variant } = decodeBech32(text, { maxCharacters: MAXIMUM_CHARACTERS });
    if (variant !== 'bech32m' || words.length === 0) return undefined;
    return { prefix, version: words[0] as number, payload: fromWords(words.subarray(1)) };
  } catch (error) {
    // The lower error is left out: its position would tell about a secret.
    if (hasCode(error, 'CORE_BECH32_INVALID')) return undefined;
    throw error;
  }
}
