import {
  assertBytes,
  blockHeight,
  type BlockHeight,
  type Clock,
  concatBytes,
  currentCrypto,
  displayHash,
  equalBytes,
  NETWORKS,
  type NetworkName,
  satoshis,
  systemClock,
  toHex,
  unixSeconds,
} from '@bitcoin-enterprise/core';
import { BLOCK_HEADER_SIZE, isCoinbase, type TransactionView } from '@bitcoin-enterprise/script';
import { again } from '../adapters/again.ts';
import { Answer, answerInvalid, nodeStale, readAs, readHash, readHex } from '../adapters/answer.ts';
import { requireCallOptions, requireOutpoint } from '../adapters/arguments.ts';
import { Cache } from '../adapters/cache.ts';
import { isUnspendable, proveHeader, proveInclusion, proveTransaction } from '../adapters/evidence.ts';
import { baseFor, HeaderChain, type PlacedHeader } from '../adapters/header-chain.ts';
import { genesisOf, networkOfGenesis, wrongNetwork } from '../adapters/networks.ts';
import { outpointsToAsk, sameOutpoint } from '../adapters/outpoints.ts';
import { unsupported } from '../adapters/policy.ts';
import { invalidArgument } from '../errors.ts';
import { DIFFICULTY_RULES } from '../model/difficulty.ts';
import type {
  BlockReference,
  CallOptions,
  ChainHeader,
  ChainSource,
  ChainTransaction,
  Outpoint,
  UnspentOutput,
} from '../ports/chain-source.ts';
import { refusedAsUnknown } from './answers.ts';
import type { ElectrumClient } from './client.ts';

/** Settings of {@link ElectrumChainSource}. */
export interface ElectrumChainSourceOptions {
  /** Network that the server must serve, checked at every connection; any when absent. */
  readonly network?: NetworkName;
  /**
   * A block that is known to be good: headers are read from there on, instead of from the first block (80 bytes each:
   * 72 MB on the main network). What is below the change of difficulty before it is unknown then.
   */
  readonly checkpoint?: BlockReference;
  /** By which a header is in the future; the system's when absent. */
  readonly clock?: Clock;
}

/** One entry of a script's history. */
interface HistoryEntry {
  readonly txid: Uint8Array;
  /** Below 1 in the mempool. */
  readonly height: number;
}

/** The most headers that the protocol hands out at once. */
const CHUNK = 2_016;
/** Requests at a time. */
const ABREAST = 10;
/** Lists the unspent outputs of a script. */
const LIST = 'blockchain.scripthash.listunspent';
/** Longer transactions are not kept: a server could fill the memory with them. Bytes. */
const MAX_KEPT_SIZE = 100_000;
/** The longest history that is searched for the spender of an output. */
const MAX_HISTORY = 5_000;

/**
 * A {@link ChainSource} that asks an Electrum server, and believes what is proven, as a light client does: headers by
 * the work that the network demands at their height, each upon the one before; transactions by their hash, their places
 * by Merkle proofs, spends by the transaction that spends. That something is *not* spent, and that no branch is better
 * than the best one that it has shown, is the server's word; once it falls behind that, calls throw `CHAIN_NODE_STALE`.
 *
 * The protocol hands out no blocks: `block` throws `CHAIN_CALL_UNSUPPORTED`.
 */
export class ElectrumChainSource implements ChainSource {
  readonly #client: ElectrumClient;
  readonly #options: ElectrumChainSourceOptions;
  readonly #transactions = new Cache<TransactionView>(1_000);
  readonly #depths = new Cache<number>(1_000);
  readonly #clock: Clock;
  #chain: HeaderChain | undefined;
  #network: NetworkName | undefined;
  #checkedConnection = -1;
  #syncing: Promise<unknown> = Promise.resolve();

  /**
   * @param client - The server.
   * @param options - What it must be.
   */
  constructor(client: ElectrumClient, options: ElectrumChainSourceOptions = {}) {
    this.#client = client;
    this.#options = options;
    const { network, checkpoint, clock = systemClock() } = options;
    if (typeof clock !== 'object' || clock === null || typeof clock.now !== 'function')
      throw invalidArgument('options.clock', 'a Clock', clock);
    this.#clock = clock;
    if (network !== undefined && !Object.hasOwn(NETWORKS, network))
      throw invalidArgument('options.network', `one of ${Object.keys(NETWORKS).join(', ')}`, network);
    if (checkpoint === undefined) return;
    if (typeof checkpoint !== 'object' || checkpoint === null)
      throw invalidArgument('options.checkpoint', 'an object', checkpoint);
    assertBytes('options.checkpoint.hash', checkpoint.hash, 32);
    blockHeight(checkpoint.height);
  }

  async network(options: CallOptions = {}): Promise<NetworkName> {
    await this.#sync(options);
    if (this.#network === undefined)
      throw answerInvalid('blockchain.block.header', 'the first block of a network that the suite knows');
    return this.#network;
  }

  async tip(options: CallOptions = {}): Promise<ChainHeader> {
    const { tip } = await this.#sync(options);
    return completed(tip, 1);
  }

  async blockHash(height: BlockHeight, options: CallOptions = {}): Promise<Uint8Array | undefined> {
    blockHeight(height);
    const { chain, tip } = await this.#sync(options);
    if (height > tip.height) return undefined;
    const placed = chain.at(height);
    if (placed === undefined) throw unsupported('blockHash', 'an Electrum source, of heights below its checkpoint');
    return Uint8Array.from(placed.hash);
  }

  async header(hash: Uint8Array, options: CallOptions = {}): Promise<ChainHeader | undefined> {
    assertBytes('hash', hash, 32);
    const { chain, tip } = await this.#sync(options);
    const found = chain.find(hash);
    if (found === undefined) return undefined;
    return completed(found.placed, found.best ? tip.height - found.placed.height + 1 : 0);
  }

  async block(hash: Uint8Array, options: CallOptions = {}): Promise<Uint8Array | undefined> {
    assertBytes('hash', hash, 32);
    // What there is not needs no words; what there is cannot be had.
    if ((await this.header(hash, options)) === undefined) return undefined;
    throw unsupported('block', 'an Electrum server');
  }

  async transaction(txid: Uint8Array, options: CallOptions = {}): Promise<ChainTransaction | undefined> {
    assertBytes('txid', txid, 32);
    return again(async () => {
      const { tip } = await this.#sync(options);
      const tx = await this.#raw(txid, options);
      if (tx === undefined) return undefined;
      const block = await this.#place(tx, options);
      if (block === undefined) return { bytes: Uint8Array.from(tx.bytes), confirmations: 0 };
      const { hash, height } = block;
      return {
        bytes: Uint8Array.from(tx.bytes),
        block: { hash: Uint8Array.from(hash), height: blockHeight(height) },
        confirmations: Math.max(1, tip.height - height + 1),
      };
    });
  }

  async unspentOutput(
    outpoint: Outpoint,
    options: CallOptions & { readonly includeMempool?: boolean } = {},
  ): Promise<UnspentOutput | undefined> {
    const { includeMempool = false, ...callOptions } = requireCallOptions(options);
    requireOutpoint(outpoint);
    return again(async () => {
      await this.#sync(callOptions);
      const tx = await this.#raw(outpoint.txid, callOptions);
      if (tx === undefined || outpoint.index >= tx.outputCount) return undefined;
      const script = tx.scriptPubKey(outpoint.index);
      if (isUnspendable(script)) return undefined;
      const block = await this.#place(tx, callOptions);
      if (block === undefined && !includeMempool) return undefined;
      const listed = await this.#listed(script, callOptions);
      if (!listed.some((other) => sameOutpoint(other, outpoint))) {
        const spender = await this.#spender(outpoint, script, callOptions);
        if (includeMempool || (await this.#place(spender, callOptions)) !== undefined) return undefined;
      }
      return outputOf(tx, outpoint.index, block);
    });
  }

  async unspentOutputsOf(scriptPubKey: Uint8Array, options: CallOptions = {}): Promise<readonly UnspentOutput[]> {
    assertBytes('scriptPubKey', scriptPubKey);
    return again(async () => {
      await this.#sync(options);
      const listed = await this.#listed(scriptPubKey, options);
      outpointsToAsk({ method: LIST, source: 'an Electrum server', listed, hidden: [] });
      // The protocol leaves out what the mempool spends.
      const hidden: Outpoint[] = [];
      for (const txid of await this.#waiting(scriptPubKey, options)) {
        const tx = await this.#requireRaw(txid, options);
        for (let i = 0; i < tx.inputCount; i++) hidden.push({ txid: tx.previousTxid(i), index: tx.previousIndex(i) });
      }
      const outpoints = outpointsToAsk({ method: LIST, source: 'an Electrum server', listed, hidden });
      const found: (UnspentOutput | undefined)[] = [];
      for (let start = 0; start < outpoints.length; start += ABREAST) {
        const some = outpoints.slice(start, start + ABREAST);
        found.push(...(await Promise.all(some.map(async (outpoint) => this.unspentOutput(outpoint, options)))));
      }
      for (const [i, { txid }] of listed.entries()) if (found[i] === undefined) await this.#requireRaw(txid, options);
      return found.filter(
        (output) => output !== undefined && equalBytes(output.scriptPubKey, scriptPubKey),
      ) as UnspentOutput[];
    });
  }

  /** Ids of what waits in the mempool and touches a script, said twice in different words. */
  async #waiting(script: Uint8Array, options: CallOptions): Promise<readonly Uint8Array[]> {
    const method = 'blockchain.scripthash.get_mempool';
    const read = (result: unknown): readonly Uint8Array[] =>
      listOf(method, result).map((entry) => new Answer(method, entry).hash('tx_hash'));
    const txids = await this.#client.ask({ method, params: [scriptHashOf(script)], read }, options);
    const history = (await this.#history(script, options)).filter(({ height }) => height <= 0);
    const waiting = new Set(history.map(({ txid }) => toHex(txid)));
    const same =
      txids.length === history.length &&
      waiting.size === history.length &&
      new Set(txids.map(toHex)).size === txids.length &&
      txids.every((txid) => waiting.has(toHex(txid)));
    if (!same) throw answerInvalid(method, 'the part of the history that has no block');
    if (txids.length > MAX_HISTORY)
      throw unsupported('unspentOutputsOf', 'an Electrum server, of scripts used that often');
    return txids;
  }

  /** A transaction that was named a moment ago. */
  async #requireRaw(txid: Uint8Array, options: CallOptions): Promise<TransactionView> {
    const tx = await this.#raw(txid, options);
    if (tx === undefined) throw answerInvalid('blockchain.scripthash', 'of transactions that are there');
    return tx;
  }

  async #raw(txid: Uint8Array, options: CallOptions): Promise<TransactionView | undefined> {
    const key = toHex(txid);
    const method = 'blockchain.transaction.get';
    const read = (result: unknown): TransactionView => proveTransaction(method, readHex(method, result), txid);
    try {
      const tx = await this.#client.ask({ method, params: [displayHash(txid), false], read }, options);
      return tx.bytes.length > MAX_KEPT_SIZE ? tx : this.#transactions.set(key, tx);
    } catch (error) {
      if (refusedAsUnknown(error)) return undefined;
      throw error;
    }
  }

  /** The block of a transaction, proven; `undefined` while it waits in the mempool. */
  async #place(tx: TransactionView, options: CallOptions): Promise<PlacedHeader | undefined> {
    const txid = tx.id();
    const script = scriptOf(tx);
    if (script === undefined) throw unsupported('transaction', 'an Electrum server, of one without a spendable output');
    const entry = (await this.#history(script, options)).find((other) => equalBytes(other.txid, txid));
    if (entry === undefined)
      throw answerInvalid('blockchain.scripthash.get_history', 'a history that holds the transaction');
    if (entry.height <= 0) {
      // A damaged height of one digit could say so, too.
      const waiting = await this.#waiting(script, options);
      if (waiting.some((other) => equalBytes(other, txid))) return undefined;
      throw answerInvalid('blockchain.scripthash.get_mempool', 'with what has no block in the history');
    }
    const { chain } = await this.#sync(options);
    const block = chain.at(entry.height);
    if (block === undefined) {
      if (chain.at(chain.nextHeight - 1) !== undefined && entry.height < chain.nextHeight)
        throw unsupported('transaction', 'an Electrum source, of blocks below its checkpoint');
      throw answerInvalid('blockchain.scripthash.get_history', 'of blocks up to the tip');
    }
    await this.#requireIncluded(tx, block, options);
    return block;
  }

  async #requireIncluded(tx: TransactionView, block: PlacedHeader, options: CallOptions): Promise<void> {
    const method = 'blockchain.transaction.get_merkle';
    const read = (result: unknown) => {
      const answer = new Answer(method, result);
      return { hashes: hashesOf(method, answer), position: answer.count('pos') };
    };
    const branch = await this.#client
      .ask({ method, params: [displayHash(tx.id()), block.height], read }, options)
      .catch((error: unknown) => {
        // The block was reorganised away since the history was told.
        throw refusedAsUnknown(error) ? answerInvalid(method, 'a proof for a block of the history', error) : error;
      });
    const depth = await this.#depth(block, options);
    proveInclusion(method, branch, { tx, header: block.header, depth });
  }

  /** Length of the coinbase's branch: a proof of another length is one of something that is no transaction (F49). */
  async #depth(block: PlacedHeader, options: CallOptions): Promise<number> {
    const key = toHex(block.hash);
    const known = this.#depths.get(key);
    if (known !== undefined) return known;
    const method = 'blockchain.transaction.id_from_pos';
    const read = (result: unknown) => {
      const answer = new Answer(method, result);
      return { txid: answer.hash('tx_hash'), hashes: hashesOf(method, answer) };
    };
    const { txid, hashes } = await this.#client.ask({ method, params: [block.height, 0, true], read }, options);
    const coinbase = await this.#raw(txid, options);
    if (coinbase === undefined || !isCoinbase(coinbase)) throw answerInvalid(method, 'the coinbase of the block');
    proveInclusion(method, { hashes, position: 0 }, { tx: coinbase, header: block.header });
    return this.#depths.set(key, hashes.length);
  }

  async #history(script: Uint8Array, options: CallOptions): Promise<readonly HistoryEntry[]> {
    const method = 'blockchain.scripthash.get_history';
    const read = (result: unknown): readonly HistoryEntry[] =>
      listOf(method, result).map((entry) => {
        const answer = new Answer(method, entry);
        return { txid: answer.hash('tx_hash'), height: answer.integer('height') };
      });
    return this.#client.ask({ method, params: [scriptHashOf(script)], read }, options);
  }

  async #listed(script: Uint8Array, options: CallOptions): Promise<readonly Outpoint[]> {
    const method = LIST;
    const read = (result: unknown): readonly Outpoint[] =>
      listOf(method, result).map((entry) => {
        const answer = new Answer(method, entry);
        return { txid: answer.hash('tx_hash'), index: answer.outputIndex('tx_pos') };
      });
    return this.#client.ask({ method, params: [scriptHashOf(script)], read }, options);
  }

  /** The transaction that spends an output, looked for in the history of its script, newest first. */
  async #spender(outpoint: Outpoint, script: Uint8Array, options: CallOptions): Promise<TransactionView> {
    const method = 'blockchain.scripthash.get_history';
    const history = await this.#history(script, options);
    if (history.length > MAX_HISTORY)
      throw unsupported('unspentOutput', 'an Electrum server, of scripts used that often');
    for (const { txid } of history.toReversed()) {
      const tx = this.#transactions.get(toHex(txid)) ?? (await this.#raw(txid, options));
      for (let i = 0; tx !== undefined && i < tx.inputCount; i++)
        if (sameOutpoint({ txid: tx.previousTxid(i), index: tx.previousIndex(i) }, outpoint)) return tx;
    }
    throw answerInvalid(method, 'a history that holds what spends the output');
  }

  /** The headers up to the server's tip of the moment. */
  async #sync(options: CallOptions): Promise<{ readonly chain: HeaderChain; readonly tip: PlacedHeader }> {
    requireCallOptions(options);
    // One after the other: two would fetch the same headers.
    const run = this.#syncing.then(async () => again(async () => this.#catchUp(options)));
    this.#syncing = run.catch(() => undefined);
    return run;
  }

  async #catchUp(options: CallOptions): Promise<{ readonly chain: HeaderChain; readonly tip: PlacedHeader }> {
    const method = 'blockchain.headers.subscribe';
    const read = (result: unknown) => {
      const answer = new Answer(method, result);
      return { height: answer.count('height'), ...proveHeader(method, answer.bytes('hex')) };
    };
    const best = await this.#client.ask({ method, params: [], read }, options);
    const lowest = this.#options.checkpoint?.height ?? 0;
    if (best.height < lowest) throw nodeStale(method, { height: best.height, knownHeight: lowest });
    const chain = await this.#begun(options);
    if (chain.tip === undefined || !equalBytes(chain.tip.hash, best.hash)) await this.#moveTo(chain, best, options);
    const { tip } = chain;
    if (tip === undefined || !equalBytes(tip.hash, best.hash) || tip.height !== best.height)
      throw answerInvalid(method, 'the last of the headers that the server hands out');
    const { minimumWork = 0n } = this.#network === undefined ? {} : DIFFICULTY_RULES[this.#network];
    // Blocks as easy as the first ones cost next to nothing by now. Below a checkpoint the work is not known.
    if (this.#options.checkpoint === undefined && tip.work < minimumWork)
      throw answerInvalid(method, 'of a branch with the work that the network is known to have');
    return { chain, tip };
  }

  /** Moves to the server's branch, as soon as it has shown as much work as the one known. */
  async #moveTo(
    chain: HeaderChain,
    best: { readonly height: number; readonly hash: Uint8Array },
    options: CallOptions,
  ): Promise<void> {
    const method = 'blockchain.block.headers';
    const fork = await this.#fork(chain, best.height, options);
    if (fork === best.height && !equalBytes(chain.at(fork)?.hash ?? new Uint8Array(), best.hash))
      throw answerInvalid('blockchain.headers.subscribe', 'the header of the height that it names');
    let branch = chain.branchAt(method, fork + 1);
    for (let height = fork + 1; height <= best.height;) {
      const bytes = await this.#headers(height, best.height, options);
      // Each part is proven before more is asked for: a server cannot hand out more than it has worked for.
      branch.add(method, bytes);
      height += bytes.length / BLOCK_HEADER_SIZE;
      if (!chain.isOutweighedBy(branch)) continue;
      chain.adopt(method, branch);
      branch = chain.branchAt(method, chain.nextHeight);
    }
    chain.adopt(method, branch);
  }

  /** The chain with its first headers, after the server has shown that it is of the right network. */
  async #begun(options: CallOptions): Promise<HeaderChain> {
    const { network, checkpoint } = this.#options;
    if (this.#checkedConnection !== this.#client.connections || this.#chain === undefined) {
      const connection = this.#client.connections;
      const genesis = await this.#hashTwice(0, options);
      const expected = network === undefined ? undefined : genesisOf(network);
      if (expected !== undefined && displayHash(genesis) !== expected)
        throw wrongNetwork('electrum', expected, displayHash(genesis));
      if (checkpoint !== undefined) {
        const found = await this.#hashTwice(checkpoint.height, options);
        if (!equalBytes(found, checkpoint.hash))
          throw wrongNetwork('electrum', displayHash(checkpoint.hash), displayHash(found));
      }
      this.#network = networkOfGenesis(genesis);
      // Without its rules no header of it could be judged.
      if (this.#network === undefined)
        throw answerInvalid('blockchain.block.header', 'the first block of a network that the suite knows');
      this.#checkedConnection = connection;
    }
    if (this.#chain !== undefined) return this.#chain;
    if (this.#network === undefined) throw answerInvalid('blockchain.block.header', 'of a network');
    const method = 'blockchain.block.headers';
    const last = checkpoint?.height ?? 0;
    const base = baseFor(last);
    const chain = new HeaderChain({ base, rule: DIFFICULTY_RULES[this.#network], clock: this.#clock });
    const parts: Uint8Array[] = [];
    for (let height = base; height <= last;) {
      const bytes = await this.#headers(height, last, options);
      parts.push(bytes);
      height += bytes.length / BLOCK_HEADER_SIZE;
    }
    chain.begin(method, concatBytes(...parts));
    const start = chain.tip === undefined ? 'none' : displayHash(chain.tip.hash);
    const expected = checkpoint === undefined ? genesisOf(this.#network) : displayHash(checkpoint.hash);
    if (start !== expected) throw wrongNetwork('electrum', expected, start);
    this.#chain = chain;
    return chain;
  }

  /** Height of the last block that the server's branch and ours have in common. */
  async #fork(chain: HeaderChain, best: number, options: CallOptions): Promise<number> {
    const floor = this.#options.checkpoint?.height ?? 0;
    for (let height = Math.min(best, chain.nextHeight - 1), step = 1; ; step *= 2) {
      const known = chain.at(height);
      if (known !== undefined && equalBytes(await this.#hashAt(height, options), known.hash)) return height;
      if (height <= floor) {
        const found = await this.#hashTwice(floor, options);
        if (known !== undefined && equalBytes(found, known.hash)) return floor;
        throw wrongNetwork('electrum', `block ${floor} as before`, displayHash(found));
      }
      height = Math.max(floor, height - step);
    }
  }

  /** A hash that another network would be told by: what a damaged answer says is not said twice. */
  async #hashTwice(height: number, options: CallOptions): Promise<Uint8Array> {
    const [one, other] = [await this.#hashAt(height, options), await this.#hashAt(height, options)];
    if (!equalBytes(one, other)) throw answerInvalid('blockchain.block.header', 'the same when asked twice');
    return one;
  }

  async #hashAt(height: number, options: CallOptions): Promise<Uint8Array> {
    const method = 'blockchain.block.header';
    const read = (result: unknown): Uint8Array => proveHeader(method, readHex(method, result)).hash;
    return this.#client.ask({ method, params: [height], read }, options).catch((error: unknown) => {
      throw refusedAsUnknown(error) ? answerInvalid(method, 'of every height up to the tip', error) : error;
    });
  }

  /** Headers from one height to another, both included, or fewer: at least one. */
  async #headers(from: number, to: number, options: CallOptions): Promise<Uint8Array> {
    const method = 'blockchain.block.headers';
    const wanted = Math.min(CHUNK, to - from + 1);
    const read = (result: unknown): Uint8Array => {
      const answer = new Answer(method, result);
      const bytes = answer.bytes('hex');
      const count = answer.count('count');
      if (bytes.length !== count * BLOCK_HEADER_SIZE || count === 0 || count > wanted)
        throw answerInvalid(method, 'as many headers as it counts');
      return bytes;
    };
    return this.#client.ask({ method, params: [from, wanted], read }, options);
  }
}

function completed({ hash, header, height, medianTime }: PlacedHeader, confirmations: number): ChainHeader {
  return {
    hash: Uint8Array.from(hash),
    height: blockHeight(height),
    header: {
      ...header,
      previousBlockHash: Uint8Array.from(header.previousBlockHash),
      merkleRoot: Uint8Array.from(header.merkleRoot),
    },
    medianTime: unixSeconds(medianTime),
    confirmations,
  };
}

function outputOf(tx: TransactionView, index: number, block: PlacedHeader | undefined): UnspentOutput {
  return readAs('blockchain.transaction.get', 'an amount of bitcoin', () => ({
    txid: tx.id(),
    index,
    value: satoshis(tx.value(index)),
    scriptPubKey: Uint8Array.from(tx.scriptPubKey(index)),
    coinbase: isCoinbase(tx),
    ...(block === undefined ? {} : { height: blockHeight(block.height) }),
  }));
}

/** A script whose history holds the transaction. */
function scriptOf(tx: TransactionView): Uint8Array | undefined {
  for (let output = 0; output < tx.outputCount; output++) {
    const script = tx.scriptPubKey(output);
    if (!isUnspendable(script)) return script;
  }
  return undefined;
}

/** How the protocol names a script: its SHA-256, reversed as hashes of blocks are. */
export function scriptHashOf(script: Uint8Array): string {
  return displayHash(currentCrypto().sha256(script));
}

function hashesOf(method: string, answer: Answer): readonly Uint8Array[] {
  return answer
    .list('merkle')
    .slice(0, 64)
    .map((hash) => readHash(method, hash));
}

function listOf(method: string, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw answerInvalid(method, 'a list');
  return value;
}
