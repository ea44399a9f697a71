export { WalletError, type WalletErrors } from '../errors.ts';
export { SecretBytes } from '../keys/secret-bytes.ts';
export {
  aggregateMusigKeys,
  deriveMusigKeys,
  type MusigKeys,
  type MusigTweak,
  sortMusigKeys,
  tweakForTaproot,
  tweakMusigKeys,
} from './musig/keys.ts';
export { aggregateMusigNonces, createMusigNonce, type MusigNonce, type MusigNonceOptions } from './musig/nonces.ts';
export { createMusigSession, type MusigSession } from './musig/session.ts';
export {
  aggregateMusigSignatures,
  type DeterministicMusigOptions,
  signMusig,
  signMusigDeterministically,
  verifyMusigPartial,
} from './musig/signatures.ts';
