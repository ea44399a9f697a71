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
