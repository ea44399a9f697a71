import type { SignatureAlgorithm } from '@bitcoin-enterprise/receipts';

/** Actors by id and by role; all together. */
export interface ActorGroup {
  readonly actors?: readonly string[] | undefined;
  readonly roles?: readonly string[] | undefined;
}

/** From and to, both ends included; in the smallest unit. */
export interface AmountWindow {
  readonly from?: bigint | undefined;
  readonly to?: bigint | undefined;
}

/** Who has to approve. */
export interface Consent {
  /** Each group by as many of its actors as it says; nobody counts in two groups. */
  readonly approvals: readonly (ActorGroup & { readonly count: number })[];
  /** Whether the initiator may not be one of the approvers; they may not when absent in JSON. */
  readonly fourEyes: boolean;
  /** Since the last approval that was needed; 0 when absent in JSON. */
  readonly delaySeconds: number;
  /** How long an approval counts; 7 days when absent in JSON. */
  readonly expirySeconds: number;
}

/**
 * What a payment must be like for a rule to fit; what is absent does not matter. A rule that allows, or asks for
 * approvals, must fit all transfers of a payment; one that denies fits when it fits one of them.
 */
export interface RuleCondition {
  /** Of `bitcoin:main`, `eip155:1`… */
  readonly chains?: readonly string[] | undefined;
  /** `native` and addresses of tokens; every transfer must be in one of them. */
  readonly assets?: readonly string[] | undefined;
  readonly initiators?: ActorGroup | undefined;
  /** The sum of what leaves in each asset. */
  readonly amount?: AmountWindow | undefined;
  readonly fee?: AmountWindow | undefined;
  /** Every transfer must go to one of these addresses, or to one of a list. */
  readonly to?:
    | { readonly addresses?: readonly string[] | undefined; readonly lists?: readonly string[] | undefined }
    | undefined;
  /** From inclusive, to exclusive; past midnight when `to` is before `from`. */
  readonly time?:
    | {
        readonly days?: readonly ('mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun')[] | undefined;
        /** Such as `08:30`. */
        readonly from?: string | undefined;
        readonly to?: string | undefined;
        /** Such as `Europe/Berlin`; UTC when absent in JSON. */
        readonly timeZone: string;
      }
    | undefined;
}

/** How much may leave in a while. */
export interface VelocityLimit {
  /** What is counted together: payments that this rule let through, of this initiator, or all of the wallet. */
  readonly per: 'rule' | 'initiator' | 'wallet';
  readonly windowSeconds: number;
  /** The most that may leave in the window, this payment included, in each asset. */
  readonly amount?: bigint | undefined;
  /** The most payments in the window, this one included. */
  readonly count?: number | undefined;
}

/** One rule of a policy. */
export interface ApprovalRule {
  readonly name: string;
  readonly when: RuleCondition;
  /** A payment that exceeds one does not fit the rule; the next one is looked at. */
  readonly limits: readonly VelocityLimit[];
  readonly effect: 'allow' | 'deny' | Consent;
}

/** Somebody of a policy. */
export interface Actor {
  readonly id: string;
  readonly roles: readonly string[];
  /** What proves that an approval is theirs; who has none can only initiate. */
  readonly key?: { readonly algorithm: SignatureAlgorithm; readonly publicKey: string } | undefined;
}

/** An approval policy: who may pay what, when, where to, and who has to approve. In JSON amounts are decimal strings. */
export interface ApprovalPolicy {
  readonly version: 1;
  readonly actors: readonly Actor[];
  /** Addresses by name. */
  readonly lists: Readonly<Record<string, readonly string[]>>;
  /** Looked at in their order: the first that fits decides. A payment that none fits is denied. */
  readonly rules: readonly ApprovalRule[];
  /** Who can put another policy in the place of this one; nobody when absent. */
  readonly administration?: Consent | undefined;
}
