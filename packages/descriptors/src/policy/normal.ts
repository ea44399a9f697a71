import type { Policy } from './policy.ts';

/** A policy without nested `and` in `and` or `or` in `or`, whose weights add up to 1; thresholds of 1 and of all are `or` and `and`. */
export type NormalPolicy<Key> =
  | Exclude<Policy<Key>, { readonly subs: readonly Policy<Key>[] }>
  | { readonly name: 'and'; readonly subs: readonly NormalPolicy<Key>[] }
  | { readonly name: 'or'; readonly subs: readonly NormalPolicy<Key>[]; readonly weights: readonly number[] }
  | { readonly name: 'thresh'; readonly threshold: number; readonly subs: readonly NormalPolicy<Key>[] };

/** Brings a policy into its normal form. */
export function normalise<Key>(policy: Policy<Key>): NormalPolicy<Key> {
  switch (policy.name) {
    case 'and':
      return andOf(policy.subs.map(normalise));
    case 'or':
      return orOf(policy.subs.map(normalise), policy.weights);
    case 'thresh': {
      const subs = policy.subs.map(normalise);
      if (policy.threshold === subs.length) return andOf(subs);
      if (policy.threshold === 1)
        return orOf(
          subs,
          subs.map(() => 1),
        );
      return { name: 'thresh', threshold: policy.threshold, subs };
    }
    default:
      return policy;
  }
}

/** All of some policies. */
export function andOf<Key>(subs: readonly NormalPolicy<Key>[]): NormalPolicy<Key> {
  const flat = subs.flatMap((sub) => (sub.name === 'and' ? sub.subs : [sub]));
  const [only] = flat;
  return flat.length === 1 && only !== undefined ? only : { name: 'and', subs: flat };
}

/** One of some policies. */
export function orOf<Key>(subs: readonly NormalPolicy<Key>[], weights: readonly number[]): NormalPolicy<Key> {
  let total = 0;
  for (const weight of weights) total += weight;
  const flat: NormalPolicy<Key>[] = [];
  const shares: number[] = [];
  for (const [place, sub] of subs.entries()) {
    const share = (weights[place] as number) / total;
    if (sub.name === 'or') {
      flat.push(...sub.subs);
      shares.push(...sub.weights.map((inner) => inner * share));
    } else {
      flat.push(sub);
      shares.push(share);
    }
  }
  const [only] = flat;
  return flat.length === 1 && only !== undefined ? only : { name: 'or', subs: flat, weights: shares };
}

/** Keys, locks and hashes of a policy. */
export function conditionsOf<Key>(policy: NormalPolicy<Key>): number {
  if (policy.name !== 'and' && policy.name !== 'or' && policy.name !== 'thresh') return 1;
  return policy.subs.reduce((sum, sub) => sum + conditionsOf(sub), 0);
}
