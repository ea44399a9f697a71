import { describeValue } from '@bitcoin-enterprise/core';
import { WalletError, type WalletErrors } from '../errors.ts';

/** Version of the wire. */
export const VERSION = 1;
/** Path of the one call. */
export const SIGN_PATH = '/v1/sign';
/** Bytes of an idempotency key. */
export const KEY_LENGTH = 16;

/** A request as JSON. */
export interface SignRequest {
  readonly version: typeof VERSION;
  /** 32 hexadecimal digits: the same for one request and its repetition, of no other. */
  readonly key: string;
  /** When it was made, Unix milliseconds. */
  readonly sentAt: number;
  /** Base64. */
  readonly psbt: string;
}

/** An answer as JSON. */
export type SignAnswer = {
  readonly version: typeof VERSION;
  /** That of the request. */
  readonly key: string;
} & ({ readonly psbt: string } | { readonly error: WireError });

/** An error as JSON: a code that both sides know, and its facts. */
export interface WireError {
  readonly code: WireCode;
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryable: boolean;
}

type Kind = 'text' | 'number' | 'flag' | 'texts' | 'numbers';

type WireCode =
  | 'WALLET_PSBT_MALFORMED'
  | 'WALLET_PSBT_INPUT_INVALID'
  | 'WALLET_PSBT_INCOMPLETE'
  | 'WALLET_PSBT_LOCK_TIME_UNDETERMINED'
  | 'WALLET_KEY_UNKNOWN'
  | 'WALLET_SIGNER_UNAVAILABLE'
  | 'WALLET_SIGNER_REFUSED'
  | 'WALLET_SIGNER_ANSWER_INVALID'
  | 'WALLET_TOKEN_PIN_WRONG'
  | 'WALLET_TOKEN_FAILED'
  | 'WALLET_NOT_APPROVED'
  | 'WALLET_FORBIDDEN';

/** The codes that go over the wire, and the facts that go with them; nothing else of an error does. */
const CODES: { readonly [Code in WireCode]: { readonly [Fact in keyof WalletErrors[Code]]?: Kind } } = {
  WALLET_PSBT_MALFORMED: { offset: 'number', reason: 'text' },
  WALLET_PSBT_INPUT_INVALID: { input: 'number', reason: 'text' },
  WALLET_PSBT_INCOMPLETE: { input: 'number', missing: 'text' },
  WALLET_PSBT_LOCK_TIME_UNDETERMINED: { inputs: 'numbers' },
  WALLET_KEY_UNKNOWN: { key: 'text' },
  WALLET_SIGNER_UNAVAILABLE: { reason: 'text' },
  WALLET_SIGNER_REFUSED: { reason: 'text' },
  WALLET_SIGNER_ANSWER_INVALID: { reason: 'text' },
  WALLET_TOKEN_PIN_WRONG: { isLocked: 'flag' },
  WALLET_TOKEN_FAILED: { call: 'text', code: 'number', name: 'text' },
  WALLET_NOT_APPROVED: { reasons: 'texts' },
  WALLET_FORBIDDEN: { actor: 'text', action: 'text' },
};

const MAXIMUM_TEXT = 512;
const MAXIMUM_LIST = 1_000;

/** Writes an error for the wire; what has no place there is an unavailable signer, of which the log knows more. */
export function toWire(error: unknown): WireError {
  const code = error instanceof WalletError ? error.code : undefined;
  if (code !== undefined && isWireCode(code)) {
    const details = readDetails(code, (error as WalletError).details);
    if (details !== undefined) return { code, details, retryable: (error as WalletError).retryable };
  }
  return { code: 'WALLET_SIGNER_UNAVAILABLE', details: { reason: 'it failed' }, retryable: false };
}

/** Makes an error of the wire; `undefined` for what is none. The name of the signer is the reader's own. */
export function fromWire(value: unknown, signer: string): WalletError | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { code, details, retryable } = value as Readonly<Record<string, unknown>>;
  if (typeof code !== 'string' || !isWireCode(code) || typeof retryable !== 'boolean') return undefined;
  const read = readDetails(code, details);
  if (read === undefined) return undefined;
  const facts = code.startsWith('WALLET_SIGNER_') ? { signer, ...read } : read;
  return new WalletError(code, `expected a signature of ${signer}, got ${code}`, {
    details: facts as unknown as WalletErrors[WireCode],
    retryable,
  });
}

function isWireCode(code: string): code is WireCode {
  return Object.hasOwn(CODES, code);
}

function readDetails(code: WireCode, details: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof details !== 'object' || details === null) return undefined;
  const read: Record<string, unknown> = {};
  for (const [name, kind] of Object.entries<Kind>(CODES[code])) {
    const value = Object.hasOwn(details, name) ? (details as Readonly<Record<string, unknown>>)[name] : undefined;
    if (!isOfKind(value, kind)) return undefined;
    read[name] = typeof value === 'string' ? value.slice(0, MAXIMUM_TEXT) : value;
  }
  return read;
}

function isOfKind(value: unknown, kind: Kind): boolean {
  if (kind === 'text') return typeof value === 'string';
  if (kind === 'number') return typeof value === 'number' && Number.isFinite(value);
  if (kind === 'flag') return typeof value === 'boolean';
  const item = kind === 'texts' ? 'text' : 'number';
  return (
    Array.isArray(value) &&
    value.length <= MAXIMUM_LIST &&
    value.every((one) => isOfKind(one, item) && (typeof one !== 'string' || one.length <= MAXIMUM_TEXT))
  );
}

/** Reads a request; the text of the fault when it is none. */
export function readRequest(body: string): SignRequest | string {
  const value = parse(body);
  if (value === undefined || Object.keys(value).length !== 4) return 'no request of version 1';
  const { version, key, sentAt, psbt } = value;
  if (version !== VERSION) return 'another version';
  if (typeof key !== 'string' || !/^[0-9a-f]{32}$/.test(key)) return 'no idempotency key';
  if (typeof sentAt !== 'number' || !Number.isSafeInteger(sentAt))
    return `no time of sending: ${describeValue(sentAt)}`;
  if (typeof psbt !== 'string') return 'no PSBT';
  return { version, key, sentAt, psbt };
}

/** Reads an answer; `undefined` when it is none, or that of another request. */
export function readAnswer(
  body: string,
  key: string,
): { readonly psbt: string } | { readonly error: unknown } | undefined {
  const value = parse(body);
  if (value?.['version'] !== VERSION || value['key'] !== key || Object.keys(value).length !== 3) return undefined;
  const { psbt, error } = value;
  if (typeof psbt === 'string') return { psbt };
  return error === undefined ? undefined : { error };
}

function parse(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = JSON.parse(body) as unknown;
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}
