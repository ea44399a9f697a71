import { assertBytes, blockHeight, displayHash, hasCode, parseDisplayHash, toHex } from '@bitcoin-enterprise/core';
import type { Claim, EventStore } from '@bitcoin-enterprise/events';
import { viewBlock, viewTransaction } from '@bitcoin-enterprise/script';
import { requireCallOptions, requireMs, requireOutpoint } from '../adapters/arguments.ts';
import { pause } from '../adapters/pause.ts';
import { createWaits } from '../adapters/waits.ts';
import { invalidArgument } from '../errors.ts';
import type { CallOptions, ChainHeader, ChainSource, Outpoint } from '../ports/chain-source.ts';
import type { ChangeSignal } from '../ports/change-signal.ts';
import type { MempoolSubscription } from '../ports/subscriptions.ts';
import { WatchIndex, watchesOf } from './matching.ts';
import {
  historyLost,
  type Sighting,
  type Watch,
  type WatchBlock,
  watchedTip,
  type WatchEvent,
  type WatchNotice,
  type WatchState,
  type WatchTarget,
} from './model.ts';
import { WatchRecord } from './record.ts';

/** What a watcher reads; one without `mempoolEvents` tells of nothing before its first block. */
export type WatchedChain = Pick<ChainSource, 'tip' | 'header' | 'blockHash' | 'block' | 'transaction'> &
  Partial<MempoolSubscription>;

/** Settings of {@link createWatcher}. */
export interface WatcherOptions {
  readonly chain: WatchedChain;
  /** Where watches, blocks and notices are kept. */
  readonly store: EventStore;
  /** Names this watcher in the store: 1 to 100 characters. */
  readonly name: string;
  /** Blocks that are remembered, 10 to 10,000: the deepest reorganisation that can be followed; 288 when absent. */
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
   * its `key` says so. An append to the same store that settles the `claim` makes even that impossible.
   */
  readonly deliver?: (notice: WatchNotice, context: { readonly claim: Claim }) => Promise<void>;
  /**
   * Milliseconds that a few notices may take to be handled, and after which another process of the same name takes over
   * from one that died, 10 to 2,147,483,647; 30,000 when absent.
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
  readonly #record: WatchRecord;
  readonly #keep: number;
  readonly #pollMs: number;
  readonly #wake: ChangeSignal | undefined;
  #turn: Promise<unknown> = Promise.resolve();

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
    await this.#record.step(options, (state) =>
      state.watches[id] === undefined ? undefined : { type: 'removed', watch: id },
    );
  }

  async state(options: CallOptions = {}): Promise<WatchState> {
    return this.#record.load(options);
  }

  async catchUp(options: CallOptions = {}): Promise<void> {
    requireCallOptions(options);
    await this.#inTurn(async () => this.#catchUp(options));
  }

  async run(options: RunWatcherOptions): Promise<void> {
    requireCallOptions(options);
    const { signal, deliver, onError = () => undefined, leaseMs = 30_000 } = options;
    requireMs('options.leaseMs', leaseMs);
    if (leaseMs < 10) throw invalidArgument('options.leaseMs', 'a number of at least 10', leaseMs);
    const parts = [
      this.#forever(signal, onError, async () => this.#followTip(signal)),
      this.#forever(signal, onError, async () => this.#followMempool(signal)),
    ];
    if (deliver !== undefined)
      parts.push(this.#forever(signal, onError, async () => this.#record.deliver(deliver, { signal, leaseMs })));
    await Promise.all(parts);
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
        // Nothing that waiting helps against: whoever runs the watcher has to decide.
        if (hasCode(error, 'CHAIN_WATCH_HISTORY_LOST', 'CHAIN_WATCH_STATE_INVALID', 'CHAIN_BLOCK_PRUNED')) throw error;
        await pause(RETRY_MS, { call: 'run', signal }).catch(() => undefined);
      }
  }

  async #followTip(signal: AbortSignal): Promise<void> {
    const waits = createWaits({ call: 'run', pollMs: this.#pollMs, wake: this.#wake });
    try {
      for (;;) {
        await this.catchUp({ signal });
        await waits.wait(signal);
      }
    } finally {
      waits.close();
    }
  }

  async #followMempool(signal: AbortSignal): Promise<void> {
    if (this.#chain.mempoolEvents === undefined) return;
    try {
      for await (const { type, txid } of this.#chain.mempoolEvents({ signal }))
        await this.#inTurn(async () =>
          type === 'added' ? this.#seen(txid, { signal }) : this.#requireWaiting(displayHash(txid), { signal }),
        );
    } catch (error) {
      if (!hasCode(error, 'CHAIN_CALL_UNSUPPORTED')) throw error;
    }
  }

  async #seen(txid: Uint8Array, options: CallOptions): Promise<void> {
    const state = await this.#record.load(options);
    const index = new WatchIndex(watchesOf(state));
    const found = await this.#chain.transaction(txid, options);
    // With a block it is told when the block is.
    if (found === undefined || found.block !== undefined) return;
    const matches = index.match(viewTransaction(found.bytes));
    if (matches.length > 0) await this.#record.step(options, () => ({ type: 'seen', matches }));
  }

  /** Tells that a transaction has left the mempool, unless it waits again or has a block. */
  async #requireWaiting(txid: string, options: CallOptions): Promise<void> {
    const state = await this.#record.load(options);
    const waits = Object.values(state.watches).some(({ sightings }) =>
      sightings.some(
        (sighting) => sighting.txid === txid && sighting.block === undefined && sighting.vanished !== true,
      ),
    );
    if (!waits || (await this.#chain.transaction(parseDisplayHash(txid), options)) !== undefined) return;
    await this.#record.step(options, () => ({ type: 'vanished', txid }));
  }

  async #catchUp(options: CallOptions): Promise<void> {
    await this.#start(options);
    for (let state = await this.#record.load(options); ;) {
      const event = await this.#nextBlock(state, options);
      if (event === undefined) break;
      // Another process of the same name may have been faster: then its state counts.
      const before = watchedTip(state)?.hash;
      state = await this.#record.step(options, (now) => (watchedTip(now)?.hash === before ? event : undefined));
    }
    const state = await this.#record.load(options);
    const waiting = new Set<string>();
    for (const { sightings } of Object.values(state.watches))
      for (const { txid, block, vanished } of sightings)
        if (txid !== undefined && block === undefined && vanished !== true) waiting.add(txid);
    for (const txid of waiting) await this.#requireWaiting(txid, options);
  }

  async #start(options: CallOptions): Promise<void> {
    const state = await this.#record.load(options);
    if (state.blocks.length > 0) return;
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

  /** The next change of the best branch after what is on record; `undefined` at the tip. */
  async #nextBlock(state: WatchState, options: CallOptions): Promise<WatchEvent | undefined> {
    const tip = watchedTip(state);
    if (tip === undefined) return undefined;
    const here = await this.#chain.header(parseDisplayHash(tip.hash), options);
    // A node that never saw the block, after a restart or a failover, says the same as one that left its branch.
    if (here === undefined || here.confirmations === 0) {
      await this.#requireRemembered(state, options);
      return { type: 'disconnected', block: tip };
    }
    const hash = await this.#chain.blockHash(blockHeight(tip.height + 1), options);
    if (hash === undefined) return undefined;
    const header = await this.#chain.header(hash, options);
    const previous = header === undefined ? undefined : displayHash(header.header.previousBlockHash);
    // The branch changed between the questions: the next look sees it.
    if (header === undefined || previous !== tip.hash) return undefined;
    const bytes = await this.#chain.block(hash, options);
    if (bytes === undefined) return undefined;
    const index = new WatchIndex(watchesOf(state));
    const matches = viewBlock(bytes).transactions.flatMap((tx) => index.match(tx));
    return { type: 'connected', block: blockOf(header), previous, matches };
  }

  /** Requires one of the remembered blocks on the best branch, before the first is given up. */
  async #requireRemembered(state: WatchState, options: CallOptions): Promise<void> {
    for (const block of state.blocks.toReversed()) {
      const hash = await this.#chain.blockHash(blockHeight(block.height), options);
      if (hash !== undefined && displayHash(hash) === block.hash) return;
    }
    throw historyLost(watchedTip(state)?.height ?? 0, state.blocks.length);
  }

  async #add(target: WatchTarget, id: string, options: WatchOptions): Promise<void> {
    requireCallOptions(options);
    const watch = this.#watchOf(target, id, options);
    await this.#inTurn(async () => {
      await this.#start(options);
      for (;;) {
        const state = await this.#record.load(options);
        const known = state.watches[id]?.watch;
        if (known !== undefined) {
          if (JSON.stringify(known) === JSON.stringify(watch)) return;
          throw invalidArgument('id', 'one of no other watch', id);
        }
        const found = await this.#found(state, watch, options);
        const before = watchedTip(state)?.hash;
        const next = await this.#record.step(options, (now) =>
          watchedTip(now)?.hash === before && now.watches[id] === undefined
            ? { type: 'added', watch, found }
            : undefined,
        );
        if (next.watches[id] !== undefined) return;
      }
    });
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

  /** What there is of a watch already, up to the block on record. */
  async #found(
    state: WatchState,
    watch: Watch,
    options: WatchOptions,
  ): Promise<readonly (Sighting & { readonly block?: WatchBlock })[]> {
    const tip = watchedTip(state)?.height ?? 0;
    if (watch.kind === 'height') {
      const header = watch.height > tip ? undefined : await this.#headerAt(watch.height, options);
      return header === undefined ? [] : [{ block: blockOf(header) }];
    }
    const found: (Sighting & { readonly block?: WatchBlock })[] = [];
    if (watch.kind === 'transaction') {
      const known = await this.#chain.transaction(parseDisplayHash(watch.txid), options);
      if (known !== undefined && (known.block === undefined || known.block.height <= tip))
        found.push({ txid: watch.txid, ...(known.block === undefined ? {} : { block: blockOf(known.block) }) });
    }
    const index = new WatchIndex([watch]);
    // A source without an index of transactions has to be searched for one, too.
    const searched = watch.kind === 'transaction' && found.length > 0 ? undefined : options.since;
    for (let height = searched ?? Infinity; height <= tip; height++) {
      const header = await this.#headerAt(height, options);
      const bytes = header === undefined ? undefined : await this.#chain.block(header.hash, options);
      if (header === undefined || bytes === undefined) break;
      for (const tx of viewBlock(bytes).transactions)
        for (const { watch: _watch, ...sighting } of index.match(tx))
          found.push({ ...sighting, block: blockOf(header) });
    }
    return found;
  }

  async #headerAt(height: number, options: CallOptions): Promise<ChainHeader | undefined> {
    const hash = await this.#chain.blockHash(blockHeight(height), options);
    return hash === undefined ? undefined : this.#chain.header(hash, options);
  }

  /** One after the other: steps of one process must not race each other. */
  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const run = this.#turn.then(work);
    this.#turn = run.catch(() => undefined);
    return run;
  }
}

function blockOf({ hash, height }: { readonly hash: Uint8Array; readonly height: number }): WatchBlock {
  return { hash: displayHash(hash), height };
}

function requireName(argument: string, value: unknown): void {
  // Names that every object has would be found in the record without ever being put there.
  if (typeof value !== 'string' || value.length === 0 || value.length > 100 || value in Object.prototype)
    throw invalidArgument(argument, 'a text of 1 to 100 characters, and no name that every object has', value);
}
