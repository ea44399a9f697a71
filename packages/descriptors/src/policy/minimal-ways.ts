import type { NormalPolicy } from './normal.ts';

/** A lock by what it asks for: of two of a kind the longer one holds the other. */
export interface Lock {
  readonly kind: 'older-blocks' | 'older-seconds' | 'after-height' | 'after-time';
  readonly amount: number;
}

/** A key, lock or hash that a script checks. */
export interface Condition {
  readonly isKey: boolean;
  readonly lock?: Lock;
  /** Bytes of a script that checks it, at the least. */
  readonly script: number;
  /** Bytes of a witness that fulfils it, at the least. */
  readonly witness: number;
}

/** One way to fulfil a policy: conditions that all hold, by name. */
export interface Way {
  readonly conditions: ReadonlyMap<string, Condition>;
  readonly probability: number;
}

/** A way that holds several others: nobody can say which of them its spends take. */
export interface AmbiguousWay {
  readonly probability: number;
  readonly candidates: readonly Way[];
}

/** The ways that no other makes superfluous, and what has more than one of them in it. */
export interface MinimalWays {
  readonly ways: readonly Way[];
  readonly ambiguous: readonly AmbiguousWay[];
}

const TIME_FLAG = 1 << 22;
const LOCK_TIME_THRESHOLD = 500_000_000;

/** What a lock asks for: of `older` the lower 16 bits count, and the flag (BIP68). */
export function lockOf({ name, value }: { readonly name: 'older' | 'after'; readonly value: number }): Lock {
  if (name === 'after') return { kind: value < LOCK_TIME_THRESHOLD ? 'after-height' : 'after-time', amount: value };
  return { kind: (value & TIME_FLAG) === 0 ? 'older-blocks' : 'older-seconds', amount: value & 0xffff };
}

/** Whether one condition of a policy can hold another one: a hash that comes twice, two locks of a kind. */
export function hasRelatedConditions<Key>(policy: NormalPolicy<Key>): boolean {
  const seen = new Set<string>();
  const visit = (part: NormalPolicy<Key>): boolean => {
    if (part.name === 'pk') return false;
    if ('subs' in part) return part.subs.some(visit);
    const name = 'hash' in part ? `${part.name} ${part.hash.join()}` : lockOf(part).kind;
    const isKnown = seen.has(name);
    seen.add(name);
    return isKnown;
  };
  return visit(policy);
}

/**
 * Spends of a way that holds another one need no more than that: `A, older(9)` no more than `A, older(5)` where a policy
 * has both.
 */
export function minimalWays(ways: readonly Way[]): MinimalWays {
  const plain = joined(ways.map(({ conditions, probability }) => ({ conditions: needed(conditions), probability })));
  const leastOf = plain.map((way) => plain.filter((other) => other !== way && holds(way, other)));
  const minimal = new Set(plain.filter((_, place) => leastOf[place]?.length === 0));
  const fixed: Way[] = [];
  const ambiguous: AmbiguousWay[] = [];
  for (const [place, way] of plain.entries()) {
    const candidates = minimal.has(way) ? [way] : (leastOf[place] ?? []).filter((other) => minimal.has(other));
    const [only, second] = candidates;
    if (only !== undefined && second === undefined)
      fixed.push({ conditions: only.conditions, probability: way.probability });
    else ambiguous.push({ probability: way.probability, candidates });
  }
  const merged = joined(fixed);
  const byName = new Map(merged.map((way) => [nameOf(way), way]));
  return {
    ways: merged,
    ambiguous: ambiguous.map(({ probability, candidates }) => ({
      probability,
      candidates: candidates.map((way) => byName.get(nameOf(way)) ?? way),
    })),
  };
}

/** Conditions without the locks that a longer one holds, or that hold always. */
function needed(conditions: ReadonlyMap<string, Condition>): ReadonlyMap<string, Condition> {
  const longest = new Map<string, string>();
  for (const [name, { lock }] of conditions) {
    if (lock === undefined) continue;
    const known = longest.get(lock.kind);
    if (known === undefined || (conditions.get(known)?.lock?.amount ?? 0) < lock.amount) longest.set(lock.kind, name);
  }
  return new Map(
    [...conditions].filter(([name, { lock }]) => {
      return lock === undefined || (lock.amount > 0 && longest.get(lock.kind) === name);
    }),
  );
}

/** Whether who fulfils `way` fulfils `other`. */
function holds(way: Way, other: Way): boolean {
  if (other.conditions.size > way.conditions.size) return false;
  for (const [name, { lock }] of other.conditions) {
    if (way.conditions.has(name)) continue;
    if (lock === undefined || !hasLonger(way, lock)) return false;
  }
  return true;
}

function hasLonger({ conditions }: Way, { kind, amount }: Lock): boolean {
  for (const { lock } of conditions.values()) if (lock?.kind === kind && lock.amount >= amount) return true;
  return false;
}

function nameOf({ conditions }: Way): string {
  return [...conditions.keys()].sort().join(' ');
}

/** Ways of the same conditions as one. */
function joined(ways: readonly Way[]): readonly Way[] {
  const found = new Map<string, Way>();
  for (const way of ways) {
    const name = nameOf(way);
    const known = found.get(name);
    found.set(name, known === undefined ? way : { ...way, probability: way.probability + known.probability });
  }
  return [...found.values()];
}
