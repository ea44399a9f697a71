import { concatBytes, currentCrypto, type Entropy, parseHex } from '@bitcoin-enterprise/core';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { entropyBytes } from '../../keys/entropy.ts';
import type { SecretBytes } from '../../keys/secret-bytes.ts';
import { wipe } from '../math/scalars.ts';

const SEAL_NONCE_LENGTH = 24;

/** What participants of a key generation tell each other; JSON, for any transport. All bytes are hex. */
export type FrostDkgMessage =
  /** To everybody, the same. */
  | {
      readonly kind: 'commitments';
      readonly ceremony: string;
      readonly from: number;
      readonly commitments: readonly string[];
      /** That the sender knows the secret of the first one. */
      readonly proof: string;
      /** By the sender's identity key. */
      readonly signature: string;
    }
  /** To one, who alone can open it. */
  | {
      readonly kind: 'share';
      readonly ceremony: string;
      readonly from: number;
      readonly to: number;
      /** Hash of all commitments as the sender has them. */
      readonly transcript: string;
      readonly sealed: string;
    };

/** A message with commitments. */
export type CommitmentsMessage = FrostDkgMessage & { readonly kind: 'commitments' };
/** A message with a sealed share. */
export type ShareMessage = FrostDkgMessage & { readonly kind: 'share' };
/** What a participant commits to. */
export type CommitmentsContent = Pick<CommitmentsMessage, 'from' | 'commitments' | 'proof'>;

/** What a sealed share is bound to. */
export interface ShareFacts {
  readonly from: number;
  readonly to: number;
  readonly transcript: Uint8Array;
}

/** Hash of all commitments, in the order of the identifiers. */
export function transcriptOf(id: string, commitments: readonly CommitmentsContent[]): Uint8Array {
  const text = [id, ...commitments.map(contentOf)].join(' ');
  return currentCrypto().taggedHash('bitcoin-enterprise/frost-transcript', new TextEncoder().encode(text));
}

/** What an identity key signs: commitments of one ceremony. */
export function broadcastHash(id: string, message: CommitmentsContent): Uint8Array {
  const text = new TextEncoder().encode(`${id} ${contentOf(message)}`);
  return currentCrypto().taggedHash('bitcoin-enterprise/frost-commitments', text);
}

/** Seals a share to its receiver (XChaCha20-Poly1305, nonce in front). */
export function sealShare(
  value: Uint8Array,
  parties: {
    readonly identitySecret: SecretBytes;
    readonly other: Uint8Array;
    readonly facts: ShareFacts;
    readonly entropy: Entropy;
  },
): Uint8Array {
  const { identitySecret, facts, entropy } = parties;
  const nonce = entropyBytes(entropy, SEAL_NONCE_LENGTH);
  const key = sealKey(identitySecret, parties);
  const sealed = concatBytes(nonce, xchacha20poly1305(key, nonce, boundTo(facts)).encrypt(value));
  key.fill(0);
  return sealed;
}

/** Opens a sealed share; `undefined` when it was not sealed by its sender for its receiver. */
export function openShare(
  message: ShareMessage,
  { identitySecret, other }: { readonly identitySecret: SecretBytes; readonly other: Uint8Array },
): Uint8Array | undefined {
  const sealed = parseHex(message.sealed);
  const facts = { from: message.from, to: message.to, transcript: parseHex(message.transcript) };
  const key = sealKey(identitySecret, { other, facts });
  try {
    const nonce = sealed.subarray(0, SEAL_NONCE_LENGTH);
    return xchacha20poly1305(key, nonce, boundTo(facts)).decrypt(sealed.subarray(SEAL_NONCE_LENGTH));
  } catch {
    return undefined;
  } finally {
    key.fill(0);
  }
}

/** A key that only the two of them can compute, for one share. */
function sealKey(
  identitySecret: SecretBytes,
  { other, facts }: { readonly other: Uint8Array; readonly facts: ShareFacts },
): Uint8Array {
  const shared = identitySecret.use((secret) => currentCrypto().ecdh(secret, other)) as Uint8Array;
  const preimage = concatBytes(shared, boundTo(facts));
  const key = currentCrypto().taggedHash('bitcoin-enterprise/frost-share', preimage);
  wipe(shared, preimage);
  return key;
}

function boundTo({ from, to, transcript }: ShareFacts): Uint8Array {
  return concatBytes(Uint8Array.of(from, to), transcript);
}

/** What is signed, and what two broadcasts are compared by. */
export function contentOf({ from, commitments, proof }: CommitmentsContent): string {
  return [from, ...commitments, proof].join(' ');
}

/** Whether a field of a message is hex of a length that can be. */
export function isHex(value: unknown): boolean {
  return typeof value === 'string' && value.length <= 512 && /^(?:[0-9a-f]{2})*$/.test(value);
}
