import { type Entropy, isBytes } from '@bitcoin-enterprise/core';
import { invalidArgument } from '../errors.ts';

/** Bytes of a source that may be the caller's own: as many as asked for, or a code. */
export function entropyBytes(entropy: Entropy, length: number): Uint8Array {
  const bytes = typeof entropy?.bytes === 'function' ? entropy.bytes(length) : undefined;
  if (!isBytes(bytes) || bytes.length !== length)
    throw invalidArgument('options.entropy', `a source of ${length} bytes`, entropy);
  return bytes;
}
