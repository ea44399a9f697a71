import { currentCrypto, equalBytes, feeRate, hasCode, isBytes, parseHex, toHex } from '@bitcoin-enterprise/core';
import { guarded, requireInteger, requireList, requireObject, requireText } from '../checks.ts';
import type { Clause } from '../contract/clauses.ts';
import { type ContractInstance, transitionOf } from '../contract/model.ts';
import { type Cell, planTransition } from '../contract/transition.ts';
import type { ValueKinds } from '../contract/values.ts';
import { outpointOf } from '../covenant/presign.ts';
import { invalidArgument } from '../errors.ts';
import {
  type ChainView,
  latest,
  type OutputAge,
  requireChainView,
  type Wait,
  waitForAge,
  waitForLockTime,
} from './chain-view.ts';
import { partsOfClause } from './clause-parts.ts';
import { areBytes } from './known.ts';
import type { Cause, ClausePart, Diagnosis, Missing, MissingPreimage, WorksFrom } from './model.ts';
import type { SourcePlace } from './source.ts';

/** What is at hand for a transition that nobody has made yet. */
export interface ExplainOptions {
  /** The outputs that would be spent. */
  readonly cells: readonly Cell[];
  /** Arguments; secrets among them are known. */
  readonly args?: Readonly<Record<string, unknown>>;
  /** Names of the parties and keys that sign, of covenants `covenant0` and so on; nobody when absent. */
  readonly signers?: readonly string[];
  /** Secrets that are known beside those of `args`; none of them is shown. */
  readonly preimages?: readonly Uint8Array[];
  /** The chain; `outputs` in the order of `cells`. Without it all locks are still to be waited for. */
  readonly chain?: ChainView;
}

/** How a part of a clause stands: `unneeded` where another part does instead. */
export type ClauseStatus = 'satisfied' | 'missing' | 'waits' | 'unneeded';

/** A part of a clause, and how it stands. */
export interface ExplainedClause {
  readonly index: number;
  readonly parent: number | undefined;
  /** As a policy with names. */
  readonly text: string;
  readonly status: ClauseStatus;
  /** What it alone lacks, without what its parts lack that are not needed. */
  readonly missing: Missing;
  readonly worksFrom?: WorksFrom;
  /** Where it was written. */
  readonly source?: SourcePlace;
}

/** An output that would be spent. */
export interface ExplainedCell {
  /** `txid:index`, as people write it. */
  readonly outpoint: string;
  readonly state: string;
  /** Each before its parts; the first is the whole clause of the path. */
  readonly clauses: readonly ExplainedClause[];
}

/** What a transition needs. */
export interface TransitionExplanation {
  readonly transition: string;
  readonly description: string;
  /** Name of the path. */
  readonly path: string;
  /** `ready`: it can be sent now. `missing` goes before `waits`. */
  readonly status: 'ready' | 'missing' | 'waits' | 'impossible';
  readonly cells: readonly ExplainedCell[];
  readonly missing: Missing;
  /** Only what has to be waited for; absent when nothing has. */
  readonly worksFrom?: WorksFrom;
  /** Absent when it is ready. */
  readonly diagnosis?: Diagnosis;
  /** One sentence for people. */
  readonly text: string;
}

/**
 * What is missing for a transition, and from when on it works, clause by clause, without a transaction.
 *
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`, `BISCOL_STATE_INVALID`.
 *
 * @example Who has to do what
 * ```ts
 * import { amount, and, blocks, defineContract, instantiate, older, party, pay, pk, rest, to } from '@bitcoin-enterprise/biscol';
 * import { explainTransition } from '@bitcoin-enterprise/biscol/debugger';
 * import { currentCrypto, loadCrypto, satoshis, toHex } from '@bitcoin-enterprise/core';
 *
 * await loadCrypto();
 * const key = toHex(currentCrypto().publicKey(new Uint8Array(32).fill(1)) as Uint8Array);
 * const gift = defineContract({
 *   name: 'gift',
 *   params: { giver: party(), sum: amount(), patience: blocks() },
 *   states: { given: { paths: ({ giver, patience }) => ({ regret: and(pk(giver), older(patience)) }) } },
 *   transitions: { takeBack: { from: 'given', by: 'regret', outputs: ({ giver }) => [pay(giver, rest)] } },
 *   funding: ({ sum }) => [to('given', { amount: sum })],
 * });
 * const params = { giver: { key, payTo: `5120${key.slice(2)}` }, sum: 50_000n, patience: 144 };
 * const instance = instantiate(gift, { network: 'regtest', params });
 * const cell = { state: 'given', data: {}, value: satoshis(50_000n), txid: new Uint8Array(32), index: 0 };
 * const { status, missing, worksFrom } = explainTransition(instance, 'takeBack', {
 *   cells: [cell],
 *   chain: { height: 800_010, outputs: [{ height: 800_000 }] },
 * });
 * [status, missing.keys, worksFrom?.height]; // => ['missing', ['giver'], 800_143]
 * ```
 */
export function explainTransition(
  instance: ContractInstance,
  transition: string,
  options: ExplainOptions,
): TransitionExplanation {
  return guarded('options', 'cells of the instance, and what is at hand', () => explain(instance, transition, options));
}

interface Assets {
  readonly signers: ReadonlySet<string>;
  readonly preimages: readonly Uint8Array[];
  readonly chain: ChainView | undefined;
}

function explain(instance: ContractInstance, transition: string, options: ExplainOptions): TransitionExplanation {
  const template = transitionOf(instance, requireText('transition', transition));
  const { cells, args = {}, signers = [], preimages = [], chain } = requireObject<ExplainOptions>('options', options);
  const list = requireList('options.cells', cells) as readonly Cell[];
  if (list.length === 0) throw invalidArgument('options.cells', 'one or more', list);
  for (const [place, cell] of list.entries()) requireCell(`options.cells[${place}]`, cell, template.from);
  const names = requireList('options.signers', signers).map((one, at) => requireText(`options.signers[${at}]`, one));
  if (!areBytes(preimages)) throw invalidArgument('options.preimages', 'a list of bytes', preimages);
  const given = requireObject<Record<string, unknown>>('options.args', args);
  const view = chain === undefined ? undefined : requireChainView('options.chain', chain);
  const assets: Assets = {
    signers: new Set(names),
    preimages: [...preimages, ...secretsIn(template.args ?? {}, given)],
    chain: view,
  };
  const explained = list.map((cell, place) =>
    explainCell(instance, template.by, { cell, age: view?.outputs?.[place], assets }),
  );
  const { path, description } = { path: template.by, description: template.description ?? '' };
  const base = { transition, description, path, cells: explained.map(({ cell }) => cell) };
  const refusal = refusalOf(instance, transition, { cells: list, args: given });
  if (refusal.cause !== undefined) {
    const diagnosis = { cause: refusal.cause, text: refusal.reason, missing: NOTHING };
    return { ...base, status: 'impossible', missing: NOTHING, diagnosis, text: refusal.reason };
  }
  const missing = mergeMissing(explained.map(({ state }) => state.missing));
  const later = laterLock(refusal.lockTime, view);
  const waits = [...explained.flatMap(({ state }) => state.waits), ...(later === undefined ? [] : [later])];
  const isMissing = missing.keys.length + missing.preimages.length > 0;
  const worksFrom = waits.length === 0 ? undefined : latest(waits.map(({ from }) => from));
  const text = sentence(missing, waits);
  if (!isMissing && worksFrom === undefined) return { ...base, status: 'ready', missing, text };
  const first = explained
    .flatMap(({ cell }) => cell.clauses)
    .findLast(({ status }) => status === (isMissing ? 'missing' : 'waits'));
  const cause: Cause = !isMissing ? 'too-early' : missing.keys.length > 0 ? 'missing-signature' : 'missing-preimage';
  const when = worksFrom === undefined ? {} : { worksFrom };
  const diagnosis: Diagnosis = {
    cause,
    text,
    missing,
    ...(first === undefined ? {} : { clause: first.text }),
    ...(first?.source === undefined ? {} : { source: first.source }),
    ...when,
  };
  return { ...base, status: isMissing ? 'missing' : 'waits', missing, ...when, diagnosis, text };
}

const NOTHING: Missing = { keys: [], preimages: [] };

function requireCell(argument: string, value: unknown, from: string): void {
  const { state, data, value: held, txid, index } = requireObject<Cell>(argument, value);
  requireObject(`${argument}.data`, data);
  if (state !== from) throw invalidArgument(`${argument}.state`, from, state);
  if (typeof held !== 'bigint') throw invalidArgument(`${argument}.value`, 'satoshis', held);
  if (!isBytes(txid) || txid.length !== 32) throw invalidArgument(`${argument}.txid`, '32 bytes', txid);
  requireInteger(`${argument}.index`, index, 0, 0xffff_ffff);
}

/** Secrets among arguments: bytes, or hexadecimal. */
function secretsIn(kinds: ValueKinds, args: Readonly<Record<string, unknown>>): readonly Uint8Array[] {
  return Object.entries(kinds).flatMap(([name, { kind }]): readonly Uint8Array[] => {
    const value = kind === 'preimage' && Object.hasOwn(args, name) ? args[name] : undefined;
    if (isBytes(value)) return [value];
    return typeof value === 'string' && /^[\da-f]{64}$/.test(value) ? [parseHex(value)] : [];
  });
}

/** Why the contract does not plan it, whatever is signed; else the lock time that it plans. */
function refusalOf(
  instance: ContractInstance,
  transition: string,
  of: { readonly cells: readonly Cell[]; readonly args: Readonly<Record<string, unknown>> },
): { readonly cause?: Cause; readonly reason: string; readonly lockTime: number } {
  try {
    const { tx } = planTransition(instance, transition, {
      ...of,
      feeRate: feeRate(1_000n),
      assumeSecrets: true,
      partial: true,
    });
    return { reason: '', lockTime: tx.lockTime };
  } catch (error) {
    if (!hasCode(error, 'BISCOL_TRANSITION_IMPOSSIBLE')) return { reason: '', lockTime: 0 };
    const reason = String(error.details['reason']);
    const isOfClause = /^(?:no way of path|a lock by height)/.test(reason);
    return { cause: isOfClause ? 'unsatisfiable-clause' : 'refused', reason, lockTime: 0 };
  }
}

function laterLock(lockTime: number, chain: ChainView | undefined): Wait | undefined {
  return lockTime === 0 || chain === undefined ? undefined : waitForLockTime(lockTime, chain);
}

function explainCell(
  instance: ContractInstance,
  path: string,
  of: { readonly cell: Cell; readonly age: OutputAge | undefined; readonly assets: Assets },
): { readonly cell: ExplainedCell; readonly state: Standing } {
  const { cell, age, assets } = of;
  const way = instance.output(cell.state, cell.data, cell.value).ways.find((one) => one.path === path);
  if (way === undefined) throw invalidArgument('transition', 'one whose path the state has', path);
  const parts = partsOfClause(way.clause);
  const standings = new Map<number, Standing>();
  const state = standingOf(0, { parts, age, assets, standings });
  return {
    state,
    cell: {
      outpoint: outpointOf(cell),
      state: cell.state,
      clauses: parts.map((part): ExplainedClause => {
        const own = standings.get(part.index) as Standing;
        const { index, parent, text, source } = part;
        const status = isNeeded(part, parts, standings)
          ? statusOf(own)
          : statusOf(own) === 'satisfied'
            ? 'satisfied'
            : 'unneeded';
        const from = own.waits.length === 0 ? undefined : latest(own.waits.map((one) => one.from));
        return {
          index,
          parent,
          text,
          status,
          missing: own.missing,
          ...(from === undefined ? {} : { worksFrom: from }),
          ...(source === undefined ? {} : { source }),
        };
      }),
    },
  };
}

/** How a part stands, with the best choice of its own parts. */
interface Standing {
  readonly missing: Missing;
  readonly waits: readonly Wait[];
  /** Its parts that are needed. */
  readonly chosen: readonly number[];
  /** Seconds that it has to be waited for, about. */
  readonly delay: number;
}

function statusOf({ missing, waits }: Standing): ClauseStatus {
  if (missing.keys.length + missing.preimages.length > 0) return 'missing';
  return waits.length > 0 ? 'waits' : 'satisfied';
}

function isNeeded(part: ClausePart, parts: readonly ClausePart[], standings: ReadonlyMap<number, Standing>): boolean {
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

function standingOf(index: number, scope: Scope): Standing {
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

function mergeMissing(all: readonly Missing[]): Missing {
  const preimages = new Map(
    all.flatMap((one) => one.preimages).map((one) => [`${one.hashFunction} ${one.hash}`, one] as const),
  );
  return { keys: [...new Set(all.flatMap(({ keys }) => keys))], preimages: [...preimages.values()] };
}

function sentence({ keys, preimages }: Missing, waits: readonly Wait[]): string {
  const needs = [
    ...(keys.length === 0 ? [] : [`${keys.join(' and ')} ${keys.length === 1 ? 'has' : 'have'} to sign`]),
    ...preimages.map(({ hashFunction, hash }) => `the secret of ${hashFunction} ${hash} has to be known`),
    ...[...new Set(waits.map(({ text }) => text))].map((text) => `${text} has to be reached`),
  ];
  return needs.length === 0 ? 'everything is there' : needs.join(', ');
}
