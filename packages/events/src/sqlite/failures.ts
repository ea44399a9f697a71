import { EventsError } from '../errors.ts';

const STORE = 'sqlite';
/** Primary result codes of SQLite (sqlite.org/rescode.html). */
const BUSY = 5;
const LOCKED = 6;
const CORRUPT = 11;
const FULL = 13;
const NOT_A_DATABASE = 26;

/** Whether another connection holds the lock just now. */
export function isBusy(error: unknown): boolean {
  const code = codeOf(error);
  return code === BUSY || code === LOCKED;
}

/**
 * The coded error for what SQLite said.
 *
 * @param outcome - What is known of the write: a commit that failed half way is unknown.
 */
export function failureOf(error: unknown, outcome: 'not-done' | 'unknown'): EventsError {
  if (error instanceof EventsError) return error;
  const reason = error instanceof Error ? error.message : 'no reason given';
  switch (codeOf(error)) {
    case BUSY:
    case LOCKED:
      return new EventsError('EVENTS_STORE_BUSY', 'another process holds the lock of the database', {
        details: { store: STORE },
        retryable: true,
        cause: error,
      });
    case FULL:
      return new EventsError('EVENTS_STORE_FULL', 'the disk is full', {
        details: { store: STORE },
        hint: 'make room on the disk; nothing was written',
        retryable: true,
        cause: error,
      });
    case CORRUPT:
    case NOT_A_DATABASE:
      return new EventsError('EVENTS_STORE_CORRUPT', reason, {
        details: { store: STORE, reason },
        hint: 'restore the file from a backup',
        cause: error,
      });
    default:
      return new EventsError('EVENTS_STORE_UNAVAILABLE', reason, {
        details: { store: STORE, outcome, reason },
        retryable: true,
        cause: error,
      });
  }
}

function codeOf(error: unknown): number | undefined {
  const code = typeof error === 'object' && error !== null && 'errcode' in error ? error.errcode : undefined;
  // The upper bytes carry the extended code.
  return typeof code === 'number' ? code & 0xff : undefined;
}
