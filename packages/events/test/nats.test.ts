import { setTimeout as sleep } from 'node:timers/promises';
import { createPublisher, follow, type StreamBroker, type StreamCursor } from '@bitcoin-enterprise/events';
import { openNatsBroker } from '@bitcoin-enterprise/events/nats';
import { streamBrokerPromises } from '@bitcoin-enterprise/events/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
    let cursor: StreamCursor | undefined;
    const following = (async () => {
      while (seen.length < total)
        try {
          const from = cursor === undefined ? {} : { cursor };
          for await (const step of follow(reader, 't', { signal: stop.signal, checkMs: 500, ...from })) {
            ({ cursor } = step);
            seen.push((step.data as { readonly n: number }).n);
            if (seen.length === total) stop.abort();
          }
        } catch (error) {
          expect(error).toMatchObject({ code: 'EVENTS_STORE_UNAVAILABLE' });
          await sleep(50);
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

  it('says that a server is not there', async () => {
    await expect(openNatsBroker({ servers: 'nats://127.0.0.1:1', timeoutMs: 500 })).rejects.toMatchObject({
      code: 'EVENTS_STORE_UNAVAILABLE',
      details: { store: 'nats', outcome: 'not-done' },
    });
  });
});
