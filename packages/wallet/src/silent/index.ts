export { WalletError, type WalletErrors } from '../errors.ts';
export { decodeSilentAddress, encodeSilentAddress, type SilentAddress, type SilentAddressKeys } from './address.ts';
export {
  createDleqProof,
  type DleqProof,
  type DleqProofOptions,
  verifyDleqProof,
  type VerifyDleqOptions,
} from './dleq.ts';
export { silentInputKey, silentInputs, type SilentInput, type SilentInputs, type SilentOutpoint } from './inputs.ts';
export {
  deriveSilentKeys,
  SILENT_CHANGE_LABEL,
  type SilentAccountOptions,
  silentAddressOf,
  type SilentAddressOptions,
  silentChangeAddressOf,
  type SilentKeys,
  silentKeysOfDescriptor,
  silentOutputKey,
  type SilentScanKeys,
} from './keys.ts';
export {
  addSilentShares,
  addSilentSpend,
  computeSilentOutputs,
  type SilentCoverage,
  type SilentSpend,
  verifySilentShares,
} from './psbt.ts';
export {
  type FoundInTweaks,
  type FoundSilentOutput,
  type ScanTweaksOptions,
  SilentScanner,
  type SilentTweak,
  silentTweakOf,
} from './scanner.ts';
export { createSilentOutputs, type SilentOutput, type SilentPaymentOptions, type SilentSenderInput } from './send.ts';
export { MAXIMUM_SILENT_OUTPUTS } from './shared-secret.ts';
