import { ChainError, invalidArgument } from '../errors.ts';
import type { CallOptions } from '../ports/chain-source.ts';

/** How to reach a bitcoind. */
export interface BitcoindRpcOptions {
  /** `http://127.0.0.1:8332`; a path such as `/wallet/name` is kept, a user and password in it are taken as `auth`. */
  readonly url: string;
  /** What the node wants to see: user and password, or the content of its cookie file. */
  readonly auth?: { readonly user: string; readonly password: string } | { readonly cookie: string };
  /** Milliseconds until a call is given up, at most 2,147,483,647; 30,000 when absent. */
  readonly timeoutMs?: number;
  /** Longest answer that is read, in characters; 64 million when absent. */
  readonly maxAnswerLength?: number;
  /** Sends a request; the global `fetch` when absent. */
  readonly fetch?: typeof fetch;
}

/** Settings of one call. */
export interface RpcCallOptions extends CallOptions {
  /**
   * Whether numbers with a fraction come as their text, so that an amount never becomes a float; `false` when absent.
   */
  readonly decimalsAsText?: boolean;
}

/** One call of a batch. */
export interface RpcCall {
  readonly method: string;
  readonly params?: readonly unknown[];
}

/** The node's answer to one call of a batch. */
export type RpcAnswer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: ChainError<'CHAIN_NODE_REFUSED'> };

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_MAX_ANSWER_LENGTH = 64_000_000;
/** RPC_IN_WARMUP of Bitcoin Core's rpc/protocol.h. */
const WARMING_UP = -28;

/**
 * Bitcoin Core's JSON-RPC over `fetch`, which keeps connections alive. Opens nothing until it is called.
 *
 * The credentials appear in no error, log line or JSON of this object.
 *
 * @example Ask for the height
 * ```ts no-run
 * import { BitcoindRpc } from '@bitcoin-enterprise/chain/bitcoind';
 *
 * const rpc = new BitcoindRpc({ url: 'http://127.0.0.1:18443', auth: { user: 'alice', password: 'secret' } });
 * await rpc.call('getblockcount');
 * ```
 */
export class BitcoindRpc {
  /** Where the node is, without credentials. */
  readonly url: string;
  readonly #authorization: string | undefined;
  readonly #timeoutMs: number;
  readonly #maxAnswerLength: number;
  readonly #fetch: typeof fetch;

  /**
   * @param options - Address, credentials, limits.
   * @throws ChainError `CHAIN_INVALID_ARGUMENT` for an address that is no http URL.
   */
  constructor(options: BitcoindRpcOptions) {
    if (typeof options !== 'object' || options === null) throw invalidArgument('options', 'an object', options);
    const { timeoutMs = DEFAULT_TIMEOUT_MS, maxAnswerLength = DEFAULT_MAX_ANSWER_LENGTH } = options;
    if (typeof timeoutMs !== 'number' || !(timeoutMs > 0 && timeoutMs <= MAX_TIMER_MS))
      throw invalidArgument('options.timeoutMs', `a number above 0, at most ${MAX_TIMER_MS}`, timeoutMs);
    if (typeof maxAnswerLength !== 'number' || !(maxAnswerLength > 0))
      throw invalidArgument('options.maxAnswerLength', 'a number above zero', maxAnswerLength);
    const url = parseUrl(options.url);
    const fromUrl = url.username === '' ? undefined : `${decoded(url.username)}:${decoded(url.password)}`;
    url.username = '';
    url.password = '';
    this.url = url.href;
    this.#authorization = authorization(options.auth) ?? (fromUrl === undefined ? undefined : basic(fromUrl));
    this.#timeoutMs = timeoutMs;
    this.#maxAnswerLength = maxAnswerLength;
    // Called on its own: a browser refuses its fetch as a method of another object.
    const send = options.fetch ?? fetch;
    if (typeof send !== 'function') throw invalidArgument('options.fetch', 'a function', send);
    this.#fetch = (input, init) => send(input, init);
  }

  /**
   * One call.
   *
   * @param method - For example `getblockcount`.
   * @param params - By position.
   * @returns The `result` of the answer, unchecked.
   * @throws ChainError `CHAIN_NODE_REFUSED` with the node's own code, `CHAIN_NODE_UNREACHABLE`,
   * `CHAIN_NODE_UNAUTHORIZED`, `CHAIN_NODE_ANSWER_INVALID`, `CHAIN_ABORTED`.
   */
  async call(method: string, params: readonly unknown[] = [], options: RpcCallOptions = {}): Promise<unknown> {
    requireMethod(method);
    const answer = await this.#send(method, { jsonrpc: '1.0', id: 0, method, params }, options);
    const read = readAnswer(method, answer);
    if (!read.ok) throw read.error;
    return read.result;
  }

  /**
   * Many calls in one request; a refusal of one is its answer and does not end the others.
   *
   * @returns One answer for each call, in the order of the calls.
   * @throws ChainError As {@link BitcoindRpc.call}, for the request as a whole.
   */
  async batch(calls: readonly RpcCall[], options: RpcCallOptions = {}): Promise<readonly RpcAnswer[]> {
    if (!Array.isArray(calls)) throw invalidArgument('calls', 'an array', calls);
    if (calls.length === 0) return [];
    const body = Array.from(calls, (call: RpcCall | null | undefined, id) => {
      if (typeof call !== 'object' || call === null) throw invalidArgument(`calls[${id}]`, 'an object', call);
      const { method, params = [] } = call;
      return { jsonrpc: '1.0', id, method: requireMethod(method), params };
    });
    const answers = await this.#send('batch', body, options);
    if (!Array.isArray(answers)) throw answerInvalid('batch', 'an array');
    // JSON-RPC lets a server answer in any order.
    const byId = new Map<unknown, unknown>(answers.map((answer: { readonly id?: unknown }) => [answer?.id, answer]));
    return calls.map(({ method }, id) => readAnswer(method, byId.get(id)));
  }

  async #send(method: string, body: unknown, options: RpcCallOptions): Promise<unknown> {
    requireCallOptions(options);
    const { decimalsAsText = false, signal } = options;
    const text = jsonOf(body);
    if (isAborted(signal)) throw aborted(method);
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    try {
      const response = await this.#fetch(this.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(this.#authorization === undefined ? {} : { authorization: this.#authorization }),
        },
        body: text,
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      });
      const answer = await this.#read(method, response);
      return parseBody({ method, status: response.status, text: answer, decimalsAsText });
    } catch (error) {
      if (error instanceof ChainError) throw error;
      if (isAborted(signal)) throw aborted(method);
      const reason = timeout.aborted ? `no answer within ${this.#timeoutMs} ms` : reasonOf(error);
      throw unreachable(method, reason, error);
    }
  }

  async #read(method: string, response: Response): Promise<string> {
    const tooLong = (): ChainError => answerInvalid(method, `at most ${this.#maxAnswerLength} characters`);
    const reader = response.body?.getReader();
    if (reader === undefined) return '';
    const decoder = new TextDecoder();
    const parts: string[] = [];
    for (let length = 0; ;) {
      const { done, value } = await reader.read();
      if (done) return parts.join('') + decoder.decode();
      length += value.length;
      if (length > this.#maxAnswerLength) {
        await reader.cancel();
        throw tooLong();
      }
      parts.push(decoder.decode(value, { stream: true }));
    }
  }
}

function jsonOf(body: unknown): string {
  try {
    return JSON.stringify(body);
  } catch {
    throw invalidArgument('params', 'what JSON can hold', body);
  }
}

function parseUrl(text: unknown): URL {
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined;
  // The text itself may hold a password, so the error only describes it.
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw invalidArgument('options.url', 'an http or https URL', text);
  return url;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function authorization(auth: BitcoindRpcOptions['auth']): string | undefined {
  if (auth === undefined) return undefined;
  if (typeof auth !== 'object' || auth === null) throw invalidArgument('options.auth', 'an object', auth);
  const text = 'cookie' in auth ? auth.cookie : `${auth.user}:${auth.password}`;
  if (typeof text !== 'string' || !text.includes(':'))
    throw invalidArgument('options.auth.cookie', 'user:password', text);
  return basic(text.trim());
}

function basic(credentials: string): string {
  // btoa takes one byte a character; a password may hold any character (RFC 7617 says UTF-8).
  const bytes = new TextEncoder().encode(credentials);
  return `Basic ${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))}`;
}

function requireMethod(method: unknown): string {
  if (typeof method !== 'string' || !/^\w+$/.test(method))
    throw invalidArgument('method', 'the name of a method', method);
  return method;
}

function parseBody(answer: {
  readonly method: string;
  readonly status: number;
  readonly text: string;
  readonly decimalsAsText: boolean;
}): unknown {
  const { method, status, text, decimalsAsText } = answer;
  if (status === 401 || status === 403)
    throw new ChainError('CHAIN_NODE_UNAUTHORIZED', `expected the node to accept the credentials, got HTTP ${status}`, {
      details: { method, status },
      hint:
        status === 403
          ? 'The node does not allow this address: see its -rpcallowip.'
          : 'Check user and password, or read the cookie file again: the node writes a new one at each start.',
    });
  // "Work queue depth exceeded": plain text, and gone as soon as the node has caught up.
  if (status === 503) throw unreachable(method, 'the node is busy');
  try {
    return decimalsAsText ? JSON.parse(text, keepDecimals) : JSON.parse(text);
  } catch {
    throw answerInvalid(method, `JSON, got HTTP ${status} with ${text.length} characters`);
  }
}

/** JSON.parse hands a reviver the source text of a number (ES2026); where it does not, eight decimals are exact. */
function keepDecimals(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number') return value;
  if (context?.source !== undefined) return /[.eE]/.test(context.source) ? context.source : value;
  return Number.isInteger(value) ? value : value.toFixed(8);
}

function readAnswer(method: string, answer: unknown): RpcAnswer {
  if (typeof answer !== 'object' || answer === null) throw answerInvalid(method, 'an object with a result');
  const { result, error } = answer as { readonly result?: unknown; readonly error?: unknown };
  if (error === undefined || error === null) {
    if (result === undefined) throw answerInvalid(method, 'an object with a result');
    return { ok: true, result };
  }
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  if (typeof code !== 'number' || typeof message !== 'string')
    throw answerInvalid(method, 'a result or an error with code and message');
  return { ok: false, error: refused(method, code, message) };
}

function refused(method: string, rpcCode: number, rpcMessage: string): ChainError<'CHAIN_NODE_REFUSED'> {
  return new ChainError('CHAIN_NODE_REFUSED', `expected a result of ${method}, got: ${rpcMessage} (${rpcCode})`, {
    details: { method, rpcCode, rpcMessage },
    retryable: rpcCode === WARMING_UP,
  });
}

function unreachable(method: string, reason: string, cause?: unknown): ChainError<'CHAIN_NODE_UNREACHABLE'> {
  return new ChainError('CHAIN_NODE_UNREACHABLE', `expected an answer to ${method}, got none: ${reason}`, {
    details: { method, reason },
    retryable: true,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** A call of its own, because the compiler does not know that a signal changes while a call waits. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function aborted(call: string): ChainError<'CHAIN_ABORTED'> {
  return new ChainError('CHAIN_ABORTED', `${call} was ended by its signal`, { details: { call } });
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'string')
    return cause.code;
  return 'the connection failed';
}
