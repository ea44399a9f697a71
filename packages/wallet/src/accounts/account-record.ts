import { hasCode } from '@bitcoin-enterprise/core';
import type { EventStore } from '@bitcoin-enterprise/events';
import { type AccountEvent, type AccountLedger, EMPTY_ACCOUNT, foldAccount } from './ledger.ts';

const CONFLICTS = 50;

/** What happened to one account, in its event store. */
export class AccountRecord {
  readonly #store: EventStore;
  readonly #stream: string;
  #ledger: AccountLedger = EMPTY_ACCOUNT;

  /**
   * @param store - Where it is kept.
   * @param id - Of the account.
   */
  constructor(store: EventStore, id: string) {
    this.#store = store;
    this.#stream = `wallet/account/${id}`;
  }

  /** The account as it is now. */
  async load(): Promise<AccountLedger> {
    for (;;) {
      const before = this.#ledger;
      const events = await this.#store.readStream(this.#stream, { after: before.version });
      // Another call has gone on meanwhile: what was read would be folded twice.
      if (this.#ledger !== before) continue;
      if (events.length === 0) return before;
      this.#ledger = foldAccount(before, events);
    }
  }

  /** Adds what is proposed of the account as it is then; `undefined` adds nothing. */
  async append(propose: (ledger: AccountLedger) => AccountEvent | undefined): Promise<void> {
    for (let tries = 1; ; tries++) {
      const ledger = await this.load();
      const event = propose(ledger);
      if (event === undefined) return;
      const { type, ...data } = event;
      try {
        await this.#store.append({
          stream: this.#stream,
          expectedVersion: ledger.version,
          events: [{ type, data }],
        });
        return;
      } catch (error) {
        if (!hasCode(error, 'EVENTS_VERSION_CONFLICT') || tries >= CONFLICTS) throw error;
      }
    }
  }
}
