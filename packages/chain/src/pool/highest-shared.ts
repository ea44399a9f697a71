import { blockHeight, toHex } from '@bitcoin-enterprise/core';
import { ChainError } from '../errors.ts';
import type { CallOptions } from '../ports/chain-source.ts';
import type { PoolMember } from './member.ts';
import type { PoolQuestions } from './questions.ts';
import { quorumMissing } from './quorum.ts';
import { type PoolRoster, referenceOf, requireRunning } from './roster.ts';

/** What is said of a source whose tip is behind. */
const STALE = 'stale tip';

/** The hash of the highest block that a quorum has on its best branch. */
export async function highestShared(
  pool: { readonly roster: PoolRoster; readonly questions: PoolQuestions },
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const { roster, questions } = pool;
  const needed = roster.quorum;
  const call: CallOptions = signal === undefined ? {} : { signal };
  const members = await roster.fit('tip', call, needed);
  // Without a vote a height is nobody's but the source's that all else is asked of.
  if (needed === 1) return (await questions.first('tip', members, call, async (chain, own) => chain.tip(own))).hash;
  const tips = new Map(await questions.gather(members, call, async (chain, own) => chain.tip(own)));
  requireRunning('tip', signal);
  const behind: { readonly source: string; readonly error: string }[] = [];
  // Of two that answer, one far behind would drag the tip down to its own.
  const reference = referenceOf([...tips.values()], needed);
  for (const [member, tip] of tips)
    if (roster.lags(tip, reference)) {
      tips.delete(member);
      behind.push({ source: member.name, error: STALE });
    }
  if (tips.size < needed) {
    const failures = [...behind, ...obstacles(members, tips).filter(({ error }) => error !== STALE)];
    throw quorumMissing({ call: 'tip', needed, answered: tips.size, failures: uniqueBySource(failures) });
  }
  const heights = [...tips.values()].map(({ height }) => height).sort((a, b) => b - a);
  const top = heights[needed - 1] ?? 0;
  // Below that it would be a tip that is behind, even if all agree on it.
  const lowest = Math.max(0, reference - roster.maxLagBlocks);
  for (let height = top; height >= lowest; height--) {
    const at = blockHeight(height);
    const hashes = await questions.gather([...tips.keys()], call, async (chain, own) => chain.blockHash(at, own));
    const camps = new Map<string, { readonly hash: Uint8Array; count: number }>();
    for (const hash of hashes.values()) {
      if (hash === undefined) continue;
      const camp = camps.get(toHex(hash)) ?? { hash, count: 0 };
      camp.count += 1;
      camps.set(toHex(hash), camp);
    }
    const winner = [...camps.values()].find(({ count }) => count >= needed);
    if (winner !== undefined) return winner.hash;
    requireRunning('tip', signal);
    if (hashes.size < needed)
      throw quorumMissing({ call: 'tip', needed, answered: hashes.size, failures: obstacles(members, hashes) });
  }
  throw disagreement('tip', needed);
}

/** Why members have not answered. */
export function obstacles(
  members: readonly PoolMember[],
  answered: ReadonlyMap<PoolMember, unknown>,
): readonly { readonly source: string; readonly error: string }[] {
  return members
    .filter((member) => !answered.has(member))
    .map(({ name, obstacle }) => ({ source: name, error: obstacle }));
}

function uniqueBySource<Failure extends { readonly source: string }>(failures: readonly Failure[]): readonly Failure[] {
  return failures.filter(({ source }, i) => failures.findIndex((other) => other.source === source) === i);
}

/** The error of sources that are on different branches. */
export function disagreement(call: string, needed: number): ChainError<'CHAIN_SOURCES_DISAGREE'> {
  return new ChainError(
    'CHAIN_SOURCES_DISAGREE',
    `expected ${needed} sources to agree on ${call}, got different branches`,
    {
      details: { call, needed, camps: [] },
      retryable: true,
    },
  );
}
