import { sendHttp } from '../adapters/http.ts';
import { answerInvalid, readAs } from '../adapters/answer.ts';
import { requireCallOptions } from '../adapters/arguments.ts';
import { genesisOf, wrongNetwork } from '../adapters/networks.ts';
import {
  aborted,
  reasonOf,
  sourcePolicy,
  type SourcePolicy,
  type SourcePolicyOptions,
  unreachable,
} from '../adapters/policy.ts';
import { ChainError, invalidArgument } from '../errors.ts';
import type { NetworkName } from '@bitcoin-enterprise/core';
import type { CallOptions } from '../ports/chain-source.ts';

/**
 * What a node wants to see: user and password, or the content of its cookie file, or what reads that file: it is asked
 * before the first call, and again when the node refuses what it gave, for a node writes a new cookie at each start.
 */
export type BitcoindAuth =
  | { readonly user: string; readonly password: string }
  | { readonly cookie: string }
  | {
      /** Answers the content of the cookie file. */
      readonly readCookie: () => Promise<string>;
    };

/** How to reach a bitcoind. */
export interface BitcoindRpcOptions extends SourcePolicyOptions {
  /** `http://127.0.0.1:8332`; a path such as `/wallet/name` is kept, a user and password in it are taken as `auth`. */
  readonly url: string;
  /** What the node wants to see. `cookieFile` of `@bitcoin-enterprise/chain/zmq` reads the cookie from disk. */
  readonly auth?: BitcoindAuth;
  /** Longest answer that is read, in bytes; 64 million when absent. */
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

/** A call that is safe to repeat, and how its answer is read. */
export interface RpcQuestion<Result> extends RpcCall {
  /** Reads the `result`; what it throws is the fault of the answer, and the call is tried again. */
  readonly read: (result: unknown) => Result;
  /** As in {@link RpcCallOptions}. */
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
  readonly #auth: Credentials;
  readonly #policy: SourcePolicy;
  readonly #maxAnswerLength: number;
  readonly #fetch: typeof fetch;
  #lastId = 0;

  /**
   * @param options - Address, credentials, limits, patience.
   * @throws ChainError `CHAIN_INVALID_ARGUMENT` for an address that is no http URL.
   */
  constructor(options: BitcoindRpcOptions) {
    if (typeof options !== 'object' || options === null) throw invalidArgument('options', 'an object', options);
    const { maxAnswerLength = DEFAULT_MAX_ANSWER_LENGTH } = options;
    if (typeof maxAnswerLength !== 'number' || !(maxAnswerLength > 0))
      throw invalidArgument('options.maxAnswerLength', 'a number above zero', maxAnswerLength);
    const url = parseUrl(options.url);
    const fromUrl = url.username === '' ? undefined : `${decoded(url.username)}:${decoded(url.password)}`;
    url.username = '';
    url.password = '';
    this.url = url.href;
    this.#policy = sourcePolicy('bitcoind', options);
    this.#auth = new Credentials(options.auth ?? (fromUrl === undefined ? undefined : { cookie: fromUrl }));
    this.#maxAnswerLength = maxAnswerLength;
    // Called on its own: a browser refuses its fetch as a method of another object.
    const send = options.fetch ?? fetch;
    if (typeof send !== 'function') throw invalidArgument('options.fetch', 'a function', send);
    this.#fetch = (input, init) => send(input, init);
  }

  /**
   * One call, sent once.
   *
   * @param method - For example `getblockcount`.
   * @param params - By position.
   * @returns The `result` of the answer, unchecked.
   * @throws ChainError `CHAIN_NODE_REFUSED` with the node's own code, `CHAIN_NODE_UNREACHABLE`, `CHAIN_NODE_BUSY`,
   * `CHAIN_NODE_UNAUTHORIZED`, `CHAIN_NODE_ANSWER_INVALID`, `CHAIN_ABORTED`.
   */
  async call(method: string, params: readonly unknown[] = [], options: RpcCallOptions = {}): Promise<unknown> {
    requireMethod(method);
    return this.#one({ method, params, read: (result) => result }, { options, repeatable: false });
  }

  /**
   * One call that is safe to repeat, as all that read are: it is sent again, within bounds, when no good answer came.
   *
   * @throws ChainError As {@link BitcoindRpc.call}.
   */
  async ask<Result>(question: RpcQuestion<Result>, options: CallOptions = {}): Promise<Result> {
    requireMethod(question.method);
    const { decimalsAsText = false } = question;
    return this.#one(question, { options: { ...requireCallOptions(options), decimalsAsText }, repeatable: true });
  }

  /**
   * Calls whose answers nothing proves, each asked twice in one request: only what is answered twice alike is believed,
   * for plain HTTP does not notice a bit that flips on its way.
   *
   * @returns One answer for each call, in the order of the calls.
   * @throws ChainError As {@link BitcoindRpc.call}.
   */
  async askTwice(calls: readonly RpcCall[], options: RpcCallOptions = {}): Promise<readonly RpcAnswer[]> {
    return this.#many([...calls, ...calls], {
      options,
      repeatable: true,
      read: (answers) => {
        const first = answers.slice(0, calls.length);
        const passing = answers.find((answer) => !answer.ok && answer.error.retryable);
        if (passing?.ok === false) throw passing.error;
        const names = calls.map(({ method }) => method).join();
        // What is nested too deep to be written again is no answer to any call.
        const [one, other] = readAs(names, 'JSON that is not nested without end', () => [
          JSON.stringify(first.map(factsOf)),
          JSON.stringify(answers.slice(calls.length).map(factsOf)),
        ]);
        if (one !== other) throw answerInvalid(names, 'the same when asked twice');
        return first;
      },
    });
  }

  /**
   * {@link BitcoindRpc.askTwice} for one call, its answer read.
   *
   * @throws ChainError As {@link BitcoindRpc.call}.
   */
  async askOneTwice<Result>(question: RpcQuestion<Result>, options: CallOptions = {}): Promise<Result> {
    const { method, params = [], read, decimalsAsText = false } = question;
    const [answer] = await this.askTwice([{ method, params }], { ...requireCallOptions(options), decimalsAsText });
    if (answer === undefined) throw answerInvalid(method, 'an answer');
    if (!answer.ok) throw answer.error;
    return readAs(method, 'what its interface promises', () => read(answer.result));
  }

  /**
   * Many calls in one request; a refusal of one is its answer and does not end the others.
   *
   * @returns One answer for each call, in the order of the calls.
   * @throws ChainError As {@link BitcoindRpc.call}, for the request as a whole.
   */
  async batch(calls: readonly RpcCall[], options: RpcCallOptions = {}): Promise<readonly RpcAnswer[]> {
    return this.#many(calls, { options, repeatable: false, read: (answers) => answers });
  }

  async #one<Result>(
    question: RpcQuestion<Result>,
    facts: { readonly options: RpcCallOptions; readonly repeatable: boolean },
  ): Promise<Result> {
    const { method, params = [], read } = question;
    const id = this.#nextId();
    const body = { jsonrpc: '1.0', id, method, params };
    return this.#send({ method, body, ...facts }, (answer) => {
      const { result, error } = readAnswer(method, answer, id);
      if (error !== undefined) throw error;
      return readAs(method, 'what its interface promises', () => read(result));
    });
  }

  async #many(
    calls: readonly RpcCall[],
    facts: {
      readonly options: RpcCallOptions;
      readonly repeatable: boolean;
      readonly read: (answers: readonly RpcAnswer[]) => readonly RpcAnswer[];
    },
  ): Promise<readonly RpcAnswer[]> {
    if (!Array.isArray(calls)) throw invalidArgument('calls', 'an array', calls);
    if (calls.length === 0) return [];
    const asked = Array.from(calls, (call: RpcCall | null | undefined, i) => {
      if (typeof call !== 'object' || call === null) throw invalidArgument(`calls[${i}]`, 'an object', call);
      const { method, params = [] } = call;
      return { jsonrpc: '1.0', id: this.#nextId(), method: requireMethod(method), params };
    });
    return this.#send({ method: 'batch', body: asked, ...facts }, (answers) => {
      // A node that warms up answers a batch as a whole.
      if (!Array.isArray(answers)) throw readAnswer('batch', answers, 0).error ?? answerInvalid('batch', 'an array');
      // JSON-RPC lets a server answer in any order.
      const byId = new Map<unknown, unknown>(answers.map((answer: { readonly id?: unknown }) => [answer?.id, answer]));
      return facts.read(
        asked.map(({ method, id }) => {
          const { result, error } = readAnswer(method, byId.get(id), id);
          return error === undefined ? { ok: true, result } : { ok: false, error };
        }),
      );
    });
  }

  #nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  async #send<Result>(
    request: {
      readonly method: string;
      readonly body: unknown;
      readonly options: RpcCallOptions;
      readonly repeatable: boolean;
    },
    read: (answer: unknown) => Result,
  ): Promise<Result> {
    const { method, body, options, repeatable } = request;
    const { decimalsAsText = false, signal } = requireCallOptions(options);
    const text = jsonOf(body);
    if (signal?.aborted === true) throw aborted(method);
    const attempt = async (inner: AbortSignal): Promise<Result> => {
      const answer = await this.#post(method, text, inner);
      return read(parseBody({ method, ...answer, decimalsAsText }));
    };
    return this.#policy.run(method, attempt, { repeatable, ...(signal === undefined ? {} : { signal }) });
  }

  /** Sends a request; credentials that are refused are read again, once. */
  async #post(
    method: string,
    body: string,
    signal: AbortSignal,
  ): Promise<{ readonly status: number; readonly text: string }> {
    let authorization = await this.#auth.current(method);
    for (let renewed = false; ; renewed = true) {
      const headers = {
        'content-type': 'application/json',
        ...(authorization === undefined ? {} : { authorization }),
      };
      const init = { method: 'POST', headers, body, signal };
      try {
        const answer = await sendHttp({
          method,
          url: this.url,
          init,
          maxAnswerLength: this.#maxAnswerLength,
          fetch: this.#fetch,
        });
        return { status: answer.status, text: new TextDecoder().decode(answer.body) };
      } catch (error) {
        const next = renewed || !isUnauthorized(error) ? undefined : await this.#auth.renewed(method, authorization);
        if (next === undefined) throw error;
        authorization = next;
      }
    }
  }
}

/** Credentials as a header; kept where no error, log or JSON shows them. */
class Credentials {
  readonly #read: (() => Promise<string>) | undefined;
  #header: string | undefined;

  constructor(auth: BitcoindAuth | undefined) {
    if (auth === undefined) return;
    if (typeof auth !== 'object' || auth === null) throw invalidArgument('options.auth', 'an object', auth);
    if ('readCookie' in auth) {
      if (typeof auth.readCookie !== 'function')
        throw invalidArgument('options.auth.readCookie', 'a function', auth.readCookie);
      this.#read = auth.readCookie;
      return;
    }
    const text = 'cookie' in auth ? auth.cookie : `${auth.user}:${auth.password}`;
    if (typeof text !== 'string' || !text.includes(':'))
      throw invalidArgument('options.auth.cookie', 'user:password', text);
    this.#header = basic(text.trim());
  }

  async current(method: string): Promise<string | undefined> {
    if (this.#header === undefined && this.#read !== undefined) this.#header = await this.#fresh(method);
    return this.#header;
  }

  /** Other credentials than the ones refused; `undefined` when there are none. */
  async renewed(method: string, refused: string | undefined): Promise<string | undefined> {
    if (this.#read === undefined) return undefined;
    this.#header = await this.#fresh(method);
    return this.#header === refused ? undefined : this.#header;
  }

  async #fresh(method: string): Promise<string> {
    let text: unknown;
    try {
      text = await this.#read?.();
    } catch (error) {
      // The node writes its cookie when it starts, and removes it when it stops.
      throw unreachable(method, `the cookie cannot be read: ${reasonOf(error)}`);
    }
    if (typeof text !== 'string' || !text.includes(':')) throw unreachable(method, 'the cookie is not written yet');
    return basic(text.trim());
  }
}

function isUnauthorized(error: unknown): boolean {
  return error instanceof ChainError && error.code === 'CHAIN_NODE_UNAUTHORIZED';
}

/**
 * Requires a node of a network.
 *
 * @throws ChainError `CHAIN_WRONG_NETWORK`.
 */
export async function requireNetwork(rpc: BitcoindRpc, network: NetworkName, options: CallOptions): Promise<void> {
  const [answer] = await rpc.askTwice([{ method: 'getblockhash', params: [0] }], options);
  if (answer?.ok !== true) throw answer?.error ?? answerInvalid('getblockhash', 'the hash of the first block');
  const expected = genesisOf(network);
  if (answer.result !== expected) throw wrongNetwork('bitcoind', expected, String(answer.result).slice(0, 64));
}

/** What tells two answers apart. */
function factsOf(answer: RpcAnswer): unknown {
  return answer.ok ? answer.result : answer.error.details;
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

function readAnswer(
  method: string,
  answer: unknown,
  id: number,
): { readonly result: unknown; readonly error?: ChainError<'CHAIN_NODE_REFUSED'> } {
  if (typeof answer !== 'object' || answer === null) throw answerInvalid(method, 'an object with a result');
  const {
    result,
    error,
    id: answered = id,
  } = answer as { readonly result?: unknown; readonly error?: unknown; readonly id?: unknown };
  // An error before the call was read has no id to repeat.
  if (answered !== id && answered !== null && id !== 0)
    throw answerInvalid(method, 'the answer to this call and no other');
  if (error === undefined || error === null) {
    if (result === undefined) throw answerInvalid(method, 'an object with a result');
    return { result };
  }
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  if (typeof code !== 'number' || typeof message !== 'string')
    throw answerInvalid(method, 'a result or an error with code and message');
  return { result: undefined, error: refused(method, code, message) };
}

function refused(method: string, rpcCode: number, rpcMessage: string): ChainError<'CHAIN_NODE_REFUSED'> {
  return new ChainError('CHAIN_NODE_REFUSED', `expected a result of ${method}, got: ${rpcMessage} (${rpcCode})`, {
    details: { method, rpcCode, rpcMessage },
    retryable: rpcCode === WARMING_UP,
  });
}
