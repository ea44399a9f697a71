import {
  blockHeight,
  currentCrypto,
  displayHash,
  equalBytes,
  type Satoshis,
  satoshis,
  unixSeconds,
  virtualBytes,
} from '@bitcoin-enterprise/core';
import { type InputTrace, traceInput, type TransactionView } from '@bitcoin-enterprise/script';
import { ChainError, invalidArgument } from '../errors.ts';
import type { BlockNode, Connected } from '../model/block-node.ts';
import { addBlock, type ChainState, type ChainTools, initialState } from '../model/chain-state.ts';
import { chooseTransactions } from '../model/block-assembly.ts';
import { blockFlagsUnder, type Deployment, policyUnder } from '../model/deployments.ts';
import { inOrder } from '../model/mempool.ts';
import { acceptToMempool, type Accepted } from '../model/mempool-accept.ts';
import { trimToPolicy } from '../model/mempool-eviction.ts';
import { acceptPackage } from '../model/package-accept.ts';
import type { Rejection } from '../model/rejection.ts';
import { ScriptCache } from '../model/scripts.ts';
import type { BlockReference, ChainTransaction, Outpoint, UnspentOutput } from '../ports/chain-source.ts';
import type { TestAcceptResult } from '../ports/tx-broadcaster.ts';
import { BlockMaker } from './block-maker.ts';
import { readDump, writeDump } from './dump.ts';
import { type ChainEvent, EventHub } from './event-hub.ts';
import { cheatsOf, waivedIn } from './cheats.ts';
import { copyOf, referenceTo, unspentFrom } from './copies.ts';
import { CoinIndex, type OwnedCoin } from './coin-index.ts';
import { OWN_FUNDER_SCRIPT } from './funder.ts';
import type {
  Cheat,
  EmbeddedChainOptions,
  EmbeddedTip,
  FundedOutput,
  MineOptions,
  ReorgOptions,
  SubmittedBlock,
  SubmittedPackage,
} from './options.ts';
import { packageResult } from './package-result.ts';
import { type EmbeddedPorts, portsOf, transactionIn, unspentIn } from './ports.ts';
import { deploymentsFrom, policyFrom, requireCrypto } from './settings.ts';
import {
  blockRefused,
  impersonationKey,
  outputUnknown,
  readBlock,
  readTransaction,
  requireBytes,
  requireObject,
  requireOutpoint,
  requireSignal,
  requireWhole,
  transactionRefused,
  transactionRejection,
} from './refusals.ts';

/** Most blocks of one call: at 5.5 KB each they still fit into memory. */
const MAX_BLOCKS = 100_000;

/** The rules of a chain, and what works by them. */
interface ChainRules {
  readonly deployments: readonly Deployment[];
  readonly tools: ChainTools;
  readonly maker: BlockMaker;
}

/** Blocks after which the median of eleven times has caught up with a new time. */
const MEDIAN_CATCH_UP = 6;

/**
 * A Bitcoin chain in this process: every consensus rule of regtest, real proof of work, a mempool, and the levers that
 * tests want. Its blocks replay on a real bitcoind as long as {@link EmbeddedChain.faithful} holds.
 *
 * @example Fund a script and see the coin
 * ```ts
 * import { parseHex, satoshis } from '@bitcoin-enterprise/core';
 * import { createEmbeddedChain } from '@bitcoin-enterprise/chain';
 *
 * const chain = createEmbeddedChain();
 * chain.fund(parseHex('51'), satoshis(100_000n));
 * chain.balance(parseHex('51')); // => 100_000n
 * ```
 */
export class EmbeddedChain {
  readonly #withRules: (deployments: readonly Deployment[]) => ChainRules;
  #rules: ChainRules;
  readonly #hub: EventHub;
  readonly #index = new CoinIndex();
  readonly #snapshots = new Map<number, ChainState>();
  #nextSnapshot = 1;
  /** The lever at work: until it is done, no other may start. */
  #busy: string | undefined;
  #state: ChainState;
  #ports: EmbeddedPorts | undefined;

  /**
   * @param options - Clock, policy, deployments and engine; see {@link createEmbeddedChain}.
   * @throws {@link ChainError} `CHAIN_INVALID_ARGUMENT`.
   */
  constructor(options: EmbeddedChainOptions = {}) {
    requireObject(options, 'options');
    const { clock, blockIntervalSeconds = 600, policy = {}, crypto = currentCrypto(), onListenerError } = options;
    requireObject(policy, 'options.policy');
    requireCrypto(crypto);
    if (clock !== undefined && typeof clock?.now !== 'function')
      throw invalidArgument('options.clock', 'a Clock', clock);
    requireWhole(blockIntervalSeconds, 'options.blockIntervalSeconds', 1, 0x7fff_ffff);
    const { deployments = [] } = options;
    const ownPolicy = policyFrom(policy);
    this.#withRules = (names) => {
      const blockFlags = blockFlagsUnder(names);
      const tools = { crypto, cache: new ScriptCache(), policy: policyUnder(ownPolicy, blockFlags), blockFlags };
      return { deployments: names, tools, maker: new BlockMaker(tools, this.#index, clock, blockIntervalSeconds) };
    };
    this.#rules = this.#withRules(deploymentsFrom(deployments));
    if (onListenerError !== undefined && typeof onListenerError !== 'function')
      throw invalidArgument('options.onListenerError', 'a function', onListenerError);
    this.#hub = new EventHub(onListenerError);
    this.#state = initialState(crypto);
  }

  /** Height of the best block. */
  get height(): number {
    return this.#state.tip.height;
  }

  /** The best block. */
  get tip(): EmbeddedTip {
    const { tip } = this.#state;
    return {
      ...referenceTo(tip),
      time: unixSeconds(tip.header.time),
      medianTime: unixSeconds(tip.medianTime),
    };
  }

  /** Soft forks in force here that Bitcoin does not have; those of `options`, or of the dump that was loaded last. */
  get deployments(): readonly Deployment[] {
    return [...this.#rules.deployments];
  }

  /**
   * Whether every block of the best branch keeps every rule: nothing injected, nobody impersonated. A deployment only
   * adds rules, so that with one, too, every block replays on a real bitcoind.
   */
  get faithful(): boolean {
    return this.#state.tip.faithful;
  }

  /** Every departure from the rules on the best branch, oldest first, then those that wait in the mempool. */
  cheats(): readonly Cheat[] {
    const { tip, mempool } = this.#state;
    const nodes: BlockNode[] = [];
    for (let node: BlockNode | undefined = tip; node !== undefined && !node.faithful; node = node.parent)
      if (node.cheats !== undefined) nodes.push(node);
    const waiting = inOrder(mempool).flatMap(({ tx, waived }) => Array.from(waived, (input) => waivedIn(tx, input)));
    return [...nodes.reverse().flatMap(cheatsOf), ...waiting];
  }

  /** The asynchronous ports over this chain: what flows and adapters' users take. */
  get ports(): EmbeddedPorts {
    this.#ports ??= portsOf({
      crypto: this.#tools.crypto,
      policy: this.#tools.policy,
      state: () => this.#state,
      hub: this.#hub,
      coinsOf: (scriptPubKey) => this.#coinsOf(scriptPubKey),
      broadcast: (bytes) => this.broadcast(bytes),
      testAccept: (bytes) => this.testAccept(bytes),
      submitPackage: (transactions) => this.submitPackage(transactions),
    });
    return this.#ports;
  }

  /**
   * Mines blocks on the tip.
   *
   * @param count - How many, 0 to 100,000.
   * @returns The new blocks, lowest first.
   * @throws {@link ChainError} `CHAIN_TIME_OUT_OF_RANGE` for a time the rules refuse, `CHAIN_TX_REJECTED` and
   * `CHAIN_BLOCK_REJECTED` for transactions given that cannot be in a block; the chain is then as it was.
   *
   * @example
   * ```ts
   * import { createEmbeddedChain } from '@bitcoin-enterprise/chain';
   *
   * createEmbeddedChain().mine(3).at(-1)?.height; // => 3
   * ```
   */
  mine(count = 1, options: MineOptions = {}): readonly BlockReference[] {
    return this.#pull('mine', () => {
      requireWhole(count, 'count', 0, MAX_BLOCKS);
      requireObject(options, 'options');
      const { time, scriptPubKey = OWN_FUNDER_SCRIPT, transactions } = options;
      if (time !== undefined) requireWhole(time, 'options.time', 0, 0xffff_ffff);
      requireBytes(scriptPubKey, 'options.scriptPubKey');
      if (transactions !== undefined && !Array.isArray(transactions))
        throw invalidArgument('options.transactions', 'an array of serialised transactions', transactions);
      const mined: BlockReference[] = [];
      let state = this.#state;
      for (let i = 0; i < count; i++) {
        const entries =
          i > 0 || transactions === undefined
            ? chooseTransactions(state.mempool)
            : this.#maker.entriesFor(
                state,
                state.tip,
                Array.from(transactions, (bytes) => readTransaction(bytes)),
              );
        const first = i === 0 && time !== undefined ? { time } : {};
        state = this.#maker.mineOn(state, state.tip, entries, { ...first, scriptPubKey }).state;
        mined.push(referenceTo(state.tip));
      }
      this.#become(state);
      return mined;
    });
  }

  /**
   * Pays an amount to a script by an ordinary transaction, in a block of its own that this call mines.
   *
   * The money is that of earlier block rewards; where they have not matured, as on a fresh chain, the call mines the
   * blocks they need first (100 and one for the first). What waits in the mempool keeps waiting.
   *
   * @param scriptPubKey - Who is paid.
   * @param amount - Satoshis.
   * @throws {@link ChainError} `CHAIN_FUNDS_INSUFFICIENT` beyond what regtest's subsidy gives.
   */
  fund(scriptPubKey: Uint8Array, amount: Satoshis): FundedOutput {
    return this.#pull('fund', () => {
      requireBytes(scriptPubKey, 'scriptPubKey');
      const value = satoshis(amount);
      const { state, tx } = this.#maker.fund(this.#state, scriptPubKey, value);
      this.#become(state);
      return this.#funded(state, tx, value);
    });
  }

  /**
   * Makes money from nothing, in a block of its own. **A cheat**: a real node refuses this block and all that follow
   * (`bad-cb-amount`), and {@link EmbeddedChain.faithful} is false from here on. The output needs no maturity.
   *
   * @param amount - Satoshis; any amount there can be.
   */
  injectUtxo(scriptPubKey: Uint8Array, amount: Satoshis): FundedOutput {
    return this.#pull('injectUtxo', () => {
      requireBytes(scriptPubKey, 'scriptPubKey');
      const value = satoshis(amount);
      const { state } = this.#maker.mineOn(this.#state, this.#state.tip, [], { scriptPubKey, inflateTo: value });
      this.#become(state);
      const [coinbase] = state.tip.transactions as readonly [TransactionView];
      return this.#funded(state, coinbase, value);
    });
  }

  /**
   * Moves the time that the next block has at least; the blocks there are do not change.
   *
   * @param time - Unix seconds; an earlier time than the present one changes nothing.
   */
  setTime(time: number): void {
    return this.#pull('setTime', () => {
      requireWhole(time, 'time', 0, 0xffff_ffff);
      const state = this.#state;
      this.#become({ ...state, earliestTime: Math.max(state.earliestTime, time) });
    });
  }

  /**
   * Moves the time on and mines until the median time has passed it (six blocks at most), so that a transaction whose
   * lock time is `time` can be in the next block.
   *
   * @param time - Unix seconds.
   */
  warp(time: number): void {
    return this.#pull('warp', () => {
      requireWhole(time, 'time', 0, 0xffff_fff0);
      let state: ChainState = { ...this.#state, earliestTime: Math.max(this.#state.earliestTime, time + 1) };
      for (let i = 0; i < MEDIAN_CATCH_UP && state.tip.medianTime <= time; i++)
        state = this.#maker.mineOn(state, state.tip, chooseTransactions(state.mempool)).state;
      this.#become(state);
    });
  }

  /**
   * Remembers the whole chain as it is, at no cost.
   *
   * @returns A number to {@link EmbeddedChain.revert} to, as often as wanted.
   */
  snapshot(): number {
    const id = this.#nextSnapshot++;
    this.#snapshots.set(id, this.#state);
    return id;
  }

  /**
   * Makes the chain what it was at a snapshot, at no cost; later snapshots are dropped.
   *
   * @param options - `keepLater`: whether they stay, for those who explore many futures of one moment; `false` when absent.
   * @throws {@link ChainError} `CHAIN_SNAPSHOT_UNKNOWN`.
   */
  revert(id: number, options: { readonly keepLater?: boolean } = {}): void {
    return this.#pull('revert', () => {
      requireObject(options, 'options');
      const { keepLater = false } = options;
      const state = this.#snapshots.get(id);
      if (state === undefined)
        throw new ChainError('CHAIN_SNAPSHOT_UNKNOWN', 'expected the number of a snapshot, got another', {
          details: { snapshot: id },
          hint: 'Reverting to a snapshot drops those taken after it.',
        });
      if (!keepLater) for (const later of this.#snapshots.keys()) if (later > id) this.#snapshots.delete(later);
      this.#become(state);
    });
  }

  /**
   * Replaces the last blocks by one more others, as a stronger miner would; their transactions wait in the mempool
   * again unless the new blocks contain or forbid them.
   *
   * @param depth - How many blocks go, 1 to the height.
   * @returns The new blocks, lowest first.
   * @throws {@link ChainError} `CHAIN_REORG_TOO_DEEP`, and as {@link EmbeddedChain.mine}.
   */
  reorg(depth: number, options: ReorgOptions = {}): readonly BlockReference[] {
    return this.#pull('reorg', () => {
      requireWhole(depth, 'depth', 1, 0x7fff_ffff);
      requireObject(options, 'options');
      const { replacement = [] } = options;
      if (
        !Array.isArray(replacement) ||
        !Array.from(replacement).every((list) => Array.isArray(list)) ||
        replacement.length > depth + 1
      )
        throw invalidArgument('options.replacement', `an array of at most ${depth + 1} lists`, replacement);
      if (depth > this.height)
        throw new ChainError('CHAIN_REORG_TOO_DEEP', `expected a depth of at most ${this.height}, got ${depth}`, {
          details: { depth, height: this.height },
        });
      let state = this.#state;
      let parent = state.tip.ancestor(state.tip.height - depth);
      const mined: BlockReference[] = [];
      for (let i = 0; i <= depth; i++) {
        const entries = this.#maker.entriesFor(
          state,
          parent,
          Array.from((replacement[i] ?? []) as readonly Uint8Array[], (bytes) => readTransaction(bytes)),
        );
        const outcome = this.#maker.mineOn(state, parent, entries);
        state = outcome.state;
        parent = outcome.node;
        mined.push(referenceTo(parent));
      }
      this.#become(state);
      return mined;
    });
  }

  /**
   * Lets a script or an output be spent without satisfying it. **A cheat**: a block with such an input does not replay
   * on a real node, and {@link EmbeddedChain.faithful} is false from it on.
   *
   * @param target - A scriptPubKey, or one outpoint.
   */
  impersonate(target: Uint8Array | Outpoint): void {
    return this.#pull('impersonate', () => {
      const impersonated = new Set(this.#state.impersonated).add(impersonationKey(target));
      this.#become({ ...this.#state, impersonated });
    });
  }

  /** Ends an {@link EmbeddedChain.impersonate}. */
  stopImpersonating(target: Uint8Array | Outpoint): void {
    return this.#pull('stopImpersonating', () => {
      const impersonated = new Set(this.#state.impersonated);
      impersonated.delete(impersonationKey(target));
      this.#become({ ...this.#state, impersonated });
    });
  }

  /**
   * Lets a transaction wait in the mempool for the next block.
   *
   * @param bytes - The transaction as serialised, with its witness.
   * @returns Its id, 32 bytes in internal order.
   * @throws {@link ChainError} `CHAIN_TX_REJECTED` with Core's reason, `CHAIN_TX_MALFORMED`.
   */
  broadcast(bytes: Uint8Array): Uint8Array {
    return this.#pull('broadcast', () => {
      const tx = readTransaction(bytes);
      const known = this.#state.mempool.entries.get(tx.id());
      if (known !== undefined && equalBytes(known.tx.witnessId(), tx.witnessId())) return copyOf(tx.id());
      const accepted = this.#accept(this.#state, tx);
      if ('reason' in accepted) throw transactionRefused(tx, accepted);
      const pool = trimToPolicy(accepted.pool, this.#tools.policy);
      if (pool.entries.get(tx.id()) === undefined) throw transactionRefused(tx, { reason: 'mempool full' });
      this.#become({ ...this.#state, mempool: pool });
      return copyOf(tx.id());
    });
  }

  /**
   * Lets a child with its unconfirmed parents wait, judged together, so that the child can pay for them. Those that pay
   * for themselves are taken alone, whatever becomes of the others.
   *
   * @param transactions - As serialised, parents first, 25 at most.
   * @throws {@link ChainError} `CHAIN_TX_MALFORMED`, `CHAIN_INVALID_ARGUMENT`.
   */
  submitPackage(transactions: readonly Uint8Array[]): SubmittedPackage {
    return this.#pull('submitPackage', () => {
      if (!Array.isArray(transactions) || transactions.length === 0)
        throw invalidArgument('transactions', 'an array of transactions, not empty', transactions);
      const txs = transactions.map((bytes: Uint8Array) => readTransaction(bytes));
      const { tip, impersonated } = this.#state;
      const context = { ...this.#tools, tip, impersonated, consensusOnly: false };
      const outcome = acceptPackage(this.#state.mempool, txs, context);
      this.#become({ ...this.#state, mempool: outcome.pool });
      return packageResult(txs, outcome);
    });
  }

  /**
   * Says whether {@link EmbeddedChain.broadcast} would take a transaction, and changes nothing.
   *
   * @throws {@link ChainError} `CHAIN_TX_MALFORMED`.
   */
  testAccept(bytes: Uint8Array): TestAcceptResult {
    return this.#pull('testAccept', () => {
      const tx = readTransaction(bytes);
      const accepted = this.#accept(this.#state, tx);
      if ('reason' in accepted) return { accepted: false, rejection: transactionRejection(tx, accepted) };
      const { fee, size } = accepted.entry;
      return { accepted: true, txid: copyOf(tx.id()), fee: satoshis(fee), size: virtualBytes(size) };
    });
  }

  /**
   * Takes a block that was made elsewhere, on any branch; a branch with more work becomes the best one.
   *
   * @param bytes - The block as serialised.
   * @throws {@link ChainError} `CHAIN_BLOCK_REJECTED` with Core's reason, `CHAIN_BLOCK_MALFORMED`.
   */
  submitBlock(bytes: Uint8Array): SubmittedBlock {
    return this.#pull('submitBlock', () => {
      const view = readBlock(bytes);
      const outcome = addBlock(this.#state, view, this.#tools, {
        now: this.#maker.nextTime(this.#state, this.#state.tip),
      });
      this.#become(outcome.state);
      if ('rejection' in outcome) throw blockRefused(outcome);
      return { ...referenceTo(outcome.node), became: outcome.became };
    });
  }

  /**
   * Runs the script of one input step by step, whether it was accepted or not.
   *
   * @param tx - A transaction as serialised, or the id of one the chain or its mempool knows.
   * @throws {@link ChainError} `CHAIN_TX_UNKNOWN`, `CHAIN_OUTPUT_UNKNOWN`, `CHAIN_TX_MALFORMED`.
   */
  trace(tx: Uint8Array, inputIndex: number): InputTrace {
    requireBytes(tx, 'tx');
    const found = tx.length === 32 ? this.#find(tx) : undefined;
    const view = tx.length === 32 ? found && readTransaction(found.bytes) : readTransaction(tx);
    if (view === undefined)
      throw new ChainError('CHAIN_TX_UNKNOWN', 'expected the id of a known transaction, got another', {
        details: { txid: displayHash(tx) },
      });
    const spentOutputs = Array.from({ length: view.inputCount }, (_, i) => {
      const outpoint = { txid: view.previousTxid(i), index: view.previousIndex(i) };
      const source = this.#find(outpoint.txid);
      if (source === undefined || outpoint.index >= source.outputCount) throw outputUnknown(outpoint);
      return { value: source.value(outpoint.index), scriptPubKey: copyOf(source.scriptPubKey(outpoint.index)) };
    });
    return traceInput({
      tx: view,
      inputIndex,
      spentOutputs,
      flags: this.#tools.blockFlags,
      crypto: this.#tools.crypto,
    });
  }

  /** All confirmed unspent outputs that pay to a script, by height, then by transaction id as bytes, then by index. */
  utxos(scriptPubKey: Uint8Array): readonly UnspentOutput[] {
    requireBytes(scriptPubKey, 'scriptPubKey');
    return this.#coinsOf(scriptPubKey).map(unspentFrom);
  }

  /** Sum of the confirmed unspent outputs that pay to a script, satoshis. */
  balance(scriptPubKey: Uint8Array): Satoshis {
    requireBytes(scriptPubKey, 'scriptPubKey');
    return satoshis(this.#coinsOf(scriptPubKey).reduce((sum, { coin }) => sum + coin.value, 0n));
  }

  /** Ids of the transactions that wait, in the order they came. */
  mempool(): readonly Uint8Array[] {
    return inOrder(this.#state.mempool).map(({ tx }) => copyOf(tx.id()));
  }

  /** The block at a height of the best branch as serialised; `undefined` above the tip. */
  block(height: number): Uint8Array | undefined {
    requireWhole(height, 'height', 0, 0x7fff_ffff);
    const { tip } = this.#state;
    return height > tip.height ? undefined : copyOf(tip.ancestor(height).view.bytes);
  }

  /** A transaction of the best branch or the mempool, by its id in internal order; `undefined` when there is none. */
  transaction(txid: Uint8Array): ChainTransaction | undefined {
    requireBytes(txid, 'txid', 32);
    return transactionIn(this.#state, txid);
  }

  /** A confirmed output, if it is unspent. */
  utxo(outpoint: Outpoint): UnspentOutput | undefined {
    requireOutpoint(outpoint);
    return unspentIn(this.#state, outpoint, { includeMempool: false });
  }

  /** The blocks of the best branch as serialised, from the first behind the genesis block up: to replay them elsewhere. */
  *blocks(): Generator<Uint8Array, void, undefined> {
    const { tip } = this.#state;
    for (let height = 1; height <= tip.height; height++) yield copyOf(tip.ancestor(height).view.bytes);
  }

  /**
   * Calls a listener with each event, right after the lever that caused it; the answer ends it. All listeners hear
   * everything in the same order, also of levers that a listener pulls. What one throws goes to
   * `options.onListenerError` and stops nothing.
   */
  on(listener: (event: ChainEvent) => void): () => void {
    if (typeof listener !== 'function') throw invalidArgument('listener', 'a function', listener);
    return this.#hub.on(listener);
  }

  /**
   * The events from this call on, as an async iterable. They are kept until read, so end it: by leaving the loop, or by
   * `signal`, which drops what was not read and is no error.
   */
  events(options: { readonly signal?: AbortSignal } = {}): AsyncIterable<ChainEvent> {
    requireObject(options, 'options');
    requireSignal(options.signal);
    return this.#hub.stream(options);
  }

  /**
   * The chain as bytes: deployments, all branches, the mempool, the time, and which blocks cheat. Snapshots stay out.
   */
  dump(): Uint8Array {
    return writeDump({ state: this.#state, deployments: this.#rules.deployments }, this.#tools.crypto);
  }

  /**
   * Becomes the chain of a dump with its deployments, checking every rule again; the snapshots are forgotten.
   *
   * @throws {@link ChainError} `CHAIN_DUMP_INVALID`; the chain is then as it was.
   */
  load(dump: Uint8Array): void {
    return this.#pull('load', () => {
      requireBytes(dump, 'dump');
      const before = { state: this.#state, deployments: this.#rules.deployments };
      let rules = this.#rules;
      const { state } = readDump(dump, before, this.#tools.crypto, (deployments) => {
        if (deployments.join() !== rules.deployments.join()) rules = this.#withRules(deployments);
        return rules.tools;
      });
      this.#rules = rules;
      this.#snapshots.clear();
      this.#become(state);
    });
  }

  /** The first output of a transaction in the tip. */
  #funded(state: ChainState, tx: TransactionView, value: Satoshis): FundedOutput {
    const scriptPubKey = copyOf(tx.scriptPubKey(0));
    return { txid: copyOf(tx.id()), index: 0, value, scriptPubKey, height: blockHeight(state.tip.height) };
  }

  get #tools(): ChainTools {
    return this.#rules.tools;
  }

  get #maker(): BlockMaker {
    return this.#rules.maker;
  }

  #become(state: ChainState): void {
    const before = this.#state;
    this.#state = state;
    this.#hub.announce(before, state);
  }

  /** Runs a lever alone, and tells of what it has changed once it is done. */
  #pull<Result>(call: string, work: () => Result): Result {
    if (this.#busy !== undefined)
      throw new ChainError('CHAIN_REENTERED', `expected ${this.#busy} to be done first, got ${call} from inside it`, {
        details: { call, during: this.#busy },
        hint: 'Rules of the policy and clocks answer; they do not change the chain. A listener may.',
      });
    this.#busy = call;
    try {
      return work();
    } finally {
      this.#busy = undefined;
      this.#hub.deliver();
    }
  }

  #coinsOf(scriptPubKey: Uint8Array): readonly OwnedCoin[] {
    return this.#index.coinsOf(this.#state.tip, scriptPubKey);
  }

  #find(txid: Uint8Array): TransactionView | undefined {
    const { mempool, tip } = this.#state;
    const waiting = mempool.entries.get(txid);
    if (waiting !== undefined) return waiting.tx;
    const place = (tip.connected as Connected).places.get(txid);
    return place?.node.transactions[place.index];
  }

  #accept(state: ChainState, tx: TransactionView): Accepted | Rejection {
    const { tip, impersonated } = state;
    return acceptToMempool(state.mempool, tx, { ...this.#tools, tip, impersonated, consensusOnly: false });
  }
}

/**
 * Makes an embedded chain that holds the regtest genesis block.
 *
 * @throws {@link ChainError} `CHAIN_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { createEmbeddedChain } from '@bitcoin-enterprise/chain';
 *
 * createEmbeddedChain().height; // => 0
 * ```
 */
export function createEmbeddedChain(options: EmbeddedChainOptions = {}): EmbeddedChain {
  return new EmbeddedChain(options);
}
