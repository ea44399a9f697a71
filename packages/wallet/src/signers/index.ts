export { createKeyRing, type KeyRing, type KeyRingOptions } from './key-ring.ts';
export type { DigestRequest, DigestSigner, KeyReference, Signer, SignerCallOptions } from './ports.ts';
export {
  memoryDigestSigner,
  memorySigner,
  psbtSigner,
  type SignerOptions,
  verifies,
  watchOnlySigner,
} from './psbt-signer.ts';
export { withSilentOutputs } from './silent-outputs.ts';
