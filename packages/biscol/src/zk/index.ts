export { proveAny, verifyAny } from './any-relation.ts';
export {
  addCommitments,
  commitTo,
  createBlinding,
  type Opening,
  opensTo,
  shiftCommitment,
  sumOpenings,
} from './commitments.ts';
export { hashToCurve } from './hash-to-curve.ts';
export {
  proveRange,
  type ProveRangeOptions,
  type RangeProof,
  rangeProofSize,
  verifyRange,
  type VerifyRangeOptions,
  verifyRanges,
} from './range-proof.ts';
export { membershipProofSize, proveMembership, valueMembers, verifyMembership } from './membership.ts';
export { type LinearEquation, type ProofOptions, proveRelation, type Relation, verifyRelation } from './relations.ts';
export { equalLogsRelation, equalValuesRelation, keyRelation, openingRelation } from './statements.ts';
export {
  type LiabilityAccount,
  createLiabilities,
  type LiabilityNode,
  type LiabilityProof,
  type LiabilityTree,
  proveLiability,
  verifyLiability,
} from './liabilities.ts';
export { type ReserveChallenge, reserveMessage } from './reserve-challenge.ts';
export { collectReserves, type ReserveCoins } from './reserve-coins.ts';
export {
  proveSolvency,
  type ProveSolvencyOptions,
  type ReserveProof,
  type ReserveVerdict,
  verifyReserves,
  type VerifyReservesOptions,
} from './reserves.ts';
export {
  completeSale,
  type OfferOptions,
  offerSecrets,
  type Sale,
  type SaleOffer,
  saleSoundness,
  verifyOffer,
} from './sale.ts';
export type { SaleLock, SaleSize } from './sale-instances.ts';
export { saleScripts, type SaleScriptOptions } from './sale-scripts.ts';
export { BiscolError, type BiscolErrors } from '../errors.ts';
