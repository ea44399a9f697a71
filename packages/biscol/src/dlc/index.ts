export { BiscolError, type BiscolErrors } from '../errors.ts';
export type { Attested } from './anticipation.ts';
export {
  announcementMessage,
  attestationMessage,
  checkAnnouncement,
  checkAttestation,
  outcomesOf,
  signaturePoint,
  signWithNonce,
} from './attestation.ts';
export { contractToJson, type Json, parseContract } from './contract-json.ts';
export { coverDigits, type DigitPrefix } from './digits.ts';
export { dlcContractId, type DlcFees, dlcFees, type DlcPartySizes } from './fees.ts';
export type { Fraction } from './fraction.ts';
export type { HyperbolaNumbers } from './hyperbola.ts';
export { createOracle, type DlcOracle, type OracleOptions } from './oracle.ts';
export {
  decodeAnnouncement,
  decodeAttestation,
  encodeAnnouncement,
  encodeAttestation,
  encodeOracleEvent,
  type EventDescriptor,
  type OracleAnnouncement,
  type OracleAttestation,
  type OracleEvent,
  type OracleProfile,
} from './oracle-messages.ts';
export {
  attestationSecret,
  type DlcOutcome,
  dlcOutcomes,
  type DlcPayouts,
  findOutcomes,
  type FindOutcomesOptions,
} from './outcomes.ts';
export type {
  DlcContract,
  EnumeratedContract,
  NumericContract,
  PayoutCurve,
  PayoutPiece,
  PayoutPoint,
  RoundingInterval,
} from './payout.ts';
export { type PayoutInterval, payoutIntervals } from './payout-intervals.ts';
export type { DlcTerms } from './terms.ts';
export type { OracleTolerance } from './tolerance.ts';
