import {
  type Clock,
  currentCrypto,
  type CryptoEngine,
  displayHash,
  parseHex,
  toHex,
  unixMilliseconds,
  unixSeconds,
} from '@bitcoin-enterprise/core';
import { type BlockView, consensusFlags, type TransactionView } from '@bitcoin-enterprise/script';
import { BlockMaker } from '../embedded/block-maker.ts';
import { CoinIndex } from '../embedded/coin-index.ts';
import type { BlockNode, Connected } from '../model/block-node.ts';
import { chooseTransactions, RESERVED_WEIGHT } from '../model/block-assembly.ts';
import {
  addBlock,
  type BlockOutcome,
  type BlockRefusal,
  type ChainState,
  type ChainTools,
  initialState,
} from '../model/chain-state.ts';
import { DEFAULT_EXPIRY_SECONDS, expired } from '../model/expiry.ts';
import { emptyMempool, inOrder, type Mempool, type MempoolEntry } from '../model/mempool.ts';
import { type AcceptContext, acceptToMempool, type Accepted } from '../model/mempool-accept.ts';
import { trimToPolicy } from '../model/mempool-eviction.ts';
import { acceptPackage, type PackageOptions, type PackageOutcome } from '../model/package-accept.ts';
import { rollingMinimum } from '../model/rolling-fee.ts';
import { fillingRate } from '../embedded/ports.ts';
import type { MempoolPolicy } from '../model/mempool-policy.ts';
import type { Rejection } from '../model/rejection.ts';
import { withProofOfWork } from '../embedded/miner.ts';
import { blockVersionOn } from './version-bits.ts';
import type { Neighbours } from './neighbours.ts';
import { ScriptCache } from '../model/scripts.ts';

/** Keeps what a node has become; called before anybody is told. */
export interface NodeStore {
  /** The state that was kept last; `undefined` when there is none. */
  load(tools: ChainTools, initial: ChainState): ChainState | undefined;
  /** Keeps the difference; when it returns, it is on the disk. */
  save(before: ChainState, after: ChainState): void;
  close(): void;
}

/** How a {@link RegtestNode} is made. */
export interface RegtestNodeOptions {
  readonly policy: MempoolPolicy;
  readonly crypto?: CryptoEngine;
  readonly store?: NodeStore;
  /** Whether transactions in blocks are found by id alone. */
  readonly txIndex?: boolean;
  /** Least fee rate of what is mined, sat/kvB. */
  readonly blockMinFeeRate?: number;
  /** Most weight of a block that is made, and how much of it is kept for its coinbase. */
  readonly blockMaxWeight?: number;
  readonly blockReservedWeight?: number;
  /** Version of blocks that are made; what the deployments ask for when absent. */
  readonly blockVersion?: number;
  /** Unix seconds that time stands still at, as of `setmocktime`; the time of the machine when absent or 0. */
  readonly mockTime?: number;
  /** Gets a line for each change that a node would log. */
  readonly log?: (line: string) => void;
  /** Where those lines go. */
  readonly logPath?: string;
  /** Parts of answers that are out of date and shown all the same. */
  readonly deprecatedRpc?: readonly string[];
  /** How long a transaction waits until the node lets go of it, seconds; two weeks when absent. */
  readonly expirySeconds?: number;
  /** What `getnetworkinfo` calls the node. */
  readonly subversion?: string;
  /** Core's version number, for example 290000. */
  readonly version?: number;
}

/** One regtest node: the state of the chain, the time, and who waits for a new block. */
export class RegtestNode {
  readonly tools: ChainTools;
  readonly index: CoinIndex = new CoinIndex();
  readonly maker: BlockMaker;
  readonly startedAt: number = Date.now();
  readonly subversion: string;
  readonly version: number;
  readonly hasTxIndex: boolean;
  /** Least fee rate of what is mined, sat/kvB: since Core 30 next to nothing. */
  readonly blockMinFeeRate: number;
  /** What was last chosen for a block, as `getmininginfo` tells; `undefined` before anything was. */
  lastChoice: { readonly weight: number; readonly transactions: number } | undefined;
  readonly #blockMaxWeight: number | undefined;
  readonly #blockReservedWeight: number;
  readonly #blockVersion: number | undefined;
  /** Ends the server; set by whoever runs one. */
  onStop: () => void = () => {};
  /** Other nodes; `undefined` where there is no network. */
  network: Neighbours | undefined;
  /** Gets what a node would write into its log. */
  readonly log: (line: string) => void;
  /** Where that log is. */
  readonly logPath: string;
  /** Parts of answers that are out of date and shown all the same. */
  readonly deprecatedRpc: ReadonlySet<string>;
  readonly #expirySeconds: number;
  /** No waiting transaction is older than this, Unix seconds. */
  #oldest = 0;
  #state: ChainState;
  #mockTime: number;
  #leftInitialDownload = false;
  /** Ids of what waits here and a peer is known to have, in hex. */
  readonly #shared = new Set<string>();
  readonly #store: NodeStore | undefined;
  readonly #waiters = new Set<() => void>();
  readonly #observers = new Set<(before: ChainState, after: ChainState) => void>();

  constructor(options: RegtestNodeOptions) {
    const { policy, crypto = currentCrypto(), store, mockTime = 0 } = options;
    this.log = options.log ?? ((): void => {});
    this.logPath = options.logPath ?? '';
    this.deprecatedRpc = new Set(options.deprecatedRpc);
    this.tools = { crypto, cache: new ScriptCache(), policy, blockFlags: consensusFlags };
    this.#mockTime = mockTime;
    this.#expirySeconds = options.expirySeconds ?? DEFAULT_EXPIRY_SECONDS;
    this.subversion = options.subversion ?? '/BitcoinEnterprise:0.1.0/';
    this.version = options.version ?? 310_000;
    this.hasTxIndex = options.txIndex ?? true;
    this.blockMinFeeRate = options.blockMinFeeRate ?? (this.version >= 300_000 ? 1 : 1_000);
    this.#blockMaxWeight = options.blockMaxWeight;
    this.#blockReservedWeight = options.blockReservedWeight ?? RESERVED_WEIGHT;
    this.#blockVersion = options.blockVersion;
    const clock: Clock = {
      now: () => unixSeconds(this.now),
      nowMs: () => unixMilliseconds(this.now * 1_000),
      monotonicMs: () => performance.now(),
    };
    this.maker = new BlockMaker(this.tools, this.index, clock, 1);
    const initial = initialState(crypto);
    this.#store = store;
    this.#state = store?.load(this.tools, initial) ?? initial;
  }

  /** The chain at this moment. */
  get state(): ChainState {
    return this.#state;
  }

  /** The best block. */
  get tip(): BlockNode {
    return this.#state.tip;
  }

  /** Unix seconds: the machine's, unless mocked. */
  get now(): number {
    return this.#mockTime === 0 ? Math.floor(Date.now() / 1_000) : this.#mockTime;
  }

  /** Unix seconds that time stands still at; 0 when it runs. */
  get mockTime(): number {
    return this.#mockTime;
  }

  set mockTime(time: number) {
    this.#mockTime = time;
  }

  /** Whether the tip is a day old and was never younger: Core's "initial block download". */
  get isInitialDownload(): boolean {
    if (!this.#leftInitialDownload && this.tip.header.time >= this.now - 86_400) this.#leftInitialDownload = true;
    return !this.#leftInitialDownload;
  }

  /** Coins and transactions after the tip. */
  get connected(): Connected {
    return this.tip.connected as Connected;
  }

  /** Becomes another state: keeps it first, then wakes those who wait. */
  become(next: ChainState): void {
    const before = this.#state;
    if (next === before) return;
    this.#store?.save(before, next);
    this.#state = next;
    const { rate } = next.mempool.rolling;
    if (rate > before.mempool.rolling.rate) this.log(`rolling minimum fee bumped to ${rate} sat/kvB`);
    for (const name of this.#shared)
      if (next.mempool.entries.get(parseHex(name)) === undefined) this.#shared.delete(name);
    for (const observer of this.#observers) observer(before, next);
    if (next.tip === before.tip) return;
    // What comes back from blocks may be older than anything that waited.
    this.#oldest = 0;
    this.log(`UpdateTip: new best=${displayHash(next.tip.hash)} height=${next.tip.height}`);
    for (const wake of this.#waiters) wake();
  }

  /** Notes that a peer has a transaction. */
  share(txid: Uint8Array): void {
    if (this.#state.mempool.entries.get(txid) !== undefined) this.#shared.add(toHex(txid));
  }

  /** Ids of what waits and a peer is known to have, in hex. */
  get shared(): ReadonlySet<string> {
    return this.#shared;
  }

  /** Calls somebody with each change, after it is kept. */
  observe(observer: (before: ChainState, after: ChainState) => void): void {
    this.#observers.add(observer);
  }

  /** Takes a block that came from outside. */
  submit(view: BlockView): BlockOutcome | BlockRefusal {
    const outcome = addBlock(this.#state, view, this.tools, { now: this.now });
    this.become(outcome.state);
    return outcome;
  }

  /** Makes the first blocks, empty, each with its time and its reward. */
  premine(blocks: readonly { readonly scriptPubKey: Uint8Array; readonly time: number }[]): void {
    let state = this.#state;
    for (const options of blocks) state = this.maker.mineOn(state, state.tip, [], options).state;
    // Times of the past must not hold up those of the present.
    this.become({ ...state, earliestTime: 0 });
  }

  /** Mines blocks with what pays best in the mempool. */
  generate(count: number, scriptPubKey: Uint8Array): readonly BlockNode[] {
    const mined: BlockNode[] = [];
    let state = this.#state;
    for (let i = 0; i < count; i++) {
      state = this.maker.mineOn(state, state.tip, this.choose(state), {
        scriptPubKey,
        ...this.#formOn(state.tip),
      }).state;
      mined.push(state.tip);
    }
    this.become(state);
    return mined;
  }

  /** What goes into the next block. */
  choose(state: ChainState = this.#state): readonly MempoolEntry[] {
    const reservedWeight = this.#blockReservedWeight;
    const chosen = chooseTransactions(state.mempool, {
      minFeeRate: this.blockMinFeeRate,
      reservedWeight,
      ...(this.#blockMaxWeight === undefined ? {} : { maxWeight: this.#blockMaxWeight }),
    });
    const weight = chosen.reduce((sum, { tx }) => sum + tx.weight, reservedWeight);
    this.lastChoice = { weight, transactions: chosen.length };
    return chosen;
  }

  /** How a block on a parent is made, besides what it holds. */
  #formOn(parent: BlockNode): { readonly version: number; readonly locksCoinbase: boolean } {
    return { version: this.versionOn(parent), locksCoinbase: this.version >= 300_000 };
  }

  /** Version of a block on a parent. */
  versionOn(parent: BlockNode): number {
    return this.#blockVersion ?? blockVersionOn(parent);
  }

  /** A block on the tip with exactly some transactions, which is not taken yet. */
  build(entries: readonly MempoolEntry[], scriptPubKey: Uint8Array): BlockOutcome {
    return this.maker.mineOn(this.#state, this.tip, entries, { scriptPubKey, ...this.#formOn(this.tip) });
  }

  /** Transactions for a block on the tip, judged by consensus alone. */
  assemble(transactions: readonly TransactionView[]): readonly MempoolEntry[] | Rejection {
    const { tip, impersonated } = this.#state;
    let pool = emptyMempool();
    for (const tx of transactions) {
      const accepted = acceptToMempool(pool, tx, { ...this.tools, tip, impersonated, consensusOnly: true });
      if ('reason' in accepted) return accepted;
      pool = accepted.pool;
    }
    return inOrder(pool);
  }

  /** How transactions are judged at this moment. */
  get acceptContext(): AcceptContext {
    const { tip, impersonated, priorities } = this.#state;
    return { ...this.tools, tip, impersonated, priorities, consensusOnly: false, now: this.now };
  }

  /** Lets a transaction wait, or says why not. */
  accept(tx: TransactionView): Accepted | Rejection {
    const { mempool } = this.#state;
    const accepted = acceptToMempool(mempool, tx, this.acceptContext);
    if ('reason' in accepted) return accepted;
    const pool = trimToPolicy(this.#withoutExpired(accepted.pool), this.tools.policy);
    this.become({ ...this.#state, mempool: pool });
    return pool.entries.get(tx.id()) === undefined
      ? { reason: 'mempool full', category: 'reconsiderable' }
      : { ...accepted, pool };
  }

  /** Lets a child with its parents wait. */
  acceptPackage(txs: readonly TransactionView[], options: PackageOptions = {}): PackageOutcome {
    const outcome = acceptPackage(this.#state.mempool, txs, this.acceptContext, options);
    this.become({ ...this.#state, mempool: this.#withoutExpired(outcome.pool) });
    return outcome;
  }

  /** Lets go of what has waited for too long: as in Core, when something else has come. */
  #withoutExpired(pool: Mempool): Mempool {
    const before = this.now - this.#expirySeconds;
    // The time may have been set back.
    this.#oldest = Math.min(this.#oldest, this.now);
    if (this.#oldest >= before) return pool;
    const left = expired(pool, before);
    this.#oldest = Math.min(left.oldest, this.now);
    return left.pool;
  }

  /** The least fee rate that is taken at this moment, sat/kvB. */
  get minimumFeeRate(): bigint {
    const { policy } = this.tools;
    const rolling = rollingMinimum(this.#state.mempool, policy, this.now);
    return rolling > policy.minRelayFeeRate ? rolling : policy.minRelayFeeRate;
  }

  /** The rate at which what pays better fills the blocks until a target, sat/kvB; `undefined` when it does not. */
  estimate(targetBlocks: number): bigint | undefined {
    return fillingRate(this.#state, targetBlocks);
  }

  /** What is wrong with a block on the tip, whatever its proof of work. */
  propose(view: BlockView): Rejection | undefined {
    const { crypto } = this.tools;
    const mined = withProofOfWork(view, crypto);
    if (mined.header.previousBlockHash.some((byte, i) => byte !== this.tip.hash[i]))
      return { reason: 'inconclusive-not-best-prevblk' };
    const outcome = addBlock(this.#state, mined, this.tools, { now: this.now });
    if (!('rejection' in outcome)) return undefined;
    // The nonce that was found fits the target of the chain: only another one of its own can make the hash too high.
    return outcome.rejection.reason === 'high-hash' ? { reason: 'bad-diffbits' } : outcome.rejection;
  }

  /** A transaction of the mempool or the best branch. */
  find(txid: Uint8Array): { readonly tx: TransactionView; readonly node?: BlockNode } | undefined {
    const waiting = this.#state.mempool.entries.get(txid);
    if (waiting !== undefined) return { tx: waiting.tx };
    const place = this.connected.places.get(txid);
    const tx = place?.node.transactions[place.index];
    return place === undefined || tx === undefined ? undefined : { tx, node: place.node };
  }

  /** Waits until a condition holds at a change of the tip, or for some milliseconds; 0 waits for ever. */
  waitUntil(holds: () => boolean, timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = timeoutMs === 0 ? undefined : setTimeout(() => end(), timeoutMs);
      const end = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(wake);
        resolve();
      };
      const wake = (): void => {
        if (holds()) end();
      };
      this.#waiters.add(wake);
      wake();
    });
  }

  /** Ends the store. */
  close(): void {
    this.#store?.close();
  }
}
