import {
  assertBytes,
  blockHeight,
  type BlockHeight,
  displayHash,
  equalBytes,
  hasCode,
  NETWORKS,
  type NetworkName,
  toHex,
  unixSeconds,
} from '@bitcoin-enterprise/core';
import { isCoinbase } from '@bitcoin-enterprise/script';
import type {
  CallOptions,
  ChainHeader,
  ChainSource,
  ChainTransaction,
  Outpoint,
  UnspentOutput,
} from '../ports/chain-source.ts';
import { Answer, answerInvalid, readHash, readHex } from '../adapters/answer.ts';
import { requireCallOptions, requireOutpoint } from '../adapters/arguments.ts';
import { proveBlock, proveHeader, proveTransaction } from '../adapters/evidence.ts';
import { outpointKey } from '../adapters/outpoints.ts';
import { pause } from '../adapters/pause.ts';
import { ChainError, invalidArgument } from '../errors.ts';
import { INVALID_PARAMETER, NOT_FOUND, orAbsent, refusedWith } from './answers.ts';
import { type BitcoindRpc, requireNetwork, type RpcAnswer, type RpcCall } from './rpc.ts';

/** How long to wait before asking again for a scan of the outputs: the node runs one at a time. */
const SCAN_PAUSE_MS = 50;
/** How long to wait for another scan to end. */
const MAX_SCAN_WAIT_MS = 600_000;
/** Calls in one request: what a node's work queue and its answer bear. */
const BATCH = 200;

/** Settings of {@link BitcoindChainSource}. */
export interface BitcoindChainSourceOptions {
  /** Network that the node must serve, checked before the first answer; any when absent. */
  readonly network?: NetworkName;
}

/**
 * A {@link ChainSource} that asks a bitcoind. Headers, blocks and transactions are checked against the hashes they were
 * asked by; what no hash covers is asked twice.
 */
export class BitcoindChainSource implements ChainSource {
  readonly #rpc: BitcoindRpc;
  readonly #network: NetworkName | undefined;
  #checked = false;

  /**
   * @param rpc - The node.
   * @param options - What it must be.
   */
  constructor(rpc: BitcoindRpc, options: BitcoindChainSourceOptions = {}) {
    this.#rpc = rpc;
    this.#network = options.network;
    if (options.network !== undefined && !Object.hasOwn(NETWORKS, options.network))
      throw invalidArgument('options.network', `one of ${Object.keys(NETWORKS).join(', ')}`, options.network);
  }

  async network(options: CallOptions = {}): Promise<NetworkName> {
    await this.#ready(options);
    const method = 'getblockchaininfo';
    const read = (value: unknown): NetworkName => {
      const name = new Answer(method, value).text('chain');
      if (!Object.hasOwn(NETWORKS, name)) throw answerInvalid(method, 'a network that the suite knows');
      return name as NetworkName;
    };
    return this.#rpc.ask({ method, read }, options);
  }

  async tip(options: CallOptions = {}): Promise<ChainHeader> {
    const method = 'getbestblockhash';
    await this.#ready(options);
    const hash = await this.#rpc.askOneTwice({ method, read: (value) => readHash(method, value) }, options);
    const header = await this.header(hash, options);
    if (header === undefined) throw answerInvalid('getblockheader', 'the header of the best block');
    return header;
  }

  async blockHash(height: BlockHeight, options: CallOptions = {}): Promise<Uint8Array | undefined> {
    blockHeight(height);
    await this.#ready(options);
    const method = 'getblockhash';
    const read = (value: unknown): Uint8Array => readHash(method, value);
    return orAbsent(this.#rpc.askOneTwice({ method, params: [height], read }, options), INVALID_PARAMETER);
  }

  async header(hash: Uint8Array, options: CallOptions = {}): Promise<ChainHeader | undefined> {
    assertBytes('hash', hash, 32);
    await this.#ready(options);
    const answers = await this.#rpc.askTwice(headerCalls(displayHash(hash)), options);
    return readHeader(answers, hash);
  }

  /**
   * Headers of the best branch from a height up, in batches; each must be the parent of the next.
   *
   * @param from - Height of the first one.
   * @param count - 0 to 10,000; fewer come when the chain is not that high.
   * @throws ChainError As every call, `CHAIN_NODE_ANSWER_INVALID` also when the branch changes meanwhile.
   */
  async headers(from: BlockHeight, count: number, options: CallOptions = {}): Promise<readonly ChainHeader[]> {
    blockHeight(from);
    if (!Number.isInteger(count) || count < 0 || count > 10_000)
      throw invalidArgument('count', 'a whole number, 0 to 10000', count);
    await this.#ready(options);
    const found: ChainHeader[] = [];
    for (let start = 0; start < count; start += BATCH) {
      const heights = Array.from({ length: Math.min(BATCH, count - start) }, (_, i) => from + start + i);
      const calls = heights.map((height): RpcCall => ({ method: 'getblockhash', params: [height] }));
      const ids = (await this.#rpc.askTwice(calls, options)).filter(({ ok }) => ok) as readonly { result: unknown }[];
      const hashes = ids.map(({ result }) => readHash('getblockhash', result));
      const answers = await this.#rpc.askTwice(
        hashes.flatMap((hash) => headerCalls(displayHash(hash))),
        options,
      );
      for (const [i, hash] of hashes.entries()) {
        const header = readHeader(answers.slice(2 * i, 2 * i + 2), hash);
        const before = found.at(-1);
        if (
          header === undefined ||
          header.height !== from + found.length ||
          (before !== undefined && !equalBytes(header.header.previousBlockHash, before.hash))
        )
          throw answerInvalid('getblockheader', 'a branch of which each block is the parent of the next');
        found.push(header);
      }
      if (hashes.length < heights.length) break;
    }
    return found;
  }

  async block(hash: Uint8Array, options: CallOptions = {}): Promise<Uint8Array | undefined> {
    assertBytes('hash', hash, 32);
    await this.#ready(options);
    const method = 'getblock';
    const block = displayHash(hash);
    const read = (value: unknown): Uint8Array => proveBlock(method, readHex(method, value), hash).bytes;
    try {
      return await orAbsent(this.#rpc.ask({ method, params: [block, 0], read }, options), NOT_FOUND);
    } catch (error) {
      if (!hasCode(error, 'CHAIN_NODE_REFUSED') || !/pruned/i.test(error.details.rpcMessage)) throw error;
      throw new ChainError('CHAIN_BLOCK_PRUNED', `expected the node to have block ${block}, got that it was pruned`, {
        details: { block },
        hint: 'Ask a node that keeps all blocks (-prune=0), or let this one fetch it: getblockfrompeer.',
        cause: error,
      });
    }
  }

  async transaction(txid: Uint8Array, options: CallOptions = {}): Promise<ChainTransaction | undefined> {
    assertBytes('txid', txid, 32);
    await this.#ready(options);
    const method = 'getrawtransaction';
    const read = (value: unknown): { readonly bytes: Uint8Array; readonly hash?: Uint8Array } => {
      const answer = new Answer(method, value);
      const { bytes } = proveTransaction(method, answer.bytes('hex'), txid);
      return answer.has('blockhash') ? { bytes, hash: answer.hash('blockhash') } : { bytes };
    };
    const params = [displayHash(txid), 1];
    const found = await orAbsent(this.#rpc.askOneTwice({ method, params, read }, options), NOT_FOUND);
    if (found === undefined) return undefined;
    const { bytes, hash } = found;
    if (hash === undefined) return { bytes, confirmations: 0 };
    const header = await this.header(hash, options);
    // The index may still name a block that a reorganisation has removed.
    if (header === undefined || header.confirmations === 0) return undefined;
    return { bytes, block: { hash, height: header.height }, confirmations: header.confirmations };
  }

  async unspentOutput(
    outpoint: Outpoint,
    options: CallOptions & { readonly includeMempool?: boolean } = {},
  ): Promise<UnspentOutput | undefined> {
    const { includeMempool = false, ...callOptions } = requireCallOptions(options);
    requireOutpoint(outpoint);
    await this.#ready(callOptions);
    const { txid, index } = outpoint;
    const id = displayHash(txid);
    const [found, raw] = await this.#rpc.askTwice(
      [
        { method: 'gettxout', params: [id, index, includeMempool] },
        { method: 'getrawtransaction', params: [id, 0] },
      ],
      { ...callOptions, decimalsAsText: true },
    );
    if (found?.ok !== true) throw found?.error ?? answerInvalid('gettxout', 'an answer');
    if (found.result === null) return undefined;
    const answer = new Answer('gettxout', found.result);
    const output = readOutput(answer, outpoint);
    // Without an index of its own the node finds only what waits in the mempool.
    if (raw?.ok === true) requireSameOutput(output, readHex('getrawtransaction', raw.result));
    const confirmations = answer.count('confirmations');
    if (confirmations === 0) return output;
    const best = await this.header(answer.hash('bestblock'), callOptions);
    if (best === undefined) throw answerInvalid('gettxout', 'an output of a block that the node knows');
    return { ...output, height: heightBelow(best.height, confirmations) };
  }

  async unspentOutputsOf(scriptPubKey: Uint8Array, options: CallOptions = {}): Promise<readonly UnspentOutput[]> {
    assertBytes('scriptPubKey', scriptPubKey);
    await this.#ready(options);
    const method = 'scantxoutset';
    const read = (value: unknown): readonly UnspentOutput[] =>
      new Answer(method, value).list('unspents').map((entry) => readUnspent(method, entry, scriptPubKey));
    const outputs = await this.#scan({ method, params: ['start', [`raw(${toHex(scriptPubKey)})`]], read }, options);
    if (new Set(outputs.map(outpointKey)).size !== outputs.length) throw scanInvalid();
    for (let start = 0; start < outputs.length; start += BATCH)
      await this.#requireUnspent(outputs.slice(start, start + BATCH), options);
    return outputs;
  }

  async #scan<Result>(
    question: RpcCall & { readonly read: (value: unknown) => Result },
    options: CallOptions,
  ): Promise<Result> {
    for (let waitedMs = 0; ; waitedMs += SCAN_PAUSE_MS) {
      try {
        return await this.#rpc.ask({ ...question, decimalsAsText: true }, options);
      } catch (error) {
        if (!isBusyScanning(error) || waitedMs >= MAX_SCAN_WAIT_MS) throw error;
        await pause(SCAN_PAUSE_MS, { call: 'scantxoutset', ...options });
      }
    }
  }

  /** Asks once more for each output that a scan found: a scan takes long, and is not asked twice. */
  async #requireUnspent(outputs: readonly UnspentOutput[], options: CallOptions): Promise<void> {
    const calls = outputs.map(({ txid, index }): RpcCall => ({
      method: 'gettxout',
      params: [displayHash(txid), index, false],
    }));
    const answers = await this.#rpc.askTwice(calls, { ...options, decimalsAsText: true });
    const tips = new Map<string, number>();
    for (const [i, output] of outputs.entries()) {
      const answer = answers[i];
      if (answer?.ok !== true || answer.result === null) throw scanInvalid();
      const found = new Answer('gettxout', answer.result);
      const best = found.text('bestblock');
      const height = tips.get(best) ?? (await this.header(found.hash('bestblock'), options))?.height;
      if (height === undefined) throw scanInvalid();
      tips.set(best, height);
      const { value, coinbase } = readOutput(found, output);
      const at = heightBelow(height, found.count('confirmations'));
      if (value !== output.value || coinbase !== output.coinbase || at !== output.height) throw scanInvalid();
    }
  }

  async #ready(options: CallOptions): Promise<void> {
    requireCallOptions(options);
    if (this.#checked || this.#network === undefined) return;
    await requireNetwork(this.#rpc, this.#network, options);
    this.#checked = true;
  }
}

/** "Scan already in progress": somebody else's, or another call of ours. */
function isBusyScanning(error: unknown): boolean {
  return (
    refusedWith(error, INVALID_PARAMETER) &&
    hasCode(error, 'CHAIN_NODE_REFUSED') &&
    /in progress/i.test(error.details.rpcMessage)
  );
}

function scanInvalid(): ChainError {
  return answerInvalid('scantxoutset', 'of outputs that are unspent, also when asked for one by one');
}

function headerCalls(id: string): readonly RpcCall[] {
  return [
    { method: 'getblockheader', params: [id, false] },
    { method: 'getblockheader', params: [id, true] },
  ];
}

function readHeader(answers: readonly RpcAnswer[], hash: Uint8Array): ChainHeader | undefined {
  const method = 'getblockheader';
  const [plain, verbose] = answers;
  if (plain === undefined || verbose === undefined) throw answerInvalid(method, 'two answers');
  const refusal = plain.ok ? verbose : plain;
  if (!refusal.ok) {
    if (refusedWith(refusal.error, NOT_FOUND)) return undefined;
    throw refusal.error;
  }
  if (!plain.ok || !verbose.ok) throw answerInvalid(method, 'two answers that agree');
  const answer = new Answer(method, verbose.result);
  const confirmations = answer.integer('confirmations');
  // The node says -1 for a block that is not on the best branch.
  if (confirmations < -1 || confirmations === 0) throw answerInvalid(method, 'a number of confirmations');
  return {
    hash: Uint8Array.from(hash),
    height: heightOf(method, answer.count('height')),
    header: proveHeader(method, readHex(method, plain.result), hash).header,
    medianTime: unixSeconds(answer.count('mediantime')),
    confirmations: Math.max(0, confirmations),
  };
}

function readOutput(answer: Answer, { txid, index }: Outpoint): UnspentOutput {
  return {
    txid: Uint8Array.from(txid),
    index,
    value: answer.amount('value'),
    scriptPubKey: answer.object('scriptPubKey').bytes('hex'),
    coinbase: answer.flag('coinbase'),
  };
}

function readUnspent(method: string, entry: unknown, scriptPubKey: Uint8Array): UnspentOutput {
  const answer = new Answer(method, entry);
  if (!equalBytes(answer.bytes('scriptPubKey'), scriptPubKey)) throw answerInvalid(method, 'of the script asked for');
  return {
    txid: answer.hash('txid'),
    index: answer.outputIndex('vout'),
    value: answer.amount('amount'),
    scriptPubKey: Uint8Array.from(scriptPubKey),
    height: heightOf(method, answer.count('height')),
    coinbase: answer.flag('coinbase'),
  };
}

/** Holds what the node says of an output against the transaction itself. */
function requireSameOutput(output: UnspentOutput, bytes: Uint8Array): void {
  const method = 'gettxout';
  const tx = proveTransaction('getrawtransaction', bytes, output.txid);
  const same =
    output.index < tx.outputCount &&
    tx.value(output.index) === output.value &&
    equalBytes(tx.scriptPubKey(output.index), output.scriptPubKey) &&
    isCoinbase(tx) === output.coinbase;
  if (!same) throw answerInvalid(method, 'what the transaction says of its output');
}

function heightBelow(tip: number, confirmations: number): BlockHeight {
  return heightOf('gettxout', tip - confirmations + 1);
}

function heightOf(method: string, height: number): BlockHeight {
  if (height < 0 || height > 0x7fff_ffff) throw answerInvalid(method, 'a height of a block');
  return blockHeight(height);
}
