import type { Socket } from 'node:net';
import {
  blockHeight,
  concatBytes,
  currentCrypto,
  displayHash,
  formatBitcoin,
  hasCode,
  parseDisplayHash,
  parseHex,
  satoshis,
  toHex,
} from '@bitcoin-enterprise/core';
import { serializeBlockHeader } from '@bitcoin-enterprise/script';
import { type ChainIndex, type IndexedBlock, type IndexedTransaction, scriptKey } from '../adapters/chain-index.ts';
import { branchOf, isUnspendable } from '../adapters/evidence.ts';
import { rejectionText } from '../adapters/rejection.ts';
import { LineReader } from './line-reader.ts';
import type { ElectrumServerChain } from './server-chain.ts';

/** What sessions answer from. */
export interface SessionChain {
  readonly chain: ElectrumServerChain;
  readonly index: ChainIndex;
  /** Aborted when the server ends. */
  readonly signal: AbortSignal;
}

/** An error of the protocol. */
interface Refusal {
  readonly code: number;
  readonly message: string;
}

/** The longest line that is read, in bytes. */
const MAX_LINE_LENGTH = 8_000_000;
/** What may wait until it is answered, in characters; more is not read before. */
const MAX_WAITING = 1_000_000;
/** Scripts that one connection may be told of. */
const MAX_SUBSCRIPTIONS = 10_000;
/** The most headers that are handed out at once. */
const CHUNK = 2_016;
const BAD_REQUEST = 1;
const DAEMON_ERROR = 2;
const NO_SUCH_METHOD = -32_601;
const INVALID_PARAMS = -32_602;

/** One connection of the server: its calls, in their order, and what it subscribed to. */
export class ElectrumSession {
  readonly #serving: SessionChain;
  readonly #socket: Socket;
  readonly #reader = new LineReader(MAX_LINE_LENGTH);
  readonly #scripts = new Map<string, string | null>();
  #lines: string[] = [];
  #nextLine = 0;
  #waiting = 0;
  #tipTold: string | undefined;
  #hasNews = false;
  #isWorking = false;

  /**
   * @param serving - What to answer from.
   * @param socket - The connection.
   * @param options - `stalledMs`: how long answers may wait to be read.
   */
  constructor(serving: SessionChain, socket: Socket, options: { readonly stalledMs: number }) {
    this.#serving = serving;
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes: Uint8Array) => this.#take(bytes));
    // Who is silent may stay; who does not read what it was sent may not.
    socket.setTimeout(options.stalledMs, () => {
      if (socket.writableLength > 0) socket.destroy();
    });
  }

  /** Tells what the client subscribed to, if it changed. */
  changed(): void {
    this.#hasNews = true;
    void this.#work();
  }

  #take(bytes: Uint8Array): void {
    const lines = this.#reader.push(bytes);
    if (lines === undefined) {
      this.#socket.destroy();
      return;
    }
    for (const line of lines) {
      this.#lines.push(line);
      this.#waiting += line.length;
    }
    void this.#work();
    if (this.#waiting > MAX_WAITING) this.#socket.pause();
  }

  /** Answers what came, in its order, and tells what is new, as long as the other side reads it. */
  async #work(): Promise<void> {
    if (this.#isWorking) return;
    this.#isWorking = true;
    try {
      while (await isRead(this.#socket)) {
        const line = this.#lines[this.#nextLine];
        if (this.#hasNews) {
          this.#hasNews = false;
          await this.#tell().catch(() => undefined);
        } else if (line !== undefined) {
          this.#leave(line);
          // An answer that cannot be written, for its id is nested too deeply, is none: who asked so is left.
          await this.#serve(line).catch(() => this.#socket.destroy());
        } else return;
      }
    } finally {
      this.#isWorking = false;
    }
  }

  /** Takes a line off those that wait; reads on once not too many do. */
  #leave(line: string): void {
    this.#nextLine++;
    this.#waiting -= line.length;
    if (this.#nextLine === this.#lines.length) {
      this.#lines = [];
      this.#nextLine = 0;
    }
    if (this.#waiting <= MAX_WAITING && this.#socket.isPaused()) this.#socket.resume();
  }

  async #serve(line: string): Promise<void> {
    const call = parsed(line);
    if (typeof call !== 'object' || call === null) {
      this.#socket.destroy();
      return;
    }
    const { id = null, method, params } = call as Readonly<Record<string, unknown>>;
    try {
      const result = await this.#answer(String(method), Array.isArray(params) ? params : []);
      this.#send({ id, result });
    } catch (error) {
      this.#send({ id, error: refusalOf(error) });
    }
  }

  #send(message: Readonly<Record<string, unknown>>): void {
    if (!this.#socket.destroyed) this.#socket.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }

  async #answer(method: string, params: readonly unknown[]): Promise<unknown> {
    const { chain, index, signal } = this.#serving;
    const tip = await index.sync({ signal });
    switch (method) {
      case 'server.version':
        return ['@bitcoin-enterprise/chain', '1.4'];
      case 'server.ping':
        return null;
      case 'server.banner':
      case 'server.donation_address':
        return '';
      case 'server.peers.subscribe':
        return [];
      case 'server.features': {
        const genesis_hash = displayHash(blockAt(index, 0).hash);
        return {
          genesis_hash,
          hash_function: 'sha256',
          protocol_min: '1.4',
          protocol_max: '1.4',
          pruning: null,
          hosts: {},
          server_version: '@bitcoin-enterprise/chain',
        };
      }
      case 'blockchain.headers.subscribe':
        this.#tipTold = displayHash(tip.hash);
        return tipJson(tip);
      case 'blockchain.block.header':
        return toHex(serializeBlockHeader(blockAt(index, wholeAt(params, 0)).header));
      case 'blockchain.block.headers': {
        const from = wholeAt(params, 0);
        const count = Math.min(CHUNK, wholeAt(params, 1), Math.max(0, tip.height - from + 1));
        const headers = Array.from({ length: count }, (_, i) => serializeBlockHeader(blockAt(index, from + i).header));
        return { count, hex: toHex(concatBytes(...headers)), max: CHUNK };
      }
      case 'blockchain.transaction.get': {
        if (params[1] === true) throw refusal(BAD_REQUEST, 'verbose transactions are not served');
        const entry = await this.#transaction(params);
        return toHex(entry.tx.bytes);
      }
      case 'blockchain.transaction.get_merkle': {
        const { block, position, id } = await this.#transaction(params);
        if (block === undefined || block.height !== wholeAt(params, 1))
          throw refusal(BAD_REQUEST, `tx ${id} not in block at height ${wholeAt(params, 1)}`);
        return { block_height: block.height, merkle: branchOf(block.txids, position).map(displayHash), pos: position };
      }
      case 'blockchain.transaction.id_from_pos': {
        const { txids } = blockAt(index, wholeAt(params, 0));
        const position = wholeAt(params, 1);
        const txid = txids[position];
        if (txid === undefined) throw refusal(BAD_REQUEST, `no tx at position ${position}: out of range`);
        if (params[2] !== true) return displayHash(txid);
        return { tx_hash: displayHash(txid), merkle: branchOf(txids, position).map(displayHash) };
      }
      case 'blockchain.transaction.broadcast':
        return displayHash(await chain.broadcast(parseHex(textAt(params, 0)), { signal }));
      case 'blockchain.scripthash.get_history':
        return (await this.#history(params)).map(historyJson);
      case 'blockchain.scripthash.get_mempool':
        return (await this.#history(params)).filter(({ block }) => block === undefined).map(historyJson);
      case 'blockchain.scripthash.listunspent':
        return this.#unspent(textAt(params, 0));
      case 'blockchain.scripthash.get_balance': {
        const unspent = await this.#unspent(textAt(params, 0));
        const sum = (confirmed: boolean): number =>
          unspent.filter(({ height }) => height > 0 === confirmed).reduce((total, { value }) => total + value, 0);
        return { confirmed: sum(true), unconfirmed: sum(false) };
      }
      case 'blockchain.scripthash.subscribe': {
        if (this.#scripts.size >= MAX_SUBSCRIPTIONS && !this.#scripts.has(textAt(params, 0)))
          throw refusal(BAD_REQUEST, `expected at most ${MAX_SUBSCRIPTIONS} subscriptions, got more`);
        const status = await this.#status(textAt(params, 0));
        this.#scripts.set(textAt(params, 0), status);
        return status;
      }
      case 'blockchain.scripthash.unsubscribe':
        return this.#scripts.delete(textAt(params, 0));
      case 'blockchain.estimatefee': {
        const rate = await chain.estimateFeeRate(Math.min(1_008, Math.max(1, wholeAt(params, 0))), { signal });
        return rate === undefined ? -1 : Number(formatBitcoin(satoshis(rate)));
      }
      case 'blockchain.relayfee':
        return 0.00001;
      case 'mempool.get_fee_histogram':
        return [];
      default:
        throw refusal(NO_SUCH_METHOD, `unknown method "${method.slice(0, 80)}"`);
    }
  }

  async #transaction(params: readonly unknown[]): Promise<IndexedTransaction> {
    const { index, signal } = this.#serving;
    const entry = await index.transaction(parseDisplayHash(textAt(params, 0)), { signal });
    if (entry === undefined) throw refusal(DAEMON_ERROR, 'daemon error: No such mempool or blockchain transaction');
    return entry;
  }

  async #history(params: readonly unknown[]): Promise<readonly IndexedTransaction[]> {
    const { index, signal } = this.#serving;
    return index.history(parseDisplayHash(textAt(params, 0)), { signal });
  }

  async #unspent(scriptHash: string) {
    const { index, signal } = this.#serving;
    const key = toHex(parseDisplayHash(scriptHash));
    const found: {
      readonly tx_hash: string;
      readonly tx_pos: number;
      readonly height: number;
      readonly value: number;
    }[] = [];
    for (const { tx, txid, id, block } of await this.#history([scriptHash]))
      for (let at = 0; at < tx.outputCount; at++) {
        const script = tx.scriptPubKey(at);
        if (isUnspendable(script) || scriptKey(script) !== key) continue;
        if ((await index.spend({ txid, index: at }, { signal })) !== undefined) continue;
        found.push({ tx_hash: id, tx_pos: at, height: block?.height ?? 0, value: Number(tx.value(at)) });
      }
    return found;
  }

  /** The protocol's fingerprint of a history. */
  async #status(scriptHash: string): Promise<string | null> {
    const history = await this.#history([scriptHash]);
    if (history.length === 0) return null;
    const text = history.map((entry) => `${entry.id}:${entry.block?.height ?? 0}:`).join('');
    return toHex(currentCrypto().sha256(new TextEncoder().encode(text)));
  }

  async #tell(): Promise<void> {
    const { index, signal } = this.#serving;
    const tip = await index.sync({ signal });
    if (this.#tipTold !== undefined && this.#tipTold !== displayHash(tip.hash)) {
      this.#tipTold = displayHash(tip.hash);
      this.#send({ method: 'blockchain.headers.subscribe', params: [tipJson(tip)] });
    }
    for (const [scriptHash, known] of this.#scripts) {
      if (!(await isRead(this.#socket))) return;
      const status = await this.#status(scriptHash);
      if (status === known) continue;
      this.#scripts.set(scriptHash, status);
      this.#send({ method: 'blockchain.scripthash.subscribe', params: [scriptHash, status] });
    }
  }
}

/** Waits until the other side has read what it was sent; `false` where it is gone. */
async function isRead(socket: Socket): Promise<boolean> {
  if (socket.writableNeedDrain && !socket.destroyed)
    await new Promise<void>((resolve) => {
      const end = (): void => {
        socket.removeListener('drain', end);
        socket.removeListener('close', end);
        resolve();
      };
      socket.on('drain', end);
      socket.on('close', end);
    });
  return !socket.destroyed;
}

/** JSON as a value; `undefined` for what is none. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

class SessionRefusal extends Error {
  readonly refusal: Refusal;

  constructor(given: Refusal) {
    super(given.message);
    this.refusal = given;
  }
}

function refusal(code: number, message: string): SessionRefusal {
  return new SessionRefusal({ code, message });
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof SessionRefusal) return error.refusal;
  if (hasCode(error, 'CHAIN_TX_REJECTED'))
    return {
      code: BAD_REQUEST,
      message: `the transaction was rejected by network rules.\n\n${rejectionText(error.details)}`,
    };
  if (hasCode(error, 'CHAIN_TX_MALFORMED'))
    return { code: BAD_REQUEST, message: 'the transaction was rejected by network rules.\n\nTX decode failed' };
  return { code: DAEMON_ERROR, message: 'the chain behind this server does not answer' };
}

function tipJson(tip: IndexedBlock): Readonly<Record<string, unknown>> {
  return { height: tip.height, hex: toHex(serializeBlockHeader(tip.header)) };
}

function historyJson({ id, block }: IndexedTransaction): Readonly<Record<string, unknown>> {
  return { tx_hash: id, height: block?.height ?? 0 };
}

function blockAt(index: ChainIndex, height: number): IndexedBlock {
  const block = index.blockAt(blockHeight(height));
  if (block === undefined) throw refusal(BAD_REQUEST, `height ${height} out of range`);
  return block;
}

function wholeAt(params: readonly unknown[], at: number): number {
  const value = params[at];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > 0x7fff_ffff)
    throw refusal(INVALID_PARAMS, `parameter ${at} should be a non-negative integer`);
  return value;
}

function textAt(params: readonly unknown[], at: number): string {
  const value = params[at];
  if (typeof value !== 'string' || !/^(?:[0-9a-f]{2})*$/i.test(value))
    throw refusal(INVALID_PARAMS, `parameter ${at} should be a hex string`);
  return value;
}
