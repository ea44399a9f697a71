import { concatBytes, currentCrypto, encodeCompactSize, equalBytes } from '@bitcoin-enterprise/core';
import { outputTypeOf } from '@bitcoin-enterprise/script';
import { requireFunction, requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import type { SecretBytes } from '../keys/secret-bytes.ts';
import { signatureText } from './signature-text.ts';
import { messageBytes } from './transactions.ts';

const MAGIC = /* @__PURE__ */ new TextEncoder().encode('Bitcoin Signed Message:\n');
/** Headers of 27 to 30 are of an uncompressed key, of 31 to 34 of a compressed one; they tell which point is meant. */
const FIRST_HEADER = 27;
const LAST_HEADER = 34;

/** How a message is signed in the format of Bitcoin's first years. */
export interface LegacyMessageOptions {
  /** Of a P2PKH address, 32 bytes. */
  readonly secretKey: SecretBytes;
  /** Of the address: whether it is that of the key of 33 bytes; `true` when absent. */
  readonly compressed?: boolean;
}

/**
 * Signs a message as `signmessage` of Bitcoin Core does. Only for P2PKH, and for those who cannot read BIP322.
 *
 * @returns Base64 of 65 bytes, without prefix.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`, `WALLET_SECRET_WIPED`.
 */
export function signLegacyMessage(message: string | Uint8Array, options: LegacyMessageOptions): string {
  const { secretKey, compressed = true } = requireObject<LegacyMessageOptions>('options', options);
  const digest = legacyHash(message);
  requireFunction('options.secretKey.use', requireObject<SecretBytes>('options.secretKey', secretKey).use);
  if (typeof compressed !== 'boolean') throw invalidArgument('options.compressed', 'true or false', compressed);
  const held = secretKey as SecretBytes;
  return held.use((secret) => {
    const signed = secret.length === 32 ? currentCrypto().ecdsaSignRecoverable(digest, secret) : undefined;
    if (signed === undefined) throw invalidArgument('options.secretKey', 'a secret key of 32 bytes', secret);
    const header = FIRST_HEADER + signed.recoveryId + (compressed ? 4 : 0);
    return signatureText('', concatBytes(Uint8Array.of(header), signed.signature));
  });
}

/** Whether a compact signature is of a P2PKH script; of any other script it is not (BIP322). */
export function isLegacySignature(
  compact: Uint8Array,
  message: string | Uint8Array,
  scriptPubKey: Uint8Array,
): boolean {
  const header = compact[0] ?? 0;
  if (outputTypeOf(scriptPubKey) !== 'pubkeyhash' || header < FIRST_HEADER || header > LAST_HEADER) return false;
  const crypto = currentCrypto();
  const recovered = crypto.ecdsaRecover(compact.slice(1), (header - FIRST_HEADER) & 3, legacyHash(message));
  if (recovered === undefined) return false;
  const publicKey = header < FIRST_HEADER + 4 ? crypto.publicKeyConvert(recovered, { compressed: false }) : recovered;
  return publicKey !== undefined && equalBytes(crypto.hash160(publicKey), scriptPubKey.subarray(3, 23));
}

function legacyHash(message: string | Uint8Array): Uint8Array {
  const bytes = messageBytes(message);
  return currentCrypto().hash256(
    concatBytes(encodeCompactSize(MAGIC.length), MAGIC, encodeCompactSize(bytes.length), bytes),
  );
}
