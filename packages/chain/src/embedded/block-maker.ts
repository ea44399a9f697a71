import type { Clock } from '@bitcoin-enterprise/core';
import type { TransactionView } from '@bitcoin-enterprise/script';
import { ChainError } from '../errors.ts';
import { type BlockNode, forkPoint, pathBetween } from '../model/block-node.ts';
import { addBlock, type BlockOutcome, type ChainState, type ChainTools, connectBranch } from '../model/chain-state.ts';
import { acceptToMempool } from '../model/mempool-accept.ts';
import { emptyMempool, inOrder, type MempoolEntry } from '../model/mempool.ts';
import { subsidyAbove, subsidyAt } from '../model/regtest.ts';
import type { CoinIndex, OwnedCoin } from './coin-index.ts';
import { OWN_FUNDER_SCRIPT, fundingTransaction, planFunding } from './funder.ts';
import { mineBlock } from './miner.ts';
import { blockRefused, requireWhole, transactionRefused } from './refusals.ts';

/** Blocks mined at a time while a funding waits for its money. */
const FUNDING_STEP = 10;

/** The last time that a header can hold, Unix seconds. */
const MAX_TIME = 0xffff_ffff;

/** How one block is made. */
export interface MakeBlockOptions {
  /** Unix seconds; what the clock or chain time says when absent. */
  readonly time?: number;
  /** Where the reward goes; to the funder when absent. */
  readonly scriptPubKey?: Uint8Array;
  /** Of the header; without signals when absent. */
  readonly version?: number;
  /** Whether the coinbase cannot be in a lower block (BIP54); `false` when absent. */
  readonly locksCoinbase?: boolean;
  /** Satoshis that the coinbase pays against the rules. */
  readonly inflateTo?: bigint;
}

/** Makes the chain's own blocks: from a state to the next one, throwing where a rule forbids it. */
export class BlockMaker {
  readonly #tools: ChainTools;
  readonly #clock: Clock | undefined;
  readonly #intervalSeconds: number;
  readonly #index: CoinIndex;

  constructor(tools: ChainTools, index: CoinIndex, clock: Clock | undefined, intervalSeconds: number) {
    this.#tools = tools;
    this.#index = index;
    this.#clock = clock;
    this.#intervalSeconds = intervalSeconds;
  }

  /** Time of a block on a parent when nobody says otherwise, Unix seconds. */
  nextTime(state: ChainState, parent: BlockNode): number {
    const now =
      this.#clock === undefined
        ? Math.min(parent.header.time + this.#intervalSeconds, MAX_TIME)
        : timeOf(this.#clock.now());
    return Math.max(parent.medianTime + 1, state.earliestTime, now);
  }

  /** Transactions for a block on a parent, judged by consensus alone. */
  entriesFor(state: ChainState, parent: BlockNode, transactions: readonly TransactionView[]): readonly MempoolEntry[] {
    const { impersonated } = state;
    let pool = emptyMempool();
    // On a side branch the coins are known only once its blocks are connected; they were made here and do connect.
    if (transactions.length > 0) connectBranch(pathBetween(forkPoint(state.tip, parent), parent), this.#tools);
    for (const tx of transactions) {
      const accepted = acceptToMempool(pool, tx, { ...this.#tools, tip: parent, impersonated, consensusOnly: true });
      if ('reason' in accepted) throw transactionRefused(tx, accepted);
      pool = accepted.pool;
    }
    return inOrder(pool);
  }

  /** Mines a block on a parent and adds it. */
  mineOn(
    state: ChainState,
    parent: BlockNode,
    entries: readonly MempoolEntry[],
    options: MakeBlockOptions = {},
  ): BlockOutcome {
    const { scriptPubKey = OWN_FUNDER_SCRIPT, inflateTo, time = this.nextTime(state, parent) } = options;
    if (time <= parent.medianTime || time > MAX_TIME)
      throw new ChainError('CHAIN_TIME_OUT_OF_RANGE', `expected a time above ${parent.medianTime}, got ${time}`, {
        details: { time, minimum: parent.medianTime + 1, maximum: MAX_TIME },
      });
    const fees = entries.reduce((sum, { fee }) => sum + fee, 0n);
    const unsatisfied = entries.flatMap(({ waived }, i) => [...waived].map((input) => `${i + 1}:${input}`));
    const inflates = inflateTo !== undefined;
    const contents = {
      transactions: entries.map(({ tx }) => tx),
      time,
      scriptPubKey,
      version: options.version,
      locksCoinbase: options.locksCoinbase,
      reward: inflateTo ?? subsidyAt(parent.height + 1) + fees,
    };
    const earliestTime = Math.max(state.earliestTime, options.time ?? 0);
    const now = Math.max(time, this.nextTime(state, parent));
    const cheats = inflates || unsatisfied.length > 0 ? { inflates, unsatisfied } : undefined;
    // A block that came from another chain may be the one that this number makes: then the next number is tried.
    for (let extraNonce = state.minedCount; ; extraNonce++) {
      const block = mineBlock(parent, { ...contents, extraNonce }, this.#tools.crypto);
      const counted: ChainState = { ...state, minedCount: extraNonce + 1, earliestTime };
      const outcome = addBlock(counted, block, this.#tools, { now, cheats });
      if ('rejection' in outcome) {
        if (outcome.rejection.reason === 'duplicate-invalid') continue;
        throw blockRefused(outcome);
      }
      if (outcome.became !== 'duplicate') return outcome;
    }
  }

  /** Pays an amount from the funder's coins in a block of its own, after the blocks that they need to mature. */
  fund(
    state: ChainState,
    scriptPubKey: Uint8Array,
    amount: bigint,
  ): { readonly state: ChainState; readonly tx: TransactionView } {
    const ownCoins = ({ tip }: ChainState): readonly OwnedCoin[] => this.#index.coinsOf(tip, OWN_FUNDER_SCRIPT);
    const held = ownCoins(state).reduce((sum, { coin }) => sum + coin.value, 0n);
    const available = held + subsidyAbove(state.tip.height);
    if (available < amount) throw fundsInsufficient(amount, available);
    let grown = state;
    let plan = planFunding(ownCoins(grown), grown.tip, amount);
    while (plan === undefined) {
      grown = this.#mineEmpty(grown, FUNDING_STEP);
      plan = planFunding(ownCoins(grown), grown.tip, amount);
    }
    grown = this.#mineEmpty(grown, plan.blocksToWait);
    const tx = fundingTransaction(plan, scriptPubKey, amount);
    return { state: this.mineOn(grown, grown.tip, this.entriesFor(grown, grown.tip, [tx])).state, tx };
  }

  #mineEmpty(state: ChainState, count: number): ChainState {
    let grown = state;
    for (let i = 0; i < count; i++) grown = this.mineOn(grown, grown.tip, []).state;
    return grown;
  }
}

function timeOf(now: number): number {
  requireWhole(now, 'options.clock.now()', 0, MAX_TIME);
  return now;
}

function fundsInsufficient(wanted: bigint, available: bigint): ChainError<'CHAIN_FUNDS_INSUFFICIENT'> {
  return new ChainError('CHAIN_FUNDS_INSUFFICIENT', `expected rewards of ${wanted} sat, got ${available} at most`, {
    details: { wanted, available },
    hint: 'Regtest halves its subsidy every 150 blocks; injectUtxo makes any amount, as a marked cheat.',
  });
}
