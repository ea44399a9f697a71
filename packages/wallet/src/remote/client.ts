import { Agent, request as httpsRequest } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { type Clock, type Entropy, systemClock, toHex, webEntropy } from '@bitcoin-enterprise/core';
import { requireAddedSignatures } from '../added-signatures.ts';
import { requireInteger, requireList, requireObject, requireText } from '../checks.ts';
import { invalidArgument, WalletError } from '../errors.ts';
import { entropyBytes } from '../keys/entropy.ts';
import type { Psbt } from '../psbt/model.ts';
import { parsePsbt } from '../psbt/parse.ts';
import { psbtToBase64 } from '../psbt/serialize.ts';
import { PsbtSigning } from '../psbt/sign.ts';
import type { Signer, SignerCallOptions } from '../signers/ports.ts';
import { hasOpenSilentOutputs } from '../signers/silent-outputs.ts';
import { readBody } from './body.ts';
import { type MutualTls, requireTls } from './tls.ts';
import { fromWire, KEY_LENGTH, readAnswer, SIGN_PATH, VERSION } from './wire.ts';

/** Settings of {@link createRemoteSigner}. */
export interface RemoteSignerOptions {
  /** `https://host:port`; nothing behind it. */
  readonly url: string;
  readonly tls: MutualTls;
  /** For people, logs and receipts; the host when absent. */
  readonly name?: string;
  /** SHA-256 of the one certificate that the server must have, 64 hexadecimal digits; any of its authority when absent. */
  readonly serverFingerprint?: string;
  /** Which sighash types its signatures may have; ALL and DEFAULT when absent. */
  readonly sighashTypes?: readonly number[];
  /** How long one call may take, its repetition included, milliseconds, 10 to 600,000; 30,000 when absent. */
  readonly timeoutMs?: number;
  /** Largest PSBT as base64, sent or received, bytes, 1,024 to 64 MiB; 4 MiB when absent. */
  readonly maxBodyBytes?: number;
  /** When a request was made; the system's when absent. */
  readonly clock?: Clock;
  /** Makes idempotency keys; that of the system when absent. */
  readonly entropy?: Entropy;
}

/** A signer on another machine. */
export interface RemoteSigner extends Signer {
  /** Closes its connections; calls after it fail. */
  close(): Promise<void>;
}

/** Errors of a connection that was there and is gone: whether the request arrived nobody knows. */
const LOST: ReadonlySet<unknown> = /* @__PURE__ */ new Set(['ECONNRESET', 'EPIPE']);
/** Of the JSON around a PSBT, and of an error. */
const ENVELOPE_BYTES = 65_536;
const CONNECTIONS = 64;

/**
 * Signs on another machine, over HTTPS with mutual TLS 1.3: see `createRemoteSignerServer`.
 *
 * Its answer is believed only as far as it can be checked: the PSBT must be the one that was sent, with signatures added
 * that verify, proven shares of silent payments (BIP375), and nothing else. A call whose answer is lost is repeated once, with the same idempotency key, so that
 * the other side signs once.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`. Its calls throw `WALLET_SIGNER_UNAVAILABLE` for no connection, no
 * certificate that is believed, no answer in time; `WALLET_SIGNER_REFUSED`, `WALLET_SIGNER_ANSWER_INVALID`, and what the
 * signer there throws.
 *
 * @example
 * ```ts no-run
 * import type { Psbt } from '@bitcoin-enterprise/wallet';
 * import { createRemoteSigner, type MutualTls } from '@bitcoin-enterprise/wallet/remote';
 *
 * declare const tls: MutualTls;
 * declare const psbt: Psbt;
 * const signer = createRemoteSigner({ url: 'https://signer.example:8443', tls });
 * const signed = await signer.sign(psbt, { signal: AbortSignal.timeout(10_000) });
 * await signer.close();
 * ```
 */
export function createRemoteSigner(options: RemoteSignerOptions): RemoteSigner {
  const settings = requireObject<RemoteSignerOptions>('options', options);
  const url = requireUrl(settings.url);
  const name = requireText('options.name', settings.name ?? url.hostname);
  const { serverFingerprint, sighashTypes } = settings;
  if (
    serverFingerprint !== undefined &&
    !/^[0-9a-f]{64}$/i.test(requireText('options.serverFingerprint', serverFingerprint))
  )
    throw invalidArgument('options.serverFingerprint', '64 hexadecimal digits', serverFingerprint);
  if (sighashTypes !== undefined)
    for (const type of requireList('options.sighashTypes', sighashTypes))
      requireInteger('options.sighashTypes', type, 0, 255);
  const agent = new Agent({
    ...requireTls('options.tls', settings.tls),
    keepAlive: true,
    maxSockets: CONNECTIONS,
    maxCachedSessions: 0,
  });
  const connection = new Connection({
    url,
    name,
    agent,
    serverFingerprint: serverFingerprint?.toLowerCase(),
    maxBodyBytes: requireInteger('options.maxBodyBytes', settings.maxBodyBytes ?? 2 ** 22, 1_024, 2 ** 26),
  });
  const timeoutMs = requireInteger('options.timeoutMs', settings.timeoutMs ?? 30_000, 10, 600_000);
  const { clock = systemClock(), entropy = webEntropy() } = settings;
  const allowed = sighashTypes === undefined ? {} : { sighashTypes: [...sighashTypes] };
  let isClosed = false;
  return {
    name,
    async sign(psbt: Psbt, call: SignerCallOptions = {}) {
      const { signal } = requireObject<SignerCallOptions>('options', call);
      if (signal !== undefined && !(signal instanceof AbortSignal))
        throw invalidArgument('options.signal', 'an AbortSignal', signal);
      if (isClosed) throw unavailable(name, 'it was closed');
      requireGoing(signal);
      const base64 = psbtToBase64(psbt);
      // What contradicts itself, or wants another sighash type, is not sent; silent payments may be open (BIP375).
      if (!hasOpenSilentOutputs(psbt)) void new PsbtSigning(psbt, allowed).slots;
      const key = toHex(entropyBytes(entropy, KEY_LENGTH));
      const body = JSON.stringify({ version: VERSION, key, sentAt: clock.nowMs(), psbt: base64 });
      const deadline = AbortSignal.timeout(timeoutMs);
      const either = signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
      let answer: string;
      try {
        answer = await connection.post(body, either);
      } catch (error) {
        requireGoing(signal);
        throw deadline.aborted ? unavailable(name, 'no answer in time') : error;
      }
      const read = readAnswer(answer, key);
      if (read === undefined) throw answerInvalid(name, 'no answer to this request');
      if ('error' in read) throw fromWire(read.error, name) ?? answerInvalid(name, 'an error that is none');
      const signed = readPsbt(read.psbt, name);
      requireAddedSignatures(psbt, signed, { signer: name, ...allowed });
      return signed;
    },
    async close() {
      isClosed = true;
      agent.destroy();
    },
  };
}

interface ConnectionOptions {
  readonly url: URL;
  readonly name: string;
  readonly agent: Agent;
  readonly serverFingerprint: string | undefined;
  readonly maxBodyBytes: number;
}

/** Posts, once more when the answer is lost. */
class Connection {
  readonly #options: ConnectionOptions;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  async post(body: string, signal: AbortSignal): Promise<string> {
    const { name, maxBodyBytes } = this.#options;
    if (body.length > maxBodyBytes + ENVELOPE_BYTES)
      throw invalidArgument('psbt', `at most ${maxBodyBytes} bytes`, body);
    try {
      return await this.#once(body, signal);
    } catch (error) {
      if (!LOST.has((error as NodeJS.ErrnoException).code) || signal.aborted) throw this.#meaning(error);
    }
    try {
      return await this.#once(body, signal);
    } catch (error) {
      throw error instanceof WalletError ? error : unavailable(name, reasonOf(error));
    }
  }

  #meaning(error: unknown): WalletError {
    return error instanceof WalletError ? error : unavailable(this.#options.name, reasonOf(error));
  }

  #once(body: string, signal: AbortSignal): Promise<string> {
    const { url, agent, name, serverFingerprint, maxBodyBytes } = this.#options;
    const bytes = Buffer.from(body, 'utf8');
    return new Promise((done, fail) => {
      const sent = httpsRequest(
        {
          agent,
          host: url.hostname.replace(/^\[|\]$/g, ''),
          port: url.port === '' ? 443 : Number(url.port),
          path: SIGN_PATH,
          method: 'POST',
          headers: { 'content-type': 'application/json', 'content-length': bytes.length },
          maxHeaderSize: 8_192,
          signal,
          ...(serverFingerprint === undefined ? {} : { checkServerIdentity: pinned(serverFingerprint) }),
        },
        (response) => {
          done(readAnswerBody(response, name, maxBodyBytes + ENVELOPE_BYTES));
        },
      );
      sent.on('error', fail);
      sent.end(bytes);
    });
  }
}

async function readAnswerBody(response: IncomingMessage, name: string, limitBytes: number): Promise<string> {
  const status = response.statusCode ?? 0;
  const body = await readBody(response, limitBytes).catch(() => {
    // A body that is cut off is an answer that was lost.
    throw Object.assign(new Error('an answer that is cut off'), { code: 'ECONNRESET' });
  });
  if (body === undefined) {
    response.destroy();
    throw answerInvalid(name, 'an answer that is too large');
  }
  if (status === 413) throw refused(name, 'a PSBT that is too large');
  if (status !== 200 && status !== 422 && status !== 503) throw answerInvalid(name, `HTTP status ${status}`);
  return body;
}

/** Whom the name of the host does not matter of: one certificate is believed, which its authority has signed too. */
function pinned(
  fingerprint: string,
): (host: string, certificate: { readonly fingerprint256: string }) => Error | undefined {
  return (_, certificate) =>
    certificate.fingerprint256.replaceAll(':', '').toLowerCase() === fingerprint
      ? undefined
      : Object.assign(new Error('another certificate'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
}

function requireUrl(value: unknown): URL {
  const text = requireText('options.url', value);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isBare = url?.protocol === 'https:' && url.pathname === '/' && url.search === '' && url.hash === '';
  if (url === undefined || !isBare || url.username !== '' || url.password !== '')
    throw invalidArgument('options.url', "'https://host:port'", value);
  return url;
}

function readPsbt(base64: string, name: string): Psbt {
  try {
    return parsePsbt(base64);
  } catch {
    throw answerInvalid(name, 'no PSBT');
  }
}

/** The code of a system error or of TLS, which says enough and nothing more. */
function reasonOf(error: unknown): string {
  const code: unknown = (error as { readonly code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : 'no connection';
}

function unavailable(signer: string, reason: string): WalletError<'WALLET_SIGNER_UNAVAILABLE'> {
  return new WalletError('WALLET_SIGNER_UNAVAILABLE', `expected an answer of ${signer}, got none: ${reason}`, {
    details: { signer, reason },
    retryable: true,
  });
}

function refused(signer: string, reason: string): WalletError<'WALLET_SIGNER_REFUSED'> {
  return new WalletError('WALLET_SIGNER_REFUSED', `expected a request that ${signer} signs, got ${reason}`, {
    details: { signer, reason },
  });
}

function answerInvalid(signer: string, reason: string): WalletError<'WALLET_SIGNER_ANSWER_INVALID'> {
  return new WalletError('WALLET_SIGNER_ANSWER_INVALID', `expected an answer of ${signer}, got ${reason}`, {
    details: { signer, reason },
  });
}

function requireGoing(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new WalletError('WALLET_ABORTED', 'sign was ended by its AbortSignal', {
    details: { call: 'sign' },
    cause: signal.reason,
  });
}
