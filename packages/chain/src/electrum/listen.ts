import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Server } from 'node:net';

/** Where to listen. */
export interface ListenOptions {
  /** `127.0.0.1` when absent. */
  readonly host?: string;
  /** The system chooses when absent. */
  readonly port?: number;
}

/** A server that listens. */
export interface Listening {
  readonly host: string;
  readonly port: number;
  /** Ends it and all its connections. */
  close(): Promise<void>;
}

/** The longest request that is read, in bytes. */
const MAX_REQUEST_LENGTH = 8_000_000;

/**
 * Serves a function from request to response over HTTP, `createEsploraServer(chain).handle` for example.
 *
 * @param handle - Must not throw.
 * @param options - Where to listen.
 *
 * @example The embedded chain as an Esplora server
 * ```ts
 * import { createEmbeddedChain } from '@bitcoin-enterprise/chain';
 * import { listenHttp } from '@bitcoin-enterprise/chain/electrum';
 * import { createEsploraServer, EsploraChain } from '@bitcoin-enterprise/chain/esplora';
 *
 * const esplora = createEsploraServer(createEmbeddedChain().ports);
 * const server = await listenHttp(esplora.handle);
 * const chain = new EsploraChain({ url: `http://127.0.0.1:${server.port}` });
 * (await chain.tip()).height; // => 0
 * await server.close();
 * await esplora.close();
 * ```
 */
export async function listenHttp(
  handle: (request: Request) => Promise<Response>,
  options: ListenOptions = {},
): Promise<Listening> {
  const server = createHttp((request, response) => {
    void respond(handle, request, response);
  });
  return listening(server, options, () => server.closeAllConnections());
}

/** Lets a server listen; `end` ends its connections. */
export async function listening(server: Server, options: ListenOptions, end: () => void): Promise<Listening> {
  const { host = '127.0.0.1', port = 0 } = options;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
  return {
    host,
    port: (server.address() as AddressInfo).port,
    close: async () => {
      await new Promise<void>((done) => {
        server.close(() => done());
        end();
      });
    },
  };
}

async function respond(
  handle: (request: Request) => Promise<Response>,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  outgoing.on('close', () => gone.abort());
  try {
    const { method = 'GET', url = '/' } = incoming;
    const response = await handle(
      new Request(new URL(url, 'http://localhost'), {
        method,
        signal: gone.signal,
        ...(method === 'GET' || method === 'HEAD' ? {} : streamed(incoming)),
      }),
    );
    // Of what is not read by now nothing will be: the other side may be sending without end.
    if (!incoming.complete) outgoing.setHeader('connection', 'close');
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    outgoing.end(new Uint8Array(await response.arrayBuffer()));
  } catch {
    // The other side is gone, or sent what is no request.
    if (outgoing.headersSent) outgoing.destroy();
    else outgoing.writeHead(400).end();
  }
}

/** A body as it comes, read as far as whoever answers wants to. */
function streamed(incoming: IncomingMessage): RequestInit {
  const parts = limited(incoming);
  const body = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const { done, value } = await parts.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
    },
    { highWaterMark: 0 },
  );
  // Streams need `duplex`, which the library types of this version do not know.
  return { body, duplex: 'half' } as RequestInit;
}

async function* limited(incoming: IncomingMessage): AsyncGenerator<Uint8Array, undefined> {
  let length = 0;
  // Who reads no further still has to answer over the same connection.
  for await (const part of incoming.iterator({ destroyOnReturn: false })) {
    const bytes = part as Uint8Array;
    length += bytes.length;
    if (length > MAX_REQUEST_LENGTH) throw new RangeError('the request is too long');
    yield new Uint8Array(bytes);
  }
  return undefined;
}
