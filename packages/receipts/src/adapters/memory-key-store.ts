import { type Entropy, toHex, webEntropy } from '@bitcoin-enterprise/core';
import { ReceiptsError } from '../errors.ts';
import { requireBytes, requireMethods, requireObject, requireText, throwIfAborted } from '../model/checks.ts';
import type { KeyStore } from '../ports/key-store.ts';

const IV_LENGTH = 12;

/**
 * A key store in memory, over WebCrypto: the keys cannot be exported, so that not even this process can print them.
 *
 * @example
 * ```ts
 * import { createMemoryKeyStore } from '@bitcoin-enterprise/receipts';
 *
 * const keys = createMemoryKeyStore();
 * const bound = new TextEncoder().encode('where it belongs');
 * const sealed = await keys.seal('customer-7', { plaintext: Uint8Array.of(1, 2, 3), associatedData: bound });
 * (await keys.open(sealed, bound))?.length; // => 3
 * await keys.destroy('customer-7'); // => true
 * await keys.open(sealed, bound); // => undefined
 * ```
 */
export function createMemoryKeyStore(options: { readonly entropy?: Entropy } = {}): KeyStore {
  requireObject('options', options);
  const { entropy = webEntropy() } = options;
  requireMethods('options.entropy', entropy, ['bytes']);
  const idOf = new Map<string, string>();
  const keys = new Map<string, CryptoKey>();

  async function keyOf(subject: string): Promise<{ readonly keyId: string; readonly key: CryptoKey }> {
    const known = idOf.get(subject);
    const key = known === undefined ? undefined : keys.get(known);
    if (known !== undefined && key !== undefined) return { keyId: known, key };
    const made = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
    // Another call for the same subject may have been faster.
    const meanwhile = idOf.get(subject);
    const other = meanwhile === undefined ? undefined : keys.get(meanwhile);
    if (meanwhile !== undefined && other !== undefined) return { keyId: meanwhile, key: other };
    const keyId = toHex(entropy.bytes(16));
    idOf.set(subject, keyId);
    keys.set(keyId, made);
    return { keyId, key: made };
  }

  return {
    async seal(subject, content, call) {
      requireText('subject', subject);
      requireObject('content', content);
      const { plaintext, associatedData } = content;
      requireBytes('content.plaintext', plaintext);
      requireBytes('content.associatedData', associatedData);
      throwIfAborted('seal', call?.signal);
      const { keyId, key } = await keyOf(subject);
      const iv = new Uint8Array(entropy.bytes(IV_LENGTH));
      const algorithm = { name: 'AES-GCM', iv, additionalData: new Uint8Array(associatedData) };
      const ciphertext = await crypto.subtle.encrypt(algorithm, key, new Uint8Array(plaintext));
      return { keyId, iv, ciphertext: new Uint8Array(ciphertext) };
    },
    async open(sealed, associatedData, call) {
      requireObject('sealed', sealed);
      const { keyId, iv, ciphertext } = sealed;
      requireText('sealed.keyId', keyId);
      requireBytes('sealed.iv', iv);
      requireBytes('sealed.ciphertext', ciphertext);
      requireBytes('associatedData', associatedData);
      throwIfAborted('open', call?.signal);
      const key = keys.get(keyId);
      if (key === undefined) return undefined;
      const algorithm = { name: 'AES-GCM', iv: new Uint8Array(iv), additionalData: new Uint8Array(associatedData) };
      try {
        return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, new Uint8Array(ciphertext)));
      } catch {
        throw new ReceiptsError('RECEIPTS_SEALED_INVALID', 'expected a ciphertext of this key and place', {
          details: { reason: 'decryption' },
        });
      }
    },
    async destroy(subject, call) {
      requireText('subject', subject);
      throwIfAborted('destroy', call?.signal);
      const keyId = idOf.get(subject);
      if (keyId === undefined) return false;
      idOf.delete(subject);
      return keys.delete(keyId);
    },
  };
}
