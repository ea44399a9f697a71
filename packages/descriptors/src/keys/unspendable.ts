import { equalBytes } from '@bitcoin-enterprise/core';
import { UNSPENDABLE_INTERNAL_KEY } from '@bitcoin-enterprise/script';
import type { KeyExpression } from './model.ts';

/** Whether 32 or 33 bytes are the point H of BIP341, of which nobody knows the secret: what asks for its signature asks for nothing. */
export function isUnspendable(key: Uint8Array): boolean {
  return equalBytes(key.length === 33 ? key.subarray(1) : key, UNSPENDABLE_INTERNAL_KEY);
}

/** The same of a key as a descriptor names it. */
export function isUnspendableExpression(key: KeyExpression): boolean {
  return key.kind === 'single' && isUnspendable(key.derive(0).publicKey);
}
