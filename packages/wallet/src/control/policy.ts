import { WalletError } from '../errors.ts';
import type { Actor, ActorGroup, ApprovalPolicy, Consent } from './policy-model.ts';
import { policySchema } from './policy-schema.ts';

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
