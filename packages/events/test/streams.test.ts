import { createHash } from 'node:crypto';
import {
  beginningOf,
  createMemoryData,
  createMemoryStore,
  createPublisher,
  createStoreBroker,
  cursorAt,
  EventsError,
  type EventStore,
  follow,
  type Followed,
  link,
  parseRecord,
  relay,
  type StoredEvent,
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

  it('refuses a good record of another topic', () => {
    const other = link(beginningOf('other'), { type: 'price', origin: '1', data: '{"n":1}' });

    expect(() => verifyNext(beginningOf(topic), other)).toThrow('EVENTS_STREAM_RECORD_INVALID');
  });

  it('links only what every reader takes', () => {
    const start = beginningOf(topic);
    const good = { type: 'price', origin: '1', data: '1' };
    const longest = `"${'x'.repeat(499_998)}"`;

    expect(verifyNext(start, link(start, { ...good, data: longest }))).toMatchObject({ sequence: 1 });
    expect(() => link(start, { ...good, data: `${longest} ` })).toThrow('EVENTS_STREAM_RECORD_TOO_LARGE');
    for (const bad of [{ data: 'no JSON' }, { data: 7 }, { type: '' }, { type: 7 }, { origin: 'x'.repeat(256) }])
      expect(() => link(start, { ...good, ...bad } as never), JSON.stringify(bad)).toThrow('EVENTS_INVALID_ARGUMENT');
    expect(() => link(start, undefined as never)).toThrow('EVENTS_INVALID_ARGUMENT');
    expect(() => link({ ...start, sequence: -1 }, good)).toThrow('EVENTS_INVALID_ARGUMENT');
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

  describe('notices a topic that no longer holds what the cursor has seen', () => {
    const rewritten: StreamRecord[] = [];
    for (let n = 1; n <= 12; n++)
      rewritten.push(
        link(rewritten.map(cursorAt).at(-1) ?? beginningOf(topic), {
          type: 'price',
          origin: String(n),
          data: JSON.stringify({ n: -n }),
        }),
      );
    const cursor = cursorAt(records[9] as StreamRecord);
    const forked = { code: 'EVENTS_STREAM_FORKED', details: { topic, sequence: 10 } };

    it.for([
      ['rewritten, as long', rewritten.slice(0, 10)],
      ['rewritten, longer', rewritten],
      ['rewritten, shorter', rewritten.slice(0, 5)],
      ['rolled back', records.slice(0, 9)],
      ['emptied', []],
    ] as const)('when it goes on: %s', async ([, list]) => {
      const broker = liar(list, (after) => deliver(list.slice(after), 'silence'));

      await expect(followed(broker, { count: 1, cursor })).rejects.toMatchObject(forked);
    });

    it.for(['end', 'silence', 'repeats'] as const)('after its subscription: %s', async (then) => {
      const now = { list: records.slice(0, 10) };
      async function* live(after: number): AsyncGenerator<StreamRecord> {
        yield* records.slice(after, 10);
        now.list = rewritten.slice(0, 10);
        // Repeated records must not put off the check for ever.
        for (; then === 'repeats'; await new Promise((done) => setTimeout(done, 1))) yield rewritten[0] as StreamRecord;
        if (then === 'silence') await new Promise(() => undefined);
      }
      const broker: StreamBroker = {
        ...liar([], live),
        last: async () => now.list.at(-1),
        read: async (_, { after = 0, limit = 3 } = {}) => now.list.slice(after, after + limit),
      };

      await expect(followed(broker, { count: 11, checkMs: 20 })).rejects.toMatchObject(forked);
    });

    it('and a forged record in its place', async () => {
      const forged = records.map((record) => (record.sequence === 10 ? { ...record, data: '{"n":0}' } : record));
      const broker = liar(forged, () => deliver([], 'silence'));

      await expect(followed(broker, { count: 1, cursor })).rejects.toMatchObject({
        code: 'EVENTS_STREAM_RECORD_INVALID',
      });
    });
  });

  it('hands on an error that comes while its reader works, and lets none of it go unheard', async () => {
    async function* failing(): AsyncGenerator<StreamRecord> {
      yield records[0] as StreamRecord;
      throw new Error('connection lost');
    }
    const seen: number[] = [];
    const following = async (): Promise<void> => {
      for await (const { cursor } of follow(liar(records, failing), topic, { signal: new AbortController().signal })) {
        seen.push(cursor.sequence);
        // Long enough for an unhandled rejection, which would end a process, and this run.
        await new Promise((done) => setTimeout(done, 20));
      }
    };

    await expect(following()).rejects.toThrow('connection lost');
    expect(seen).toEqual([1]);
  });

  it('leaves no rejection unheard when the check fails before the subscription does', async () => {
    const broker: StreamBroker = {
      ...liar(records, () => ({
        [Symbol.asyncIterator]: () => ({
          next: () => new Promise((_, fail) => setTimeout(() => fail(new Error('too late to matter')), 20)),
        }),
      })),
      last: () => Promise.reject(new Error('the check failed')),
    };

    await expect(followed(broker, { count: 1, checkMs: 1 })).rejects.toThrow('the check failed');
    await new Promise((done) => setTimeout(done, 40));
  });

  it('waits out a broker that cannot be reached, says so, and gives up on what waiting does not mend', async () => {
    let calls = 0;
    const away = (retryable: boolean): EventsError<'EVENTS_STORE_UNAVAILABLE'> =>
      new EventsError('EVENTS_STORE_UNAVAILABLE', 'away', {
        details: { store: 'x', outcome: 'not-done', reason: 'away' },
        retryable,
      });
    async function* flaky(after: number): AsyncGenerator<StreamRecord> {
      calls += 1;
      if (calls % 2 === 1) throw away(true);
      yield* records.slice(after, after + 4);
    }
    const heard: string[] = [];
    const stop = new AbortController();
    const seen: number[] = [];
    const options = { signal: stop.signal, onRetry: ({ code }: EventsError) => heard.push(code) };
    for await (const { cursor } of follow(liar(records, flaky), topic, options)) {
      seen.push(cursor.sequence);
      if (seen.length === 12) stop.abort();
    }

    expect(seen).toEqual(records.map(({ sequence }) => sequence));
    expect(heard).toEqual(Array.from({ length: 3 }, () => 'EVENTS_STORE_UNAVAILABLE'));
    const gone = liar(records, () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(away(false)) }) }));
    await expect(followed(gone, { count: 1 })).rejects.toMatchObject({ retryable: false });
  });

  it('refuses data that is no JSON, though its hash is right', async () => {
    // Made by hand: link would not take it.
    const broken = { ...(records[0] as StreamRecord), data: '{' };
    const text = JSON.stringify(['bitcoin-enterprise/stream/1', topic, 1, broken.previous, 'price', '1', '{']);
    const list = [{ ...broken, hash: createHash('sha256').update(text).digest('hex') }];

    await expect(
      followed(
        liar(list, () => deliver(list, 'silence')),
        { count: 1 },
      ),
    ).rejects.toMatchObject({ code: 'EVENTS_STREAM_RECORD_INVALID' });
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

  const unknown = (): EventsError =>
    new EventsError('EVENTS_STORE_UNAVAILABLE', 'no answer', {
      details: { store: 'x', outcome: 'unknown', reason: 'no answer' },
      retryable: true,
    });
  const all = ({ type, data }: StoredEvent): { readonly type: string; readonly data: unknown } => ({ type, data });
  const filled = async (...data: readonly unknown[]): Promise<EventStore> => {
    const store = createMemoryStore();
    await store.append({ stream: 's', events: data.map((one) => ({ type: 'x', data: one })) });
    return store;
  };

  it('goes on by itself when it cannot know what became of a record, and repeats none', async () => {
    const store = await filled(...Array.from({ length: 12 }, (_, n) => ({ n: n + 1 })));
    const honest = createStoreBroker(createMemoryStore());
    let calls = 0;
    const broker: StreamBroker = {
      ...honest,
      publish: async (record, options) => {
        calls += 1;
        if (calls % 4 === 1) throw unknown();
        await honest.publish(record, options);
        if (calls % 4 === 3) throw unknown();
      },
    };
    const stop = new AbortController();
    const relaying = relay({ store, broker, topic, signal: stop.signal, select: all });
    const steps = await Promise.race([followed(honest, { count: 12 }), relaying]);
    stop.abort();
    await relaying;

    expect(numbers(steps ?? [])).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(await honest.read(topic)).toHaveLength(12);
  });

  it('waits longer and longer while nothing is answered, and ends with its signal', async () => {
    let calls = 0;
    const publish = (): Promise<never> => {
      calls += 1;
      return Promise.reject(unknown());
    };
    const broker = { ...createStoreBroker(createMemoryStore()), publish };
    await relay({ store: await filled(1), broker, topic, signal: AbortSignal.timeout(200), select: all });

    expect(calls).toBeGreaterThan(1);
    expect(calls).toBeLessThan(20);
  });

  it('ends with what cannot be published: too large, or surely not done', async () => {
    const broker = createStoreBroker(createMemoryStore());
    const { signal } = new AbortController();
    const large = relay({ store: await filled('x'.repeat(500_000)), broker, topic, signal, select: all });
    await expect(large).rejects.toMatchObject({ code: 'EVENTS_STREAM_RECORD_TOO_LARGE', retryable: false });

    const refused = new EventsError('EVENTS_STORE_UNAVAILABLE', 'away', {
      details: { store: 'x', outcome: 'not-done', reason: 'away' },
    });
    const away = { ...broker, publish: () => Promise.reject(refused) };
    await expect(relay({ store: await filled(1), broker: away, topic, signal, select: all })).rejects.toBe(refused);
  });

  it('carries the largest data whatever it is made of', async () => {
    const broker = createStoreBroker(createMemoryStore());
    // Each character takes two in JSON, and four when that JSON becomes part of another.
    const data = '"'.repeat(249_999);
    const { hash } = await createPublisher(broker, { topic }).publish({ type: 'x', data });

    expect(await broker.last(topic)).toMatchObject({ hash, data: JSON.stringify(data) });
  });

  it.for([
    ['before its place', 5],
    ['up to the newest', 10],
  ] as const)('does not pass in silence over events that were removed: %s', async ([, through]) => {
    const store = await filled(...Array.from({ length: 10 }, (_one, n) => ({ n: n + 1 })));
    await store.saveSnapshot({ stream: 's', version: 10, state: 1 });
    await store.truncate('s', { through });
    const broker = createStoreBroker(createMemoryStore());
    const options = { store, broker, topic, select: all };

    await expect(relay({ ...options, signal: AbortSignal.timeout(5_000) })).rejects.toMatchObject({
      code: 'EVENTS_STREAM_SOURCE_TRUNCATED',
      details: { topic, after: 0, first: through + 1 },
    });
    expect(await broker.read(topic)).toEqual([]);

    await store.append({ stream: 's', events: [{ type: 'x', data: { n: 11 } }] });
    const stop = new AbortController();
    const relaying = relay({ ...options, removed: 'skip', signal: stop.signal });
    const steps = await followed(broker, { count: 11 - through });
    stop.abort();
    await relaying;
    expect(numbers(steps).at(-1)).toBe(11);
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

describe('a publisher', () => {
  const unknown = (): EventsError =>
    new EventsError('EVENTS_STORE_UNAVAILABLE', 'no answer', {
      details: { store: 'x', outcome: 'unknown', reason: 'no answer' },
    });

  it('finds out that a record is there when nothing said so, and publishes it once', async () => {
    const honest = createStoreBroker(createMemoryStore());
    const silent: StreamBroker = {
      ...honest,
      publish: async (record, options) => {
        await honest.publish(record, options);
        throw unknown();
      },
    };
    const record = await createPublisher(silent, { topic }).publish({ type: 'x', data: 1 });

    expect(await honest.read(topic)).toEqual([record]);
  });

  it('hands on what may or may not have happened when the record is not there', async () => {
    const broker = { ...createStoreBroker(createMemoryStore()), publish: () => Promise.reject(unknown()) };

    await expect(createPublisher(broker, { topic }).publish({ type: 'x' })).rejects.toMatchObject({
      details: { outcome: 'unknown' },
    });
  });
});

it('streams answer wrong types with a code', async () => {
  const good = createStoreBroker(createMemoryStore());
  const { signal } = new AbortController();
  const store = createMemoryStore();
  const run = async (records: AsyncIterable<unknown>): Promise<void> => {
    for await (const _ of records) break;
  };
  for (const bad of [undefined, null, -5, 'x', {}, [], new Uint8Array(1)] as never[]) {
    const calls: Readonly<Record<string, () => unknown>> = {
      createPublisher: () => createPublisher(bad, { topic }),
      'createPublisher options': () => createPublisher(good, bad),
      'publish of nothing': () => createPublisher(good, { topic }).publish(bad),
      relay: () => relay(bad),
      'relay store': () => relay({ store: bad, broker: good, topic, signal, select: () => undefined }),
      'relay broker': () => relay({ store, broker: bad, topic, signal, select: () => undefined }),
      'relay signal': () => relay({ store, broker: good, topic, signal: bad, select: () => undefined }),
      'relay idleMs': () => relay({ store, broker: good, topic, signal, idleMs: bad ?? 0.5, select: () => undefined }),
      follow: () => run(follow(bad, topic, { signal })),
      'follow topic': () => run(follow(good, bad === 'x' ? ('' as never) : bad, { signal })),
      'follow options': () => run(follow(good, topic, bad)),
      'follow signal': () => run(follow(good, topic, { signal: bad })),
      createStoreBroker: () => createStoreBroker(bad),
      'broker.publish': () => good.publish(bad),
      'broker.read': () => good.read(topic, bad ?? (null as never)),
      'broker.last': () => good.last(topic, bad ?? (null as never)),
      beginningOf: () => beginningOf(bad === 'x' ? ('' as never) : bad),
      verifyNext: () => verifyNext(bad, chainOf(1)[0] as StreamRecord),
      'verifyNext record': () => verifyNext(beginningOf(topic), bad),
      cursorAt: () => cursorAt(bad),
      parseRecord: () => parseRecord(bad),
    };
    for (const [name, call] of Object.entries(calls)) {
      // An object is what options are, and what is absent is read from the beginning.
      if (typeof bad === 'object' && bad !== null && Object.keys(bad).length === 0 && /broker\.(read|last)/.test(name))
        continue;
      await expect((async () => call())(), `${name} of ${JSON.stringify(bad)}`).rejects.toMatchObject({
        code: expect.stringMatching(/^EVENTS_(INVALID_ARGUMENT|STREAM_RECORD_INVALID)$/),
      });
    }
  }
});
