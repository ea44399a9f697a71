/** Says that a node may have something new. Losing a call costs a follower time and never an event. */
export interface ChangeSignal {
  /**
   * Calls a listener whenever something may have changed, also after notifications were lost or could have been.
   *
   * @returns Ends it.
   */
  onChange(listener: () => void): () => void;
}
