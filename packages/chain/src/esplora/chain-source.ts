import {
  assertBytes,
  blockHeight,
  type BlockHeight,
  type Clock,
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
import { isCoinbase, type TransactionView } from '@bitcoin-enterprise/script';
import { again } from '../adapters/again.ts';
import { Answer, answerInvalid, readAs, readHash } from '../adapters/answer.ts';
import { requireCallOptions, requireOutpoint } from '../adapters/arguments.ts';
import { Cache } from '../adapters/cache.ts';
import { isUnspendable, proveBlock, proveInclusion, proveTransaction } from '../adapters/evidence.ts';
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
import { type EsploraHeader, EsploraHeaders } from './headers.ts';
import { type EsploraHttp, jsonOf, textOf } from './http-client.ts';

/** Settings of {@link EsploraChainSource}. */
export interface EsploraChainSourceOptions {
  /** Network that the server must serve, checked before the first answer; any when absent. */
  readonly network?: NetworkName;
  /** By which a header is in the future; the system's when absent. */
  readonly clock?: Clock;
}

/** Where a transaction is: its proven block, or the mempool. */
interface Place {
  readonly block?: EsploraHeader;
}

/** The most transactions of one script in the mempool that Esplora lists. */
const MEMPOOL_PAGE = 50;
/** Requests at a time. */
const ABREAST = 6;

/**
 * A {@link ChainSource} that asks an Esplora server, and believes what is proven: headers, blocks and transactions by
 * their hashes, places of transactions by Merkle proofs, spends by the transaction that spends. Headers must be no
 * easier than their network allows, and keep the rules of difficulty and time as far as the eleven before them can tell;
 * no headers are read from the first block on, as `ElectrumChainSource` does. So that something is *not* spent, and which
 * branch is the best, is the server's word: put several into a pool where that matters.
 */
export class EsploraChainSource implements ChainSource {
  readonly #http: EsploraHttp;
  readonly #headers: EsploraHeaders;
  readonly #network: NetworkName | undefined;
  readonly #depths = new Cache<number>(256);
  #genesis: Uint8Array | undefined;

  /**
   * @param http - The server.
   * @param options - What it must be.
   */
  constructor(http: EsploraHttp, options: EsploraChainSourceOptions = {}) {
    this.#http = http;
    const { clock = systemClock() } = options;
    if (typeof clock !== 'object' || clock === null || typeof clock.now !== 'function')
      throw invalidArgument('options.clock', 'a Clock', clock);
    this.#headers = new EsploraHeaders(http, clock);
    this.#network = options.network;
    if (options.network !== undefined && !Object.hasOwn(NETWORKS, options.network))
      throw invalidArgument('options.network', `one of ${Object.keys(NETWORKS).join(', ')}`, options.network);
  }

  async network(options: CallOptions = {}): Promise<NetworkName> {
    const name = networkOfGenesis(await this.#ready(options));
    if (name === undefined) throw answerInvalid('/block-height/0', 'the first block of a network');
    return name;
  }

  async tip(options: CallOptions = {}): Promise<ChainHeader> {
    await this.#ready(options);
    return again(async () => {
      const tip = await this.#headers.header(await this.#headers.tipHash(options), options);
      if (tip === undefined) throw answerInvalid('/blocks/tip/hash', 'the hash of a block that is there');
      if ((await this.#headers.bestHeight(tip.hash, options)) !== tip.height)
        throw answerInvalid('/blocks/tip/hash', 'the hash of a block of the best branch');
      return this.#complete(tip, 1, options);
    });
  }

  async blockHash(height: BlockHeight, options: CallOptions = {}): Promise<Uint8Array | undefined> {
    blockHeight(height);
    await this.#ready(options);
    return again(async () => {
      const hash = await this.#headers.hashAt(height, options);
      if (hash === undefined) return undefined;
      const header = await this.#headers.header(hash, options);
      if (header?.height !== height) throw answerInvalid('/block-height', 'the hash of a block of this height');
      return hash;
    });
  }

  async header(hash: Uint8Array, options: CallOptions = {}): Promise<ChainHeader | undefined> {
    assertBytes('hash', hash, 32);
    await this.#ready(options);
    return again(async () => {
      const header = await this.#headers.header(hash, options);
      return header === undefined
        ? undefined
        : this.#complete(header, await this.#confirmations(header, options), options);
    });
  }

  async block(hash: Uint8Array, options: CallOptions = {}): Promise<Uint8Array | undefined> {
    assertBytes('hash', hash, 32);
    await this.#ready(options);
    const path = `/block/${displayHash(hash)}/raw`;
    return this.#http.get({ path, read: (body) => proveBlock(path, body, hash).bytes }, options);
  }

  async transaction(txid: Uint8Array, options: CallOptions = {}): Promise<ChainTransaction | undefined> {
    assertBytes('txid', txid, 32);
    await this.#ready(options);
    return again(async () => {
      const tx = await this.#raw(txid, options);
      const place = tx === undefined ? undefined : await this.#place(tx, options);
      if (tx === undefined || place === undefined) return undefined;
      const { block } = place;
      if (block === undefined) return { bytes: tx.bytes, confirmations: 0 };
      const confirmations = await this.#confirmations(block, options);
      if (confirmations === 0) throw answerInvalid(`/tx/${displayHash(txid)}/status`, 'a block of the best branch');
      return { bytes: tx.bytes, block: referenceTo(block), confirmations };
    });
  }

  async unspentOutput(
    outpoint: Outpoint,
    options: CallOptions & { readonly includeMempool?: boolean } = {},
  ): Promise<UnspentOutput | undefined> {
    const { includeMempool = false, ...callOptions } = requireCallOptions(options);
    requireOutpoint(outpoint);
    await this.#ready(callOptions);
    return again(async () => {
      const tx = await this.#raw(outpoint.txid, callOptions);
      if (tx === undefined || outpoint.index >= tx.outputCount) return undefined;
      if (isUnspendable(tx.scriptPubKey(outpoint.index))) return undefined;
      const place = await this.#place(tx, callOptions);
      if (place === undefined || (place.block === undefined && !includeMempool)) return undefined;
      const spend = await this.#spend(outpoint, callOptions);
      if (spend !== undefined && (includeMempool || spend.block !== undefined)) return undefined;
      return outputOf(tx, outpoint.index, place);
    });
  }

  async unspentOutputsOf(scriptPubKey: Uint8Array, options: CallOptions = {}): Promise<readonly UnspentOutput[]> {
    assertBytes('scriptPubKey', scriptPubKey);
    await this.#ready(options);
    return again(async () => {
      const id = toHex(currentCrypto().sha256(scriptPubKey).toReversed());
      const listed = await this.#listed(id, options);
      outpointsToAsk({ method: '/scripthash/utxo', source: 'an Esplora server', listed, hidden: [] });
      // Esplora leaves out what the mempool spends.
      const hidden = await this.#spentInMempool(id, options);
      const outpoints = outpointsToAsk({ method: '/scripthash/utxo', source: 'an Esplora server', listed, hidden });
      const found = await inTurns(outpoints, async (outpoint) => this.unspentOutput(outpoint, options));
      for (const [i, outpoint] of listed.entries())
        if (found[i] === undefined) await this.#requireTransaction(outpoint, options);
      return found.filter(
        (output) => output !== undefined && equalBytes(output.scriptPubKey, scriptPubKey),
      ) as UnspentOutput[];
    });
  }

  /** Requires the transaction of an output that was listed, and then waited or was spent. */
  async #requireTransaction({ txid, index }: Outpoint, options: CallOptions): Promise<void> {
    const tx = await this.#raw(txid, options);
    if (tx === undefined || index >= tx.outputCount)
      throw answerInvalid('/scripthash/utxo', 'of outputs that are there');
  }

  async #listed(id: string, options: CallOptions): Promise<readonly Outpoint[]> {
    const path = `/scripthash/${id}/utxo`;
    const read = (body: Uint8Array): readonly Outpoint[] =>
      listOf(path, body).map((entry) => {
        const answer = new Answer(path, entry);
        return { txid: answer.hash('txid'), index: answer.outputIndex('vout') };
      });
    const found = await this.#http.get({ path, read }, options);
    if (found === undefined) throw unsupported('unspentOutputsOf', 'this Esplora server');
    return found;
  }

  /** What transactions in the mempool that touch a script spend. */
  async #spentInMempool(id: string, options: CallOptions): Promise<readonly Outpoint[]> {
    const path = `/scripthash/${id}/txs/mempool`;
    const read = (body: Uint8Array): readonly Uint8Array[] =>
      listOf(path, body).map((entry) => new Answer(path, entry).hash('txid'));
    const txids = await this.#http.get({ path, read }, options);
    if (txids === undefined) throw unsupported('unspentOutputsOf', 'this Esplora server');
    // There may be more, and each may hide an output.
    if (txids.length >= MEMPOOL_PAGE) throw unsupported('unspentOutputsOf', 'Esplora while 50 transactions wait');
    const transactions = await inTurns(txids, async (txid) => this.#raw(txid, options));
    return transactions.flatMap((tx) => {
      // It may have left a moment ago, or its id is damaged: the list is asked for again.
      if (tx === undefined) throw answerInvalid(path, 'of transactions that are there');
      return Array.from({ length: tx.inputCount }, (_, i) => ({
        txid: tx.previousTxid(i),
        index: tx.previousIndex(i),
      }));
    });
  }

  async #raw(txid: Uint8Array, options: CallOptions): Promise<TransactionView | undefined> {
    const path = `/tx/${displayHash(txid)}/raw`;
    return this.#http.get({ path, read: (body) => proveTransaction(path, body, txid) }, options);
  }

  async #place(tx: TransactionView, options: CallOptions): Promise<Place | undefined> {
    const path = `/tx/${displayHash(tx.id())}/status`;
    const read = (body: Uint8Array): { readonly hash?: Uint8Array } => {
      const answer = new Answer(path, jsonOf(path, body));
      return answer.flag('confirmed') ? { hash: answer.hash('block_hash') } : {};
    };
    const status = await this.#http.get({ path, read }, options);
    if (status === undefined) return undefined;
    if (status.hash === undefined) return {};
    const block = await this.#headers.header(status.hash, options);
    if (block === undefined) throw answerInvalid(path, 'of a block that is there');
    await this.#requireIncluded(tx, block, options);
    return { block };
  }

  async #requireIncluded(tx: TransactionView, block: EsploraHeader, options: CallOptions): Promise<void> {
    const { path, branch } = await this.#proof(tx.id(), options);
    const depth = await this.#depth(block, options);
    proveInclusion(path, branch, { tx, header: block.header, depth });
  }

  async #proof(txid: Uint8Array, options: CallOptions) {
    const path = `/tx/${displayHash(txid)}/merkle-proof`;
    const read = (body: Uint8Array) => {
      const answer = new Answer(path, jsonOf(path, body));
      const hashes = answer
        .list('merkle')
        .slice(0, 64)
        .map((hash) => readHash(path, hash));
      return { path, branch: { hashes, position: answer.count('pos') } };
    };
    const proof = await this.#http.get({ path, read }, options);
    if (proof === undefined) throw answerInvalid(path, 'a proof of the block that the status names');
    return proof;
  }

  /** Length of the coinbase's branch: a proof of another length is one of something that is no transaction (F49). */
  async #depth(block: EsploraHeader, options: CallOptions): Promise<number> {
    const key = toHex(block.hash);
    const known = this.#depths.get(key);
    if (known !== undefined) return known;
    const path = `/block/${displayHash(block.hash)}/txid/0`;
    const first = await this.#http.get({ path, read: (body) => readHash(path, textOf(body).trim()) }, options);
    const coinbase = first === undefined ? undefined : await this.#raw(first, options);
    if (coinbase === undefined || !isCoinbase(coinbase)) throw answerInvalid(path, 'the coinbase of the block');
    const { path: of, branch } = await this.#proof(coinbase.id(), options);
    if (branch.position !== 0) throw answerInvalid(of, 'of the first place in the block');
    proveInclusion(of, branch, { tx: coinbase, header: block.header });
    return this.#depths.set(key, branch.hashes.length);
  }

  /** Where the transaction is that spends an output; `undefined` when the server says that none does. */
  async #spend(outpoint: Outpoint, options: CallOptions): Promise<Place | undefined> {
    const path = `/tx/${displayHash(outpoint.txid)}/outspend/${outpoint.index}`;
    const read = (body: Uint8Array): { readonly txid?: Uint8Array } => {
      const answer = new Answer(path, jsonOf(path, body));
      return answer.flag('spent') ? { txid: answer.hash('txid') } : {};
    };
    const answer = await this.#http.get({ path, read }, options);
    if (answer === undefined) throw answerInvalid(path, 'of an output that is there');
    if (answer.txid === undefined) return undefined;
    const spender = await this.#raw(answer.txid, options);
    const spends =
      spender !== undefined &&
      Array.from({ length: spender.inputCount }, (_, i) => i).some((i) =>
        sameOutpoint({ txid: spender.previousTxid(i), index: spender.previousIndex(i) }, outpoint),
      );
    if (!spends) throw answerInvalid(path, 'a transaction that spends the output');
    const place = await this.#place(spender, options);
    if (place === undefined) throw answerInvalid(path, 'a transaction that is there');
    return place;
  }

  async #confirmations(header: EsploraHeader, options: CallOptions): Promise<number> {
    const height = await this.#headers.bestHeight(header.hash, options);
    if (height === undefined) return 0;
    const tip = await this.#headers.header(await this.#headers.tipHash(options), options);
    if (height !== header.height || tip === undefined || tip.height < height)
      throw answerInvalid('/block/status', 'a height of the best branch');
    return tip.height - height + 1;
  }

  async #complete(header: EsploraHeader, confirmations: number, options: CallOptions): Promise<ChainHeader> {
    const medianTime = unixSeconds(await this.#headers.medianTime(header, options));
    return { ...referenceTo(header), header: header.header, medianTime, confirmations };
  }

  /** Hash of the first block, once it is known to be the right one. */
  async #ready(options: CallOptions): Promise<Uint8Array> {
    requireCallOptions(options);
    if (this.#genesis !== undefined) return this.#genesis;
    const hash = await again(async () => {
      const first = await this.#headers.hashAt(blockHeight(0), options);
      // A flipped bit must not be taken for another network.
      const header = first === undefined ? undefined : await this.#headers.header(first, options);
      if (header?.height !== 0) throw answerInvalid('/block-height/0', 'the hash of the first block');
      return header.hash;
    });
    const expected = this.#network === undefined ? undefined : genesisOf(this.#network);
    if (expected !== undefined && displayHash(hash) !== expected)
      throw wrongNetwork('esplora', expected, displayHash(hash));
    const network = networkOfGenesis(hash);
    // Without its rules no header of it could be judged.
    if (network === undefined)
      throw answerInvalid('/block-height/0', 'the first block of a network that the suite knows');
    this.#headers.hold(DIFFICULTY_RULES[network]);
    this.#genesis = hash;
    return hash;
  }
}

function referenceTo({ hash, height }: EsploraHeader): BlockReference {
  return { hash: Uint8Array.from(hash), height: blockHeight(height) };
}

function outputOf(tx: TransactionView, index: number, { block }: Place): UnspentOutput {
  return readAs('/tx/raw', 'an amount of bitcoin', () => ({
    txid: tx.id(),
    index,
    value: satoshis(tx.value(index)),
    scriptPubKey: Uint8Array.from(tx.scriptPubKey(index)),
    coinbase: isCoinbase(tx),
    ...(block === undefined ? {} : { height: blockHeight(block.height) }),
  }));
}

function listOf(path: string, body: Uint8Array): readonly unknown[] {
  const list = jsonOf(path, body);
  if (!Array.isArray(list)) throw answerInvalid(path, 'a list');
  return list;
}

/** Results of a call for each item, in their order, a few at a time. */
async function inTurns<Item, Result>(
  items: readonly Item[],
  call: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += ABREAST)
    results.push(...(await Promise.all(items.slice(start, start + ABREAST).map(call))));
  return results;
}
