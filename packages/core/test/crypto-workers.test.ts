import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BatchItem, hasCode, type CryptoEngine } from '@bitcoin-enterprise/core';
import { cryptoEnginePromises } from '@bitcoin-enterprise/core/testing';
import { type WorkerCrypto, workerCrypto } from '@bitcoin-enterprise/core/workers';

describe('an engine with two helping threads', () => {
  let workers: WorkerCrypto;
  let engine: CryptoEngine;
  beforeAll(async () => {
    workers = await workerCrypto({ workers: 2 });
    ({ engine } = workers);
  });
  afterAll(() => workers.close());

  const signed = (index: number): BatchItem => {
    const secretKey = engine.sha256(Uint8Array.of(index, index >> 8));
    const message = engine.sha256(secretKey);
    return {
      kind: 'schnorr',
      signature: engine.schnorrSign(message, secretKey) as Uint8Array,
      message,
      xOnlyPublicKey: (engine.publicKey(secretKey) as Uint8Array).subarray(1),
    };
  };
  const tweaked = (index: number): BatchItem => {
    const internalXOnly = (engine.publicKey(engine.sha256(Uint8Array.of(index, 7))) as Uint8Array).subarray(1);
    const tweak = engine.sha256(internalXOnly);
    const { xOnlyPublicKey, parity } = engine.xOnlyTweakAdd(internalXOnly, tweak) as NonNullable<
      ReturnType<CryptoEngine['xOnlyTweakAdd']>
    >;
    return { kind: 'tweak', tweakedXOnly: xOnlyPublicKey, parity, internalXOnly, tweak };
  };
  const items = (count: number): BatchItem[] =>
    Array.from({ length: count }, (_, index) => (index % 3 === 2 ? tweaked(index) : signed(index)));

  it.for(cryptoEnginePromises)('$name', ({ run }) => run(async () => engine));

  it('names the failing checks of every share, in order', () => {
    const all = items(500);
    for (const index of [0, 1, 166, 167, 333, 334, 499]) {
      const item = all[index] as BatchItem;
      all[index] =
        item.kind === 'schnorr'
          ? { ...item, message: engine.sha256(item.message) }
          : { ...item, parity: 1 - item.parity };
    }

    expect(engine.verifyBatch(all)).toEqual([0, 1, 166, 167, 333, 334, 499]);
  });

  it('checks messages that do not fit the shared memory as well', () => {
    const secretKey = engine.sha256(Uint8Array.of(1));
    const message = new Uint8Array(100_000);
    const long: BatchItem = {
      kind: 'schnorr',
      signature: engine.schnorrSign(message, secretKey) as Uint8Array,
      message,
      xOnlyPublicKey: (engine.publicKey(secretKey) as Uint8Array).subarray(1),
    };

    expect(engine.verifyBatch([...items(150), long])).toEqual([]);
  });

  it('refuses a malformed check with the same code as without threads', () => {
    const all: BatchItem[] = items(200);
    all[150] = { ...signed(1), signature: new Uint8Array(10) } as BatchItem;
    const code = (act: () => unknown): string => {
      try {
        act();
        return 'none';
      } catch (error) {
        return hasCode(error, 'CORE_CRYPTO_INVALID_ARGUMENT') ? error.code : String(error);
      }
    };

    expect(code(() => engine.verifyBatch(all))).toBe('CORE_CRYPTO_INVALID_ARGUMENT');
    expect(engine.verifyBatch(items(200))).toEqual([]);
  });

  it('refuses a number of threads that cannot be', async () => {
    for (const count of [0, -1, 1.5, 65, NaN])
      await expect(workerCrypto({ workers: count })).rejects.toThrow('CORE_CRYPTO_INVALID_ARGUMENT');
  });

  it('goes on alone when its threads are closed', async () => {
    const other = await workerCrypto();
    await other.close();

    expect(other.engine.verifyBatch(items(200))).toEqual([]);
  });
});
