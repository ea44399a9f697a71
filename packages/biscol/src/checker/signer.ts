import { toHex } from '@bitcoin-enterprise/core';
import type { DerivedKey } from '@bitcoin-enterprise/descriptors';
import { serializeTransaction, type TaprootOutput } from '@bitcoin-enterprise/script';
import { createKeyRing, type KeyRing } from '@bitcoin-enterprise/wallet';
import {
  aggregateMusigKeys,
  aggregateMusigNonces,
  aggregateMusigSignatures,
  createMusigNonce,
  createMusigSession,
  SecretBytes,
  signMusig,
  sortMusigKeys,
  tweakForTaproot,
} from '@bitcoin-enterprise/wallet/multiparty';
import type { TransitionPlan } from '../contract/transition.ts';
import { completeTransition, signatureName, type SigningRequest, signingRequests } from '../signing/requests.ts';

/** Signs for everybody: the model checker plays all parties, and knows whose key is whose. */
export class AllKeys {
  readonly #secrets = new Map<string, Uint8Array>();
  readonly #ring: KeyRing;
  readonly #signatures = new Map<string, Uint8Array>();

  /** @param secretKeys - Of everybody, 32 bytes each. */
  constructor(secretKeys: readonly Uint8Array[]) {
    this.#ring = createKeyRing({ secretKeys });
    for (const [place, publicKey] of this.#ring.publicKeys.entries())
      this.#secrets.set(xOnlyHex(publicKey), secretKeys[place] as Uint8Array);
  }

  /**
   * The signed transaction.
   *
   * @param mayUse - Whether the key of a public key, 32 bytes in hexadecimal, signs.
   * @returns `undefined` when one that is needed does not.
   */
  sign(plan: TransitionPlan, mayUse: (xOnly: string) => boolean): Uint8Array | undefined {
    const requests = signingRequests(plan);
    const isSigned = requests.every(({ key }) => keysOf(key).every((one) => mayUse(one) && this.#secrets.has(one)));
    if (!isSigned) return undefined;
    const signatures = new Map<string, Uint8Array>();
    for (const request of requests)
      signatures.set(signatureName(request.input, request.key), this.#signature(plan, request));
    return serializeTransaction(completeTransition(plan, signatures));
  }

  #signature(plan: TransitionPlan, asked: SigningRequest): Uint8Array {
    // The same message under the same key again: exploring comes back to the same transactions.
    const name = `${toHex(asked.verifyingKey)}${toHex(asked.request.digest)}`;
    const known = this.#signatures.get(name);
    if (known !== undefined) return known;
    const signature =
      asked.key.participants.length === 0
        ? this.#ring.sign(asked.request)
        : this.#together(asked, plan.inputs[asked.input]?.output.taproot);
    this.#signatures.set(name, signature);
    return signature;
  }

  #together({ key, request, leafHash }: SigningRequest, taproot: TaprootOutput | undefined): Uint8Array {
    const publicKeys = sortMusigKeys(key.participants.map(({ publicKey }) => publicKey));
    const plain = aggregateMusigKeys(publicKeys);
    const merkleRoot = taproot?.merkleRoot;
    const keys =
      leafHash === undefined ? tweakForTaproot(plain, merkleRoot === undefined ? {} : { merkleRoot }) : plain;
    const nonces = publicKeys.map((publicKey) => createMusigNonce({ publicKey }));
    const aggregateNonce = aggregateMusigNonces(nonces.map(({ publicNonce }) => publicNonce));
    const session = createMusigSession(keys, { aggregateNonce, message: request.digest });
    const partials = publicKeys.map((publicKey, place) =>
      signMusig(session, {
        secretKey: new SecretBytes(this.#secrets.get(xOnlyHex(publicKey)) as Uint8Array),
        secretNonce: (nonces[place] as (typeof nonces)[number]).secretNonce,
      }),
    );
    return aggregateMusigSignatures(session, partials);
  }
}

/** The keys that have to sign for one of a script, 32 bytes in hexadecimal each. */
export function keysOf(key: DerivedKey): readonly string[] {
  const those = key.participants.length === 0 ? [key] : key.participants;
  return those.map(({ publicKey }) => xOnlyHex(publicKey));
}

/** 32 bytes of a public key of 33, in hexadecimal. */
export function xOnlyHex(publicKey: Uint8Array): string {
  return toHex(publicKey.length === 33 ? publicKey.subarray(1) : publicKey);
}

/** The witness of a single key on the key path of an output without scripts: a coin of somebody outside of the contract. */
export function signOutside(
  secretKey: Uint8Array,
  of: { readonly digest: Uint8Array; readonly tweak: Uint8Array },
): Uint8Array {
  const ring = createKeyRing({ secretKeys: [secretKey] });
  const [publicKey = new Uint8Array(33)] = ring.publicKeys;
  return ring.sign({ key: { publicKey: publicKey.subarray(1) }, scheme: 'schnorr', ...of });
}
