import { hasCode } from '@bitcoin-enterprise/core';
import { describe, expect, it } from 'vitest';
import { compilePolicy, type CompilePolicyOptions } from '../src/index.ts';
import { publicKeyOf } from './support/signing.ts';

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
    expect(() => compilePolicy('pk(toString)', { context: 'tr', keys })).toThrow(/DESCRIPTORS_KEY_INVALID/);
  });
});
