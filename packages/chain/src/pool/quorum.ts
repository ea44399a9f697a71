import { errorType } from '@bitcoin-enterprise/core/resilience';
import { aborted } from '../adapters/policy.ts';
import { ChainError } from '../errors.ts';

/** One source, asked one question. */
export interface Asked<Answer> {
  readonly name: string;
  readonly ask: (signal: AbortSignal) => Promise<Answer>;
}

/** What enough sources say. */
export interface Agreement<Answer> {
  /** Their answers, one each, in the order in which they came; the same as to what was compared. */
  readonly answers: readonly Answer[];
  /** Names of sources that said something else. */
  readonly dissenters: readonly string[];
}

/** Settings of {@link agree}. */
export interface AgreeOptions<Answer> {
  /** Name of the call, for errors. */
  readonly call: string;
  /** How many must say the same. */
  readonly needed: number;
  /** What two answers must have in common; a short text without secrets. */
  readonly keyOf: (answer: Answer) => string;
  /** Milliseconds without enough answers until one more source is asked. */
  readonly hedgeDelayMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Answers that are the same. */
interface Camp<Answer> {
  readonly answers: Answer[];
  readonly sources: string[];
}

/**
 * Asks as few sources as may do, in the order given, and one more whenever one fails, differs or takes long, until
 * enough say the same.
 *
 * @throws ChainError `CHAIN_SOURCES_DISAGREE` when all were asked and no camp is large enough, `CHAIN_QUORUM_MISSING`
 * when too few answered, `CHAIN_ABORTED`.
 */
export async function agree<Answer>(
  sources: readonly Asked<Answer>[],
  options: AgreeOptions<Answer>,
): Promise<Agreement<Answer>> {
  const { call, needed, keyOf, hedgeDelayMs, signal } = options;
  const camps = new Map<string, Camp<Answer>>();
  const failures: { readonly source: string; readonly error: string }[] = [];
  const losers = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let onAbort = (): void => undefined;
  try {
    return await new Promise<Agreement<Answer>>((resolve, reject) => {
      let begun = 0;
      let running = 0;
      const decide = (): void => {
        const best = largestOf(camps);
        if (best !== undefined && best.answers.length >= needed) {
          const others = [...camps.values()].filter((camp) => camp !== best);
          resolve({ answers: best.answers, dissenters: others.flatMap((camp) => camp.sources) });
          return;
        }
        // Enough on their way to complete the largest camp, or one more.
        while (running < needed - (best?.answers.length ?? 0) && begun < sources.length) begin();
        if (running === 0) reject(failureOf({ call, needed, camps, failures }));
      };
      const begin = (): void => {
        const source = sources[begun];
        if (source === undefined) return;
        begun += 1;
        running += 1;
        void source
          .ask(losers.signal)
          .then((answer) => joinCamp(camps, keyOf(answer), { answer, name: source.name }))
          // An answer that is none counts as a failure of its source too.
          .catch((error: unknown) => failures.push({ source: source.name, error: errorType(error) }))
          .then(() => {
            running -= 1;
            decide();
          });
      };
      const hedge = (): void => {
        begin();
        if (begun < sources.length) timer = setTimeout(hedge, hedgeDelayMs);
      };
      onAbort = () => reject(aborted(call, signal?.reason));
      if (signal?.aborted === true) onAbort();
      else {
        signal?.addEventListener('abort', onAbort, { once: true });
        decide();
        timer = setTimeout(hedge, hedgeDelayMs);
      }
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    losers.abort(aborted(call));
  }
}

/** Makes the error for too few answers. */
export function quorumMissing(facts: {
  readonly call: string;
  readonly needed: number;
  readonly answered: number;
  readonly failures: ReadonlyArray<{ readonly source: string; readonly error: string }>;
}): ChainError<'CHAIN_QUORUM_MISSING'> {
  const { call, needed, answered } = facts;
  return new ChainError('CHAIN_QUORUM_MISSING', `expected ${needed} sources to answer ${call}, got ${answered}`, {
    details: facts,
    hint: 'health() says what is wrong with each source.',
    retryable: true,
  });
}

function joinCamp<Answer>(
  camps: Map<string, Camp<Answer>>,
  key: string,
  { answer, name }: { readonly answer: Answer; readonly name: string },
): void {
  const camp = camps.get(key) ?? { answers: [], sources: [] };
  camp.answers.push(answer);
  camp.sources.push(name);
  camps.set(key, camp);
}

function largestOf<Answer>(camps: ReadonlyMap<string, Camp<Answer>>): Camp<Answer> | undefined {
  let best: Camp<Answer> | undefined;
  for (const camp of camps.values()) if (camp.answers.length > (best?.answers.length ?? 0)) best = camp;
  return best;
}

/** How much of an answer an error shows. */
const SHOWN = 160;

function failureOf<Answer>(facts: {
  readonly call: string;
  readonly needed: number;
  readonly camps: ReadonlyMap<string, Camp<Answer>>;
  readonly failures: ReadonlyArray<{ readonly source: string; readonly error: string }>;
}): ChainError {
  const { call, needed, camps, failures } = facts;
  if (camps.size < 2) {
    const answered = largestOf(camps)?.answers.length ?? 0;
    return quorumMissing({ call, needed, answered, failures });
  }
  const shown = Array.from(camps, ([answer, { sources }]) => ({ answer: answer.slice(0, SHOWN), sources }));
  return new ChainError(
    'CHAIN_SOURCES_DISAGREE',
    `expected ${needed} sources to agree on ${call}, got ${shown.map(({ sources }) => sources.join('+')).join(' against ')}`,
    {
      details: { call, needed, camps: shown },
      hint: 'A moment after a new block this passes by itself; otherwise one of the sources is wrong.',
      retryable: true,
    },
  );
}
