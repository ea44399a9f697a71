import { concatBytes } from '@bitcoin-enterprise/core';
import { ReceiptsError } from '../errors.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { isList, isObject, requireBytes, requireList, requireObject, requireText } from './checks.ts';
import { canonicalJson, type JsonLimits, parseJson } from './json.ts';

/** One signature of an envelope. */
export interface EnvelopeSignature {
  /** Hint which key made it; not authenticated. */
  readonly keyId?: string;
  readonly signature: Uint8Array;
}

/** A DSSE v1 envelope: bytes, what they are, and who signed both. */
export interface Envelope {
  /** What the payload is, for example `application/vnd.in-toto+json`. */
  readonly payloadType: string;
  readonly payload: Uint8Array;
  /** At least one. */
  readonly signatures: readonly EnvelopeSignature[];
}

/** The envelope as DSSE writes it in JSON. */
export interface EnvelopeJson {
  readonly payloadType: string;
  /** Base64. */
  readonly payload: string;
  readonly signatures: ReadonlyArray<{ readonly keyid?: string; readonly sig: string }>;
}

const MAX_SIGNATURES = 64;

/**
 * The bytes that DSSE signs: `DSSEv1 <length> <type> <length> <payload>`, lengths in bytes.
 *
 * @example
 * ```ts
 * import { preAuthEncoding } from '@bitcoin-enterprise/receipts';
 *
 * const bytes = preAuthEncoding('http://example.com/HelloWorld', new TextEncoder().encode('hello world'));
 * new TextDecoder().decode(bytes); // => 'DSSEv1 29 http://example.com/HelloWorld 11 hello world'
 * ```
 */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  requireText('payloadType', payloadType);
  requireBytes('payload', payload);
  const encoder = new TextEncoder();
  const type = encoder.encode(payloadType);
  const head = encoder.encode(`DSSEv1 ${type.length} `);
  return concatBytes(head, type, encoder.encode(` ${payload.length} `), payload);
}

/** The envelope as a JSON value, standard Base64. */
export function envelopeToJson(envelope: Envelope): EnvelopeJson {
  requireObject('envelope', envelope);
  requireText('envelope.payloadType', envelope.payloadType);
  requireBytes('envelope.payload', envelope.payload);
  requireList('envelope.signatures', envelope.signatures);
  for (const item of envelope.signatures) {
    requireObject('envelope.signatures[]', item);
    requireBytes('envelope.signatures[].signature', item.signature);
  }
  return {
    payloadType: envelope.payloadType,
    payload: encodeBase64(envelope.payload),
    signatures: envelope.signatures.map(({ keyId, signature }) => ({
      ...(keyId === undefined ? {} : { keyid: keyId }),
      sig: encodeBase64(signature),
    })),
  };
}

/** The one JSON text of an envelope: what a log stores as an entry, so that the entry binds every byte of it. */
export function encodeEnvelope(envelope: Envelope): Uint8Array {
  return new TextEncoder().encode(canonicalJson(envelopeToJson(envelope)));
}

/**
 * Parses an envelope from JSON. Either Base64 alphabet is accepted, as DSSE wants; unknown fields are refused.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_JSON_INVALID`, `RECEIPTS_ENVELOPE_INVALID`.
 */
export function parseEnvelope(text: string, limits: JsonLimits = {}): Envelope {
  requireText('text', text);
  return readEnvelope(parseJson(text, limits), '$');
}

/**
 * Reads an envelope out of a parsed value; every way to be none has the code `RECEIPTS_ENVELOPE_INVALID`.
 *
 * @param alphabet - Which Base64: an envelope by itself may have either, within a receipt there is one spelling.
 */
export function readEnvelope(value: unknown, path: string, alphabet: 'standard' | 'either' = 'either'): Envelope {
  if (!isObject(value)) throw invalid(path, 'an object');
  const { payloadType, payload, signatures, ...rest } = value;
  if (Object.keys(rest).length > 0) throw invalid(path, 'payloadType, payload and signatures alone');
  if (typeof payloadType !== 'string' || hasControls(payloadType)) throw invalid(`${path}.payloadType`, 'a text');
  if (!isList(signatures) || signatures.length === 0 || signatures.length > MAX_SIGNATURES)
    throw invalid(`${path}.signatures`, `1 to ${MAX_SIGNATURES} signatures`);
  return {
    payloadType,
    payload: readBase64(payload, `${path}.payload`, alphabet),
    signatures: signatures.map((item, index) => readSignature(item, `${path}.signatures[${index}]`, alphabet)),
  };
}

function readSignature(value: unknown, path: string, alphabet: 'standard' | 'either'): EnvelopeSignature {
  if (!isObject(value)) throw invalid(path, 'an object');
  const { keyid, sig, ...rest } = value;
  if (Object.keys(rest).length > 0) throw invalid(path, 'keyid and sig alone');
  if (keyid !== undefined && (typeof keyid !== 'string' || hasControls(keyid)))
    throw invalid(`${path}.keyid`, 'a text');
  const signature = readBase64(sig, `${path}.sig`, alphabet);
  return keyid === undefined ? { signature } : { keyId: keyid, signature };
}

function readBase64(value: unknown, path: string, alphabet: 'standard' | 'either'): Uint8Array {
  const bytes = typeof value === 'string' ? decodeBase64(value, alphabet) : undefined;
  if (bytes === undefined) throw invalid(path, 'Base64');
  return bytes;
}

/** Control characters have escapes of several spellings in JSON; no key id and no media type needs one. */
export function hasControls(text: string): boolean {
  // oxlint-disable-next-line no-control-regex
  return /[\u0000-\u001f\u007f]/.test(text);
}

function invalid(path: string, expected: string): ReceiptsError<'RECEIPTS_ENVELOPE_INVALID'> {
  return new ReceiptsError('RECEIPTS_ENVELOPE_INVALID', `expected ${path} to be ${expected}`, {
    details: { path, expected },
  });
}
