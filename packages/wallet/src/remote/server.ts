import { constants, createHash, X509Certificate } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Clock, type Logger, silentLogger, systemClock } from '@bitcoin-enterprise/core';
import { requireFunction, requireInteger, requireObject, requireText } from '../checks.ts';
import { requireAddedSignatures } from '../added-signatures.ts';
import { WalletError } from '../errors.ts';
import { parsePsbt } from '../psbt/parse.ts';
import type { Psbt } from '../psbt/model.ts';
import { psbtToBase64 } from '../psbt/serialize.ts';
import type { Signer } from '../signers/ports.ts';
import { Answers, type KeptAnswer } from './answers.ts';
import { readBody } from './body.ts';
import { type MutualTls, requireTls } from './tls.ts';
import { readRequest, SIGN_PATH, type SignRequest, toWire, VERSION, type WireError } from './wire.ts';

/** Who asks: what its certificate says, which an authority of ours has signed. */
export interface ClientIdentity {
  /** CN of the subject; empty when it has none. */
  readonly commonName: string;
  /** SHA-256 of the certificate, 64 hexadecimal digits: names this one and no other. */
  readonly fingerprint: string;
  /** Serial number in hexadecimal, unique within its authority. */
  readonly serialNumber: string;
  /** Alternative names as OpenSSL prints them, for example `DNS:desk.example`; empty for none. */
  readonly alternativeNames: string;
}

/** Whether a client may have a PSBT signed. */
export type Authorisation = { readonly allowed: true } | { readonly allowed: false; readonly reason: string };

/** What is to be authorised. */
export interface AuthoriseRequest {
  readonly client: ClientIdentity;
  readonly psbt: Psbt;
  /** Is aborted when the time is over. */
  readonly signal: AbortSignal;
}

/** Settings of {@link createRemoteSignerServer}. */
export interface RemoteSignerServerOptions {
  readonly signer: Signer;
  readonly tls: MutualTls;
  /**
   * Asked before every signature. There is no default: who may have what signed is yours to say. A coded error of the
   * wallet that it throws goes to the client as it is.
   */
  readonly authorise: (request: AuthoriseRequest) => Authorisation | Promise<Authorisation>;
  /** Largest request, bytes, 1,024 to 64 MiB; 4 MiB when absent. */
  readonly maxBodyBytes?: number;
  /** Most requests at a time, 1 to 10,000; a further one is told to come later. 64 when absent. */
  readonly maxRequests?: number;
  /** How long authorising and signing may take together, milliseconds, 10 to 600,000; 60,000 when absent. */
  readonly timeoutMs?: number;
  /** How old a request may be, and so how long keys are remembered, milliseconds, 1,000 to 3,600,000; 300,000 when absent. */
  readonly maxAgeMs?: number;
  /** By which a request is old; the system's when absent. */
  readonly clock?: Clock;
  /** Is told of refused and failed requests, by code; says nothing when absent. */
  readonly logger?: Logger;
}

/** A signer that listens. */
export interface RemoteSignerServer {
  /**
   * Begins to listen.
   *
   * @param options - `port`: any free one when absent; `host`: this machine alone when absent.
   * @throws WalletError `WALLET_SIGNER_UNAVAILABLE` when the port cannot be had.
   */
  listen(options?: { readonly port?: number; readonly host?: string }): Promise<{ readonly port: number }>;
  /** Ends it: open connections are closed, what is being signed is not waited for. */
  close(): Promise<void>;
}

/** How long a client may take to show its certificate, milliseconds. */
const HANDSHAKE_MS = 10_000;
/** How long a client may take to send a request, milliseconds. */
const RECEIVE_MS = 30_000;
/** How long a client may go on sending what is thrown away, milliseconds. */
const LINGER_MS = 500;
const MAXIMUM_KEYS = 100_000;
const MAXIMUM_KEPT_BYTES = 64 * 2 ** 20;

/**
 * Lets others have PSBTs signed over HTTPS, those whose certificate one of your authorities has signed (mutual TLS 1.3).
 *
 * A request carries an idempotency key: when its answer is lost it may be sent again, and gets the answer of the first.
 * A key that was used is refused for anything else, an old request is refused altogether. Errors go over the wire as
 * codes with their facts, never with a stack.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts no-run
 * import { createKeyRing, memorySigner } from '@bitcoin-enterprise/wallet';
 * import { createRemoteSignerServer, type MutualTls } from '@bitcoin-enterprise/wallet/remote';
 *
 * declare const tls: MutualTls;
 * const server = createRemoteSignerServer({
 *   signer: memorySigner(createKeyRing({ secretKeys: [new Uint8Array(32).fill(1)] })),
 *   tls,
 *   authorise: ({ client }) =>
 *     client.commonName === 'treasury-desk' ? { allowed: true } : { allowed: false, reason: 'not the desk' },
 * });
 * const { port } = await server.listen({ port: 8443 });
 * await server.close();
 * ```
 */
export function createRemoteSignerServer(options: RemoteSignerServerOptions): RemoteSignerServer {
  const settings = requireObject<RemoteSignerServerOptions>('options', options);
  const { signer, authorise, clock = systemClock(), logger = silentLogger } = settings;
  requireFunction('options.signer.sign', requireObject<Signer>('options.signer', signer).sign);
  requireFunction('options.authorise', authorise);
  const service = new SigningService({
    signer: signer as Signer,
    authorise: authorise as RemoteSignerServerOptions['authorise'],
    clock,
    logger,
    maxBodyBytes: requireInteger('options.maxBodyBytes', settings.maxBodyBytes ?? 2 ** 22, 1_024, 2 ** 26),
    maxRequests: requireInteger('options.maxRequests', settings.maxRequests ?? 64, 1, 10_000),
    timeoutMs: requireInteger('options.timeoutMs', settings.timeoutMs ?? 60_000, 10, 600_000),
    maxAgeMs: requireInteger('options.maxAgeMs', settings.maxAgeMs ?? 300_000, 1_000, 3_600_000),
  });
  const server = createServer(
    {
      ...requireTls('options.tls', settings.tls),
      requestCert: true,
      // A session that is resumed would not have its certificate looked at again.
      secureOptions: constants.SSL_OP_NO_TICKET,
      maxHeaderSize: 8_192,
      handshakeTimeout: HANDSHAKE_MS,
    },
    (request, response) => {
      void service.serve(request, response).catch(() => response.destroy());
    },
  );
  server.headersTimeout = RECEIVE_MS;
  server.requestTimeout = RECEIVE_MS;
  // A handshake that fails is the client's to notice.
  server.on('tlsClientError', (_, socket) => socket.destroy());
  // Those too that have shown no certificate yet: HTTP knows nothing of them.
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return {
    async listen(where = {}) {
      const { port = 0, host = '127.0.0.1' } = requireObject<{ readonly port: number; readonly host: string }>(
        'options',
        where,
      );
      requireInteger('options.port', port, 0, 65_535);
      return { port: await listen(server, port, requireText('options.host', host)) };
    },
    async close() {
      await new Promise<void>((done) => {
        server.close(() => done());
        server.closeAllConnections();
        for (const socket of sockets) socket.destroy();
      });
    },
  };
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((done, fail) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = `it cannot listen: ${error.code ?? 'unknown'}`;
      fail(
        new WalletError('WALLET_SIGNER_UNAVAILABLE', `expected a free port, got ${error.code ?? 'an error'}`, {
          details: { signer: host, reason },
        }),
      );
    });
    server.listen(port, host, () => {
      const address = server.address();
      done(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

interface ServiceOptions extends Omit<Required<RemoteSignerServerOptions>, 'tls'> {}

/** What stands behind the socket. */
class SigningService {
  readonly #options: ServiceOptions;
  readonly #answers: Answers;
  #running = 0;

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.#answers = new Answers({
      // A request that is dated ahead is taken until its own time is over.
      rememberMs: 2 * options.maxAgeMs,
      keys: MAXIMUM_KEYS,
      bytes: MAXIMUM_KEPT_BYTES,
    });
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const client = identityOf(request.socket as TLSSocket);
    // TLS has seen to that already; should it ever not, nobody is served.
    if (client === undefined) return refuse(request, response, 401);
    if (request.url !== SIGN_PATH) return refuse(request, response, 404);
    if (request.method !== 'POST') return refuse(request, response, 405);
    if (request.headers['content-type'] !== 'application/json') return refuse(request, response, 415);
    const body = await readBody(request, this.#options.maxBodyBytes);
    if (body === undefined) return refuse(request, response, 413);
    const read = readRequest(body);
    if (typeof read === 'string') return refuse(request, response, 400);
    const { status, body: answer } = await this.#answer(client, read, body);
    send(response, status, answer);
  }

  #answer(client: ClientIdentity, request: SignRequest, body: string): Promise<KeptAnswer> {
    const { clock, maxAgeMs, maxRequests } = this.#options;
    const { key, sentAt } = request;
    const now = clock.nowMs();
    if (Math.abs(now - sentAt) > maxAgeMs)
      return this.#refused(key, 'a request that is too old, or a clock that is wrong');
    const hash = createHash('sha256').update(body).digest('hex');
    const taken = this.#answers.take(`${client.fingerprint} ${key}`, hash, clock.monotonicMs(), () => {
      // Counted here: a repetition costs nothing.
      if (this.#running >= maxRequests) return Promise.resolve(this.#failed(key, busy(this.#options.signer.name)));
      return this.#sign(client, request);
    });
    if (taken.kind === 'answer') return taken.answer;
    if (taken.kind === 'other') return this.#refused(key, 'an idempotency key of another request');
    if (taken.kind === 'forgotten') return this.#refused(key, 'a request that was answered long ago');
    return Promise.resolve(this.#failed(key, busy(this.#options.signer.name)));
  }

  async #sign(client: ClientIdentity, { key, psbt: base64 }: SignRequest): Promise<KeptAnswer> {
    const { signer, authorise, timeoutMs } = this.#options;
    this.#running += 1;
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      const psbt = parsePsbt(base64);
      const given = Promise.resolve(authorise({ client, psbt, signal }));
      // What it answers is the caller's: anything but a clear yes is a no.
      const authorisation: { readonly allowed?: unknown; readonly reason?: unknown } | undefined = await inTime(
        given,
        signal,
        signer.name,
      );
      if (authorisation?.allowed !== true) return await this.#refused(key, reasonOf(authorisation?.reason));
      const signed = await inTime(signer.sign(psbt, { signal }), signal, signer.name);
      // A policy has seen what was sent: what goes out is that, and signatures.
      const any = Array.from({ length: 256 }, (_, type) => type);
      requireAddedSignatures(psbt, signed, { signer: signer.name, sighashTypes: any });
      return { status: 200, body: JSON.stringify({ version: VERSION, key, psbt: psbtToBase64(signed) }) };
    } catch (error) {
      return this.#failed(key, error);
    } finally {
      this.#running -= 1;
    }
  }

  #refused(key: string, reason: string): Promise<KeptAnswer> {
    const signer = this.#options.signer.name;
    const error = new WalletError('WALLET_SIGNER_REFUSED', `expected a request that ${signer} signs, got ${reason}`, {
      details: { signer, reason },
    });
    return Promise.resolve(this.#failed(key, error));
  }

  #failed(key: string, error: unknown): KeptAnswer {
    const wire: WireError = toWire(error);
    try {
      this.#options.logger.warn('a request was not signed', { code: wire.code, details: wire.details });
    } catch {
      // The client is answered whatever becomes of the log.
    }
    const status = wire.code === 'WALLET_SIGNER_UNAVAILABLE' ? 503 : 422;
    return { status, body: JSON.stringify({ version: VERSION, key, error: wire }) };
  }
}

/** Waits no longer than a signal lets it. */
async function inTime<Result>(work: Promise<Result>, signal: AbortSignal, signer: string): Promise<Result> {
  let end: (() => void) | undefined;
  try {
    return await Promise.race([
      work,
      new Promise<never>((_, fail) => {
        end = () =>
          fail(
            new WalletError('WALLET_SIGNER_UNAVAILABLE', `expected an answer of ${signer} in time, got none`, {
              details: { signer, reason: 'no answer in time' },
              retryable: true,
            }),
          );
        signal.addEventListener('abort', end);
      }),
    ]);
  } finally {
    if (end !== undefined) signal.removeEventListener('abort', end);
  }
}

/** The certificate of a client; `undefined` for one that has none of an authority of ours. */
function identityOf(socket: TLSSocket): ClientIdentity | undefined {
  if (!socket.authorized) return undefined;
  const raw = socket.getPeerCertificate()?.raw;
  if (raw === undefined) return undefined;
  const certificate = new X509Certificate(raw);
  return {
    commonName: /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? '',
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    serialNumber: certificate.serialNumber.toLowerCase(),
    alternativeNames: certificate.subjectAltName ?? '',
  };
}

function reasonOf(reason: unknown): string {
  return typeof reason === 'string' && reason !== '' ? reason : 'it was not authorised';
}

function busy(signer: string): WalletError<'WALLET_SIGNER_UNAVAILABLE'> {
  return new WalletError('WALLET_SIGNER_UNAVAILABLE', `expected ${signer} to have time, got too many requests`, {
    details: { signer, reason: 'too many requests' },
    retryable: true,
  });
}

/** Answers without a body; what is still sent is listened to for a moment, so that the client gets to read it. */
function refuse(request: IncomingMessage, response: ServerResponse, status: number): void {
  request.resume();
  response.setHeader('connection', 'close');
  send(response, status, '');
  setTimeout(() => request.socket.destroy(), LINGER_MS).unref();
}

function send(response: ServerResponse, status: number, body: string): void {
  const bytes = Buffer.from(body, 'utf8');
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length });
  response.end(bytes);
}
