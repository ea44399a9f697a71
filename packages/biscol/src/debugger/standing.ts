import { currentCrypto, equalBytes, toHex } from '@bitcoin-enterprise/core';
import type { Clause } from '../contract/clauses.ts';
import { type ChainView, type OutputAge, type Wait, waitForAge, waitForLockTime } from './chain-view.ts';
import type { ClausePart, Missing, MissingPreimage } from './model.ts';

/** How a part of a clause stands: `unneeded` where another part does instead. */
export type ClauseStatus = 'satisfied' | 'missing' | 'waits' | 'unneeded';

/** What is at hand. */
export interface Assets {
  readonly signers: ReadonlySet<string>;
  readonly preimages: readonly Uint8Array[];
  readonly chain: ChainView | undefined;
}

/** Nothing is missing. */
export const NOTHING: Missing = { keys: [], preimages: [] };

/** How a part stands, with the best choice of its own parts. */
export interface Standing {
  readonly missing: Missing;
  readonly waits: readonly Wait[];
  /** Its parts that are needed. */
  readonly chosen: readonly number[];
  /** Seconds that it has to be waited for, about. */
  readonly delay: number;
}

/** What a standing comes to. */
export function statusOf({ missing, waits }: Standing): ClauseStatus {
  if (missing.keys.length + missing.preimages.length > 0) return 'missing';
  return waits.length > 0 ? 'waits' : 'satisfied';
}

/** Whether all that hold a part want it. */
export function isNeeded(
  part: ClausePart,
  parts: readonly ClausePart[],
  standings: ReadonlyMap<number, Standing>,
): boolean {
  for (let at = part; at.parent !== undefined; at = parts[at.parent] as ClausePart)
    if (!(standings.get(at.parent)?.chosen.includes(at.index) ?? false)) return false;
  return true;
}

interface Scope {
  readonly parts: readonly ClausePart[];
  readonly age: OutputAge | undefined;
  readonly assets: Assets;
  readonly standings: Map<number, Standing>;
}

/** How a part of a clause stands; it and its parts are also put into `standings`. */
export function standingOf(index: number, scope: Scope): Standing {
  const { parts, standings } = scope;
  const { clause } = parts[index] as ClausePart;
  const subs = parts.filter(({ parent }) => parent === index).map((part) => part.index);
  const known = subs.map((sub) => ({ sub, standing: standingOf(sub, scope) }));
  const standing = known.length === 0 ? standingOfAtom(clause, scope) : standingOfAll(clause, known);
  standings.set(index, standing);
  return standing;
}

function standingOfAll(
  clause: Clause,
  known: readonly { readonly sub: number; readonly standing: Standing }[],
): Standing {
  const count = clause.name === 'or' ? 1 : clause.name === 'thresh' ? clause.threshold : known.length;
  // The least that is missing, then the shortest wait; of equals the first.
  const ranked = known.toSorted(
    (a, b) => sizeOf(a.standing) - sizeOf(b.standing) || a.standing.delay - b.standing.delay,
  );
  const chosen = ranked.slice(0, count);
  const isOpen = clause.name === 'thresh' && chosen.some(({ standing }) => statusOf(standing) === 'missing');
  return {
    missing: mergeMissing(chosen.map(({ standing }) => standing.missing)),
    waits: chosen.flatMap(({ standing }) => standing.waits),
    // Any of those that are missing would do.
    chosen: (isOpen ? known : chosen).map(({ sub }) => sub),
    delay: Math.max(0, ...chosen.map(({ standing }) => standing.delay)),
  };
}

function sizeOf({ missing }: Standing): number {
  return missing.keys.length + missing.preimages.length;
}

function standingOfAtom(clause: Clause, { assets, age }: Scope): Standing {
  const { signers, preimages, chain } = assets;
  const nothing = { missing: NOTHING, waits: [], chosen: [], delay: 0 };
  switch (clause.name) {
    case 'pk': {
      const { key } = clause;
      const all = (key.participants ?? [key]).map(({ name }) => name);
      const keys = signers.has(key.name) ? [] : all.filter((name) => !signers.has(name));
      return { ...nothing, missing: { keys, preimages: [] } };
    }
    case 'older':
    case 'after': {
      const wait = waitOf(clause, age, chain);
      return wait === undefined ? nothing : { ...nothing, waits: [wait], delay: delayOf(wait, chain) };
    }
    case 'and':
    case 'or':
    case 'thresh':
      return nothing;
    default: {
      const { name, hash } = clause;
      const isKnown = preimages.some((one) => one.length === 32 && equalBytes(currentCrypto()[name](one), hash));
      const missing: MissingPreimage = { hashFunction: name, hash: toHex(hash) };
      return isKnown ? nothing : { ...nothing, missing: { keys: [], preimages: [missing] } };
    }
  }
}

/** Nothing has happened yet: what everybody knows without a chain. */
const BEFORE_ALL: ChainView = { height: 0, medianTime: 0 };

function waitOf(
  { name, value }: { readonly name: 'older' | 'after'; readonly value: number },
  age: OutputAge | undefined,
  chain: ChainView | undefined,
): Wait | undefined {
  if (name === 'after') return waitForLockTime(value, chain ?? BEFORE_ALL);
  return waitForAge(value, chain === undefined ? {} : (age ?? {}), chain ?? BEFORE_ALL);
}

const BLOCK_SECONDS = 600;

function delayOf({ from }: Wait, chain: ChainView | undefined): number {
  const { height, medianTime, confirmations, ageSeconds } = from;
  if (height !== undefined) return Math.max(0, height - (chain?.height ?? 0)) * BLOCK_SECONDS;
  if (medianTime !== undefined) return Math.max(0, medianTime - (chain?.medianTime ?? 0));
  return (confirmations ?? 0) * BLOCK_SECONDS + (ageSeconds ?? 0);
}

/** What several lack together, each once. */
export function mergeMissing(all: readonly Missing[]): Missing {
  const preimages = new Map(
    all.flatMap((one) => one.preimages).map((one) => [`${one.hashFunction} ${one.hash}`, one] as const),
  );
  return { keys: [...new Set(all.flatMap(({ keys }) => keys))], preimages: [...preimages.values()] };
}
