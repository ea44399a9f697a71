import { type BlockHeight, type Clock, displayHash, equalBytes, toHex } from '@bitcoin-enterprise/core';
import { type BlockHeader, serializeBlockHeader } from '@bitcoin-enterprise/script';
import type { CallOptions } from '../ports/chain-source.ts';
import { Answer, answerInvalid, readHash } from '../adapters/answer.ts';
import { Cache } from '../adapters/cache.ts';
import { medianTimeOf, proveHeader } from '../adapters/evidence.ts';
import { type DifficultyRule, isTooNew, isWithinLimit, mayFollow, stepsTooFarBack } from '../model/difficulty.ts';
import { type EsploraHttp, jsonOf, textOf } from './http-client.ts';

/** A header rebuilt from what the server says of its block, and proven by the block's hash. */
export interface EsploraHeader {
  readonly hash: Uint8Array;
  readonly header: BlockHeader;
  /** The server's word. */
  readonly height: number;
}

/** Headers that a header is later than the median of. */
const MEDIAN_OF = 11;
/** Enough for the median times of a deep reorganisation, and small. */
const KEPT = 4_096;

/**
 * Headers of an Esplora server; what a hash has proven is asked for once. None is easier than its network allows, and
 * where a median time is counted, the headers that it is counted from keep the rules of difficulty and time, as far as
 * eleven of them can tell.
 */
export class EsploraHeaders {
  readonly #http: EsploraHttp;
  readonly #clock: Clock;
  #rule: DifficultyRule | undefined;
  readonly #known = new Cache<EsploraHeader>(KEPT);
  readonly #medians = new Cache<number>(KEPT);

  /**
   * @param http - The server.
   * @param clock - What is the future.
   */
  constructor(http: EsploraHttp, clock: Clock) {
    this.#http = http;
    this.#clock = clock;
  }

  /** Holds what comes from now on against the rules of a network. */
  hold(rule: DifficultyRule): void {
    this.#rule = rule;
  }

  /** Hash of the best block. */
  async tipHash(options: CallOptions): Promise<Uint8Array> {
    const path = '/blocks/tip/hash';
    const hash = await this.#http.get({ path, read: (body) => readHash(path, textOf(body).trim()) }, options);
    if (hash === undefined) throw answerInvalid(path, 'the hash of the best block');
    return hash;
  }

  /** Hash at a height of the best branch; the block is the server's word. */
  async hashAt(height: BlockHeight, options: CallOptions): Promise<Uint8Array | undefined> {
    const path = `/block-height/${height}`;
    return this.#http.get({ path, read: (body) => readHash(path, textOf(body).trim()) }, options);
  }

  /** A header by its hash, on any branch; its height is held against a second answer before it is believed. */
  async header(hash: Uint8Array, options: CallOptions, depth = 0): Promise<EsploraHeader | undefined> {
    const known = this.#known.get(toHex(hash));
    if (known !== undefined) return known;
    const path = `/block/${displayHash(hash)}`;
    const read = (body: Uint8Array): EsploraHeader => this.#read(path, jsonOf(path, body), hash);
    const found = await this.#http.get({ path, read }, options);
    if (found === undefined) return undefined;
    const height = (await this.bestHeight(hash, options)) ?? (await this.#staleHeight(found, options, depth));
    if (height !== found.height) throw answerInvalid(path, 'at the height that its status names');
    return this.#known.set(toHex(hash), found);
  }

  /** Height of a block off the best branch: one more than its parent's. */
  async #staleHeight({ hash, header }: EsploraHeader, options: CallOptions, depth: number): Promise<number> {
    const path = `/block/${displayHash(hash)}`;
    if (depth === MAX_STALE_DEPTH) throw answerInvalid(path, 'a branch that leaves the best one not long ago');
    const parent = await this.header(header.previousBlockHash, options, depth + 1);
    if (parent === undefined) throw answerInvalid(path, 'a block whose parent is there');
    return parent.height + 1;
  }

  /** Height on the best branch, asked for apart from the header; `undefined` off the best branch. */
  async bestHeight(hash: Uint8Array, options: CallOptions): Promise<number | undefined> {
    const path = `/block/${displayHash(hash)}/status`;
    const read = (body: Uint8Array): { readonly height?: number } => {
      const answer = new Answer(path, jsonOf(path, body));
      return answer.flag('in_best_chain') ? { height: answer.count('height') } : {};
    };
    return (await this.#http.get({ path, read }, options))?.height;
  }

  /** Median of the times of a header and the ten before it, counted here from proven headers. */
  async medianTime(from: EsploraHeader, options: CallOptions): Promise<number> {
    const key = toHex(from.hash);
    const counted = this.#medians.get(key);
    if (counted !== undefined) return counted;
    const headers = [from.header];
    let at = from;
    // One more than the median takes: those that the header itself must be later than.
    while (headers.length <= MEDIAN_OF && at.height > 0) {
      const before = await this.#parent(at, options);
      // The heights of a branch prove each other.
      if (before.height !== at.height - 1)
        throw answerInvalid(`/block/${displayHash(at.hash)}`, 'of the height after its parent');
      this.#requireFollows(at, before);
      headers.push(before.header);
      at = before;
    }
    if (headers.length > 1 && from.header.time <= medianTimeOf(headers.slice(1)))
      throw answerInvalid(`/block/${displayHash(from.hash)}`, 'later than the median of the eleven before');
    return this.#medians.set(key, medianTimeOf(headers));
  }

  #requireFollows({ hash, header, height }: EsploraHeader, before: EsploraHeader): void {
    const rule = this.#rule;
    if (rule === undefined) return;
    const block = { height, bits: header.bits, time: header.time };
    if (!mayFollow(rule, block, before.header.bits) || stepsTooFarBack(rule, block, before.header.time))
      throw answerInvalid(`/block/${displayHash(hash)}`, 'of a difficulty and a time that its parent allows');
  }

  #read(path: string, value: unknown, hash: Uint8Array): EsploraHeader {
    const found = readHeader(path, value, hash);
    const { bits, time } = found.header;
    if (this.#rule !== undefined && !isWithinLimit(this.#rule, bits))
      throw answerInvalid(path, 'a header no easier than the network allows');
    if (this.#rule !== undefined && isTooNew(this.#rule, time, this.#clock.now()))
      throw answerInvalid(path, 'a header of at most two hours ahead of the clock of this machine');
    return found;
  }

  async #parent(child: EsploraHeader, options: CallOptions): Promise<EsploraHeader> {
    const hash = child.header.previousBlockHash;
    if (this.#known.get(toHex(hash)) === undefined) await this.#page(child, options);
    const parent = await this.header(hash, options);
    if (parent === undefined) throw answerInvalid(`/block/${displayHash(hash)}`, 'there, as the block after it is');
    return parent;
  }

  /** Some ten headers below one, in one answer; kept as far as they are its ancestors. */
  async #page(child: EsploraHeader, options: CallOptions): Promise<void> {
    const path = `/blocks/${child.height - 1}`;
    const read = (body: Uint8Array): undefined => {
      const list = jsonOf(path, body);
      if (!Array.isArray(list)) throw answerInvalid(path, 'a list');
      let above = child;
      for (const entry of list.slice(0, 100)) {
        const hash = above.header.previousBlockHash;
        // Off the best branch the list is of other blocks.
        if (!equalBytes(new Answer(path, entry).hash('id'), hash)) return;
        const found = this.#read(path, entry, hash);
        if (found.height !== above.height - 1) throw answerInvalid(path, 'of heights that fall by one');
        above = this.#known.set(toHex(hash), found);
      }
    };
    await this.#http.get({ path, read }, options);
  }
}

/** Deeper reorganisations than this are looked at from the best branch, not from the one that was left. */
const MAX_STALE_DEPTH = 200;

function readHeader(path: string, value: unknown, hash: Uint8Array): EsploraHeader {
  const answer = new Answer(path, value);
  const header: BlockHeader = {
    version: answer.integer('version') | 0,
    previousBlockHash: answer.has('previousblockhash') ? answer.hash('previousblockhash') : new Uint8Array(32),
    merkleRoot: answer.hash('merkle_root'),
    time: answer.count('timestamp'),
    bits: answer.count('bits'),
    nonce: answer.count('nonce'),
  };
  const proven = proveHeader(path, serializeBlockHeader(header), hash);
  const height = answer.count('height');
  if (height > 0x7fff_ffff) throw answerInvalid(path, 'at a height of a block');
  if ((height === 0) !== equalBytes(header.previousBlockHash, new Uint8Array(32)))
    throw answerInvalid(path, 'at height 0 exactly when no block comes before it');
  return { hash: Uint8Array.from(hash), header: proven.header, height };
}
