import { createManualClock } from '@bitcoin-enterprise/core/testing';
import { createMemoryData, createMemoryStore } from '@bitcoin-enterprise/events';
import { type EventStoreHarness, eventStorePromises } from '@bitcoin-enterprise/events/testing';
import { describe, it } from 'vitest';

function memoryHarness(): EventStoreHarness {
  const clock = createManualClock();
  const data = createMemoryData();
  const store = createMemoryStore({ clock, data });
  return {
    store,
    clock,
    open: async () => createMemoryStore({ clock, data }),
    close: () => store.close(),
  };
}

describe('the memory store keeps the promises of an event store', () => {
  it.for(eventStorePromises)('$name', ({ run }) => run(memoryHarness));
});
