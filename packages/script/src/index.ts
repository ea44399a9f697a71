export * from './model.ts';
export { ScriptError, type ScriptErrors } from './errors.ts';
export { parseTransaction, type ParseTransactionOptions } from './codec/parse.ts';
export { TransactionView, viewTransaction, type TransactionLike } from './codec/transaction-view.ts';
export {
  serializeTransaction,
  transactionId,
  transactionVirtualSize,
  transactionWeight,
  witnessTransactionId,
  type SerializeTransactionOptions,
} from './codec/serialize.ts';
export {
  BLOCK_HEADER_SIZE,
  blockHash,
  joinBlock,
  parseBlock,
  parseBlockHeader,
  serializeBlock,
  serializeBlockHeader,
  viewBlock,
  type BlockView,
} from './codec/block.ts';
export { Opcode, isOpSuccess, opcodeName, type OpcodeName } from './opcodes.ts';
export { ScriptReader } from './script-reader.ts';
export { encodeDerSignature, isStrictDer, parseLaxDer } from './interpreter/encoding.ts';
export { consensusFlags, standardFlags } from './interpreter/flags.ts';
export type { ScriptErrorName } from './interpreter/script-error-name.ts';
export { scriptErrorOfText, scriptErrorText } from './interpreter/script-error-text.ts';
export { SignatureBatch } from './interpreter/signature-batch.ts';
export type { ScriptPhase, TraceStep } from './interpreter/trace-step.ts';
export { traceInput, type InputTrace, type TraceInputOptions } from './interpreter/trace.ts';
export {
  verifyInput,
  verifyTransaction,
  type InputVerdict,
  type TransactionVerdict,
  type VerifyInputOptions,
  type VerifyTransactionOptions,
} from './interpreter/verify.ts';
export { witnessProgramOf, type WitnessProgram } from './interpreter/witness.ts';
export { checkTransaction, isCoinbase, type TransactionFault } from './transaction-rules.ts';
export {
  TAPSCRIPT_LEAF_VERSION,
  tapBranchHash,
  tapLeafHash,
  tapTweakHash,
  taprootMerkleRoot,
  type TapLeafHashOptions,
} from './taproot/commitment.ts';
export {
  parseControlBlock,
  taprootOutput,
  taprootSecretKey,
  UNSPENDABLE_INTERNAL_KEY,
  type ControlBlock,
  type TapLeaf,
  type TapTree,
  type TaprootLeafSpend,
  type TaprootOutput,
  type TaprootOutputOptions,
} from './taproot/tree.ts';
export { assemble, disassemble, parseScript, type DisassembleOptions, type ScriptPart } from './assemble.ts';
export { checkTemplateHash } from './sighash/check-template.ts';
export { SighashType } from './sighash/hash-type.ts';
export {
  Sighasher,
  sighashLegacy,
  sighashTaproot,
  sighashWitnessV0,
  type LegacySighash,
  type LegacySighashOptions,
  type SighasherOptions,
  type TaprootSighash,
  type TaprootSighashOptions,
  type WitnessV0Sighash,
  type WitnessV0SighashOptions,
} from './sighash/sighash.ts';
export { isPayToScriptHash, isPushOnly, outputTypeOf, type OutputType } from './output-type.ts';
export { policyProfiles, type PolicyProfile, type PolicyProfileName } from './policy/profile.ts';
export { countLegacySigops, countSigops, transactionSigopsCost } from './policy/sigops.ts';
export {
  checkStandardForm,
  checkStandardInputs,
  checkStandardness,
  dustThreshold,
  type CheckStandardnessOptions,
  type InputFault,
  type PolicyFault,
} from './policy/standardness.ts';
