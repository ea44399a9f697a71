import type { StoredEvent } from '@bitcoin-enterprise/events';
import type { DecisionFacts, GivenApproval, ReleasedPayment } from './evaluate.ts';
import { type Payment, paymentFromJson, type PaymentJson } from './payment.ts';
import { parseApprovalPolicy } from './policy.ts';
import type { ApprovalPolicy } from './policy-model.ts';

/** What happened under a policy, as the event store keeps it. */
export type ControlEvent =
  | {
      readonly type: 'policy-set';
      readonly policy: unknown;
      readonly digest: string;
      readonly approvedBy: readonly string[];
    }
  | { readonly type: 'requested'; readonly payment: PaymentJson; readonly initiator: string }
  | { readonly type: 'approved' | 'rejected'; readonly id: string; readonly actor: string; readonly at: number }
  | { readonly type: 'denied'; readonly id: string; readonly reasons: readonly string[] }
  | {
      readonly type: 'released';
      readonly id: string;
      readonly rule: string;
      readonly approvedBy: readonly string[];
      readonly at: number;
    }
  | { readonly type: 'signed'; readonly id: string; readonly signer: string; readonly digest: string };

/** A payment and what was said of it. */
export interface ControlledPayment {
  readonly payment: Payment;
  readonly initiator: string;
  readonly approvals: readonly GivenApproval[];
  readonly rejectedBy: string | undefined;
  readonly released: ReleasedPayment | undefined;
}

/** All that happened, folded. */
export interface ControlState {
  /** Version of the stream. */
  readonly version: number;
  readonly policy: ApprovalPolicy | undefined;
  /** SHA-256 of the policy in canonical JSON, hexadecimal. */
  readonly policyDigest: string | undefined;
  /** How many policies were in force, this one included. */
  readonly revision: number;
  readonly payments: ReadonlyMap<string, ControlledPayment>;
  /** What let each payment through, and the version at which it stands in the stream. */
  readonly releases: ReadonlyMap<string, { readonly version: number; readonly event: ControlEvent }>;
}

/** Nothing has happened. */
export const NOTHING_HAPPENED: ControlState = {
  version: 0,
  policy: undefined,
  policyDigest: undefined,
  revision: 0,
  payments: new Map(),
  releases: new Map(),
};

/** The state after further events. */
export function fold(state: ControlState, events: readonly StoredEvent[]): ControlState {
  let { version, policy, policyDigest, revision } = state;
  const payments = new Map(state.payments);
  const releases = new Map(state.releases);
  for (const stored of events) {
    const event = { type: stored.type, ...(stored.data as object) } as ControlEvent;
    version = stored.version;
    switch (event.type) {
      case 'policy-set': {
        const before = policy;
        const next = parseApprovalPolicy(event.policy);
        // An approval counts for as long as its actor has the key that it was given with.
        for (const [id, known] of payments) {
          const approvals = known.approvals.filter(({ actor }) => keyOf(before, actor) === keyOf(next, actor));
          if (approvals.length < known.approvals.length) payments.set(id, { ...known, approvals });
        }
        policy = next;
        policyDigest = event.digest;
        revision++;
        break;
      }
      case 'requested': {
        const payment = paymentFromJson(event.payment);
        const { initiator } = event;
        payments.set(payment.id, { payment, initiator, approvals: [], rejectedBy: undefined, released: undefined });
        break;
      }
      case 'approved':
      case 'rejected':
      case 'released': {
        const known = payments.get(event.id);
        if (known !== undefined) payments.set(event.id, changed(known, event));
        if (event.type === 'released') releases.set(event.id, { version, event });
        break;
      }
      case 'denied':
      case 'signed':
    }
  }
  return { version, policy, policyDigest, revision, payments, releases };
}

function keyOf(policy: ApprovalPolicy | undefined, actor: string): string | undefined {
  const key = policy?.actors.find(({ id }) => id === actor)?.key;
  return key === undefined ? undefined : `${key.algorithm}:${key.publicKey}`;
}

function changed(
  known: ControlledPayment,
  event: Extract<ControlEvent, { type: 'approved' | 'rejected' | 'released' }>,
): ControlledPayment {
  if (event.type === 'released') {
    const { payment, initiator } = known;
    return { ...known, released: { payment, initiator, rule: event.rule, time: event.at } };
  }
  if (event.type === 'rejected') return { ...known, rejectedBy: known.rejectedBy ?? event.actor };
  return { ...known, approvals: [...known.approvals, { actor: event.actor, time: event.at }] };
}

/** What is known when a payment is decided on. */
export function factsOf({ payments }: ControlState, { approvals }: ControlledPayment, time: number): DecisionFacts {
  const released = [...payments.values()].flatMap((one) => (one.released === undefined ? [] : [one.released]));
  return { time, approvals, released };
}
