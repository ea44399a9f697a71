import { currentCrypto, toHex } from '@bitcoin-enterprise/core';

/** What is on record of a vault, in its stream of the event store. All bytes are hex. */
export type VaultEvent =
  /** A process took the vault over. Without sealing this burns what earlier ones had made. */
  | {
      readonly type: 'opened';
      readonly incarnation: string;
      readonly isSealed: boolean;
      /** After a rollback: burns everything, and goes on from here. */
      readonly reset?: VaultMark;
    }
  /** A nonce was made; nobody has seen it before this was on record. */
  | { readonly type: 'made'; readonly token: string; readonly nonce: RecordedNonce }
  /** A nonce is bound to one session for good; only now may it sign. */
  | { readonly type: 'spent'; readonly token: string; readonly session: string }
  /** The answer, for whoever asks again. */
  | { readonly type: 'signed'; readonly token: string; readonly signature: string }
  /** Nonces that will not sign; all of them without tokens. */
  | { readonly type: 'burnt'; readonly tokens?: readonly string[] };

/** A nonce as it is on record. */
export interface RecordedNonce {
  readonly publicNonce: string;
  /** The secret half, encrypted, when the vault is sealed. */
  readonly sealed?: { readonly keyId: string; readonly iv: string; readonly ciphertext: string };
}

/** How far a vault has come: what a guard remembers. */
export interface VaultMark {
  /** Openings, spendings and burnings so far. */
  readonly count: number;
  /** Hash of all of them, 64 hex digits. */
  readonly chain: string;
}

/** A nonce as the ledger knows it. */
export type LedgerEntry =
  | { readonly is: 'made'; readonly nonce: RecordedNonce }
  | { readonly is: 'spent'; readonly nonce: RecordedNonce; readonly session: string }
  | { readonly is: 'signed'; readonly session: string; readonly signature: string };

/** What the stream of a vault adds up to. Tokens that are not in it sign nothing: forgetting is safe. */
export interface Ledger {
  version: number;
  incarnation: string;
  isSealed: boolean;
  mark: VaultMark;
  /** The last marks, oldest first: a guard stands at one of them. */
  marks: readonly VaultMark[];
  readonly entries: Map<string, LedgerEntry>;
}

/** Marks that are kept: a guard that is further behind was itself restored from a backup. */
const KEPT_MARKS = 64;
/** Answers that are kept for whoever asks again. */
const KEPT_ANSWERS = 1_000;

/** The ledger of a vault without events. */
export function emptyLedger(): Ledger {
  const mark = { count: 0, chain: '' };
  return { version: 0, incarnation: '', isSealed: false, mark, marks: [mark], entries: new Map() };
}

/** Adds an event to a ledger. */
export function foldEvent(ledger: Ledger, event: VaultEvent): void {
  ledger.version += 1;
  const { entries } = ledger;
  if (event.type === 'opened') {
    // What is not sealed died with the process that made it.
    if (!event.isSealed || event.reset !== undefined) burnUnsigned(entries);
    ledger.incarnation = event.incarnation;
    ledger.isSealed = event.isSealed;
    if (event.reset === undefined) addMark(ledger, `opened ${event.incarnation}`);
    else setMark(ledger, event.reset);
  } else if (event.type === 'made') {
    entries.set(event.token, { is: 'made', nonce: event.nonce });
  } else if (event.type === 'spent') {
    const entry = entries.get(event.token);
    if (entry?.is === 'made') entries.set(event.token, { ...entry, is: 'spent', session: event.session });
    addMark(ledger, `spent ${event.token} ${event.session}`);
  } else if (event.type === 'signed') {
    const entry = entries.get(event.token);
    if (entry?.is !== 'spent') return;
    // Behind the older ones, so that the oldest is forgotten first.
    entries.delete(event.token);
    entries.set(event.token, { is: 'signed', session: entry.session, signature: event.signature });
  } else {
    if (event.tokens === undefined) burnUnsigned(entries);
    for (const token of event.tokens ?? []) entries.delete(token);
    addMark(ledger, `burnt ${event.tokens?.join(' ') ?? 'all'}`);
  }
}

/** The mark that stands for a ledger and everything that its guards have seen: where a vault goes on after a rollback. */
export function resetMark(ledger: Ledger, seen: readonly VaultMark[], incarnation: string): VaultMark {
  const count = Math.max(ledger.mark.count, ...seen.map((mark) => mark.count)) + 1;
  return { count, chain: digestOf([ledger.mark, ...seen].map((mark) => mark.chain).join(' ') + incarnation) };
}

/** Whether a ledger knows everything that a guard has seen. */
export function covers(ledger: Ledger, seen: VaultMark | undefined): boolean {
  return seen === undefined || ledger.marks.some(({ count, chain }) => count === seen.count && chain === seen.chain);
}

/** Lets go of the oldest answers. */
export function forgetAnswers(ledger: Ledger): void {
  let answers = 0;
  for (const entry of ledger.entries.values()) if (entry.is === 'signed') answers += 1;
  for (const [token, entry] of ledger.entries) {
    if (answers <= KEPT_ANSWERS) return;
    if (entry.is !== 'signed') continue;
    ledger.entries.delete(token);
    answers -= 1;
  }
}

/** A ledger as JSON, for a snapshot. */
export function ledgerToJson(ledger: Ledger): unknown {
  return { ...ledger, entries: [...ledger.entries] };
}

/** A ledger of a snapshot. */
export function ledgerFromJson(json: unknown): Ledger {
  const ledger = json as Omit<Ledger, 'entries'> & { readonly entries: ReadonlyArray<[string, LedgerEntry]> };
  return { ...ledger, entries: new Map(ledger.entries) };
}

function burnUnsigned(entries: Map<string, LedgerEntry>): void {
  for (const [token, entry] of entries) if (entry.is !== 'signed') entries.delete(token);
}

function addMark(ledger: Ledger, what: string): void {
  const { count, chain } = ledger.mark;
  setMark(ledger, { count: count + 1, chain: digestOf(`${chain} ${what}`) });
}

function setMark(ledger: Ledger, mark: VaultMark): void {
  ledger.mark = mark;
  ledger.marks = [...ledger.marks, mark].slice(-KEPT_MARKS);
}

function digestOf(text: string): string {
  return toHex(currentCrypto().sha256(new TextEncoder().encode(text)));
}
