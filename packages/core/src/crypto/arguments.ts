import { isBytes, isList, isRecord, sizeOf } from '../codecs/is-bytes.ts';
import { CoreError, describeValue } from '../errors.ts';
import type { BatchItem, ScalarTerm } from '../ports/crypto.ts';

/** Makes the error for a bad argument of an engine. */
export function cryptoArgumentError(
  argument: string,
  expected: string,
  got: string,
): CoreError<'CORE_CRYPTO_INVALID_ARGUMENT'> {
  return new CoreError('CORE_CRYPTO_INVALID_ARGUMENT', `expected ${argument} to be ${expected}, got ${got}`, {
    details: { argument, expected, got },
  });
}

/** Requires bytes, of `length` if one is given. */
export function requireBytes(argument: string, value: unknown, length?: number): asserts value is Uint8Array {
  if (!isBytes(value) || (length !== undefined && sizeOf(value) !== length))
    throw cryptoArgumentError(
      argument,
      length === undefined ? 'a Uint8Array' : `${length} bytes`,
      describeValue(value),
    );
}

/** Requires the 33 or 65 bytes of a public key; whether they are a point is another question. */
export function requirePoint(argument: string, value: unknown): asserts value is Uint8Array {
  if (!isBytes(value) || (sizeOf(value) !== 33 && sizeOf(value) !== 65))
    throw cryptoArgumentError(argument, '33 or 65 bytes', describeValue(value));
}

/** Requires one of a few numbers. */
export function requireOneOf(argument: string, value: unknown, allowed: readonly number[]): void {
  if (!allowed.includes(value as number))
    throw cryptoArgumentError(
      argument,
      allowed.join(' or '),
      typeof value === 'number' ? `${value}` : describeValue(value),
    );
}

/** Requires a string. */
export function requireText(argument: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw cryptoArgumentError(argument, 'a string', describeValue(value));
}

/** Requires whole blocks of 64 bytes. */
export function requirePairs(argument: string, value: unknown): asserts value is Uint8Array {
  requireBytes(argument, value);
  if (value.length % 64 !== 0) throw cryptoArgumentError(argument, 'a multiple of 64 bytes', describeValue(value));
}

/** Requires an object of options. */
export function requireOptions(options: unknown): asserts options is object {
  if (!isRecord(options)) throw cryptoArgumentError('options', 'an object', describeValue(options));
}

/** Reads the form of a public key from options. */
export function isCompressed(options: { readonly compressed?: boolean } | undefined): boolean {
  if (options === undefined) return true;
  requireOptions(options);
  const { compressed = true } = options;
  if (typeof compressed !== 'boolean')
    throw cryptoArgumentError('options.compressed', 'a boolean', describeValue(compressed));
  return compressed;
}

/** Requires an array of public keys. */
export function requirePoints(argument: string, value: unknown): asserts value is readonly Uint8Array[] {
  if (!isList(value)) throw cryptoArgumentError(argument, 'an array', describeValue(value));
  // Indexed, so that a hole in the array is a wrong value too.
  for (let i = 0; i < value.length; i++) requirePoint(`${argument}[${i}]`, value[i]);
}

/** Requires an array of terms, and reads each once. */
export function requireTerms(terms: unknown): readonly ScalarTerm[] {
  if (!isList(terms)) throw cryptoArgumentError('terms', 'an array', describeValue(terms));
  const read: ScalarTerm[] = [];
  for (let i = 0; i < terms.length; i++) {
    const term = readTerm(terms[i]);
    if (term === undefined) throw cryptoArgumentError(`terms[${i}]`, 'a term', describeValue(terms[i]));
    const { scalar, point } = term;
    requireBytes(`terms[${i}].scalar`, scalar, 32);
    requirePoint(`terms[${i}].point`, point);
    read.push({ scalar, point });
  }
  return read;
}

/** The parts of a term; `undefined` when it is no object or cannot be read. */
function readTerm(term: unknown): { readonly scalar: unknown; readonly point: unknown } | undefined {
  if (typeof term !== 'object' || term === null) return undefined;
  try {
    const { scalar, point } = term as ScalarTerm;
    return { scalar, point };
  } catch {
    return undefined;
  }
}

/** Requires an array of batch items. */
export function requireBatch(items: unknown): asserts items is readonly BatchItem[] {
  if (!isList(items)) throw cryptoArgumentError('items', 'an array', describeValue(items));
  for (let i = 0; i < items.length; i++) {
    const item = items[i] as BatchItem;
    const name = `items[${i}]`;
    const kind = kindOf(item);
    if (kind === undefined) throw cryptoArgumentError(name, 'a batch item', describeValue(item));
    if (item.kind === 'schnorr') {
      requireBytes(`${name}.signature`, item.signature, 64);
      requireBytes(`${name}.message`, item.message);
      requireBytes(`${name}.xOnlyPublicKey`, item.xOnlyPublicKey, 32);
    } else if (item.kind === 'tweak') {
      requireBytes(`${name}.tweakedXOnly`, item.tweakedXOnly, 32);
      requireOneOf(`${name}.parity`, item.parity, [0, 1]);
      requireBytes(`${name}.internalXOnly`, item.internalXOnly, 32);
      requireBytes(`${name}.tweak`, item.tweak, 32);
    } else {
      throw cryptoArgumentError(`${name}.kind`, "'schnorr' or 'tweak'", describeValue(kind.kind));
    }
  }
}

/** What an item says it is, boxed; `undefined` when it is no object or cannot be read, as a revoked proxy. */
function kindOf(item: unknown): { readonly kind: unknown } | undefined {
  if (typeof item !== 'object' || item === null) return undefined;
  try {
    return { kind: (item as BatchItem).kind };
  } catch {
    return undefined;
  }
}
