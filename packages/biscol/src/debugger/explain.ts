import { feeRate, hasCode, isBytes, parseHex } from '@bitcoin-enterprise/core';
import { guarded, requireInteger, requireList, requireObject, requireText } from '../checks.ts';
import { type ContractInstance, transitionOf } from '../contract/model.ts';
import { type Cell, planTransition } from '../contract/transition.ts';
import type { ValueKinds } from '../contract/values.ts';
import { outpointOf } from '../covenant/presign.ts';
import { invalidArgument } from '../errors.ts';
import { type ChainView, latest, type OutputAge, requireChainView, type Wait, waitForLockTime } from './chain-view.ts';
import { partsOfClause } from './clause-parts.ts';
import { areBytes } from './known.ts';
import type { Cause, Diagnosis, Missing, WorksFrom } from './model.ts';
import {
  type Assets,
  type ClauseStatus,
  isNeeded,
  mergeMissing,
  NOTHING,
  type Standing,
  standingOf,
  statusOf,
} from './standing.ts';
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

function sentence({ keys, preimages }: Missing, waits: readonly Wait[]): string {
  const needs = [
    ...(keys.length === 0 ? [] : [`${keys.join(' and ')} ${keys.length === 1 ? 'has' : 'have'} to sign`]),
    ...preimages.map(({ hashFunction, hash }) => `the secret of ${hashFunction} ${hash} has to be known`),
    ...[...new Set(waits.map(({ text }) => text))].map((text) => `${text} has to be reached`),
  ];
  return needs.length === 0 ? 'everything is there' : needs.join(', ');
}
