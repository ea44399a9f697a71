import { DescriptorsError } from '../errors.ts';
import { shownWord } from '../text/expression.ts';
import type { Policy } from './policy.ts';

/** Kinds of locks that exclude each other, two by two. */
interface Locks {
  readonly olderBlocks: boolean;
  readonly olderSeconds: boolean;
  readonly afterHeight: boolean;
  readonly afterTime: boolean;
  /** Whether two that exclude each other are needed at once in some way. */
  readonly mixed: boolean;
}

const NO_LOCKS: Locks = {
  olderBlocks: false,
  olderSeconds: false,
  afterHeight: false,
  afterTime: false,
  mixed: false,
};

const TIME_FLAG = 1 << 22;
const LOCK_TIME_THRESHOLD = 500_000_000;

/**
 * Requires what no compiler can mend: a signature in each way, each key once, no way that needs locks which exclude each
 * other.
 *
 * @param expressionOf - The key that a name stands for: two names of one key are one key.
 * @throws DescriptorsError `DESCRIPTORS_POLICY_INVALID`.
 */
export function requireSafe(policy: Policy<string>, text: string, expressionOf: (name: string) => string): void {
  const seen = new Set<string>();
  const twice = keysOf(policy).find((name) => {
    const expression = expressionOf(name);
    const isKnown = seen.has(expression);
    seen.add(expression);
    return isKnown;
  });
  if (twice !== undefined) {
    const position = text.lastIndexOf(`(${twice})`) + 1;
    throw invalid({ position, length: twice.length }, `each key once, got ${shownWord(twice)} twice`, 'duplicate key');
  }
  if (!needsSignature(policy))
    throw invalid(
      { position: 0, length: text.length },
      'a signature in each way to spend, got a way without one',
      'no signature',
    );
  if (locksOf(policy).mixed)
    throw invalid(
      { position: 0, length: text.length },
      'locks of one kind in each way to spend, got heights and times at once',
      'mixed time locks',
    );
}

function invalid(
  place: { readonly position: number; readonly length: number },
  expected: string,
  reason: string,
): DescriptorsError<'DESCRIPTORS_POLICY_INVALID'> {
  return new DescriptorsError('DESCRIPTORS_POLICY_INVALID', `expected ${expected}`, { details: { ...place, reason } });
}

/** The names of keys, left to right. */
export function keysOf(policy: Policy<string>): readonly string[] {
  if (policy.name === 'pk') return [policy.key];
  return 'subs' in policy ? policy.subs.flatMap(keysOf) : [];
}

function needsSignature(policy: Policy<string>): boolean {
  switch (policy.name) {
    case 'pk':
      return true;
    case 'and':
      return policy.subs.some(needsSignature);
    case 'or':
      return policy.subs.every(needsSignature);
    case 'thresh':
      // However many parts without are chosen, one with is among them.
      return policy.subs.filter((sub) => !needsSignature(sub)).length < policy.threshold;
    default:
      return false;
  }
}

function locksOf(policy: Policy<string>): Locks {
  switch (policy.name) {
    case 'older':
      return (policy.value & TIME_FLAG) === 0
        ? { ...NO_LOCKS, olderBlocks: true }
        : { ...NO_LOCKS, olderSeconds: true };
    case 'after':
      return policy.value < LOCK_TIME_THRESHOLD ? { ...NO_LOCKS, afterHeight: true } : { ...NO_LOCKS, afterTime: true };
    case 'and':
    case 'or':
    case 'thresh': {
      const together = policy.name === 'and' || (policy.name === 'thresh' && policy.threshold > 1);
      return policy.subs.map(locksOf).reduce((a, b) => joined(a, b, together), NO_LOCKS);
    }
    default:
      return NO_LOCKS;
  }
}

function joined(a: Locks, b: Locks, together: boolean): Locks {
  const excludes =
    (a.olderBlocks && b.olderSeconds) ||
    (a.olderSeconds && b.olderBlocks) ||
    (a.afterHeight && b.afterTime) ||
    (a.afterTime && b.afterHeight);
  return {
    olderBlocks: a.olderBlocks || b.olderBlocks,
    olderSeconds: a.olderSeconds || b.olderSeconds,
    afterHeight: a.afterHeight || b.afterHeight,
    afterTime: a.afterTime || b.afterTime,
    mixed: a.mixed || b.mixed || (together && excludes),
  };
}
