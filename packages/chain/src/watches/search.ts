import { blockHeight, displayHash, parseDisplayHash } from '@bitcoin-enterprise/core';
import { viewBlock } from '@bitcoin-enterprise/script';
import type { CallOptions, ChainHeader } from '../ports/chain-source.ts';
import { blockOf, type WatchedChain } from './branch.ts';
import { WatchIndex } from './matching.ts';
import { type FoundSighting, type Watch, type WatchBlock, watchedTip, type WatchState } from './model.ts';

/** Searched blocks whose hashes are remembered: how far a search can go back when the branch changes under it. */
const REMEMBERED = 1_000;
/** Blocks that one look gives up at most: a source that changes its branch all the time is asked again later. */
const MOST_BACK = 300;

/**
 * The search for what there is of a watch already. It goes on where it was when the chain has moved on meanwhile: a
 * search of many blocks takes longer than it takes the next one to come.
 */
export class PastSearch {
  readonly #chain: WatchedChain;
  readonly #watch: Watch;
  readonly #since: number | undefined;
  readonly #index: WatchIndex;
  /** The last blocks that were searched, each the child of the one before. */
  #searched: WatchBlock[] = [];
  #found: FoundSighting[] = [];

  /**
   * @param chain - Where to search.
   * @param facts - What to search for, and from which height on; only by its id when that is absent.
   */
  constructor(chain: WatchedChain, facts: { readonly watch: Watch; readonly since: number | undefined }) {
    this.#chain = chain;
    this.#watch = facts.watch;
    this.#since = facts.since;
    this.#index = new WatchIndex([facts.watch]);
  }

  /**
   * What there is, in the mempool or up to the last block on record; `undefined` when the source is not on the branch on
   * record, so that it has to be asked again.
   */
  async upTo(state: WatchState, options: CallOptions): Promise<readonly FoundSighting[] | undefined> {
    const tip = watchedTip(state);
    if (tip === undefined) return undefined;
    const watch = this.#watch;
    const found: FoundSighting[] = [];
    if (watch.kind === 'height') {
      const header = watch.height > tip.height ? undefined : await this.#headerAt(watch.height, options);
      if (header !== undefined) found.push({ block: blockOf(header) });
      else if (watch.height <= tip.height) return undefined;
    }
    if (watch.kind === 'transaction') {
      const known = await this.#chain.transaction(parseDisplayHash(watch.txid), options);
      const block = known?.block === undefined ? undefined : blockOf(known.block);
      // A block above the record is told when it is connected.
      if (known !== undefined && (block === undefined || block.height <= tip.height))
        found.push({ txid: watch.txid, ...(block === undefined ? {} : { block }) });
    }
    // A source without an index of transactions has to be searched for one, too.
    if (this.#since !== undefined && found.length === 0 && watch.kind !== 'height') {
      if (!(await this.#searchTo(tip, { state, since: this.#since }, options))) return undefined;
      found.push(...this.#found);
    }
    return (await this.#isOnBranch(state, found, options)) ? found : undefined;
  }

  /** Searches block after block, each the child of the one before, up to the last on record. */
  async #searchTo(
    tip: WatchBlock,
    facts: { readonly state: WatchState; readonly since: number },
    options: CallOptions,
  ): Promise<boolean> {
    const { state, since } = facts;
    const oldest = state.blocks[0]?.height ?? 0;
    for (let last = this.#last; last !== undefined && last.height >= oldest; last = this.#last) {
      if (state.blocks[last.height - oldest]?.hash === last.hash) break;
      this.#goBack();
    }
    for (let back = 0; ;) {
      const last = this.#last;
      const height = last === undefined ? since : last.height + 1;
      if (height > tip.height) return last === undefined || last.hash === tip.hash;
      const header = await this.#headerAt(height, options);
      if (header === undefined) return false;
      if (last !== undefined && displayHash(header.header.previousBlockHash) !== last.hash) {
        this.#goBack();
        if (++back > MOST_BACK) return false;
        continue;
      }
      const bytes = await this.#chain.block(header.hash, options);
      if (bytes === undefined) return false;
      const block = blockOf(header);
      for (const tx of viewBlock(bytes).transactions)
        for (const { watch: _watch, ...sighting } of this.#index.match(tx)) this.#found.push({ ...sighting, block });
      this.#searched.push(block);
      if (this.#searched.length >= 2 * REMEMBERED) this.#searched = this.#searched.slice(-REMEMBERED);
    }
  }

  get #last(): WatchBlock | undefined {
    return this.#searched.at(-1);
  }

  #goBack(): void {
    const gone = this.#searched.pop();
    // With nothing left that is remembered, everything is searched anew.
    this.#found = this.#last === undefined ? [] : this.#found.filter(({ block }) => block?.hash !== gone?.hash);
  }

  /**
   * Whether blocks are on the branch on record. Of those older than what is remembered nothing better can be known than
   * that the source has the oldest remembered block on the same branch.
   */
  async #isOnBranch(state: WatchState, found: readonly FoundSighting[], options: CallOptions): Promise<boolean> {
    const [oldest] = state.blocks;
    if (oldest === undefined) return false;
    let isOlder = false;
    for (const { block } of found) {
      if (block === undefined) continue;
      if (block.height < oldest.height) isOlder = true;
      else if (state.blocks[block.height - oldest.height]?.hash !== block.hash) return false;
    }
    if (!isOlder) return true;
    const hash = await this.#chain.blockHash(blockHeight(oldest.height), options);
    return hash !== undefined && displayHash(hash) === oldest.hash;
  }

  async #headerAt(height: number, options: CallOptions): Promise<ChainHeader | undefined> {
    const hash = await this.#chain.blockHash(blockHeight(height), options);
    return hash === undefined ? undefined : this.#chain.header(hash, options);
  }
}
