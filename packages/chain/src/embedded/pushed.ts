/** Where an iterator's items come from. */
export interface PushedSource<Item> {
  /** Called once, at the first step; what it throws, the step throws. `take` gives the next item, or nothing yet. */
  readonly start: () => { readonly take: () => Item | undefined };
  /** Called with `start`: from then on calls `wake` whenever there may be an item; the answer ends it. */
  readonly watch: (wake: () => void) => () => void;
  /** Called at the end, whether it was started or not. */
  readonly release?: () => void;
  /** Ends the iteration without an error; what has not been read by then is dropped. */
  readonly signal?: AbortSignal;
}

/** An iterator over what comes as it comes, whose `return` ends even a step that waits, at once. */
export function pushed<Item>(source: PushedSource<Item>): AsyncIterableIterator<Item, void, undefined> {
  return new Pushed(source);
}

interface Step<Item> {
  readonly resolve: (result: IteratorResult<Item, void>) => void;
  readonly reject: (error: unknown) => void;
}

class Pushed<Item> implements AsyncIterableIterator<Item, void, undefined> {
  readonly #source: PushedSource<Item>;
  readonly #end = (): void => this.#close();
  #unwatch: (() => void) | undefined;
  #steps: Step<Item>[] = [];
  #take: (() => Item | undefined) | undefined;
  #ended = false;

  constructor(source: PushedSource<Item>) {
    this.#source = source;
    source.signal?.addEventListener('abort', this.#end);
    if (source.signal?.aborted === true) this.#close();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Item, void>> {
    return new Promise((resolve, reject) => {
      this.#steps.push({ resolve, reject });
      if (this.#ended) this.#close();
      else this.#serve();
    });
  }

  return(): Promise<IteratorResult<Item, void>> {
    this.#close();
    return Promise.resolve({ done: true, value: undefined });
  }

  #serve(): void {
    try {
      while (this.#steps.length > 0 && !this.#ended) {
        const value = (this.#take ??= this.#start())();
        if (value === undefined) return;
        this.#steps.shift()?.resolve({ done: false, value });
      }
    } catch (error) {
      this.#steps.shift()?.reject(error);
      this.#close();
    }
  }

  #start(): () => Item | undefined {
    const { take } = this.#source.start();
    this.#unwatch = this.#source.watch(() => this.#serve());
    return take;
  }

  #close(): void {
    if (!this.#ended) {
      this.#ended = true;
      this.#unwatch?.();
      this.#source.release?.();
      this.#source.signal?.removeEventListener('abort', this.#end);
    }
    const steps = this.#steps;
    this.#steps = [];
    for (const { resolve } of steps) resolve({ done: true, value: undefined });
  }
}
