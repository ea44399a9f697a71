import { isList, isRealUint8Array } from '../codecs/is-bytes.ts';
import { describeValue, SuiteError } from '../errors.ts';
import { errorType } from '../resilience/error-facts.ts';

/** What stands in the place of a secret. */
export const REDACTED = '[redacted]';

const MAX_DEPTH = 6;
const MAX_VALUES = 1_000;
const MAX_TEXT = 2_000;
const MAX_FRAMES = 8;

/**
 * Whether a field of this name is likely to hold a secret: passwords, tokens, private keys, seeds, preimages, cookies.
 *
 * @param name - Name of a field, in any of the usual spellings.
 *
 * @example
 * ```ts
 * import { isSecretName } from '@bitcoin-enterprise/core/telemetry';
 *
 * ['rpcPassword', 'X-Api-Key', 'seed_phrase', 'publicKey', 'seedNodes'].map(isSecretName);
 * // => [true, true, true, false, false]
 * ```
 */
export function isSecretName(name: string): boolean {
  if (typeof name !== 'string') return false;
  const plain = name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  return secretParts.test(plain) || secretNames.test(plain);
}

const secretParts =
  /passw|passphrase|seedphrase|recoveryphrase|secret|token|apikey|credential|authorization|cookie|mnemonic|macaroon|preimage|(private|priv|signing|encryption|master|session|access)key|[xyztuv]prv/;
const secretNames = /^(pass|pwd|pin|wif|auth)$|seed$/;

/**
 * A copy of a value that may be shown: JSON-safe, bounded, without secrets. A field whose name says secret, a password
 * in a URL or a lone word before its `@`, a bearer token, a private key in PEM, BIP32 or wallet import form, and what a text says of such a name
 * (`token=…`, `"token":"…"`) come out as `[redacted]`; bytes as their length;
 * bigints as decimal strings; errors of the suite as their JSON, others as their class and where they were thrown, for
 * their text may hold anything. Never throws.
 *
 * @param value - Anything.
 *
 * @example
 * ```ts
 * import { redact } from '@bitcoin-enterprise/core/telemetry';
 *
 * redact({ url: 'http://user:hunter2@node:8332', rpcPassword: 'hunter2', fee: 5n });
 * // => { url: 'http://user:[redacted]@node:8332', rpcPassword: '[redacted]', fee: '5' }
 * ```
 */
export function redact(value: unknown): unknown {
  return copy(value, { depth: 0, above: [], left: { values: MAX_VALUES } });
}

/** Where a copy is made. */
interface Place {
  readonly depth: number;
  /** What contains it, to see a circle. */
  readonly above: readonly object[];
  /** What may still be copied in all. */
  readonly left: { values: number };
}

function copy(value: unknown, place: Place): unknown {
  if (place.left.values-- <= 0) return 'too much';
  switch (typeof value) {
    case 'string':
      return redactText(value);
    case 'bigint':
      return value.toString();
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'object':
      break;
    case 'function':
    case 'symbol':
      return typeof value;
    default:
      return value;
  }
  if (value === null) return null;
  if (ArrayBuffer.isView(value)) return isRealUint8Array(value) ? describeValue(value) : 'bytes';
  if (place.above.includes(value)) return 'circular';
  if (place.depth >= MAX_DEPTH) return 'too deep';
  const inside = { depth: place.depth + 1, above: [...place.above, value], left: place.left };
  try {
    if (isList(value)) return value.slice(0, MAX_VALUES).map((item) => copy(item, inside));
    if (value instanceof Error) return copyError(value, inside);
    const json = jsonOf(value);
    if (json !== value) return copy(json, inside);
    return copyFields(value, inside);
  } catch {
    // A revoked proxy, a getter that throws.
    return 'unreadable';
  }
}

function copyFields(value: object, place: Place): Readonly<Record<string, unknown>> {
  const fields: Array<readonly [string, unknown]> = [];
  for (const [name, item] of Object.entries(value)) {
    if (fields.length >= MAX_VALUES) break;
    const shown = isSecretName(name) && item !== null && item !== undefined && typeof item !== 'boolean';
    fields.push([name, shown ? REDACTED : copy(item, place)]);
  }
  return Object.fromEntries(fields);
}

/** An error as it may be shown; also one of another copy of this package. */
function copyError(error: Error, place: Place): unknown {
  const json = jsonOf(error);
  const isCoded = error instanceof SuiteError || ('code' in error && 'details' in error && 'retryable' in error);
  if (isCoded && json !== error) return copy(json, place);
  const frames = (typeof error.stack === 'string' ? error.stack : '')
    .split('\n')
    .map((line) => line.trim())
    // The head of a stack is the text of the error, which may have lines of its own that look like frames.
    .filter((line) => /^at [^\n]*:\d+:\d+\)?$/.test(line) && !error.message.includes(line))
    .slice(0, MAX_FRAMES);
  return { name: errorType(error), ...(frames.length === 0 ? {} : { at: frames }) };
}

/** What an object says of itself for JSON. */
function jsonOf(value: object): unknown {
  const { toJSON } = value as { readonly toJSON?: unknown };
  return typeof toJSON === 'function' ? (toJSON as () => unknown).call(value) : value;
}

/** A text without the secrets that can be told by their form, cut to a length that a log bears. */
export function redactText(text: string): string {
  // Looked through beyond what is shown, so that the cut does not hide the end of a secret from the search.
  const clean = text
    .slice(0, 4 * MAX_TEXT)
    .replaceAll(/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^]*/g, REDACTED)
    // To the last @ of the word: a password may hold an @ or a /, and rather too much is hidden than the end of one.
    // What begins with a port is a path.
    .replaceAll(/:\/\/([^\s:/@"'<>]+):(?!\d{1,5}\/)[^\s"'<>]+@/g, `://$1:${REDACTED}@`)
    .replaceAll(/:\/\/:[^\s"'<>]+@/g, `://:${REDACTED}@`)
    // By itself it is a token as often as a name.
    .replaceAll(/:\/\/[^\s:/@"'<>?#]+@/g, `://${REDACTED}@`)
    .replaceAll(/\b(bearer|basic) [\w.~+/=-]{8,}/gi, `$1 ${REDACTED}`)
    .replaceAll(/\b[xyztuvYZUV]prv[1-9A-HJ-NP-Za-km-z]{50,}/g, REDACTED)
    .replaceAll(/\b(?:[KLc][1-9A-HJ-NP-Za-km-z]{51}|[59][1-9A-HJ-NP-Za-km-z]{50})\b/g, REDACTED)
    .replaceAll(/"([\w-]{1,64})"(\s{0,8}:\s{0,8})"(?:[^"\\]|\\.)*"/g, (all, name: string, colon: string) =>
      isSecretName(name) ? `"${name}"${colon}"${REDACTED}"` : all,
    )
    .replaceAll(/\b([\w-]{1,64})=(?:'[^']*'|"[^"]*"|[^\s&;,"']+)/g, (all, name: string) =>
      isSecretName(name) ? `${name}=${REDACTED}` : all,
    );
  return clean.length > MAX_TEXT || text.length > 4 * MAX_TEXT
    ? `${clean.slice(0, MAX_TEXT)}… of ${text.length} characters`
    : clean;
}
