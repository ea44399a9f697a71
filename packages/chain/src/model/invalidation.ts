import type { BlockNode } from './block-node.ts';
import { activateBlock, type ChainState, type ChainTools, isInvalidated } from './chain-state.ts';

/** From how many blocks at most Core lets transactions wait again when one is declared invalid. */
const DEPTH_OF_RETURN = 10;

/** Declares a block invalid, with all that stand on it; the best of the other branches becomes the chain. */
export function invalidateBlock(state: ChainState, node: BlockNode, tools: ChainTools, now: number): ChainState {
  const marked: ChainState = { ...state, invalidated: state.invalidated.with(node.hash, node) };
  if (!node.isOn(state.tip)) return marked;
  // The way back to the parent comes first, as in Core: what its blocks held waits again even if no branch is better.
  const back = activateBlock(marked, node.parent as BlockNode, tools, now, DEPTH_OF_RETURN);
  return activateBest(back.state, tools, now);
}

/** Takes back what {@link invalidateBlock} has said of a block, of those it stands on and of those that stand on it. */
export function reconsiderBlock(state: ChainState, node: BlockNode, tools: ChainTools, now: number): ChainState {
  let { invalidated } = state;
  for (const root of state.invalidated.values())
    if (root.isOn(node) || node.isOn(root)) invalidated = invalidated.without(root.hash);
  return activateBest({ ...state, invalidated }, tools, now);
}

/** Treats a block as if it had been seen before others with the same work. */
export function preferBlock(state: ChainState, node: BlockNode, tools: ChainTools, now: number): ChainState {
  if (node.work < state.tip.work || node === state.tip || isInvalidated(state, node)) return state;
  return activateBlock(state, node, tools, now).state;
}

/** Makes the valid block with the most work the tip, of equal ones the present tip or the one seen first. */
function activateBest(state: ChainState, tools: ChainTools, now: number): ChainState {
  for (let current = state; ;) {
    const best = bestOf(current);
    if (best === current.tip) return current;
    const outcome = activateBlock(current, best, tools, now);
    current = outcome.state;
    // A branch that breaks a rule is known as such from now on, and the next best is tried.
    if ('became' in outcome) return current;
  }
}

function bestOf(state: ChainState): BlockNode {
  let best = state.tip;
  for (const node of state.nodes.values()) {
    const isBetter =
      node.work > best.work || (node.work === best.work && best !== state.tip && node.sequence < best.sequence);
    if (isBetter && !isInvalidated(state, node)) best = node;
  }
  return best;
}
