import { equalBytes, type NetworkName, toHex } from '@bitcoin-enterprise/core';
import { BLOCK_HEADER_SIZE, type BlockHeader } from '@bitcoin-enterprise/script';
import { targetOf } from '../model/proof-of-work.ts';
import { answerInvalid } from './answer.ts';
import { Cache } from './cache.ts';
import { medianTimeOf, proveHeader } from './evidence.ts';

/** A header and its place. */
export interface PlacedHeader {
  readonly hash: Uint8Array;
  readonly header: BlockHeader;
  readonly height: number;
  readonly medianTime: number;
}

/** Blocks between two changes of the difficulty. */
const PERIOD = 2_016;
/** What a period should take, in seconds. */
const PERIOD_SECONDS = 14 * 86_400;
/** The easiest target of the main network. */
const MAIN_LIMIT = 0xffffn << 208n;
/** Blocks that were reorganised away and are remembered. */
const KEPT_STALE = 2_000;
/** Headers that a median time needs below a block. */
export const MEDIAN_SPAN = 10;

/**
 * Headers one upon the other, each with its proof of work: what a client believes that sees no blocks. On the main
 * network and on regtest the difficulty is held against its rule, too; the test networks' has exceptions.
 */
export class HeaderChain {
  readonly #base: number;
  readonly #network: NetworkName | undefined;
  readonly #headers: PlacedHeader[] = [];
  readonly #heights = new Map<string, number>();
  readonly #stale = new Cache<PlacedHeader>(KEPT_STALE);

  /**
   * @param base - Height of the first header that will be added.
   * @param network - Whose rule of difficulty holds; none when it is not known.
   */
  constructor(base: number, network: NetworkName | undefined) {
    this.#base = base;
    this.#network = network;
  }

  /** Height that the next header must have. */
  get nextHeight(): number {
    return this.#base + this.#headers.length;
  }

  /** The last header; `undefined` before the first. */
  get tip(): PlacedHeader | undefined {
    return this.#headers.at(-1);
  }

  /** The header at a height of the branch. */
  at(height: number): PlacedHeader | undefined {
    return this.#headers[height - this.#base];
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
   * Puts headers in the place of those from a height up: all of them, or none when one does not fit.
   *
   * @param height - Of the first one; at most one above the tip.
   * @param bytes - 80 bytes each, one after the other.
   * @throws ChainError `CHAIN_NODE_ANSWER_INVALID` for one without work, or that is not built upon the one before.
   */
  replaceFrom(method: string, height: number, bytes: Uint8Array): void {
    if (height < this.#base || height > this.nextHeight || bytes.length % BLOCK_HEADER_SIZE !== 0)
      throw answerInvalid(method, 'headers that follow the ones known');
    const removed = this.#headers.splice(height - this.#base);
    try {
      for (let offset = 0; offset < bytes.length; offset += BLOCK_HEADER_SIZE)
        this.#add(method, bytes.subarray(offset, offset + BLOCK_HEADER_SIZE));
    } catch (error) {
      this.#headers.splice(height - this.#base);
      this.#headers.push(...removed);
      throw error;
    }
    for (const placed of removed) {
      this.#heights.delete(toHex(placed.hash));
      this.#stale.set(toHex(placed.hash), placed);
    }
    for (const placed of this.#headers.slice(height - this.#base)) this.#heights.set(toHex(placed.hash), placed.height);
  }

  #add(method: string, bytes: Uint8Array): void {
    const { hash, header } = proveHeader(method, new Uint8Array(bytes));
    const before = this.tip;
    if (before !== undefined && !equalBytes(header.previousBlockHash, before.hash))
      throw answerInvalid(method, 'headers of which each is built upon the one before');
    const height = this.nextHeight;
    const expected = this.#expectedBits(height);
    if (expected !== undefined && expected !== header.bits)
      throw answerInvalid(method, 'of the difficulty that the rule demands');
    const below = this.#headers.slice(-MEDIAN_SPAN).map((placed) => placed.header);
    this.#headers.push({ hash, header, height, medianTime: medianTimeOf([header, ...below.reverse()]) });
  }

  /** The compact target that a height must have; `undefined` where no rule is known, or too few headers. */
  #expectedBits(height: number): number | undefined {
    const before = this.at(height - 1);
    if (before === undefined || (this.#network !== 'main' && this.#network !== 'regtest')) return undefined;
    if (this.#network === 'regtest' || height % PERIOD !== 0) return before.header.bits;
    const first = this.at(height - PERIOD);
    return first === undefined ? undefined : nextBits(before.header, first.header);
  }
}

/** The compact target after a period of the main network. */
export function nextBits(last: BlockHeader, first: BlockHeader): number | undefined {
  const target = targetOf(last.bits);
  if (target === undefined) return undefined;
  const seconds = Math.min(PERIOD_SECONDS * 4, Math.max(PERIOD_SECONDS / 4, last.time - first.time));
  const next = (target * BigInt(seconds)) / BigInt(PERIOD_SECONDS);
  return bitsOf(next > MAIN_LIMIT ? MAIN_LIMIT : next);
}

/** The compact form of a target: three digits of base 256 and their number. */
function bitsOf(target: bigint): number {
  let size = Math.ceil(target.toString(16).length / 2);
  let mantissa = size <= 3 ? Number(target << BigInt(8 * (3 - size))) : Number(target >> BigInt(8 * (size - 3)));
  // The highest bit of the digits would make the number negative.
  if (mantissa >= 0x80_0000) {
    mantissa >>= 8;
    size += 1;
  }
  return size * 0x100_0000 + mantissa;
}
