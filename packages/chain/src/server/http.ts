import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Credential, isAuthorized } from './auth.ts';
import type { RpcReply } from './dispatcher.ts';
import type { HostCheck } from './host-names.ts';

/** Largest body that is read, bytes: two blocks of full size in hex, and some. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** What a wrong password costs, milliseconds: guessing shall take long. */
const WRONG_PASSWORD_DELAY_MS = 250;

/** How long a caller may take to send a request, milliseconds. */
const REQUEST_TIMEOUT_MS = 120_000;

/** How long a caller may go on sending what is thrown away, milliseconds. */
const LINGER_MS = 1_000;

/** How the HTTP side of the RPC is made. */
export interface HttpOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly credentials: readonly Credential[];
  /** Whether the server answers to a `Host` header. */
  readonly isOurs: HostCheck;
  readonly answer: (body: string) => Promise<RpcReply>;
  /** Most calls that are answered at the same time; a further one is refused (503). Any number when absent. */
  readonly maxCalls?: number;
  /** How long an idle connection is kept, milliseconds. */
  readonly idleTimeoutMs: number;
}

/** Starts to listen; the answer is there once it does. */
export async function listen(options: HttpOptions): Promise<{ readonly server: Server; readonly port: number }> {
  const answer = withinLimit(options);
  const server = createServer((request, response) => {
    void serve(request, response, { ...options, answer }).catch(() => response.destroy());
  });
  server.keepAliveTimeout = options.idleTimeoutMs;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.timeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => resolve());
  });
  const address = server.address();
  return { server, port: typeof address === 'object' && address !== null ? address.port : options.port };
}

/** Answers, unless too many wait for theirs already. */
function withinLimit({ answer, maxCalls = Infinity }: HttpOptions): HttpOptions['answer'] {
  let calls = 0;
  return async (body) => {
    if (calls >= maxCalls) return { status: 503, body: 'Work queue depth exceeded' };
    calls++;
    try {
      return await answer(body);
    } finally {
      calls--;
    }
  };
}

async function serve(request: IncomingMessage, response: ServerResponse, options: HttpOptions): Promise<void> {
  if (request.method !== 'POST') {
    request.resume();
    return send(response, { status: 405, body: 'JSONRPC server handles only POST requests' }, 'text/plain');
  }
  // Only a browser says where a page came from, and no page has business here: its user knows the default password.
  if (request.headers.origin !== undefined) {
    request.resume();
    return send(response, { status: 403, body: '' }, 'text/plain');
  }
  // A page whose name was made to mean this machine counts as its own in the browser: only the name gives it away.
  if (!options.isOurs(request.headers.host)) {
    request.resume();
    return send(response, { status: 403, body: 'expected the Host of this server: see allowedHosts\n' }, 'text/plain');
  }
  if (!isAuthorized(request.headers.authorization, options.credentials)) {
    request.resume();
    if (request.headers.authorization !== undefined) await sleep(WRONG_PASSWORD_DELAY_MS);
    response.setHeader('WWW-Authenticate', 'Basic realm="jsonrpc"');
    return send(response, { status: 401, body: '' }, 'text/plain');
  }
  const path = request.url ?? '/';
  if (path !== '/' && !path.startsWith('/wallet/')) {
    request.resume();
    return send(response, { status: 404, body: '' }, 'text/plain');
  }
  const body = await read(request);
  if (body === undefined) {
    // The rest of it is listened to for a moment, so that the caller gets to read the answer.
    response.setHeader('Connection', 'close');
    setTimeout(() => request.socket.destroy(), LINGER_MS).unref();
    return send(response, { status: 413, body: '' }, 'text/plain');
  }
  return send(response, await options.answer(body), 'application/json');
}

/** Reads a body; `undefined` once it is too long: what follows is thrown away. */
function read(request: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let length = 0;
    request.on('data', (part: Buffer) => {
      length += part.length;
      if (length <= MAX_BODY_BYTES) return void parts.push(part);
      parts.length = 0;
      resolve(undefined);
    });
    request.on('end', () => resolve(Buffer.concat(parts).toString('utf8')));
    request.on('error', reject);
    request.on('close', () => reject(new Error('expected a whole body, got a part of it')));
  });
}

function send(response: ServerResponse, { status, body }: RpcReply, type: string): void {
  const bytes = Buffer.from(body, 'utf8');
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': bytes.length });
  response.end(bytes);
}
