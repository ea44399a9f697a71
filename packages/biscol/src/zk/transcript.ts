import { concatBytes, currentCrypto } from '@bitcoin-enterprise/core';
import { ORDER, readNumber } from './scalars.ts';

/** What prover and verifier have said so far; a challenge depends on every byte of it (Fiat-Shamir). */
export interface Transcript {
  /** Adds a message under a name of its own. */
  append(label: string, message: Uint8Array): void;
  /** A scalar of 1 to n-1 that depends on all before it; it is then part of the transcript. */
  challenge(label: string): bigint;
  /** 32 bytes that stand for all so far. */
  state(): Uint8Array;
}

/** Begins a transcript of one protocol. */
export function createTranscript(protocol: string): Transcript {
  const crypto = currentCrypto();
  let state = crypto.taggedHash('biscol/zk/transcript', new TextEncoder().encode(protocol));
  const absorb = (label: string, message: Uint8Array): void => {
    const name = new TextEncoder().encode(label);
    // Lengths before contents: no two sequences of messages are the same bytes.
    const lengths = new Uint8Array(8);
    const view = new DataView(lengths.buffer);
    view.setUint32(0, name.length);
    view.setUint32(4, message.length);
    state = crypto.taggedHash('biscol/zk/append', concatBytes(state, lengths, name, message));
  };
  return {
    append: absorb,
    challenge(label) {
      for (;;) {
        absorb(label, new Uint8Array(0));
        const challenge = readNumber(crypto.taggedHash('biscol/zk/challenge', state)) % ORDER;
        // Zero has a chance of one in 2^256.
        if (challenge !== 0n) return challenge;
      }
    },
    state: () => new Uint8Array(state),
  };
}

/** A count as four bytes. */
export function countBytes(...counts: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * counts.length);
  const view = new DataView(bytes.buffer);
  for (const [place, count] of counts.entries()) view.setUint32(4 * place, count);
  return bytes;
}
