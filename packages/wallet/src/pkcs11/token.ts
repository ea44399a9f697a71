import { concatBytes, currentCrypto, equalBytes, toHex } from '@bitcoin-enterprise/core';
import { offHeap } from '../keys/off-heap.ts';
import { type Attribute, CK, Cryptoki } from './cryptoki.ts';
import {
  type SealedRecord,
  type SealMechanism,
  type SignItem,
  type TokenChoice,
  TokenError,
  type TokenKeyRecord,
  type TokenRecord,
} from './protocol.ts';
import { ALREADY_LOGGED_IN, Pkcs11Failure } from './return-values.ts';
import { publicKeyOf, secretAt, signWith, withLowS } from './unsealed.ts';

/** SEC 2: the object identifier 1.3.132.0.10 in DER. */
const SECP256K1: Uint8Array = /* @__PURE__ */ Uint8Array.of(6, 5, 0x2b, 0x81, 4, 0, 0x0a);
/** CKF_OS_LOCKING_OK. */
const OS_LOCKING = 2;
/** CKF_SERIAL_SESSION and CKF_RW_SESSION. */
const SESSION_FLAGS = 6;
/** CKU_USER. */
const USER = 1;
/** CKS_RW_USER_FUNCTIONS. */
const USER_STATE = 3;
const IV_LENGTHS: Readonly<Record<SealMechanism, number>> = { 'aes-gcm': 12, 'aes-cbc-pad': 16 };
const SEAL_LABEL = /* @__PURE__ */ new TextEncoder().encode('bitcoin-enterprise sealed key 1');

/** Where a key of a token is in this session. */
interface Held extends TokenKeyRecord {
  readonly handle: number;
}

/** A token of a module: one session, in which one call at a time is made. */
export class Token {
  readonly #cryptoki: Cryptoki;
  readonly #choice: TokenChoice;
  #slot: number | undefined;
  #session: number | undefined;
  /** Keys of the token by public key in hexadecimal; forgotten with the session. */
  #held: Map<string, Held> | undefined;

  private constructor(cryptoki: Cryptoki, choice: TokenChoice) {
    this.#cryptoki = cryptoki;
    this.#choice = choice;
  }

  /** Loads a module, initialises it, and finds a token. */
  static async open(module: string, choice: TokenChoice): Promise<Token> {
    const token = new Token(await initialised(module), choice);
    await token.#findSlot();
    return token;
  }

  /** Loads a module, initialises it, and tells of its tokens. */
  static async list(module: string): Promise<readonly TokenRecord[]> {
    return tokensOf(await initialised(module));
  }

  /** Throws `login-needed` unless there is a session in which the user is logged in. */
  async requireSession(): Promise<number> {
    const session = await this.#openSession();
    if (!(await this.#isLoggedIn(session))) throw new TokenError({ kind: 'login-needed' });
    return session;
  }

  /** Logs in; the PIN is overwritten. */
  async login(pin: Uint8Array): Promise<void> {
    try {
      await this.#cryptoki.call('Login', await this.#openSession(), USER, pin, pin.length);
    } catch (error) {
      if (!(error instanceof Pkcs11Failure) || error.returned !== ALREADY_LOGGED_IN) throw error;
    } finally {
      pin.fill(0);
    }
  }

  /** Logs out; the session stays. */
  async logout(): Promise<void> {
    await this.#cryptoki.call('Logout', await this.#openSession());
  }

  /** Closes all sessions, as another library in the process could. */
  async closeSessions(): Promise<void> {
    if (this.#slot !== undefined) await this.#cryptoki.call('CloseAllSessions', this.#slot);
  }

  /** Forgets the session: the next call opens another one, on the slot where the token then is. */
  forget(): void {
    this.#session = undefined;
    this.#slot = undefined;
    this.#held = undefined;
  }

  /** The keys of secp256k1 that can sign. */
  async keys(): Promise<readonly TokenKeyRecord[]> {
    this.#held = undefined;
    const held = await this.#keys(await this.requireSession());
    return [...held.values()].map(({ label, id, publicKey }) => ({ label, id, publicKey }));
  }

  /** Makes a key pair whose secret never leaves the token. */
  async generate(label: string, id: Uint8Array): Promise<TokenKeyRecord> {
    const session = await this.requireSession();
    await this.#requireMechanism(CK.EC_KEY_PAIR_GEN);
    const mechanism = this.#cryptoki.mechanism(CK.EC_KEY_PAIR_GEN);
    const publicTemplate = this.#cryptoki.template([
      ...named(label, id),
      [CK.EC_PARAMS, SECP256K1],
      [CK.VERIFY, true],
      [CK.PRIVATE, false],
    ]);
    const privateTemplate = this.#cryptoki.template([...named(label, id), ...secretKeyAttributes]);
    const handles = [this.#cryptoki.number(0), this.#cryptoki.number(0)] as const;
    await this.#cryptoki.call(
      'GenerateKeyPair',
      session,
      mechanism,
      publicTemplate,
      publicTemplate.count,
      privateTemplate,
      privateTemplate.count,
      ...handles,
    );
    const publicKey = await this.#publicKeyOf(session, this.#cryptoki.readNumber(handles[0]));
    if (publicKey === undefined) throw new TokenError({ kind: 'answer', reason: 'a key without its point' });
    this.#held = undefined;
    return { label, id, publicKey };
  }

  /** Puts a key into the token; from then on it does not leave it. */
  async importKey(label: string, id: Uint8Array, secretKey: Uint8Array): Promise<TokenKeyRecord> {
    const session = await this.requireSession();
    const publicKey = publicKeyOf(secretKey);
    const full = currentCrypto().publicKeyConvert(publicKey, { compressed: false }) as Uint8Array;
    // The public half first: alone it is harmless.
    await this.#create(session, [
      [CK.CLASS, CK.PUBLIC_KEY_CLASS],
      [CK.KEY_TYPE, CK.EC],
      ...named(label, id),
      [CK.EC_PARAMS, SECP256K1],
      // CKA_EC_POINT is the point as an OCTET STRING in DER.
      [CK.EC_POINT, concatBytes(Uint8Array.of(4, full.length), full)],
      [CK.VERIFY, true],
      [CK.PRIVATE, false],
    ]);
    await this.#create(session, [
      [CK.CLASS, CK.PRIVATE_KEY_CLASS],
      [CK.KEY_TYPE, CK.EC],
      ...named(label, id),
      [CK.EC_PARAMS, SECP256K1],
      [CK.VALUE, secretKey],
      ...secretKeyAttributes,
    ]);
    this.#held = undefined;
    return { label, id, publicKey };
  }

  /** Makes an AES key of 256 bits that never leaves the token; nothing happens when there is one of that label. */
  async makeWrappingKey(label: string): Promise<void> {
    const session = await this.requireSession();
    if ((await this.#findWrappingKey(session, label)) !== undefined) return;
    await this.#requireMechanism(CK.AES_KEY_GEN);
    const template = this.#cryptoki.template([
      [CK.CLASS, CK.SECRET_KEY_CLASS],
      [CK.KEY_TYPE, CK.AES],
      [CK.VALUE_LEN, 32],
      [CK.TOKEN, true],
      [CK.PRIVATE, true],
      [CK.LABEL, new TextEncoder().encode(label)],
      [CK.SENSITIVE, true],
      [CK.EXTRACTABLE, false],
      [CK.ENCRYPT, true],
      [CK.DECRYPT, true],
    ]);
    const handle = this.#cryptoki.number(0);
    const mechanism = this.#cryptoki.mechanism(CK.AES_KEY_GEN);
    await this.#cryptoki.call('GenerateKey', session, mechanism, template, template.count, handle);
  }

  /** Seals a secret with a key of the token; one of the token's own randomness when none is given. */
  async seal(wanted: {
    readonly kind: 'key' | 'master';
    readonly wrappingKey: string;
    readonly mechanism?: SealMechanism;
    readonly secret?: Uint8Array;
  }): Promise<SealedRecord> {
    const { kind, wrappingKey } = wanted;
    const session = await this.requireSession();
    const secret = wanted.secret === undefined ? await this.#newSecret(session, kind) : new Uint8Array(wanted.secret);
    try {
      const publicKey = publicKeyOf(secret.subarray(0, 32));
      const mechanism = wanted.mechanism ?? (await this.#sealMechanism());
      const iv = await this.#random(session, IV_LENGTHS[mechanism]);
      const record = { kind, publicKey, wrappingKey, mechanism, iv };
      return { ...record, sealed: await this.#crypt(session, 'Encrypt', { ...record, input: secret }) };
    } finally {
      secret.fill(0);
    }
  }

  /** Public keys below a sealed master key. */
  async derive(sealed: SealedRecord, paths: readonly (readonly number[])[]): Promise<readonly Uint8Array[]> {
    const session = await this.requireSession();
    const keys: Uint8Array[] = [];
    await this.#unsealed(session, sealed, (secret) => {
      for (const path of paths) {
        const at = secretBelow(sealed, secret, path);
        keys.push(publicKeyOf(at));
        at.fill(0);
      }
    });
    return keys;
  }

  /** One signature for each item, all or none. */
  async sign(items: readonly SignItem[]): Promise<readonly Uint8Array[]> {
    const session = await this.requireSession();
    const signatures: Uint8Array[] = [];
    for (const item of items) {
      if (item.key instanceof Uint8Array) signatures.push(await this.#signInside(session, item.key, item));
      else {
        const { sealed, path } = item.key;
        const random = await this.#random(session, 32);
        await this.#unsealed(session, sealed, (secret) => {
          const at = secretBelow(sealed, secret, path);
          try {
            signatures.push(signWith(at, { ...item, random }));
          } finally {
            at.fill(0);
          }
        });
      }
    }
    return signatures;
  }

  async #signInside(session: number, key: Uint8Array, item: SignItem): Promise<Uint8Array> {
    const name = toHex(key);
    let held = (await this.#keys(session)).get(name);
    if (held === undefined) {
      this.#held = undefined;
      held = (await this.#keys(session)).get(name);
    }
    if (held === undefined || item.scheme !== 'ecdsa') throw new TokenError({ kind: 'key-unknown', key: name });
    await this.#requireMechanism(CK.ECDSA);
    const mechanism = this.#cryptoki.mechanism(CK.ECDSA);
    await this.#cryptoki.call('SignInit', session, mechanism, held.handle);
    const signature = new Uint8Array(128);
    const length = this.#cryptoki.number(signature.length);
    await this.#cryptoki.call('Sign', session, item.digest, item.digest.length, signature, length);
    if (this.#cryptoki.readNumber(length) !== 64)
      throw new TokenError({ kind: 'answer', reason: 'a signature that has not 64 bytes' });
    return withLowS(signature.slice(0, 64));
  }

  async #unsealed(session: number, sealed: SealedRecord, use: (secret: Uint8Array) => void): Promise<void> {
    const secret = await this.#crypt(session, 'Decrypt', { ...sealed, input: sealed.sealed });
    try {
      const isWhole = secret.length === (sealed.kind === 'key' ? 32 : 64);
      // The cipher without authentication is as good as this comparison.
      if (!isWhole || !equalBytes(publicKeyOf(secret.subarray(0, 32)), sealed.publicKey))
        throw new TokenError({ kind: 'answer', reason: 'a sealed key that was altered' });
      use(secret);
    } finally {
      secret.fill(0);
    }
  }

  /** Encrypts or decrypts with a key of the token. */
  async #crypt(
    session: number,
    direction: 'Encrypt' | 'Decrypt',
    parts: Omit<SealedRecord, 'sealed'> & { readonly input: Uint8Array },
  ): Promise<Uint8Array> {
    const { mechanism, iv, input, wrappingKey } = parts;
    const key = await this.#findWrappingKey(session, wrappingKey);
    if (key === undefined) throw new TokenError({ kind: 'key-unknown', key: wrappingKey });
    const vector = new Uint8Array(iv);
    const data = concatBytes(SEAL_LABEL, Uint8Array.of(parts.kind === 'key' ? 0 : 1), parts.publicKey);
    const description =
      mechanism === 'aes-gcm'
        ? this.#cryptoki.mechanism(CK.AES_GCM, this.#cryptoki.gcmParameters(vector, data))
        : this.#cryptoki.mechanism(CK.AES_CBC_PAD, { bytes: vector, memory: [] });
    const output = new Uint8Array(input.length + 64);
    const length = this.#cryptoki.number(output.length);
    try {
      await this.#cryptoki.call(`${direction}Init`, session, description, key);
      await this.#cryptoki.call(direction, session, input, input.length, output, length);
      const given = output.subarray(0, this.#cryptoki.readNumber(length));
      const copy = offHeap(given.length);
      copy.set(given);
      return copy;
    } finally {
      output.fill(0);
    }
  }

  async #newSecret(session: number, kind: 'key' | 'master'): Promise<Uint8Array> {
    if (kind === 'key') {
      const secret = await this.#random(session, 32);
      if (currentCrypto().isSecretKey(secret)) return secret;
      throw new TokenError({ kind: 'answer', reason: 'randomness that is no key' });
    }
    const seed = await this.#random(session, 64);
    const master = currentCrypto().hmacSha512(new TextEncoder().encode('Bitcoin seed'), seed);
    seed.fill(0);
    return master;
  }

  async #random(session: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    await this.#cryptoki.call('GenerateRandom', session, bytes, length);
    if (bytes.every((byte) => byte === 0)) throw new TokenError({ kind: 'answer', reason: 'randomness of zeros' });
    return bytes;
  }

  async #sealMechanism(): Promise<SealMechanism> {
    const offered = await this.#mechanisms();
    if (offered.has(CK.AES_GCM)) return 'aes-gcm';
    if (offered.has(CK.AES_CBC_PAD)) return 'aes-cbc-pad';
    throw new Pkcs11Failure('C_GetMechanismList', 0x70);
  }

  async #requireMechanism(mechanism: number): Promise<void> {
    if (!(await this.#mechanisms()).has(mechanism)) throw new Pkcs11Failure('C_GetMechanismList', 0x70);
  }

  async #mechanisms(): Promise<ReadonlySet<number>> {
    const slot = await this.#findSlot();
    const room = new Uint8Array(1_024 * this.#cryptoki.ulong);
    const count = this.#cryptoki.number(1_024);
    await this.#cryptoki.call('GetMechanismList', slot, room, count);
    return new Set(
      Array.from({ length: this.#cryptoki.readNumber(count) }, (_, i) => this.#cryptoki.readNumber(room, i)),
    );
  }

  async #keys(session: number): Promise<ReadonlyMap<string, Held>> {
    if (this.#held !== undefined) return this.#held;
    const held = new Map<string, Held>();
    const points = new Map<string, Uint8Array>();
    const curve: readonly Attribute[] = [
      [CK.KEY_TYPE, CK.EC],
      [CK.EC_PARAMS, SECP256K1],
    ];
    for (const object of await this.#find(session, [[CK.CLASS, CK.PUBLIC_KEY_CLASS], ...curve])) {
      const publicKey = await this.#publicKeyOf(session, object);
      const [id, label] = await this.#cryptoki.attributes(session, object, [CK.ID, CK.LABEL]);
      if (publicKey !== undefined) points.set(pairName(id, label), publicKey);
    }
    for (const handle of await this.#find(session, [[CK.CLASS, CK.PRIVATE_KEY_CLASS], ...curve, [CK.SIGN, true]])) {
      const [id, label] = await this.#cryptoki.attributes(session, handle, [CK.ID, CK.LABEL]);
      const publicKey = points.get(pairName(id, label)) ?? (await this.#publicKeyOf(session, handle));
      if (publicKey === undefined) continue;
      held.set(toHex(publicKey), {
        label: new TextDecoder().decode(label),
        id: id ?? new Uint8Array(),
        publicKey,
        handle,
      });
    }
    this.#held = held;
    return held;
  }

  /** The compressed point of an object; `undefined` when it does not say. */
  async #publicKeyOf(session: number, object: number): Promise<Uint8Array | undefined> {
    const [point] = await this.#cryptoki.attributes(session, object, [CK.EC_POINT]);
    if (point === undefined) return undefined;
    // In DER, as the standard says, or bare, as some tokens have it.
    const bare = point.length === 67 || point.length === 35 ? point.subarray(2) : point;
    return currentCrypto().isPublicKey(bare) ? currentCrypto().publicKeyConvert(bare) : undefined;
  }

  async #findWrappingKey(session: number, label: string): Promise<number | undefined> {
    const [handle, ...others] = await this.#find(session, [
      [CK.CLASS, CK.SECRET_KEY_CLASS],
      [CK.KEY_TYPE, CK.AES],
      [CK.LABEL, new TextEncoder().encode(label)],
    ]);
    if (others.length > 0) throw new TokenError({ kind: 'answer', reason: 'several wrapping keys of one label' });
    return handle;
  }

  async #find(session: number, attributes: readonly Attribute[]): Promise<readonly number[]> {
    const template = this.#cryptoki.template(attributes);
    await this.#cryptoki.call('FindObjectsInit', session, template, template.count);
    const handles: number[] = [];
    try {
      for (;;) {
        const room = new Uint8Array(64 * this.#cryptoki.ulong);
        const found = this.#cryptoki.number(0);
        await this.#cryptoki.call('FindObjects', session, room, 64, found);
        const number = this.#cryptoki.readNumber(found);
        for (let i = 0; i < number; i++) handles.push(this.#cryptoki.readNumber(room, i));
        if (number === 0) return handles;
      }
    } finally {
      await this.#cryptoki.call('FindObjectsFinal', session).catch(() => undefined);
    }
  }

  async #create(session: number, attributes: readonly Attribute[]): Promise<void> {
    const template = this.#cryptoki.template(attributes);
    try {
      await this.#cryptoki.call('CreateObject', session, template, template.count, this.#cryptoki.number(0));
    } finally {
      for (const value of template.memory) value.fill(0);
    }
  }

  async #openSession(): Promise<number> {
    if (this.#session !== undefined) return this.#session;
    const handle = this.#cryptoki.number(0);
    await this.#cryptoki.call('OpenSession', await this.#findSlot(), SESSION_FLAGS, null, null, handle);
    this.#session = this.#cryptoki.readNumber(handle);
    return this.#session;
  }

  async #isLoggedIn(session: number): Promise<boolean> {
    // CK_SESSION_INFO: slot, state, flags, error of the device.
    const info = new Uint8Array(4 * this.#cryptoki.ulong);
    await this.#cryptoki.call('GetSessionInfo', session, info);
    return this.#cryptoki.readNumber(info, 1) === USER_STATE;
  }

  async #findSlot(): Promise<number> {
    if (this.#slot !== undefined) return this.#slot;
    const choice = this.#choice;
    const fitting = (await tokensOf(this.#cryptoki)).filter((token) =>
      'slot' in choice ? token.slot === choice.slot : token.label === choice.label,
    );
    const [found, ...others] = fitting;
    if (found === undefined) throw new TokenError({ kind: 'gone', reason: 'the token is not there' });
    if (others.length > 0) throw new TokenError({ kind: 'gone', reason: 'several tokens have that label' });
    this.#slot = found.slot;
    return found.slot;
  }
}

async function initialised(module: string): Promise<Cryptoki> {
  const cryptoki = await Cryptoki.load(module);
  // CK_C_INITIALIZE_ARGS: four functions that are not given, flags, a pointer that is reserved.
  const settings = new Uint8Array(5 * cryptoki.pointer + Math.max(cryptoki.ulong, cryptoki.pointer));
  settings.set(cryptoki.number(OS_LOCKING), 4 * cryptoki.pointer);
  await cryptoki.call('Initialize', settings);
  return cryptoki;
}

async function tokensOf(cryptoki: Cryptoki): Promise<readonly TokenRecord[]> {
  const room = new Uint8Array(256 * cryptoki.ulong);
  const count = cryptoki.number(256);
  await cryptoki.call('GetSlotList', 1, room, count);
  const tokens: TokenRecord[] = [];
  for (let place = 0; place < cryptoki.readNumber(count); place++) {
    const slot = cryptoki.readNumber(room, place);
    // CK_TOKEN_INFO, about 200 bytes, begins with texts of UTF-8, filled up with spaces.
    const info = new Uint8Array(512);
    try {
      await cryptoki.call('GetTokenInfo', slot, info);
    } catch (error) {
      // A slot whose token is just gone does not hide the others.
      if (error instanceof Pkcs11Failure) continue;
      throw error;
    }
    const text = (from: number, to: number): string => new TextDecoder().decode(info.subarray(from, to)).trimEnd();
    tokens.push({
      slot,
      label: text(0, 32),
      manufacturer: text(32, 64),
      model: text(64, 80),
      serialNumber: text(80, 96),
    });
  }
  return tokens;
}

/** Of secrets in a token: they sign, and nobody reads them. */
const secretKeyAttributes: readonly Attribute[] = [
  [CK.PRIVATE, true],
  [CK.SENSITIVE, true],
  [CK.EXTRACTABLE, false],
  [CK.SIGN, true],
];

function named(label: string, id: Uint8Array): readonly Attribute[] {
  return [
    [CK.TOKEN, true],
    [CK.LABEL, new TextEncoder().encode(label)],
    [CK.ID, id],
  ];
}

/** What the two halves of a pair have in common: their id, or their label when they have none. */
function pairName(id: Uint8Array | undefined, label: Uint8Array | undefined): string {
  return id !== undefined && id.length > 0 ? `id ${toHex(id)}` : `label ${toHex(label ?? new Uint8Array())}`;
}

function secretBelow(sealed: SealedRecord, secret: Uint8Array, path: readonly number[]): Uint8Array {
  return sealed.kind === 'master' ? secretAt(secret, path) : new Uint8Array(secret);
}
