/** What rings later. */
export interface Timers {
  /**
   * Calls back once, after a delay.
   *
   * @param delayMs - Milliseconds, 0 or more; one that is not finite never rings.
   * @param callback - Must not throw.
   * @returns Calls it off; without effect once it rang.
   */
  after(delayMs: number, callback: () => void): () => void;
}
