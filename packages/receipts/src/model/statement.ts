import { describeValue } from '@bitcoin-enterprise/core';
import { ReceiptsError } from '../errors.ts';
import { fieldOf, isList, isObject, requireBytes, requireObject, requireText } from './checks.ts';
import { canonicalJson, type Json, type JsonLimits, type JsonObject, parseJson } from './json.ts';

/** `_type` of an in-toto Statement v1. */
export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';

/** Payload type of in-toto statements in DSSE. */
export const IN_TOTO_PAYLOAD_TYPE = 'application/vnd.in-toto+json';

/** Digests by algorithm, lowercase hexadecimal: `{ sha256: 'ab12…' }`. */
export type DigestSet = Readonly<Record<string, string>>;

/** What a statement is about (in-toto ResourceDescriptor). */
export interface StatementSubject {
  /** Tells this subject from the others of the statement. */
  readonly name?: string;
  readonly uri?: string;
  /** At least one. */
  readonly digest: DigestSet;
  readonly mediaType?: string;
  readonly downloadLocation?: string;
  readonly annotations?: JsonObject;
}

/** An in-toto Statement v1: somebody claims a predicate about subjects. */
export interface Statement<Predicate = JsonObject> {
  readonly _type: typeof STATEMENT_TYPE;
  /** At least one. */
  readonly subject: readonly StatementSubject[];
  /** URI that says how the predicate is to be read. */
  readonly predicateType: string;
  readonly predicate: Predicate;
}

/** The parts of a statement. */
export interface StatementParts<Predicate = JsonObject> {
  /** At least one. */
  readonly subject: readonly StatementSubject[];
  /** An absolute URI, with a version in it. */
  readonly predicateType: string;
  /** Plain JSON values; amounts as decimal strings. Absent: an empty object. */
  readonly predicate?: Predicate;
}

/** Hexadecimal digits of the digests whose length is known; others are any even number of digits. */
const digits: Readonly<Record<string, number>> = {
  sha1: 40,
  gitCommit: 40,
  sha224: 56,
  sha256: 64,
  sha384: 96,
  sha512: 128,
  sha3_256: 64,
  sha3_384: 96,
  sha3_512: 128,
};

const texts = ['name', 'uri', 'mediaType', 'downloadLocation'] as const;

/**
 * Builds an in-toto Statement v1, checked.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_STATEMENT_INVALID` when a part is missing or malformed,
 * `RECEIPTS_JSON_UNSUPPORTED` when the predicate holds what JSON cannot carry.
 *
 * @example
 * ```ts
 * import { createStatement } from '@bitcoin-enterprise/receipts';
 *
 * const statement = createStatement({
 *   subject: [{ name: 'payment-7', digest: { sha256: 'ab'.repeat(32) } }],
 *   predicateType: 'https://example.com/payment/v1',
 *   predicate: { amountSat: '150000' },
 * });
 * statement._type; // => 'https://in-toto.io/Statement/v1'
 * ```
 */
export function createStatement<Predicate extends object = JsonObject>(
  parts: StatementParts<Predicate>,
): Statement<Predicate> {
  requireObject('parts', parts);
  const { subject, predicateType, predicate = {} as Predicate } = parts;
  const text = canonicalJson({ _type: STATEMENT_TYPE, subject, predicateType, predicate });
  return readStatement(parseJson(text)) as unknown as Statement<Predicate>;
}

/**
 * The bytes of a statement: JSON in its one canonical form (RFC 8785), so that equal statements are equal bytes.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_STATEMENT_INVALID`, `RECEIPTS_JSON_UNSUPPORTED`.
 */
export function encodeStatement(statement: Statement<unknown>): Uint8Array {
  const text = canonicalJson(statement);
  readStatement(parseJson(text, { maximumLength: Number.MAX_SAFE_INTEGER }));
  return new TextEncoder().encode(text);
}

/**
 * Parses the bytes of a statement. Fields that in-toto does not know are ignored, as its rules want.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_JSON_INVALID`, `RECEIPTS_STATEMENT_INVALID`.
 */
export function parseStatement(bytes: Uint8Array, limits: JsonLimits = {}): Statement {
  requireBytes('bytes', bytes);
  const text = decodeUtf8(bytes);
  if (text === undefined) throw invalid('$', 'UTF-8 text');
  return readStatement(parseJson(text, limits));
}

/** UTF-8 as text; `undefined` when it is malformed. A byte order mark stays, for the parser to refuse. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function readStatement(value: Json): Statement {
  if (!isObject(value)) throw invalid('$', 'an object');
  const { subject, predicateType, predicate = {} } = value;
  if (value['_type'] !== STATEMENT_TYPE) throw invalid('$._type', STATEMENT_TYPE);
  if (!isList(subject) || subject.length === 0) throw invalid('$.subject', 'a list of at least one subject');
  if (typeof predicateType !== 'string' || !/^[a-zA-Z][a-zA-Z0-9+.-]*:\S+$/.test(predicateType))
    throw invalid('$.predicateType', 'an absolute URI');
  if (!isObject(predicate)) throw invalid('$.predicate', 'an object');
  return {
    _type: STATEMENT_TYPE,
    subject: subject.map((item, index) => readSubject(item, `$.subject[${index}]`)),
    predicateType,
    predicate,
  };
}

function readSubject(value: unknown, path: string): StatementSubject {
  if (!isObject(value)) throw invalid(path, 'an object');
  const { digest, annotations } = value;
  if (!isObject(digest) || Object.keys(digest).length === 0) throw invalid(`${path}.digest`, 'at least one digest');
  for (const [algorithm, hex] of Object.entries(digest)) {
    const wanted = Object.hasOwn(digits, algorithm) ? digits[algorithm] : undefined;
    const isHex = typeof hex === 'string' && hex !== '' && hex.length % 2 === 0 && /^[0-9a-f]+$/.test(hex);
    if (!isHex || (wanted !== undefined && hex.length !== wanted))
      throw invalid(`${path}.digest`, `${wanted ?? 'an even number of'} lowercase hexadecimal digits`);
  }
  for (const name of texts)
    if (value[name] !== undefined && typeof value[name] !== 'string') throw invalid(`${path}.${name}`, 'a string');
  if (annotations !== undefined && !isObject(annotations)) throw invalid(`${path}.annotations`, 'an object');
  return value as unknown as StatementSubject;
}

function invalid(path: string, expected: string): ReceiptsError<'RECEIPTS_STATEMENT_INVALID'> {
  return new ReceiptsError('RECEIPTS_STATEMENT_INVALID', `expected ${path} to be ${expected}`, {
    details: { path, expected },
  });
}

/** Requires a statement handed in by the caller, which may be anything. */
export function requireStatement(value: unknown): asserts value is Statement<unknown> {
  requireObject('statement', value);
  if (fieldOf(value, '_type') !== STATEMENT_TYPE)
    throw invalid('$._type', `${STATEMENT_TYPE}, got ${describeValue(fieldOf(value, '_type'))}`);
  requireText('statement.predicateType', fieldOf(value, 'predicateType'));
}
