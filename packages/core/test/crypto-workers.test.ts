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
    const argument = (act: () => unknown): string => {
      try {
        act();
        return 'none';
      } catch (error) {
        return hasCode(error, 'CORE_CRYPTO_INVALID_ARGUMENT') ? error.details.argument : String(error);
      }
    };

    expect(argument(() => engine.verifyBatch(all))).toBe('items[150].signature');
    expect(argument(() => engine.verifyBatch(items(200).with(199, { ...signed(1), kind: 'x' } as never)))).toBe(
      'items[199].kind',
    );
    expect(engine.verifyBatch(items(200))).toEqual([]);
  });

  it('begins a batch on a thread that is idle, and gives the answer when asked, in any order', () => {
    const good = items(100);
    const bad = good.with(70, { ...signed(1), message: engine.sha256(Uint8Array.of(1)) } as BatchItem);
    const begun = [bad, good].map((batch) => engine.beginBatch?.(batch));
    const third = engine.beginBatch?.(good);

    expect(begun.map((answer) => typeof answer)).toEqual(['function', 'function']);
    // Two threads, both at work or done already: whoever takes a third batch has room for it beside the one before.
    expect(third === undefined || third().length === 0).toBe(true);
    expect(engine.verifyBatch(bad)).toEqual([70]);
    expect(begun[1]?.()).toEqual([]);
    expect(begun[0]?.()).toEqual([70]);
    expect(begun[0]?.()).toEqual([70]);
  });

  it('copies what it begins: what its caller does to the bytes afterwards changes nothing', () => {
    const batch = items(200);
    const answer = engine.beginBatch?.(batch);
    for (const item of batch) if (item.kind === 'schnorr') item.signature.fill(0);

    expect(answer?.()).toEqual([]);
  });

  it('keeps the answer of a batch that nobody asked for until others came', () => {
    const wrong = items(64).with(3, { ...signed(3), message: new Uint8Array(1) } as BatchItem);
    const first = engine.beginBatch?.(wrong);
    for (let i = 0; i < 5; i++) expect(engine.verifyBatch(items(300))).toEqual([]);

    expect(first?.()).toEqual([3]);
  });

  it('does not begin what is too small, no list, or no batch', () => {
    expect(engine.beginBatch?.(items(10))).toBeUndefined();
    expect(engine.beginBatch?.(7 as never)).toBeUndefined();
    expect(engine.beginBatch?.(Array.from({ length: 100 }, () => 7) as never)).toBeUndefined();
  });

  it('refuses a number of threads that cannot be', async () => {
    for (const count of [0, -1, 1.5, 65, NaN])
      await expect(workerCrypto({ workers: count })).rejects.toThrow('CORE_CRYPTO_INVALID_ARGUMENT');
  });

  it('goes on alone when its threads are closed', async () => {
    const other = await workerCrypto();
    await other.close();

    expect(other.engine.verifyBatch(items(200))).toEqual([]);
    expect(other.engine.beginBatch?.(items(200))).toBeUndefined();
  });

  it('answers what was begun before its threads were closed', async () => {
    const other = await workerCrypto();
    const wrong = items(200).with(199, { ...signed(9), message: new Uint8Array(1) } as BatchItem);
    const answer = other.engine.beginBatch?.(wrong);
    await other.close();

    expect(answer?.()).toEqual([199]);
  });
});
