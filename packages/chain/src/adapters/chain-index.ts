import { currentCrypto, displayHash, equalBytes, hasCode, toHex } from '@bitcoin-enterprise/core';
import { type TransactionView, viewBlock, viewTransaction } from '@bitcoin-enterprise/script';
import type { CallOptions, ChainHeader, ChainSource, Outpoint } from '../ports/chain-source.ts';
import type { MempoolSubscription } from '../ports/subscriptions.ts';
import { isUnspendable } from './evidence.ts';
import { outpointKey } from './outpoints.ts';
import { pause } from './pause.ts';
import { unreachable } from './policy.ts';

/** A block of the best branch. */
export interface IndexedBlock extends ChainHeader {
  readonly transactions: readonly TransactionView[];
  readonly txids: readonly Uint8Array[];
}

/** A transaction, and its block unless it waits in the mempool. */
export interface IndexedTransaction {
  readonly tx: TransactionView;
  readonly txid: Uint8Array;
  /** Display form. */
  readonly id: string;
  readonly block?: IndexedBlock;
  /** Place in its block, 0 for the coinbase. */
  readonly position: number;
}

/** An input that spends an output. */
export interface IndexedSpend {
  readonly spender: IndexedTransaction;
  readonly input: number;
}

/** What the index reads. */
export type IndexedChain = Pick<ChainSource, 'tip' | 'header' | 'block' | 'transaction'> & MempoolSubscription;

/**
 * What happened to each script, output and transaction of a chain: what servers of other protocols answer from. Kept in
 * memory, so it is for small chains; brought up to date whenever it is asked.
 */
export class ChainIndex {
  readonly #chain: IndexedChain;
  readonly #blocks: IndexedBlock[] = [];
  readonly #confirmed = new Map<string, IndexedTransaction>();
  readonly #waiting = new Map<string, IndexedTransaction>();
  readonly #spends = new Map<string, IndexedSpend[]>();
  readonly #byScript = new Map<string, IndexedTransaction[]>();
  /** Under which scripts an entry was put: what it spends may be gone when it is taken out. */
  readonly #scripts = new Map<IndexedTransaction, ReadonlySet<string>>();
  readonly #listeners = new Set<() => void>();
  readonly #stop = new AbortController();
  #mempool: Promise<void> | undefined;
  #arriving: Promise<unknown> = Promise.resolve();
  #syncing: Promise<unknown> = Promise.resolve();

  /** @param chain - What is indexed; nothing is asked before the first call. */
  constructor(chain: IndexedChain) {
    this.#chain = chain;
  }

  /** Brings the index to the tip of the moment. */
  async sync(options: CallOptions = {}): Promise<IndexedBlock> {
    await this.#syncBlocks(options);
    this.#mempool ??= this.#followMempool();
    await this.#arriving;
    const tip = this.#blocks.at(-1);
    if (tip === undefined) throw unreachable('tip', 'the chain has no block');
    return tip;
  }

  /** The block at a height, as of the last {@link ChainIndex.sync}. */
  blockAt(height: number): IndexedBlock | undefined {
    return this.#blocks[height];
  }

  /** A block of the best branch by its hash. */
  blockOf(header: ChainHeader): IndexedBlock | undefined {
    const block = this.#blocks[header.height];
    return block !== undefined && equalBytes(block.hash, header.hash) ? block : undefined;
  }

  /** A transaction of the best branch or the mempool. */
  async transaction(txid: Uint8Array, options: CallOptions = {}): Promise<IndexedTransaction | undefined> {
    const known = this.#confirmed.get(displayHash(txid));
    if (known !== undefined) return known;
    const found = await this.#chain.transaction(txid, options);
    const waiting = this.#waiting.get(displayHash(txid));
    if (found === undefined || found.block !== undefined) {
      if (waiting !== undefined) this.#forget(waiting);
      return undefined;
    }
    if (waiting !== undefined) return waiting;
    // What it spends may be in a block that was not read yet.
    await this.#syncBlocks(options);
    const id = displayHash(txid);
    return this.#confirmed.get(id) ?? this.#waiting.get(id) ?? this.#remember(found.bytes);
  }

  /** What spends an output: in a block, or else in the mempool. */
  async spend(outpoint: Outpoint, options: CallOptions = {}): Promise<IndexedSpend | undefined> {
    // Lists are replaced, not changed, when something is taken out.
    for (const spend of this.#spends.get(outpointKey(outpoint)) ?? []) {
      if (spend.spender.block !== undefined) return spend;
      if ((await this.transaction(spend.spender.txid, options)) !== undefined) return spend;
    }
    return undefined;
  }

  /** Everything that pays to a script or spends from it, by the SHA-256 of the script; blocks first, oldest first. */
  async history(scriptHash: Uint8Array, options: CallOptions = {}): Promise<readonly IndexedTransaction[]> {
    const found: IndexedTransaction[] = [];
    for (const entry of this.#byScript.get(toHex(scriptHash)) ?? [])
      if (entry.block !== undefined || (await this.transaction(entry.txid, options)) !== undefined) found.push(entry);
    return found.sort(byPlace);
  }

  /** What waits in the mempool, as far as the chain has told. */
  waiting(): readonly IndexedTransaction[] {
    return [...this.#waiting.values()];
  }

  /** Calls a listener when a block or a transaction came or went, while somebody syncs. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Ends what {@link ChainIndex.sync} began. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#mempool;
  }

  /** One after the other: two would add the same blocks. */
  async #syncBlocks(options: CallOptions): Promise<void> {
    const run = this.#syncing.then(async () => this.#catchUp(options));
    this.#syncing = run.catch(() => undefined);
    await run;
  }

  async #catchUp(options: CallOptions): Promise<void> {
    for (let changed = true; changed;) {
      changed = false;
      const path: ChainHeader[] = [];
      let at: ChainHeader | undefined = await this.#chain.tip(options);
      while (at !== undefined && this.blockOf(at) === undefined) {
        path.push(at);
        at = at.height === 0 ? undefined : await this.#chain.header(at.header.previousBlockHash, options);
      }
      const fork = at?.height ?? -1;
      while (this.#blocks.length - 1 > fork) this.#undo();
      for (const header of path.reverse()) {
        const bytes = await this.#chain.block(header.hash, options);
        if (bytes === undefined || header.height !== this.#blocks.length) {
          changed = true;
          break;
        }
        this.#apply(header, bytes);
      }
      if (path.length > 0) this.#tell();
    }
  }

  #apply(header: ChainHeader, bytes: Uint8Array): void {
    const { transactions } = viewBlock(bytes);
    const block: IndexedBlock = { ...header, transactions, txids: transactions.map((tx) => tx.id()) };
    this.#blocks.push(block);
    for (const [position, tx] of transactions.entries()) {
      const txid = block.txids[position] as Uint8Array;
      const id = displayHash(txid);
      const waiting = this.#waiting.get(id);
      if (waiting !== undefined) this.#forget(waiting);
      const entry: IndexedTransaction = { tx, txid, id, block, position };
      this.#confirmed.set(id, entry);
      this.#link(entry);
    }
  }

  #undo(): void {
    const block = this.#blocks.pop();
    for (const txid of block?.txids ?? []) {
      const entry = this.#confirmed.get(displayHash(txid));
      if (entry === undefined || entry.block !== block) continue;
      this.#confirmed.delete(entry.id);
      this.#unlink(entry);
    }
  }

  #remember(bytes: Uint8Array): IndexedTransaction {
    const tx = viewTransaction(bytes);
    const txid = tx.id();
    const entry: IndexedTransaction = { tx, txid, id: displayHash(txid), position: -1 };
    this.#waiting.set(entry.id, entry);
    this.#link(entry);
    return entry;
  }

  #forget(entry: IndexedTransaction): void {
    this.#waiting.delete(entry.id);
    this.#unlink(entry);
  }

  #link(entry: IndexedTransaction): void {
    const { tx } = entry;
    for (let input = 0; input < tx.inputCount; input++)
      listIn(this.#spends, outpointKey(previousOf(tx, input))).push({ spender: entry, input });
    const scripts = this.#scriptsOf(entry);
    this.#scripts.set(entry, scripts);
    for (const script of scripts) listIn(this.#byScript, script).push(entry);
  }

  #unlink(entry: IndexedTransaction): void {
    const { tx } = entry;
    for (let input = 0; input < tx.inputCount; input++)
      removeFrom(this.#spends, outpointKey(previousOf(tx, input)), ({ spender }) => spender === entry);
    const scripts = this.#scripts.get(entry) ?? [];
    this.#scripts.delete(entry);
    for (const script of scripts) removeFrom(this.#byScript, script, (other) => other === entry);
  }

  /** Hashes of the scripts that a transaction pays to or spends from. */
  #scriptsOf({ tx }: IndexedTransaction): ReadonlySet<string> {
    const scripts = new Set<string>();
    const add = (from: TransactionView, output: number): void => {
      const script = from.scriptPubKey(output);
      if (!isUnspendable(script)) scripts.add(scriptKey(script));
    };
    for (let output = 0; output < tx.outputCount; output++) add(tx, output);
    for (let input = 0; input < tx.inputCount; input++) {
      const { txid, index } = previousOf(tx, input);
      const id = displayHash(txid);
      const from = (this.#confirmed.get(id) ?? this.#waiting.get(id))?.tx;
      if (from !== undefined && index < from.outputCount) add(from, index);
    }
    return scripts;
  }

  async #followMempool(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted)
      try {
        for await (const { type, txid } of this.#chain.mempoolEvents({ signal })) {
          const run = this.#arriving.then(async () => {
            const entry = this.#waiting.get(displayHash(txid));
            if (type === 'added') await this.transaction(txid, { signal });
            else if (entry !== undefined) this.#forget(entry);
            this.#tell();
          });
          this.#arriving = run.catch(() => undefined);
          await this.#arriving;
        }
        if (!signal.aborted) await pauseQuietly(signal);
      } catch (error) {
        // What a source cannot tell now, it may tell later; a source that never can is not asked again.
        if (hasCode(error, 'CHAIN_CALL_UNSUPPORTED')) return;
        await pauseQuietly(signal);
      }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** SHA-256 of a script, as keys of the index are written. */
export function scriptKey(script: Uint8Array): string {
  return toHex(currentCrypto().sha256(script));
}

function byPlace(a: IndexedTransaction, b: IndexedTransaction): number {
  const height = (entry: IndexedTransaction): number => entry.block?.height ?? Infinity;
  return height(a) === height(b) ? a.position - b.position : height(a) - height(b);
}

function previousOf(tx: TransactionView, input: number): Outpoint {
  return { txid: tx.previousTxid(input), index: tx.previousIndex(input) };
}

function listIn<Item>(map: Map<string, Item[]>, key: string): Item[] {
  const known = map.get(key);
  if (known !== undefined) return known;
  const list: Item[] = [];
  map.set(key, list);
  return list;
}

function removeFrom<Item>(map: Map<string, Item[]>, key: string, matches: (item: Item) => boolean): void {
  const rest = (map.get(key) ?? []).filter((item) => !matches(item));
  if (rest.length === 0) map.delete(key);
  else map.set(key, rest);
}

/** How long to leave a mempool alone that could not be followed. */
const RETRY_MS = 200;

/** Waits for that long, or until the signal. */
async function pauseQuietly(signal: AbortSignal): Promise<void> {
  await pause(RETRY_MS, { call: 'mempoolEvents', signal }).catch(() => undefined);
}
