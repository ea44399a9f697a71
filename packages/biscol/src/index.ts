export { BiscolError, type BiscolErrors } from './errors.ts';
export * from './contract/clauses.ts';
export * from './contract/outputs.ts';
export * from './contract/define.ts';
export * from './contract/guarantees.ts';
export * from './contract/rules.ts';
export {
  address,
  amount,
  blocks,
  bytes,
  hash,
  height,
  list,
  type NamedKey,
  type Party,
  type PartyInput,
  party,
  preimage,
  publicKey,
  time,
  type ValueContext,
  type ValueKind,
  type ValueKinds,
  type Values,
  type ValuesInput,
  whole,
} from './contract/values.ts';
export type { AnyContract, ContractInstance, Covenants } from './contract/model.ts';
export {
  type CovenantsInput,
  fundingOutputs,
  instantiate,
  type InstanceJson,
  type InstantiateOptions,
  readInstance,
  writeInstance,
} from './contract/instance.ts';
export type { StateOutput, Way } from './contract/state-output.ts';
export type { PathPlan } from './contract/state-output.ts';
export {
  type Cell,
  planTransition,
  type PlanTransitionOptions,
  type SponsorInput,
  type TransitionPlan,
} from './contract/transition.ts';
export {
  completeTransition,
  signatureName,
  type Signatures,
  type SigningRequest,
  signingRequests,
} from './signing/requests.ts';
export { planToPsbt, requireSameTransaction, signaturesOfPsbt, withSignatures } from './signing/psbt.ts';
export { type Gas, type InputGas, type Metered, meterTransaction } from './gas/meter.ts';
export {
  covenantPsbt,
  covenantRequest,
  covenantSignature,
  covenantSteps,
  type CovenantStep,
  isCovenantSignature,
  nextCells,
  outpointOf,
} from './covenant/presign.ts';
export { recordingGate } from './compliance/recording-gate.ts';
export {
  type ContractEngine,
  createEngine,
  type EngineOptions,
  type InstanceView,
  type OpenOptions,
} from './engine/engine.ts';
export type { Execution } from './engine/execute.ts';
export type { ExecuteOptions } from './engine/planning.ts';
export type {
  CellRecord,
  CellSeed,
  CellSpend,
  EngineEvent,
  ExecutionRecord,
  ExecutionStatus,
  GasRecord,
  InstanceState,
  Placement,
  VerdictRecord,
} from './engine/model.ts';
export type {
  ApprovalRequest,
  ApprovalRule,
  ConsentRule,
  EngineChain,
  GasLimits,
  PartyMessage,
  PartyTransport,
} from './engine/ports.ts';
export type { SignerReport } from './engine/signers.ts';
export { type Outline, type OutlinedTransition, outlineOf } from './contract/outline.ts';
export {
  diffGasReports,
  foreseenGas,
  type GasChange,
  gasDiffTable,
  gasReport,
  type GasReport,
  type GasRow,
  gasTable,
} from './gas/report.ts';
export { contractMermaid } from './render/mermaid.ts';
export { contractSvg } from './render/svg.ts';
export { contractTable } from './render/table.ts';
