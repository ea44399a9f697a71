import { connect } from 'node:net';
import { createEmbeddedChain } from '@bitcoin-enterprise/chain';
import { listenHttp } from '@bitcoin-enterprise/chain/electrum';
import { createEsploraServer } from '@bitcoin-enterprise/chain/esplora';
import { loadCrypto } from '@bitcoin-enterprise/core';
import { beforeAll, expect, it } from 'vitest';

beforeAll(() => loadCrypto());

const LIMIT = 10_000;

/** A body without an end, and how much of it was read. */
function endless(): {
  readonly body: ReadableStream<Uint8Array>;
  readonly read: () => number;
  readonly left: () => boolean;
} {
  let [read, left] = [0, false];
  const body = new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        read += 1_000;
        if (read > 100 * LIMIT) controller.close();
        else controller.enqueue(new Uint8Array(1_000).fill(0x30));
      },
      cancel: () => {
        left = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { body, read: () => read, left: () => left };
}

function post(
  body: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | string,
  headers: Record<string, string> = {},
): Request {
  return new Request('http://esplora/tx', { method: 'POST', body, headers, duplex: 'half' } as RequestInit);
}

it('a body that is longer than it may be is read no further', async () => {
  const server = createEsploraServer(createEmbeddedChain().ports, { maxRequestLength: LIMIT });
  const { body, read, left } = endless();

  expect((await server.handle(post(body))).status).toBe(413);
  expect(read()).toBeLessThanOrEqual(LIMIT + 2_000);
  expect(left()).toBe(true);
  await server.close();
});

it('a body that says it is too long is not read at all', async () => {
  const server = createEsploraServer(createEmbeddedChain().ports, { maxRequestLength: LIMIT });
  const { body, read } = endless();

  expect((await server.handle(post(body, { 'content-length': String(LIMIT + 1) }))).status).toBe(413);
  expect(read()).toBe(0);
  await server.close();
});

it('the limit counts bytes, and what is as long as it is taken', async () => {
  const server = createEsploraServer(createEmbeddedChain().ports, { maxRequestLength: LIMIT });

  expect((await server.handle(post('0'.repeat(LIMIT)))).status).toBe(400);
  expect((await server.handle(post('0'.repeat(LIMIT + 1)))).status).toBe(413);
  expect((await server.handle(post('€'.repeat(LIMIT / 2)))).status).toBe(413);
  await server.close();
});

it('over HTTP the sender of a body without an end is answered and left', async () => {
  const esplora = createEsploraServer(createEmbeddedChain().ports, { maxRequestLength: LIMIT });
  const server = await listenHttp(esplora.handle);
  const socket = connect({ host: server.host, port: server.port });
  socket.on('error', () => {});
  let text = '';
  socket.on('data', (bytes: Buffer) => (text += bytes.toString()));
  const chunk = `3e8\r\n${'0'.repeat(1_000)}\r\n`;
  const closed = new Promise((resolve) => {
    socket.once('close', resolve);
  });
  socket.write('POST /tx HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n');
  const timer = setInterval(() => socket.write(chunk.repeat(5)), 1);
  await closed;
  clearInterval(timer);

  expect(text).toMatch(/^HTTP\/1.1 413 /);
  expect(socket.bytesWritten).toBeLessThan(2_000_000);
  await server.close();
  await esplora.close();
});

it('a limit that is none is refused', () => {
  const { ports } = createEmbeddedChain();
  for (const maxRequestLength of [-1, 0.5, Number.NaN, '1' as never])
    expect(() => createEsploraServer(ports, { maxRequestLength })).toThrow(/CHAIN_INVALID_ARGUMENT.*maxRequestLength/);
});
