export { WalletError, type WalletErrors } from '../errors.ts';
export { approvePayment, approvePolicy, rejectPayment } from './approval.ts';
export { type Control, createControl, type CreateControlOptions } from './control.ts';
export { controlledSigner, type ControlledSignerOptions } from './controlled-signer.ts';
export {
  decidePayment,
  type Decision,
  type DecisionFacts,
  type GivenApproval,
  type ReleasedPayment,
} from './evaluate.ts';
export { NATIVE_ASSET, type Payment, type PaymentRequest, type Transfer } from './payment.ts';
export { parseApprovalPolicy } from './policy.ts';
export type {
  Actor,
  ActorGroup,
  AmountWindow,
  ApprovalPolicy,
  ApprovalRule,
  Consent,
  RuleCondition,
  VelocityLimit,
} from './policy-model.ts';
export { type PaymentContext, paymentOfPsbt } from './psbt-payment.ts';
export type { ControlledPayment } from './state.ts';
