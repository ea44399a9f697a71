import { compareBytes, concatBytes, currentCrypto, equalBytes, parseHex } from '@bitcoin-enterprise/core';
import { ExtendedKey, type ExtendedKeyNetwork } from './extended-key.ts';

/** BIP328: the chain code of every aggregate. */
const MUSIG_CHAIN_CODE: Uint8Array = /* @__PURE__ */ parseHex(
  '868087ca02a6f974c4598924c36b57762d32cb45717167e300622c7167e38965',
);

/** Public keys in the order of BIP327's KeySort: by their bytes. */
export function sortPublicKeys(publicKeys: readonly Uint8Array[]): readonly Uint8Array[] {
  return [...publicKeys].sort(compareBytes);
}

/**
 * The aggregate of public keys (BIP327, KeyAgg), with its y coordinate; another order makes another aggregate.
 *
 * @param publicKeys - 33 bytes each, at least one; a key may occur more than once.
 * @returns 33 bytes; `undefined` when the sum is no point, or a key is none.
 */
export function aggregatePublicKeys(publicKeys: readonly Uint8Array[]): Uint8Array | undefined {
  const crypto = currentCrypto();
  const [first] = publicKeys;
  if (first === undefined) return undefined;
  // KeyAgg spares the multiplication for the second distinct key.
  const second = publicKeys.find((key) => !equalBytes(key, first));
  const listHash = crypto.taggedHash('KeyAgg list', concatBytes(...publicKeys));
  const terms: Uint8Array[] = [];
  for (const key of publicKeys) {
    const isSecond = second !== undefined && equalBytes(key, second);
    const term = isSecond
      ? key
      : crypto.publicKeyTweakMul(key, crypto.taggedHash('KeyAgg coefficient', concatBytes(listHash, key)));
    if (term === undefined) return undefined;
    terms.push(term);
  }
  return crypto.publicKeyCombine(terms);
}

/** The extended key of an aggregate (BIP328): below it all steps are unhardened. */
export function syntheticExtendedKey(aggregate: Uint8Array, network: ExtendedKeyNetwork): ExtendedKey {
  const parentFingerprint = new Uint8Array(4);
  return new ExtendedKey(
    { network, depth: 0, parentFingerprint, childNumber: 0, chainCode: MUSIG_CHAIN_CODE, publicKey: aggregate },
    undefined,
  );
}
