import { promisify } from 'node:util';
import { Pkcs11Failure } from './return-values.ts';
import { TokenError } from './protocol.ts';

/** Attributes, classes and mechanisms of PKCS#11 (version 2.40, pkcs11t.h) that are used here. */
export const CK = {
  CLASS: 0x00,
  TOKEN: 0x01,
  PRIVATE: 0x02,
  LABEL: 0x03,
  VALUE: 0x11,
  KEY_TYPE: 0x100,
  ID: 0x102,
  SENSITIVE: 0x103,
  ENCRYPT: 0x104,
  DECRYPT: 0x105,
  WRAP: 0x106,
  UNWRAP: 0x107,
  SIGN: 0x108,
  VERIFY: 0x10a,
  VALUE_LEN: 0x161,
  EXTRACTABLE: 0x162,
  EC_PARAMS: 0x180,
  EC_POINT: 0x181,
  PUBLIC_KEY_CLASS: 2,
  PRIVATE_KEY_CLASS: 3,
  SECRET_KEY_CLASS: 4,
  EC: 3,
  AES: 0x1f,
  EC_KEY_PAIR_GEN: 0x1040,
  ECDSA: 0x1041,
  AES_KEY_GEN: 0x1080,
  AES_CBC_PAD: 0x1085,
  AES_GCM: 0x1087,
} as const;

/** The functions of a module in the order of CK_FUNCTION_LIST. */
const FUNCTIONS =
  'Initialize Finalize GetInfo GetFunctionList GetSlotList GetSlotInfo GetTokenInfo GetMechanismList GetMechanismInfo InitToken InitPIN SetPIN OpenSession CloseSession CloseAllSessions GetSessionInfo GetOperationState SetOperationState Login Logout CreateObject CopyObject DestroyObject GetObjectSize GetAttributeValue SetAttributeValue FindObjectsInit FindObjects FindObjectsFinal EncryptInit Encrypt EncryptUpdate EncryptFinal DecryptInit Decrypt DecryptUpdate DecryptFinal DigestInit Digest DigestUpdate DigestKey DigestFinal SignInit Sign SignUpdate SignFinal SignRecoverInit SignRecover VerifyInit Verify VerifyUpdate VerifyFinal VerifyRecoverInit VerifyRecover DigestEncryptUpdate DecryptDigestUpdate SignEncryptUpdate DecryptVerifyUpdate GenerateKey GenerateKeyPair WrapKey UnwrapKey DeriveKey SeedRandom GenerateRandom'.split(
    ' ',
  );

/** Types of arguments: a CK_ULONG, a pointer, a byte. */
type ArgumentType = 'ulong' | 'void *' | 'uint8';

/** A function of a module that is called here. */
export type CryptokiFunction =
  | 'Initialize'
  | 'Finalize'
  | 'GetSlotList'
  | 'GetTokenInfo'
  | 'GetMechanismList'
  | 'OpenSession'
  | 'CloseAllSessions'
  | 'GetSessionInfo'
  | 'Login'
  | 'Logout'
  | 'CreateObject'
  | 'GetAttributeValue'
  | 'FindObjectsInit'
  | 'FindObjects'
  | 'FindObjectsFinal'
  | 'EncryptInit'
  | 'Encrypt'
  | 'DecryptInit'
  | 'Decrypt'
  | 'SignInit'
  | 'Sign'
  | 'GenerateKey'
  | 'GenerateKeyPair'
  | 'GenerateRandom';

/** Arguments of the functions that are used. */
const SIGNATURES: Readonly<Record<CryptokiFunction, readonly ArgumentType[]>> = {
  Initialize: ['void *'],
  Finalize: ['void *'],
  GetSlotList: ['uint8', 'void *', 'void *'],
  GetTokenInfo: ['ulong', 'void *'],
  GetMechanismList: ['ulong', 'void *', 'void *'],
  OpenSession: ['ulong', 'ulong', 'void *', 'void *', 'void *'],
  CloseAllSessions: ['ulong'],
  GetSessionInfo: ['ulong', 'void *'],
  Login: ['ulong', 'ulong', 'void *', 'ulong'],
  Logout: ['ulong'],
  CreateObject: ['ulong', 'void *', 'ulong', 'void *'],
  GetAttributeValue: ['ulong', 'ulong', 'void *', 'ulong'],
  FindObjectsInit: ['ulong', 'void *', 'ulong'],
  FindObjects: ['ulong', 'void *', 'ulong', 'void *'],
  FindObjectsFinal: ['ulong'],
  EncryptInit: ['ulong', 'void *', 'ulong'],
  Encrypt: ['ulong', 'void *', 'ulong', 'void *', 'void *'],
  DecryptInit: ['ulong', 'void *', 'ulong'],
  Decrypt: ['ulong', 'void *', 'ulong', 'void *', 'void *'],
  SignInit: ['ulong', 'void *', 'ulong'],
  Sign: ['ulong', 'void *', 'ulong', 'void *', 'void *'],
  GenerateKey: ['ulong', 'void *', 'void *', 'ulong', 'void *'],
  GenerateKeyPair: ['ulong', 'void *', 'void *', 'ulong', 'void *', 'ulong', 'void *', 'void *'],
  GenerateRandom: ['ulong', 'void *', 'ulong'],
};

/** A structure in memory, and the memory that it points to. */
export interface Struct {
  readonly bytes: Uint8Array;
  readonly memory: readonly Uint8Array[];
}

/** A number, or bytes that the module reads or writes. */
export type CryptokiArgument = number | bigint | Uint8Array | Struct | null;

/** One attribute: a number, a truth, or bytes. */
export type Attribute = readonly [type: number, value: number | boolean | Uint8Array];

/** What of koffi is used; its own types are `any` throughout. */
interface Koffi {
  load(path: string): { func(name: string, result: string, args: readonly string[]): (...args: unknown[]) => number };
  sizeof(type: string): number;
  address(value: Uint8Array): bigint;
  view(pointer: bigint, length: number): ArrayBuffer;
  proto(result: string, args: readonly string[]): unknown;
  decode(pointer: bigint, type: unknown): { async(...args: unknown[]): void };
}

/**
 * A PKCS#11 module as it was loaded. Calls run on a thread of koffi's, so that one that hangs does not block this one;
 * they are made one after the other by whoever owns it.
 */
export class Cryptoki {
  readonly #koffi: Koffi;
  readonly #functions: ReadonlyMap<CryptokiFunction, (...args: readonly unknown[]) => Promise<number>>;
  /** What would be collected although it is in use: a library without a handle is unloaded. */
  readonly #kept: unknown[] = [];
  /** Arguments of calls that run: nothing else keeps what a structure points to from being collected. */
  readonly #running = new Set<readonly CryptokiArgument[]>();
  /** Bytes of a CK_ULONG: 8, on Windows 4. */
  readonly ulong: number;
  /** Bytes of a pointer. */
  readonly pointer: number;

  private constructor(koffi: Koffi, module: string) {
    this.#koffi = koffi;
    this.ulong = koffi.sizeof('ulong');
    this.pointer = koffi.sizeof('void *');
    const list = new Uint8Array(this.pointer);
    const library = koffi.load(module);
    this.#kept.push(library);
    const returned = library.func('C_GetFunctionList', 'ulong', ['void *'])(list);
    if (returned !== 0) throw new Pkcs11Failure('C_GetFunctionList', returned);
    // CK_FUNCTION_LIST: the version, two bytes, then the functions; Windows packs structures to one byte.
    const first = process.platform === 'win32' ? 2 : this.pointer;
    const table = Buffer.from(koffi.view(this.#readPointer(list, 0), first + FUNCTIONS.length * this.pointer));
    this.#functions = new Map(
      (Object.keys(SIGNATURES) as CryptokiFunction[]).map((name) => {
        const address = this.#readPointer(table, first + FUNCTIONS.indexOf(name) * this.pointer);
        const type = koffi.proto('ulong', SIGNATURES[name]);
        const callable = koffi.decode(address, type);
        this.#kept.push(type, callable);
        return [name, promisify(callable.async)];
      }),
    );
  }

  /** Loads a module. What cannot be loaded is `gone`: not there, of another machine, or koffi is not installed. */
  static async load(module: string): Promise<Cryptoki> {
    let koffi: Koffi;
    try {
      koffi = ((await import('koffi')) as unknown as { readonly default: Koffi }).default;
    } catch {
      throw new TokenError({ kind: 'gone', reason: 'the package koffi is not installed' });
    }
    try {
      return new Cryptoki(koffi, module);
    } catch (error) {
      if (error instanceof Pkcs11Failure) throw error;
      throw new TokenError({ kind: 'gone', reason: 'the module cannot be loaded' });
    }
  }

  /** Calls a function; anything but CKR_OK is thrown as {@link Pkcs11Failure}. */
  async call(name: CryptokiFunction, ...args: readonly CryptokiArgument[]): Promise<void> {
    this.#running.add(args);
    try {
      const plain = args.map((arg) => (typeof arg === 'object' && arg !== null && 'memory' in arg ? arg.bytes : arg));
      const returned = await this.#functions.get(name)?.(...plain);
      if (returned !== 0) throw new Pkcs11Failure(`C_${name}`, returned ?? -1);
    } finally {
      this.#running.delete(args);
    }
  }

  /** A CK_ULONG in memory. */
  number(value: number): Uint8Array {
    const bytes = new Uint8Array(this.ulong);
    this.#write(bytes, 0, this.ulong, BigInt(value));
    return bytes;
  }

  /** Reads a CK_ULONG out of memory. */
  readNumber(bytes: Uint8Array, place = 0): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return this.ulong === 8 ? Number(view.getBigUint64(place * 8, true)) : view.getUint32(place * this.ulong, true);
  }

  /** Attributes as a CK_ATTRIBUTE array; hand it to {@link Cryptoki.call} whole. */
  template(attributes: readonly Attribute[]): Struct & { readonly count: number } {
    const memory = attributes.map(([, value]) => {
      if (typeof value === 'number') return this.number(value);
      return typeof value === 'boolean' ? Uint8Array.of(value ? 1 : 0) : new Uint8Array(value);
    });
    const size = this.#structSize;
    const bytes = new Uint8Array(size * attributes.length);
    attributes.forEach(([type], place) => {
      this.#writeStruct(bytes, place * size, type, memory[place]);
    });
    return { bytes, count: attributes.length, memory };
  }

  /** A CK_MECHANISM; hand it to {@link Cryptoki.call} whole. */
  mechanism(type: number, parameter?: Struct): Struct {
    const bytes = new Uint8Array(this.#structSize);
    this.#writeStruct(bytes, 0, type, parameter?.bytes);
    return { bytes, memory: parameter === undefined ? [] : [parameter.bytes, ...parameter.memory] };
  }

  /** CK_GCM_PARAMS with a tag of 128 bits. */
  gcmParameters(iv: Uint8Array, data: Uint8Array): Struct {
    const fields: readonly (readonly [number, bigint])[] = [
      [this.pointer, this.#koffi.address(iv)],
      [this.ulong, BigInt(iv.length)],
      [this.ulong, BigInt(8 * iv.length)],
      [this.pointer, this.#koffi.address(data)],
      [this.ulong, BigInt(data.length)],
      [this.ulong, 128n],
    ];
    const bytes = new Uint8Array(fields.reduce((sum, [size]) => sum + size, 0));
    let offset = 0;
    for (const [size, value] of fields) {
      this.#write(bytes, offset, size, value);
      offset += size;
    }
    return { bytes, memory: [iv, data] };
  }

  /**
   * Attributes of an object; `undefined` for one that it has not, or does not show.
   *
   * @param types - Their numbers.
   */
  async attributes(
    session: number,
    object: number,
    types: readonly number[],
  ): Promise<readonly (Uint8Array | undefined)[]> {
    const values: (Uint8Array | undefined)[] = [];
    // One at a time: a template stops at the first that a token does not show.
    for (const type of types) {
      const bytes = new Uint8Array(this.#structSize);
      const room = new Uint8Array(1_024);
      this.#writeStruct(bytes, 0, type, room);
      try {
        await this.call('GetAttributeValue', session, object, { bytes, memory: [room] }, 1);
        values.push(room.slice(0, this.#readLength(bytes)));
      } catch (error) {
        const hidden = [0x11, 0x12, 0x150];
        if (!(error instanceof Pkcs11Failure) || !hidden.includes(error.returned)) throw error;
        values.push(undefined);
      }
    }
    return values;
  }

  /** CK_ATTRIBUTE and CK_MECHANISM: a number, a pointer, a length. */
  get #structSize(): number {
    return this.ulong + this.pointer + this.ulong;
  }

  #writeStruct(bytes: Uint8Array, at: number, type: number, memory: Uint8Array | undefined): void {
    this.#write(bytes, at, this.ulong, BigInt(type));
    this.#write(
      bytes,
      at + this.ulong,
      this.pointer,
      memory === undefined || memory.length === 0 ? 0n : this.#koffi.address(memory),
    );
    this.#write(bytes, at + this.ulong + this.pointer, this.ulong, BigInt(memory?.length ?? 0));
  }

  #readLength(bytes: Uint8Array): number {
    const at = this.ulong + this.pointer;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return this.ulong === 8 ? Number(view.getBigUint64(at, true)) : view.getUint32(at, true);
  }

  #readPointer(bytes: Uint8Array, at: number): bigint {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return this.pointer === 8 ? view.getBigUint64(at, true) : BigInt(view.getUint32(at, true));
  }

  #write(bytes: Uint8Array, at: number, size: number, value: bigint): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    if (size === 8) view.setBigUint64(at, value, true);
    else view.setUint32(at, Number(value), true);
  }
}
