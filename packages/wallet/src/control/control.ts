import { type Clock, currentCrypto, hasCode, systemClock, toHex } from '@bitcoin-enterprise/core';
import type { EventStore } from '@bitcoin-enterprise/events';
import { canonicalJson, createStatement, type EnvelopeJson, type Receipts } from '@bitcoin-enterprise/receipts';
import { requireFunction, requireList, requireObject, requireText } from '../checks.ts';
import { WalletError } from '../errors.ts';
import { type Approvable, approverOf } from './approval.ts';
import { byConsent, decidePayment, type Decision, type ReleasedPayment } from './evaluate.ts';
import {
  isSamePayment,
  type Payment,
  type PaymentRequest,
  paymentToJson,
  requireName,
  requirePayment,
} from './payment.ts';
import { parseApprovalPolicy } from './policy.ts';
import type { ApprovalPolicy } from './policy-model.ts';
import { refused } from './psbt-payment.ts';
import {
  type ControlEvent,
  type ControlledPayment,
  type ControlState,
  factsOf,
  fold,
  NOTHING_HAPPENED,
} from './state.ts';

/** What a control is made of. */
export interface CreateControlOptions {
  /** Where decisions are kept. */
  readonly store: EventStore;
  /** Names the wallet in the store and in receipts; 1 to 100 characters. */
  readonly wallet: string;
  /** The policy that a new wallet begins with, as JSON; one that has begun keeps its own, and refuses another. */
  readonly policy: unknown;
  /** Who issues a receipt for every decision and signature. */
  readonly receipts: Receipts;
  readonly clock?: Clock;
}

/** Payments under a policy. What it says is durable before it is acted on, and leaves a receipt. */
export interface Control {
  /** The policy in force, and the digest that a change of it must name: of this wallet and this time alone. */
  policy(): Promise<{ readonly policy: ApprovalPolicy; readonly digest: string }>;
  /**
   * Asks for a payment.
   *
   * @returns What the policy says of it now; to be asked again by `decide`.
   * @throws WalletError `WALLET_FORBIDDEN` when somebody else has asked for the same.
   */
  request(request: PaymentRequest): Promise<Decision>;
  /**
   * Takes an approval or a rejection.
   *
   * @param id - Of the payment.
   * @param envelope - From `approvePayment` or `rejectPayment`.
   * @throws WalletError `WALLET_FORBIDDEN` for one that is not of an actor's key or not of this payment;
   * `WALLET_NOT_APPROVED` when nobody has asked for the payment.
   */
  approve(id: string, envelope: EnvelopeJson): Promise<Decision>;
  /** As `approve`, to the end of the payment. */
  reject(id: string, envelope: EnvelopeJson): Promise<Decision>;
  /** What the policy says of a payment now. Changes nothing. */
  decide(id: string): Promise<Decision>;
  /**
   * Lets a payment through, once and for all: from now on it counts in the limits of others. What was rejected after that
   * counts still, and is not signed any more.
   *
   * @throws WalletError `WALLET_NOT_APPROVED` with the reasons.
   */
  release(id: string): Promise<ReleasedPayment>;
  /** Notes that a payment was signed. */
  signed(id: string, facts: { readonly signer: string; readonly digest: string }): Promise<void>;
  /** All payments that were asked for, oldest first. */
  payments(): Promise<readonly ControlledPayment[]>;
  /**
   * Puts another policy in force, with the approvals that the present one asks for.
   *
   * @param approvals - From `approvePolicy`, of the same policy and the digest of the present one.
   * @throws WalletError `WALLET_POLICY_INVALID`, `WALLET_FORBIDDEN`, `WALLET_NOT_APPROVED`.
   */
  changePolicy(policy: unknown, approvals: readonly EnvelopeJson[]): Promise<void>;
}

const RECEIPT = 'wallet.receipt';
const PREDICATE = 'https://bitcoin-enterprise.dev/wallet/control/v1';
const TRIES = 20;
/** How long a process may be at a receipt before another one takes it over. */
const LEASE_MS = 5_000;

/**
 * Puts a wallet under a policy.
 *
 * @throws WalletError `WALLET_POLICY_INVALID`; `WALLET_FORBIDDEN` when the wallet has begun with another policy.
 */
export async function createControl(options: CreateControlOptions): Promise<Control> {
  const {
    store,
    wallet,
    receipts,
    policy,
    clock = systemClock(),
  } = requireObject<CreateControlOptions>('options', options);
  requireFunction('options.store.append', requireObject<EventStore>('options.store', store).append);
  requireFunction('options.receipts.issue', requireObject<Receipts>('options.receipts', receipts).issue);
  requireText('options.wallet', wallet);
  const control = new StoredControl({ ...options, clock });
  await control.begin(policy);
  return control;
}

/** Events that are to be written, made from the state of the moment; none when there is nothing to say. */
type Proposal = (state: ControlState) => Promise<readonly ControlEvent[]> | readonly ControlEvent[];

class StoredControl implements Control {
  readonly #options: Required<CreateControlOptions>;
  readonly #stream: string;
  #state: ControlState = NOTHING_HAPPENED;

  constructor(options: Required<CreateControlOptions>) {
    this.#options = options;
    this.#stream = `wallet/control/${options.wallet}`;
  }

  async begin(policy: unknown): Promise<void> {
    parseApprovalPolicy(policy);
    const digest = digestOf(policy);
    await this.#write((state) => {
      if (state.policyDigest === undefined) return [{ type: 'policy-set', policy, digest, approvedBy: [] }];
      if (state.policyDigest === digest) return [];
      throw forbidden('the app', 'begin with another policy than the one in force');
    });
  }

  async policy(): Promise<{ readonly policy: ApprovalPolicy; readonly digest: string }> {
    const state = await this.#load();
    return { policy: state.policy as ApprovalPolicy, digest: this.#presentDigest(state) };
  }

  async request(request: PaymentRequest): Promise<Decision> {
    const { payment, initiator } = requireObject<PaymentRequest>('request', request) as PaymentRequest;
    requirePayment('request.payment', payment);
    requireName('request.initiator', initiator);
    await this.#write((state) => {
      const known = state.payments.get(payment.id);
      if (known === undefined) return [{ type: 'requested', payment: paymentToJson(payment), initiator }];
      if (known.initiator !== initiator) throw forbidden(initiator, 'ask for what somebody else has asked for');
      if (!isSamePayment(known.payment, payment)) throw refused('another payment of the same id');
      return [];
    });
    return this.#decideAndNote(payment.id);
  }

  async approve(id: string, envelope: EnvelopeJson): Promise<Decision> {
    await this.#answer(id, envelope, 'approved', (payment) => ({ payment }));
    return this.#decideAndNote(id);
  }

  async reject(id: string, envelope: EnvelopeJson): Promise<Decision> {
    await this.#answer(id, envelope, 'rejected', (payment) => ({ rejected: payment }));
    return this.#decideAndNote(id);
  }

  async decide(id: string): Promise<Decision> {
    return decisionOf(await this.#load(), id, this.#now());
  }

  async release(id: string): Promise<ReleasedPayment> {
    let isOld = false;
    const state = await this.#write((before) => {
      const decision = decisionOf(before, id, this.#now());
      if (decision.kind !== 'allow') throw refused(...decision.reasons);
      isOld = knownIn(before, id).released !== undefined;
      if (isOld) return [];
      const { rule, approvedBy } = decision;
      return [{ type: 'released', id, rule, approvedBy, at: this.#now() }];
    });
    // Whoever let it through may be at its receipt still, or have failed there.
    const release = isOld ? state.releases.get(id) : undefined;
    if (release !== undefined) await this.#issue(`${this.#stream}/${release.version}`, release.event);
    return knownIn(state, id).released as ReleasedPayment;
  }

  async signed(id: string, facts: { readonly signer: string; readonly digest: string }): Promise<void> {
    await this.#write((state) => {
      if (knownIn(state, id).released === undefined) throw refused('it was not let through');
      return [{ type: 'signed', id, ...facts }];
    });
  }

  async payments(): Promise<readonly ControlledPayment[]> {
    return [...(await this.#load()).payments.values()];
  }

  async changePolicy(next: unknown, approvals: readonly EnvelopeJson[]): Promise<void> {
    parseApprovalPolicy(next);
    const digest = digestOf(next);
    requireList('approvals', approvals);
    await this.#write(async (state) => {
      const { policy, policyDigest } = state;
      if (policyDigest === digest) return [];
      const { administration, actors } = policy as ApprovalPolicy;
      if (administration === undefined) throw forbidden('anybody', 'change a policy that has no administration');
      const change: Approvable = { policy: next, replaces: this.#presentDigest(state) };
      const approvers: string[] = [];
      for (const approval of approvals) approvers.push(await approverOf(policy as ApprovalPolicy, change, approval));
      const time = this.#now();
      const given = approvers.map((actor) => ({ actor, time }));
      // Signed for this change alone, and all handed over at once: there is no delay to wait for.
      const decision = byConsent(
        { ...administration, delaySeconds: 0 },
        { rule: 'administration', initiator: undefined, actors, reasons: [] },
        { time, approvals: given, released: [] },
      );
      if (decision.kind !== 'allow') throw refused(...decision.reasons);
      return [{ type: 'policy-set', policy: next, digest, approvedBy: decision.approvedBy }];
    });
  }

  async #answer(
    id: string,
    envelope: EnvelopeJson,
    type: 'approved' | 'rejected',
    what: (payment: Payment) => Approvable,
  ): Promise<void> {
    await this.#write(async (state) => {
      const known = knownIn(state, id);
      const actor = await approverOf(state.policy as ApprovalPolicy, what(known.payment), envelope);
      // A second approval of the same actor says nothing new, but one that has expired is renewed.
      return [{ type, id, actor, at: this.#now() }];
    });
  }

  /** A denial is a decision, and leaves its trace. */
  async #decideAndNote(id: string): Promise<Decision> {
    const state = await this.#load();
    const decision = decisionOf(state, id, this.#now());
    if (decision.kind === 'deny') await this.#write(() => [{ type: 'denied', id, reasons: decision.reasons }]);
    return decision;
  }

  #now(): number {
    return this.#options.clock.now();
  }

  async #load(): Promise<ControlState> {
    for (;;) {
      const before = this.#state;
      const events = await this.#options.store.readStream(this.#stream, { after: before.version });
      // Another call has gone on meanwhile: what was read would be folded twice.
      if (this.#state !== before) continue;
      if (events.length === 0) return before;
      this.#state = fold(before, events);
    }
  }

  /** Of the policy in force in this wallet, and of no other time: an approval of a change is for once. */
  #presentDigest({ policyDigest, revision }: ControlState): string {
    return digestOf({ wallet: this.#options.wallet, policy: policyDigest as string, revision });
  }

  /** Writes what a proposal makes of the state, and its receipts; anew when somebody else wrote meanwhile. */
  async #write(propose: Proposal): Promise<ControlState> {
    const { store } = this.#options;
    for (let tries = 1; ; tries++) {
      const state = await this.#load();
      const events = await propose(state);
      if (events.length > 0) {
        try {
          await store.append({
            stream: this.#stream,
            expectedVersion: state.version,
            events: events.map(({ type, ...data }) => ({ type, data })),
            effects: events.map((event, i) => ({
              key: `${this.#stream}/${state.version + i + 1}`,
              type: RECEIPT,
              data: event,
            })),
          });
        } catch (error) {
          if (hasCode(error, 'EVENTS_VERSION_CONFLICT') && tries < TRIES) continue;
          throw error;
        }
      }
      // Its own at once, whoever else may have claimed them: nothing is acted on that has no receipt.
      for (const [i, event] of events.entries()) await this.#issue(`${this.#stream}/${state.version + i + 1}`, event);
      await this.#issueReceipts();
      return this.#load();
    }
  }

  /** Those that a process which died has left, and the claims on those that are issued. */
  async #issueReceipts(): Promise<void> {
    const { store } = this.#options;
    for (;;) {
      const claims = await store.claimEffects({ types: [RECEIPT], prefixes: [this.#stream], leaseMs: LEASE_MS });
      if (claims.length === 0) return;
      for (const claim of claims) {
        await this.#issue(claim.key, claim.data);
        try {
          await store.settle([claim]);
        } catch (error) {
          // Another process was faster with the same receipt.
          if (!hasCode(error, 'EVENTS_CLAIM_LOST')) throw error;
        }
      }
    }
  }

  /** The same receipt, however often. */
  async #issue(key: string, event: unknown): Promise<void> {
    const { receipts, wallet } = this.#options;
    const statement = createStatement({
      subject: [{ name: key, digest: { sha256: digestOf(event) } }],
      predicateType: PREDICATE,
      predicate: { wallet, event },
    });
    await receipts.issue(statement, { key });
  }
}

function decisionOf(state: ControlState, id: string, time: number): Decision {
  const known = knownIn(state, id);
  const { payment, initiator, rejectedBy, released } = known;
  if (rejectedBy !== undefined) return { kind: 'deny', rule: undefined, reasons: [`${rejectedBy} has rejected it`] };
  if (released !== undefined) return { kind: 'allow', rule: released.rule, approvedBy: [] };
  return decidePayment(state.policy as ApprovalPolicy, { payment, initiator }, factsOf(state, known, time));
}

function knownIn({ payments }: ControlState, id: string): ControlledPayment {
  const known = payments.get(id);
  if (known === undefined) throw refused('nobody has asked for it');
  return known;
}

function canonical(value: unknown): string {
  return canonicalJson(value);
}

function digestOf(value: unknown): string {
  return toHex(currentCrypto().sha256(new TextEncoder().encode(canonical(value))));
}

function forbidden(actor: string, action: string): WalletError<'WALLET_FORBIDDEN'> {
  return new WalletError('WALLET_FORBIDDEN', `expected somebody who may, got ${actor}, who may not ${action}`, {
    details: { actor, action },
  });
}
