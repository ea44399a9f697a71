import type { BitcoindRpc } from '@bitcoin-enterprise/chain/bitcoind';
import { displayHash, hasCode, toHex } from '@bitcoin-enterprise/core';
import type { Attempt, Story, Tell } from './story.ts';

/** What a real node said about the same blocks and the same attempts. */
export interface Replay {
  /** The node in its own words. */
  readonly node: string;
  /** Blocks it took. */
  readonly blocks: number;
  /** Whether both chains end in the same block. */
  readonly sameTip: boolean;
  /** One verdict per attempt, in order: `undefined` where it accepts the spend into a block. */
  readonly reasons: readonly (string | undefined)[];
  /** Whether every verdict is the embedded chain's. */
  readonly sameVerdicts: boolean;
}

/** Node answer to a block that breaks a rule (RPC_VERIFY_ERROR). */
const BLOCK_INVALID = -25;

/**
 * Replays a story on a real bitcoind: each block by `submitblock`, each attempt through a block at the height at which
 * it was made, because the mempool of some nodes is stricter than consensus.
 */
export async function replayStory(story: Story, rpc: BitcoindRpc, tell: Tell = () => {}): Promise<Replay> {
  const info = (await rpc.call('getnetworkinfo')) as { readonly subversion: string };
  const reasons = new Map<Attempt, string | undefined>();
  let height = 0;
  for (const block of story.chain.blocks()) {
    for (const attempt of story.attempts.filter((candidate) => candidate.height === height))
      reasons.set(attempt, await askNode(rpc, attempt, tell));
    const answer = await rpc.call('submitblock', [toHex(block)]);
    if (answer !== null) throw new Error(`the node refuses block ${height + 1}: ${String(answer)}`);
    height++;
  }
  const best = await rpc.call('getbestblockhash');
  const sameTip = best === displayHash(story.chain.tip.hash);
  tell(`${height} blocks replayed, ${sameTip ? 'same tip' : 'ANOTHER TIP'}: ${String(best)}`);
  const verdicts = story.attempts.map((attempt) => reasons.get(attempt));
  return {
    node: info.subversion,
    blocks: height,
    sameTip,
    reasons: verdicts,
    sameVerdicts: story.attempts.every((attempt, index) => agrees(attempt, verdicts[index])),
  };
}

async function askNode(rpc: BitcoindRpc, attempt: Attempt, tell: Tell): Promise<string | undefined> {
  let reason: string | undefined;
  try {
    await rpc.call('generateblock', ['raw(51)', [toHex(attempt.tx)], false]);
  } catch (error) {
    if (!hasCode(error, 'CHAIN_NODE_REFUSED') || error.details.rpcCode !== BLOCK_INVALID) throw error;
    reason = withoutPlace(error.details.rpcMessage.replace('TestBlockValidity failed: ', ''));
  }
  const verdict = reason === undefined ? 'accepted' : `refused: ${reason}`;
  tell(`block ${attempt.height + 1}: ${attempt.title}: ${verdict}`);
  return reason;
}

/** A lock that the chain checks has another name in the mempool than in a block; both say that it is too early. */
function agrees(attempt: Attempt, reason: string | undefined): boolean {
  return (attempt.reason === 'non-BIP68-final' ? 'bad-txns-nonfinal' : attempt.reason) === reason;
}

/** The reason alone, without the ids of the transaction and the output that the node names behind it. */
function withoutPlace(reason: string): string {
  return reason.replace(/, (?:input \d+ of|contains a non-BIP68-final transaction) .*$/, '');
}
