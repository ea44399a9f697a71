import { andOf, type NormalPolicy, orOf } from './normal.ts';
import { printPolicy } from './policy.ts';

/** A leaf of a policy that is spread over several. */
export interface Part<Key> {
  readonly policy: NormalPolicy<Key>;
  /** How likely a spend goes through it, 0 to 1. */
  readonly share: number;
}

/**
 * All ways to spread a policy over leaves: from one leaf on, each leaf is halved in each way again and again, and each set of
 * leaves is told once.
 *
 * @returns `undefined` when there are more than `most`.
 */
export function everySpreading<Key>(
  policy: NormalPolicy<Key>,
  options: { readonly keyName: (key: Key) => string; readonly most: number },
): readonly (readonly Part<Key>[])[] | undefined {
  const { most } = options;
  const nameOf = canonicalNames(options.keyName);
  const found: (readonly Part<Key>[])[] = [[{ policy, share: 1 }]];
  const seen = new Set<string>();
  for (let at = 0; at < found.length; at++) {
    const parts = found[at] as readonly Part<Key>[];
    for (const [place, part] of parts.entries())
      for (const half of halvesOf(part.policy)) {
        const next = [
          ...parts.filter((_, other) => other !== place),
          ...half.map(({ policy: sub, share }) => ({ policy: sub, share: share * part.share })),
        ];
        const name = next.map(nameOf).sort().join(' ');
        if (seen.has(name)) continue;
        if (seen.size === most) return undefined;
        seen.add(name);
        found.push(next);
      }
  }
  return found;
}

/** All ways to make two leaves of one, whose shares add up to 1. */
export function halvesOf<Key>(policy: NormalPolicy<Key>): readonly (readonly [Part<Key>, Part<Key>])[] {
  switch (policy.name) {
    case 'or':
      return halvesOfOr(policy);
    case 'thresh': {
      const { threshold, subs } = policy;
      // With one part, or without it.
      return subs.map((sub, place) => {
        const rest = subs.filter((_, other) => other !== place);
        const share = threshold / subs.length;
        return [
          { policy: andOf([sub, thresholdOf(threshold - 1, rest)]), share },
          { policy: thresholdOf(threshold, rest), share: 1 - share },
        ];
      });
    }
    case 'and':
      return policy.subs.flatMap((sub, place) => {
        const rest = policy.subs.filter((_, other) => other !== place);
        const along = ({ policy: half, share }: Part<Key>): Part<Key> => ({ policy: andOf([half, ...rest]), share });
        return halvesOf(sub).map(([a, b]) => [along(a), along(b)] as const);
      });
    default:
      return [];
  }
}

function halvesOfOr<Key>({
  subs,
  weights,
}: Extract<NormalPolicy<Key>, { readonly name: 'or' }>): readonly (readonly [Part<Key>, Part<Key>])[] {
  const part = (places: readonly number[]): Part<Key> => {
    const shares = places.map((place) => weights[place] as number);
    const policy = orOf(
      places.map((place) => subs[place] as NormalPolicy<Key>),
      shares,
    );
    return { policy, share: shares.reduce((sum, share) => sum + share, 0) };
  };
  const places = subs.map((_, place) => place);
  // The first stays on one side: the other order is the same two leaves.
  return Array.from({ length: 2 ** (subs.length - 1) - 1 }, (_, mask) => {
    const isFirst = (place: number): boolean => place === 0 || (mask & (1 << (place - 1))) !== 0;
    return [part(places.filter(isFirst)), part(places.filter((place) => !isFirst(place)))] as const;
  });
}

/** A threshold in normal form. */
export function thresholdOf<Key>(threshold: number, subs: readonly NormalPolicy<Key>[]): NormalPolicy<Key> {
  if (threshold === subs.length) return andOf(subs);
  if (threshold === 1)
    return orOf(
      subs,
      subs.map(() => 1),
    );
  return { name: 'thresh', threshold, subs };
}

/** Names that are the same for parts that differ in their order alone. */
function canonicalNames<Key>(keyName: (key: Key) => string): (part: Part<Key>) => string {
  const known = new WeakMap<NormalPolicy<Key>, string>();
  const nameOf = (policy: NormalPolicy<Key>): string => {
    const before = known.get(policy);
    if (before !== undefined) return before;
    const name = fresh(policy);
    known.set(policy, name);
    return name;
  };
  const fresh = (policy: NormalPolicy<Key>): string => {
    switch (policy.name) {
      case 'and':
        return `and(${policy.subs.map(nameOf).sort().join()})`;
      case 'thresh':
        return `thresh(${policy.threshold},${policy.subs.map(nameOf).sort().join()})`;
      case 'or':
        return `or(${policy.subs
          .map((sub, place) => `${(policy.weights[place] as number).toPrecision(9)}@${nameOf(sub)}`)
          .sort()
          .join()})`;
      default:
        return printPolicy(policy, keyName);
    }
  };
  return ({ policy, share }) => `${share.toPrecision(9)}@${nameOf(policy)}`;
}
