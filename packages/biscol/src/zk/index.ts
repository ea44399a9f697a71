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
export {
  type LinearEquation,
  proveAny,
  type ProofOptions,
  proveRelation,
  type Relation,
  verifyAny,
  verifyRelation,
} from './relations.ts';
export { equalLogsRelation, equalValuesRelation, keyRelation, openingRelation } from './statements.ts';
