import { ReceiptsError } from '../errors.ts';
import { requireBytes, requireObject, requireText, throwIfAborted } from '../model/checks.ts';
import type { SealedBytes } from '../ports/key-store.ts';
import type { CallOptions } from '../ports/signer.ts';

/** What is encrypted, and what the ciphertext is bound to. */
export interface SealContent {
  readonly plaintext: Uint8Array;
  readonly associatedData: Uint8Array;
}

/** Checks the arguments of a `seal`. */
export function requireSealing(subject: string, content: SealContent, call: CallOptions | undefined): void {
  requireText('subject', subject);
  requireObject('content', content);
  requireBytes('content.plaintext', content.plaintext);
  requireBytes('content.associatedData', content.associatedData);
  throwIfAborted('seal', call?.signal);
}

/** Checks the arguments of an `open`. */
export function requireOpening(sealed: SealedBytes, associatedData: Uint8Array, call: CallOptions | undefined): void {
  requireObject('sealed', sealed);
  requireText('sealed.keyId', sealed.keyId);
  requireBytes('sealed.iv', sealed.iv);
  requireBytes('sealed.ciphertext', sealed.ciphertext);
  requireBytes('associatedData', associatedData);
  throwIfAborted('open', call?.signal);
}

/** Encrypts by AES-256-GCM. */
export async function encrypt(
  key: CryptoKey,
  iv: Uint8Array<ArrayBuffer>,
  { plaintext, associatedData }: SealContent,
): Promise<Uint8Array> {
  const algorithm = { name: 'AES-GCM', iv, additionalData: new Uint8Array(associatedData) };
  return new Uint8Array(await crypto.subtle.encrypt(algorithm, key, new Uint8Array(plaintext)));
}

/**
 * Decrypts what {@link encrypt} made.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_SEALED_INVALID` when the key does not open it.
 */
export async function decrypt(
  key: CryptoKey,
  { iv, ciphertext }: SealedBytes,
  associatedData: Uint8Array,
): Promise<Uint8Array> {
  const algorithm = { name: 'AES-GCM', iv: new Uint8Array(iv), additionalData: new Uint8Array(associatedData) };
  try {
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, new Uint8Array(ciphertext)));
  } catch {
    throw new ReceiptsError('RECEIPTS_SEALED_INVALID', 'expected a ciphertext of this key and place', {
      details: { reason: 'decryption' },
    });
  }
}
