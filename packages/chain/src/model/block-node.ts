import type { BlockHeader, BlockView, TransactionView } from '@bitcoin-enterprise/script';
import type { Coins } from './coins.ts';
import { MEDIAN_TIME_SPAN } from './limits.ts';
import type { PersistentMap } from './persistent-map.ts';

/** Where a transaction is in the chain. */
export interface TransactionPlace {
  readonly node: BlockNode;
  /** Position in the block. */
  readonly index: number;
}

/** What the chain knows once it has connected a block: the world right after it. */
export interface Connected {
  readonly coins: Coins;
  /** Every transaction up to this block, by id. */
  readonly places: PersistentMap<TransactionPlace>;
}

/** How a block departs from the rules by the user's wish; such a block does not replay on a real node. */
export interface BlockCheats {
  /** The coinbase pays more than the subsidy and fees, and its outputs need not mature. */
  readonly inflates: boolean;
  /** Inputs whose scripts were not asked, as `transaction:input` positions. */
  readonly unsatisfied: readonly string[];
}

/** A block in the tree of blocks. It never changes, but for `connected`, which is a function of it. */
export class BlockNode {
  readonly hash: Uint8Array;
  readonly height: number;
  readonly view: BlockView;
  readonly parent: BlockNode | undefined;
  readonly cheats: BlockCheats | undefined;
  /** Order in which blocks were first seen: of two with equal work the earlier one stays. */
  readonly sequence: number;
  /** Sum of the work from the genesis block to here. */
  readonly work: bigint;
  /** Median of the times of this block and the ten before (BIP113), Unix seconds. */
  readonly medianTime: number;
  /** Whether neither this block nor any before it cheats. */
  readonly faithful: boolean;
  /** The world after this block, once it was connected. */
  connected: Connected | undefined;
  readonly #skip: BlockNode | undefined;

  constructor(
    hash: Uint8Array,
    view: BlockView,
    parent: BlockNode | undefined,
    options: { readonly blockWork: bigint; readonly cheats?: BlockCheats | undefined; readonly sequence?: number },
  ) {
    this.hash = hash;
    this.view = view;
    this.parent = parent;
    this.cheats = options.cheats;
    this.sequence = options.sequence ?? 0;
    this.height = parent === undefined ? 0 : parent.height + 1;
    this.work = (parent?.work ?? 0n) + options.blockWork;
    this.medianTime = medianTimeFrom(view.header.time, parent);
    this.faithful = options.cheats === undefined && (parent?.faithful ?? true);
    this.#skip = parent?.ancestor(skipHeight(this.height));
  }

  /** The block's header. */
  get header(): BlockHeader {
    return this.view.header;
  }

  /** The block's transactions. */
  get transactions(): readonly TransactionView[] {
    return this.view.transactions;
  }

  /** The block of this branch at a height, 0 to this block's own. */
  ancestor(height: number): BlockNode {
    if (this.height <= height) return this;
    const skip = this.#skip;
    const next = skip !== undefined && skip.height >= height ? skip : (this.parent as BlockNode);
    return next.ancestor(height);
  }

  /** Whether this block is on the branch that ends in `tip`. */
  isOn(tip: BlockNode): boolean {
    return this.height <= tip.height && tip.ancestor(this.height) === this;
  }
}

/** The last block that two branches share. */
export function forkPoint(left: BlockNode, right: BlockNode): BlockNode {
  let a = left.ancestor(Math.min(left.height, right.height));
  let b = right.ancestor(a.height);
  while (a !== b) {
    a = a.parent as BlockNode;
    b = b.parent as BlockNode;
  }
  return a;
}

/** The blocks from behind `from` up to `to`, lowest first. */
export function pathBetween(from: BlockNode, to: BlockNode): readonly BlockNode[] {
  const path: BlockNode[] = [];
  for (let at = to; at !== from; at = at.parent as BlockNode) path.push(at);
  return path.reverse();
}

function medianTimeFrom(time: number, parent: BlockNode | undefined): number {
  const times = [time];
  for (let at = parent; at !== undefined && times.length < MEDIAN_TIME_SPAN; at = at.parent) times.push(at.header.time);
  times.sort((a, b) => a - b);
  return times[times.length >> 1] as number;
}

/** Which ancestor to point at, so that any one is reached in a logarithmic number of steps (a deterministic skip list). */
function skipHeight(height: number): number {
  const clearLowestBit = (value: number): number => value & (value - 1);
  if (height < 2) return 0;
  return (height & 1) === 1 ? clearLowestBit(clearLowestBit(height - 1)) + 1 : clearLowestBit(height);
}
