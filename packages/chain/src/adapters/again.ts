import { hasCode } from '@bitcoin-enterprise/core';

/** How often answers that do not fit together are asked for anew. */
const TRIES = 3;

/**
 * Runs a question of several requests again when their answers contradict each other: a block may have come between
 * them, or a bit may have flipped.
 */
export async function again<Result>(ask: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries++)
    try {
      return await ask();
    } catch (error) {
      if (tries === TRIES || !hasCode(error, 'CHAIN_NODE_ANSWER_INVALID')) throw error;
    }
}
