import { silentLogger, systemClock, webEntropy } from '@bitcoin-enterprise/core';
import {
  clockPromises,
  createManualClock,
  createSeededEntropy,
  ensureEqual,
  ensureThrows,
  entropyPromises,
  loggerPromises,
} from '@bitcoin-enterprise/core/testing';
import { describe, expect, it } from 'vitest';

describe('the system clock keeps the Clock promises', () => {
  it.for(clockPromises)('$name', ({ run }) => run(systemClock));
});

describe('a manual clock keeps the Clock promises', () => {
  it.for(clockPromises)('$name', ({ run }) => run(() => createManualClock()));

  it('moves when told, and only its wall time steps back', () => {
    const clock = createManualClock(1_000_000);
    clock.advanceMs(2_500);
    clock.setMs(500_000);

    expect([clock.now(), clock.nowMs(), clock.monotonicMs()]).toEqual([500, 500_000, 2_500]);
    expect(() => clock.advanceMs(-1)).toThrow('CORE_UNIT_OUT_OF_RANGE');
  });
});

describe('WebCrypto entropy keeps the Entropy promises', () => {
  it.for(entropyPromises)('$name', ({ run }) => run(webEntropy));
});

describe('seeded entropy keeps the Entropy promises', () => {
  it.for(entropyPromises)('$name', ({ run }) => run(() => createSeededEntropy('kit')));

  it('is the same for the same seed', () => {
    expect(createSeededEntropy('a').bytes(70)).toEqual(createSeededEntropy('a').bytes(70));
    expect(createSeededEntropy('a').bytes(8)).not.toEqual(createSeededEntropy('b').bytes(8));
  });
});

describe('the silent logger keeps the Logger promises', () => {
  it.for(loggerPromises)('$name', ({ run }) => run(() => silentLogger));
});

describe('the assertions of the kits', () => {
  it('compare by content and say what came', () => {
    ensureEqual({ a: [1n, new Uint8Array(2)] }, { a: [1n, new Uint8Array(2)] });
    expect(() => ensureEqual({ a: [1n] }, { a: [2n] }, 'sums')).toThrowErrorMatchingInlineSnapshot(
      `[BrokenPromise: sums: expected { a: [2n] }, got { a: [1n] }]`,
    );
    expect(() => ensureEqual(new Uint8Array(1), [0])).toThrow('0x00');
  });

  it('require a code, not any failure', async () => {
    await expect(ensureThrows(() => 1, 'A')).rejects.toThrow('got an answer');
    await expect(ensureThrows(() => Promise.reject(new Error('x')), 'A')).rejects.toThrow('got Error: x');
  });
});
