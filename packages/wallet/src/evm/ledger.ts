import type { StoredEvent } from '@bitcoin-enterprise/events';

/** One way to do what was asked for: a signed transaction. A replacement is another of the same nonce. */
export interface EvmAttempt {
  readonly nonce: number;
  /** The signed transaction, `0x` and hexadecimal digits. */
  readonly raw: string;
  /** `0x` and 64 hexadecimal digits. */
  readonly hash: string;
}

/** How a transaction ended. */
export interface EvmOutcome {
  /** Of the attempt that was mined. */
  readonly hash: string;
  readonly status: 'succeeded' | 'reverted';
  readonly blockNumber: number;
}

/** A transaction that was asked for, and what became of it. */
export interface EvmSending {
  readonly key: string;
  /** Of the present nonce, oldest first. */
  readonly attempts: readonly EvmAttempt[];
  readonly outcome: EvmOutcome | undefined;
  /** Whether the last attempt only keeps the nonce from being used. */
  readonly isCancelled: boolean;
}

/** What is on record of an account. */
export type EvmEvent =
  | ({ readonly type: 'assigned'; readonly key: string } & EvmAttempt)
  | ({ readonly type: 'replaced'; readonly key: string; readonly isCancelled: boolean } & EvmAttempt)
  | { readonly type: 'overtaken'; readonly key: string }
  | ({ readonly type: 'settled'; readonly key: string } & EvmOutcome);

/** An account with all that was sent from it. */
export interface EvmLedger {
  readonly version: number;
  /** The lowest nonce that was never assigned; 0 when none was. */
  readonly nextNonce: number;
  readonly sendings: ReadonlyMap<string, EvmSending>;
}

/** Nothing was sent. */
export const EMPTY_LEDGER: EvmLedger = { version: 0, nextNonce: 0, sendings: new Map() };

/** The account after further events. */
export function foldEvm(ledger: EvmLedger, events: readonly StoredEvent[]): EvmLedger {
  let { version, nextNonce } = ledger;
  const sendings = new Map(ledger.sendings);
  for (const stored of events) {
    const event = { type: stored.type, ...(stored.data as object) } as EvmEvent;
    version = stored.version;
    const { key } = event;
    const known = sendings.get(key);
    if (event.type === 'assigned') {
      const { nonce, raw, hash } = event;
      sendings.set(key, { key, attempts: [{ nonce, raw, hash }], outcome: undefined, isCancelled: false });
      nextNonce = Math.max(nextNonce, nonce + 1);
    } else if (known === undefined) continue;
    else if (event.type === 'replaced') {
      const { nonce, raw, hash, isCancelled } = event;
      // What speeds a cancellation up is one too.
      const attempts = [...known.attempts, { nonce, raw, hash }];
      sendings.set(key, { ...known, attempts, isCancelled: known.isCancelled || isCancelled });
    } else if (event.type === 'overtaken') sendings.set(key, { ...known, attempts: [] });
    else {
      const { hash, status, blockNumber } = event;
      sendings.set(key, { ...known, outcome: { hash, status, blockNumber } });
    }
  }
  return { version, nextNonce, sendings };
}
