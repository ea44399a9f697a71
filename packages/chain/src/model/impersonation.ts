import { toHex } from '@bitcoin-enterprise/core';

/** What a script is impersonated by. */
export function scriptKey(scriptPubKey: Uint8Array): string {
  return `script:${toHex(scriptPubKey)}`;
}

/** What one output is impersonated by: its 36 bytes, which are never those of a script. */
export function outpointKey(outpoint: Uint8Array): string {
  return `outpoint:${toHex(outpoint)}`;
}
