import type { ChainSource } from '@bitcoin-enterprise/chain';
import { errorType } from '@bitcoin-enterprise/core/resilience';
import { expect } from 'vitest';
import type { Dice } from './dice.ts';
import type { Question } from './questions.ts';

/** How an interrogation went. */
export interface Interrogation {
  readonly right: number;
  /** Errors by their code. */
  readonly errors: ReadonlyMap<string, number>;
}

/**
 * Asks a chain questions at random, several at a time, and holds every answer against the truth: each must be right, or
 * an error with a code of this package.
 */
export async function interrogate(
  chain: ChainSource,
  facts: {
    readonly roll: Dice;
    readonly questions: readonly Question[];
    readonly truth: ReadonlyMap<string, string>;
    readonly count: number;
  },
): Promise<Interrogation> {
  const { roll, questions, truth, count } = facts;
  const errors = new Map<string, number>();
  let right = 0;
  const ask = async (): Promise<void> => {
    const { name, ask: put } = questions[roll.below(questions.length)] as Question;
    let answer: string;
    try {
      answer = await put(chain);
    } catch (error) {
      const code = errorType(error);
      expect(code, `${name}: ${String(error)}`).toMatch(/^CHAIN_(?!INVALID_ARGUMENT)/);
      errors.set(code, (errors.get(code) ?? 0) + 1);
      return;
    }
    expect(answer, name).toBe(truth.get(name));
    right += 1;
  };
  for (let asked = 0; asked < count; asked += 4) await Promise.all([ask(), ask(), ask(), ask()]);
  return { right, errors };
}

/** The answers of a source that nothing disturbs. */
export async function truthOf(
  chain: ChainSource,
  questions: readonly Question[],
): Promise<ReadonlyMap<string, string>> {
  const truth = new Map<string, string>();
  for (const { name, ask } of questions) truth.set(name, await ask(chain));
  return truth;
}
