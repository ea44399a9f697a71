import { type CryptoEngine, equalBytes, toHex } from '@bitcoin-enterprise/core';
import { ChainError } from '../errors.ts';
import type { BlockCheats, BlockNode } from '../model/block-node.ts';
import { addBlock, type ChainState, type ChainTools, stateAt } from '../model/chain-state.ts';
import { type Deployment, DEPLOYMENTS } from '../model/deployments.ts';
import { inOrder } from '../model/mempool.ts';
import { acceptToMempool } from '../model/mempool-accept.ts';
import { PersistentMap } from '../model/persistent-map.ts';
import { readBlock, readTransaction } from './refusals.ts';

/** Opens every dump: `BESCHAIN` and the version of the format. */
const MAGIC: Uint8Array = /* @__PURE__ */ Uint8Array.of(0x42, 0x45, 0x53, 0x43, 0x48, 0x41, 0x49, 0x4e);
/** Since 3 a dump names the deployments; 2 is a chain without any. */
const VERSION = 3;
const VERSION_WITHOUT_DEPLOYMENTS = 2;
const CHECKSUM_BYTES = 32;

/** A chain that is written, or was read. */
export interface DumpedChain {
  readonly state: ChainState;
  readonly deployments: readonly Deployment[];
}

/**
 * Writes a chain: header, deployments, time, impersonations, blocks, mempool, and SHA-256 of it all. Numbers are 32
 * bits, little endian.
 */
export function writeDump({ state, deployments }: DumpedChain, crypto: CryptoEngine): Uint8Array {
  const writer = new DumpWriter();
  writer.raw(MAGIC);
  writer.raw(Uint8Array.of(VERSION));
  writer.list(deployments, (name) => writer.number(DEPLOYMENTS.indexOf(name)));
  writer.number(state.earliestTime);
  writer.number(state.minedCount);
  writer.list([...state.impersonated].sort(), (key) => writer.text(key));
  writer.list(blocksInOrder(state), (node) => {
    writer.number(node.cheats?.inflates === true ? 1 : 0);
    writer.list(node.cheats?.unsatisfied ?? [], (position) => writer.text(position));
    writer.bytes(node.view.bytes);
  });
  writer.list(inOrder(state.mempool), ({ tx, waived }) => {
    writer.list([...waived], (input) => writer.number(input));
    writer.bytes(tx.bytes);
  });
  return writer.finish(crypto);
}

/**
 * Reads a chain and checks every rule on the way.
 *
 * @param before - The chain there is: blocks that it has too are taken over as they are, so that who follows the chain
 * sees no change where there is none, unless the dump's has deployments that it has not.
 * @param toolsFor - What to check a chain of some deployments with.
 * @throws {@link ChainError} `CHAIN_DUMP_INVALID`.
 */
export function readDump(
  dump: Uint8Array,
  before: DumpedChain,
  crypto: CryptoEngine,
  toolsFor: (deployments: readonly Deployment[]) => ChainTools,
): DumpedChain {
  const body = dump.subarray(0, -CHECKSUM_BYTES);
  if (dump.length <= MAGIC.length + CHECKSUM_BYTES) throw invalid('too short');
  const version = dump[MAGIC.length];
  if (
    !equalBytes(dump.subarray(0, MAGIC.length), MAGIC) ||
    (version !== VERSION && version !== VERSION_WITHOUT_DEPLOYMENTS)
  )
    throw invalid('not a dump of this version');
  if (!equalBytes(crypto.sha256(body), dump.subarray(-CHECKSUM_BYTES))) throw invalid('damaged');
  const reader = new DumpReader(body, MAGIC.length + 1);
  const deployments = version === VERSION ? readDeployments(reader) : [];
  const tools = toolsFor(deployments);
  // What was connected under fewer rules has to be asked again.
  const isKnown = deployments.every((name) => before.deployments.includes(name));
  const among: ChainState['nodes'] = isKnown ? before.state.nodes : PersistentMap.empty();
  const earliestTime = reader.number();
  const minedCount = reader.number();
  const impersonated = new Set(reader.list(() => reader.text()));
  let state: ChainState = { ...stateAt(before.state.tip.ancestor(0)), earliestTime, minedCount, impersonated };
  reader.list(() => {
    state = addDumpedBlock(state, reader, { tools, among });
  });
  reader.list(() => {
    state = addDumpedTransaction(state, reader, tools);
  });
  if (!reader.atEnd) throw invalid('longer than it says');
  return { state, deployments };
}

/** Reads the numbers of deployments, each once and in their order. */
function readDeployments(reader: DumpReader): readonly Deployment[] {
  let next = 0;
  return reader.list(() => {
    const place = reader.number();
    const name = DEPLOYMENTS[place];
    if (name === undefined || place < next) throw invalid('of a chain with rules that this version does not know');
    next = place + 1;
    return name;
  });
}

function addDumpedBlock(
  state: ChainState,
  reader: DumpReader,
  options: { readonly tools: ChainTools; readonly among: ChainState['nodes'] },
): ChainState {
  const { tools, among } = options;
  const inflates = reader.number() === 1;
  const unsatisfied = reader.list(() => reader.text());
  const cheats: BlockCheats | undefined = inflates || unsatisfied.length > 0 ? { inflates, unsatisfied } : undefined;
  const outcome = attempt(() => addBlock(state, readBlock(reader.bytes()), tools, { now: 0xffff_ffff, cheats, among }));
  if ('rejection' in outcome) throw invalid(`block refused: ${outcome.rejection.reason}`);
  return outcome.state;
}

function addDumpedTransaction(state: ChainState, reader: DumpReader, tools: ChainTools): ChainState {
  const { tip, impersonated, mempool } = state;
  const waived = reader.list(() => reader.number());
  const bytes = reader.bytes();
  const tx = attempt(() => readTransaction(bytes));
  if (waived.some((input) => input >= tx.inputCount)) throw invalid('names an input that is not there');
  const accepted = acceptToMempool(mempool, tx, { ...tools, tip, impersonated, waived, consensusOnly: true });
  if ('reason' in accepted) throw invalid(`transaction refused: ${accepted.reason}`);
  return { ...state, mempool: accepted.pool };
}

/** The best branch first, so that a branch of equal work does not win; then the others, lowest first. */
function blocksInOrder(state: ChainState): readonly BlockNode[] {
  const rank = (node: BlockNode): number => (node.isOn(state.tip) ? 0 : 1);
  return [...state.nodes.values()]
    .filter((node) => node.height > 0)
    .sort((a, b) => rank(a) - rank(b) || a.height - b.height || (toHex(a.hash) < toHex(b.hash) ? -1 : 1));
}

function attempt<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (cause) {
    throw invalid('holds something that is no block or transaction', cause);
  }
}

function invalid(reason: string, cause?: unknown): ChainError<'CHAIN_DUMP_INVALID'> {
  return new ChainError('CHAIN_DUMP_INVALID', `expected a dump of an embedded chain, got one that is: ${reason}`, {
    details: { reason },
    cause,
  });
}

class DumpWriter {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  raw(part: Uint8Array): void {
    this.#parts.push(part);
    this.#length += part.length;
  }

  number(value: number): void {
    this.raw(Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24));
  }

  bytes(value: Uint8Array): void {
    this.number(value.length);
    this.raw(value);
  }

  text(value: string): void {
    this.bytes(new TextEncoder().encode(value));
  }

  list<Item>(items: readonly Item[], write: (item: Item) => void): void {
    this.number(items.length);
    for (const item of items) write(item);
  }

  finish(crypto: CryptoEngine): Uint8Array {
    const dump = new Uint8Array(this.#length + CHECKSUM_BYTES);
    let offset = 0;
    for (const part of this.#parts) {
      dump.set(part, offset);
      offset += part.length;
    }
    dump.set(crypto.sha256(dump.subarray(0, offset)), offset);
    return dump;
  }
}

class DumpReader {
  readonly #bytes: Uint8Array;
  #offset: number;

  constructor(bytes: Uint8Array, offset: number) {
    this.#bytes = bytes;
    this.#offset = offset;
  }

  get atEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }

  number(): number {
    const at = this.#take(4);
    return new DataView(at.buffer, at.byteOffset, 4).getUint32(0, true);
  }

  bytes(): Uint8Array {
    return this.#take(this.number());
  }

  text(): string {
    return new TextDecoder().decode(this.bytes());
  }

  /** Each item takes a byte at least, so that a false count ends at the end of the dump. */
  list<Item>(read: () => Item): readonly Item[] {
    const items: Item[] = [];
    for (let count = this.number(); count > 0; count--) items.push(read());
    return items;
  }

  #take(length: number): Uint8Array {
    const end = this.#offset + length;
    if (end > this.#bytes.length) throw invalid('cut short');
    const taken = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return taken;
  }
}
