import { createEmbeddedChain, type EmbeddedChain, type FundedOutput } from '@bitcoin-enterprise/chain';
import { type CryptoEngine, satoshis } from '@bitcoin-enterprise/core';
import type { SpendableFrom } from '@bitcoin-enterprise/descriptors';
import type { PlaygroundState } from './state.ts';

/** Of the genesis block of regtest, Unix seconds. */
const GENESIS_TIME = 1_296_688_602;
const BLOCK_SECONDS = 600;
/** The median of eleven times is the sixth. */
const MEDIAN_LAG = 5;
/** The clock jumps so many blocks before the tip that the median is past it. */
const JUMP_LEAD = MEDIAN_LAG + 1;
/** Blocks that are mined between two breaths of the page. */
const BREATH = 500;

/** What the page spends. */
export const COIN_VALUE = 1_000_000n;

/** What of the chain a plan has to know. */
export interface Situation {
  readonly height: number;
  readonly confirmations: number;
  readonly medianTime: number;
  readonly ageSeconds: number;
}

/** The situation in which the chain of a state will be, without mining it. */
export function situationOf(state: PlaygroundState): Situation {
  const { height, confirmations } = state;
  const medianTime = medianTimeOf(state, height);
  return { height, confirmations, medianTime, ageSeconds: medianTime - medianTimeOf(state, height - confirmations) };
}

/** The state in which locks that a plan waits for are open: blocks were mined on the coin, and the clock went on. */
export function waited(state: PlaygroundState, { blocks, seconds }: SpendableFrom): PlaygroundState {
  const confirmations = state.confirmations + blocks;
  if (seconds === 0) return { ...state, confirmations, height: state.height + blocks };
  // The clock has to jump behind the coin to make it older.
  const more = Math.max(0, 2 - confirmations);
  return {
    ...state,
    confirmations: confirmations + more,
    height: state.height + blocks + more,
    clock: situationOf(state).medianTime + seconds,
  };
}

/** Time of a block, Unix seconds. */
function timeOf({ height, clock }: PlaygroundState, block: number): number {
  const natural = GENESIS_TIME + BLOCK_SECONDS * block;
  const jump = height - JUMP_LEAD;
  if (clock === undefined || block < jump) return natural;
  return Math.max(natural, clock + 1 + BLOCK_SECONDS * (block - jump));
}

function medianTimeOf(state: PlaygroundState, block: number): number {
  return timeOf(state, Math.max(0, block - MEDIAN_LAG));
}

/** A chain on which an output was paid. */
export interface FundedChain {
  readonly chain: EmbeddedChain;
  readonly coin: FundedOutput;
}

/** Mines the chain of a state and pays the output on it; the page stays alive meanwhile. */
export async function mineChain(
  scriptPubKey: Uint8Array,
  state: PlaygroundState,
  options: { readonly crypto: CryptoEngine; readonly onProgress: (height: number) => void },
): Promise<FundedChain> {
  const { height, confirmations, clock } = state;
  const { crypto, onProgress } = options;
  const chain = createEmbeddedChain({ crypto, blockIntervalSeconds: BLOCK_SECONDS });
  const jumpAt = height - JUMP_LEAD;
  const mineTo = async (target: number): Promise<void> => {
    while (chain.height < target) {
      if (clock !== undefined && chain.height === jumpAt - 1) chain.setTime(clock + 1);
      const stop = chain.height < jumpAt - 1 ? Math.min(target, jumpAt - 1) : target;
      chain.mine(Math.min(BREATH, stop - chain.height));
      onProgress(chain.height);
      await new Promise((done) => {
        setTimeout(done, 0);
      });
    }
  };
  await mineTo(height - confirmations);
  if (clock !== undefined && chain.height === jumpAt - 1) chain.setTime(clock + 1);
  const coin = chain.fund(scriptPubKey, satoshis(COIN_VALUE));
  await mineTo(height);
  return { chain, coin };
}
