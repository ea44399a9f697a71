import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import {
  beginningOf,
  createMemoryStore,
  createPublisher,
  cursorAt,
  follow,
  link,
  relay,
  type StreamBroker,
  type StreamRecord,
} from '@bitcoin-enterprise/events';
import { openNatsBroker } from '@bitcoin-enterprise/events/nats';
import { streamBrokerPromises } from '@bitcoin-enterprise/events/testing';
import {
  DiscardPolicy,
  type JetStreamManager,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { findNats, type Nats, startNats } from '../../../scripts/nodes/nats.ts';

const present = orSkip('NATS', await findNats());

describe.skipIf(present === undefined)('a broker on NATS JetStream', () => {
  let server: Nats;
  let count = 0;
  beforeAll(async () => {
    server = await startNats();
  });
  afterAll(() => server.stop());

  describe('keeps the promises of a broker', () => {
    it.for(streamBrokerPromises)('$name', ({ run }) =>
      run(async () => {
        count += 1;
        const prefix = `kit${count}`;
        const brokers: StreamBroker[] = [];
        const open = async (): Promise<StreamBroker> => {
          const broker = await openNatsBroker({ servers: server.url, prefix });
          brokers.push(broker);
          return broker;
        };
        return {
          broker: await open(),
          open,
          close: async () => {
            for (const broker of brokers) await broker.close();
          },
        };
      }),
    );
  });

  it('is followed without a gap while its server is killed again and again', { timeout: 120_000 }, async () => {
    const [writer, reader] = await Promise.all(
      [1, 2].map(() => openNatsBroker({ servers: server.url, prefix: 'killed', timeoutMs: 1_000 })),
    );
    if (writer === undefined || reader === undefined) throw new Error('no brokers');
    const publisher = createPublisher(writer, { topic: 't' });
    const total = 120;
    const publishing = (async () => {
      for (let n = 0; n < total;) {
        try {
          await publisher.publish({ type: 'x', origin: String(n), data: { n } });
          n += 1;
        } catch (error) {
          expect(error).toMatchObject({ code: 'EVENTS_STORE_UNAVAILABLE' });
          await sleep(50);
          // Whether the record got there decides whether it is published again.
          const last = await writer.last('t').catch(() => undefined);
          if (last?.origin === String(n)) n += 1;
        }
        if (n % 20 === 10) await sleep(30);
      }
    })();
    const stop = new AbortController();
    const seen: number[] = [];
    // One follow, no loop around it: it goes on by itself.
    const following = (async () => {
      for await (const { data } of follow(reader, 't', { signal: stop.signal, checkMs: 500 })) {
        seen.push((data as { readonly n: number }).n);
        if (seen.length === total) stop.abort();
      }
    })();
    for (let crash = 0; crash < 3; crash++) {
      await sleep(150);
      await server.crash();
    }
    await publishing;
    await following;
    await Promise.all([writer.close(), reader.close()]);

    expect(seen).toEqual(Array.from({ length: total }, (_, i) => i));
  });

  describe('beside the administrator of its server', () => {
    let connection: NatsConnection;
    let manager: JetStreamManager;
    let broker: StreamBroker;
    let prefix: string;
    beforeEach(async () => {
      count += 1;
      prefix = `admin${count}`;
      connection = await connect({ servers: server.url });
      manager = await jetstreamManager(connection);
      broker = await openNatsBroker({ servers: server.url, prefix, timeoutMs: 2_000 });
    });
    afterEach(async () => {
      await broker.close();
      await connection.close();
    });
    const record = (cursor = beginningOf('t'), data = '1'): StreamRecord =>
      link(cursor, { type: 'x', origin: '-', data });
    const names = async (): Promise<readonly string[]> => {
      const found: string[] = [];
      for await (const { config } of manager.streams.list()) found.push(config.name);
      return found.filter((name) => name.startsWith(prefix));
    };

    it('makes a stream for a topic that is written, for none that is only read', async () => {
      const stop = AbortSignal.timeout(300);
      expect(await broker.last('typo')).toBeUndefined();
      expect(await broker.read('typo')).toEqual([]);
      for await (const _ of broker.subscribe('typo', { after: 0, signal: stop })) throw new Error('a record');
      expect(await names()).toEqual([]);
      await broker.publish(record());
      expect(await names()).toEqual([`${prefix}_t`]);
    });

    it('hears the first record of a topic that was not there', async () => {
      const stop = new AbortController();
      const seen: StreamRecord[] = [];
      const hearing = (async () => {
        for await (const one of broker.subscribe('t', { after: 0, signal: stop.signal })) {
          seen.push(one);
          stop.abort();
        }
      })();
      await sleep(50);
      await broker.publish(record());
      await hearing;
      expect(seen).toEqual([record()]);
    });

    it('leaves no consumer behind after reading and following', async () => {
      const publisher = createPublisher(broker, { topic: 't' });
      for (let n = 0; n < 20; n++) await publisher.publish({ type: 'x', data: n });
      for (let n = 0; n < 10; n++) expect(await broker.read('t', { after: n, limit: 9 })).toHaveLength(9);
      const stop = new AbortController();
      for await (const { cursor } of follow(broker, 't', { signal: stop.signal }))
        if (cursor.sequence === 20) stop.abort();
      await expect
        .poll(async () => (await manager.streams.info(`${prefix}_t`)).state.consumer_count, { timeout: 5_000 })
        .toBe(0);
    });

    it('takes no record twice', async () => {
      await broker.publish(record());
      await expect(broker.publish(record())).rejects.toMatchObject({ code: 'EVENTS_STREAM_CONFLICT' });
      expect(await broker.read('t')).toEqual([record()]);
    });

    it('keeps old records from being removed, and refuses new ones when it is full', async () => {
      const [first, second] = [record(), record(cursorAt(record()))];
      await broker.publish(first);
      await expect(manager.streams.deleteMessage(`${prefix}_t`, 1)).rejects.toThrow();
      await expect(manager.streams.purge(`${prefix}_t`)).rejects.toThrow();
      await manager.streams.update(`${prefix}_t`, { max_msgs: 1 });
      await expect(broker.publish(second)).rejects.toMatchObject({ code: 'EVENTS_STORE_FULL' });
      expect(await broker.read('t')).toEqual([first]);
    });

    it.for([
      ['discard', { max_msgs: 5, discard: DiscardPolicy.Old }],
      ['max_age', { max_age: 1e12 }],
      ['storage', { storage: StorageType.Memory }],
      ['retention', { retention: RetentionPolicy.Interest }],
      ['deny_delete', { deny_delete: false }],
      ['deny_purge', { deny_purge: false }],
      ['subjects', {}],
    ] as const)('refuses a stream of somebody else with another %s', async ([setting, config]) => {
      const ours = { discard: DiscardPolicy.New, deny_delete: true, deny_purge: true };
      const subjects = [setting === 'subjects' ? `${prefix}.>` : `${prefix}.t`];
      await manager.streams.add({ name: `${prefix}_t`, subjects, ...ours, ...config });
      await expect(broker.publish(record())).rejects.toMatchObject({
        code: 'EVENTS_STREAM_MISCONFIGURED',
        details: { topic: 't', setting },
        retryable: false,
      });
    });

    it('takes a stream whose limits its administrator has raised', async () => {
      await broker.publish(record());
      await manager.streams.update(`${prefix}_t`, { max_bytes: 1e9, description: 'ours' });
      const other = await openNatsBroker({ servers: server.url, prefix });
      await other.publish(record(cursorAt(record())));
      await other.close();
      expect(await broker.read('t')).toHaveLength(2);
    });

    it('makes a stream anew that was deleted behind its back, which a follower notices', async () => {
      const publisher = createPublisher(broker, { topic: 't' });
      const kept = await publisher.publish({ type: 'x', data: 1 });
      await manager.streams.delete(`${prefix}_t`);
      expect(await broker.last('t')).toBeUndefined();
      expect(await broker.read('t')).toEqual([]);
      const anew = await publisher.publish({ type: 'x', data: 2 });
      expect(anew).toMatchObject({ sequence: 1 });
      const { signal } = new AbortController();
      const following = (async () => {
        for await (const _ of follow(broker, 't', { signal, cursor: cursorAt(kept) })) throw new Error('a record');
      })();
      await expect(following).rejects.toMatchObject({ code: 'EVENTS_STREAM_FORKED' });
    });

    it('says what is too large, with which a relay ends', async () => {
      // Three bytes each: more than the server takes, though few enough characters.
      const data = '\u2028'.repeat(400_000);
      const large = { code: 'EVENTS_STREAM_RECORD_TOO_LARGE', details: { topic: 't' }, retryable: false };
      await expect(broker.publish(record(beginningOf('t'), JSON.stringify(data)))).rejects.toMatchObject(large);
      const store = createMemoryStore();
      await store.append({ stream: 's', events: [{ type: 'x', data }] });
      const options = { store, broker, topic: 't', signal: AbortSignal.timeout(10_000) };
      await expect(relay({ ...options, select: ({ type }) => ({ type, data }) })).rejects.toMatchObject(large);
      // Around the limit, where its headers decide: either way with a code.
      const size = JSON.stringify(record(beginningOf('t'), '""')).length + 0;
      for (const less of [0, 1, 50, 200]) {
        const filling = 1_048_576 - size - less;
        const text = `"${'\u2028'.repeat(Math.floor(filling / 3))}${'x'.repeat(filling % 3)}"`;
        const outcome = await broker.publish(record(beginningOf('edge'), text)).then(
          () => 'published',
          (error: unknown) => (error as { readonly code?: string }).code,
        );
        expect(['published', 'EVENTS_STREAM_RECORD_TOO_LARGE', 'EVENTS_STREAM_CONFLICT']).toContain(outcome);
      }
      expect(await broker.last('t')).toBeUndefined();
    });

    it('ends a subscription whose signal comes while it begins', async () => {
      await broker.publish(record());
      for (let n = 0; n < 20; n++) {
        const stop = new AbortController();
        const subscribed = (async () => {
          for await (const _ of broker.subscribe('t', { after: 1, signal: stop.signal })) throw new Error('a record');
          return 'ended';
        })();
        await sleep(n / 5);
        stop.abort();
        expect(await Promise.race([subscribed, sleep(5_000, 'hung', { ref: false })])).toBe('ended');
      }
    });

    it('says that it was closed, and ends whoever follows it', async () => {
      await broker.publish(record());
      const following = (async () => {
        const { signal } = new AbortController();
        for await (const _ of follow(broker, 't', { signal, checkMs: 100 }));
      })();
      const ended = expect(following).rejects.toMatchObject({ code: 'EVENTS_STORE_CLOSED' });
      await sleep(100);
      await broker.close();
      await ended;
      for (const call of [
        () => broker.last('t'),
        () => broker.read('t'),
        () => broker.publish(record(beginningOf('u'))),
      ])
        await expect(call()).rejects.toMatchObject({ code: 'EVENTS_STORE_CLOSED', retryable: false });
    });

    it('answers wrong types with a code', async () => {
      const invalid = { code: 'EVENTS_INVALID_ARGUMENT' };
      for (const bad of [null, 5, 'x', [], new Uint8Array(1)] as never[]) {
        await expect(broker.publish(bad)).rejects.toMatchObject(invalid);
        await expect(broker.publish(record(), bad)).rejects.toMatchObject(invalid);
        await expect(broker.read('t', bad)).rejects.toMatchObject(invalid);
        await expect(broker.last('t', bad)).rejects.toMatchObject(invalid);
        await expect(openNatsBroker(bad)).rejects.toMatchObject(invalid);
        await expect(openNatsBroker({ servers: server.url, connection: bad })).rejects.toMatchObject(invalid);
        await expect(
          openNatsBroker({ servers: server.url, timeoutMs: bad === 5 ? -5 : (bad ?? 0) }),
        ).rejects.toMatchObject(invalid);
        await expect(broker.subscribe('t', bad)[Symbol.asyncIterator]().next()).rejects.toMatchObject(invalid);
      }
      await expect(broker.publish(undefined as never)).rejects.toMatchObject(invalid);
      await expect(broker.publish({} as never)).rejects.toMatchObject({ code: 'EVENTS_STREAM_RECORD_INVALID' });
      // The streams of `a` + `b_c` and of `a_b` + `c` would have one name.
      await expect(openNatsBroker({ servers: server.url, prefix: 'a_b' })).rejects.toMatchObject(invalid);
    });
  });

  it('never tells a password', async () => {
    for (const address of ['127.0.0.1:1', 'nohost.invalid', '127.0.0.1:99999', `127.0.0.1:${server.port}/x y`]) {
      const servers = `nats://user:hunter2@${address}`;
      const options = { servers, timeoutMs: 500, connection: { user: 'u', pass: 'hunter2' } };
      const error: unknown = await openNatsBroker(options).then(
        async (broker) => {
          await broker.close();
          return undefined;
        },
        (cause: unknown) => cause,
      );
      const text = inspect(error, { depth: 20, showHidden: true }) + JSON.stringify(error);
      expect(text).not.toContain('hunter2');
    }
  });

  it('does not ask again a server that does not let it in', async () => {
    const guarded = await startNats({ args: ['--user', 'u', '--pass', 'hunter2'] });
    try {
      await expect(openNatsBroker({ servers: guarded.url })).rejects.toMatchObject({
        code: 'EVENTS_STORE_UNAVAILABLE',
        retryable: false,
      });
      const broker = await openNatsBroker({ servers: guarded.url, connection: { user: 'u', pass: 'hunter2' } });
      expect(await broker.last('t')).toBeUndefined();
      await broker.close();
    } finally {
      await guarded.stop();
    }
  });

  it('says that a server is not there', async () => {
    await expect(openNatsBroker({ servers: 'nats://127.0.0.1:1', timeoutMs: 500 })).rejects.toMatchObject({
      code: 'EVENTS_STORE_UNAVAILABLE',
      details: { store: 'nats', outcome: 'not-done' },
    });
  });
});
