import { hasCode } from '@bitcoin-enterprise/core';
import { streamConflict } from '../errors.ts';
import { checkCall, requireRecord } from '../model/checks.ts';
import type { EventStore } from '../ports/event-store.ts';
import type { StreamBroker, StreamRecord } from '../ports/stream-broker.ts';
import { requireStore } from './arguments.ts';
import { checkTopic, readRecord } from './chain.ts';

const IDLE_MS = 1_000;
const PAGE = 1_000;

/**
 * Makes a broker inside an event store: in this process with a memory store, among processes with a shared one. The
 * caller closes the store.
 */
export function createStoreBroker(store: EventStore): StreamBroker {
  requireStore('store', store);
  const streamOf = (topic: string): string => `topic/${checkTopic(topic)}`;

  async function read(
    topic: string,
    options: { readonly after?: number; readonly limit?: number; readonly signal?: AbortSignal } = {},
  ): Promise<readonly StreamRecord[]> {
    checkCall('read', options);
    const events = await store.readStream(streamOf(topic), options);
    return events.map(({ data }) => readRecord(data));
  }

  return {
    async publish(record, options) {
      requireRecord('record', record);
      const data = readRecord(record);
      const { topic, sequence, type } = data;
      try {
        await store.append(
          { stream: streamOf(topic), expectedVersion: sequence - 1, events: [{ type, data }] },
          options,
        );
      } catch (error) {
        if (!hasCode(error, 'EVENTS_VERSION_CONFLICT')) throw error;
        throw streamConflict(topic, sequence, error.details.actual);
      }
    },
    async last(topic, options = {}) {
      checkCall('last', options);
      const version = await store.version(streamOf(topic), options);
      return version === 0 ? undefined : (await read(topic, { ...options, after: version - 1 }))[0];
    },
    read,
    async *subscribe(topic, { after, signal }) {
      try {
        for (let seen = after; !signal.aborted;) {
          const head = await store.head({ signal });
          const records = await read(topic, { after: seen, limit: PAGE, signal });
          for (const record of records) yield record;
          seen = records.at(-1)?.sequence ?? seen;
          if (records.length === 0) await store.waitForEvents({ after: head, timeoutMs: IDLE_MS, signal });
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    },
    close: async () => undefined,
  };
}
