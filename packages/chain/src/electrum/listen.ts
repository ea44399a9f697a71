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
    const body = await bodyOf(incoming);
    const { method = 'GET', url = '/' } = incoming;
    const response = await handle(
      new Request(new URL(url, 'http://localhost'), {
        method,
        signal: gone.signal,
        ...(method === 'GET' || method === 'HEAD' ? {} : { body }),
      }),
    );
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    outgoing.end(new Uint8Array(await response.arrayBuffer()));
  } catch {
    // The other side is gone, or sent what is no request.
    if (outgoing.headersSent) outgoing.destroy();
    else outgoing.writeHead(400).end();
  }
}

async function bodyOf(incoming: IncomingMessage): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of incoming) {
    const bytes = part as Uint8Array;
    length += bytes.length;
    if (length > MAX_REQUEST_LENGTH) throw new RangeError('the request is too long');
    parts.push(bytes);
  }
  return new Uint8Array(Buffer.concat(parts));
}
