import { invalidArgument, WalletError } from '../errors.ts';
import { requireInteger, requireList, requireObject, requireText } from '../checks.ts';

/** What a label is attached to (BIP329). */
export type LabelType = 'tx' | 'addr' | 'pubkey' | 'input' | 'output' | 'xpub';

/** A value of JSON. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** A line of a label export (BIP329). */
export interface Label {
  readonly type: LabelType;
  /** Transaction id; address; public key in hexadecimal; `txid:index` of an input or output; extended key. */
  readonly ref: string;
  /** Absent when nothing is to be changed. */
  readonly label?: string;
  /** The descriptor of the wallet without keys, for example `wpkh([d34db33f/84'/0'/0'])`. */
  readonly origin?: string;
  /** Of an output: whether the wallet may spend it. */
  readonly spendable?: boolean;
  /** Fields that this library does not read, as they came: `height`, `time`, `fee`, `value`, `rate`, `keypath`… */
  readonly others?: Readonly<Record<string, JsonValue>>;
}

/** What was read of an export. */
export interface ImportedLabels {
  readonly labels: readonly Label[];
  /** Lines that were left out, from 1: of a type that BIP329 does not know, which is no fault, or of no valid form. */
  readonly skipped: readonly { readonly line: number; readonly reason: string }[];
}

/** How an export is read. */
export interface ImportLabelsOptions {
  /** `throw` at the first line of no valid form, or `skip` it; `throw` when absent. */
  readonly invalid?: 'throw' | 'skip';
  /** Characters after which a label is cut off; 255 when absent, as BIP329 suggests. */
  readonly maximumLength?: number;
}

const TYPES: ReadonlySet<string> = new Set<LabelType>(['tx', 'addr', 'pubkey', 'input', 'output', 'xpub']);
const KNOWN: ReadonlySet<string> = new Set(['type', 'ref', 'label', 'origin', 'spendable']);
const MAXIMUM_CHARACTERS = 64 * 1024 * 1024;
const MAXIMUM_LINE = 100_000;
/** Of a label, unless told otherwise (BIP329). */
const MAXIMUM_LABEL = 255;
const MAXIMUM_REFERENCE = 1_000;

const REFERENCES: Readonly<Record<LabelType, RegExp>> = {
  tx: /^[0-9a-f]{64}$/i,
  addr: /^[0-9a-z]{8,1000}$/i,
  pubkey: /^(?:[0-9a-f]{64}|[0-9a-f]{66}|[0-9a-f]{130})$/i,
  input: /^[0-9a-f]{64}:\d{1,10}$/i,
  output: /^[0-9a-f]{64}:\d{1,10}$/i,
  xpub: /^[1-9A-HJ-NP-Za-km-z]{100,120}$/,
};

/**
 * Reads labels that another wallet has exported, one JSON object a line (BIP329).
 *
 * @param text - At most 64 Mi characters; lines of at most 100,000.
 * @throws WalletError `WALLET_LABELS_INVALID` with the line, from 1; `WALLET_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { importLabels } from '@bitcoin-enterprise/wallet/coins';
 *
 * const line = '{"type":"addr","ref":"bc1q34aq5drpuwy3wgl9lhup9892qp6svr8ldzyy7c","label":"Rent"}';
 * importLabels(line).labels[0]?.label; // => 'Rent'
 * ```
 */
export function importLabels(text: string, options: ImportLabelsOptions = {}): ImportedLabels {
  requireText('text', text);
  const { invalid = 'throw', maximumLength = MAXIMUM_LABEL } = requireObject<ImportLabelsOptions>('options', options);
  if (invalid !== 'throw' && invalid !== 'skip') throw invalidArgument('options.invalid', 'throw or skip', invalid);
  requireInteger('options.maximumLength', maximumLength, 1, MAXIMUM_LINE);
  if (text.length > MAXIMUM_CHARACTERS) throw labelsInvalid(1, 'more than 64 Mi characters');
  const labels: Label[] = [];
  const skipped: { line: number; reason: string }[] = [];
  // A byte order mark is no part of UTF-8 text; some editors write one.
  text
    .replace(/^\ufeff/, '')
    .split('\n')
    .forEach((content, index) => {
      const line = index + 1;
      if (content.trim() === '') return;
      const read = readLine(content);
      if (typeof read === 'string') {
        if (invalid === 'throw') throw labelsInvalid(line, read);
        skipped.push({ line, reason: read });
      } else if (read === undefined) skipped.push({ line, reason: 'a type that BIP329 does not know' });
      else labels.push(read.label === undefined ? read : { ...read, label: cut(read.label, maximumLength) });
    });
  return { labels, skipped };
}

/** A label, `undefined` for an unknown type, or what is wrong. */
function readLine(content: string): Label | string | undefined {
  if (content.length > MAXIMUM_LINE) return `a line of more than ${MAXIMUM_LINE} characters`;
  let fields: unknown;
  try {
    fields = JSON.parse(content);
  } catch {
    return 'a line that is no JSON';
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return 'a line that is no JSON object';
  const { type, ref, label, origin, spendable } = fields as Readonly<Record<string, unknown>>;
  if (typeof type !== 'string' || typeof ref !== 'string') return 'a line without type or ref';
  if (!TYPES.has(type)) return undefined;
  const fault = faultOf({ type: type as LabelType, ref, label, origin, spendable });
  if (fault !== undefined) return fault;
  const others = Object.fromEntries(Object.entries(fields).filter(([name]) => !KNOWN.has(name)));
  return {
    type: type as LabelType,
    ref,
    ...(typeof label === 'string' ? { label } : {}),
    ...(typeof origin === 'string' ? { origin } : {}),
    ...(typeof spendable === 'boolean' ? { spendable } : {}),
    ...(Object.keys(others).length === 0 ? {} : { others }),
  };
}

function faultOf(fields: {
  readonly type: LabelType;
  readonly ref: string;
  readonly label: unknown;
  readonly origin: unknown;
  readonly spendable: unknown;
}): string | undefined {
  const { type, ref, label, origin, spendable } = fields;
  if (ref.length > MAXIMUM_REFERENCE || !REFERENCES[type].test(ref)) return `a ref that is none of type ${type}`;
  if (isIndexTooLarge(ref)) return `a ref that is none of type ${type}`;
  if (label !== undefined && typeof label !== 'string') return 'a label that is no text';
  if (origin !== undefined && typeof origin !== 'string') return 'an origin that is no text';
  if (spendable !== undefined && typeof spendable !== 'boolean') return 'spendable that is neither true nor false';
  return spendable === undefined || type === 'output' ? undefined : 'spendable where there is no output';
}

function isIndexTooLarge(ref: string): boolean {
  const index = ref.split(':')[1];
  return index !== undefined && Number(index) > 0xffff_ffff;
}

/** Not between the halves of a character. */
function cut(label: string, maximumLength: number): string {
  if (label.length <= maximumLength) return label;
  const last = label.charCodeAt(maximumLength - 1);
  return label.slice(0, last >= 0xd800 && last <= 0xdbff ? maximumLength - 1 : maximumLength);
}

/**
 * Writes labels for other wallets, one JSON object a line, each line with its end (BIP329).
 *
 * They tell who paid whom: encrypt them on the way, and delete them when they have arrived.
 *
 * @throws WalletError `WALLET_LABELS_INVALID` with the place in the list, from 1, for a label that no wallet would read.
 */
export function exportLabels(labels: readonly Label[]): string {
  return requireList('labels', labels)
    .map((entry, index) => {
      const { type, ref, label, origin, spendable, others = {} } = requireObject<Label>('label', entry);
      const line = index + 1;
      if (typeof type !== 'string' || !TYPES.has(type) || typeof ref !== 'string')
        throw labelsInvalid(line, 'no type or ref');
      const fault = faultOf({ type, ref, label, origin, spendable });
      if (fault !== undefined) throw labelsInvalid(line, fault);
      const written = lineOf({ type, ref, label, origin, spendable }, others);
      // What is no JSON, or too long, shows when it is read again.
      const problem = written === undefined ? 'other fields that are no JSON' : readLine(written);
      if (typeof problem === 'string') throw labelsInvalid(line, problem);
      return `${written}\n`;
    })
    .join('');
}

/** A line; `undefined` for what JSON cannot write. What is known goes first, and cannot be replaced by what is not. */
function lineOf(known: object, others: unknown): string | undefined {
  if (typeof others !== 'object' || others === null || Array.isArray(others)) return undefined;
  const rest = Object.entries(others).filter(([name]) => !KNOWN.has(name));
  try {
    return JSON.stringify({ ...known, ...Object.fromEntries(rest) });
  } catch {
    return undefined;
  }
}

function labelsInvalid(line: number, reason: string): WalletError<'WALLET_LABELS_INVALID'> {
  return new WalletError('WALLET_LABELS_INVALID', `expected labels of BIP329, got at line ${line}: ${reason}`, {
    details: { line, reason },
  });
}
