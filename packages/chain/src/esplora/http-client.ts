import { ChainError, invalidArgument } from '../errors.ts';
import type { CallOptions } from '../ports/chain-source.ts';
import { answerInvalid, readAs } from '../adapters/answer.ts';
import { requireCallOptions } from '../adapters/arguments.ts';
import { type HttpAnswer, sendHttp } from '../adapters/http.ts';
import { aborted, sourcePolicy, type SourcePolicy, type SourcePolicyOptions, unreachable } from '../adapters/policy.ts';

/** How to reach an Esplora server. */
export interface EsploraHttpOptions extends SourcePolicyOptions {
  /** Where its paths begin, for example `https://blockstream.info/api`; without user or password. */
  readonly url: string;
  /** Longest answer that is read, in bytes; 16 million when absent. */
  readonly maxAnswerLength?: number;
  /** Sends a request; the global `fetch` when absent. */
  readonly fetch?: typeof fetch;
  /** Headers of every request, for example of an access token; they appear in no error. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** One question: a path, and how its answer is read. */
export interface EsploraQuestion<Result> {
  /** Below the address, for example `/blocks/tip/hash`. */
  readonly path: string;
  /** Reads the bytes of the answer; what it throws is the fault of the answer. */
  readonly read: (body: Uint8Array) => Result;
}

const DEFAULT_MAX_ANSWER_LENGTH = 16_000_000;

/** Asks an Esplora server over `fetch`, under a policy. Opens nothing until it is called. */
export class EsploraHttp {
  /** Where the server is. */
  readonly url: string;
  readonly #policy: SourcePolicy;
  readonly #maxAnswerLength: number;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #fetch: typeof fetch;

  /** @param options - Address, limits, patience. */
  constructor(options: EsploraHttpOptions) {
    if (typeof options !== 'object' || options === null) throw invalidArgument('options', 'an object', options);
    const { maxAnswerLength = DEFAULT_MAX_ANSWER_LENGTH, headers = {} } = options;
    if (typeof maxAnswerLength !== 'number' || !(maxAnswerLength > 0))
      throw invalidArgument('options.maxAnswerLength', 'a number above zero', maxAnswerLength);
    if (typeof headers !== 'object' || headers === null) throw invalidArgument('options.headers', 'an object', headers);
    this.url = baseUrl(options.url);
    this.#policy = sourcePolicy('esplora', options);
    this.#maxAnswerLength = maxAnswerLength;
    this.#headers = { ...headers };
    // Called on its own: a browser refuses its fetch as a method of another object.
    const send = options.fetch ?? fetch;
    if (typeof send !== 'function') throw invalidArgument('options.fetch', 'a function', send);
    this.#fetch = (input, init) => send(input, init);
  }

  /** Asks; `undefined` when the server does not have it (HTTP 404). */
  async get<Result>(question: EsploraQuestion<Result>, options: CallOptions): Promise<Result | undefined> {
    return this.#run(question.path, options, async (signal) => {
      const answer = await this.#send(question.path, { method: 'GET', headers: this.#headers, signal });
      if (answer.status === 404) return undefined;
      return readAnswer(question, answer);
    });
  }

  /** Hands something in that may be handed in twice; `undefined` when the server has no such path (HTTP 404). */
  async post<Result>(
    question: EsploraQuestion<Result> & { readonly body: string },
    options: CallOptions,
  ): Promise<Result | undefined> {
    return this.#run(question.path, options, async (signal) => {
      const headers = { ...this.#headers, 'content-type': 'text/plain' };
      const answer = await this.#send(question.path, { method: 'POST', headers, body: question.body, signal });
      if (answer.status === 404 || answer.status === 405) return undefined;
      return readAnswer(question, answer);
    });
  }

  async #run<Result>(
    path: string,
    options: CallOptions,
    work: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const { signal } = requireCallOptions(options);
    if (signal?.aborted === true) throw aborted(path);
    return this.#policy.run(path, work, { repeatable: true, ...(signal === undefined ? {} : { signal }) });
  }

  async #send(path: string, init: RequestInit): Promise<HttpAnswer> {
    const maxAnswerLength = this.#maxAnswerLength;
    return sendHttp({ method: path, url: `${this.url}${path}`, init, maxAnswerLength, fetch: this.#fetch });
  }
}

function readAnswer<Result>({ path, read }: EsploraQuestion<Result>, { status, body }: HttpAnswer): Result {
  if (status >= 500) throw unreachable(path, `HTTP ${status}`);
  if (status !== 200) throw refused(path, status, textOf(body));
  return readAs(path, 'what its interface promises', () => read(body));
}

/** A refusal is a text of the server's own; `rpcCode` is the code of the node behind it, when it repeats one. */
function refused(method: string, status: number, text: string): ChainError<'CHAIN_NODE_REFUSED'> {
  const quoted = /\{"code":(-?\d{1,6}),"message":"((?:[^"\\]|\\.){0,1000})"/.exec(text);
  const rpcCode = quoted === null ? status : Number(quoted[1]);
  const rpcMessage = quoted === null ? text.slice(0, 1_000) : unescaped(quoted[2] ?? '');
  return new ChainError('CHAIN_NODE_REFUSED', `expected an answer to ${method}, got: ${rpcMessage} (${rpcCode})`, {
    details: { method, rpcCode, rpcMessage },
  });
}

function unescaped(text: string): string {
  try {
    return String(JSON.parse(`"${text}"`));
  } catch {
    return text;
  }
}

/** The body as text. */
export function textOf(body: Uint8Array): string {
  return new TextDecoder().decode(body);
}

/** The body as JSON. */
export function jsonOf(path: string, body: Uint8Array): unknown {
  try {
    return JSON.parse(textOf(body));
  } catch {
    throw answerInvalid(path, `JSON, got ${body.length} bytes that are none`);
  }
}

function baseUrl(text: unknown): string {
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined;
  // The text itself may hold a password, so the error only describes it.
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '')
    throw invalidArgument('options.url', 'an http or https URL without user, password or query', text);
  return url.href.replace(/\/+$/, '');
}
