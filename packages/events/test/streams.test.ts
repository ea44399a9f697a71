import {
  beginningOf,
  createMemoryData,
  createMemoryStore,
  createPublisher,
  createStoreBroker,
  cursorAt,
  follow,
  type Followed,
  link,
  parseRecord,
  relay,
  type StreamBroker,
  type StreamCursor,
  type StreamRecord,
  verifyNext,
} from '@bitcoin-enterprise/events';
import { streamBrokerPromises } from '@bitcoin-enterprise/events/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const topic = 'prices';

function chainOf(count: number): readonly StreamRecord[] {
  const records: StreamRecord[] = [];
  let cursor = beginningOf(topic);
  for (let n = 1; n <= count; n++) {
    const record = link(cursor, { type: 'price', origin: String(n), data: JSON.stringify({ n }) });
    records.push(record);
    cursor = cursorAt(record);
  }
  return records;
}

/** A broker that reads honestly and delivers live what a test tells it to. */
function liar(records: readonly StreamRecord[], live: (after: number) => AsyncIterable<StreamRecord>): StreamBroker {
  return {
    publish: () => Promise.reject(new Error('not here')),
    last: async () => records.at(-1),
    read: async (_, { after = 0, limit = 3 } = {}) =>
      records.filter(({ sequence }) => sequence > after).slice(0, Math.min(limit, 3)),
    subscribe: (_, { after }) => live(after),
    close: async () => undefined,
  };
}

async function* deliver(records: readonly StreamRecord[], then: 'end' | 'silence'): AsyncGenerator<StreamRecord> {
  for (const record of records) yield record;
  if (then === 'silence') await new Promise(() => undefined);
}

async function followed(
  broker: StreamBroker,
  options: { readonly count: number; readonly cursor?: StreamCursor; readonly checkMs?: number },
): Promise<readonly Followed[]> {
  const { count, ...rest } = options;
  const stop = new AbortController();
  const seen: Followed[] = [];
  for await (const step of follow(broker, topic, { ...rest, signal: stop.signal })) {
    seen.push(step);
    if (seen.length === count) stop.abort();
  }
  return seen;
}

const numbers = (steps: readonly Followed[]): readonly number[] =>
  steps.map(({ data }) => (data as { readonly n: number }).n);

describe('a broker inside a store keeps the promises of a broker', () => {
  it.for(streamBrokerPromises)('$name', ({ run }) =>
    run(() => {
      const data = createMemoryData();
      const store = createMemoryStore({ data });
      return {
        broker: createStoreBroker(store),
        open: async () => createStoreBroker(createMemoryStore({ data })),
        close: () => store.close(),
      };
    }),
  );
});

describe('the chain', () => {
  it('takes each record once, in order', () => {
    const [first, second, third] = chainOf(3);
    if (first === undefined || second === undefined || third === undefined) throw new Error('no records');
    const one = verifyNext(beginningOf(topic), first);

    expect(verifyNext(one, second)).toEqual(cursorAt(second));
    expect(() => verifyNext(one, third)).toThrow('EVENTS_STREAM_GAP: expected record 2 of prices, got 3');
    expect(() => verifyNext(one, first)).toThrow('EVENTS_STREAM_REPEATED');
    expect(() => verifyNext(cursorAt(third), first)).toThrow('EVENTS_STREAM_REPEATED');
  });

  it('tells a fork at the cursor and right behind it', () => {
    const [first, second] = chainOf(2);
    if (first === undefined || second === undefined) throw new Error('no records');
    const other = link(beginningOf(topic), { type: 'price', origin: '1', data: '{"n":9}' });
    const behind = link(cursorAt(other), { type: 'price', origin: '2', data: '{"n":2}' });

    expect(() => verifyNext(cursorAt(first), other)).toThrow('EVENTS_STREAM_FORKED');
    expect(() => verifyNext(cursorAt(first), behind)).toThrow('EVENTS_STREAM_FORKED');
  });

  it('notices every changed field', () => {
    const [first] = chainOf(1);
    const changed = fc.constantFrom<Partial<StreamRecord>>(
      { topic: 'other' },
      { sequence: 2 },
      { previous: 'a'.repeat(64) },
      { hash: 'b'.repeat(64) },
      { type: 'trade' },
      { origin: '2' },
      { data: '{"n":2}' },
      { data: '{"n":1} ' },
    );
    fc.assert(
      fc.property(changed, (change) => {
        expect(() => verifyNext(beginningOf(topic), { ...(first as StreamRecord), ...change })).toThrow(
          'EVENTS_STREAM_RECORD_INVALID',
        );
      }),
    );
  });

  it('reads hostile text with a code', () => {
    const good = JSON.stringify(chainOf(1)[0]);
    const pieces = fc.oneof(
      fc.string(),
      fc.jsonValue().map((value) => JSON.stringify(value)),
    );
    const cut = fc.nat(good.length - 1).map((length) => good.slice(0, length));
    fc.assert(
      fc.property(fc.oneof(pieces, cut), (text) => {
        expect(() => parseRecord(text)).toThrow('EVENTS_STREAM_RECORD_INVALID');
      }),
    );
    expect(parseRecord(good)).toEqual(chainOf(1)[0]);
  });
});

describe('following a topic', () => {
  const records = chainOf(12);

  it('yields all in order, whatever is lost, repeated or overtaken on the way', async () => {
    const deliveries = fc.array(fc.integer({ min: 0, max: 11 }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(deliveries, async (order) => {
        const live = order.map((index) => records[index] as StreamRecord);
        const steps = await followed(
          liar(records, () => deliver(live, 'silence')),
          { count: 12, checkMs: 1 },
        );
        expect(numbers(steps)).toEqual(records.map((_, i) => i + 1));
      }),
    );
  });

  it('goes on behind its cursor', async () => {
    const broker = liar(records, (after) => deliver(records.slice(after), 'silence'));
    const first = await followed(broker, { count: 5 });
    const cursor = JSON.parse(JSON.stringify(first.at(-1)?.cursor)) as StreamCursor;

    expect(numbers(await followed(broker, { count: 7, cursor }))).toEqual([6, 7, 8, 9, 10, 11, 12]);
  });

  it('subscribes again when a subscription ends, and finds out one that is silent', async () => {
    let subscriptions = 0;
    const ending = liar(records, (after) => {
      subscriptions += 1;
      return deliver(records.slice(after, after + 4), 'end');
    });
    const silent = liar(records, () => deliver([], 'silence'));

    expect(numbers(await followed(ending, { count: 12 }))).toHaveLength(12);
    expect(subscriptions).toBe(3);
    expect(numbers(await followed(silent, { count: 12, checkMs: 5 }))).toHaveLength(12);
  });

  it('stops at a fork, a forgery, and at what nobody has any more', async () => {
    const forked = chainOf(3).map((record, index) =>
      index < 2 ? record : link({ ...cursorAt(record), sequence: 2 }, record),
    );
    const forged = records.map((record) => (record.sequence === 3 ? { ...record, data: '{"n":4}' } : record));
    const holed = records.filter(({ sequence }) => sequence !== 3);
    for (const [list, code] of [
      [forked, 'EVENTS_STREAM_FORKED'],
      [forged, 'EVENTS_STREAM_RECORD_INVALID'],
      [holed, 'EVENTS_STREAM_GAP'],
    ] as const)
      await expect(
        followed(
          liar(list, (after) =>
            deliver(
              list.filter(({ sequence }) => sequence > after),
              'silence',
            ),
          ),
          { count: 12, checkMs: 50 },
        ),
      ).rejects.toMatchObject({ code });
  });

  it('refuses a cursor that was not handed out', async () => {
    const broker = liar(records, () => deliver([], 'silence'));
    for (const cursor of [{}, { topic, sequence: 1, hash: 'x' }, { topic: 'other', sequence: 0, hash: '0'.repeat(64) }])
      await expect(followed(broker, { count: 1, cursor: cursor as never })).rejects.toMatchObject({
        code: 'EVENTS_INVALID_ARGUMENT',
      });
  });

  it('ends at once when its signal comes while nothing happens', async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 5);
    for await (const _ of follow(
      liar([], () => deliver([], 'silence')),
      topic,
      { signal: stop.signal },
    ))
      throw new Error('nothing was published');
  });
});

describe('a relay', () => {
  async function relayed(count: number, disturb: (broker: StreamBroker) => StreamBroker = (broker) => broker) {
    const store = createMemoryStore();
    const honest = createStoreBroker(createMemoryStore());
    const broker = disturb(honest);
    const stop = new AbortController();
    const run = async (): Promise<void> => {
      while (!stop.signal.aborted)
        try {
          await relay({
            store,
            broker,
            topic,
            signal: stop.signal,
            idleMs: 5,
            select: ({ type, data }) => (type === 'public' ? { type, data } : undefined),
          });
        } catch {
          // Called again, it goes on.
        }
    };
    // Two at once: neither repeats what the other has published.
    const relays = [run(), run()];
    for (let n = 1; n <= count; n++) {
      await store.append({ stream: 's', events: [{ type: 'public', data: { n } }] });
      await store.append({ stream: 's', events: [{ type: 'private', data: { n } }] });
    }
    const steps = await followed(honest, { count });
    stop.abort();
    await Promise.all(relays);
    return { steps, records: await honest.read(topic) };
  }

  it('publishes what is selected, each once and in order, even when two run', async () => {
    const { steps, records } = await relayed(40);

    expect(numbers(steps)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    expect(records).toHaveLength(40);
  });

  it('publishes each once when the broker takes records and does not say so', async () => {
    let calls = 0;
    const { steps, records } = await relayed(20, (broker) => ({
      ...broker,
      publish: async (record, options) => {
        calls += 1;
        if (calls % 5 === 1) throw new Error('lost on the way there');
        await broker.publish(record, options);
        if (calls % 5 === 3) throw new Error('lost on the way back');
      },
    }));

    expect(numbers(steps)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(records).toHaveLength(20);
  });

  it('does not go on behind records of somebody else', async () => {
    const broker = createStoreBroker(createMemoryStore());
    await createPublisher(broker, { topic }).publish({ type: 'x' });
    const options = { store: createMemoryStore(), broker, topic, select: () => undefined };

    await expect(relay({ ...options, signal: new AbortController().signal })).rejects.toMatchObject({
      code: 'EVENTS_STREAM_NOT_RELAYED',
    });
  });
});
