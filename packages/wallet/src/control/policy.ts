import type { SignatureAlgorithm } from '@bitcoin-enterprise/receipts';
import { WalletError } from '../errors.ts';
import { policySchema } from './policy-schema.ts';

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

/** What a payment must be like for a rule to fit; what is absent does not matter. */
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

/**
 * Reads an approval policy.
 *
 * @param value - JSON that was parsed, for example of a file.
 * @throws WalletError `WALLET_POLICY_INVALID` with the path of the field: unknown fields and names, groups of approvers
 * that are too small for what is asked of them.
 *
 * @example
 * ```ts
 * import { parseApprovalPolicy } from '@bitcoin-enterprise/wallet/control';
 *
 * const policy = parseApprovalPolicy({
 *   version: 1,
 *   actors: [{ id: 'ann', roles: ['treasurer'] }],
 *   rules: [{ name: 'small', when: { amount: { to: '100000' } }, effect: 'allow' }],
 * });
 * policy.rules[0]?.when.amount?.to; // => 100000n
 * ```
 */
export function parseApprovalPolicy(value: unknown): ApprovalPolicy {
  const parsed = policySchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw policyInvalid((issue?.path ?? []).map(String), issue?.message ?? 'an approval policy');
  }
  checkNames(parsed.data);
  return parsed.data;
}

function policyInvalid(path: readonly string[], expected: string): WalletError<'WALLET_POLICY_INVALID'> {
  const at = path.join('.');
  return new WalletError(
    'WALLET_POLICY_INVALID',
    `expected an approval policy, got at ${at || 'its root'}: ${expected}`,
    {
      details: { path: at, expected },
    },
  );
}

/** What a schema cannot say: names that must be there, groups that must be large enough. */
function checkNames({ actors, lists, rules, administration }: ApprovalPolicy): void {
  const seen = new Set<string>();
  for (const [i, { id }] of actors.entries()) {
    if (seen.has(id)) throw policyInvalid(['actors', `${i}`, 'id'], 'an id that no other actor has');
    seen.add(id);
  }
  const keys = actors.flatMap(({ key }) => (key === undefined ? [] : [key.publicKey]));
  if (new Set(keys).size < keys.length) throw policyInvalid(['actors'], 'a key of its own for each actor');
  const names = rules.map(({ name }) => name);
  if (new Set(names).size < names.length) throw policyInvalid(['rules'], 'a name of its own for each rule');
  const group = ({ actors: ids = [], roles = [] }: ActorGroup, path: readonly string[]): readonly Actor[] => {
    const unknown = ids.find((id) => !seen.has(id));
    if (unknown !== undefined) throw policyInvalid([...path, 'actors'], 'actors of this policy');
    const missing = roles.find((role) => actors.every((one) => !one.roles.includes(role)));
    if (missing !== undefined) throw policyInvalid([...path, 'roles'], 'roles that some actor has');
    return membersOf({ actors: ids, roles }, actors);
  };
  const checkConsent = ({ approvals }: Consent, path: readonly string[]): void => {
    for (const [i, needed] of approvals.entries()) {
      const members = group(needed, [...path, 'approvals', `${i}`]).filter(({ key }) => key !== undefined);
      if (members.length < needed.count)
        throw policyInvalid([...path, 'approvals', `${i}`, 'count'], 'as many actors with keys as have to approve');
    }
  };
  for (const [i, { when, effect }] of rules.entries()) {
    const path = ['rules', `${i}`];
    if (when.initiators !== undefined) group(when.initiators, [...path, 'when', 'initiators']);
    const absent = when.to?.lists?.find((name) => !Object.hasOwn(lists, name));
    if (absent !== undefined) throw policyInvalid([...path, 'when', 'to', 'lists'], 'lists of this policy');
    if (typeof effect === 'object') checkConsent(effect, [...path, 'effect']);
  }
  if (administration !== undefined) checkConsent(administration, ['administration']);
}

/** The actors of a group: those named, and those of a role; everybody when it names none. */
export function membersOf(
  {
    actors: ids,
    roles,
  }: { readonly actors?: readonly string[] | undefined; readonly roles?: readonly string[] | undefined },
  actors: readonly Actor[],
): readonly Actor[] {
  const isAnybody = (ids ?? []).length === 0 && (roles ?? []).length === 0;
  return actors.filter(
    (actor) =>
      isAnybody || ids?.includes(actor.id) === true || actor.roles.some((role) => roles?.includes(role) === true),
  );
}
