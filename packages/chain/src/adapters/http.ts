import { ChainError } from '../errors.ts';
import { answerInvalid } from './answer.ts';
import { reasonOf, unreachable } from './policy.ts';

/** What is sent, and how much of an answer is read. */
export interface HttpRequest {
  /** Name of the call, for errors. */
  readonly method: string;
  readonly url: string;
  readonly init: RequestInit;
  /** Bytes. */
  readonly maxAnswerLength: number;
  readonly fetch: typeof fetch;
}

/** An answer, read to its end. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: Uint8Array;
}

/**
 * Sends a request and reads the answer to its end.
 *
 * @throws ChainError `CHAIN_NODE_UNREACHABLE`, `CHAIN_NODE_BUSY`, `CHAIN_NODE_UNAUTHORIZED`,
 * `CHAIN_NODE_ANSWER_INVALID` for one that is too long or leads elsewhere.
 */
export async function sendHttp(request: HttpRequest): Promise<HttpAnswer> {
  const { method, url, init } = request;
  try {
    const send = request.fetch;
    // An answer that leads elsewhere would be asked of somebody whom the caller never named.
    const response = await send(url, { ...init, redirect: 'manual' });
    const { status } = response;
    const body = await readBody(response, request);
    if (status === 0 || (status >= 300 && status < 400))
      throw answerInvalid(method, 'given at this address, got a redirect');
    refuseStatus({ method, status, retryAfter: response.headers.get('retry-after') });
    return { status, body };
  } catch (error) {
    throw error instanceof ChainError ? error : unreachable(method, reasonOf(error), error);
  }
}

function refuseStatus(answer: {
  readonly method: string;
  readonly status: number;
  readonly retryAfter: string | null;
}): void {
  const { method, status, retryAfter } = answer;
  if (status === 401 || status === 403)
    throw new ChainError('CHAIN_NODE_UNAUTHORIZED', `expected the node to accept the credentials, got HTTP ${status}`, {
      details: { method, status },
      hint:
        status === 403
          ? 'The node does not allow this address: see its -rpcallowip.'
          : 'Check user and password, or read the cookie file again: the node writes a new one at each start.',
    });
  if (status === 429 || (status === 503 && retryAfter !== null)) {
    const retryAfterMs = retryAfterMsOf(retryAfter);
    throw new ChainError('CHAIN_NODE_BUSY', `expected an answer to ${method}, got HTTP ${status}`, {
      details: { method, status, retryAfterMs },
      hint: 'Ask less often, or another source.',
      retryable: true,
    });
  }
}

/** Seconds, or nothing: a date would be compared with a clock that may be wrong. */
function retryAfterMsOf(text: string | null): number {
  return text !== null && /^\d{1,9}$/.test(text.trim()) ? Number(text) * 1_000 : 0;
}

async function readBody(response: Response, request: HttpRequest): Promise<Uint8Array> {
  const reader = response.body?.getReader();
  if (reader === undefined) return new Uint8Array(0);
  const parts: Uint8Array[] = [];
  for (let length = 0; ;) {
    const { done, value } = await reader.read();
    if (done) return joined(parts, length);
    length += value.length;
    if (length > request.maxAnswerLength) {
      await reader.cancel();
      throw answerInvalid(request.method, `at most ${request.maxAnswerLength} bytes`);
    }
    parts.push(value);
  }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}
