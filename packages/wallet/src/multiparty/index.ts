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
  type SignMusigOptions,
  verifyMusigPartial,
} from './musig/signatures.ts';
export {
  type NewNonce,
  type NonceSpending,
  type NonceVault,
  type NonceVaultOptions,
  openNonceVault,
} from './vault/nonce-vault.ts';
export {
  createVaultNonce,
  type SignWithVaultOptions,
  signWithVault,
  type VaultNonce,
  type VaultNonceOptions,
} from './musig/vault-signing.ts';
