import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { currentCrypto, installCrypto, jsCrypto, loadCrypto, wasmCrypto } from '@bitcoin-enterprise/core';
import { cryptoEnginePromises } from '@bitcoin-enterprise/core/testing';
import { engines } from './crypto-engines.ts';

const all = await engines();

describe.for([...all])('the engine %s keeps the promises of CryptoEngine', ([, engine]) => {
  it.for(cryptoEnginePromises)('$name', ({ run }) => run(async () => engine));
});

describe.for([...all])('the engine %s takes bytes of another realm', ([, engine]) => {
  it('as if they were of this one', () => {
    const Foreign = runInNewContext('Uint8Array') as typeof Uint8Array;
    const foreign = (bytes: Uint8Array | undefined): Uint8Array => Foreign.from(bytes ?? []);
    const [secretKey, message] = [foreign(new Uint8Array(32).fill(7)), foreign(new Uint8Array(32).fill(9))];
    const publicKey = foreign(engine.publicKey(secretKey));
    const xOnly = foreign(publicKey.subarray(1));
    const schnorr = foreign(engine.schnorrSign(message, secretKey));
    const ecdsa = foreign(engine.ecdsaSign(message, secretKey));
    const tweaked = engine.xOnlyTweakAdd(xOnly, message);
    const ours = engine.publicKey(new Uint8Array(32).fill(7)) as Uint8Array;

    expect(secretKey instanceof Uint8Array).toBe(false);
    expect(engine.isSecretKey(secretKey)).toBe(true);
    expect([engine.isPublicKey(publicKey), engine.isXOnlyPublicKey(xOnly)]).toEqual([true, true]);
    expect(engine.schnorrVerify(schnorr, message, xOnly)).toBe(true);
    expect(engine.ecdsaVerify(ecdsa, message, publicKey)).toBe(true);
    expect(engine.verifyBatch([{ kind: 'schnorr', signature: schnorr, message, xOnlyPublicKey: xOnly }])).toEqual([]);
    expect(engine.xOnlyTweakAddCheck(foreign(tweaked?.xOnlyPublicKey), tweaked?.parity ?? 2, xOnly, message)).toBe(
      true,
    );
    expect(engine.publicKeyConvert(publicKey)).toEqual(ours);
    expect(engine.publicKeyTweakAdd(publicKey, message)).toEqual(engine.publicKeyTweakAdd(ours, message));
    expect(engine.publicKeyCombine([publicKey, publicKey])).toEqual(engine.publicKeyCombine([ours, ours]));
    expect(engine.ecdh(secretKey, publicKey)).toEqual(engine.ecdh(new Uint8Array(32).fill(7), ours));
    expect(engine.hash160(publicKey)).toEqual(engine.hash160(ours));
    expect(engine.hash256Pairs(foreign(new Uint8Array(64)))).toEqual(engine.hash256Pairs(new Uint8Array(64)));
  });
});

describe('loading an engine', () => {
  it('starts with the JavaScript engine', () => {
    installCrypto(jsCrypto);

    expect(currentCrypto().name).toBe('js');
  });

  it.skipIf(all.size < 4)('takes WebAssembly and says nothing', async () => {
    const loaded = await loadCrypto();

    expect(loaded).toMatchObject({ name: 'wasm' });
    expect(loaded.notice).toBeUndefined();
    expect(currentCrypto()).toBe(loaded.engine);
  });

  it('takes the engine that is asked for', async () => {
    for (const prefer of ['tiny', 'js'] as const) {
      const loaded = await loadCrypto({ prefer });

      expect(loaded.engine.name).toBe(prefer);
      expect(loaded.notice).toBeUndefined();
      expect(currentCrypto()).toBe(loaded.engine);
    }
  });

  it('falls back to tiny-secp256k1 where WebAssembly cannot be compiled, and says so', async () => {
    const compile = WebAssembly.compile;
    WebAssembly.compile = () => Promise.reject(new Error('compilation is forbidden here'));
    try {
      const loaded = await loadCrypto();

      expect(loaded.name).toBe('tiny');
      expect(loaded.notice).toMatch(
        /^crypto engine 'tiny' is in use: 'wasm' is not available \(SECP256K1_MODULE_UNAVAILABLE/,
      );
      expect(loaded.notice).toMatch(/npm run build:wasm/);
    } finally {
      WebAssembly.compile = compile;
    }
  });

  it('takes the only engine that will do, or says what is missing where tiny-secp256k1 is not installed', async () => {
    expect((await loadCrypto({ only: 'tiny' })).name).toBe('tiny');
    expect((await loadCrypto({ only: 'js', prefer: 'wasm' })).name).toBe('js');

    // The loader of Node itself looks for a package that is not there.
    const script = `
      import { registerHooks } from 'node:module';
      registerHooks({ resolve: (name, context, next) => next(name === 'tiny-secp256k1' ? 'tiny-secp256k1-absent' : name, context) });
      const { loadCrypto } = await import('@bitcoin-enterprise/core');
      const { notice, name } = await loadCrypto({ prefer: 'tiny' });
      const error = await loadCrypto({ only: 'tiny' }).catch((error) => error.toJSON());
      process.stdout.write(JSON.stringify({ name, notice, error }));
    `;
    const flags = ['--conditions=@bitcoin-enterprise/source', '--input-type=module', '--eval', script];
    const { stdout } = await promisify(execFile)(process.execPath, flags, {
      cwd: import.meta.dirname,
      timeout: 30_000,
    });
    const { name, notice, error } = JSON.parse(stdout) as Record<string, unknown>;

    expect(name).toBe('js');
    expect(notice).toMatch(
      /'tiny' is not available \(CORE_CRYPTO_ENGINE_UNAVAILABLE.*not installed; npm install tiny-secp256k1/,
    );
    expect(error).toMatchObject({
      code: 'CORE_CRYPTO_ENGINE_UNAVAILABLE',
      details: { engine: 'tiny' },
      hint: expect.stringContaining('npm install tiny-secp256k1'),
    });
  });

  it('refuses a module that is not ours instead of falling back', async () => {
    const empty = await WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));

    await expect(loadCrypto({ module: empty })).rejects.toMatchObject({
      code: 'CORE_CRYPTO_ENGINE_UNAVAILABLE',
      details: { engine: 'wasm' },
    });
  });

  it('refuses an engine that is none', () => {
    for (const bad of [undefined, null, 7, {}, { ...jsCrypto, sha256: 1 }])
      expect(() => installCrypto(bad as never)).toThrowError(
        expect.objectContaining({ code: 'CORE_CRYPTO_INVALID_ARGUMENT' }),
      );
  });

  it('refuses an unknown name', async () => {
    for (const option of ['prefer', 'only'])
      await expect(loadCrypto({ [option]: 'native' })).rejects.toMatchObject({
        code: 'CORE_CRYPTO_INVALID_ARGUMENT',
        message: expect.stringContaining(`options.${option}`),
      });
  });

  it.skipIf(all.size < 4)('blinds signing without changing signatures', async () => {
    const engine = await wasmCrypto({ entropy: new Uint8Array(32).fill(7) });
    const key = new Uint8Array(32).fill(3);

    expect(engine.ecdsaSign(key, key)).toEqual(jsCrypto.ecdsaSign(key, key));
    expect(engine.schnorrSign(key, key)).toEqual(jsCrypto.schnorrSign(key, key));
  });
});
