import { loadCrypto, toHex } from '@bitcoin-enterprise/core';
import { UNSPENDABLE_INTERNAL_KEY } from '@bitcoin-enterprise/script';
import { beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../src/cli/index.ts';
import { parseDescriptor, pathsOfDescriptor, planSpend } from '../src/index.ts';
import { publicKeyOf } from './support/signing.ts';

const H = toHex(UNSPENDABLE_INTERNAL_KEY);
let text: string;

beforeAll(async () => {
  await loadCrypto();
  text = `tr(${H},and_v(v:pk(${publicKeyOf(1)}),pk(${publicKeyOf(2)})))`;
});

describe('an internal key that nobody has the secret of', () => {
  it('is never planned to sign, whatever the assets say', () => {
    const plan = planSpend(parseDescriptor(text).derive(), { canSign: () => true });
    expect(plan).toMatchObject({ ok: true, path: { kind: 'leaf', index: 0 } });
    const alone = planSpend(parseDescriptor(`tr(${H})`).derive(), { canSign: () => true });
    expect(alone).toMatchObject({ ok: false, keys: [], spendableFrom: undefined });
  });

  it('is never what is missing', () => {
    const plan = planSpend(parseDescriptor(text).derive(), { canSign: () => false });
    expect(plan.ok ? [] : plan.keys.map(({ publicKey }) => toHex(publicKey).slice(2))).toEqual(
      [2, 1].map((place) => publicKeyOf(place).slice(2)),
    );
  });

  it('is no way to spend in what is shown', () => {
    expect(pathsOfDescriptor(parseDescriptor(text)).map(({ kind }) => kind)).toEqual(['leaf']);
    expect(runCli(['explain', text]).stdout.slice(text.length + 10)).not.toContain('50929b74');
    expect(runCli(['plan', text]).stdout).toContain('way: leaf 0');
  });
});
