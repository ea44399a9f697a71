/** Signatures that left a signer, and the proof from them that no nonce was used twice. */
import { currentCrypto, toHex } from '@bitcoin-enterprise/core';
import {
  aggregateMusigKeys,
  aggregateMusigNonces,
  createMusigNonce,
  createMusigSession,
  type MusigSession,
  SecretBytes,
} from '../../../src/multiparty/index.ts';

/** A partial signature that somebody may have seen. */
export interface Release {
  readonly publicNonce: string;
  /** Names the session. */
  readonly session: string;
  readonly signature: string;
}

const bytesOf = (text: string): Uint8Array => currentCrypto().sha256(new TextEncoder().encode(text));

/** The signer whose nonces are at stake. */
export const signer: SecretBytes = new SecretBytes(new Uint8Array(32).fill(7));

const other = new SecretBytes(new Uint8Array(32).fill(9));

/** The public key of a secret one. */
export function publicKeyOf(secretKey: SecretBytes): Uint8Array {
  return secretKey.use((secret) => currentCrypto().publicKey(secret)) as Uint8Array;
}

/** One of several sessions that a nonce could be lured into: another message, another nonce of the other signer. */
export function sessionWith(publicNonce: Uint8Array, which: number): MusigSession {
  const keys = aggregateMusigKeys([publicKeyOf(signer), publicKeyOf(other)]);
  const message = bytesOf(`message ${which}`);
  const theirs = createMusigNonce({
    publicKey: publicKeyOf(other),
    entropy: { bytes: () => bytesOf(`nonce ${which} ${toHex(publicNonce)}`) },
  });
  return createMusigSession(keys, { message, aggregateNonce: aggregateMusigNonces([publicNonce, theirs.publicNonce]) });
}

/** Public nonces that signed two sessions. */
export function reusedNonces(releases: readonly Release[]): readonly string[] {
  const sessions = new Map<string, string>();
  const reused = new Set<string>();
  for (const { publicNonce, session } of releases) {
    const known = sessions.get(publicNonce);
    if (known !== undefined && known !== session) reused.add(publicNonce);
    sessions.set(publicNonce, session);
  }
  return [...reused];
}
