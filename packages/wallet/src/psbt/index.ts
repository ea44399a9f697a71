export { WalletError, type WalletErrors } from '../errors.ts';
export type {
  MusigParticipants,
  MusigSlot,
  PreimageHash,
  Psbt,
  PsbtDerivation,
  PsbtInput,
  PsbtOutput,
  PsbtTapDerivation,
  RawField,
  SilentShare,
} from './model.ts';
export { combinePsbts } from './combine.ts';
export { toPsbtVersion } from './convert.ts';
export {
  addPsbtInput,
  addPsbtOutput,
  createPsbt,
  type CreatePsbtOptions,
  type NewInput,
  type NewOutput,
  updatePsbtInput,
  updatePsbtOutput,
} from './create.ts';
export {
  describeInput,
  type DescribedInput,
  type DescribedOutput,
  describeOutput,
  describePsbtInput,
  describePsbtOutput,
} from './describe.ts';
export { extractTransaction, type ExtractOptions } from './extract.ts';
export {
  finalizePsbt,
  finalizePsbtInputs,
  type FinalizeOptions,
  type FinalScripts,
  type UnfinishedInput,
} from './finalize.ts';
export { parsePsbt } from './parse.ts';
export { psbtToBase64, serializePsbt } from './serialize.ts';
export { PsbtSigning, signPsbt } from './sign.ts';
export type { SigningSlot, SlotOptions } from './slots.ts';
export { psbtId, psbtLockTime, unsignedTransaction } from './transaction.ts';
