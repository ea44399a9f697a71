import { randomFillSync } from 'node:crypto';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { inspect } from 'node:util';
import { currentCrypto, loadCrypto, parseHex, toHex } from '@bitcoin-enterprise/core';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { orSkip } from '../../../../scripts/nodes/find.ts';
import { findSoftHsm, type SoftHsm, startSoftHsm } from '../../../../scripts/nodes/softhsm.ts';
import { deriveKey, masterKey, SecretBytes } from '../../src/keys/index.ts';
import {
  createPkcs11Signer,
  listPkcs11Tokens,
  type Pkcs11Signer,
  type Pkcs11SignerOptions,
  printSealedKey,
  readSealedKey,
  type SealedKey,
} from '../../src/pkcs11/index.ts';
import type { KeyReference } from '../../src/signers/index.ts';
import { psbtSigner } from '../../src/signers/index.ts';
import { type DigestSignerHarness, digestSignerPromises, signerPromises } from '../../src/testing/index.ts';
import { Pin } from '../../src/pkcs11/pin.ts';
import { TokenSigner } from '../../src/pkcs11/token-signer.ts';
import { copiesInMemory, masked, ownBytes } from '../support/memory.ts';

const found = orSkip('SoftHSM2', await findSoftHsm());
const bytesOf = (text: string): SecretBytes => new SecretBytes(new TextEncoder().encode(text));
const digestOf = (n: number): Uint8Array => currentCrypto().sha256(Uint8Array.of(n));
const SECRET = parseHex(`c0ffee${'5a'.repeat(29)}`);

/** What a poor token has: no ECDSA, no AES-GCM. */
const MECHANISMS = 'CKM_EC_KEY_PAIR_GEN,CKM_AES_KEY_GEN,CKM_AES_CBC_PAD,CKM_SHA256';

beforeAll(async () => {
  await loadCrypto();
});

describe.skipIf(found === undefined)('a token of SoftHSM2', () => {
  let hsm: SoftHsm;
  const open: Pkcs11Signer[] = [];
  const optionsOf = (more: Partial<Pkcs11SignerOptions> = {}): Pkcs11SignerOptions => ({
    module: hsm.module,
    token: hsm.token,
    pin: bytesOf(hsm.pin),
    environment: hsm.environment,
    ...more,
  });
  const connect = async (more: Partial<Pkcs11SignerOptions> = {}): Promise<TokenSigner> => {
    const signer = (await createPkcs11Signer(optionsOf(more))) as TokenSigner;
    open.push(signer);
    return signer;
  };
  let signer: TokenSigner;
  beforeAll(async () => {
    hsm = await startSoftHsm();
    signer = await connect();
  });
  afterAll(async () => {
    for (const one of open) await one.close();
    await hsm.stop();
  });

  it('makes keys, lists them, and signs with them: low S, and it verifies elsewhere', async () => {
    const made = await signer.generateKey({ label: 'hot' });
    const key = { publicKey: made.publicKey };
    const digests = Array.from({ length: 24 }, (_, n) => digestOf(n));
    const signatures = await signer.signDigests(digests.map((digest) => ({ key, scheme: 'ecdsa', digest })));

    expect(await signer.listKeys()).toContainEqual(made);
    signatures.forEach((signature, place) => {
      const options = { prehash: false, lowS: true };
      expect(secp256k1.verify(signature, digests[place] as Uint8Array, made.publicKey, options)).toBe(true);
    });
    const full = currentCrypto().publicKeyConvert(made.publicKey, { compressed: false }) as Uint8Array;
    expect(await signer.holds([key, { publicKey: full }, { publicKey: made.publicKey.slice(1) }])).toEqual([
      true,
      true,
      false,
    ]);
    expect(await signer.signDigests([{ key: { publicKey: full }, scheme: 'ecdsa', digest: digestOf(1) }])).toHaveLength(
      1,
    );
  });

  it('takes a key of ours, and is found by another wallet of the same token', async () => {
    const { publicKey } = await signer.importKey({ label: 'brought', secretKey: new SecretBytes(SECRET) });
    const other = await connect();

    expect(toHex(publicKey)).toBe(toHex(currentCrypto().publicKey(SECRET) as Uint8Array));
    expect((await other.listKeys()).find(({ label }) => label === 'brought')?.publicKey).toEqual(publicKey);
    const [signature] = await other.signDigests([{ key: { publicKey }, scheme: 'ecdsa', digest: digestOf(3) }]);
    expect(currentCrypto().ecdsaVerify(signature as Uint8Array, digestOf(3), publicKey)).toBe(true);
    // Made after the other wallet listed its keys.
    const late = await signer.generateKey({ label: 'late' });
    expect(await other.holds([{ publicKey: late.publicKey }])).toEqual([true]);
  });

  it('has no Schnorr: a sealed key signs with it, tweaked or not, and with ECDSA', async () => {
    await signer.makeWrappingKey({ label: 'wrap' });
    await signer.makeWrappingKey({ label: 'wrap' });
    const secret = parseHex(`0b${'17'.repeat(31)}`);
    for (const given of [new SecretBytes(secret), undefined]) {
      const sealed = await signer.sealKey({
        kind: 'key',
        wrappingKey: 'wrap',
        ...(given === undefined ? {} : { secret: given }),
      });
      expect(sealed.mechanism).toBe('aes-gcm');
      expect(toHex(sealed.sealed)).not.toContain('1717');
      const other = await connect({ sealedKeys: [readSealedKey(printSealedKey(sealed))] });
      const xOnly = sealed.publicKey.slice(1);
      const tweak = digestOf(9);
      const [plain, tweaked, ecdsa] = await other.signDigests([
        { key: { publicKey: xOnly }, scheme: 'schnorr', digest: digestOf(1) },
        { key: { publicKey: xOnly }, scheme: 'schnorr', digest: digestOf(2), tweak },
        { key: { publicKey: sealed.publicKey }, scheme: 'ecdsa', digest: digestOf(3) },
      ]);
      const crypto = currentCrypto();
      const output = crypto.xOnlyTweakAdd(xOnly, tweak)?.xOnlyPublicKey as Uint8Array;
      expect(crypto.schnorrVerify(plain as Uint8Array, digestOf(1), xOnly)).toBe(true);
      expect(crypto.schnorrVerify(tweaked as Uint8Array, digestOf(2), output)).toBe(true);
      expect(crypto.ecdsaVerify(ecdsa as Uint8Array, digestOf(3), sealed.publicKey)).toBe(true);
    }
    const key = { publicKey: (await signer.generateKey({ label: 'ecdsa only' })).publicKey };
    await expect(signer.signDigests([{ key, scheme: 'schnorr', digest: digestOf(1) }])).rejects.toMatchObject({
      code: 'WALLET_KEY_UNKNOWN',
    });
  });

  it('signs for all keys below a sealed master key, hardened or not', async () => {
    const seed = new SecretBytes(new Uint8Array(32).fill(0x42));
    const master = masterKey(seed, { network: 'main' });
    await signer.makeWrappingKey({ label: 'wrap' });
    const secret = new SecretBytes(Uint8Array.from([...(master.secretKey() ?? []), ...master.chainCode]));
    const sealed = await signer.sealKey({ kind: 'master', wrappingKey: 'wrap', secret });
    const other = await connect({ sealedKeys: [sealed] });
    const references = ["m/86'/0'/0'/0/5", "m/86'/0'/0'/1/0", 'm/0/1', 'm'].map((text) => {
      const key = deriveKey(master, text);
      const path =
        text === 'm'
          ? []
          : text
              .slice(2)
              .split('/')
              .map((step) => Number.parseInt(step, 10) + (step.endsWith("'") ? 2 ** 31 : 0));
      return { publicKey: key.publicKey.slice(1), origin: { fingerprint: master.fingerprint, path } };
    });

    expect(await other.holds(references)).toEqual([true, true, true, true]);
    const wrong = { ...references[0], publicKey: references[1]?.publicKey as Uint8Array } as (typeof references)[0];
    const foreign = { publicKey: wrong.publicKey, origin: { fingerprint: Uint8Array.of(1, 2, 3, 4), path: [0] } };
    expect(await other.holds([wrong, foreign])).toEqual([false, false]);
    const signatures = await other.signDigests(
      references.map((key, n) => ({ key, scheme: 'schnorr', digest: digestOf(n) })),
    );
    signatures.forEach((signature, n) => {
      expect(currentCrypto().schnorrVerify(signature, digestOf(n), references[n]?.publicKey as Uint8Array)).toBe(true);
    });
    const generated = await signer.sealKey({ kind: 'master', wrappingKey: 'wrap' });
    expect(await signer.holds([{ publicKey: generated.publicKey }])).toEqual([true]);
  });

  it.for(['aes-gcm', 'aes-cbc-pad'] as const)(
    'does not sign with a key sealed by %s that was altered',
    async (mechanism) => {
      await signer.makeWrappingKey({ label: 'wrap' });
      const sealed = await signer.sealKey({ kind: 'key', wrappingKey: 'wrap', mechanism });
      const other = await signer.sealKey({ kind: 'key', wrappingKey: 'wrap', mechanism });
      expect(sealed.mechanism).toBe(mechanism);
      const request = (of: SealedKey) =>
        ({ key: { publicKey: of.publicKey }, scheme: 'schnorr', digest: digestOf(1) }) as const;
      const good = await connect({ sealedKeys: [readSealedKey(printSealedKey(sealed))] });
      expect(await good.signDigests([request(sealed)])).toHaveLength(1);
      const flipped = new Uint8Array(sealed.iv);
      flipped[0] = (flipped[0] as number) ^ 1;
      const altered = mechanism === 'aes-gcm' ? 'WALLET_TOKEN_FAILED' : 'WALLET_SIGNER_ANSWER_INVALID';
      const wrongs: readonly (readonly [SealedKey, string])[] = [
        [{ ...sealed, iv: flipped }, altered],
        [{ ...sealed, publicKey: other.publicKey }, altered],
        [{ ...sealed, wrappingKey: 'nobody' }, 'WALLET_KEY_UNKNOWN'],
      ];
      for (const [wrong, code] of wrongs) {
        const wallet = await connect({ sealedKeys: [wrong] });
        await expect(wallet.signDigests([request(wrong)])).rejects.toMatchObject({ code });
        await wallet.close();
      }
    },
  );

  it.skipIf(process.platform !== 'linux')(
    'leaves no copy of a sealed key in the memory of the module’s process',
    async () => {
      const given = ownBytes(32);
      randomFillSync(given, 1);
      const wanted = masked(given);
      const secret = new SecretBytes(given);
      given.fill(0);
      await signer.makeWrappingKey({ label: 'wrap' });
      // The search finds what is there; twice when what it has read stands near what it reads.
      expect(copiesInMemory('self', wanted)).toBeGreaterThanOrEqual(1);
      const sealed = await signer.sealKey({ kind: 'key', wrappingKey: 'wrap', secret });
      secret.wipe();
      const other = await connect({ sealedKeys: [sealed] });
      const request = {
        key: { publicKey: sealed.publicKey.slice(1) },
        scheme: 'schnorr',
        digest: digestOf(1),
      } as const;
      await other.signDigests(Array.from({ length: 20 }, () => request));

      expect(copiesInMemory(other.process?.pid ?? 0, wanted)).toBe(0);
    },
  );

  it('signs all or nothing', async () => {
    const key = { publicKey: (await signer.listKeys())[0]?.publicKey as Uint8Array };
    const foreign = { publicKey: currentCrypto().publicKey(new Uint8Array(32).fill(3)) as Uint8Array };
    const request = (of: typeof key) => ({ key: of, scheme: 'ecdsa', digest: digestOf(1) }) as const;
    await expect(signer.signDigests([request(key), request(foreign)])).rejects.toMatchObject({
      code: 'WALLET_KEY_UNKNOWN',
      details: { key: toHex(foreign.publicKey) },
    });
    expect(await signer.signDigests([])).toEqual([]);
  });

  it('serves a hundred calls at once', async () => {
    const { publicKey } = await signer.generateKey({ label: 'busy' });
    const all = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        signer.signDigests([{ key: { publicKey }, scheme: 'ecdsa', digest: digestOf(n) }]),
      ),
    );
    all.forEach(([signature], n) => {
      expect(currentCrypto().ecdsaVerify(signature as Uint8Array, digestOf(n), publicKey)).toBe(true);
    });
  });

  // What a module is pointed to must live as long as its call: a collection of garbage in between once took it away.
  it('signs a thousand times without a wrong answer, with keys of both kinds', async () => {
    await signer.makeWrappingKey({ label: 'w' });
    const sealed = await signer.sealKey({ kind: 'key', wrappingKey: 'w' });
    const { publicKey } = await signer.generateKey({ label: 'long' });
    for (let round = 0; round < 5; round++) {
      const requests = Array.from({ length: 100 }, (_, n) => [
        { key: { publicKey }, scheme: 'ecdsa', digest: digestOf(n) } as const,
        { key: { publicKey: sealed.publicKey.slice(1) }, scheme: 'schnorr', digest: digestOf(n) } as const,
      ]).flat();
      expect(await signer.signDigests(requests)).toHaveLength(200);
    }
  });

  it('logs in again after it was logged out, or its sessions were closed', async () => {
    let asked = 0;
    const wallet = await connect({
      pin: () => {
        asked += 1;
        return bytesOf(hsm.pin);
      },
    });
    const { publicKey } = await wallet.generateKey({ label: 'sessions' });
    const sign = () => wallet.signDigests([{ key: { publicKey }, scheme: 'ecdsa', digest: digestOf(1) }]);
    expect(asked).toBe(1);
    await wallet.lock();
    expect(await sign()).toHaveLength(1);
    expect(asked).toBe(2);
    await wallet.process?.request({ call: 'closeSessions' }, { call: 'test' });
    expect(await sign()).toHaveLength(1);
    expect(asked).toBe(3);
    await wallet.lock();
    await wallet.lock();
    expect(await wallet.listKeys()).not.toHaveLength(0);
  });

  it('goes on in another process when the one it had is killed, also in the middle of its work', async () => {
    const wallet = await connect();
    const { publicKey } = await wallet.generateKey({ label: 'killed' });
    const sign = (n: number) => wallet.signDigests([{ key: { publicKey }, scheme: 'ecdsa', digest: digestOf(n) }]);
    const before = wallet.process?.pid as number;
    const running = Array.from({ length: 20 }, (_, n) => sign(n));
    process.kill(before, 'SIGKILL');

    expect(await Promise.all(running)).toHaveLength(20);
    expect(wallet.process?.pid).not.toBe(before);
  });

  it('is stopped when it hangs, and answers again afterwards', async () => {
    const wallet = await connect({ timeoutMs: 3_000 });
    const { publicKey } = await wallet.generateKey({ label: 'hung' });
    const sign = () => wallet.signDigests([{ key: { publicKey }, scheme: 'ecdsa', digest: digestOf(1) }]);
    const pid = wallet.process?.pid as number;
    process.kill(pid, 'SIGSTOP');

    await expect(sign()).rejects.toMatchObject({
      code: 'WALLET_SIGNER_UNAVAILABLE',
      retryable: true,
      details: { signer: 'be-test', reason: 'no answer in time' },
    });
    expect(await sign()).toHaveLength(1);
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  it('can be ended by a signal, before and while it works', async () => {
    const wallet = await connect();
    await expect(wallet.listKeys({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'WALLET_ABORTED' });
    process.kill(wallet.process?.pid as number, 'SIGSTOP');
    const call = wallet.listKeys({ signal: AbortSignal.timeout(100) });
    await expect(call).rejects.toMatchObject({ code: 'WALLET_ABORTED', details: { call: 'listKeys' } });
    process.kill(wallet.process?.pid as number, 'SIGCONT');
    expect(await wallet.listKeys()).not.toHaveLength(0);
  });

  it('can be ended while somebody thinks about the PIN, and so can the calls behind', async () => {
    let asked = 0;
    let type: (pin: SecretBytes) => void = () => undefined;
    const thinking = new Promise<SecretBytes>((done) => {
      type = done;
    });
    const wallet = await connect({ pin: () => (asked++ === 0 ? bytesOf(hsm.pin) : thinking) });
    await wallet.lock();
    const first = wallet.listKeys({ signal: AbortSignal.timeout(200) });
    const second = wallet.generateKey({ label: 'given up', signal: AbortSignal.timeout(100) });

    await Promise.all([
      expect(second).rejects.toMatchObject({ code: 'WALLET_ABORTED', details: { call: 'generateKey' } }),
      expect(first).rejects.toMatchObject({ code: 'WALLET_ABORTED', details: { call: 'listKeys' } }),
    ]);
    type(bytesOf(hsm.pin));
    // What nobody waits for any more is not done later.
    expect((await signer.listKeys()).map(({ label }) => label)).not.toContain('given up');
  });

  it('says that it is gone when its folder is removed under it, and comes back with it', async () => {
    await hsm.addToken('removed');
    const wallet = await connect({ token: 'removed' });
    const { publicKey } = await wallet.generateKey({ label: 'gone' });
    const sign = () => wallet.signDigests([{ key: { publicKey }, scheme: 'ecdsa', digest: digestOf(1) }]);
    expect(await sign()).toHaveLength(1);
    const aside = `${hsm.tokenFolder}-aside`;
    renameSync(hsm.tokenFolder, aside);

    const error: unknown = await sign().catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'WALLET_SIGNER_UNAVAILABLE', retryable: true });
    rmSync(hsm.tokenFolder, { recursive: true, force: true });
    renameSync(aside, hsm.tokenFolder);
    expect(existsSync(hsm.tokenFolder)).toBe(true);
    expect(await sign()).toHaveLength(1);
  });

  it('does not take a wrong PIN, and does not try it twice', async () => {
    await hsm.addToken('pins');
    const wrong = bytesOf('canary-1234');
    const wallet = new TokenSigner(optionsOf({ token: 'pins', pin: wrong }));
    open.push(wallet);
    const error: unknown = await wallet.listKeys().catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'WALLET_TOKEN_PIN_WRONG', details: { isLocked: false } });
    await expect(wallet.listKeys()).rejects.toBe(error);
    expect(inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error)).not.toMatch(/canary|1234|648219/);
    await expect(createPkcs11Signer(optionsOf({ token: 'pins', pin: wrong }))).rejects.toMatchObject({
      code: 'WALLET_TOKEN_PIN_WRONG',
    });

    let pin = 'another-wrong';
    const asking = new TokenSigner(optionsOf({ token: 'pins', pin: () => bytesOf(pin) }));
    open.push(asking);
    await expect(asking.listKeys()).rejects.toMatchObject({ code: 'WALLET_TOKEN_PIN_WRONG' });
    pin = hsm.pin;
    expect(await asking.listKeys()).toEqual([]);
  });

  it('is not there: no module, no koffi’s module, no token, no slot, closed', async () => {
    const refusal = async (more: Partial<Pkcs11SignerOptions>): Promise<unknown> =>
      createPkcs11Signer(optionsOf(more)).then(
        () => 'connected',
        (error: unknown) => error,
      );
    expect(await refusal({ module: '/nowhere/pkcs11.so' })).toMatchObject({
      code: 'WALLET_SIGNER_UNAVAILABLE',
      details: { reason: 'the module cannot be loaded' },
    });
    expect(await refusal({ module: process.execPath })).toMatchObject({ code: 'WALLET_SIGNER_UNAVAILABLE' });
    expect(await refusal({ token: 'nobody' })).toMatchObject({
      code: 'WALLET_SIGNER_UNAVAILABLE',
      details: { reason: 'the token is not there' },
    });
    const bySlot: Pkcs11SignerOptions = {
      module: hsm.module,
      slot: 12_345,
      pin: bytesOf(hsm.pin),
      environment: hsm.environment,
    };
    await expect(createPkcs11Signer(bySlot)).rejects.toMatchObject({ code: 'WALLET_SIGNER_UNAVAILABLE' });
    const wallet = await connect();
    await wallet.close();
    await expect(wallet.listKeys()).rejects.toMatchObject({ code: 'WALLET_SIGNER_UNAVAILABLE' });
    await wallet.close();
  });

  it('is found by its slot too', async () => {
    const { module, environment, pin } = hsm;
    const tokens = await listPkcs11Tokens({ module, environment });
    const token = tokens.find(({ label }) => label === hsm.token);
    expect(token).toMatchObject({ manufacturer: 'SoftHSM project', model: 'SoftHSM v2' });
    const bySlot = await createPkcs11Signer({ module, environment, slot: token?.slot ?? -1, pin: bytesOf(pin) });
    open.push(bySlot);
    const labels = async (one: Pkcs11Signer) => (await one.listKeys()).map(({ label }) => label).toSorted();
    expect(await labels(bySlot)).toEqual(await labels(signer));
    expect(bySlot.name).toBe(`slot ${token?.slot}`);
    await expect(listPkcs11Tokens({ module: '/nowhere.so' })).rejects.toMatchObject({
      code: 'WALLET_SIGNER_UNAVAILABLE',
    });
  });

  it('says which mechanism it has not, and seals with the next best', async () => {
    const poor = await startSoftHsm({ settings: { 'slots.mechanisms': MECHANISMS } });
    const { module, environment, token, pin } = poor;
    const wallet = await createPkcs11Signer({ module, environment, token, pin: bytesOf(pin) });
    open.push(wallet);
    const { publicKey } = await wallet.generateKey({ label: 'no ecdsa' });
    const missing = {
      code: 'WALLET_TOKEN_FAILED',
      details: { call: 'C_GetMechanismList', code: 0x70, name: 'CKR_MECHANISM_INVALID' },
    };
    const request = { key: { publicKey }, scheme: 'ecdsa', digest: digestOf(1) } as const;
    await expect(wallet.signDigests([request])).rejects.toMatchObject(missing);
    await wallet.makeWrappingKey({ label: 'w' });
    expect((await wallet.sealKey({ kind: 'key', wrappingKey: 'w' })).mechanism).toBe('aes-cbc-pad');
    await poor.stop();

    const bare = await startSoftHsm({ settings: { 'slots.mechanisms': 'CKM_SHA256' } });
    const nothing = await createPkcs11Signer({ module, environment: bare.environment, token, pin: bytesOf(pin) });
    open.push(nothing);
    await expect(nothing.generateKey({ label: 'x' })).rejects.toMatchObject(missing);
    await expect(nothing.makeWrappingKey({ label: 'x' })).rejects.toMatchObject(missing);
    await bare.stop();
  });

  it('refuses wrong arguments with a code', async () => {
    const publicKey = new Uint8Array(33);
    const digest = new Uint8Array(32);
    const calls: readonly (() => unknown)[] = [
      () => createPkcs11Signer(undefined as never),
      () => createPkcs11Signer({} as never),
      () => createPkcs11Signer(optionsOf({ pin: '1234' as never })),
      () => createPkcs11Signer(optionsOf({ slot: 1 })),
      () => createPkcs11Signer(optionsOf({ timeoutMs: 0 })),
      () => createPkcs11Signer(optionsOf({ sealedKeys: [{} as never] })),
      () => createPkcs11Signer(optionsOf({ pin: () => 'x' as never })),
      () => signer.holds(7 as never),
      () => signer.holds([{ publicKey: new Uint8Array(31) }]),
      () => signer.signDigests([{ key: { publicKey }, scheme: 'rsa' as never, digest }]),
      () => signer.signDigests([{ key: { publicKey }, scheme: 'ecdsa', digest: new Uint8Array(20) }]),
      () => signer.signDigests([{ key: { publicKey }, scheme: 'ecdsa', digest, tweak: digest }]),
      () => signer.generateKey({ label: '' }),
      () => signer.importKey({ label: 'x', secretKey: new SecretBytes(new Uint8Array(32)) }),
      () => signer.importKey({ label: 'x', secretKey: new Uint8Array(32).fill(1) as never }),
      () => signer.sealKey({ kind: 'other' as never, wrappingKey: 'wrap' }),
      () => signer.listKeys({ signal: 'x' as never }),
    ];
    for (const [place, call] of calls.entries())
      await expect(Promise.resolve().then(call), String(place)).rejects.toMatchObject({
        code: 'WALLET_INVALID_ARGUMENT',
      });
    await expect(signer.signDigests([{ key: { publicKey }, scheme: 'ecdsa', digest }])).rejects.toMatchObject({
      code: 'WALLET_KEY_UNKNOWN',
    });
    await expect(signer.sealKey({ kind: 'key', wrappingKey: 'nobody' })).rejects.toMatchObject({
      code: 'WALLET_KEY_UNKNOWN',
    });
  });

  it('leaves no process behind', async () => {
    const wallet = await connect();
    const pid = wallet.process?.pid as number;
    await wallet.close();
    for (let waited = 0; waited < 50 && isAlive(pid); waited += 1) await new Promise((done) => setTimeout(done, 20));
    expect(isAlive(pid)).toBe(false);
  });
});

describe.skipIf(found === undefined)('a token of SoftHSM2, as a port,', () => {
  let hsm: SoftHsm;
  let port: DigestSignerHarness;
  beforeAll(async () => {
    hsm = await startSoftHsm();
    port = await connect();
  });
  afterAll(async () => {
    await port.close();
    await hsm.stop();
  });
  // One for all promises: none of them ends it.
  const harness = (): DigestSignerHarness => ({ ...port, close: async () => undefined });
  const connect = async (): Promise<DigestSignerHarness> => {
    const { module, token, environment } = hsm;
    const signer = await createPkcs11Signer({ module, token, environment, pin: bytesOf(hsm.pin) });
    await signer.makeWrappingKey({ label: 'wrap' });
    const ecdsaKeys = [await signer.generateKey({ label: 'a' }), await signer.generateKey({ label: 'b' })];
    const master = masterKey(new SecretBytes(new Uint8Array(32).fill(0x77)), { network: 'test' });
    const secret = new SecretBytes(Uint8Array.from([...(master.secretKey() ?? []), ...master.chainCode]));
    await signer.sealKey({ kind: 'master', wrappingKey: 'wrap', secret });
    // Both parities of y.
    const below = [0, 1, 2, 3, 4].map((step) => ({
      publicKey: master.child(step).publicKey,
      origin: { fingerprint: master.fingerprint, path: [step] },
    }));
    const sealed = await signer.sealKey({ kind: 'key', wrappingKey: 'wrap' });
    return {
      signer,
      ecdsaKeys: [...ecdsaKeys.map(({ publicKey }) => ({ publicKey })), below[0] as KeyReference],
      schnorrKeys: [...below, { publicKey: sealed.publicKey }],
      secrets: [toHex(master.secretKey() as Uint8Array), hsm.pin],
      close: () => signer.close(),
    };
  };

  it.for(digestSignerPromises)('keeps the promise of hashes: $name', ({ run }) => run(harness));

  it.for(signerPromises)('keeps the promise of PSBTs: $name', ({ run }) =>
    run(() => ({ ...harness(), signer: psbtSigner(port.signer) })),
  );
});

describe('a PIN', () => {
  it('that locked its token is not asked for again', async () => {
    let asked = 0;
    const pin = new Pin(() => {
      asked += 1;
      return bytesOf('1234');
    });
    expect(new TextDecoder().decode(await pin.read())).toBe('1234');
    expect(pin.refused(false)).toMatchObject({ code: 'WALLET_TOKEN_PIN_WRONG', details: { isLocked: false } });
    await pin.read();
    expect(pin.refused(true)).toMatchObject({ code: 'WALLET_TOKEN_PIN_WRONG', details: { isLocked: true } });
    await expect(pin.read()).rejects.toMatchObject({ details: { isLocked: true } });
    expect(asked).toBe(2);
  });

  it('that a function gave is wiped', async () => {
    const given = bytesOf('1234');
    await new Pin(() => given).read();
    expect(given.isWiped).toBe(true);
    await new Pin(bytesOf('1')).read();
  });
});

describe('sealed keys as text', () => {
  it('are refused when they are none', () => {
    for (const text of [
      '',
      '{}',
      '[]',
      'null',
      '{"format":"bitcoin-enterprise-sealed-key","version":1}',
      'x'.repeat(9_999),
    ])
      expect(() => readSealedKey(text)).toThrow('WALLET_KEYSTORE_INVALID');
    expect(() => readSealedKey(7 as never)).toThrow('WALLET_INVALID_ARGUMENT');
    expect(() => printSealedKey({} as never)).toThrow('WALLET_INVALID_ARGUMENT');
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
