import { compareBytes, currentCrypto, type Entropy, toHex, webEntropy } from '@bitcoin-enterprise/core';
import type { KeyOrigin } from '@bitcoin-enterprise/descriptors';
import { requireBytes, requireInteger, requireList, requireObject, requireText } from '../checks.ts';
import { invalidArgument, WalletError } from '../errors.ts';
import { entropyBytes } from '../keys/entropy.ts';
import { SecretBytes } from '../keys/secret-bytes.ts';
import type { DigestRequest, DigestSigner, KeyReference, SignerCallOptions } from '../signers/ports.ts';
import { verifies } from '../signers/psbt-signer.ts';
import { Pin, type PinSource } from './pin.ts';
import type {
  SealedRecord,
  SealMechanism,
  SignItem,
  TokenAnswers,
  TokenChoice,
  TokenFault,
  TokenRequest,
} from './protocol.ts';
import { requireLabel, requireMechanism, requireSealedKey, type SealedKey } from './sealed-key.ts';
import { aborted, FaultAnswer, signalOf, TokenProcess, unavailable } from './token-process.ts';
import { withLowS } from './unsealed.ts';

/** Settings of {@link createPkcs11Signer}. */
export interface Pkcs11SignerOptions {
  /** Path of the PKCS#11 module: `/usr/lib/softhsm/libsofthsm2.so`. */
  readonly module: string;
  /** Label of the token; or give `slot`. */
  readonly token?: string;
  /** Number of the slot; or give `token`. */
  readonly slot?: number;
  /** PIN of the user. */
  readonly pin: PinSource;
  /** Secrets that the token sealed, and that it opens to sign with. */
  readonly sealedKeys?: readonly SealedKey[];
  /** For people, logs and receipts; the label of the token, or its slot, when absent. */
  readonly name?: string;
  /** How long the module may take for one request, in milliseconds, 100 to 600,000; 10,000 when absent. */
  readonly timeoutMs?: number;
  /** Variables that the module reads, beside those of this process: `SOFTHSM2_CONF`. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Makes the ids of new keys; that of the system when absent. */
  readonly entropy?: Entropy;
}

/** A key whose secret is in a token. */
export interface TokenKey {
  readonly label: string;
  /** CKA_ID; 20 bytes of those that were made here. */
  readonly id: Uint8Array;
  /** 33 bytes. */
  readonly publicKey: Uint8Array;
}

/** A token as a {@link DigestSigner}, and what else it can do. All calls throw the codes of {@link createPkcs11Signer}. */
export interface Pkcs11Signer extends DigestSigner {
  /** The keys of secp256k1 in the token. They sign with ECDSA alone: PKCS#11 has no Schnorr. */
  listKeys(options?: SignerCallOptions): Promise<readonly TokenKey[]>;
  /** Makes a key in the token, which never leaves it. */
  generateKey(options: SignerCallOptions & { readonly label: string }): Promise<TokenKey>;
  /** Puts a key into the token. Whoever had it before still has it. */
  importKey(
    options: SignerCallOptions & {
      readonly label: string;
      /** 32 bytes; the caller wipes it. */
      readonly secretKey: SecretBytes;
    },
  ): Promise<TokenKey>;
  /** Makes the AES key in the token that seals others; one of that label is left as it is. */
  makeWrappingKey(options: SignerCallOptions & { readonly label: string }): Promise<void>;
  /**
   * Seals a secret with the token, and signs with it from now on. Store what it returns.
   *
   * @param options - `secret`: 32 bytes of a key, 64 of a master key (secret key and chain code); made of the token's
   * randomness, and never seen by this process, when absent. `mechanism`: the best that the token has when absent;
   * `aes-gcm` notices every change, `aes-cbc-pad` one of the secret key but none of a chain code.
   */
  sealKey(
    options: SignerCallOptions & {
      readonly kind: 'key' | 'master';
      readonly wrappingKey: string;
      readonly mechanism?: SealMechanism;
      readonly secret?: SecretBytes;
    },
  ): Promise<SealedKey>;
  /** Logs out; the next call asks for the PIN again. */
  lock(options?: SignerCallOptions): Promise<void>;
  /** Ends the process of the module; calls after it fail. */
  close(): Promise<void>;
}

/**
 * Signs with a token behind PKCS#11: a hardware security module, a smart card, SoftHSM2. Needs the package `koffi`.
 *
 * The module runs in a process of its own: one that hangs is killed after `timeoutMs`, one that crashes takes nobody
 * along, and the next call starts another. A lost session is opened again, with one more login and one more try.
 *
 * Keys in the token sign with ECDSA; S is made low, a low R cannot be asked of a token. For Schnorr (Taproot) there are
 * sealed keys: encrypted by an AES key that never leaves the token, decrypted by it into the memory of the module's
 * process for one signature, then overwritten. That protects keys at rest, and makes every signature need the token and
 * its PIN; it does not protect against somebody who reads the memory of a machine while it signs.
 *
 * PINs, and secrets that are handed in to be imported or sealed, go to that process through a pipe whose buffers nobody
 * overwrites: let the token make its keys.
 *
 * @throws WalletError `WALLET_SIGNER_UNAVAILABLE` for no koffi, module or token, or no answer in time;
 * `WALLET_TOKEN_PIN_WRONG`, `WALLET_TOKEN_FAILED` with what PKCS#11 returned (CKR_MECHANISM_INVALID for a mechanism
 * that the token has not), `WALLET_KEY_UNKNOWN`, `WALLET_SIGNER_ANSWER_INVALID` for a signature that does not verify,
 * `WALLET_ABORTED`, `WALLET_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts no-run
 * import { SecretBytes } from '@bitcoin-enterprise/wallet/keys';
 * import { createPkcs11Signer } from '@bitcoin-enterprise/wallet/pkcs11';
 *
 * declare const askForPin: () => Promise<SecretBytes>;
 * const signer = await createPkcs11Signer({
 *   module: '/usr/lib/softhsm/libsofthsm2.so',
 *   token: 'treasury',
 *   pin: askForPin,
 * });
 * const { publicKey } = await signer.generateKey({ label: 'hot' });
 * const [signature] = await signer.signDigests([
 *   { key: { publicKey }, scheme: 'ecdsa', digest: new Uint8Array(32) },
 * ]);
 * await signer.close();
 * ```
 */
export async function createPkcs11Signer(options: Pkcs11SignerOptions): Promise<Pkcs11Signer> {
  const signer = new TokenSigner(requireObject<Pkcs11SignerOptions>('options', options));
  try {
    await signer.listKeys();
    return signer;
  } catch (error) {
    await signer.close();
    throw error;
  }
}

/** A token that a module shows. */
export interface Pkcs11Token {
  /** Number of its slot. */
  readonly slot: number;
  readonly label: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly serialNumber: string;
}

/**
 * The tokens that a PKCS#11 module shows; nothing is asked of them.
 *
 * @throws WalletError as {@link createPkcs11Signer}.
 */
export async function listPkcs11Tokens(
  options: SignerCallOptions & Pick<Pkcs11SignerOptions, 'module' | 'environment' | 'timeoutMs'>,
): Promise<readonly Pkcs11Token[]> {
  const { module, environment = {}, timeoutMs = 10_000 } = requireObject<Pkcs11SignerOptions>('options', options);
  const path = requireText('options.module', module);
  const signal = signalOf(options);
  const asked = new TokenProcess({
    name: path,
    environment: { ...requireObject<Record<string, string>>('options.environment', environment) } as Readonly<
      Record<string, string>
    >,
    timeoutMs: requireInteger('options.timeoutMs', timeoutMs, 100, 600_000),
  });
  try {
    return await asked.request({ call: 'tokens', module: path }, { call: 'listPkcs11Tokens', signal });
  } catch (error) {
    throw error instanceof FaultAnswer ? meaningOf(error.fault, path) : error;
  } finally {
    asked.kill();
  }
}

type Source = { readonly token: Uint8Array } | { readonly sealed: SealedRecord; readonly path: readonly number[] };

/** A {@link Pkcs11Signer}; in its own file for tests that reach its process. */
export class TokenSigner implements Pkcs11Signer {
  readonly name: string;
  readonly #module: string;
  readonly #choice: TokenChoice;
  readonly #pin: Pin;
  readonly #timeoutMs: number;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #entropy: Entropy;
  readonly #sealed: SealedRecord[];
  /** Public keys in the token, hexadecimal; of the last listing. */
  #known: ReadonlySet<string> = new Set();
  /** Public keys below sealed master keys, by key and path. */
  readonly #derived = new Map<string, Uint8Array>();
  #process: TokenProcess | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(options: Partial<Pkcs11SignerOptions>) {
    const { token, slot, timeoutMs = 10_000, environment = {}, entropy = webEntropy(), sealedKeys = [] } = options;
    this.#module = requireText('options.module', options.module);
    if ((token === undefined) === (slot === undefined))
      throw invalidArgument('options', 'an object with either token or slot', options);
    this.#choice =
      token === undefined
        ? { slot: requireInteger('options.slot', slot, 0, Number.MAX_SAFE_INTEGER) }
        : { label: requireLabel('options.token', token) };
    this.name = requireText('options.name', options.name ?? token ?? `slot ${slot}`);
    this.#pin = new Pin(options.pin);
    this.#timeoutMs = requireInteger('options.timeoutMs', timeoutMs, 100, 600_000);
    this.#environment = { ...requireObject<Record<string, string>>('options.environment', environment) } as Readonly<
      Record<string, string>
    >;
    this.#entropy = entropy;
    this.#sealed = requireList('options.sealedKeys', sealedKeys).map((key, place) =>
      requireSealedKey(`options.sealedKeys[${place}]`, key),
    );
  }

  /** The process of the module, for tests. */
  get process(): TokenProcess | undefined {
    return this.#process;
  }

  async listKeys(options?: SignerCallOptions): Promise<readonly TokenKey[]> {
    const keys = await this.#ask({ call: 'keys' }, { call: 'listKeys', signal: signalOf(options) });
    this.#known = new Set(keys.map(({ publicKey }) => toHex(publicKey)));
    return keys;
  }

  async generateKey(options: SignerCallOptions & { readonly label: string }): Promise<TokenKey> {
    const { label } = requireObject<{ readonly label: string }>('options', options);
    const request = { call: 'generate', label: requireLabel('options.label', label), id: this.#newId() } as const;
    return this.#added(await this.#ask(request, { call: 'generateKey', signal: signalOf(options) }));
  }

  async importKey(
    options: SignerCallOptions & { readonly label: string; readonly secretKey: SecretBytes },
  ): Promise<TokenKey> {
    const { label, secretKey } = requireObject<{ readonly label: string; readonly secretKey: SecretBytes }>(
      'options',
      options,
    );
    const copy = secretCopy('options.secretKey', secretKey, 32);
    try {
      const request = {
        call: 'import',
        label: requireLabel('options.label', label),
        id: this.#newId(),
        secretKey: copy,
      } as const;
      return this.#added(await this.#ask(request, { call: 'importKey', signal: signalOf(options) }));
    } finally {
      copy.fill(0);
    }
  }

  async makeWrappingKey(options: SignerCallOptions & { readonly label: string }): Promise<void> {
    const { label } = requireObject<{ readonly label: string }>('options', options);
    const request = { call: 'wrappingKey', label: requireLabel('options.label', label) } as const;
    await this.#ask(request, { call: 'makeWrappingKey', signal: signalOf(options) });
  }

  async sealKey(
    options: SignerCallOptions & {
      readonly kind: 'key' | 'master';
      readonly wrappingKey: string;
      readonly mechanism?: SealMechanism;
      readonly secret?: SecretBytes;
    },
  ): Promise<SealedKey> {
    const { kind, wrappingKey, mechanism, secret } = requireObject<{
      readonly kind: 'key' | 'master';
      readonly wrappingKey: string;
      readonly mechanism: SealMechanism;
      readonly secret: SecretBytes;
    }>('options', options);
    if (kind !== 'key' && kind !== 'master') throw invalidArgument('options.kind', "'key' or 'master'", kind);
    const label = requireLabel('options.wrappingKey', wrappingKey);
    if (mechanism !== undefined) requireMechanism('options.mechanism', mechanism);
    const copy = secret === undefined ? undefined : secretCopy('options.secret', secret, kind === 'key' ? 32 : 64);
    try {
      const request = {
        call: 'seal',
        kind,
        wrappingKey: label,
        ...(mechanism === undefined ? {} : { mechanism }),
        ...(copy === undefined ? {} : { secret: copy }),
      } as const;
      const sealed = await this.#ask(request, { call: 'sealKey', signal: signalOf(options) });
      const checked = requireSealedKey('answer', sealed);
      this.#sealed.push(checked);
      return requireSealedKey('answer', sealed);
    } finally {
      copy?.fill(0);
    }
  }

  async holds(keys: readonly KeyReference[], options?: SignerCallOptions): Promise<readonly boolean[]> {
    const signal = signalOf(options);
    requireGoing('holds', signal);
    const references = requireList('keys', keys).map((key, place) => requireReference(`keys[${place}]`, key));
    const sources = await this.#sources(references, { call: 'holds', signal });
    return sources.map((source) => source !== undefined);
  }

  async signDigests(requests: readonly DigestRequest[], options?: SignerCallOptions): Promise<readonly Uint8Array[]> {
    const signal = signalOf(options);
    requireGoing('signDigests', signal);
    const wanted = requireList('requests', requests).map((request, place) =>
      requireRequest(`requests[${place}]`, request),
    );
    if (wanted.length === 0) return [];
    const sources = await this.#sources(
      wanted.map(({ key }) => key),
      { call: 'signDigests', signal },
    );
    const items = wanted.map(({ scheme, digest, tweak, key }, place): SignItem => {
      const source = sources[place];
      if (source === undefined || ('token' in source && scheme === 'schnorr')) throw keyUnknown(key.publicKey);
      const common = {
        scheme,
        digest,
        isXOnly: key.publicKey.length === 32,
        ...(tweak === undefined ? {} : { tweak }),
      };
      return { ...common, key: 'token' in source ? source.token : source };
    });
    const signatures = await this.#ask({ call: 'sign', items }, { call: 'signDigests', signal });
    if (signatures.length !== wanted.length) throw answerInvalid(this.name, 'another number of signatures');
    return signatures.map((signature, place) => {
      if (!isAnswer(wanted[place] as DigestRequest, signature))
        throw answerInvalid(this.name, 'a signature that does not verify');
      return new Uint8Array(signature);
    });
  }

  async lock(options?: SignerCallOptions): Promise<void> {
    if (this.#process?.isAlive !== true) return;
    try {
      await this.#ask({ call: 'logout' }, { call: 'lock', signal: signalOf(options) });
    } catch (error) {
      // Who is logged out is locked.
      if (!(error instanceof WalletError && error.code === 'WALLET_TOKEN_FAILED')) throw error;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const open = this.#process;
    if (open?.isAlive === true) {
      await open.request({ call: 'closeSessions' }, { call: 'close' }).catch(() => undefined);
      open.kill();
    }
  }

  /** Where each key is: in the token, sealed, or below a sealed master key; `undefined` for those of others. */
  async #sources(
    references: readonly KeyReference[],
    options: { readonly call: string; readonly signal: AbortSignal | undefined },
  ): Promise<readonly (Source | undefined)[]> {
    const sources: (Source | undefined)[] = [];
    for (const { publicKey, origin } of references)
      sources.push(this.#sealedSource(publicKey) ?? (await this.#derivedSource(publicKey, origin, options)));
    // A listing for all that are not known, for a key may have been made since by another program.
    const isMissing = (place: number) =>
      sources[place] === undefined && compressed(references[place]?.publicKey) !== undefined;
    const inToken = (publicKey: Uint8Array): boolean => this.#known.has(toHex(compressed(publicKey) as Uint8Array));
    const missing = references.flatMap((_, place) => (isMissing(place) ? [place] : []));
    if (missing.some((place) => !inToken((references[place] as KeyReference).publicKey)))
      this.#known = new Set((await this.#ask({ call: 'keys' }, options)).map(({ publicKey }) => toHex(publicKey)));
    for (const place of missing) {
      const { publicKey } = references[place] as KeyReference;
      if (inToken(publicKey)) sources[place] = { token: compressed(publicKey) as Uint8Array };
    }
    return sources;
  }

  #sealedSource(publicKey: Uint8Array): Source | undefined {
    const sealed = this.#sealed.find((key) => sameKey(publicKey, key.publicKey));
    return sealed === undefined ? undefined : { sealed, path: [] };
  }

  async #derivedSource(
    publicKey: Uint8Array,
    origin: KeyOrigin | undefined,
    options: { readonly call: string; readonly signal: AbortSignal | undefined },
  ): Promise<Source | undefined> {
    if (origin === undefined) return undefined;
    for (const sealed of this.#sealed) {
      if (sealed.kind !== 'master' || compareBytes(fingerprintOf(sealed), origin.fingerprint) !== 0) continue;
      const name = `${toHex(sealed.publicKey)}/${origin.path.join('/')}`;
      let derived = this.#derived.get(name);
      if (derived === undefined) {
        [derived] = await this.#ask({ call: 'derive', sealed, paths: [origin.path] }, options);
        if (derived === undefined) continue;
        if (this.#derived.size >= MAXIMUM_DERIVED) this.#derived.clear();
        this.#derived.set(name, derived);
      }
      if (sameKey(publicKey, derived)) return { sealed, path: origin.path };
    }
    return undefined;
  }

  /** Asks the process, one request after the other; logs in when it must, and starts another process once. */
  #ask<Request extends TokenRequest>(
    request: Request,
    options: { readonly call: string; readonly signal: AbortSignal | undefined },
  ): Promise<TokenAnswers[Request['call']]> {
    const turn = this.#last.then(async () => {
      try {
        return await this.#loggedIn(request, options);
      } catch (error) {
        // A process that ended has signed nothing that matters; what it was to make, it may have made.
        const isSafe = request.call === 'sign' || request.call === 'keys' || request.call === 'derive';
        const ended = error instanceof WalletError && (error.details as { reason?: string }).reason === ENDED;
        if (!isSafe || !ended || this.#isClosed) throw error;
        return this.#loggedIn(request, options);
      }
    });
    this.#last = turn.catch(() => undefined);
    // A call in the queue, or one whose PIN nobody types, ends with its signal; when its turn comes it does nothing.
    return untilAborted(turn, options);
  }

  async #loggedIn<Request extends TokenRequest>(
    request: Request,
    options: { readonly call: string; readonly signal: AbortSignal | undefined },
  ): Promise<TokenAnswers[Request['call']]> {
    try {
      const open = await this.#opened(options);
      try {
        return await open.request(request, options);
      } catch (error) {
        if (!(error instanceof FaultAnswer) || error.fault.kind !== 'login-needed') throw error;
      }
      const pin = await this.#pin.read();
      try {
        await open.request({ call: 'login', pin }, options);
      } finally {
        pin.fill(0);
      }
      return await open.request(request, options);
    } catch (error) {
      if (!(error instanceof FaultAnswer)) throw error;
      // A module may look for its tokens only when it is loaded: the next call loads it again.
      if (error.fault.kind === 'gone') this.#process?.kill();
      if (error.fault.kind === 'pin') throw this.#pin.refused(error.fault.isLocked);
      throw meaningOf(error.fault, this.name);
    }
  }

  async #opened(options: { readonly call: string; readonly signal: AbortSignal | undefined }): Promise<TokenProcess> {
    const { call, signal } = options;
    if (this.#isClosed) throw unavailable(this.name, 'it was closed');
    requireGoing(call, signal);
    if (this.#process?.isAlive === true) return this.#process;
    const { name } = this;
    const started = new TokenProcess({ environment: this.#environment, timeoutMs: this.#timeoutMs, name });
    this.#process = started;
    try {
      await started.request({ call: 'open', module: this.#module, token: this.#choice }, options);
      return started;
    } catch (error) {
      // One that is half open is of no use: the next call starts another.
      started.kill();
      throw error;
    }
  }

  #newId(): Uint8Array {
    return new Uint8Array(entropyBytes(this.#entropy, 20));
  }

  #added(key: TokenKey): TokenKey {
    this.#known = new Set([...this.#known, toHex(key.publicKey)]);
    return key;
  }
}

/** What a fault of the process is to the caller. */
function meaningOf(fault: TokenFault, signer: string): WalletError {
  switch (fault.kind) {
    case 'gone':
      return unavailable(signer, fault.reason);
    case 'login-needed':
    case 'pin':
      return unavailable(signer, 'it logged out again');
    case 'key-unknown':
      return unknown(fault.key);
    case 'answer':
      return answerInvalid(signer, fault.reason);
    case 'failed': {
      const { call, code, name } = fault;
      return new WalletError('WALLET_TOKEN_FAILED', `expected ${call} of ${signer} to work, got ${name}`, {
        details: { call, code, name },
      });
    }
  }
}

function answerInvalid(signer: string, reason: string): WalletError<'WALLET_SIGNER_ANSWER_INVALID'> {
  return new WalletError('WALLET_SIGNER_ANSWER_INVALID', `expected another answer of ${signer}, got ${reason}`, {
    details: { signer, reason },
  });
}

/** Keys below master keys that are remembered. */
const MAXIMUM_DERIVED = 10_000;
/** Of a process that was killed or crashed, by {@link TokenProcess}. */
const ENDED = 'its process ended';

/** Waits for work as long as its signal lets it. */
async function untilAborted<Result>(
  work: Promise<Result>,
  { call, signal }: { readonly call: string; readonly signal: AbortSignal | undefined },
): Promise<Result> {
  if (signal === undefined) return work;
  let end: (() => void) | undefined;
  try {
    return await Promise.race([
      work,
      new Promise<never>((_, fail) => {
        end = () => fail(aborted(call, signal));
        signal.addEventListener('abort', end);
        if (signal.aborted) end();
      }),
    ]);
  } finally {
    if (end !== undefined) signal.removeEventListener('abort', end);
  }
}

function requireGoing(call: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw aborted(call, signal);
}

function requireReference(argument: string, value: unknown): KeyReference {
  const { publicKey, origin } = requireObject<KeyReference>(argument, value);
  const bytes = requireBytes(`${argument}.publicKey`, publicKey);
  if (bytes.length !== 32 && bytes.length !== 33 && bytes.length !== 65)
    throw invalidArgument(`${argument}.publicKey`, '32, 33 or 65 bytes', publicKey);
  if (origin === undefined) return { publicKey: new Uint8Array(bytes) };
  const { fingerprint, path } = requireObject<KeyOrigin>(`${argument}.origin`, origin);
  return {
    publicKey: new Uint8Array(bytes),
    origin: {
      fingerprint: new Uint8Array(requireBytes(`${argument}.origin.fingerprint`, fingerprint, 4)),
      path: requireList(`${argument}.origin.path`, path).map((step) =>
        requireInteger(`${argument}.origin.path`, step, 0, 0xffff_ffff),
      ),
    },
  };
}

function requireRequest(argument: string, value: unknown): DigestRequest {
  const { key, scheme, digest, tweak } = requireObject<DigestRequest>(argument, value);
  if (scheme !== 'ecdsa' && scheme !== 'schnorr')
    throw invalidArgument(`${argument}.scheme`, "'ecdsa' or 'schnorr'", scheme);
  if (tweak !== undefined && scheme === 'ecdsa')
    throw invalidArgument(`${argument}.tweak`, 'absent, for ECDSA has none', tweak);
  return {
    key: requireReference(`${argument}.key`, key),
    scheme,
    digest: new Uint8Array(requireBytes(`${argument}.digest`, digest, 32)),
    ...(tweak === undefined ? {} : { tweak: new Uint8Array(requireBytes(`${argument}.tweak`, tweak, 32)) }),
  };
}

/** Whether a signature is that of a request; ECDSA with a low S. */
function isAnswer(request: DigestRequest, signature: unknown): signature is Uint8Array {
  if (!(signature instanceof Uint8Array) || signature.length !== 64) return false;
  return verifies(request, signature) && (request.scheme === 'schnorr' || withLowS(signature) === signature);
}

/** The key in 33 bytes; `undefined` for one of 32, which has no parity, and for what is no key. */
function compressed(publicKey: Uint8Array | undefined): Uint8Array | undefined {
  if (publicKey === undefined || publicKey.length === 32) return undefined;
  return currentCrypto().publicKeyConvert(publicKey);
}

/** Whether a key as it was asked for is a key of 33 bytes; one of 32 bytes is either of two. */
function sameKey(asked: Uint8Array, full: Uint8Array): boolean {
  if (asked.length === 32) return compareBytes(asked, full.subarray(1)) === 0;
  const same = compressed(asked);
  return same !== undefined && compareBytes(same, full) === 0;
}

function fingerprintOf(sealed: SealedRecord): Uint8Array {
  return currentCrypto().hash160(sealed.publicKey).subarray(0, 4);
}

function secretCopy(argument: string, secret: unknown, length: number): Uint8Array {
  if (!(secret instanceof SecretBytes)) throw invalidArgument(argument, 'SecretBytes', secret);
  const copy = secret.use((bytes) => new Uint8Array(bytes));
  if (copy.length === length && currentCrypto().isSecretKey(copy.subarray(0, 32))) return copy;
  copy.fill(0);
  throw invalidArgument(argument, `a secret key in ${length} bytes`, secret);
}

function keyUnknown(publicKey: Uint8Array): WalletError<'WALLET_KEY_UNKNOWN'> {
  return unknown(toHex(publicKey));
}

function unknown(key: string): WalletError<'WALLET_KEY_UNKNOWN'> {
  return new WalletError('WALLET_KEY_UNKNOWN', `expected a key of the token, got ${key}`, { details: { key } });
}
