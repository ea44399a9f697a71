import { hasCode, loadCrypto } from '@bitcoin-enterprise/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { compilePolicy, type CompilePolicyOptions } from '../src/index.ts';
import { publicKeyOf } from './support/signing.ts';

beforeAll(async () => {
  await loadCrypto();
});

const EXTENDED =
  'tpubD6NzVbkrYhZ4XJDrzRvuxHEyQaPd1mwwdDofEJwekX18tAdsqeKfxss79AJzg1431FybXg5rfpTrJF4iAhyR7RubberdzEQXiRmXGADH2eA';
const OTHER =
  'tpubD8kCEZazE4vQhtmRjxmDDXFfyaL6vVX7k3pASqf3xX1J7Rzc5HLVzbtLvsgVDxERNiEJ8dibuSVCN1dxwex371qgPzhkGeMAzKe8T7ivSof';

describe('options of compilePolicy', () => {
  it.for([{ keys: null }, { keys: { A: 5 } }, { keys: 'x' }, { ifFree: 'no' }, { unspendableKey: 5 }])(
    'are refused with a code: %o',
    (wrong) => {
      try {
        compilePolicy('pk(A)', { context: 'tr', ...wrong } as unknown as CompilePolicyOptions);
        expect.unreachable();
      } catch (error) {
        if (!hasCode(error, 'DESCRIPTORS_INVALID_ARGUMENT')) throw error;
      }
    },
  );

  it('name keys by their own names alone', () => {
    const keys = { constructor: publicKeyOf(1), B: publicKeyOf(2) };
    const policy = 'or(pk(constructor),and(pk(B),older(5)))';
    expect(compilePolicy(policy, { context: 'tr', keys }).descriptor?.toString()).toContain(publicKeyOf(1));
    expect(compilePolicy('pk(toString)', { context: 'tr', keys }).descriptor).toBeUndefined();
  });

  it('leave a descriptor out as long as a name has no key, and tell faults of keys that are there', () => {
    const policy = 'or(pk(A),and(pk(B),older(5)))';
    expect(compilePolicy(policy, { context: 'tr', keys: { A: publicKeyOf(1) } }).descriptor).toBeUndefined();
    expect(() => compilePolicy(policy, { context: 'tr', keys: { A: publicKeyOf(1), B: 'xpub' } })).toThrow(
      /DESCRIPTORS_KEY_INVALID/,
    );
    expect(() => compilePolicy(`and(pk(${publicKeyOf(1)}),older(5))`, { context: 'tr', unspendableKey: 'zz' })).toThrow(
      /DESCRIPTORS_KEY_INVALID/,
    );
  });

  it('do not make one key of two names: 2 of 2 would be one signer', () => {
    for (const context of ['tr', 'wsh'] as const) {
      const keys = { A: publicKeyOf(1), B: publicKeyOf(1) };
      expect(() => compilePolicy('and(pk(A),pk(B))', { context, keys })).toThrow(/DESCRIPTORS_POLICY_INVALID/);
    }
  });

  it('keep the path of an aggregate, and make one aggregate of several', () => {
    const [alice, bob, carol] = [EXTENDED, publicKeyOf(2), publicKeyOf(3)];
    const keys = { alice, bob, carol };
    const ranged = compilePolicy('pk(musig(alice,alice2)/0/*)', { context: 'tr', keys: { alice, alice2: OTHER } });
    expect(ranged.descriptor?.toString()).toContain(`musig(${alice},${OTHER})/0/*`);
    const all = compilePolicy('and(pk(musig(alice,bob)),pk(carol))', { context: 'tr', keys });
    expect(all.template).toBe('tr(musig(alice,bob,carol))');
    expect(all.descriptor?.toString()).toContain(`musig(${alice},${bob},${carol})`);
  });
});
