import { guarded } from '../checks.ts';
import {
  type BlockHeight,
  blockHeight,
  currentCrypto,
  decodeAddress,
  encodeAddress,
  isBytes,
  MAX_SATOSHIS,
  type NetworkName,
  parseHex,
  type Satoshis,
  satoshis,
  toHex,
  type UnixSeconds,
  unixSeconds,
} from '@bitcoin-enterprise/core';
import { parseDescriptor } from '@bitcoin-enterprise/descriptors';
import { BiscolError } from '../errors.ts';

/** What a value is read within: where its scripts are paid, and where it stands, for errors. */
export interface ValueContext {
  readonly network: NetworkName;
  /** For example `params.buyer`. */
  readonly path: string;
}

/**
 * A kind of value of a contract: how it is read from JSON and written to it. Made by {@link party}, {@link amount} and
 * the others.
 */
export interface ValueKind<Value, Input = unknown> {
  /** For people: `party`, `amount`… */
  readonly kind: string;
  /** Checks a value that came from outside: its JSON form, or a value already read. Throws `BISCOL_VALUE_INVALID`. */
  readonly read: (value: unknown, context: ValueContext) => Value;
  /** The value as JSON. */
  readonly write: (value: Value) => unknown;
  /** Any value of this kind, for pictures and estimates: sizes are those of every other value where that is fixed. */
  readonly sample: (name: string) => Value;
  /** What may be given for it; a type alone. */
  readonly input?: Input;
}

/** Values of a contract by name. */
// oxlint-disable-next-line typescript/no-explicit-any -- values of all kinds; `Values` recovers the types.
export type ValueKinds = Readonly<Record<string, ValueKind<any, any>>>;

/** The values that kinds describe. */
export type Values<Kinds extends ValueKinds> = {
  readonly [Name in keyof Kinds]: Kinds[Name] extends ValueKind<infer Value, infer _Input> ? Value : never;
};

/** What may be given for kinds of values: JSON, or values. */
export type ValuesInput<Kinds extends ValueKinds> = {
  readonly [Name in keyof Kinds]: Kinds[Name] extends ValueKind<infer Value, infer Input> ? Value | Input : never;
};

/** A key that signs, under a name. */
export interface NamedKey {
  readonly name: string;
  /** A key expression of descriptors without wildcard, without its secret: 33 bytes in hexadecimal, or `xpub…/0/1`. */
  readonly key: string;
}

/** Somebody who takes part in a contract: a key that signs, and where payouts go. */
export interface Party extends NamedKey {
  /** The script that payouts to the party pay. */
  readonly payTo: Uint8Array;
}

/** A party as it may be given: an address, or a script, in hexadecimal or bytes. */
export interface PartyInput {
  readonly key: string;
  readonly payTo: string | Uint8Array;
}

function invalid(path: string, expected: string): BiscolError {
  return new BiscolError('BISCOL_VALUE_INVALID', `expected ${path} to be ${expected}`, { details: { path, expected } });
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}

/** A public key expression that names one key; the text that signers and descriptors of others read as well. */
function readKey(value: unknown, path: string): string {
  const expected = 'a public key: 33 bytes in hexadecimal, or an extended public key with its path, without wildcard';
  if (typeof value !== 'string' || value.length > 1_000) throw invalid(path, expected);
  if (/^0[23][\da-f]{64}$/.test(value) && currentCrypto().isPublicKey(parseHex(value))) return value;
  let key: string | undefined;
  try {
    const { node, hasPrivateKeys, isRange, multipathCount } = parseDescriptor(`wpkh(${value})`);
    if (node.name === 'wpkh' && !hasPrivateKeys && !isRange && multipathCount === 1) key = node.key.text('public');
  } catch {
    // What descriptors say of it would repeat the value, which may hold a secret.
  }
  if (key === undefined) throw invalid(path, expected);
  return key;
}

function readScript(value: unknown, { network, path }: ValueContext): Uint8Array {
  if (isBytes(value)) {
    if (value.length === 0 || value.length > 10_000) throw invalid(path, 'a script of 1 to 10,000 bytes');
    return value;
  }
  if (typeof value !== 'string' || value.length > 200) throw invalid(path, `an address of ${network}`);
  try {
    return decodeAddress(value, network).scriptPubKey;
  } catch {
    throw invalid(path, `an address of ${network}`);
  }
}

function writeScript(script: Uint8Array): string {
  return toHex(script);
}

const SAMPLE_KEY = '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798';
const SAMPLE_SCRIPT = Uint8Array.of(0x51, 32, ...parseHex(SAMPLE_KEY.slice(2)));

/** Somebody who takes part: `{ key, payTo }`, a key expression and an address. */
export function party(): ValueKind<Party, PartyInput> {
  return {
    kind: 'party',
    read: (value, context) => {
      const { path } = context;
      if (typeof value !== 'object' || value === null) throw invalid(path, '{ key, payTo }');
      const key = readKey(field(value, 'key'), `${path}.key`);
      const payTo = field(value, 'payTo');
      const script =
        typeof payTo === 'string' && /^(?:[\da-f]{2})+$/.test(payTo) && payTo.length > 43 ? parseHex(payTo) : payTo;
      return { name: nameOf(path), key, payTo: readScript(script, { ...context, path: `${path}.payTo` }) };
    },
    write: ({ key, payTo }) => ({ key, payTo: writeScript(payTo) }),
    sample: (name) => ({ name, key: SAMPLE_KEY, payTo: SAMPLE_SCRIPT }),
  };
}

/** A key that signs and is paid nothing: a co-signer, an oracle, a key that rotates. */
export function publicKey(): ValueKind<NamedKey, string> {
  return {
    kind: 'public key',
    read: (value, { path }) => ({
      name: nameOf(path),
      key: readKey(typeof value === 'object' ? field(value, 'key') : value, path),
    }),
    write: ({ key }) => key,
    sample: (name) => ({ name, key: SAMPLE_KEY }),
  };
}

/** Satoshis, in JSON as a decimal string. */
export function amount(
  options: { readonly minimum?: bigint; readonly maximum?: bigint } = {},
): ValueKind<Satoshis, string | bigint> {
  return guarded('options', 'an object', () => {
    const { minimum = 0n, maximum = MAX_SATOSHIS } = options;
    const expected = `whole satoshis from ${minimum} to ${maximum}, as a decimal string or a bigint`;
    return {
      kind: 'amount',
      read: (value, { path }) => {
        const isText = typeof value === 'string' && /^\d{1,16}$/.test(value);
        const whole = isText ? BigInt(value) : value;
        if (typeof whole !== 'bigint' || whole < minimum || whole > maximum) throw invalid(path, expected);
        return satoshis(whole);
      },
      write: String,
      sample: () => satoshis(minimum > 100_000n ? minimum : maximum < 100_000n ? maximum : 100_000n),
    };
  });
}

/** A whole number. */
export function whole(
  options: { readonly minimum?: number; readonly maximum?: number } = {},
): ValueKind<number, number> {
  return guarded('options', 'an object', () => {
    const { minimum = 0, maximum = 0xffff_ffff } = options;
    return {
      kind: 'number',
      read: (value, { path }) => {
        if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < minimum || value > maximum)
          throw invalid(path, `a whole number from ${minimum} to ${maximum}`);
        return value;
      },
      write: (value) => value,
      sample: () => minimum,
    };
  });
}

/** A number of blocks for `older`: 1 to 65,535 (BIP68). */
export function blocks(
  options: { readonly minimum?: number; readonly maximum?: number } = {},
): ValueKind<number, number> {
  return guarded('options', 'an object', () => {
    const { minimum = 1, maximum = 0xffff } = options;
    return { ...whole({ minimum, maximum }), kind: 'blocks', sample: () => Math.min(Math.max(minimum, 144), maximum) };
  });
}

/** A block height for `after`: 1 to 499,999,999 (BIP65). */
export function height(): ValueKind<BlockHeight, number> {
  const { read } = whole({ minimum: 1, maximum: 499_999_999 });
  return {
    kind: 'height',
    read: (value, context) => blockHeight(read(value, context)),
    write: Number,
    sample: () => blockHeight(900_000),
  };
}

/** A time for `after`: Unix seconds from 500,000,000 (BIP65), compared with the median time of blocks (BIP113). */
export function time(): ValueKind<UnixSeconds, number> {
  const { read } = whole({ minimum: 500_000_000, maximum: 0x7fff_ffff });
  return {
    kind: 'time',
    read: (value, context) => unixSeconds(read(value, context)),
    write: Number,
    sample: () => unixSeconds(1_800_000_000),
  };
}

/** Bytes of a length, in JSON in hexadecimal. */
export function bytes(length: number): ValueKind<Uint8Array, string> {
  return guarded('options', 'an object', () => {
    return {
      kind: 'bytes',
      read: (value, { path }) => {
        const isText = typeof value === 'string' && value.length === 2 * length && /^[\da-f]*$/.test(value);
        const read = isText ? parseHex(value) : value;
        if (!isBytes(read) || read.length !== length) throw invalid(path, `${length} bytes, in hexadecimal`);
        return read;
      },
      write: toHex,
      sample: () => new Uint8Array(length).fill(1),
    };
  });
}

/** A hash of a secret: 32 bytes of SHA-256. */
export function hash(): ValueKind<Uint8Array, string> {
  return { ...bytes(32), kind: 'hash' };
}

/** A secret that opens a hash lock: exactly 32 bytes, as miniscript demands of every preimage. */
export function preimage(): ValueKind<Uint8Array, string> {
  return { ...bytes(32), kind: 'preimage' };
}

/** A script that is paid, in JSON as an address; written in hexadecimal. */
export function address(): ValueKind<Uint8Array, string | Uint8Array> {
  return {
    kind: 'address',
    read: (value, context) =>
      readScript(
        typeof value === 'string' && value.length > 43 && /^(?:[\da-f]{2})+$/.test(value) ? parseHex(value) : value,
        context,
      ),
    write: writeScript,
    sample: () => SAMPLE_SCRIPT,
  };
}

/** A list of values of one kind. */
export function list<Value, Input>(
  item: ValueKind<Value, Input>,
  options: { readonly minimum?: number; readonly maximum?: number } = {},
): ValueKind<readonly Value[], readonly (Value | Input)[]> {
  return guarded('item', 'a kind of value', () => {
    const { minimum = 0, maximum = 1_000 } = options;
    return {
      kind: `list of ${item.kind}`,
      read: (value, context) => {
        const { path } = context;
        if (!Array.isArray(value) || value.length < minimum || value.length > maximum)
          throw invalid(path, `a list of ${minimum} to ${maximum}`);
        return Array.from(value, (one: unknown, place) => item.read(one, { ...context, path: `${path}[${place}]` }));
      },
      write: (values) => values.map((value) => item.write(value)),
      sample: (name) => Array.from({ length: Math.max(minimum, 1) }, (_, place) => item.sample(`${name}[${place}]`)),
    };
  });
}

/** Reads named values: each exactly once, none that nobody knows. */
export function readValues<Kinds extends ValueKinds>(
  kinds: Kinds,
  input: unknown,
  context: ValueContext,
): Values<Kinds> {
  const { path } = context;
  if (typeof input !== 'object' || input === null || Array.isArray(input)) throw invalid(path, 'an object');
  const unknown = Object.keys(input).find((name) => !Object.hasOwn(kinds, name));
  if (unknown !== undefined) throw invalid(path, `an object without ${JSON.stringify(unknown.slice(0, 40))}`);
  return Object.fromEntries(
    Object.entries(kinds).map(([name, kind]) => [
      name,
      kind.read(field(input, name), { ...context, path: `${path}.${name}` }),
    ]),
  ) as Values<Kinds>;
}

/** Named values as JSON. */
export function writeValues<Kinds extends ValueKinds>(
  kinds: Kinds,
  values: Values<Kinds>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, kind.write(values[name])]));
}

/** Any values of these kinds. */
export function sampleValues<Kinds extends ValueKinds>(kinds: Kinds): Values<Kinds> {
  return Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, kind.sample(name)])) as Values<Kinds>;
}

/** The address of a script, or the script in hexadecimal where it has none. */
export function showScript(script: Uint8Array, network: NetworkName): string {
  try {
    return encodeAddress(script, network);
  } catch {
    return toHex(script);
  }
}
