import { guarded } from '../checks.ts';
import { concatBytes, currentCrypto, equalBytes, toHex } from '@bitcoin-enterprise/core';
import type { DerivedKey, HashFunction } from '@bitcoin-enterprise/descriptors';
import { Sighasher, SighashType, type Transaction } from '@bitcoin-enterprise/script';
import type { DigestRequest } from '@bitcoin-enterprise/wallet';
import type { TransitionPlan } from '../contract/transition.ts';
import { BiscolError } from '../errors.ts';

/** One signature that a plan needs. */
export interface SigningRequest {
  /** Names the signature: {@link signatureName}. */
  readonly name: string;
  readonly input: number;
  readonly key: DerivedKey;
  /** What is asked of a a `DigestSigner`; an aggregate has nobody who could answer it alone. */
  readonly request: DigestRequest;
  /** Key that the signature verifies under, 32 bytes: the output key on the key path. */
  readonly verifyingKey: Uint8Array;
  /** 32 bytes; absent for the key path. */
  readonly leafHash: Uint8Array | undefined;
}

/** The signatures that a plan needs, in the order of inputs and items. */
export function signingRequests(plan: TransitionPlan): readonly SigningRequest[] {
  return guarded('plan', 'what planTransition returned', () => {
    const { bytes, spentOutputs, inputs, hashType } = plan;
    const hasher = new Sighasher({ tx: bytes, spentOutputs });
    return inputs.flatMap(({ output, plan: { way, signers } }, input) => {
      const leafHash = way.leaf?.leafHash;
      const digest = hasher.taproot(input, leafHash === undefined ? { hashType } : { hashType, leafHash });
      return signers.map((key): SigningRequest => {
        const { publicKey, origin } = key;
        const isKeyPath = leafHash === undefined;
        return {
          name: signatureName(input, key),
          input,
          key,
          request: {
            // 32 bytes say that the key path is signed with an even y (BIP341).
            key: { publicKey: isKeyPath ? key.bytes : publicKey, origin },
            scheme: 'schnorr',
            digest,
            ...(isKeyPath ? { tweak: output.taproot.tweak } : {}),
          },
          verifyingKey: isKeyPath ? output.taproot.outputKey : key.bytes,
          leafHash,
        };
      });
    });
  });
}

/** A signature by its input and the key that it is for, 32 bytes in hexadecimal. */
export type Signatures = ReadonlyMap<string, Uint8Array>;

/** The name of a signature. */
export function signatureName(input: number, key: DerivedKey): string {
  return guarded('key', 'a key of a plan', () => {
    return `${input}:${toHex(key.bytes)}`;
  });
}

/**
 * Puts signatures and secrets into their places: the transaction as it is broadcast, but for the inputs of sponsors.
 *
 * @param signatures - 64 bytes each, by {@link signatureName}.
 * @throws BiscolError `BISCOL_SIGNATURE_MISSING` with the input and the key, `BISCOL_SECRET_MISSING` with the hash.
 */
export function completeTransition(plan: TransitionPlan, signatures: Signatures): Transaction {
  return guarded('plan', 'what planTransition returned', () => {
    const { tx, inputs, hashType } = plan;
    return {
      ...tx,
      inputs: tx.inputs.map((input, place) => {
        const planned = inputs[place];
        if (planned === undefined) return input;
        const { way, items } = planned.plan;
        const witness = items.map((item): Uint8Array => {
          if (item.kind === 'bytes') return item.bytes;
          if (item.kind === 'key') return item.key.bytes;
          if (item.kind === 'preimage') return preimageOf(plan, item.hashFunction, item.hash);
          const signature = signatures.get(signatureName(place, item.key));
          if (signature === undefined) throw missing(place, item.key);
          return hashType === SighashType.DEFAULT ? signature : concatBytes(signature, Uint8Array.of(hashType));
        });
        const { leaf } = way;
        return { ...input, witness: leaf === undefined ? witness : [...witness, leaf.script, leaf.controlBlock] };
      }),
    };
  });
}

function preimageOf({ preimages }: TransitionPlan, hashFunction: HashFunction, hash: Uint8Array): Uint8Array {
  const crypto = currentCrypto();
  const known = preimages.find((preimage) => equalBytes(crypto[hashFunction](preimage), hash));
  if (known !== undefined) return known;
  throw new BiscolError('BISCOL_SECRET_MISSING', `expected the secret of ${hashFunction} ${toHex(hash)}, got none`, {
    details: { hash: toHex(hash) },
  });
}

function missing(input: number, key: DerivedKey): BiscolError {
  const text = toHex(key.bytes);
  return new BiscolError('BISCOL_SIGNATURE_MISSING', `expected a signature of ${text} for input ${input}, got none`, {
    details: { input, key: text },
  });
}
