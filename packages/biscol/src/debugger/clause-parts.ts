import { equalBytes } from '@bitcoin-enterprise/core';
import type { DerivedKey } from '@bitcoin-enterprise/descriptors';
import { type Clause, type ClauseKey, printClause } from '../contract/clauses.ts';
import type { Placed } from './layout.ts';
import type { ClausePart } from './model.ts';
import { sourceOfClause } from './source.ts';

/** A clause with all its parts, each before its own parts. */
export function partsOfClause(clause: Clause): readonly ClausePart[] {
  const parts: ClausePart[] = [];
  const visit = (part: Clause, parent: number | undefined): void => {
    const index = parts.length;
    const source = sourceOfClause(part);
    parts.push({ index, parent, clause: part, text: printClause(part), ...(source === undefined ? {} : { source }) });
    if ('subs' in part) for (const sub of part.subs) visit(sub, index);
  };
  visit(clause, undefined);
  return parts;
}

/** Whether a key of a script is the key of a clause. */
export function isKeyOfClause(key: DerivedKey, named: ClauseKey): boolean {
  const { participants } = named;
  const text = (one: DerivedKey): string => one.expression.text('public');
  if (participants === undefined) return key.participants.length === 0 && text(key) === named.key;
  const own = key.participants.map(text);
  return own.length === participants.length && participants.every((one) => own.includes(one.key));
}

/**
 * For each placed fragment the part of the clause that it came from: a key, lock or hash that of the same; whatever
 * joins some of them the smallest part that holds them all.
 *
 * A leaf is one of several ways to fulfil a clause. Where a clause names the same thing more than once, it is the one
 * that lies in the branches of most of the others.
 */
export function matchClause(
  placed: readonly Placed<DerivedKey>[],
  parts: readonly ClausePart[],
): readonly (number | undefined)[] {
  const candidates = placed.map((one) => candidatesOf(one, parts));
  const choices = parts.map((part) => choicesOf(part, parts));
  const fits = (one: number, other: number): boolean =>
    [...(choices[one] ?? [])].every(([at, branch]) => (choices[other]?.get(at) ?? branch) === branch);
  const used = new Set<number>();
  const matched = candidates.map((own, place): number | undefined => {
    const scored = own.map((part) => ({
      part,
      score:
        candidates.filter((others, at) => at !== place && others.some((other) => fits(part, other))).length +
        (used.has(part) ? 0 : 0.5),
    }));
    const best = scored.toSorted((a, b) => b.score - a.score)[0]?.part;
    if (best !== undefined) used.add(best);
    return best;
  });
  // Children come behind their parents, so that from the end on all of a fragment is known before it.
  for (let place = placed.length - 1; place > 0; place--) {
    const parent = placed[place]?.parent;
    const own = matched[place];
    if (parent === undefined || own === undefined || isAtom(placed[parent])) continue;
    const known = matched[parent];
    matched[parent] = known === undefined ? own : commonOf(known, own, parts);
  }
  // Constants belong to whatever they stand in.
  for (const [place, { parent }] of placed.entries())
    if (matched[place] === undefined && parent !== undefined) matched[place] = matched[parent];
  return matched;
}

function isAtom(placed: Placed<DerivedKey> | undefined): boolean {
  const { fragment } = placed ?? {};
  return fragment !== undefined && ('key' in fragment || 'value' in fragment || 'hash' in fragment);
}

function candidatesOf({ fragment, key }: Placed<DerivedKey>, parts: readonly ClausePart[]): readonly number[] {
  const own = key ?? (fragment !== undefined && 'key' in fragment ? fragment.key : undefined);
  const is = ({ clause }: ClausePart): boolean => {
    if (own !== undefined) return clause.name === 'pk' && isKeyOfClause(own, clause.key);
    if (fragment === undefined) return false;
    if ('value' in fragment)
      return clause.name === fragment.name && 'value' in clause && clause.value === fragment.value;
    return (
      'hash' in fragment && clause.name === fragment.name && 'hash' in clause && equalBytes(clause.hash, fragment.hash)
    );
  };
  return parts.filter(is).map(({ index }) => index);
}

/** The branch that each `or` above a part must take for it. */
function choicesOf(part: ClausePart, parts: readonly ClausePart[]): ReadonlyMap<number, number> {
  const choices = new Map<number, number>();
  for (let at = part; at.parent !== undefined;) {
    const above = parts[at.parent] as ClausePart;
    if (above.clause.name === 'or') choices.set(above.index, at.index);
    at = above;
  }
  return choices;
}

function commonOf(one: number, other: number, parts: readonly ClausePart[]): number {
  const above = new Set<number>();
  for (let at: number | undefined = one; at !== undefined; at = parts[at]?.parent) above.add(at);
  let at: number | undefined = other;
  while (at !== undefined && !above.has(at)) at = parts[at]?.parent;
  return at ?? 0;
}
