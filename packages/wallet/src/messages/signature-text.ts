import { concatBytes, encodeCompactSize, hasCode, readCompactSize } from '@bitcoin-enterprise/core';
import { parseTransaction, ScriptError, type Transaction } from '@bitcoin-enterprise/script';
import { invalidArgument, WalletError } from '../errors.ts';
import { parsePsbt } from '../psbt/parse.ts';
import type { Psbt } from '../psbt/model.ts';

/** The formats of BIP322, and that of Bitcoin's first years, of 65 bytes. */
export type MessageFormat = 'legacy' | 'simple' | 'full' | 'proof-of-funds';

/** A signature taken apart. */
export type MessageSignature =
  | {
      readonly format: 'legacy';
      /** 65 bytes: header, `r`, `s`. */
      readonly compact: Uint8Array;
    }
  | { readonly format: 'simple'; readonly witness: readonly Uint8Array[] }
  | { readonly format: 'full'; readonly toSign: Transaction }
  | { readonly format: 'proof-of-funds'; readonly psbt: Psbt };

const PREFIXES = { smp: 'simple', ful: 'full', pof: 'proof-of-funds' } as const;

/** Base64 of a block, which nothing that is signed is larger than; a proof of funds brings whole transactions. */
const MAXIMUM_CHARACTERS = 32 * 1024 * 1024;
/** A transaction of 4,000,000 weight units has no more bytes, and base64 of them no more characters. */
const MAXIMUM_TRANSACTION_CHARACTERS = 6_000_000;
/** Header, `r` and `s` of a signature that the key is recovered from. */
const COMPACT_LENGTH = 65;

/**
 * Reads the text of a signature: `smp`, `ful` or `pof` and base64 (BIP322); without prefix 65 bytes are the format of
 * Bitcoin's first years, and all else is read as `smp`.
 *
 * @throws WalletError `WALLET_MESSAGE_SIGNATURE_INVALID`, `WALLET_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { parseMessageSignature } from '@bitcoin-enterprise/wallet/messages';
 *
 * parseMessageSignature('smpAA==').format; // => 'simple'
 * ```
 */
export function parseMessageSignature(text: string): MessageSignature {
  if (typeof text !== 'string') throw invalidArgument('text', 'a text', text);
  if (text.length > MAXIMUM_CHARACTERS) throw invalid('it is longer than any signature');
  const prefix = text.slice(0, 3);
  const format = Object.hasOwn(PREFIXES, prefix) ? PREFIXES[prefix as keyof typeof PREFIXES] : undefined;
  if (format !== 'proof-of-funds' && text.length > MAXIMUM_TRANSACTION_CHARACTERS)
    throw invalid('it is longer than any transaction');
  const bytes = decodeBase64(format === undefined ? text : text.slice(3));
  if (bytes === undefined) throw invalid('it is not base64');
  if (bytes.length === 0) throw invalid('it is empty');
  switch (format) {
    case 'full':
      return { format, toSign: attempt(() => parseTransaction(bytes), 'it is no transaction') };
    case 'proof-of-funds':
      return { format, psbt: attempt(() => parsePsbt(bytes), 'it is no PSBT') };
    case 'simple':
      return { format, witness: witnessOf(bytes) };
    default:
      if (bytes.length === COMPACT_LENGTH) return { format: 'legacy', compact: bytes };
      return { format: 'simple', witness: witnessOf(bytes) };
  }
}

/** The text of a signature: prefix and base64. */
export function signatureText(prefix: keyof typeof PREFIXES | '', bytes: Uint8Array): string {
  let binary = '';
  // In parts: a call takes only so many arguments.
  for (let from = 0; from < bytes.length; from += 4_096)
    binary += String.fromCharCode(...bytes.subarray(from, from + 4_096));
  return prefix + btoa(binary);
}

/** A witness stack as BIP144 serialises it. */
export function witnessBytes(witness: readonly Uint8Array[]): Uint8Array {
  const items = witness.flatMap((item) => [encodeCompactSize(item.length), item]);
  return concatBytes(encodeCompactSize(witness.length), ...items);
}

function witnessOf(bytes: Uint8Array): readonly Uint8Array[] {
  const items: Uint8Array[] = [];
  let { value: left, offset } = sizeAt(bytes, 0);
  // An item has a byte at least: a count of more is refused before anything is set aside for it.
  if (left > bytes.length) throw invalid('its witness is cut short');
  for (; left > 0; left--) {
    const size = sizeAt(bytes, offset);
    offset = size.offset + size.value;
    if (offset > bytes.length) throw invalid('its witness is cut short');
    items.push(bytes.slice(size.offset, offset));
  }
  if (offset !== bytes.length) throw invalid('there are bytes behind its witness');
  return items;
}

function sizeAt(bytes: Uint8Array, at: number): { readonly value: number; readonly offset: number } {
  try {
    const { value, size } = readCompactSize(bytes, at);
    return { value, offset: at + size };
  } catch {
    throw invalid('its witness is cut short');
  }
}

/** Base64 in its one form: with padding, without spaces, unused bits zero. */
function decodeBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  const binary = atob(text);
  if (btoa(binary) !== text) return undefined;
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function attempt<Result>(read: () => Result, problem: string): Result {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof ScriptError || hasCode(cause, 'WALLET_PSBT_MALFORMED')) throw invalid(problem, cause);
    throw cause;
  }
}

/** A text that is no signature. */
export function invalid(reason: string, cause?: unknown): WalletError<'WALLET_MESSAGE_SIGNATURE_INVALID'> {
  return new WalletError('WALLET_MESSAGE_SIGNATURE_INVALID', `expected the signature of a message, but ${reason}`, {
    details: { reason },
    ...(cause === undefined ? {} : { cause }),
  });
}
