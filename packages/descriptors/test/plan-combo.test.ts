import { loadCrypto } from '@bitcoin-enterprise/core';
import { beforeAll, expect, it } from 'vitest';
import { parseDescriptor, planSpend } from '../src/index.ts';
import { publicKeyOf } from './support/signing.ts';

beforeAll(async () => {
  await loadCrypto();
});

it('plans of combo() only the scripts that there are: an uncompressed key has no witness program', () => {
  const output = parseDescriptor(`combo(${publicKeyOf(1, { compressed: false })})`).derive();
  expect(output.scripts).toHaveLength(2);
  expect(planSpend(output, { canSign: () => true }, { scriptIndex: 1 }).ok).toBe(true);
  expect(() => planSpend(output, { canSign: () => true }, { scriptIndex: 2 })).toThrow(/DESCRIPTORS_INVALID_ARGUMENT/);
});
