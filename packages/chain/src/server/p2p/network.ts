import { connect, createServer, type Server, type Socket } from 'node:net';
import { equalBytes, toHex } from '@bitcoin-enterprise/core';
import {
  parseBlockHeader,
  serializeBlockHeader,
  type TransactionView,
  viewBlock,
  viewTransaction,
} from '@bitcoin-enterprise/script';
import { type BlockNode, forkPoint, pathBetween } from '../../model/block-node.ts';
import type { ChainState } from '../../model/chain-state.ts';
import { inOrder } from '../../model/mempool.ts';
import { hashJson } from '../arguments.ts';
import type { Neighbours } from '../neighbours.ts';
import type { RegtestNode } from '../node.ts';
import { rejectionText } from '../rejection-text.ts';
import type { Message } from './framing.ts';
import {
  Inventory,
  type InventoryItem,
  readGetHeaders,
  readHeaders,
  readInventory,
  readVersion,
  writeGetHeaders,
  writeHeaders,
  writeInventory,
  writeVersion,
} from './payloads.ts';
import { Peer, type PeerTimeouts } from './peer.ts';

export type { PeerTimeouts } from './peer.ts';

const MAX_HEADERS = 2_000;
/** Most things of one message, and most blocks of a locator, as in Core; who sends more is left. */
const MAX_INVENTORY = 50_000;
const MAX_LOCATOR = 101;
/** Most connections that others may open, as in Core. */
const MAX_INBOUND = 125;
/** Ways to ask for a block; who asks for a compact one may be given the whole one (BIP152). */
const BLOCKS = new Set<number>([Inventory.BLOCK, Inventory.COMPACT_BLOCK, Inventory.BLOCK_WITH_WITNESS]);
/** More new blocks than this are announced by the last one alone. */
const MAX_ANNOUNCED = 8;
/** Most transactions of a kind that are kept for others. */
const MAX_KEPT = 100;
/** Faults of a block that its sender cannot know of, or that may pass. */
const FORGIVEN = new Set(['time-too-new', 'duplicate', 'inconclusive']);

/** Where it listens, if it does. */
export interface PeerNetworkOptions {
  readonly host: string;
  readonly port: number;
}

/**
 * The least of the peer-to-peer protocol that lets nodes of this kind, and test frameworks, exchange blocks and
 * transactions: version 1, handshake, headers, blocks, transactions, pings. No addresses, no filters.
 */
export class PeerNetwork implements Neighbours {
  readonly #node: RegtestNode;
  readonly #peers = new Map<number, Peer>();
  readonly #nonce: bigint = BigInt(Math.floor(Math.random() * Number.MAX_SAFE_INTEGER));
  #server: Server | undefined;
  readonly #timeouts: PeerTimeouts;
  #nextId = 0;
  /** Transactions that paid too little, by id, and those without parents, by witness id. */
  readonly #poor = new Map<string, TransactionView>();
  readonly #orphans = new Map<string, TransactionView>();
  /** Whom a change came from: it is not told of it. */
  #source: Peer | undefined;

  constructor(node: RegtestNode, timeouts: PeerTimeouts = {}) {
    this.#node = node;
    this.#timeouts = timeouts;
    node.observe((before, after) => this.#announce(before, after));
  }

  /** The connections, oldest first. */
  get peers(): readonly Peer[] {
    return [...this.#peers.values()];
  }

  /** Starts to listen, at the port that it answers. */
  async listen({ host, port }: PeerNetworkOptions): Promise<number> {
    const server = createServer((socket) => this.#add(socket, true));
    server.maxConnections = MAX_INBOUND;
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => resolve());
    });
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  /** Connects to another node. */
  connect(host: string, port: number): void {
    const socket = connect({ host, port });
    socket.once('connect', () => this.#hello(this.#add(socket, false)));
    socket.once('error', () => socket.destroy());
  }

  /** Ends a connection; `false` where there is none of that kind. */
  disconnect(which: (peer: Peer) => boolean): boolean {
    const found = this.peers.filter(which);
    for (const peer of found) peer.close();
    return found.length > 0;
  }

  close(): void {
    this.#server?.close();
    for (const peer of this.#peers.values()) peer.close();
  }

  #add(socket: Socket, isInbound: boolean): Peer {
    const peer: Peer = new Peer(socket, {
      id: this.#nextId++,
      isInbound,
      now: this.#node.now,
      crypto: this.#node.tools.crypto,
      timeouts: this.#timeouts,
      events: {
        onMessage: (from, message) => this.#hear(from, message),
        onClose: (from) => this.#peers.delete(from.id),
      },
    });
    this.#peers.set(peer.id, peer);
    return peer;
  }

  #hello(peer: Peer): void {
    const { subversion, tip, now } = this.#node;
    peer.send('version', writeVersion({ subversion, height: tip.height, nonce: this.#nonce, time: now }));
  }

  #hear(peer: Peer, message: Message): Iterator<Message> | undefined {
    this.#node.log(`received: ${message.type} (${message.payload.length} bytes) peer=${peer.id}`);
    try {
      this.#source = peer;
      return this.#answer(peer, message);
    } catch {
      // A message that cannot be read is as good as none.
      this.#node.log(`ProcessMessages(${message.type}, ${message.payload.length} bytes): malformed peer=${peer.id}`);
      return undefined;
    } finally {
      this.#source = undefined;
    }
  }

  #answer(peer: Peer, { type, payload }: Message): Iterator<Message> | undefined {
    switch (type) {
      case 'getdata':
        return this.#inventory(peer, payload, (items) => this.#give(items));
      case 'mempool':
        return this.#listMempool(peer);
      case 'version':
        this.#meet(peer, payload);
        break;
      case 'verack':
        this.#begin(peer);
        break;
      case 'wtxidrelay':
        peer.wantsWitnessIds = true;
        break;
      case 'sendheaders':
        peer.wantsHeaders = true;
        break;
      case 'ping':
        peer.send('pong', payload);
        break;
      case 'getheaders':
        this.#giveHeaders(peer, payload);
        break;
      case 'headers':
        this.#takeHeaders(peer, readHeaders(payload));
        break;
      case 'inv':
        this.#inventory(peer, payload, (items) => this.#takeInventory(peer, items));
        break;
      case 'block':
        this.#takeBlock(peer, payload);
        break;
      case 'tx':
        this.#takeTransaction(peer, payload);
        break;
      default:
    }
    return undefined;
  }

  /** Does something with the things that a message names; who names too many is left. */
  #inventory<Answer>(
    peer: Peer,
    payload: Uint8Array,
    use: (items: readonly InventoryItem[]) => Answer,
  ): Answer | undefined {
    const items = readInventory(payload);
    if (items.length <= MAX_INVENTORY) return use(items);
    peer.close();
    return undefined;
  }

  #meet(peer: Peer, payload: Uint8Array): void {
    const version = readVersion(payload);
    if (version === undefined || peer.version !== undefined) return;
    peer.version = version;
    if (peer.isInbound) this.#hello(peer);
    peer.send('wtxidrelay');
    peer.send('sendaddrv2');
    peer.send('verack');
  }

  #begin(peer: Peer): void {
    if (peer.version === undefined || peer.isReady) return;
    peer.isReady = true;
    peer.send('sendheaders');
    // Who waits for a pong knows that the handshake is over on both sides.
    peer.send('ping', crypto.getRandomValues(new Uint8Array(8)));
    this.#askHeaders(peer);
  }

  #askHeaders(peer: Peer): void {
    peer.send('getheaders', writeGetHeaders(this.#locator()));
  }

  /** Known blocks, close to the tip one by one, then in ever larger steps. */
  #locator(): readonly Uint8Array[] {
    const { tip } = this.#node;
    const locator: Uint8Array[] = [];
    for (let height = tip.height, step = 1; height > 0; height -= step) {
      locator.push(tip.ancestor(height).hash);
      if (locator.length > 10) step *= 2;
    }
    return [...locator, tip.ancestor(0).hash];
  }

  #giveHeaders(peer: Peer, payload: Uint8Array): void {
    const asked = readGetHeaders(payload);
    if (asked === undefined || asked.locator.length > MAX_LOCATOR) return peer.close();
    const { locator, stop } = asked;
    const { tip, state } = this.#node;
    const known = locator.map((hash) => state.nodes.get(hash)).find((node) => node?.isOn(tip) === true);
    const wanted = locator.length === 0 ? state.nodes.get(stop) : undefined;
    const first = wanted?.height ?? (known?.height ?? 0) + 1;
    const headers: Uint8Array[] = [];
    for (let height = first; height <= tip.height && headers.length < MAX_HEADERS; height++) {
      const node = wanted ?? tip.ancestor(height);
      headers.push(serializeBlockHeader(node.header));
      if (wanted !== undefined || toHex(node.hash) === toHex(stop)) break;
    }
    peer.send('headers', writeHeaders(headers));
  }

  #takeHeaders(peer: Peer, headers: readonly Uint8Array[]): void {
    const { state, tools } = this.#node;
    const [first] = headers;
    if (first === undefined) return;
    if (headers.length > MAX_HEADERS) return peer.close();
    if (state.nodes.get(parseBlockHeader(first).previousBlockHash) === undefined) return this.#askHeaders(peer);
    const wanted = headers
      .map((header) => tools.crypto.hash256(header))
      .filter((hash) => state.nodes.get(hash) === undefined && state.failed.get(hash) === undefined);
    for (const hash of wanted) peer.knows(toHex(hash));
    if (wanted.length > 0)
      peer.send('getdata', writeInventory(wanted.map((hash) => ({ type: Inventory.BLOCK_WITH_WITNESS, hash }))));
    if (headers.length === MAX_HEADERS) this.#askHeaders(peer);
  }

  #takeInventory(peer: Peer, items: readonly InventoryItem[]): void {
    const { state } = this.#node;
    const wanted: InventoryItem[] = [];
    let isBehind = false;
    for (const { type, hash } of items) {
      peer.knows(toHex(hash));
      if (type === Inventory.BLOCK) isBehind ||= state.nodes.get(hash) === undefined;
      else if (state.mempool.entries.get(hash) === undefined)
        wanted.push({ type: type === Inventory.WITNESS_TX ? type : Inventory.TX_WITH_WITNESS, hash });
    }
    if (isBehind) this.#askHeaders(peer);
    if (wanted.length > 0 && !this.#node.isInitialDownload) peer.send('getdata', writeInventory(wanted));
  }

  *#give(items: readonly InventoryItem[]): Generator<Message, void> {
    const missing: InventoryItem[] = [];
    let byWitnessId: ReadonlyMap<string, TransactionView> | undefined;
    for (const item of items) {
      // The chain may be another one each time that the peer has read something.
      const { nodes, mempool } = this.#node.state;
      if (BLOCKS.has(item.type)) {
        const block = nodes.get(item.hash);
        if (block !== undefined) yield { type: 'block', payload: block.view.bytes };
        continue;
      }
      const isByWitnessId = item.type === Inventory.WITNESS_TX;
      if (isByWitnessId) byWitnessId ??= this.#waitingByWitnessId();
      const tx = isByWitnessId ? byWitnessId?.get(toHex(item.hash)) : mempool.entries.get(item.hash)?.tx;
      if (tx === undefined) {
        missing.push(item);
        continue;
      }
      yield { type: 'tx', payload: item.type === Inventory.TX ? tx.baseBytes() : tx.bytes };
      this.#node.share(tx.id());
    }
    if (missing.length > 0) yield { type: 'notfound', payload: writeInventory(missing) };
  }

  #waitingByWitnessId(): ReadonlyMap<string, TransactionView> {
    return new Map([...this.#node.state.mempool.entries.values()].map(({ tx }) => [toHex(tx.witnessId()), tx]));
  }

  #takeBlock(peer: Peer, payload: Uint8Array): void {
    const view = viewBlock(payload);
    peer.knows(toHex(this.#node.tools.crypto.hash256(payload.subarray(0, 80))));
    const outcome = this.#node.submit(view);
    if (!('rejection' in outcome)) return;
    const { reason, detail } = rejectionText(outcome.rejection);
    this.#node.log(
      `ERROR: ProcessNewBlock: AcceptBlock FAILED (${detail === undefined ? reason : `${reason}, ${detail}`})`,
    );
    if (reason === 'prev-blk-not-found') return this.#askHeaders(peer);
    if (!FORGIVEN.has(reason)) peer.close();
  }

  #takeTransaction(peer: Peer, payload: Uint8Array): void {
    const tx = viewTransaction(payload);
    peer.knows(toHex(tx.id()));
    peer.knows(toHex(tx.witnessId()));
    const accepted = this.#node.accept(tx);
    const names = `${hashJson(tx.id())} (wtxid=${hashJson(tx.witnessId())})`;
    if (!('reason' in accepted)) {
      this.#node.share(tx.id());
      this.#node.log(`AcceptToMemoryPool: peer=${peer.id}: accepted ${names}`);
      this.#retryOrphans(peer, tx);
      return;
    }
    const { reason, detail } = rejectionText(accepted);
    const said = detail === undefined ? reason : `${reason}, ${detail}`;
    this.#node.log(`${names} from peer=${peer.id} was not accepted: ${said}`);
    if (accepted.category === 'reconsiderable') this.#keepForChild(tx);
    else if (accepted.category === 'missing-inputs') this.#keepOrphan(peer, tx);
  }

  /** A transaction that pays too little by itself: a child that waits for it, or comes later, may pay for both. */
  #keepForChild(tx: TransactionView): void {
    remember(this.#poor, toHex(tx.id()), tx);
    for (const orphan of this.#orphans.values()) if (spendsFrom(orphan, tx)) this.#node.acceptPackage([tx, orphan]);
  }

  /** A transaction whose parents are not there: either one that paid too little is, or they are asked for. */
  #keepOrphan(peer: Peer, tx: TransactionView): void {
    remember(this.#orphans, toHex(tx.witnessId()), tx);
    for (let i = 0; i < tx.inputCount; i++) {
      const txid = tx.previousTxid(i);
      const poor = this.#poor.get(toHex(txid));
      if (poor !== undefined) this.#node.acceptPackage([poor, tx]);
      else if (this.#node.find(txid) === undefined)
        peer.send('getdata', writeInventory([{ type: Inventory.TX_WITH_WITNESS, hash: txid }]));
    }
  }

  #retryOrphans(peer: Peer, parent: TransactionView): void {
    for (const [name, orphan] of this.#orphans)
      if (spendsFrom(orphan, parent)) {
        this.#orphans.delete(name);
        this.#takeTransaction(peer, orphan.bytes);
      }
  }

  /** Tells all of what has changed, but for the one it came from. */
  #announce(before: ChainState, after: ChainState): void {
    const others = this.peers.filter((peer) => peer.isReady);
    if (others.length === 0) return;
    if (before.tip !== after.tip) for (const peer of others) this.#announceBlocks(peer, before.tip, after.tip);
    if (before.mempool.entries === after.mempool.entries) return;
    const { gained } = before.mempool.entries.changesTo(after.mempool.entries);
    const fresh = gained.map(({ value }) => value).toSorted((a, b) => a.sequence - b.sequence);
    for (const peer of others)
      for (const { tx } of fresh) if (before.mempool.entries.get(tx.id()) === undefined) this.#tellOf(peer, tx);
  }

  #announceBlocks(peer: Peer, before: BlockNode, after: BlockNode): void {
    const fresh = pathBetween(forkPoint(before, after), after).filter(({ hash }) => !peer.known.has(toHex(hash)));
    const last = fresh.at(-1);
    if (last === undefined || peer === this.#source) return;
    for (const { hash } of fresh) peer.knows(toHex(hash));
    if (peer.wantsHeaders && fresh.length <= MAX_ANNOUNCED)
      peer.send('headers', writeHeaders(fresh.map(({ header }) => serializeBlockHeader(header))));
    else peer.send('inv', writeInventory([{ type: Inventory.BLOCK, hash: last.hash }]));
  }

  *#listMempool(peer: Peer): Generator<Message, void> {
    for (const { tx } of inOrder(this.#node.state.mempool)) {
      const news = newsOf(peer, tx);
      if (news !== undefined) yield news;
    }
  }

  #tellOf(peer: Peer, tx: TransactionView): void {
    const news = newsOf(peer, tx);
    if (news !== undefined) peer.send(news.type, news.payload);
  }
}

/** What tells a peer of a transaction; `undefined` where it knows of it, or wants to know of none. */
function newsOf(peer: Peer, tx: TransactionView): Message | undefined {
  if (peer.version?.relays === false) return undefined;
  const hash = peer.wantsWitnessIds ? tx.witnessId() : tx.id();
  if (peer.known.has(toHex(hash))) return undefined;
  peer.knows(toHex(hash));
  const type = peer.wantsWitnessIds ? Inventory.WITNESS_TX : Inventory.TX;
  return { type: 'inv', payload: writeInventory([{ type, hash }]) };
}

/** Keeps something, and lets the oldest go. */
function remember(into: Map<string, TransactionView>, name: string, tx: TransactionView): void {
  into.set(name, tx);
  const [oldest] = into.keys();
  if (into.size > MAX_KEPT && oldest !== undefined) into.delete(oldest);
}

function spendsFrom(tx: TransactionView, parent: TransactionView): boolean {
  for (let i = 0; i < tx.inputCount; i++) if (equalBytes(tx.previousTxid(i), parent.id())) return true;
  return false;
}
