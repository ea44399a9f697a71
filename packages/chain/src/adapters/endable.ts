/** An iteration whose `return` ends even a step that waits for the node, by a signal that it hands to `make`. */
export function endable<Item>(
  make: (signal: AbortSignal) => AsyncIterableIterator<Item, void, undefined>,
  outer: AbortSignal | undefined,
): AsyncIterableIterator<Item, void, undefined> {
  const stop = new AbortController();
  const steps = make(outer === undefined ? stop.signal : AbortSignal.any([outer, stop.signal]));
  return {
    next: () => steps.next(),
    async return() {
      stop.abort();
      await steps.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
