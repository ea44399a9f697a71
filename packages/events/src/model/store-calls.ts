import type { EventStore } from '../ports/event-store.ts';

/** Calls of a store that read or write once and answer: all but `append`, which is hot, `waitForEvents` and `close`. */
export const storeCalls = [
  'readStream',
  'readAll',
  'version',
  'head',
  'saveSnapshot',
  'loadSnapshot',
  'claimEffects',
  'claimTimers',
  'nextTimer',
  'settle',
  'release',
  'bury',
  'deadEffects',
  'revive',
  'acquireLease',
  'releaseLease',
  'truncate',
  'forgetEffects',
] as const satisfies ReadonlyArray<keyof EventStore>;
