import { equalBytes, toHex } from '@bitcoin-enterprise/core';
import type { Outpoint } from '../ports/chain-source.ts';
import { answerInvalid } from './answer.ts';
import { unsupported } from './policy.ts';

/** The most outputs of one script that are asked for one by one: each takes several requests. */
const MAX_OUTPUTS = 5_000;

/** Text that stands for an output in maps. */
export function outpointKey({ txid, index }: Outpoint): string {
  return `${toHex(txid)}:${index}`;
}

/** Whether two names are of one output. */
export function sameOutpoint(a: Outpoint, b: Outpoint): boolean {
  return a.index === b.index && equalBytes(a.txid, b.txid);
}

/**
 * The outputs that a server lists, and after them those that it may hide because its mempool spends them: each once.
 *
 * @throws ChainError `CHAIN_NODE_ANSWER_INVALID` when the server lists one twice: it would be counted twice;
 * `CHAIN_CALL_UNSUPPORTED` for more than 5,000.
 */
export function outpointsToAsk(facts: {
  readonly method: string;
  /** What the server is, for errors. */
  readonly source: string;
  readonly listed: readonly Outpoint[];
  readonly hidden: readonly Outpoint[];
}): readonly Outpoint[] {
  const { method, source, listed, hidden } = facts;
  const found = new Map<string, Outpoint>();
  for (const outpoint of listed) found.set(outpointKey(outpoint), outpoint);
  if (found.size !== listed.length) throw answerInvalid(method, 'a list that names each output once');
  for (const outpoint of hidden) {
    if (found.size > MAX_OUTPUTS) break;
    const key = outpointKey(outpoint);
    if (!found.has(key)) found.set(key, outpoint);
  }
  if (found.size > MAX_OUTPUTS) throw unsupported('unspentOutputsOf', `${source}, of scripts used that often`);
  return [...found.values()];
}
