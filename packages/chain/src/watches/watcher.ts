import { assertBytes, blockHeight, displayHash, hasCode, parseDisplayHash, toHex } from '@bitcoin-enterprise/core';
import type { EventStore } from '@bitcoin-enterprise/events';
import { viewTransaction } from '@bitcoin-enterprise/script';
import { requireCallOptions, requireMs, requireOutpoint } from '../adapters/arguments.ts';
import { pause } from '../adapters/pause.ts';
import { translated } from '../adapters/policy.ts';
import { createTurns } from '../adapters/turns.ts';
import { createWaits } from '../adapters/waits.ts';
import { ChainError, invalidArgument } from '../errors.ts';
import type { CallOptions, ChainHeader, Outpoint } from '../ports/chain-source.ts';
import type { ChangeSignal } from '../ports/change-signal.ts';
import { type BranchChange, blockOf, isAtTip, nextChange, type WatchedChain } from './branch.ts';
import { deliverNotices, type DeliverNotice } from './delivery.ts';
import { IndexOfWatches } from './matching.ts';
import {
  type FoundSighting,
  type Match,
  type Watch,
  type WatchBlock,
  watchedTip,
  type WatchEvent,
  type WatchState,
  type WatchTarget,
} from './model.ts';
import { WatchRecord } from './record.ts';
import { PastSearch } from './search.ts';

/** Settings of {@link createWatcher}. */
export interface WatcherOptions {
  readonly chain: WatchedChain;
  /** Where watches, blocks and notices are kept. */
  readonly store: EventStore;
  /** Names this watcher in the store: 1 to 100 characters. */
  readonly name: string;
  /**
   * Blocks that are remembered, 10 to 10,000: the deepest reorganisation that can be followed; 288 when absent. Of all
   * who were ever started under the same name the largest number counts.
   */
  readonly keepBlocks?: number;
  /** Milliseconds between two looks at the tip, 0 to 2,147,483,647; 1,000 when absent. */
  readonly pollMs?: number;
  /** Wakes it before that. */
  readonly wake?: ChangeSignal;
}

/** Settings of the watching calls. */
export interface WatchOptions extends CallOptions {
  /** Depth at which it is final, 1 to `keepBlocks`; 6 when absent. */
  readonly confirmations?: number;
  /** Depths that are told on the way; only the first, when absent. */
  readonly depths?: readonly number[];
  /** Height from which on blocks are searched that are there already; only what comes is seen, when absent. */
  readonly since?: number;
}

/** Settings of {@link Watcher.run}. */
export interface RunWatcherOptions {
  /**
   * Is told each notice, in order. It is told again when it throws, or when the process dies before it has returned:
   * its `key` says so. An append to the same store that settles the `claim` makes even that impossible. It may take as
   * long as it needs; its `signal` ends when another process has taken over.
   */
  readonly deliver?: DeliverNotice;
  /**
   * Milliseconds after which another process of the same name takes over from one that died, 10 to 86,300,000; 30,000
   * when absent.
   */
  readonly leaseMs?: number;
  /** Is told of what went wrong and will be tried again. */
  readonly onError?: (error: unknown) => void;
  /** Ends it without an error. */
  readonly signal: AbortSignal;
}

/** Watches transactions, outputs, scripts and heights, for as long as it takes. */
export interface Watcher {
  /** Waits for a transaction, 32 bytes in internal order. */
  watchTransaction(id: string, txid: Uint8Array, options?: WatchOptions): Promise<void>;
  /** Waits for whatever spends an output. */
  watchOutput(id: string, outpoint: Outpoint, options?: WatchOptions): Promise<void>;
  /** Waits for every output that pays to a script. */
  watchScript(id: string, scriptPubKey: Uint8Array, options?: WatchOptions): Promise<void>;
  /** Waits for a block at a height. */
  watchHeight(id: string, height: number, options?: WatchOptions): Promise<void>;
  /** Ends a watch; one that is not there is no error. */
  unwatch(id: string, options?: CallOptions): Promise<void>;
  /** What is known, as of the last step on record. */
  state(options?: CallOptions): Promise<WatchState>;
  /** Brings the record to the tip of the moment, once. */
  catchUp(options?: CallOptions): Promise<void>;
  /** Follows the chain and delivers notices until the signal ends it. What fails is tried again. */
  run(options: RunWatcherOptions): Promise<void>;
}

/** How long to leave alone what has failed. */
const RETRY_MS = 200;
/** Matches in one step: an event of a store is JSON of limited length, and a block may pay a script very often. */
const PART = 2_000;
/** How often the past is searched while the chain moves on under the search. */
const MOST_SEARCHES = 10;
/** How often a transaction that cannot be looked at is looked at again; its block tells of it in any case. */
const MOST_LOOKS = 50;
const LOOKS_AT_ONCE = 20;
/** Transactions that wait, of which one look asks whether they still do; those that leave are told of besides. */
const ASKED_AT_ONCE = 50;
const MOST_DOUBTFUL = 10_000;
/** What an event store accepts. */
const MOST_LEASE_MS = 86_300_000;

/**
 * Makes a watcher over a chain and an event store. Every step (a block that came or went, a transaction that was seen)
 * is appended together with the notices that follow from it, so that a process that is killed at any point loses none
 * and tells none twice; where it stands is read from the store, never from memory of the process.
 *
 * @param options - Chain, store, name.
 * @throws ChainError `CHAIN_INVALID_ARGUMENT`.
 *
 * @example A payment, final after three blocks
 * ```ts
 * import { createEmbeddedChain } from '@bitcoin-enterprise/chain';
 * import { createWatcher } from '@bitcoin-enterprise/chain/watches';
 * import { parseHex, satoshis } from '@bitcoin-enterprise/core';
 * import { createMemoryStore } from '@bitcoin-enterprise/events';
 *
 * const chain = createEmbeddedChain();
 * const store = createMemoryStore();
 * const watcher = createWatcher({ chain: chain.ports, store, name: 'payments' });
 * await watcher.watchScript('order 7', parseHex('51'), { confirmations: 3 });
 * chain.fund(parseHex('51'), satoshis(70_000n));
 * chain.mine(2);
 * await watcher.catchUp();
 * const effects = await store.claimEffects();
 * effects.map(({ data }) => (data as { kind: string }).kind); // => ['confirmed', 'final']
 * ```
 */
export function createWatcher(options: WatcherOptions): Watcher {
  return new ChainWatcher(options);
}

/** Blocks that are asked for when a watcher begins: a reorganisation may come at once. */
const REMEMBERED_AT_START = 100;

class ChainWatcher implements Watcher {
  readonly #chain: WatchedChain;
  readonly #store: EventStore;
  readonly #record: WatchRecord;
  readonly #index: IndexOfWatches = new IndexOfWatches();
  /** Transactions that could not be looked at, and how often. */
  readonly #doubtful = new Map<string, number>();
  readonly #keep: number;
  readonly #pollMs: number;
  readonly #wake: ChangeSignal | undefined;
  readonly #turns = createTurns();
  /** Where the next look at those that wait begins. */
  #askedOf = 0;

  constructor(options: WatcherOptions) {
    if (typeof options !== 'object' || options === null) throw invalidArgument('options', 'an object', options);
    const { chain, store, name, keepBlocks = 288, pollMs = 1_000, wake } = options;
    if (typeof chain?.tip !== 'function') throw invalidArgument('options.chain', 'a ChainSource', chain);
    if (typeof store?.append !== 'function') throw invalidArgument('options.store', 'an EventStore', store);
    requireName('options.name', name);
    if (!Number.isInteger(keepBlocks) || keepBlocks < 10 || keepBlocks > 10_000)
      throw invalidArgument('options.keepBlocks', 'a whole number, 10 to 10000', keepBlocks);
    requireMs('options.pollMs', pollMs);
    this.#chain = chain;
    this.#store = store;
    this.#record = new WatchRecord(store, name);
    this.#keep = keepBlocks;
    this.#pollMs = pollMs;
    this.#wake = wake;
  }

  async watchTransaction(id: string, txid: Uint8Array, options: WatchOptions = {}): Promise<void> {
    assertBytes('txid', txid, 32);
    await this.#add({ kind: 'transaction', txid: displayHash(txid) }, id, options);
  }

  async watchOutput(id: string, outpoint: Outpoint, options: WatchOptions = {}): Promise<void> {
    requireOutpoint(outpoint);
    const { txid, index } = outpoint;
    await this.#add({ kind: 'output', txid: displayHash(txid), index }, id, options);
  }

  async watchScript(id: string, scriptPubKey: Uint8Array, options: WatchOptions = {}): Promise<void> {
    assertBytes('scriptPubKey', scriptPubKey);
    await this.#add({ kind: 'script', script: toHex(scriptPubKey) }, id, options);
  }

  async watchHeight(id: string, height: number, options: WatchOptions = {}): Promise<void> {
    await this.#add({ kind: 'height', height: blockHeight(height) }, id, options);
  }

  async unwatch(id: string, options: CallOptions = {}): Promise<void> {
    requireName('id', id);
    requireCallOptions(options);
    await ending('unwatch', options, async () =>
      this.#record.step(options, (state) =>
        state.watches[id] === undefined ? undefined : { type: 'removed', watch: id },
      ),
    );
  }

  async state(options: CallOptions = {}): Promise<WatchState> {
    requireCallOptions(options);
    return ending('state', options, async () => this.#record.load(options));
  }

  async catchUp(options: CallOptions = {}): Promise<void> {
    requireCallOptions(options);
    await this.#inTurn('catchUp', options, async () => this.#catchUp(options));
  }

  async run(options: RunWatcherOptions): Promise<void> {
    requireCallOptions(options);
    const { deliver, onError = () => undefined, leaseMs = 30_000 } = options;
    requireMs('options.leaseMs', leaseMs);
    if (leaseMs < 10 || leaseMs > MOST_LEASE_MS)
      throw invalidArgument('options.leaseMs', `a number of 10 to ${MOST_LEASE_MS}`, leaseMs);
    // One that cannot go on ends the others: whoever hears of it may start anew, and nothing is left running.
    const over = new AbortController();
    const signal = AbortSignal.any([options.signal, over.signal]);
    const parts = [
      this.#forever(signal, onError, async () => this.#followTip(signal, onError)),
      this.#forever(signal, onError, async () => this.#followMempool(signal, onError)),
    ];
    if (deliver !== undefined) {
      const { stream, noticeType } = this.#record;
      const delivery = { store: this.#store, right: `${stream}/deliver`, type: noticeType, handle: deliver };
      parts.push(this.#forever(signal, onError, async () => deliverNotices({ ...delivery, leaseMs, signal })));
    }
    try {
      await Promise.all(parts);
    } finally {
      over.abort();
      await Promise.allSettled(parts);
    }
  }

  /** Begins again what fails, until the signal ends it (F37: a watch that fails once must not be deaf for good). */
  async #forever(signal: AbortSignal, onError: (error: unknown) => void, work: () => Promise<void>): Promise<void> {
    while (!signal.aborted)
      try {
        await work();
        return;
      } catch (error) {
        if (signal.aborted) return;
        onError(error);
        if (isHopeless(error)) throw error;
        await pause(RETRY_MS, { call: 'run', signal }).catch(() => undefined);
      }
  }

  async #followTip(signal: AbortSignal, onError: (error: unknown) => void): Promise<void> {
    const waits = createWaits({ call: 'run', pollMs: this.#pollMs, wake: this.#wake });
    try {
      for (;;) {
        await this.#inTurn('run', { signal }, async () =>
          this.#catchUp({ signal }, (waiting) => this.#nextOf(waiting)),
        );
        await this.#lookAgain(signal, onError);
        await waits.wait(signal);
      }
    } finally {
      waits.close();
    }
  }

  async #followMempool(signal: AbortSignal, onError: (error: unknown) => void): Promise<void> {
    if (this.#chain.mempoolEvents === undefined) return;
    try {
      for await (const { type, txid } of this.#chain.mempoolEvents({ signal }))
        if (type === 'added') await this.#look(displayHash(txid), { signal, onError });
        else await this.#hasLeftMempool(displayHash(txid), { signal, onError });
    } catch (error) {
      if (!hasCode(error, 'CHAIN_CALL_UNSUPPORTED')) throw error;
    }
  }

  /** Looks at a transaction. One that fails must not make the watcher deaf to the others: it is looked at again. */
  async #look(txid: string, facts: { readonly signal: AbortSignal; readonly onError: (error: unknown) => void }) {
    const { signal, onError } = facts;
    try {
      await this.#inTurn('run', { signal }, async () => this.#seen(txid, { signal }));
      this.#doubtful.delete(txid);
    } catch (error) {
      if (signal.aborted || isHopeless(error)) throw error;
      onError(error);
      const failures = (this.#doubtful.get(txid) ?? 0) + 1;
      this.#doubtful.delete(txid);
      if (failures <= MOST_LOOKS && this.#doubtful.size < MOST_DOUBTFUL) this.#doubtful.set(txid, failures);
    }
  }

  async #lookAgain(signal: AbortSignal, onError: (error: unknown) => void): Promise<void> {
    for (const txid of [...this.#doubtful.keys()].slice(0, LOOKS_AT_ONCE)) await this.#look(txid, { signal, onError });
  }

  async #seen(txid: string, options: CallOptions): Promise<void> {
    const found = await this.#chain.transaction(parseDisplayHash(txid), options);
    // With a block it is told when the block is.
    if (found === undefined || found.block !== undefined) return;
    const tx = viewTransaction(found.bytes);
    for (let more = true; more;)
      await this.#record.step(options, (state) => {
        const news = this.#index
          .of(state)
          .match(tx)
          .filter((match) => !isKnown(state, match));
        more = news.length > PART;
        return news.length === 0 ? undefined : { type: 'seen', matches: news.slice(0, PART) };
      });
  }

  async #hasLeftMempool(
    txid: string,
    facts: { readonly signal: AbortSignal; readonly onError: (error: unknown) => void },
  ): Promise<void> {
    const { signal, onError } = facts;
    this.#doubtful.delete(txid);
    try {
      // Blocks first: most of what leaves is in one.
      if (waitingIn(await this.#record.load({ signal })).has(txid))
        await this.#inTurn('run', { signal }, async () =>
          this.#catchUp({ signal }, (waiting) => waiting.filter((one) => one === txid)),
        );
    } catch (error) {
      if (signal.aborted || isHopeless(error)) throw error;
      onError(error);
    }
  }

  /** The next few of those that wait: with thousands of them a look must not take longer than a block. */
  #nextOf(waiting: readonly string[]): readonly string[] {
    const from = this.#askedOf < waiting.length ? this.#askedOf : 0;
    this.#askedOf = from + ASKED_AT_ONCE;
    return waiting.slice(from, from + ASKED_AT_ONCE);
  }

  async #catchUp(
    options: CallOptions,
    choose: (waiting: readonly string[]) => readonly string[] = (all) => all,
  ): Promise<void> {
    const state = await this.#followBlocks(options);
    for (const txid of choose([...waitingIn(state)])) {
      if (await this.#stillThere(txid, options)) continue;
      // Its block may have come since: then that tells. A source that is behind may never have had it.
      if (!(await isAtTip(this.#chain, state, options))) return;
      const before = watchedTip(state)?.hash;
      await this.#record.step(options, (now) =>
        watchedTip(now)?.hash === before && waitingIn(now).has(txid) ? { type: 'vanished', txid } : undefined,
      );
    }
  }

  async #stillThere(txid: string, options: CallOptions): Promise<boolean> {
    try {
      return (await this.#chain.transaction(parseDisplayHash(txid), options)) !== undefined;
    } catch (error) {
      // In some mempools and not in others: it has not vanished, and what is to be said of the others can be said.
      if (hasCode(error, 'CHAIN_SOURCES_DISAGREE')) return true;
      throw error;
    }
  }

  /** Brings the record to the tip, and tells what is still untold. */
  async #followBlocks(options: CallOptions): Promise<WatchState> {
    await this.#start(options);
    for (;;) {
      const state = await this.#record.step(options, () => undefined);
      const change = await nextChange(this.#chain, state, options);
      if (change === undefined) return state;
      const { block } = change;
      const before = watchedTip(state)?.hash;
      // Another process of the same name may have been faster: then its state counts, and its watches.
      await this.#record.step(options, (now) => {
        const isStale = watchedTip(now)?.hash !== before || now.partial !== state.partial;
        if (isStale) return undefined;
        return change.type === 'disconnected' ? { type: 'disconnected', block } : this.#connected(now, change);
      });
    }
  }

  #connected(state: WatchState, change: Extract<BranchChange, { readonly type: 'connected' }>): WatchEvent {
    const { block, previous, transactions } = change;
    const known = state.partial === true ? sightingsIn(state, block) : undefined;
    const index = this.#index.of(state);
    const matches: Match[] = [];
    for (const tx of transactions)
      for (const match of index.match(tx)) if (known?.has(nameOf(match)) !== true) matches.push(match);
    const more = matches.length > PART;
    return { type: 'connected', block, previous, matches: matches.slice(0, PART), ...(more ? { more } : {}) };
  }

  async #start(options: CallOptions): Promise<void> {
    const state = await this.#record.load(options);
    if (state.blocks.length > 0) {
      if (state.keep < this.#keep) await this.#keepMore(options);
      return;
    }
    const blocks: WatchBlock[] = [];
    let at: ChainHeader | undefined = await this.#chain.tip(options);
    while (at !== undefined) {
      blocks.unshift(blockOf(at));
      const more: boolean = at.height > 0 && blocks.length < Math.min(this.#keep, REMEMBERED_AT_START);
      at = more ? await this.#chain.header(at.header.previousBlockHash, options) : undefined;
    }
    await this.#record.step(options, (now) =>
      now.blocks.length > 0 ? undefined : { type: 'started', blocks, keep: this.#keep },
    );
  }

  /** Never fewer than before: two processes of one name would take it from each other without end. */
  async #keepMore(options: CallOptions): Promise<void> {
    await this.#record.step(options, (now) =>
      now.keep < this.#keep ? { type: 'started', blocks: now.blocks, keep: this.#keep } : undefined,
    );
  }

  async #add(target: WatchTarget, id: string, options: WatchOptions): Promise<void> {
    requireCallOptions(options);
    const watch = this.#watchOf(target, id, options);
    const search = new PastSearch(this.#chain, { watch, since: options.since });
    let isLong = options.since !== undefined;
    for (let attempt = 1; attempt <= MOST_SEARCHES; attempt++) {
      // What takes long is searched while others have their turn, and the rest with nothing in between.
      const before = await this.#inTurn('watch', options, async () => this.#followBlocks(options));
      if (isThere(before, watch)) return;
      if (isLong) isLong = (await ending('watch', options, async () => search.upTo(before, options))) === undefined;
      if (!isLong && (await this.#inTurn('watch', options, async () => this.#addInTurn(watch, search, options))))
        return;
      await pause(RETRY_MS, { call: 'watch', ...options });
    }
    throw new ChainError('CHAIN_SOURCE_UNSETTLED', `expected the blocks on record, got ${MOST_SEARCHES} times others`, {
      details: { watch: id, attempts: MOST_SEARCHES },
      retryable: true,
      hint: 'The source is behind, or changes its branch all the time: ask again later, or another source.',
    });
  }

  async #addInTurn(watch: Watch, search: PastSearch, options: CallOptions): Promise<boolean> {
    // To the tip first: what is found must lie on the branch on record, or nothing would take it back.
    const state = await this.#followBlocks(options);
    if (isThere(state, watch)) return true;
    const found = await search.upTo(state, options);
    return found !== undefined && this.#addFound({ state, watch, found }, options);
  }

  /** Adds a watch with what there is of it, in parts; `false` when the chain moved on meanwhile. */
  async #addFound(
    facts: { readonly state: WatchState; readonly watch: Watch; readonly found: readonly FoundSighting[] },
    options: CallOptions,
  ): Promise<boolean> {
    const { watch, found } = facts;
    const before = watchedTip(facts.state)?.hash;
    let rest = found;
    for (;;) {
      const more = rest.length > PART;
      const part = rest.slice(0, PART);
      let isStale = false;
      const now = await this.#record.step(options, (state) => {
        isStale = watchedTip(state)?.hash !== before;
        if (isStale || isThere(state, watch)) return undefined;
        return { type: 'added', watch, found: part, ...(more ? { more } : {}) };
      });
      if (isThere(now, watch)) return true;
      if (isStale) return false;
      rest = rest.slice(PART);
    }
  }

  #watchOf(target: WatchTarget, id: string, options: WatchOptions): Watch {
    const { confirmations = 6, depths = [1], since } = options;
    requireName('id', id);
    if (!Number.isInteger(confirmations) || confirmations < 1 || confirmations > this.#keep)
      throw invalidArgument('options.confirmations', `a whole number, 1 to ${this.#keep}`, confirmations);
    if (!Array.isArray(depths) || !depths.every((depth) => Number.isInteger(depth) && depth >= 1))
      throw invalidArgument('options.depths', 'whole numbers from 1 up', depths);
    if (since !== undefined) blockHeight(since);
    const told = new Set([...(depths as readonly number[]).filter((depth) => depth < confirmations), confirmations]);
    return { ...target, id, confirmations, depths: [...told].sort((a, b) => a - b) };
  }

  /** One after the other: steps of one process must not race each other. */
  async #inTurn<Result>(call: string, options: CallOptions, work: () => Promise<Result>): Promise<Result> {
    return ending(call, options, async () => this.#turns.take(work, options.signal));
  }
}

/** Whatever a call does when its signal ends it, it ends with the code of this package. */
async function ending<Result>(call: string, { signal }: CallOptions, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw translated(call, error, signal);
  }
}

/** Nothing that waiting helps against: whoever runs the watcher has to decide. */
function isHopeless(error: unknown): boolean {
  return hasCode(error, 'CHAIN_WATCH_HISTORY_LOST', 'CHAIN_WATCH_STATE_INVALID', 'CHAIN_BLOCK_PRUNED');
}

/** Transactions that wait in the mempool as far as the record knows. */
function waitingIn(state: WatchState): ReadonlySet<string> {
  const waiting = new Set<string>();
  for (const { sightings } of Object.values(state.watches))
    for (const { txid, block } of sightings) if (txid !== undefined && block === undefined) waiting.add(txid);
  return waiting;
}

/** Whether a watch is on record with all there was of it. */
function isThere(state: WatchState, watch: Watch): boolean {
  const entry = state.watches[watch.id];
  if (entry === undefined) return false;
  if (JSON.stringify(entry.watch) !== JSON.stringify(watch))
    throw invalidArgument('id', 'one of no other watch', watch.id);
  return entry.partial !== true;
}

function isKnown(state: WatchState, { watch, txid, index }: Match): boolean {
  const sightings = state.watches[watch]?.sightings ?? [];
  return sightings.some((sighting) => sighting.txid === txid && sighting.index === index);
}

/** What is known of a block, by the names of {@link nameOf}. */
function sightingsIn(state: WatchState, block: WatchBlock): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [watch, { sightings }] of Object.entries(state.watches))
    for (const sighting of sightings)
      if (sighting.block?.hash === block.hash) names.add(nameOf({ watch, ...sighting }));
  return names;
}

function nameOf({ watch, txid, index }: Match): string {
  return `${watch} ${txid} ${index}`;
}

function requireName(argument: string, value: unknown): void {
  // Names that every object has would be found in the record without ever being put there.
  if (typeof value !== 'string' || value.length === 0 || value.length > 100 || value in Object.prototype)
    throw invalidArgument(argument, 'a text of 1 to 100 characters, and no name that every object has', value);
}
