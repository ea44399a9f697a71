import { type Clock, equalBytes, toHex } from '@bitcoin-enterprise/core';
import { BLOCK_HEADER_SIZE, type BlockHeader } from '@bitcoin-enterprise/script';
import {
  type DifficultyRule,
  isTooNew,
  isWithinLimit,
  requiredBits,
  RETARGET_PERIOD,
  stepsTooFarBack,
} from '../model/difficulty.ts';
import { targetOf, workOf } from '../model/proof-of-work.ts';
import { answerInvalid, nodeStale } from './answer.ts';
import { Cache } from './cache.ts';
import { medianTimeOf, proveHeader } from './evidence.ts';

/** A header and its place. */
export interface PlacedHeader {
  readonly hash: Uint8Array;
  readonly header: BlockHeader;
  readonly height: number;
  readonly medianTime: number;
  /** Expected hashes behind it and all headers before it, as far down as they are known. */
  readonly work: bigint;
}

/** What headers are held against. */
export interface HeaderChainOptions {
  /** Height of the first header that will be added. */
  readonly base: number;
  /** The network's. */
  readonly rule: DifficultyRule;
  /** What is the future. */
  readonly clock: Clock;
}

/** Blocks that were reorganised away and are remembered. */
const KEPT_STALE = 2_000;
/** Headers that a median time needs below a block. */
const MEDIAN_SPAN = 10;

/** The height from which headers must be known to judge those after a block: a period, and what its times need. */
export function baseFor(height: number): number {
  return Math.max(0, height - (height % RETARGET_PERIOD) - MEDIAN_SPAN);
}

/**
 * Headers one upon the other, each with the work that its network demands at its height: what a client believes that
 * sees no blocks. It moves to another branch only if that has as much work.
 */
export class HeaderChain {
  readonly #options: HeaderChainOptions;
  readonly #headers: PlacedHeader[] = [];
  readonly #heights = new Map<string, number>();
  readonly #stale = new Cache<PlacedHeader>(KEPT_STALE);

  /** @param options - Where it begins, what holds in it. */
  constructor(options: HeaderChainOptions) {
    this.#options = options;
  }

  /** Height that the next header must have. */
  get nextHeight(): number {
    return this.#options.base + this.#headers.length;
  }

  /** The last header; `undefined` before the first. */
  get tip(): PlacedHeader | undefined {
    return this.#headers.at(-1);
  }

  /** The header at a height of the branch; those first ones are not shown whose median time is not known. */
  at(height: number): PlacedHeader | undefined {
    return height < this.#shownFrom ? undefined : this.#known(height);
  }

  /** A header by its hash, on the branch or off it. */
  find(hash: Uint8Array): { readonly placed: PlacedHeader; readonly best: boolean } | undefined {
    const key = toHex(hash);
    const height = this.#heights.get(key);
    const placed = height === undefined ? undefined : this.at(height);
    if (placed !== undefined) return { placed, best: true };
    const stale = this.#stale.get(key);
    return stale === undefined ? undefined : { placed: stale, best: false };
  }

  /**
   * Adds the first headers, of which the last one is known to be good by its hash: those before it are so by theirs.
   *
   * @param bytes - 80 bytes each, one after the other.
   * @throws ChainError `CHAIN_NODE_ANSWER_INVALID` for one without work, or that is not built upon the one before.
   */
  begin(method: string, bytes: Uint8Array): void {
    const branch = new HeaderBranch({ ...this.#options, height: this.#options.base, below: () => undefined });
    branch.trust(method, bytes);
    this.#put(branch.height, branch.headers);
  }

  /** Begins a branch that leaves this one below a height. */
  branchAt(method: string, height: number): HeaderBranch {
    if (height <= this.#options.base || height > this.nextHeight)
      throw answerInvalid(method, 'headers that follow the ones known');
    return new HeaderBranch({ ...this.#options, height, below: (at) => this.#known(at) });
  }

  /** Whether a branch has as much work as this one, so that it may take its place. */
  isOutweighedBy(branch: HeaderBranch): boolean {
    return (branch.tip?.work ?? 0n) >= (this.tip?.work ?? 0n);
  }

  /**
   * Moves to a branch.
   *
   * @throws ChainError `CHAIN_NODE_STALE` when it has less work.
   */
  adopt(method: string, branch: HeaderBranch): void {
    if (!this.isOutweighedBy(branch))
      throw nodeStale(method, { height: branch.height + branch.headers.length - 1, knownHeight: this.nextHeight - 1 });
    this.#put(branch.height, branch.headers);
  }

  /**
   * Puts headers in the place of those from a height up: all of them, or none when one does not fit.
   *
   * @param height - Of the first one; at most one above the tip.
   * @param bytes - 80 bytes each, one after the other.
   * @throws ChainError `CHAIN_NODE_ANSWER_INVALID` for one that breaks a rule, `CHAIN_NODE_STALE` when all of them have
   * less work than those that are there.
   */
  replaceFrom(method: string, height: number, bytes: Uint8Array): void {
    const branch = this.branchAt(method, height);
    branch.add(method, bytes);
    this.adopt(method, branch);
  }

  get #shownFrom(): number {
    const { base } = this.#options;
    return base === 0 ? 0 : base + MEDIAN_SPAN;
  }

  #known(height: number): PlacedHeader | undefined {
    return this.#headers[height - this.#options.base];
  }

  #put(height: number, headers: readonly PlacedHeader[]): void {
    for (const placed of this.#headers.splice(height - this.#options.base)) {
      this.#heights.delete(toHex(placed.hash));
      this.#stale.set(toHex(placed.hash), placed);
    }
    for (const placed of headers) {
      this.#headers.push(placed);
      if (placed.height >= this.#shownFrom) this.#heights.set(toHex(placed.hash), placed.height);
    }
  }
}

/** Headers that may follow some of a {@link HeaderChain}, each proven as it is added. */
export class HeaderBranch {
  /** Of its first header. */
  readonly height: number;
  readonly #rule: DifficultyRule;
  readonly #clock: Clock;
  readonly #below: (height: number) => PlacedHeader | undefined;
  readonly #headers: PlacedHeader[] = [];

  /** @param options - `height`: of its first header; `below`: what comes before that. */
  constructor(
    options: Omit<HeaderChainOptions, 'base'> & {
      readonly height: number;
      readonly below: (height: number) => PlacedHeader | undefined;
    },
  ) {
    this.height = options.height;
    this.#rule = options.rule;
    this.#clock = options.clock;
    this.#below = options.below;
  }

  /** What was added. */
  get headers(): readonly PlacedHeader[] {
    return this.#headers;
  }

  /** The last one; the one that it is built upon before the first. */
  get tip(): PlacedHeader | undefined {
    return this.#headers.at(-1) ?? this.#below(this.height - 1);
  }

  /**
   * Adds headers that must keep every rule of the network; what comes before one that does not stays.
   *
   * @param bytes - 80 bytes each, one after the other.
   * @throws ChainError `CHAIN_NODE_ANSWER_INVALID`.
   */
  add(method: string, bytes: Uint8Array): void {
    for (const proven of this.#linked(method, bytes)) {
      this.#requireRule(method, proven.header);
      this.#push(proven);
    }
  }

  /** Adds headers that something else vouches for: each must only be built upon the one before. */
  trust(method: string, bytes: Uint8Array): void {
    for (const proven of this.#linked(method, bytes)) {
      if (!isWithinLimit(this.#rule, proven.header.bits)) throw tooEasy(method);
      this.#push(proven);
    }
  }

  *#linked(
    method: string,
    bytes: Uint8Array,
  ): Generator<{ readonly hash: Uint8Array; readonly header: BlockHeader }, void, undefined> {
    if (bytes.length % BLOCK_HEADER_SIZE !== 0) throw answerInvalid(method, 'headers of 80 bytes each');
    for (let offset = 0; offset < bytes.length; offset += BLOCK_HEADER_SIZE) {
      const proven = proveHeader(method, new Uint8Array(bytes.subarray(offset, offset + BLOCK_HEADER_SIZE)));
      const before = this.tip;
      if (before !== undefined && !equalBytes(proven.header.previousBlockHash, before.hash))
        throw answerInvalid(method, 'headers of which each is built upon the one before');
      yield proven;
    }
  }

  #requireRule(method: string, { bits, time }: BlockHeader): void {
    const rule = this.#rule;
    const height = this.height + this.#headers.length;
    const before = this.tip;
    if (!isWithinLimit(rule, bits)) throw tooEasy(method);
    // A height whose difficulty cannot be told is none that may be believed.
    if (requiredBits(rule, { height, time }, (at) => this.#at(at)?.header) !== bits)
      throw answerInvalid(method, 'of the difficulty that the rule demands');
    if (before === undefined || time <= before.medianTime)
      throw answerInvalid(method, 'headers later than the median of the eleven before');
    if (stepsTooFarBack(rule, { height, time }, before.header.time))
      throw answerInvalid(method, 'headers that step back no further than BIP94 allows');
    if (isTooNew(rule, time, this.#clock.now()))
      throw answerInvalid(method, 'headers of at most two hours ahead of the clock of this machine');
  }

  #at(height: number): PlacedHeader | undefined {
    return height < this.height ? this.#below(height) : this.#headers[height - this.height];
  }

  #push({ hash, header }: { readonly hash: Uint8Array; readonly header: BlockHeader }): void {
    const height = this.height + this.#headers.length;
    const headers = [header];
    for (let below = height - 1; below >= height - MEDIAN_SPAN; below--) {
      const placed = this.#at(below);
      if (placed !== undefined) headers.push(placed.header);
    }
    const work = (this.tip?.work ?? 0n) + workOf(targetOf(header.bits) ?? 0n);
    this.#headers.push({ hash, header, height, medianTime: medianTimeOf(headers), work });
  }
}

function tooEasy(method: string): Error {
  return answerInvalid(method, 'headers no easier than the network allows');
}
