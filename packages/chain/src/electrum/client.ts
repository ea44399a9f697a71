import { hasCode } from '@bitcoin-enterprise/core';
import { Answer, answerInvalid, readAs } from '../adapters/answer.ts';
import { requireCallOptions } from '../adapters/arguments.ts';
import { aborted, sourcePolicy, type SourcePolicy, type SourcePolicyOptions, unreachable } from '../adapters/policy.ts';
import { invalidArgument } from '../errors.ts';
import type { CallOptions } from '../ports/chain-source.ts';
import type { ChangeSignal } from '../ports/change-signal.ts';
import { type ElectrumAddress, ElectrumConnection } from './connection.ts';

/** How to reach an Electrum server. */
export interface ElectrumClientOptions extends ElectrumAddress, SourcePolicyOptions {
  /** What the client calls itself; the suite's name when absent. */
  readonly clientName?: string;
}

/** One call, and how its answer is read. */
export interface ElectrumQuestion<Result> {
  /** For example `blockchain.block.header`. */
  readonly method: string;
  readonly params: readonly unknown[];
  /** Reads the `result`; what it throws is the fault of the answer. */
  readonly read: (result: unknown) => Result;
}

/** The version of the protocol that is spoken. */
const PROTOCOL = '1.4';

/**
 * Asks an Electrum server, protocol 1.4, over one connection that is opened by the first call and again after it was
 * lost. Says that something may have changed whenever the server tells of a header, and whenever it reconnects.
 */
export class ElectrumClient implements ChangeSignal {
  readonly #options: ElectrumClientOptions;
  readonly #policy: SourcePolicy;
  readonly #listeners = new Set<() => void>();
  #connection: ElectrumConnection | undefined;
  #opening: Promise<ElectrumConnection> | undefined;
  #connections = 0;
  #ended = false;

  /**
   * @param options - Address, limits, patience.
   * @throws ChainError `CHAIN_INVALID_ARGUMENT`.
   */
  constructor(options: ElectrumClientOptions) {
    if (typeof options !== 'object' || options === null) throw invalidArgument('options', 'an object', options);
    const { host, port, tls, maxLineLength = 1, clientName = '' } = options;
    if (typeof host !== 'string' || host === '') throw invalidArgument('options.host', 'a name or an address', host);
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw invalidArgument('options.port', 'a whole number, 1 to 65535', port);
    if (tls !== undefined && (typeof tls !== 'object' || tls === null))
      throw invalidArgument('options.tls', 'an object', tls);
    if (typeof maxLineLength !== 'number' || !(maxLineLength > 0))
      throw invalidArgument('options.maxLineLength', 'a number above zero', maxLineLength);
    if (typeof clientName !== 'string') throw invalidArgument('options.clientName', 'a text', clientName);
    this.#options = { ...options };
    this.#policy = sourcePolicy('electrum', options);
  }

  /** How many connections there have been: a change means that the server may be another one. */
  get connections(): number {
    return this.#connections;
  }

  /**
   * Asks; every call of this client is safe to repeat, and is repeated within bounds.
   *
   * @throws ChainError `CHAIN_NODE_REFUSED`, `CHAIN_CALL_UNSUPPORTED`, `CHAIN_NODE_UNREACHABLE`,
   * `CHAIN_NODE_ANSWER_INVALID`, `CHAIN_ABORTED`.
   */
  async ask<Result>(question: ElectrumQuestion<Result>, options: CallOptions): Promise<Result> {
    const { method, params, read } = question;
    const { signal } = requireCallOptions(options);
    if (signal?.aborted === true) throw aborted(method);
    const attempt = async (inner: AbortSignal): Promise<Result> => {
      const connection = await this.#connected();
      try {
        const result = await connection.request(method, params, inner);
        return readAs(method, 'what its interface promises', () => read(result));
      } catch (error) {
        // No answer in time: the other side may be gone without a word, and only a new connection will tell.
        if (hasCode(inner.reason, 'CORE_TIMEOUT')) connection.close(unreachable(method, 'no answer in time'));
        throw error;
      }
    };
    return this.#policy.run(method, attempt, { repeatable: true, ...(signal === undefined ? {} : { signal }) });
  }

  onChange(listener: () => void): () => void {
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  /** Ends the connection, and with it all calls that wait; later calls are refused. */
  close(): void {
    this.#ended = true;
    this.#connection?.close(unreachable('the connection', 'the client was closed'));
  }

  async #connected(): Promise<ElectrumConnection> {
    if (this.#ended) throw unreachable('connect', 'the client was closed');
    if (this.#connection?.closed === false) return this.#connection;
    // One connection for all calls that wait for one: it does not end with the call that asked first.
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #open(): Promise<ElectrumConnection> {
    const { timeoutMs = 30_000 } = this.#options;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(unreachable('connect', `no answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      return await this.#greet(late.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  async #greet(signal: AbortSignal): Promise<ElectrumConnection> {
    const connection = await ElectrumConnection.open(this.#options, {
      signal,
      onNotification: (method) => {
        if (method === 'blockchain.headers.subscribe') this.#tell();
      },
    });
    try {
      const { clientName = '@bitcoin-enterprise/chain' } = this.#options;
      const version = await connection.request('server.version', [clientName, PROTOCOL], signal);
      if (!Array.isArray(version) || version[1] !== PROTOCOL)
        throw answerInvalid('server.version', `that protocol ${PROTOCOL} is spoken`);
      // Headers are told from now on; what the answer says is asked for again by whoever needs it.
      new Answer(
        'blockchain.headers.subscribe',
        await connection.request('blockchain.headers.subscribe', [], signal),
      ).count('height');
    } catch (error) {
      connection.close(unreachable('connect', 'the server did not introduce itself'));
      throw error;
    }
    if (this.#ended) connection.close(unreachable('connect', 'the client was closed'));
    this.#connection = connection;
    this.#connections += 1;
    this.#tell();
    return connection;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
