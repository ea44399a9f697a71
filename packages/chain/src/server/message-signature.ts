import { concatBytes, type CryptoEngine, encodeCompactSize } from '@bitcoin-enterprise/core';

/** Hash that Core signs for a text: SHA-256d of the magic and the text, each with its length. */
export function messageHash(message: string, crypto: CryptoEngine): Uint8Array {
  const encode = (text: string): Uint8Array => {
    const bytes = new TextEncoder().encode(text);
    return concatBytes(encodeCompactSize(bytes.length), bytes);
  };
  return crypto.hash256(concatBytes(encode('Bitcoin Signed Message:\n'), encode(message)));
}

/** Signs a text: 65 bytes in Base64, the first telling how to recover the key. */
export function signMessage(
  message: string,
  secretKey: Uint8Array,
  options: { readonly compressed: boolean; readonly crypto: CryptoEngine },
): string | undefined {
  const { compressed, crypto } = options;
  const signed = crypto.ecdsaSignRecoverable(messageHash(message, crypto), secretKey);
  if (signed === undefined) return undefined;
  const head = 27 + signed.recoveryId + (compressed ? 4 : 0);
  return Buffer.from(concatBytes(Uint8Array.of(head), signed.signature)).toString('base64');
}

/** The key that signed a text, in the form it was meant; `undefined` when there is none. */
export function recoverSigner(message: string, signature: Uint8Array, crypto: CryptoEngine): Uint8Array | undefined {
  const head = (signature[0] ?? 0) - 27;
  if (signature.length !== 65 || head < 0 || head > 7) return undefined;
  const key = crypto.ecdsaRecover(signature.subarray(1), head & 3, messageHash(message, crypto));
  return key === undefined || (head & 4) !== 0 ? key : crypto.publicKeyConvert(key, { compressed: false });
}
