import { type Promised, promises } from '@bitcoin-enterprise/core/testing';
import type { EventStoreHarness } from './harness.ts';
import { appendingPromises } from './store/appending.ts';
import { effectsPromises } from './store/effects.ts';
import { idempotencyPromises } from './store/idempotency.ts';
import { inputPromises } from './store/input.ts';
import { leasesPromises } from './store/leases.ts';
import { readingPromises } from './store/reading.ts';
import { retentionPromises } from './store/retention.ts';
import { timersPromises } from './store/timers.ts';

/** Everything an event store promises; run these against your adapter. */
export const eventStorePromises: ReadonlyArray<Promised<EventStoreHarness>> =
  /* @__PURE__ */ promises<EventStoreHarness>(
    ...appendingPromises,
    ...readingPromises,
    ...idempotencyPromises,
    ...effectsPromises,
    ...timersPromises,
    ...retentionPromises,
    ...leasesPromises,
    ...inputPromises,
  );
