/** Why a rule refuses a transaction or a block: Core's reason, and where. */
export interface Rejection {
  /** Core's reject reason, for example `bad-txns-in-belowout`. */
  readonly reason: string;
  /** Whether it may be taken as part of a package: its fee is too low by itself, or its parents are not there. */
  readonly category?: 'reconsiderable' | 'missing-inputs';
  /** What Core says behind the reason: amounts, ids, limits. */
  readonly detail?: string;
  /** Core's name of the script error, when a script failed. */
  readonly scriptError?: string;
  /** Position in the block of the transaction at fault. */
  readonly transactionIndex?: number;
  /** Its input at fault. */
  readonly inputIndex?: number;
}
