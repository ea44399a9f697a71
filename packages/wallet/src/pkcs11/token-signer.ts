import { compareBytes, type Entropy, toHex, webEntropy } from '@bitcoin-enterprise/core';
import type { KeyOrigin } from '@bitcoin-enterprise/descriptors';
import { requireInteger, requireList, requireObject, requireText } from '../checks.ts';
import { invalidArgument, WalletError } from '../errors.ts';
import { entropyBytes } from '../keys/entropy.ts';
import type { SecretBytes } from '../keys/secret-bytes.ts';
import type { DigestRequest, KeyReference, SignerCallOptions } from '../signers/ports.ts';
import {
  compressed,
  fingerprintOf,
  isAnswer,
  requireReference,
  requireRequest,
  sameKey,
  secretCopy,
} from './digests.ts';
import { answerInvalid, keyUnknown, meaningOf, requireGoing, untilAborted } from './faults.ts';
import { Pin } from './pin.ts';
import type { Pkcs11Signer, Pkcs11SignerOptions, TokenKey } from './pkcs11-model.ts';
import type { SealedRecord, SealMechanism, SignItem, TokenAnswers, TokenChoice, TokenRequest } from './protocol.ts';
import { requireLabel, requireMechanism, requireSealedKey, type SealedKey } from './sealed-key.ts';
import { FaultAnswer, signalOf, TokenProcess, unavailable } from './token-process.ts';

/** Keys below master keys that are remembered. */
const MAXIMUM_DERIVED = 10_000;
/** Of a process that was killed or crashed, by {@link TokenProcess}. */
const ENDED = 'its process ended';

/** Where a key is: in the token, or in what the token sealed. */
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
