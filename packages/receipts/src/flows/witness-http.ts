import { hasCode } from '@bitcoin-enterprise/core';
import { invalidArgument, ReceiptsError } from '../errors.ts';
import { decodeBase64, encodeBase64 } from '../model/base64.ts';
import {
  requireBytes,
  requireCount,
  requireList,
  requireMethods,
  requireObject,
  requireText,
} from '../model/checks.ts';
import type { NoteVerifier } from '../model/note.ts';
import type { CosignRequest, Witness } from '../ports/witness.ts';
import { forked } from './witness.ts';

/** Settings of {@link createHttpWitness}. */
export interface HttpWitnessOptions {
  /** The witness's submission prefix, without a slash at the end. */
  readonly url: string;
  /** Verifies what it signs. */
  readonly key: NoteVerifier;
  /** How to reach it; the runtime's `fetch` when absent. */
  readonly fetch?: (request: Request) => Promise<Response>;
}

const MAX_BODY = 262_144;
const MAX_PROOF = 63;

/** The body of an `add-checkpoint` request (C2SP tlog-witness). */
export function formatCosignRequest(request: CosignRequest): string {
  requireObject('request', request);
  const { oldSize, proof, checkpoint } = request;
  requireCount('request.oldSize', oldSize);
  requireText('request.checkpoint', checkpoint);
  requireList('request.proof', proof);
  for (const hash of proof) requireBytes('request.proof[]', hash, 32);
  return `old ${oldSize}\n${proof.map((hash) => `${encodeBase64(hash)}\n`).join('')}\n${checkpoint}`;
}

/**
 * Parses the body of an `add-checkpoint` request; the checkpoint in it is not looked at.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_NOTE_MALFORMED`.
 */
export function parseCosignRequest(body: string): CosignRequest {
  requireText('body', body);
  const split = body.indexOf('\n\n');
  const [first = '', ...lines] = body.slice(0, Math.max(split, 0)).split('\n');
  const size = /^old (0|[1-9]\d{0,15})$/.exec(first)?.[1];
  const proof = lines.map((line) => decodeBase64(line));
  const isProof = proof.every((hash) => hash?.length === 32) && proof.length <= MAX_PROOF;
  if (body.length > MAX_BODY || size === undefined || !Number.isSafeInteger(Number(size)) || !isProof)
    throw new ReceiptsError('RECEIPTS_NOTE_MALFORMED', 'expected an add-checkpoint request', {
      details: { reason: 'text' },
      hint: 'see c2sp.org/tlog-witness',
    });
  return { oldSize: Number(size), proof: proof as readonly Uint8Array[], checkpoint: body.slice(split + 2) };
}

/**
 * A witness as an HTTP handler: `POST …/add-checkpoint`, with the status codes of C2SP tlog-witness. It runs wherever a
 * `Request` becomes a `Response`.
 */
export function witnessHandler(witness: Witness): (request: Request) => Promise<Response> {
  requireMethods('witness', witness, ['cosign']);
  return async (request) => {
    if (!new URL(request.url).pathname.endsWith('/add-checkpoint')) return new Response(undefined, { status: 404 });
    if (request.method !== 'POST') return new Response(undefined, { status: 405 });
    try {
      const body = await limitedText(request);
      return new Response(await witness.cosign(parseCosignRequest(body), { signal: request.signal }));
    } catch (error) {
      if (hasCode(error, 'RECEIPTS_WITNESS_STALE')) return sizeConflict(error.details.size);
      if (hasCode(error, 'RECEIPTS_LOG_ROLLED_BACK', 'RECEIPTS_LOG_FORKED'))
        return sizeConflict(error.details.knownSize);
      for (const [code, status] of statuses) if (hasCode(error, code)) return new Response(undefined, { status });
      throw error;
    }
  };
}

const statuses: ReadonlyArray<readonly [string, number]> = [
  ['RECEIPTS_WITNESS_LOG_UNKNOWN', 404],
  ['RECEIPTS_NOTE_UNVERIFIED', 403],
  ['RECEIPTS_PROOF_INVALID', 422],
  ['RECEIPTS_NOTE_MALFORMED', 400],
  ['RECEIPTS_CHECKPOINT_MALFORMED', 400],
  ['RECEIPTS_INDEX_OUT_OF_RANGE', 400],
];

/**
 * A witness on the network (C2SP tlog-witness).
 *
 * @example
 * ```ts no-run
 * import { createHttpWitness, noteVerifier } from '@bitcoin-enterprise/receipts';
 *
 * declare const verifierKey: string; // as the witness publishes it: name+hash+base64
 * const witness = createHttpWitness({ url: 'https://witness.example/w1', key: noteVerifier(verifierKey) });
 * ```
 */
export function createHttpWitness(options: HttpWitnessOptions): Witness {
  requireObject('options', options);
  const { url, key, fetch: send = (request: Request) => fetch(request) } = options;
  requireText('options.url', url);
  requireMethods('options.key', key, ['verify']);
  if (typeof send !== 'function') throw invalidArgument('options.fetch', 'a function', send);
  return {
    key,
    async cosign(request, call = {}) {
      const { signal } = call;
      const answer = await send(
        new Request(`${url}/add-checkpoint`, {
          method: 'POST',
          body: formatCosignRequest(request),
          ...(signal === undefined ? {} : { signal }),
        }),
      );
      const text = await limitedText(answer);
      if (answer.status === 200) return text;
      const held = /^(0|[1-9]\d{0,15})\n$/.exec(text)?.[1];
      const [origin = '', size] = request.checkpoint.split('\n', 2);
      // The size that was asked from, and that of the checkpoint: what differs is the root.
      if (answer.status === 409 && held !== undefined && held === size && Number(held) === request.oldSize)
        throw forked(origin, Number(held), Number(held));
      if (answer.status === 409 && held !== undefined && Number(held) !== request.oldSize) {
        const details = { origin, size: Number(held) };
        const message = `expected a proof from size ${held}, which the witness holds`;
        throw new ReceiptsError('RECEIPTS_WITNESS_STALE', message, { details, retryable: true });
      }
      throw new ReceiptsError('RECEIPTS_WITNESS_ANSWER_INVALID', `expected a cosignature, got HTTP ${answer.status}`, {
        details: { witness: key.name, reason: `HTTP ${answer.status}` },
        retryable: answer.status >= 500,
      });
    },
  };
}

function sizeConflict(size: number): Response {
  return new Response(`${size}\n`, { status: 409, headers: { 'content-type': 'text/x.tlog.size' } });
}

/** A body as text, cut off where no honest one reaches. */
async function limitedText(message: Request | Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = message.body?.getReader();
  for (;;) {
    const { done = true, value } = (await reader?.read()) ?? {};
    if (done || value === undefined) break;
    length += value.length;
    if (length > MAX_BODY) {
      await reader?.cancel();
      break;
    }
    parts.push(value);
  }
  const joined = new Uint8Array(Math.min(length, MAX_BODY));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return new TextDecoder().decode(joined);
}
