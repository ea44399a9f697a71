import { existsSync, readFileSync } from 'node:fs';
import { createHash, randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { WASI } from 'node:wasi';
import { describe, expect, it } from 'vitest';
import { instantiateSecp256k1, loadSecp256k1 } from '@bitcoin-enterprise/secp256k1';
import type { BatchItem } from '@bitcoin-enterprise/secp256k1';

const build = resolve(import.meta.dirname, '../build');
const built = existsSync(resolve(build, 'small.js'));
const inCi = process.env['CI'] === 'true';
if (!built) console.warn('the WebAssembly module is not built: run `npm run build:wasm`');

const lock = JSON.parse(readFileSync(resolve(import.meta.dirname, '../wasm.lock.json'), 'utf8')) as {
  variants: Record<string, { sha256: string; bytes: number }>;
};

const bytes = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

describe.skipIf(!built && !inCi)('the built module', () => {
  it.for([
    ['small', 'secp256k1.wasm'],
    ['large', 'secp256k1-large.wasm'],
  ] as const)('has the expected hash: %s', ([variant, file]) => {
    const wasm = readFileSync(resolve(build, file));

    expect(createHash('sha256').update(wasm).digest('hex')).toBe(lock.variants[variant]?.sha256);
    expect(wasm.length).toBe(lock.variants[variant]?.bytes);
  });

  it('imports nothing', async () => {
    const module = await WebAssembly.compile(readFileSync(resolve(build, 'secp256k1.wasm')));

    expect(WebAssembly.Module.imports(module)).toEqual([]);
  });

  it('works from a ready module, synchronously', async () => {
    const module = await WebAssembly.compile(readFileSync(resolve(build, 'secp256k1.wasm')));
    const secp256k1 = instantiateSecp256k1(module, { entropy: bytes(32) });
    const key = bytes(32);
    const signature = secp256k1.schnorrSign(key, key);

    expect(
      secp256k1.schnorrVerify(signature as Uint8Array, key, (secp256k1.publicKey(key) as Uint8Array).slice(1)),
    ).toBe(true);
  });

  it('is loaded anew by each call, with memory of its own', async () => {
    const [a, b] = await Promise.all([loadSecp256k1(), loadSecp256k1({ variant: 'large' })]);
    const data = bytes(100_000);

    expect(a.sha256(data)).toEqual(b.sha256(data));
    expect(a).not.toBe(b);
  });

  it('hashes many messages of one length as one by one', async () => {
    const secp256k1 = await loadSecp256k1();
    for (const length of [1, 55, 56, 63, 64, 65, 80, 119, 120, 200]) {
      for (const count of [0, 1, 3, 4, 9]) {
        const messages = bytes(length * count);
        const parts = Array.from({ length: count }, (_, i) => messages.slice(i * length, (i + 1) * length));

        expect(secp256k1.sha256Many(messages, length)).toEqual(
          Uint8Array.from(parts.flatMap((part) => [...secp256k1.sha256(part)])),
        );
        expect(secp256k1.hash256Many(messages, length)).toEqual(
          Uint8Array.from(parts.flatMap((part) => [...secp256k1.hash256(part)])),
        );
      }
    }
  });

  it('verifies batches beyond one part, with long messages and with entropy', async () => {
    const secp256k1 = await loadSecp256k1();
    const key = bytes(32);
    const xOnlyPublicKey = (secp256k1.publicKey(key) as Uint8Array).slice(1);
    const distinct = Array.from({ length: 20 }, (_, i): BatchItem => {
      const message = bytes(i * 500);
      return { kind: 'schnorr', signature: secp256k1.schnorrSign(message, key) as Uint8Array, message, xOnlyPublicKey };
    });
    const items = Array.from({ length: 4_100 }, (_, i) => distinct[i % 20] as BatchItem);
    const wrong = { ...(items[0] as Extract<BatchItem, { kind: 'schnorr' }>), message: bytes(5) };

    expect(secp256k1.verifyBatch(items, { entropy: bytes(32) })).toEqual([]);
    expect(secp256k1.verifyBatch(items.with(2_500, wrong).with(4_099, wrong), { entropy: bytes(32) })).toEqual([
      2_500, 4_099,
    ]);
  });

  it('verifies every batch size from fresh memory', async () => {
    const module = await WebAssembly.compile(readFileSync(resolve(build, 'secp256k1.wasm')));
    const maker = instantiateSecp256k1(module);
    const items = Array.from({ length: 400 }, (): BatchItem => {
      const [key, message] = [bytes(32), bytes(32)];
      const xOnlyPublicKey = (maker.publicKey(key) as Uint8Array).slice(1);
      return { kind: 'schnorr', signature: maker.schnorrSign(message, key) as Uint8Array, message, xOnlyPublicKey };
    });
    for (const size of [2, 3, 4, 5, 8, 11, 16, 23, 32, 43, 64, 65, 90, 128, 200, 255, 300, 400]) {
      const secp256k1 = instantiateSecp256k1(module);

      expect(secp256k1.verifyBatch(items.slice(0, size)), `${size} items`).toEqual([]);
    }
  });

  it('survives the growth of its memory', async () => {
    const secp256k1 = await loadSecp256k1();
    const key = bytes(32);
    const before = secp256k1.publicKey(key);
    secp256k1.sha512(new Uint8Array(20_000_000));

    expect(secp256k1.publicKey(key)).toEqual(before);
  });

  it('keeps no secret in its memory', async () => {
    const module = await WebAssembly.compile(readFileSync(resolve(build, 'secp256k1.wasm')));
    const instances: WebAssembly.Instance[] = [];
    const Original = WebAssembly.Instance;
    // The wrapper hides the memory, so the test watches instances being made.
    WebAssembly.Instance = class extends Original {
      constructor(source: WebAssembly.Module, imports?: WebAssembly.Imports) {
        super(source, imports);
        instances.push(this);
      }
    };
    const secp256k1 = instantiateSecp256k1(module);
    WebAssembly.Instance = Original;
    const key = bytes(32);
    const tweak = bytes(32);
    const point = secp256k1.publicKey(bytes(32)) as Uint8Array;
    const results = [
      key,
      secp256k1.secretKeyTweakAdd(key, tweak),
      secp256k1.secretKeyTweakMul(key, tweak),
      secp256k1.secretKeyNegate(key),
      secp256k1.ecdh(key, point),
      secp256k1.hmacSha512(key, tweak),
      secp256k1.hmacSha256(key, tweak),
    ] as Uint8Array[];
    secp256k1.isSecretKey(key);
    secp256k1.publicKey(key);
    secp256k1.ecdsaSign(tweak, key);
    secp256k1.ecdsaSignRecoverable(tweak, key);
    secp256k1.schnorrSign(tweak, key);

    const [instance] = instances as [WebAssembly.Instance];
    const memory = Buffer.from((instance.exports['memory'] as WebAssembly.Memory).buffer);
    for (const secret of results) {
      expect(memory.indexOf(secret)).toBe(-1);
      // Scalars lie there as words of the other byte order, too.
      expect(memory.indexOf(secret.slice().reverse())).toBe(-1);
    }
  });
});

describe('bad input', () => {
  it.skipIf(!built && !inCi)('answers with a code and its details', async () => {
    const secp256k1 = await loadSecp256k1();

    expect(() => secp256k1.publicKey(new Uint8Array(31))).toThrowErrorMatchingInlineSnapshot(
      `[Secp256k1Error: SECP256K1_INVALID_ARGUMENT: secretKey: expected 32 bytes, got Uint8Array of 31 bytes]`,
    );
    expect(() => secp256k1.sha256Many(new Uint8Array(5), 2)).toThrowErrorMatchingInlineSnapshot(
      `[Secp256k1Error: SECP256K1_INVALID_ARGUMENT: messages: expected a multiple of 2 bytes, got Uint8Array of 5 bytes]`,
    );
    for (const length of [0, -1, 0.5, Number.NaN, '1' as never])
      expect(() => secp256k1.sha256Many(new Uint8Array(4), length)).toThrowError(
        expect.objectContaining({ code: 'SECP256K1_INVALID_ARGUMENT', retryable: false }),
      );
    expect(() => secp256k1.randomize(new Uint8Array(1))).toThrowError(
      expect.objectContaining({ details: { argument: 'entropy', expected: '32 bytes', got: 'Uint8Array of 1 bytes' } }),
    );
    expect(() => secp256k1.verifyBatch([], { entropy: new Uint8Array(3) })).toThrowError(/entropy/);
  });

  it('refuses a module that is not its own', async () => {
    const empty = await WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));

    expect(() => instantiateSecp256k1(empty)).toThrowErrorMatchingInlineSnapshot(
      `[Secp256k1Error: SECP256K1_MODULE_MISMATCH: expected the module of this package, but it lacks slots]`,
    );
    expect(() => instantiateSecp256k1({} as never)).toThrowError(
      expect.objectContaining({ code: 'SECP256K1_MODULE_MISMATCH' }),
    );
  });

  it('rejects with a hint where nothing can be compiled', async () => {
    const compile = WebAssembly.compile;
    WebAssembly.compile = () => Promise.reject(new Error('forbidden'));
    try {
      await expect(loadSecp256k1()).rejects.toMatchObject({
        code: 'SECP256K1_MODULE_UNAVAILABLE',
        details: { variant: 'small' },
        hint: expect.stringContaining('npm run build:wasm'),
      });
    } finally {
      WebAssembly.compile = compile;
    }
  });
});

describe.skipIf(!existsSync(resolve(build, 'test/upstream-tests.wasm')) && !inCi)('libsecp256k1', () => {
  it("passes upstream's own test program, compiled the same way", { timeout: 300_000 }, async () => {
    const wasi = new WASI({
      version: 'preview1',
      args: ['tests', '-iterations=1'],
      env: {},
      preopens: { '/dev': '/dev' },
      returnOnExit: true,
    });
    const module = await WebAssembly.compile(readFileSync(resolve(build, 'test/upstream-tests.wasm')));
    const instance = await WebAssembly.instantiate(module, wasi.getImportObject() as WebAssembly.Imports);

    expect(wasi.start(instance)).toBe(0);
  });
});

describe.skipIf(!built && !inCi)('arguments that change between two looks', () => {
  /** Tells the truth once, when it is checked, and something else from then on. */
  class TwoFaced extends Uint8Array {
    #looks = 0;
    override get length(): number {
      return this.#looks++ === 0 ? super.length : 1_000_000_000;
    }
  }
  const secretKey = new Uint8Array(32).fill(3);
  const message = bytes(40);

  it('are taken at their true length', async () => {
    const secp256k1 = await loadSecp256k1();
    const twoFaced = (): Uint8Array => new TwoFaced(message);

    expect(secp256k1.sha256(twoFaced())).toEqual(secp256k1.sha256(message));
    expect(secp256k1.hmacSha256(twoFaced(), twoFaced())).toEqual(secp256k1.hmacSha256(message, message));
    expect(secp256k1.schnorrSign(twoFaced(), secretKey)).toEqual(secp256k1.schnorrSign(message, secretKey));
    expect(() => secp256k1.publicKey(twoFaced())).toThrow('SECP256K1_INVALID_ARGUMENT');
    expect(secp256k1.publicKey(new TwoFaced(secretKey))).toEqual(secp256k1.publicKey(secretKey));
  });

  it('are read once in a batch and in a sum of keys', async () => {
    const secp256k1 = await loadSecp256k1();
    const publicKey = secp256k1.publicKey(secretKey) as Uint8Array;
    const signature = secp256k1.schnorrSign(message, secretKey) as Uint8Array;
    const good: BatchItem = { kind: 'schnorr', signature, message, xOnlyPublicKey: publicKey.slice(1) };
    const changing = (): BatchItem => {
      let looks = 0;
      return Object.defineProperty({ ...good }, 'signature', {
        get: () => (looks++ === 0 ? signature : new Uint8Array(3_000_000).fill(255)),
      });
    };
    const keys = (): Uint8Array[] => {
      let looks = 0;
      return Object.defineProperty([publicKey, publicKey], 0, {
        get: () => (looks++ === 0 ? publicKey : new Uint8Array(3_000_000).fill(255)),
      });
    };

    expect(secp256k1.verifyBatch([changing(), good, changing()])).toEqual([]);
    expect(secp256k1.publicKeyCombine(keys())).toEqual(secp256k1.publicKeyCombine([publicKey, publicKey]));
    expect(secp256k1.schnorrVerify(signature, message, good.xOnlyPublicKey)).toBe(true);
  });
});
