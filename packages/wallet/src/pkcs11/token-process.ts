import { type ChildProcess, fork } from 'node:child_process';
import { invalidArgument, WalletError } from '../errors.ts';
import { type AnswerMessage, READY, type TokenAnswers, type TokenFault, type TokenRequest } from './protocol.ts';

/** How the process of a module is run. */
export interface TokenProcessOptions {
  /** Variables that the module reads, beside those of this process. */
  readonly environment: Readonly<Record<string, string>>;
  /** How long one request may take, in milliseconds. */
  readonly timeoutMs: number;
  /** What it is called in errors. */
  readonly name: string;
}

/** How long a process may take to start, milliseconds; what the module does in it has its own time. */
const START_MS = 60_000;

/** Settings of one request. */
export interface RequestOptions {
  /** What the caller did, for the error of a signal. */
  readonly call: string;
  readonly signal?: AbortSignal | undefined;
}

/** The fault that the process answered: what it means to the caller is decided above. */
export class FaultAnswer extends Error {
  override readonly name: string = 'FaultAnswer';
  readonly fault: TokenFault;

  constructor(fault: TokenFault) {
    super(fault.kind);
    this.fault = fault;
  }
}

/**
 * A process of its own that loads a module: what hangs is killed with it after a time, what crashes takes nobody along.
 * It ends with this process.
 */
export class TokenProcess {
  readonly #options: TokenProcessOptions;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<
    number,
    { readonly done: (message: AnswerMessage) => void; readonly fail: (e: Error) => void }
  >();
  /** Number of the process itself is {@link READY}: it says so once it runs. */
  readonly #started: Promise<AnswerMessage>;
  #number = READY;
  #ended: WalletError | undefined;

  constructor(options: TokenProcessOptions) {
    this.#options = options;
    // From source it is TypeScript too; its name is not rewritten by the compiler, being no import.
    const file = new URL(import.meta.url.endsWith('.ts') ? './process.ts' : './process.js', import.meta.url);
    this.#child = fork(file, [], {
      // Bytes stay bytes.
      serialization: 'advanced',
      env: { ...process.env, ...options.environment },
      // What a module prints is nobody's business.
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#started = this.#answer(READY, START_MS);
    // Whoever asks it first is told.
    this.#started.catch(() => undefined);
    this.#child.on('message', (message: AnswerMessage) => this.#waiting.get(message.number)?.done(message));
    this.#child.on('error', () => this.#end('its process did not start'));
    this.#child.on('exit', () => this.#end('its process ended'));
  }

  /** Whether it can still answer. */
  get isAlive(): boolean {
    return this.#ended === undefined;
  }

  /** Its id, for tests that kill it. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /**
   * Asks the process.
   *
   * @throws WalletError `WALLET_SIGNER_UNAVAILABLE` when it does not answer in time, or ends; `WALLET_ABORTED`;
   * {@link FaultAnswer} with what it answered.
   */
  async request<Request extends TokenRequest>(
    request: Request,
    options: RequestOptions,
  ): Promise<TokenAnswers[Request['call']]> {
    const { call, signal } = options;
    if (this.#ended !== undefined) throw this.#ended;
    if (signal?.aborted === true) throw aborted(call, signal);
    let end: (() => void) | undefined;
    const ended = new Promise<never>((_, fail) => {
      end = () => fail(aborted(call, signal));
      signal?.addEventListener('abort', end);
    });
    try {
      await Promise.race([this.#started, ended]);
      const number = ++this.#number;
      const answer = this.#answer(number, this.#options.timeoutMs);
      this.#child.send({ number, request }, (error) => {
        if (error !== null) this.#end('its process ended');
      });
      // A call that is ended goes on in there: nobody waits for it, and nobody minds how it ends.
      answer.catch(() => undefined);
      const message = await Promise.race([answer, ended]);
      if (!message.ok) throw new FaultAnswer(message.fault);
      return message.answer as TokenAnswers[Request['call']];
    } finally {
      if (end !== undefined) signal?.removeEventListener('abort', end);
    }
  }

  /** Ends it at once. */
  kill(): void {
    this.#end('it was closed');
  }

  /** Waits for a message of a number; the process is killed when it does not come in time. */
  async #answer(number: number, patienceMs: number): Promise<AnswerMessage> {
    if (this.#ended !== undefined) throw this.#ended;
    const timer = setTimeout(() => this.#end('no answer in time'), patienceMs);
    try {
      return await new Promise<AnswerMessage>((done, fail) => {
        this.#waiting.set(number, { done, fail });
        this.#child.ref();
        this.#child.channel?.ref();
      });
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(number);
      if (this.#waiting.size === 0) this.#rest();
    }
  }

  /** An idle process does not keep the one that started it. */
  #rest(): void {
    this.#child.unref();
    this.#child.channel?.unref();
  }

  #end(reason: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = unavailable(this.#options.name, reason);
    this.#child.kill('SIGKILL');
    for (const { fail } of this.#waiting.values()) fail(this.#ended);
  }
}

/** Makes the error for a token that cannot be reached. */
export function unavailable(signer: string, reason: string): WalletError<'WALLET_SIGNER_UNAVAILABLE'> {
  return new WalletError('WALLET_SIGNER_UNAVAILABLE', `expected an answer of ${signer}, got none: ${reason}`, {
    details: { signer, reason },
    retryable: true,
  });
}

/** Makes the error for a call that its signal ended. */
export function aborted(call: string, signal: AbortSignal | undefined): WalletError<'WALLET_ABORTED'> {
  return new WalletError('WALLET_ABORTED', `${call} was ended by its AbortSignal`, {
    details: { call },
    cause: signal?.reason,
  });
}

/** The signal of a caller's options, checked. */
export function signalOf(options: unknown): AbortSignal | undefined {
  if (options === undefined) return undefined;
  if (typeof options !== 'object' || options === null) throw invalidArgument('options', 'an object', options);
  const signal = (options as { readonly signal?: unknown }).signal;
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw invalidArgument('options.signal', 'an AbortSignal', signal);
  return signal;
}
