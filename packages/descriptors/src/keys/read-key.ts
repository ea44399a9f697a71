import { currentCrypto, decodeWif, hasCode, parseHex, type WalletKey } from '@bitcoin-enterprise/core';
import { DescriptorsError, type TextFault } from '../errors.ts';
import { type Expression, textOf } from '../text/expression.ts';
import { ExtendedExpression } from './extended-expression.ts';
import { decodeExtendedKey, type ExtendedKey, MAXIMUM_KEY_DEPTH } from './extended-key.ts';
import type { KeyExpression, KeyOrigin } from './model.ts';
import { MusigExpression } from './musig-expression.ts';
import { type HardenedMarker, readPath } from './path.ts';
import { decodeSilentKey, looksLikeSilentKey, type SilentKey } from './silent-key.ts';
import { SingleKey } from './single-key.ts';

/**
 * Where a key stands: which forms are allowed there. `legacy`: bare and in `sh()`, also uncompressed; `segwit`:
 * compressed; `taproot`: also x-only and `musig()`; `musig`: compressed, within an aggregate; `silent`: compressed and
 * `musig()`, in `sp()`.
 */
export type KeyContext = 'legacy' | 'segwit' | 'taproot' | 'musig' | 'silent';

/** How a key is read. */
export interface ReadKeyOptions {
  readonly context: KeyContext;
  /** What errors begin with, as `wpkh(): `. */
  readonly label: string;
  /** Extended keys by text: a descriptor repeats them. */
  readonly known: Map<string, ExtendedKey | undefined>;
}

/**
 * Reads a key expression: hexadecimal, WIF, an extended key with its path, or an aggregate; with its origin.
 *
 * @throws DescriptorsError `DESCRIPTORS_KEY_INVALID`, `DESCRIPTORS_MULTIPATH_INVALID`, `DESCRIPTORS_TOO_LARGE`.
 */
export function readKey(expression: Expression, options: ReadKeyOptions): KeyExpression {
  const { name, args, brackets, position, length } = expression;
  if (args !== undefined && brackets === 'round' && name === 'musig') return readMusig(expression, args, options);
  const { context, label, known } = options;
  if (args !== undefined)
    throw keyInvalid({ position, length }, `${label}key ${shownKey(textOf(expression))} is not valid`);
  const { key, keyAt, path, origin, marker: originMarker } = splitOrigin(expression, label);
  const place = { position: keyAt, length: key.length };
  const isXOnly = context === 'taproot';
  if (key === '') throw keyInvalid(place, `${label}No key provided`);
  if (/^\s|\s$/.test(key)) throw keyInvalid(place, `${label}Key ${shownKey(key)} is invalid due to whitespace`);
  if (path === '' && /^(?:[\da-fA-F]{2})+$/.test(key)) {
    const parts = hexKey(key, { context, label, place });
    return new SingleKey({ ...parts, isXOnly, origin, marker: originMarker ?? 'h', networks: undefined });
  }
  const wif = path === '' ? wifOf(key) : undefined;
  if (wif !== undefined) {
    const { secretKey, compressed, networks } = wif;
    if (!compressed && context !== 'legacy') throw keyInvalid(place, `${label}Uncompressed keys are not allowed`);
    // A secret key that was checked has a public one.
    const publicKey = currentCrypto().publicKey(secretKey, { compressed }) as Uint8Array;
    const marker = originMarker ?? 'h';
    return new SingleKey({ publicKey, isXOnly, isWrittenXOnly: isXOnly, origin, marker, networks }, secretKey);
  }
  if (!known.has(key)) known.set(key, decodeExtendedKey(key));
  const root = known.get(key);
  if (root === undefined) throw keyInvalid(place, `${label}key ${shownKey(key)} is not valid`);
  const { steps, wildcard, marker } = readPath(path, { position: keyAt + key.length, label, isOrigin: false });
  if (root.depth + steps.length + (wildcard === 'none' ? 0 : 1) > MAXIMUM_KEY_DEPTH)
    throw keyInvalid(place, `${label}the key would be more than ${MAXIMUM_KEY_DEPTH} steps deep`);
  return new ExtendedExpression({ root, steps, wildcard, origin, marker: marker ?? originMarker ?? 'h', isXOnly });
}

/**
 * Reads the key of a silent payment wallet in one text, with its origin (BIP392).
 *
 * @returns `undefined` for a text that is not meant as one.
 * @throws DescriptorsError `DESCRIPTORS_KEY_INVALID`.
 */
export function readSilentKey(expression: Expression, label: string): SilentKey | undefined {
  if (expression.args !== undefined) return undefined;
  const { key, keyAt, path, origin, marker } = splitOrigin(expression, label);
  if (!looksLikeSilentKey(key)) return undefined;
  const silent = path === '' ? decodeSilentKey(key, { origin, marker: marker ?? 'h' }) : undefined;
  if (silent === undefined)
    throw keyInvalid({ position: keyAt, length: key.length }, `${label}key ${shownKey(key)} is not valid`);
  return silent;
}

interface SplitKey {
  readonly key: string;
  readonly keyAt: number;
  readonly path: string;
  readonly origin: KeyOrigin | undefined;
  readonly marker: HardenedMarker | undefined;
}

/** Takes origin, key and path apart. */
function splitOrigin({ name, position }: Expression, label: string): SplitKey {
  const bracket = name.indexOf(']');
  const behind = bracket < 0 ? name : name.slice(bracket + 1);
  const keyAt = position + bracket + 1;
  const slash = behind.indexOf('/');
  const key = slash < 0 ? behind : behind.slice(0, slash);
  const path = slash < 0 ? '' : behind.slice(slash);
  if (bracket < 0) return { key, keyAt, path, origin: undefined, marker: undefined };
  const second = name.indexOf(']', bracket + 1);
  if (second >= 0)
    throw keyInvalid(
      { position: position + second, length: 1 },
      `${label}Multiple ']' characters found for a single pubkey`,
    );
  if (!name.startsWith('['))
    throw keyInvalid(
      { position, length: 1 },
      `${label}Key origin start '[ character expected but not found, got '${name.slice(0, 1)}' instead`,
    );
  const inner = name.slice(1, bracket);
  const [fingerprint = ''] = inner.split('/', 1);
  const place = { position: position + 1, length: fingerprint.length };
  if (fingerprint.length !== 8)
    throw keyInvalid(
      place,
      `${label}Fingerprint is not 4 bytes (${fingerprint.length} characters instead of 8 characters)`,
    );
  if (!/^[\da-fA-F]{8}$/.test(fingerprint)) throw keyInvalid(place, `${label}Fingerprint '${fingerprint}' is not hex`);
  const read = readPath(inner.slice(8), { position: position + 9, label, isOrigin: true });
  // Without multipath all steps are numbers.
  const origin = { fingerprint: parseHex(fingerprint), path: read.steps as readonly number[] };
  return { key, keyAt, path, origin, marker: read.marker };
}

function hexKey(
  text: string,
  { context, label, place }: { readonly context: KeyContext; readonly label: string; readonly place: TextFault },
): { readonly publicKey: Uint8Array; readonly isWrittenXOnly: boolean } {
  const crypto = currentCrypto();
  const bytes = text.length <= 130 ? parseHex(text) : new Uint8Array(0);
  const [first] = bytes;
  if (bytes.length === 65 && (first === 6 || first === 7))
    throw keyInvalid(place, `${label}Hybrid public keys are not allowed`);
  if ((bytes.length === 33 || bytes.length === 65) && crypto.isPublicKey(bytes)) {
    if (bytes.length === 65 && context !== 'legacy')
      throw keyInvalid(place, `${label}Uncompressed keys are not allowed`);
    return { publicKey: bytes, isWrittenXOnly: false };
  }
  if (bytes.length === 32 && context === 'taproot' && crypto.isXOnlyPublicKey(bytes)) {
    const publicKey = new Uint8Array(33);
    publicKey[0] = 2;
    publicKey.set(bytes, 1);
    return { publicKey, isWrittenXOnly: true };
  }
  throw keyInvalid(place, `${label}Pubkey ${shownKey(text)} is invalid`);
}

function wifOf(text: string): WalletKey | undefined {
  if (text.length !== 51 && text.length !== 52) return undefined;
  try {
    return decodeWif(text);
  } catch (error) {
    if (hasCode(error, 'CORE_WIF_INVALID')) return undefined;
    throw error;
  }
}

function readMusig(expression: Expression, args: readonly Expression[], options: ReadKeyOptions): KeyExpression {
  const { position, length, suffix } = expression;
  const { context, label } = options;
  const place = { position, length };
  if (context !== 'taproot' && context !== 'silent')
    throw keyInvalid(place, `${label}musig() is only allowed in tr() and rawtr()`);
  if (args.length === 0) throw keyInvalid(place, `${label}musig(): Must contain key expressions`);
  const inner = `${label}musig(): `;
  const participants = args.map((arg) => readKey(arg, { ...options, context: 'musig', label: inner }));
  const suffixAt = { position: position + length - suffix.length, length: suffix.length };
  if (suffix !== '' && !suffix.startsWith('/')) throw keyInvalid(suffixAt, `${inner}expected '/' behind the bracket`);
  const path = readPath(suffix, { position: suffixAt.position, label: inner, isOrigin: false });
  if (suffix !== '') {
    if (participants.some(({ kind }) => kind !== 'extended'))
      throw keyInvalid(suffixAt, `${inner}derivation requires all participants to be xpubs or xprvs`);
    if (participants.some(({ isRange }) => isRange))
      throw keyInvalid(suffixAt, `${inner}Cannot have ranged participant keys if musig() also has derivation`);
    if (path.wildcard === 'hardened') throw keyInvalid(suffixAt, `${inner}Cannot have hardened child derivation`);
    if (path.marker !== undefined) throw keyInvalid(suffixAt, `${inner}cannot have hardened derivation steps`);
  }
  const counts = new Set(participants.map((key) => key.multipathCount).filter((count) => count > 1));
  const isMultipath = path.steps.some((step) => typeof step !== 'number');
  const multipath = (reason: string): DescriptorsError =>
    new DescriptorsError('DESCRIPTORS_MULTIPATH_INVALID', reason, { details: { ...place, reason } });
  if (counts.size > 0 && isMultipath)
    throw multipath(`${inner}Cannot have multipath participant keys if musig() is also multipath`);
  if (counts.size > 1) throw multipath(`${inner}Multipath derivation paths have mismatched lengths`);
  const { steps, wildcard } = path;
  return new MusigExpression({ participants, steps, wildcard, isXOnly: context === 'taproot', place });
}

function keyInvalid(fault: TextFault, reason: string): DescriptorsError<'DESCRIPTORS_KEY_INVALID'> {
  return new DescriptorsError('DESCRIPTORS_KEY_INVALID', reason, { details: { ...fault, reason } });
}

/**
 * A text that stands in the place of a key, as an error may show it: only what can be no secret. Bytes that begin as a
 * public key does are shown; an extended public key by its begin; all else by its length.
 */
function shownKey(text: string): string {
  if (/^0[23467][\da-fA-F]{0,128}$/.test(text)) return `'${text}'`;
  if (/^[xt]pub[1-9A-HJ-NP-Za-km-z]{10}/.test(text)) return `'${text.slice(0, 14)}…'`;
  return `of ${text.length} characters`;
}
