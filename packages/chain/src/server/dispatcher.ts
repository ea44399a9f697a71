import { setImmediate } from 'node:timers/promises';
import { hasCode } from '@bitcoin-enterprise/core';
import { bindArguments, type RpcCategory, type RpcMethod } from './method.ts';
import { RpcCode, RpcError } from './rpc-error.ts';

/** What HTTP answers to a body. */
export interface RpcReply {
  readonly status: number;
  readonly body: string;
}

interface Request {
  readonly id: unknown;
  /** Whether there was an id at all: in JSON-RPC 2.0 a call without one wants no answer. */
  readonly hasId: boolean;
  readonly isVersion2: boolean;
  readonly method: string;
  readonly params: unknown;
}

/** Most calls of one batch. */
const MAX_BATCH = 50_000;

/** What the answers to a batch may be long, characters; calls after that are not made. */
const MAX_ANSWERS = 100_000_000;

/** How long a batch goes on until others have their turn, milliseconds. */
const TURN_MS = 20;

/** Reads bodies of JSON-RPC 1.0, 1.1 and 2.0, alone or in batches, and lets methods answer as Core's `httprpc` does. */
export class RpcDispatcher<Context> {
  readonly #methods = new Map<string, RpcMethod<Context>>();
  readonly #context: Context;

  constructor(context: Context, categories: readonly RpcCategory<Context>[]) {
    this.#context = context;
    for (const { methods } of categories) for (const method of methods) this.#methods.set(method.name, method);
  }

  /** Answers one body. */
  async answer(text: string): Promise<RpcReply> {
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch {
      return failed({ id: null, isVersion2: false }, new RpcError(RpcCode.PARSE_ERROR, 'Parse error'));
    }
    if (!Array.isArray(body)) {
      if (typeof body !== 'object' || body === null)
        return failed(
          { id: null, isVersion2: false },
          new RpcError(RpcCode.PARSE_ERROR, 'Top-level object parse error'),
        );
      return this.#single(body, { ofBatch: false });
    }
    if (body.length > MAX_BATCH)
      return failed({ id: null, isVersion2: false }, new RpcError(RpcCode.INVALID_REQUEST, 'Batch too large'));
    const answers: string[] = [];
    let length = 0;
    let turn = performance.now();
    for (const item of body) {
      const reply = length > MAX_ANSWERS ? tooLong(item) : await this.#single(item, { ofBatch: true });
      if (reply.status !== 204) answers.push(reply.body.trimEnd());
      length += reply.body.length;
      if (performance.now() - turn < TURN_MS) continue;
      await setImmediate();
      turn = performance.now();
    }
    // A batch of notifications alone wants no answer at all.
    return answers.length === 0 && body.length > 0
      ? { status: 204, body: '' }
      : { status: 200, body: `[${answers.join(',')}]\n` };
  }

  async #single(body: unknown, { ofBatch }: { readonly ofBatch: boolean }): Promise<RpcReply> {
    const fields = (typeof body === 'object' && body !== null && !Array.isArray(body) ? body : {}) as Fields;
    const id = echoOf(fields, body);
    const isVersion2 = fields.jsonrpc === '2.0';
    try {
      const request = readRequest(body);
      const result = await this.#run(request);
      if (request.isVersion2 && !request.hasId) return { status: 204, body: '' };
      const answer = isVersion2 ? { jsonrpc: '2.0', result, id } : { result, error: null, id };
      return { status: 200, body: `${JSON.stringify(answer)}\n` };
    } catch (error) {
      // Of one that is no request at all a caller hears, unless it is among others.
      const isHeard = isInvalidRequest(error) && !ofBatch;
      if (isVersion2 && !Object.hasOwn(fields, 'id') && !isHeard) return { status: 204, body: '' };
      return failed({ id, isVersion2 }, rpcErrorOf(error));
    }
  }

  async #run({ method, params }: Request): Promise<unknown> {
    const found = this.#methods.get(method);
    if (found === undefined) throw new RpcError(RpcCode.METHOD_NOT_FOUND, 'Method not found');
    return (await found.run(this.#context, bindArguments(found, params))) ?? null;
  }
}

/**
 * The id as it can be given back; one that is nested too deeply to be written is answered as none. A call without one
 * is answered without one, what is no call at all with `null`.
 */
function echoOf(fields: Fields, body: unknown): unknown {
  if (fields === body && !Object.hasOwn(fields, 'id')) return undefined;
  try {
    return JSON.stringify(fields.id) === undefined ? null : fields.id;
  } catch {
    return null;
  }
}

interface Fields {
  readonly id?: unknown;
  readonly jsonrpc?: unknown;
  readonly method?: unknown;
  readonly params?: unknown;
}

function isInvalidRequest(error: unknown): boolean {
  return error instanceof RpcError && error.code === RpcCode.INVALID_REQUEST;
}

function readRequest(body: unknown): Request {
  const invalid = (message: string): RpcError => new RpcError(RpcCode.INVALID_REQUEST, message);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid('Invalid Request object');
  const { id, jsonrpc, method, params } = body as Fields;
  if (jsonrpc !== undefined && jsonrpc !== null) {
    if (typeof jsonrpc !== 'string') throw invalid('jsonrpc field must be a string');
    if (jsonrpc !== '1.0' && jsonrpc !== '2.0') throw invalid('JSON-RPC version not supported');
  }
  if (method === undefined || method === null) throw invalid('Missing method');
  if (typeof method !== 'string') throw invalid('Method must be a string');
  if (params !== undefined && typeof params !== 'object') throw invalid('Params must be an array or object');
  return {
    id,
    hasId: Object.hasOwn(body, 'id'),
    isVersion2: jsonrpc === '2.0',
    method,
    params: params ?? [],
  };
}

function rpcErrorOf(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  if (hasCode(error, 'CORE_INVALID_ARGUMENT', 'CHAIN_INVALID_ARGUMENT'))
    return new RpcError(RpcCode.INVALID_PARAMETER, error.message);
  return new RpcError(RpcCode.MISC, error instanceof Error ? error.message : 'unknown error');
}

/** The answer to a call of a batch whose answers are too long already. */
function tooLong(item: unknown): RpcReply {
  const fields = (typeof item === 'object' && item !== null ? item : {}) as Fields;
  const message = `expected a batch with answers of at most ${MAX_ANSWERS} characters, got more`;
  return failed(
    { id: echoOf(fields, item), isVersion2: fields.jsonrpc === '2.0' },
    new RpcError(RpcCode.MISC, message),
  );
}

function failed(to: { readonly id: unknown; readonly isVersion2: boolean }, { code, message }: RpcError): RpcReply {
  const error = { code, message };
  const { id, isVersion2 } = to;
  const status =
    code === RpcCode.INVALID_REQUEST ? 400 : code === RpcCode.METHOD_NOT_FOUND ? 404 : isVersion2 ? 200 : 500;
  const answer = isVersion2 ? { jsonrpc: '2.0', error, id } : { result: null, error, id };
  return { status: isVersion2 ? 200 : status, body: `${JSON.stringify(answer)}\n` };
}
