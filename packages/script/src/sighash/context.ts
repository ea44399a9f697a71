import type { CryptoEngine } from '@bitcoin-enterprise/core';
import { EMPTY, compactSizeLength, writeCompactSize, writeInt64 } from '../codec/scanner.ts';
import type { TransactionView } from '../codec/transaction-view.ts';
import type { SpentOutput } from '../model.ts';

const OUTPOINT_SIZE = 36;

/**
 * What the signature hashes of one transaction share: five single SHA-256 hashes for BIP341, and the double hashes of
 * BIP143 made from three of them, and that of the scriptSigs for BIP119. Each is computed at most once, and only when an input needs it.
 */
export class SighashContext {
  readonly tx: TransactionView;
  /** One per input, in order. */
  readonly spentOutputs: readonly SpentOutput[];
  readonly crypto: CryptoEngine;
  #prevouts: Uint8Array | undefined;
  #amounts: Uint8Array | undefined;
  #scriptPubKeys: Uint8Array | undefined;
  #sequences: Uint8Array | undefined;
  #outputs: Uint8Array | undefined;
  #doublePrevouts: Uint8Array | undefined;
  #doubleSequences: Uint8Array | undefined;
  #doubleOutputs: Uint8Array | undefined;
  #scriptSigs: Uint8Array | undefined;

  constructor(tx: TransactionView, spentOutputs: readonly SpentOutput[], crypto: CryptoEngine) {
    this.tx = tx;
    this.spentOutputs = spentOutputs;
    this.crypto = crypto;
  }

  /** SHA-256 of all outpoints (BIP341 `sha_prevouts`). */
  get prevouts(): Uint8Array {
    return (this.#prevouts ??= this.#hashOfInputs(OUTPOINT_SIZE, (input) => this.tx.outpointOffset(input)));
  }

  /** SHA-256 of all sequences (BIP341 `sha_sequences`). */
  get sequences(): Uint8Array {
    return (this.#sequences ??= this.#hashOfInputs(4, (input) => this.tx.sequenceOffset(input)));
  }

  /** SHA-256 of all outputs (BIP341 `sha_outputs`). */
  get outputs(): Uint8Array {
    return (this.#outputs ??= this.crypto.sha256(this.tx.allOutputBytes()));
  }

  /** SHA-256 of the amounts spent (BIP341 `sha_amounts`). */
  get amounts(): Uint8Array {
    return (this.#amounts ??= this.crypto.sha256(this.#amountBytes()));
  }

  /** SHA-256 of the scripts spent, each with its length (BIP341 `sha_scriptpubkeys`). */
  get scriptPubKeys(): Uint8Array {
    return (this.#scriptPubKeys ??= this.crypto.sha256(this.#scriptBytes()));
  }

  /** Double SHA-256 of all outpoints (BIP143 `hashPrevouts`). */
  get doublePrevouts(): Uint8Array {
    return (this.#doublePrevouts ??= this.crypto.sha256(this.prevouts));
  }

  /** Double SHA-256 of all sequences (BIP143 `hashSequence`). */
  get doubleSequences(): Uint8Array {
    return (this.#doubleSequences ??= this.crypto.sha256(this.sequences));
  }

  /** Double SHA-256 of all outputs (BIP143 `hashOutputs`). */
  get doubleOutputs(): Uint8Array {
    return (this.#doubleOutputs ??= this.crypto.sha256(this.outputs));
  }

  /** SHA-256 of all scriptSigs, each with its length; no bytes when all of them are empty (BIP119). */
  get scriptSigs(): Uint8Array {
    return (this.#scriptSigs ??= this.#hashOfScriptSigs());
  }

  #hashOfScriptSigs(): Uint8Array {
    const { tx } = this;
    let size = 0;
    for (let input = 0; input < tx.inputCount; input++) size += scriptSigSize(tx, input);
    // An empty scriptSig is one byte, its length.
    if (size === tx.inputCount) return EMPTY;
    const joined = new Uint8Array(size);
    for (let input = 0, to = 0; input < tx.inputCount; input++) {
      joined.set(tx.bytes.subarray(tx.outpointOffset(input) + OUTPOINT_SIZE, tx.sequenceOffset(input)), to);
      to += scriptSigSize(tx, input);
    }
    return this.crypto.sha256(joined);
  }

  #hashOfInputs(size: number, offsetOf: (input: number) => number): Uint8Array {
    const { bytes, inputCount } = this.tx;
    const joined = new Uint8Array(inputCount * size);
    for (let input = 0, to = 0; input < inputCount; input++) {
      const from = offsetOf(input);
      for (let i = 0; i < size; i++) joined[to++] = bytes[from + i] as number;
    }
    return this.crypto.sha256(joined);
  }

  #amountBytes(): Uint8Array {
    const joined = new Uint8Array(this.spentOutputs.length * 8);
    this.spentOutputs.forEach(({ value }, index) => writeInt64(joined, index * 8, value));
    return joined;
  }

  #scriptBytes(): Uint8Array {
    let size = 0;
    for (const { scriptPubKey } of this.spentOutputs)
      size += compactSizeLength(scriptPubKey.length) + scriptPubKey.length;
    const joined = new Uint8Array(size);
    let offset = 0;
    for (const { scriptPubKey } of this.spentOutputs) {
      offset = writeCompactSize(joined, offset, scriptPubKey.length);
      joined.set(scriptPubKey, offset);
      offset += scriptPubKey.length;
    }
    return joined;
  }
}

/** Bytes of a scriptSig with its length: what lies between an input's outpoint and its sequence. */
function scriptSigSize(tx: TransactionView, input: number): number {
  return tx.sequenceOffset(input) - tx.outpointOffset(input) - OUTPOINT_SIZE;
}
