/** An answer that a request got: what its repetition gets too. */
export interface KeptAnswer {
  readonly status: number;
  readonly body: string;
}

interface Entry {
  /** Of the body of the request. */
  readonly hash: string;
  readonly madeAt: number;
  readonly answer: Promise<KeptAnswer>;
  /** What it weighs once it is there. */
  bytes: number;
}

/** What becomes of a request. */
export type Taken =
  | { readonly kind: 'answer'; readonly answer: Promise<KeptAnswer> }
  /** Its key was of another request, its answer was dropped, or there are too many. */
  | { readonly kind: 'other' | 'forgotten' | 'full' };

/** Limits of {@link Answers}. */
export interface AnswersLimits {
  /** How long a key is remembered, in milliseconds. */
  readonly rememberMs: number;
  /** Most keys that are remembered. */
  readonly keys: number;
  /** Most bytes of answers that are kept; older ones are dropped, and their keys remembered. */
  readonly bytes: number;
}

/**
 * Answers by idempotency key: a request that comes again, because its answer was lost, gets the answer of the first; a
 * key that was used is never used for another. A key is forgotten only after the time in which its request would be
 * taken, so that nothing can be replayed.
 */
export class Answers {
  readonly #limits: AnswersLimits;
  readonly #entries = new Map<string, Entry>();
  readonly #dropped = new Map<string, { readonly hash: string; readonly madeAt: number }>();
  #bytes = 0;

  constructor(limits: AnswersLimits) {
    this.#limits = limits;
  }

  /**
   * The answer of a request: the one that was given, the one that is being made, or the one that is now made.
   *
   * @param name - Whose key, and which.
   * @param hash - Of its body.
   * @param nowMs - Of a clock that only runs forward.
   */
  take(name: string, hash: string, nowMs: number, make: () => Promise<KeptAnswer>): Taken {
    this.#forget(nowMs);
    const known = this.#entries.get(name);
    if (known !== undefined) return known.hash === hash ? { kind: 'answer', answer: known.answer } : { kind: 'other' };
    const dropped = this.#dropped.get(name);
    if (dropped !== undefined) return { kind: dropped.hash === hash ? 'forgotten' : 'other' };
    if (this.#entries.size + this.#dropped.size >= this.#limits.keys) return { kind: 'full' };
    const answer = make();
    const entry: Entry = { hash, madeAt: nowMs, answer, bytes: 0 };
    this.#entries.set(name, entry);
    void answer.then(({ body }) => this.#weigh(entry, body.length));
    return { kind: 'answer', answer };
  }

  #weigh(entry: Entry, bytes: number): void {
    entry.bytes = bytes;
    this.#bytes += bytes;
    for (const [name, old] of this.#entries) {
      if (this.#bytes <= this.#limits.bytes) return;
      // One that is being made has its caller waiting.
      if (old.bytes === 0) continue;
      this.#entries.delete(name);
      this.#bytes -= old.bytes;
      this.#dropped.set(name, { hash: old.hash, madeAt: old.madeAt });
    }
  }

  #forget(nowMs: number): void {
    for (const [name, { madeAt, bytes }] of this.#entries) {
      if (nowMs - madeAt < this.#limits.rememberMs) break;
      this.#entries.delete(name);
      this.#bytes -= bytes;
    }
    for (const [name, { madeAt }] of this.#dropped)
      if (nowMs - madeAt >= this.#limits.rememberMs) this.#dropped.delete(name);
  }
}
