import { createManualClock } from '@bitcoin-enterprise/core/testing';
import { createMemoryData, createMemoryStore } from '@bitcoin-enterprise/events';
import { observedStore } from '@bitcoin-enterprise/events/telemetry';
import { eventStorePromises } from '@bitcoin-enterprise/events/testing';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { describe, expect, it } from 'vitest';

describe('an observed store', () => {
  describe('keeps the promises of the store', () => {
    it.for(eventStorePromises)('$name', ({ run }) =>
      run(() => {
        const clock = createManualClock();
        const data = createMemoryData();
        const open = () => observedStore(createMemoryStore({ clock, data }));
        const store = open();
        return { store, clock, open: async () => open(), close: () => store.close() };
      }),
    );
  });

  it('tells calls and codes, and neither streams nor data', async () => {
    const exporter = new InMemorySpanExporter();
    const tracerProvider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
    const store = observedStore(createMemoryStore(), { tracerProvider });
    await store.append({ stream: 'customer/alice', events: [{ type: 'paid', data: { card: '4111' } }] });
    await store
      .append({ stream: 'customer/alice', events: [{ type: 'paid' }], expectedVersion: 7 })
      .catch(() => undefined);
    const spans = exporter.getFinishedSpans().map(({ name, attributes }) => ({ name, attributes }));

    expect(spans).toEqual([
      { name: 'events.append', attributes: {} },
      { name: 'events.append', attributes: { 'error.type': 'EVENTS_VERSION_CONFLICT' } },
    ]);
    expect(JSON.stringify(spans)).not.toMatch(/alice|4111/);
  });
});
