import { EventsError } from '../errors.ts';

const STORE = 'postgres';

/** SQLSTATE of an error of the server; `undefined` when the connection broke. */
export function stateOf(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  // Five characters, and not a name of the system such as EPIPE.
  return typeof code === 'string' && /^[0-9][0-9A-Z]{4}$|^[A-Z][0-9A-Z]\d{3}$/.test(code) ? code : undefined;
}

/** Whether the same transaction may succeed when it is run again: a serialisation failure or a deadlock. */
export function isTransient(error: unknown): boolean {
  const state = stateOf(error);
  return state === '40001' || state === '40P01';
}

/** Whether the connection is gone: the server closed it, or nobody answers. */
export function isDisconnection(error: unknown): boolean {
  if (error instanceof EventsError) return false;
  const state = stateOf(error);
  // 57P01–57P03: shut down, crashed, starting up. 08: connection exceptions. 25P03: idle in a transaction for too long.
  return state === undefined || state.startsWith('57P0') || state.startsWith('08') || state === '25P03';
}

/**
 * The coded error for what the server or the connection said. Texts of the server may quote values, so that only the
 * SQLSTATE is told.
 *
 * @param outcome - What is known of the write.
 */
export function failureOf(error: unknown, outcome: 'not-done' | 'unknown'): EventsError {
  if (error instanceof EventsError) return error;
  const state = stateOf(error);
  // Class 53: the disk is full, or the memory.
  if (state === '53100')
    return new EventsError('EVENTS_STORE_FULL', "the server's disk is full", {
      details: { store: STORE },
      hint: 'make room on the disk; nothing was written',
      retryable: true,
      cause: error,
    });
  // 55P03: lock_timeout. 57014: statement_timeout.
  if (state === '55P03' || state === '57014')
    return new EventsError('EVENTS_STORE_BUSY', 'another process holds the lock of the store', {
      details: { store: STORE },
      retryable: true,
      cause: error,
    });
  if (state === 'XX001' || state === 'XX002')
    return new EventsError('EVENTS_STORE_CORRUPT', `the server found damaged data (SQLSTATE ${state})`, {
      details: { store: STORE, reason: `SQLSTATE ${state}` },
      hint: 'restore the database from a backup',
      cause: error,
    });
  const reason = state === undefined ? 'the connection broke or could not be made' : `SQLSTATE ${state}`;
  return new EventsError('EVENTS_STORE_UNAVAILABLE', reason, {
    details: { store: STORE, outcome, reason },
    retryable: true,
    cause: error,
  });
}
