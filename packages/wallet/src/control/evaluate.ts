import { requireList, requireObject } from '../checks.ts';
import { membersOf } from './policy.ts';
import type { Actor, ApprovalPolicy, ApprovalRule, Consent } from './policy-model.ts';
import {
  amountsOf,
  comparable,
  NATIVE_ASSET,
  type Payment,
  type PaymentRequest,
  requirePayment,
  type Transfer,
} from './payment.ts';

/** An approval whose signature was checked. */
export interface GivenApproval {
  /** Id of the actor. */
  readonly actor: string;
  /** Unix seconds: when it was recorded here, not when its signer says that it was made. */
  readonly time: number;
}

/** A payment that was let through. */
export interface ReleasedPayment {
  readonly payment: Payment;
  readonly initiator: string;
  /** Name of the rule that let it through. */
  readonly rule: string;
  /** Unix seconds. */
  readonly time: number;
}

/** What is known when a payment is decided on. */
export interface DecisionFacts {
  /** Unix seconds of now. */
  readonly time: number;
  readonly approvals: readonly GivenApproval[];
  /** What was let through before, as far back as the longest window. */
  readonly released: readonly ReleasedPayment[];
}

/** What a policy says of a payment. */
export type Decision =
  | {
      readonly kind: 'allow';
      /** Name of the rule. */
      readonly rule: string;
      /** Whose approvals count. */
      readonly approvedBy: readonly string[];
    }
  | {
      readonly kind: 'deny';
      /** `undefined` when no rule fits. */
      readonly rule: string | undefined;
      /** Why each rule did not let it through. */
      readonly reasons: readonly string[];
    }
  | {
      readonly kind: 'wait';
      readonly rule: string;
      /** Groups that have to approve still, and how many of each. */
      readonly missing: readonly { readonly anyOf: readonly string[]; readonly count: number }[];
      /** Unix seconds from which on it is let through, when only time is missing. */
      readonly from: number | undefined;
      readonly reasons: readonly string[];
    };

/**
 * Decides on a payment: the first rule that fits, with its limits, says what happens; a payment that none fits is denied.
 * A pure function: the same facts make the same decision.
 *
 * @example
 * ```ts
 * import { decidePayment, parseApprovalPolicy } from '@bitcoin-enterprise/wallet/control';
 *
 * const policy = parseApprovalPolicy({
 *   version: 1,
 *   actors: [{ id: 'ann', roles: ['treasurer'] }],
 *   rules: [{ name: 'small', when: { amount: { to: '100000' } }, effect: 'allow' }],
 * });
 * const transfers = [{ asset: 'native', to: 'bc1q…', amount: 200_000n }];
 * const payment = { id: 'ab', chain: 'bitcoin:main', transfers, fee: 500n };
 * const facts = { time: 1_700_000_000, approvals: [], released: [] };
 * decidePayment(policy, { payment, initiator: 'ann' }, facts).kind; // => 'deny'
 * ```
 */
export function decidePayment(policy: ApprovalPolicy, request: PaymentRequest, facts: DecisionFacts): Decision {
  requireList('policy.rules', requireObject<ApprovalPolicy>('policy', policy).rules);
  requirePayment('request.payment', requireObject<PaymentRequest>('request', request).payment);
  requireList('facts.released', requireObject<DecisionFacts>('facts', facts).released);
  const initiator = policy.actors.find(({ id }) => id === request.initiator);
  if (initiator === undefined)
    return { kind: 'deny', rule: undefined, reasons: [`${request.initiator} is no actor of the policy`] };
  const reasons: string[] = [];
  for (const rule of policy.rules) {
    const misfit = misfitOf(rule, policy, request, initiator, facts);
    if (misfit !== undefined) {
      reasons.push(`${rule.name}: ${misfit}`);
      continue;
    }
    const { name, effect } = rule;
    if (effect === 'allow') return { kind: 'allow', rule: name, approvedBy: [] };
    if (effect === 'deny') return { kind: 'deny', rule: name, reasons: [...reasons, `${name}: denies`] };
    return byConsent(effect, { rule: name, initiator: initiator.id, actors: policy.actors, reasons }, facts);
  }
  return { kind: 'deny', rule: undefined, reasons };
}

/** Why a rule does not fit. */
function misfitOf(
  { name, when, limits, effect }: ApprovalRule,
  { actors, lists }: ApprovalPolicy,
  { payment }: PaymentRequest,
  initiator: Actor,
  facts: DecisionFacts,
): string | undefined {
  const { chains, assets, initiators, amount, fee, to, time } = when;
  if (chains?.includes(payment.chain) === false) return `not on ${payment.chain}`;
  // What is allowed must be all there is; what is forbidden is forbidden beside other things too.
  const isDenial = effect === 'deny';
  const fits = <Item>(items: readonly Item[], test: (item: Item) => boolean): boolean =>
    isDenial ? items.some(test) : items.every(test);
  const known = new Set(assets?.map(comparable));
  if (assets !== undefined && !fits(payment.transfers, ({ asset }) => known.has(comparable(asset))))
    return 'another asset';
  if (initiators !== undefined && !membersOf(initiators, actors).includes(initiator)) return `not for ${initiator.id}`;
  const sums = amountsOf(payment);
  if (!fits([...sums.values()], (sum) => isWithin(sum, amount)))
    return `an amount of ${[...sums.values()].find((sum) => !isWithin(sum, amount))} outside of its window`;
  // Nothing else would stop a token transfer from burning the wallet in fees.
  if (!isDenial && fee === undefined && !sums.has(NATIVE_ASSET)) return 'a fee that it does not limit';
  if (!isWithin(payment.fee, fee)) return `a fee of ${payment.fee} outside of its window`;
  if (to !== undefined) {
    const listed = [...(to.addresses ?? []), ...(to.lists ?? []).flatMap((list) => lists[list] ?? [])];
    const names = new Set(listed.map(comparable));
    const isListed = (transfer: Transfer): boolean => names.has(comparable(transfer.to));
    if (!fits(payment.transfers, isListed))
      return `${payment.transfers.find((one) => !isListed(one))?.to ?? 'nobody'} is on no list of it`;
  }
  if (time !== undefined && !isDuring(facts.time, time)) return 'not at this time';
  for (const limit of limits) {
    const excess = excessOf(limit, name, payment, initiator.id, facts);
    if (excess !== undefined) return excess;
  }
  return undefined;
}

function isWithin(
  value: bigint,
  window: { readonly from?: bigint | undefined; readonly to?: bigint | undefined } = {},
): boolean {
  return value >= (window.from ?? 0n) && (window.to === undefined || value <= window.to);
}

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

/** Whether a moment is on one of the days and between the times, by the clocks of the time zone. */
function isDuring(
  unixSeconds: number,
  { days, from = '00:00', to = '24:00', timeZone }: NonNullable<ApprovalRule['when']['time']>,
): boolean {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(unixSeconds * 1000);
  const part = (type: string): string => parts.find((one) => one.type === type)?.value ?? '';
  const clock = `${part('hour')}:${part('minute')}`;
  const today = DAYS.findIndex((day) => day === part('weekday').toLowerCase());
  const isOn = (day: number): boolean =>
    days === undefined || days.includes(DAYS[(day + 7) % 7] as (typeof DAYS)[number]);
  if (from < to) return isOn(today) && clock >= from && clock < to;
  // Past midnight: the morning belongs to the day before.
  return clock >= from ? isOn(today) : clock < to && isOn(today - 1);
}

function excessOf(
  limit: ApprovalRule['limits'][number],
  rule: string,
  payment: Payment,
  initiator: string,
  { time, released }: DecisionFacts,
): string | undefined {
  const { per, windowSeconds, amount, count } = limit;
  const counted = released.filter(
    (one) =>
      one.payment.id !== payment.id &&
      one.time > time - windowSeconds &&
      one.payment.chain === payment.chain &&
      (per === 'wallet' || (per === 'rule' ? one.rule === rule : one.initiator === initiator)),
  );
  if (count !== undefined && counted.length >= count) return `more than ${count} payments in ${windowSeconds} s`;
  if (amount === undefined) return undefined;
  for (const [asset, sum] of amountsOf(payment)) {
    const before = counted.reduce((total, one) => total + (amountsOf(one.payment).get(asset) ?? 0n), 0n);
    if (before + sum > amount) return `more than ${amount} in ${windowSeconds} s`;
  }
  return undefined;
}

/**
 * Whether enough of those who have to approve have done so.
 *
 * @param context - `initiator`: may not approve what it has asked for when four eyes are asked for.
 */
export function byConsent(
  { approvals: groups, fourEyes, delaySeconds, expirySeconds }: Consent,
  context: {
    readonly rule: string;
    readonly initiator: string | undefined;
    readonly actors: readonly Actor[];
    readonly reasons: readonly string[];
  },
  { time, approvals }: DecisionFacts,
): Decision {
  const { rule, initiator, actors, reasons } = context;
  const valid = approvals.filter(
    (given) => !(fourEyes && given.actor === initiator) && given.time <= time && given.time > time - expirySeconds,
  );
  const chosen = assign(
    groups.map((group) => ({ ids: membersOf(group, actors).map(({ id }) => id), count: group.count })),
    valid.map(({ actor }) => actor),
  );
  const missing = groups.flatMap((group, i) => {
    const lacking = group.count - (chosen[i]?.length ?? 0);
    if (lacking <= 0) return [];
    const anyOf = membersOf(group, actors)
      .map(({ id }) => id)
      .filter((id) => !(fourEyes && id === initiator) && !chosen.flat().includes(id));
    return [{ anyOf, count: lacking }];
  });
  if (missing.length > 0)
    return { kind: 'wait', rule, missing, from: undefined, reasons: [...reasons, `${rule}: approvals are missing`] };
  const approvedBy = [...new Set(chosen.flat())];
  const last = Math.max(...approvedBy.map((id) => earliest(valid, id)));
  const from = last + delaySeconds;
  if (time < from)
    return { kind: 'wait', rule, missing: [], from, reasons: [...reasons, `${rule}: not before ${from}`] };
  return { kind: 'allow', rule, approvedBy };
}

function earliest(approvals: readonly GivenApproval[], actor: string): number {
  // One after the other: somebody may have approved very often.
  return approvals.reduce((first, one) => (one.actor === actor ? Math.min(first, one.time) : first), Infinity);
}

/**
 * Puts approvers into groups so that as many places as possible are taken, each approver in one group alone (a matching):
 * one person with two roles does not count twice.
 */
function assign(
  groups: readonly { readonly ids: readonly string[]; readonly count: number }[],
  approvers: readonly string[],
): readonly (readonly string[])[] {
  const places = groups.map((): string[] => []);
  const seat = (approver: string, tried: Set<number>): boolean => {
    for (const [i, { ids, count }] of groups.entries()) {
      if (tried.has(i) || !ids.includes(approver)) continue;
      tried.add(i);
      const taken = places[i] as string[];
      if (taken.length < count) {
        taken.push(approver);
        return true;
      }
      for (const [place, other] of taken.entries())
        if (seat(other, tried)) {
          taken[place] = approver;
          return true;
        }
    }
    return false;
  };
  for (const approver of new Set(approvers)) seat(approver, new Set());
  return places;
}
