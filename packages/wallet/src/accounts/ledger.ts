import type { StoredEvent } from '@bitcoin-enterprise/events';

/** A coin that a transaction spends, so that it can be found again from the descriptor alone. */
export interface SpentCoin {
  /** As people read it, hexadecimal. */
  readonly txid: string;
  readonly index: number;
  /** Satoshis, decimal. */
  readonly value: string;
  /** 0 receiving, 1 change. */
  readonly branch: number;
  readonly derivationIndex: number;
}

/** A transaction that was sent. */
export interface SentTransaction {
  readonly key: string;
  /** As people read it. */
  readonly txid: string;
  /** The signed transaction, hexadecimal. */
  readonly raw: string;
  /** Satoshis, decimal. */
  readonly fee: string;
  readonly spends: readonly SpentCoin[];
  /** Place of the change; absent without. */
  readonly changeIndex?: number;
  /** Where its change lies, so that the next one lies elsewhere. */
  readonly changeAt?: { readonly branch: number; readonly derivationIndex: number };
  /** Silent payment addresses that it pays: place of the output, and its keys in hexadecimal (BIP375). */
  readonly silent?: readonly { readonly output: number; readonly keys: string }[];
  /** The one that it replaces. */
  readonly replaces?: string;
}

/** How a transaction ended. */
export type SentOutcome = 'confirmed' | 'failed' | 'replaced';

/** What happened to an account. */
export type AccountEvent =
  /** `isUsed`: the chain has seen it, as a restore has found out. */
  | { readonly type: 'issued'; readonly branch: number; readonly index: number; readonly isUsed?: true }
  | ({ readonly type: 'sent' } & SentTransaction)
  | { readonly type: 'settled'; readonly txid: string; readonly outcome: SentOutcome; readonly reason?: string };

/** An account with all that happened to it. */
export interface AccountLedger {
  readonly version: number;
  /** The lowest index of each branch that was never shown: receiving, change. */
  readonly next: readonly [number, number];
  /** The lowest index of each branch above all that are known to be used. */
  readonly unused: readonly [number, number];
  /** By id, oldest first. */
  readonly sent: ReadonlyMap<string, SentTransaction & { readonly outcome?: SentOutcome }>;
}

/** Nothing has happened. */
export const EMPTY_ACCOUNT: AccountLedger = { version: 0, next: [0, 0], unused: [0, 0], sent: new Map() };

/** The account after further events. */
export function foldAccount(ledger: AccountLedger, events: readonly StoredEvent[]): AccountLedger {
  let { version } = ledger;
  const next: [number, number] = [...ledger.next];
  const unused: [number, number] = [...ledger.unused];
  const sent = new Map(ledger.sent);
  for (const stored of events) {
    const event = { type: stored.type, ...(stored.data as object) } as AccountEvent;
    version = stored.version;
    if (event.type === 'issued') {
      const branch = event.branch === 1 ? 1 : 0;
      next[branch] = Math.max(next[branch], event.index + 1);
      if (event.isUsed === true) unused[branch] = Math.max(unused[branch], event.index + 1);
    } else if (event.type === 'sent') {
      const { type: _type, ...transaction } = event;
      // What had failed and is sent again is the last one of its key.
      sent.delete(transaction.txid);
      sent.set(transaction.txid, transaction);
      const { changeAt } = transaction;
      if (changeAt !== undefined) {
        const branch = changeAt.branch === 1 ? 1 : 0;
        unused[branch] = Math.max(unused[branch], changeAt.derivationIndex + 1);
      }
      const replaced = transaction.replaces === undefined ? undefined : sent.get(transaction.replaces);
      if (replaced !== undefined) sent.set(replaced.txid, { ...replaced, outcome: 'replaced' });
    } else {
      const known = sent.get(event.txid);
      if (known === undefined) continue;
      sent.set(event.txid, { ...known, outcome: event.outcome });
      // A replacement that failed has replaced nothing.
      const before = event.outcome === 'failed' ? sent.get(known.replaces ?? '') : undefined;
      if (before?.outcome === 'replaced') {
        const { outcome: _outcome, ...waiting } = before;
        sent.set(before.txid, waiting);
      }
    }
  }
  return { version, next, unused, sent };
}
