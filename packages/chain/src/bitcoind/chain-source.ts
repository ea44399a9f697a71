import {
  assertBytes,
  type BlockHeight,
  blockHeight,
  displayHash,
  NETWORKS,
  type NetworkName,
  toHex,
  unixSeconds,
} from '@bitcoin-enterprise/core';
import { parseBlockHeader } from '@bitcoin-enterprise/script';
import type {
  CallOptions,
  ChainHeader,
  ChainSource,
  ChainTransaction,
  Outpoint,
  UnspentOutput,
} from '../ports/chain-source.ts';
import { invalidArgument } from '../errors.ts';
import { Answer, INVALID_PARAMETER, NOT_FOUND, orAbsent, readHash, readHex, refusedWith } from './answers.ts';
import { answerInvalid, type BitcoindRpc } from './rpc.ts';
import { pause } from './pause.ts';

/** How long to wait before asking again for a scan of the outputs: the node runs one at a time. */
const SCAN_PAUSE_MS = 50;

/** A {@link ChainSource} that asks a bitcoind. */
export class BitcoindChainSource implements ChainSource {
  readonly #rpc: BitcoindRpc;

  /** @param rpc - The node. */
  constructor(rpc: BitcoindRpc) {
    this.#rpc = rpc;
  }

  async network(options: CallOptions = {}): Promise<NetworkName> {
    const name = new Answer('getblockchaininfo', await this.#rpc.call('getblockchaininfo', [], options)).text('chain');
    if (!Object.hasOwn(NETWORKS, name)) throw answerInvalid('getblockchaininfo', 'a network that the suite knows');
    return name as NetworkName;
  }

  async tip(options: CallOptions = {}): Promise<ChainHeader> {
    const hash = readHash('getbestblockhash', await this.#rpc.call('getbestblockhash', [], options));
    const header = await this.header(hash, options);
    if (header === undefined) throw answerInvalid('getblockheader', 'the header of the best block');
    return header;
  }

  async blockHash(height: BlockHeight, options: CallOptions = {}): Promise<Uint8Array | undefined> {
    blockHeight(height);
    const answer = await orAbsent(this.#rpc.call('getblockhash', [height], options), INVALID_PARAMETER);
    return answer === undefined ? undefined : readHash('getblockhash', answer);
  }

  async header(hash: Uint8Array, options: CallOptions = {}): Promise<ChainHeader | undefined> {
    assertBytes('hash', hash, 32);
    const id = displayHash(hash);
    const [plain, verbose] = await this.#rpc.batch(
      [
        { method: 'getblockheader', params: [id, false] },
        { method: 'getblockheader', params: [id, true] },
      ],
      options,
    );
    if (plain === undefined || verbose === undefined) throw answerInvalid('getblockheader', 'two answers');
    const refusal = plain.ok ? verbose : plain;
    if (!refusal.ok) {
      if (refusedWith(refusal.error, NOT_FOUND)) return undefined;
      throw refusal.error;
    }
    if (!plain.ok || !verbose.ok) throw answerInvalid('getblockheader', 'two answers that agree');
    const answer = new Answer('getblockheader', verbose.result);
    return {
      hash: Uint8Array.from(hash),
      height: blockHeight(answer.integer('height')),
      header: readHeader(plain.result),
      medianTime: unixSeconds(answer.integer('mediantime')),
      // The node says -1 for a block that is not on the best branch.
      confirmations: Math.max(0, answer.integer('confirmations')),
    };
  }

  async block(hash: Uint8Array, options: CallOptions = {}): Promise<Uint8Array | undefined> {
    assertBytes('hash', hash, 32);
    const answer = await orAbsent(this.#rpc.call('getblock', [displayHash(hash), 0], options), NOT_FOUND);
    return answer === undefined ? undefined : readHex('getblock', answer);
  }

  async transaction(txid: Uint8Array, options: CallOptions = {}): Promise<ChainTransaction | undefined> {
    assertBytes('txid', txid, 32);
    const call = this.#rpc.call('getrawtransaction', [displayHash(txid), 1], options);
    const found = await orAbsent(call, NOT_FOUND);
    if (found === undefined) return undefined;
    const answer = new Answer('getrawtransaction', found);
    const bytes = answer.bytes('hex');
    if (!answer.has('blockhash')) return { bytes, confirmations: 0 };
    const hash = answer.hash('blockhash');
    const header = await this.header(hash, options);
    // The index may still name a block that a reorganisation has removed.
    if (header === undefined || header.confirmations === 0) return undefined;
    return { bytes, block: { hash, height: header.height }, confirmations: header.confirmations };
  }

  async unspentOutput(
    outpoint: Outpoint,
    options: CallOptions & { readonly includeMempool?: boolean } = {},
  ): Promise<UnspentOutput | undefined> {
    const { includeMempool = false, ...callOptions } = options;
    requireOutpoint(outpoint);
    const { txid, index } = outpoint;
    const params = [displayHash(txid), index, includeMempool];
    const found = await this.#rpc.call('gettxout', params, { ...callOptions, decimalsAsText: true });
    if (found === null) return undefined;
    const answer = new Answer('gettxout', found);
    const output = {
      txid: Uint8Array.from(txid),
      index,
      value: answer.amount('value'),
      scriptPubKey: answer.object('scriptPubKey').bytes('hex'),
      coinbase: answer.flag('coinbase'),
    };
    const confirmations = answer.integer('confirmations');
    if (confirmations === 0) return output;
    const best = await this.header(answer.hash('bestblock'), callOptions);
    if (best === undefined) throw answerInvalid('gettxout', 'an output of a block that the node knows');
    return { ...output, height: blockHeight(best.height - confirmations + 1) };
  }

  async unspentOutputsOf(scriptPubKey: Uint8Array, options: CallOptions = {}): Promise<readonly UnspentOutput[]> {
    assertBytes('scriptPubKey', scriptPubKey);
    const scanned = await this.#scan(`raw(${toHex(scriptPubKey)})`, options);
    return new Answer('scantxoutset', scanned).list('unspents').map((entry) => {
      const answer = new Answer('scantxoutset', entry);
      return {
        txid: answer.hash('txid'),
        index: answer.integer('vout'),
        value: answer.amount('amount'),
        scriptPubKey: answer.bytes('scriptPubKey'),
        height: blockHeight(answer.integer('height')),
        coinbase: answer.flag('coinbase'),
      };
    });
  }

  async #scan(descriptor: string, options: CallOptions): Promise<unknown> {
    for (;;) {
      try {
        return await this.#rpc.call('scantxoutset', ['start', [descriptor]], { ...options, decimalsAsText: true });
      } catch (error) {
        // "Scan already in progress": somebody else's, or another call of ours.
        if (!refusedWith(error, INVALID_PARAMETER)) throw error;
        await pause(SCAN_PAUSE_MS, { call: 'scantxoutset', ...options });
      }
    }
  }
}

function readHeader(value: unknown): ChainHeader['header'] {
  try {
    return parseBlockHeader(readHex('getblockheader', value));
  } catch {
    throw answerInvalid('getblockheader', 'a block header of 80 bytes');
  }
}

function requireOutpoint(outpoint: Outpoint): void {
  if (typeof outpoint !== 'object' || outpoint === null) throw invalidArgument('outpoint', 'an object', outpoint);
  assertBytes('outpoint.txid', outpoint.txid, 32);
  if (!Number.isInteger(outpoint.index) || outpoint.index < 0 || outpoint.index > 0xffffffff)
    throw invalidArgument('outpoint.index', 'a whole number, 0 to 4294967295', outpoint.index);
}
