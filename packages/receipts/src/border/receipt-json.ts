import { parseHex, toHex } from '@bitcoin-enterprise/core';
import { ReceiptsError } from '../errors.ts';
import type { Anchor } from '../model/anchor.ts';
import { decodeBase64, encodeBase64 } from '../model/base64.ts';
import {
  isList,
  isObject,
  requireBytes,
  requireCount,
  requireList,
  requireObject,
  requireText,
} from '../model/checks.ts';
import { envelopeToJson, readEnvelope } from '../model/dsse.ts';
import { canonicalJson, type JsonLimits, parseJson } from '../model/json.ts';
import type { Receipt } from '../model/receipt.ts';

/** `type` of a receipt in JSON. */
export const RECEIPT_TYPE = 'bitcoin-enterprise/receipt/v1';

// Trees of 2^53 entries are 53 high, Merkle trees of blocks far lower.
const MAX_PROOF = 64;

/**
 * The one JSON text of a receipt.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_INVALID_ARGUMENT` for what is no receipt.
 */
export function formatReceipt(receipt: Receipt): string {
  requireObject('receipt', receipt);
  const { envelope, index, inclusion, checkpoint, anchor } = receipt;
  requireCount('receipt.index', index);
  requireText('receipt.checkpoint', checkpoint);
  return canonicalJson({
    type: RECEIPT_TYPE,
    envelope: envelopeToJson(envelope),
    index,
    inclusion: toBase64List('receipt.inclusion', inclusion),
    checkpoint,
    ...(anchor === undefined ? {} : { anchor: anchorToJson(anchor) }),
  });
}

/**
 * Parses a receipt from JSON that came from outside: limits on size and depth, no unknown fields, one spelling of every
 * value. It is well formed then, not yet true: see `verifyReceipt`.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_JSON_INVALID`, `RECEIPTS_ENVELOPE_INVALID`, `RECEIPTS_RECEIPT_MALFORMED`.
 */
export function parseReceipt(text: string, limits: JsonLimits = {}): Receipt {
  requireText('text', text);
  const value = parseJson(text, limits);
  if (!isObject(value)) throw malformed('$', 'an object');
  const { type, envelope, index, inclusion, checkpoint, anchor, ...rest } = value;
  if (type !== RECEIPT_TYPE) throw malformed('$.type', RECEIPT_TYPE);
  requireNoMore(rest, '$');
  const receipt = {
    envelope: readEnvelope(envelope, '$.envelope', 'standard'),
    index: readCount(index, '$.index'),
    inclusion: readHashes(inclusion, '$.inclusion', fromBase64),
    checkpoint: readText(checkpoint, '$.checkpoint'),
  };
  return anchor === undefined ? receipt : { ...receipt, anchor: readAnchor(anchor) };
}

function anchorToJson(anchor: Anchor): object {
  requireObject('receipt.anchor', anchor);
  const { checkpoint, consistency, transaction, index, branch, header, coinbase, coinbaseBranch } = anchor;
  requireText('receipt.anchor.checkpoint', checkpoint);
  requireCount('receipt.anchor.index', index);
  for (const bytes of [transaction, header, coinbase]) requireBytes('receipt.anchor', bytes);
  const hexes = (name: string, hashes: readonly Uint8Array[]): readonly string[] => {
    requireList(name, hashes);
    return hashes.map((hash) => toHex(hash));
  };
  return {
    checkpoint,
    consistency: toBase64List('receipt.anchor.consistency', consistency),
    transaction: toHex(transaction),
    index,
    branch: hexes('receipt.anchor.branch', branch),
    header: toHex(header),
    coinbase: toHex(coinbase),
    coinbaseBranch: hexes('receipt.anchor.coinbaseBranch', coinbaseBranch),
  };
}

function readAnchor(value: unknown): Anchor {
  const path = '$.anchor';
  if (!isObject(value)) throw malformed(path, 'an object');
  const { checkpoint, consistency, transaction, index, branch, header, coinbase, coinbaseBranch, ...rest } = value;
  requireNoMore(rest, path);
  return {
    checkpoint: readText(checkpoint, `${path}.checkpoint`),
    consistency: readHashes(consistency, `${path}.consistency`, fromBase64),
    transaction: readHex(transaction, `${path}.transaction`),
    index: readCount(index, `${path}.index`),
    branch: readHashes(branch, `${path}.branch`, fromHex),
    header: readHex(header, `${path}.header`),
    coinbase: readHex(coinbase, `${path}.coinbase`),
    coinbaseBranch: readHashes(coinbaseBranch, `${path}.coinbaseBranch`, fromHex),
  };
}

function toBase64List(name: string, hashes: readonly Uint8Array[]): readonly string[] {
  requireList(name, hashes);
  return hashes.map((hash) => {
    requireBytes(`${name}[]`, hash);
    return encodeBase64(hash);
  });
}

function readHashes(
  value: unknown,
  path: string,
  decode: (text: string) => Uint8Array | undefined,
): readonly Uint8Array[] {
  if (!isList(value) || value.length > MAX_PROOF) throw malformed(path, `at most ${MAX_PROOF} hashes`);
  return value.map((item, i) => {
    const hash = typeof item === 'string' ? decode(item) : undefined;
    if (hash?.length !== 32) throw malformed(`${path}[${i}]`, 'a hash of 32 bytes');
    return hash;
  });
}

function readHex(value: unknown, path: string): Uint8Array {
  const bytes = typeof value === 'string' ? fromHex(value) : undefined;
  if (bytes === undefined) throw malformed(path, 'lowercase hexadecimal');
  return bytes;
}

function readCount(value: unknown, path: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0 || Object.is(value, -0))
    throw malformed(path, 'a whole number');
  return value as number;
}

function readText(value: unknown, path: string): string {
  if (typeof value !== 'string') throw malformed(path, 'a string');
  return value;
}

function requireNoMore(rest: object, path: string): void {
  if (Object.keys(rest).length > 0) throw malformed(path, 'no other fields');
}

function fromBase64(text: string): Uint8Array | undefined {
  return decodeBase64(text);
}

/** Lowercase alone: two spellings of one byte would be two receipts for one. */
function fromHex(text: string): Uint8Array | undefined {
  return text.length % 2 === 0 && /^[0-9a-f]*$/.test(text) ? parseHex(text) : undefined;
}

function malformed(path: string, expected: string): ReceiptsError<'RECEIPTS_RECEIPT_MALFORMED'> {
  return new ReceiptsError('RECEIPTS_RECEIPT_MALFORMED', `expected ${path} to be ${expected}`, {
    details: { path, expected },
  });
}
