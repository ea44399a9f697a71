const NONE = -1;

/**
 * The open conditionals of a script. Only their number and the outermost false one are kept: that is all that decides
 * whether code runs, so that deep nesting costs nothing.
 */
export class ConditionStack {
  #depth = 0;
  #firstFalse = NONE;

  /** How many conditionals are open. */
  get depth(): number {
    return this.#depth;
  }

  /** Whether every open conditional is true. */
  get allTrue(): boolean {
    return this.#firstFalse === NONE;
  }

  /** Opens a conditional. */
  push(value: boolean): void {
    if (!value && this.#firstFalse === NONE) this.#firstFalse = this.#depth;
    this.#depth++;
  }

  /** Closes the innermost one; the caller knows that there is one. */
  pop(): void {
    this.#depth--;
    if (this.#firstFalse === this.#depth) this.#firstFalse = NONE;
  }

  /** Turns the innermost one over; inside a false one this changes nothing that matters. */
  toggle(): void {
    const top = this.#depth - 1;
    if (this.#firstFalse === NONE) this.#firstFalse = top;
    else if (this.#firstFalse === top) this.#firstFalse = NONE;
  }
}
