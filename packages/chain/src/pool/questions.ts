import { hasCode } from '@bitcoin-enterprise/core';
import { hedged } from '@bitcoin-enterprise/core/resilience';
import { requireCallOptions } from '../adapters/arguments.ts';
import { pause } from '../adapters/pause.ts';
import { aborted, isSourceFailure, unsupported } from '../adapters/policy.ts';
import type { CallOptions } from '../ports/chain-source.ts';
import type { PoolChain } from './checked-chain.ts';
import type { PoolMember } from './member.ts';
import { agree, type Asked } from './quorum.ts';
import type { PoolRoster } from './roster.ts';
import { settled } from './settled.ts';

/** How often sources are asked again that contradict each other: a block may be on its way between them. */
const TRIES = 4;
const TRY_AGAIN_MS = 40;

/** Said inside the pool of a source that does not have a block; another one may. */
export class AbsentHere extends Error {}

/** Asks the sources of a pool: all of them for a vote, one after the other, or all for what each knows. */
export class PoolQuestions {
  readonly #roster: PoolRoster;
  readonly #hedgeDelayMs: number;

  /**
   * @param roster - Whom to ask.
   * @param hedgeDelayMs - Milliseconds that a source is given before one more is asked.
   */
  constructor(roster: PoolRoster, hedgeDelayMs: number) {
    this.#roster = roster;
    this.#hedgeDelayMs = hedgeDelayMs;
  }

  /** What a quorum says, once more when it does not hold together: a block may have come between the answers. */
  async vote<Answer>(
    call: string,
    options: CallOptions,
    question: {
      readonly ask: (chain: PoolChain, call: CallOptions) => Promise<Answer>;
      readonly keyOf: (answer: Answer) => string;
    },
  ): Promise<readonly Answer[]> {
    const { signal } = requireCallOptions(options);
    return onceMore(call, signal, async () => {
      const members = await this.#roster.fit(call, options, this.#roster.quorum);
      const asked = members.map((member): Asked<Answer> => ({
        name: member.name,
        ask: async (inner) => member.call(async (chain, own) => question.ask(chain, { signal: own }), inner),
      }));
      const { keyOf } = question;
      const facts = { call, needed: this.#roster.quorum, keyOf, hedgeDelayMs: this.#hedgeDelayMs, signal };
      const { answers, dissenters } = await agree(asked, facts);
      this.#note(dissenters);
      return answers;
    });
  }

  /** The first answer of whoever can answer; sources are asked one after the other, sooner when one is slow. */
  async first<Answer>(
    call: string,
    members: readonly PoolMember[],
    options: CallOptions,
    ask: (chain: PoolChain, call: CallOptions) => Promise<Answer>,
  ): Promise<Answer> {
    const { signal } = options;
    if (members.length === 0) throw unsupported(call, 'a pool of sources without it');
    const sources = members.map(
      (member) =>
        async (context: { readonly signal: AbortSignal }): Promise<Answer> =>
          member.call(async (chain, own) => ask(chain, { signal: own }), context.signal),
    );
    try {
      return await hedged(sources, {
        name: call,
        delayMs: this.#hedgeDelayMs,
        isRetryable: (error) =>
          isSourceFailure(error) ||
          error instanceof AbsentHere ||
          hasCode(error, 'CHAIN_CALL_UNSUPPORTED', 'CHAIN_BLOCK_PRUNED'),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (error) {
      throw signal?.aborted === true ? aborted(call, error) : error;
    }
  }

  /** Answers of all who answer, waiting for a quorum and a moment longer. */
  async gather<Answer>(
    members: readonly PoolMember[],
    options: CallOptions,
    ask: (chain: PoolChain, call: CallOptions) => Promise<Answer>,
  ): Promise<ReadonlyMap<PoolMember, Answer>> {
    const answers = new Map<PoolMember, Answer>();
    const signal = options.signal ?? new AbortController().signal;
    const all = members.map(async (member) => {
      try {
        answers.set(member, await member.call(async (chain, own) => ask(chain, { signal: own }), signal));
      } catch {
        // Who does not answer has no say; `health` knows why.
      }
    });
    await settled(all, { enough: () => answers.size >= this.#roster.quorum, graceMs: this.#hedgeDelayMs });
    return new Map(answers);
  }

  #note(dissenters: readonly string[]): void {
    for (const member of this.#roster.members) if (dissenters.includes(member.name)) member.dissents += 1;
  }
}

/** Does something again while sources contradict each other, a few times. */
export async function onceMore<Result>(
  call: string,
  signal: AbortSignal | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  for (let tries = 1; ; tries++)
    try {
      return await work();
    } catch (error) {
      if (tries === TRIES || !hasCode(error, 'CHAIN_SOURCES_DISAGREE')) throw error;
      await pause(TRY_AGAIN_MS * tries, { call, ...(signal === undefined ? {} : { signal }) });
    }
}
