import { ensure, ensureEqual, ensureThrows, type Promised, promises } from '@bitcoin-enterprise/core/testing';
import type { StreamBroker, StreamRecord } from '../ports/stream-broker.ts';
import { beginningOf, cursorAt, link, type StreamCursor } from '../streams/chain.ts';
import { follow } from '../streams/follow.ts';
import { createPublisher } from '../streams/publish.ts';

/** A broker without topics under test. */
export interface StreamBrokerHarness {
  readonly broker: StreamBroker;
  /** Another broker on the same topics, as another process would have it. */
  open(): Promise<StreamBroker>;
  /** Ends all brokers and removes the data. */
  close(): Promise<void>;
}

function promise(name: string, check: (harness: StreamBrokerHarness) => Promise<void>): Promised<StreamBrokerHarness> {
  return {
    name,
    async run(make) {
      const harness = await make();
      try {
        await check(harness);
      } finally {
        await harness.close();
      }
    },
  };
}

/** Links and publishes so many records behind a cursor. */
async function publish(broker: StreamBroker, cursor: StreamCursor, count: number): Promise<readonly StreamRecord[]> {
  const records: StreamRecord[] = [];
  for (let i = 0; i < count; i++) {
    const last = records.at(-1);
    const at = last === undefined ? cursor : cursorAt(last);
    const record = link(at, { type: 'x', origin: String(at.sequence + 1), data: `{"n":${at.sequence + 1}}` });
    await broker.publish(record);
    records.push(record);
  }
  return records;
}

async function take(
  records: AsyncIterable<StreamRecord>,
  options: { readonly count: number; readonly stop: AbortController },
): Promise<readonly StreamRecord[]> {
  const taken: StreamRecord[] = [];
  for await (const record of records) {
    taken.push(record);
    if (taken.length === options.count) options.stop.abort();
  }
  return taken;
}

/** Everything a {@link StreamBroker} promises; run these against your adapter. */
export const streamBrokerPromises: ReadonlyArray<Promised<StreamBrokerHarness>> =
  /* @__PURE__ */ promises<StreamBrokerHarness>(
    promise('a topic that nobody wrote to is empty', async ({ broker }) => {
      ensureEqual(await broker.last('empty'), undefined, 'last');
      ensureEqual(await broker.read('empty'), [], 'records');
    }),
    promise('what is published is read back byte for byte, also elsewhere', async (harness) => {
      const start = beginningOf('a');
      const data = '{ "spaces" : "kept", "text": "ü\\u0000\u2028" }';
      const record = link(start, { type: 'x', origin: 'o', data });
      await harness.broker.publish(record);
      const more = await publish(harness.broker, cursorAt(record), 3);
      const other = await harness.open();

      ensureEqual(await other.read('a'), [record, ...more], 'all');
      ensureEqual(await other.last('a'), more.at(-1), 'last');
      ensureEqual(await other.read('a', { after: 1, limit: 2 }), more.slice(0, 2), 'a page');
      ensureEqual(await other.read('a', { after: 4 }), [], 'past the end');
      ensureEqual(await other.read('b'), [], 'another topic');
    }),
    promise('a record that does not follow the newest is refused', async ({ broker }) => {
      const start = beginningOf('a');
      const [first, second] = await publish(broker, start, 2);
      ensure(first !== undefined && second !== undefined, 'published');

      const again = link(start, { type: 'other', origin: 'o', data: '1' });
      const late = link(cursorAt(first), { type: 'other', origin: 'o', data: '1' });
      const early = link({ ...cursorAt(second), sequence: 7 }, { type: 'other', origin: 'o', data: '1' });
      for (const record of [again, late, early, first, second])
        await ensureThrows(() => broker.publish(record), 'EVENTS_STREAM_CONFLICT');
      ensureEqual((await broker.read('a')).length, 2, 'records');
    }),
    promise('of two publishers at once both get through, in one chain', async (harness) => {
      const brokers = [harness.broker, await harness.open()];
      const publishers = brokers.map((broker) => createPublisher(broker, { topic: 'a' }));
      await Promise.all(
        publishers.flatMap((publisher, who) =>
          Array.from({ length: 10 }, (_, i) => publisher.publish({ type: 'x', data: { who, i } })),
        ),
      );
      const stop = new AbortController();
      const seen: unknown[] = [];
      for await (const { data } of follow(harness.broker, 'a', { signal: stop.signal })) {
        seen.push(data);
        if (seen.length === 20) stop.abort();
      }
      for (const who of [0, 1])
        ensureEqual(
          seen.filter((data) => (data as { readonly who: number }).who === who),
          Array.from({ length: 10 }, (_, i) => ({ who, i })),
          `records of publisher ${who}, in its order`,
        );
    }),
    promise('a subscriber hears what was there and what comes, and ends with its signal', async (harness) => {
      const { broker } = harness;
      const old = await publish(broker, beginningOf('a'), 5);
      const stop = new AbortController();
      const taking = take((await harness.open()).subscribe('a', { after: 2, signal: stop.signal }), {
        count: 6,
        stop,
      });
      const last = old.at(-1);
      ensure(last !== undefined, 'published');
      const live = await publish(broker, cursorAt(last), 3);

      ensureEqual(await taking, [...old.slice(2), ...live], 'records');
    }),
    promise('a subscriber hears the first record of a topic that was not there', async (harness) => {
      const { broker } = harness;
      const stop = new AbortController();
      const taking = take((await harness.open()).subscribe('a', { after: 0, signal: stop.signal }), { count: 1, stop });
      const [record] = await publish(broker, beginningOf('a'), 1);

      ensureEqual(await taking, [record], 'records');
    }),
    promise('a single record is read at each place, and none behind the newest', async ({ broker }) => {
      const records = await publish(broker, beginningOf('a'), 3);
      for (const [index, record] of records.entries())
        ensureEqual(await broker.read('a', { after: index, limit: 1 }), [record], `record ${index + 1}`);
      ensureEqual(await broker.read('a', { after: 3, limit: 1 }), [], 'behind the newest');
    }),
    promise('the largest data of a record is carried', async ({ broker }) => {
      // Each character of it takes two once it becomes part of another JSON text.
      const data = `"${'\\"'.repeat(249_999)}"`;
      const record = link(beginningOf('a'), { type: 'x', origin: 'o', data });
      await broker.publish(record);
      ensureEqual(await broker.last('a'), record, 'the record');
    }),
    promise('a follower goes on where the topic still is what it was, and nowhere else', async (harness) => {
      const records = await publish(harness.broker, beginningOf('a'), 3);
      const [, second, third] = records;
      ensure(second !== undefined && third !== undefined, 'published');
      const one = new AbortController();
      for await (const { record } of follow(harness.broker, 'a', { cursor: cursorAt(second), signal: one.signal })) {
        ensureEqual(record, third, 'what is behind the cursor');
        one.abort();
      }
      const other = link(cursorAt(second), { type: 'x', origin: 'other', data: '1' });
      const later = link(cursorAt(third), { type: 'x', origin: 'later', data: '1' });
      for (const cursor of [cursorAt(other), cursorAt(later)])
        await ensureThrows(async () => {
          for await (const _ of follow(harness.broker, 'a', { cursor, signal: AbortSignal.timeout(10_000) }));
        }, 'EVENTS_STREAM_FORKED');
    }),
    promise('a signal that has come already ends a call', async ({ broker }) => {
      const signal = AbortSignal.abort();
      await ensureThrows(() => broker.last('a', { signal }), 'EVENTS_ABORTED');
      await ensureThrows(() => broker.read('a', { signal }), 'EVENTS_ABORTED');
      const record = link(beginningOf('a'), { type: 'x', origin: 'o', data: '1' });
      await ensureThrows(() => broker.publish(record, { signal }), 'EVENTS_ABORTED');
      ensureEqual(await broker.last('a'), undefined, 'nothing was published');
    }),
    promise('the name of a topic is checked', async ({ broker }) => {
      for (const topic of ['', 'a.b', '>', '*', 'a b', 'x'.repeat(101), 7 as never]) {
        await ensureThrows(() => broker.last(topic), 'EVENTS_INVALID_ARGUMENT');
        await ensureThrows(() => broker.read(topic), 'EVENTS_INVALID_ARGUMENT');
      }
    }),
  );
