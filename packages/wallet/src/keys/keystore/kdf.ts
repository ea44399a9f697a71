import { argon2idAsync } from '@noble/hashes/argon2.js';
import { scryptAsync } from '@noble/hashes/scrypt.js';
import { requireFunction, requireObject } from '../../checks.ts';
import { invalidArgument, WalletError } from '../../errors.ts';
import { SecretBytes } from '../secret-bytes.ts';
import { requireWellFormed } from '../text.ts';

/** How a password becomes a key: what makes guessing dear. */
export type KeystoreKdf =
  | {
      readonly name: 'scrypt';
      /** A power of two, 2¹⁴ to 2²⁰. Memory is 128·n·r bytes, at most 1 GiB. */
      readonly n: number;
      /** 1 to 32. */
      readonly r: number;
      /** 1 to 16; n·r·p is at most 2²⁴. */
      readonly p: number;
    }
  | {
      readonly name: 'argon2id';
      /** KiB, 8,192 to 1,048,576. */
      readonly memory: number;
      /** 1 to 64; memory·passes is at most 2²². */
      readonly passes: number;
      /** 1 to 16. */
      readonly lanes: number;
    };

/** What opening and sealing take last. */
export interface KdfCallOptions {
  /** Called with how much is done, 0 to 1, while a key is made of the password; not at every step. */
  readonly onProgress?: (done: number) => void;
  /** Ends the call: it then throws `WALLET_ABORTED`. */
  readonly signal?: AbortSignal;
}

/** scrypt as interactive wallets have it: 128 MiB, half a second (RFC 7914). */
export const SCRYPT_DEFAULT: KeystoreKdf = /* @__PURE__ */ Object.freeze({ name: 'scrypt', n: 2 ** 17, r: 8, p: 1 });

/** Argon2id with the second recommended parameters of RFC 9106, section 4: 64 MiB, 3 passes, 4 lanes. */
export const ARGON2ID_DEFAULT: KeystoreKdf = /* @__PURE__ */ Object.freeze({
  name: 'argon2id',
  memory: 2 ** 16,
  passes: 3,
  lanes: 4,
});

/** Milliseconds after which the derivation lets others run. */
const TICK_MS = 10;
const GIBIBYTE = 2 ** 30;
const KEY_LENGTH = 32;

/** What is wrong with the parameters of scrypt, as the field at fault; `undefined` for nothing. */
export function scryptFault(parameters: {
  readonly n: unknown;
  readonly r: unknown;
  readonly p: unknown;
  readonly leastN: number;
}): string | undefined {
  const { n, r, p, leastN } = parameters;
  if (!isWhole(n, leastN, 2 ** 20) || (n & (n - 1)) !== 0) return 'n';
  if (!isWhole(r, 1, 32) || 128 * n * r > GIBIBYTE) return 'r';
  if (!isWhole(p, 1, 16) || n * r * p > 2 ** 24) return 'p';
  return undefined;
}

/** What is wrong with the parameters of Argon2id, as the field at fault; `undefined` for nothing. */
export function argon2idFault(parameters: {
  readonly memory: unknown;
  readonly passes: unknown;
  readonly lanes: unknown;
}): string | undefined {
  const { memory, passes, lanes } = parameters;
  if (!isWhole(memory, 8_192, 2 ** 20)) return 'memory';
  if (!isWhole(passes, 1, 64) || memory * passes > 2 ** 22) return 'passes';
  if (!isWhole(lanes, 1, 16)) return 'lanes';
  return undefined;
}

/** Throws `WALLET_INVALID_ARGUMENT` unless a value is a way to make a key, within its bounds; copies it. */
export function requireKdf(argument: string, value: unknown): KeystoreKdf {
  const kdf = requireObject<Record<string, unknown>>(argument, value);
  const { name, n, r, p, memory, passes, lanes } = kdf;
  const fault =
    name === 'scrypt'
      ? scryptFault({ n, r, p, leastN: 2 ** 14 })
      : name === 'argon2id'
        ? argon2idFault({ memory, passes, lanes })
        : 'name';
  if (fault !== undefined) throw invalidArgument(`${argument}.${fault}`, 'within its bounds', kdf[fault]);
  return name === 'scrypt'
    ? { name, n: n as number, r: r as number, p: p as number }
    : { name: 'argon2id', memory: memory as number, passes: passes as number, lanes: lanes as number };
}

/** A password that a person types, or bytes that a machine keeps. */
export function passwordBytes(argument: string, value: unknown, form: 'NFKC' | 'raw' = 'NFKC'): Uint8Array {
  if (value instanceof SecretBytes) return value.use((bytes) => new Uint8Array(bytes));
  const text = requireWellFormed(argument, value);
  return new TextEncoder().encode(form === 'raw' ? text : text.normalize('NFKC'));
}

/** Makes a key of 32 bytes; lets others run every ten milliseconds. The caller wipes all of it. */
export async function keyOfPassword(
  kdf: KeystoreKdf,
  options: KdfCallOptions & {
    readonly call: string;
    readonly password: Uint8Array;
    readonly salt: Uint8Array;
  },
): Promise<Uint8Array> {
  const { password, salt } = options;
  const settings = { dkLen: KEY_LENGTH, asyncTick: TICK_MS, onProgress: watch(options) };
  if (kdf.name === 'scrypt') {
    const { n, r, p } = kdf;
    return scryptAsync(password, salt, { ...settings, N: n, r, p, maxmem: 2 * GIBIBYTE });
  }
  const { memory, passes, lanes } = kdf;
  return argon2idAsync(password, salt, { ...settings, m: memory, t: passes, p: lanes, maxmem: 2 * GIBIBYTE });
}

/** What a derivation calls as it goes on: it ends it by throwing. */
export function watch(options: KdfCallOptions & { readonly call: string }): (done: number) => void {
  const { call, onProgress, signal } = options;
  if (onProgress !== undefined) requireFunction('options.onProgress', onProgress);
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw invalidArgument('options.signal', 'an AbortSignal', signal);
  const check = (): void => {
    if (signal?.aborted === true)
      throw new WalletError('WALLET_ABORTED', `${call} was ended by its AbortSignal`, {
        details: { call },
        cause: signal.reason,
      });
  };
  check();
  return (done) => {
    check();
    onProgress?.(done);
  };
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
}
