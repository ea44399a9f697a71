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
  aggregateMusigPresignature,
  aggregateMusigSignatures,
  type DeterministicMusigOptions,
  signMusig,
  signMusigDeterministically,
  type SignMusigOptions,
  verifyMusigPartial,
} from './musig/signatures.ts';
export {
  completeEcdsa,
  type EcdsaPresignatureFacts,
  extractEcdsaSecret,
  presignEcdsa,
  type PresignEcdsaOptions,
  verifyEcdsaPresignature,
} from './adaptor/ecdsa.ts';
export type { SchnorrPresignatureFacts, SchnorrPresignatureItem } from './adaptor/equation.ts';
export {
  completeSchnorr,
  extractSchnorrSecret,
  verifySchnorrPresignature,
  verifySchnorrPresignatures,
} from './adaptor/presignature.ts';
export {
  presignSchnorr,
  presignSchnorrMany,
  type PresignSchnorrManyOptions,
  type PresignSchnorrOptions,
} from './adaptor/schnorr.ts';
export type { AdaptorSecret } from './adaptor/secrets.ts';
export {
  type NewNonce,
  type NonceSpending,
  type NonceVault,
  type NonceVaultOptions,
  nonceToken,
} from './vault/nonce-vault.ts';
export { openNonceVault } from './vault/open-vault.ts';
export {
  createVaultNonce,
  type SignWithVaultOptions,
  signWithVault,
  type VaultNonce,
  type VaultNonceOptions,
} from './musig/vault-signing.ts';
export {
  beginMusig,
  type BeginMusigOptions,
  type MusigBlame,
  type MusigEffect,
  type MusigEvent,
  type MusigMessage,
  type MusigState,
  type MusigStep,
  pendingMusig,
  stepMusig,
} from './musig/conversation.ts';
export { createMusigParty, type MusigParty, type MusigPartyOptions, type MusigRun } from './musig/party.ts';
export type { ContributionKind } from './musig/checks.ts';
export {
  addMusigNonces,
  addMusigSignatures,
  aggregateMusigPsbt,
  musigPsbtSigner,
  type MusigPsbtSignerOptions,
  restartMusigPsbt,
} from './psbt/roles.ts';
export { type MusigPlace, musigPlacesOf, type MusigPlacesOptions } from './psbt/places.ts';
export { combineFrostShares, dealFrostShares, type DealFrostSharesOptions } from './frost/dealer.ts';
export type { FrostDkg } from './frost/ceremony.ts';
export { createFrostDkg, createFrostRefresh, type FrostDkgOptions, type FrostRefreshOptions } from './frost/dkg.ts';
export type { FrostDkgMessage } from './frost/dkg-messages.ts';
export {
  formatFrostGroup,
  type FrostGroup,
  type FrostGroupJson,
  type FrostShare,
  parseFrostGroup,
  tweakFrostGroup,
  tweakFrostShare,
} from './frost/group.ts';
export {
  aggregateFrostSignature,
  createFrostNonce,
  createFrostSession,
  type FrostNonce,
  type FrostSession,
  type FrostSignatureShare,
  signFrost,
  verifyFrostShare,
} from './frost/signing.ts';
export { FROST_SUITE } from './frost/suite.ts';
export {
  beginFrostCoordination,
  type FrostAnswer,
  type FrostCoordination,
  type FrostCoordinationEffect,
  type FrostCoordinationStep,
  type FrostOffer,
  type FrostRequest,
  stepFrostCoordination,
} from './frost/coordination.ts';
export { createFrostParty, type FrostParty } from './frost/party.ts';
