import { currentCrypto } from '@bitcoin-enterprise/core';

/** Most outputs that one scan key has in a transaction: what fits into 100 kvB (BIP352). */
export const MAXIMUM_SILENT_OUTPUTS = 2_323;

/** `t_k = hash(shared secret || k)` of BIP352; `undefined` for the one hash in 2¹²⁸ that is no scalar. */
export function outputTweak(sharedSecret: Uint8Array, k: number): Uint8Array | undefined {
  const data = new Uint8Array(37);
  data.set(sharedSecret);
  new DataView(data.buffer).setUint32(33, k);
  const tweak = currentCrypto().taggedHash('BIP0352/SharedSecret', data);
  return currentCrypto().isSecretKey(tweak) ? tweak : undefined;
}

/** `1 <32 bytes>`. */
export function taprootScript(outputKey: Uint8Array): Uint8Array {
  const script = new Uint8Array(34);
  script.set([0x51, 32]);
  script.set(outputKey, 2);
  return script;
}
