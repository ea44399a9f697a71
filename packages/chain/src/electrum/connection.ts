import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { answerInvalid } from '../adapters/answer.ts';
import { reasonOf, unreachable, unsupported } from '../adapters/policy.ts';
import { ChainError } from '../errors.ts';

/** Where an Electrum server is. */
export interface ElectrumAddress {
  readonly host: string;
  readonly port: number;
  /** Whether to speak TLS, and which authorities to trust instead of the system's (PEM); plain TCP when absent. */
  readonly tls?: { readonly ca?: string };
  /** Longest line that is read, in bytes; 16 million when absent. */
  readonly maxLineLength?: number;
}

/** A notification: the server speaks first. */
export type NotificationListener = (method: string, params: readonly unknown[]) => void;

interface Pending {
  readonly method: string;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Distance of two ids. One digit that is damaged on its way never makes one multiple of eleven another, so that no
 * answer can pass for that of another call.
 */
const ID_STEP = 11;
/** The code of JSON-RPC for a method that the server does not have. */
const NO_SUCH_METHOD = -32_601;
const LINE_FEED = 0x0a;

/** One connection: lines of JSON, answers in any order. What is no answer ends it. */
export class ElectrumConnection {
  readonly #socket: Socket;
  readonly #maxLineLength: number;
  readonly #onNotification: NotificationListener;
  readonly #pending = new Map<number, Pending>();
  #parts: Uint8Array[] = [];
  #length = 0;
  #lastId = 0;
  #closed = false;

  private constructor(socket: Socket, address: ElectrumAddress, onNotification: NotificationListener) {
    this.#socket = socket;
    this.#maxLineLength = address.maxLineLength ?? 16_000_000;
    this.#onNotification = onNotification;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    socket.on('data', (chunk: Uint8Array) => this.#take(chunk));
    socket.on('error', (error) => this.close(unreachable('the connection', reasonOf(error), error)));
    socket.on('close', () => this.close(unreachable('the connection', 'the server closed it')));
  }

  /**
   * Connects.
   *
   * @throws ChainError `CHAIN_NODE_UNREACHABLE`; whatever the signal's reason is.
   */
  static async open(
    address: ElectrumAddress,
    facts: { readonly signal: AbortSignal; readonly onNotification: NotificationListener },
  ): Promise<ElectrumConnection> {
    const { host, port, tls } = address;
    const { signal, onNotification } = facts;
    const socket =
      tls === undefined
        ? connectTcp({ host, port })
        : connectTls({ host, port, servername: host, ...(tls.ca === undefined ? {} : { ca: tls.ca }) });
    try {
      await new Promise<void>((resolve, reject) => {
        const fail = (): void => reject(signal.reason as Error);
        if (signal.aborted) fail();
        signal.addEventListener('abort', fail, { once: true });
        socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
          signal.removeEventListener('abort', fail);
          resolve();
        });
        socket.once('error', (error) => {
          signal.removeEventListener('abort', fail);
          reject(unreachable('connect', reasonOf(error), error));
        });
      });
    } catch (error) {
      socket.on('error', () => undefined);
      socket.destroy();
      throw error;
    }
    return new ElectrumConnection(socket, address, onNotification);
  }

  /** Whether nothing more will be answered. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Sends one call and waits for its answer.
   *
   * @throws ChainError `CHAIN_NODE_REFUSED`, `CHAIN_CALL_UNSUPPORTED`, `CHAIN_NODE_UNREACHABLE`,
   * `CHAIN_NODE_ANSWER_INVALID`; whatever the signal's reason is.
   */
  async request(method: string, params: readonly unknown[], signal: AbortSignal): Promise<unknown> {
    if (this.#closed) throw unreachable(method, 'the connection is closed');
    this.#lastId += ID_STEP;
    const id = this.#lastId;
    let forget = (): void => undefined;
    try {
      return await new Promise<unknown>((resolve, reject) => {
        const fail = (): void => reject(signal.reason as Error);
        signal.addEventListener('abort', fail, { once: true });
        forget = () => {
          signal.removeEventListener('abort', fail);
          this.#pending.delete(id);
        };
        this.#pending.set(id, { method, resolve, reject });
        this.#socket.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
        if (signal.aborted) fail();
      });
    } finally {
      forget();
    }
  }

  /** Ends the connection; calls that wait get the error. */
  close(error: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.destroy();
    this.#parts = [];
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  #take(chunk: Uint8Array): void {
    let rest = chunk;
    for (let end = rest.indexOf(LINE_FEED); end >= 0 && !this.#closed; end = rest.indexOf(LINE_FEED)) {
      this.#parts.push(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
      const line = Buffer.concat(this.#parts).toString('utf8');
      this.#parts = [];
      this.#length = 0;
      this.#read(line);
    }
    this.#length += rest.length;
    if (this.#length > this.#maxLineLength)
      this.close(answerInvalid('the connection', `lines of at most ${this.#maxLineLength} bytes`));
    else if (rest.length > 0) this.#parts.push(rest);
  }

  #read(line: string): void {
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      this.close(answerInvalid('the connection', 'lines of JSON'));
      return;
    }
    if (typeof message !== 'object' || message === null) {
      this.close(answerInvalid('the connection', 'lines of JSON objects'));
      return;
    }
    const { id, method, params, result, error } = message as Readonly<Record<string, unknown>>;
    if (typeof method === 'string') {
      this.#onNotification(method, Array.isArray(params) ? params : []);
      return;
    }
    // An answer nobody waits for: it came twice, or too late.
    const pending = typeof id === 'number' ? this.#pending.get(id) : undefined;
    if (pending === undefined) return;
    if (error !== undefined && error !== null) pending.reject(refusalOf(pending.method, error));
    else if (result === undefined) pending.reject(answerInvalid(pending.method, 'a result or an error'));
    else pending.resolve(result);
  }
}

/** Servers say it with an object, or with a text alone. */
function refusalOf(method: string, error: unknown): ChainError {
  const { code, message } = (typeof error === 'object' ? error : { message: error }) as Readonly<
    Record<string, unknown>
  >;
  const rpcCode = typeof code === 'number' ? code : 0;
  const rpcMessage = typeof message === 'string' ? message.slice(0, 2_000) : '';
  if (rpcCode === NO_SUCH_METHOD) return unsupported(method, 'this Electrum server');
  return new ChainError('CHAIN_NODE_REFUSED', `expected a result of ${method}, got: ${rpcMessage} (${rpcCode})`, {
    details: { method, rpcCode, rpcMessage },
  });
}
