import { hasCode } from '@bitcoin-enterprise/core';
import { errorType, isRetryable } from '@bitcoin-enterprise/core/resilience';
import { ChainIndex } from '../adapters/chain-index.ts';
import { rejectionText } from '../adapters/rejection.ts';
import { invalidArgument } from '../errors.ts';
import { notFound, type Reply, type RouteContext, routes } from './routes.ts';
import type { EsploraServerChain } from './server-chain.ts';

/** Settings of {@link createEsploraServer}. */
export interface EsploraServerOptions {
  /** Path in front of the API's own, for example `/api`; none when absent. */
  readonly base?: string;
  /** Longest body of a request, in bytes; 8 million when absent. */
  readonly maxRequestLength?: number;
}

/** An Esplora server as a function. */
export interface EsploraServer {
  /** Answers one request; never throws. */
  handle(request: Request): Promise<Response>;
  /** Lets go of the chain. */
  close(): Promise<void>;
}

/**
 * Serves a chain as Esplora does, to wallets, browsers and tests: a function from request to response, for whatever
 * listens (`listenHttp` of `@bitcoin-enterprise/chain/electrum` in Node, a service worker in a browser). It indexes the
 * whole chain in memory, so it is for small ones.
 *
 * @param chain - What to serve; nothing is asked before the first request.
 * @throws ChainError `CHAIN_INVALID_ARGUMENT`.
 *
 * @example The embedded chain, without a socket
 * ```ts
 * import { createEmbeddedChain } from '@bitcoin-enterprise/chain';
 * import { createEsploraServer, EsploraChain } from '@bitcoin-enterprise/chain/esplora';
 *
 * const embedded = createEmbeddedChain();
 * embedded.mine(3);
 * const server = createEsploraServer(embedded.ports);
 * const fetch = (url: string | URL | Request, init?: RequestInit) => server.handle(new Request(url, init));
 * const chain = new EsploraChain({ url: 'http://in-process', fetch });
 * (await chain.tip()).height; // => 3
 * await server.close();
 * ```
 */
export function createEsploraServer(chain: EsploraServerChain, options: EsploraServerOptions = {}): EsploraServer {
  if (typeof chain !== 'object' || chain === null) throw invalidArgument('chain', 'an object', chain);
  const { base = '', maxRequestLength = 8_000_000 } = options;
  if (!Number.isSafeInteger(maxRequestLength) || maxRequestLength < 0)
    throw invalidArgument('maxRequestLength', 'a whole number of bytes', maxRequestLength);
  const index = new ChainIndex(chain);
  return {
    async handle(request) {
      try {
        const { pathname } = new URL(request.url);
        const path = pathname.startsWith(base) ? pathname.slice(base.length) : pathname;
        return responseOf(await answer({ chain, index, request, path, maxRequestLength }));
      } catch (error) {
        return responseOf(failure(error));
      }
    },
    close: () => index.close(),
  };
}

async function answer(
  facts: Omit<RouteContext, 'body' | 'signal'> & {
    readonly path: string;
    readonly request: Request;
    readonly maxRequestLength: number;
  },
): Promise<Reply> {
  const { chain, index, request, path, maxRequestLength } = facts;
  for (const { method, pattern, run } of routes) {
    const match = method === request.method ? pattern.exec(path) : null;
    if (match === null) continue;
    const body = method === 'POST' ? await readBody(request, maxRequestLength) : '';
    if (body === undefined) return { status: 413, body: 'Request too long' };
    return run({ chain, index, body, signal: request.signal }, match.slice(1));
  }
  return notFound('endpoint');
}

/** Reads a body as text; `undefined` once it is too long, and no further. */
async function readBody(request: Request, maxLength: number): Promise<string | undefined> {
  const said = Number(request.headers.get('content-length') ?? 0);
  const reader = request.body?.getReader();
  if (reader === undefined) return '';
  const decoder = new TextDecoder();
  let text = '';
  for (let length = said > maxLength ? said : 0; length <= maxLength;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    length += value.length;
    if (length <= maxLength) text += decoder.decode(value, { stream: true });
  }
  // Whoever sends it is told that nobody listens; what becomes of that is of no interest.
  reader.cancel().catch(() => undefined);
  return undefined;
}

/** The words of Esplora for what went wrong; never a cause, which may name hosts. */
function failure(error: unknown): Reply {
  if (hasCode(error, 'CHAIN_TX_REJECTED')) return nodeError('sendrawtransaction', -26, rejectionText(error.details));
  if (hasCode(error, 'CHAIN_TX_MALFORMED')) return nodeError('sendrawtransaction', -22, 'TX decode failed');
  // What core refuses is an address or a number of the request.
  if (/^(CORE|CHAIN_INVALID)_/.test(errorType(error)) && !isRetryable(error))
    return { status: 400, body: 'Invalid request' };
  if (hasCode(error, 'CHAIN_CALL_UNSUPPORTED')) return notFound('endpoint');
  return isRetryable(error)
    ? { status: 503, body: 'The chain behind this server does not answer', headers: { 'retry-after': '1' } }
    : { status: 500, body: 'Internal server error' };
}

function nodeError(method: string, code: number, message: string): Reply {
  return { status: 400, body: `${method} RPC error: ${JSON.stringify({ code, message })}` };
}

function responseOf({ status = 200, body, headers = {} }: Reply): Response {
  const type =
    typeof body === 'string'
      ? 'text/plain'
      : body instanceof Uint8Array
        ? 'application/octet-stream'
        : 'application/json';
  const content =
    typeof body === 'string' ? body : body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body);
  return new Response(content, {
    status,
    headers: { 'content-type': type, 'access-control-allow-origin': '*', ...headers },
  });
}
