import { type Entropy, toHex, webEntropy } from '@bitcoin-enterprise/core';
import { sealKeyUnavailable } from '../errors.ts';
import { requireMethods, requireObject, requireText, throwIfAborted } from '../model/checks.ts';
import type { KeyStore } from '../ports/key-store.ts';
import { decrypt, encrypt, requireOpening, requireSealing } from './sealing.ts';

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
      requireSealing(subject, content, call);
      const { keyId, key } = await keyOf(subject);
      const iv = new Uint8Array(entropy.bytes(IV_LENGTH));
      const ciphertext = await encrypt(key, iv, content);
      // Destroyed meanwhile: nobody could open this, and whoever keeps it must know.
      if (keys.get(keyId) !== key) throw sealKeyUnavailable(keyId);
      return { keyId, iv, ciphertext };
    },
    async open(sealed, associatedData, call) {
      requireOpening(sealed, associatedData, call);
      const key = keys.get(sealed.keyId);
      return key === undefined ? undefined : decrypt(key, sealed, associatedData);
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
