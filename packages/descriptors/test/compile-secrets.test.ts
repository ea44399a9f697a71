import { loadCrypto } from '@bitcoin-enterprise/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../src/cli/index.ts';
import { compilePolicy } from '../src/index.ts';

beforeAll(async () => {
  await loadCrypto();
});

const SECRETS = [
  'xprv9s21ZrQH143K31xYSDQpPDxsXRTUcvj2iNHm5NUtrGiGG5e2DtALGdso3pGz6ssrdK4PFmM8NSpSBHNqPqm55Qn3LqFtT2emdEXVYsCzC2U',
  'L4rK1yDtCWekvXuE6oXD9jCYfFNV2cWRpVuPLBcCU2z8TrisoyY1',
] as const;
const [EXTENDED, WIF] = SECRETS;

/** Whether a text holds a good part of a secret. */
function tells(text: string): boolean {
  return SECRETS.some((secret) => text.includes(secret.slice(5, 20)) || text.includes(secret.slice(-20, -3)));
}

describe('secrets in policies and commands', () => {
  it('are not in what a compiled policy shows, and are in its descriptor', () => {
    for (const policy of [
      `pk(${WIF})`,
      `or(pk([deadbeef/0h]${EXTENDED}/0/*),and(pk(${WIF}),older(5)))`,
      `and(pk(musig(${EXTENDED},${WIF})),older(5))`,
    ]) {
      const compiled = compilePolicy(policy, { context: 'tr' });
      expect(tells(JSON.stringify(compiled))).toBe(false);
      expect(tells(compiled.descriptor?.toPrivateString() ?? '')).toBe(true);
    }
    const { template } = compilePolicy('and(pk(A),older(5))', { context: 'tr', unspendableKey: EXTENDED });
    expect(tells(template)).toBe(false);
  });

  it.for([
    ['explain', `wsh(pk(${EXTENDED}/0)x)`],
    ['explain', `wsh(pk(${WIF}),older(1))`],
    ['explain', `wpkh(${WIF}1)`],
    ['explain', `wpkh(${EXTENDED.slice(0, -1)})`],
    ['compile', `pk(${EXTENDED})`],
    ['compile', `pk(${WIF})`, '--json'],
    ['compile', `pk(${WIF}),pk(`],
    ['compile', `and(pk(${WIF}),pk(${WIF}))`],
    [EXTENDED, 'x'],
  ])('are not printed by %s', (args) => {
    const { stdout, stderr } = runCli(args);
    expect(tells(stdout + stderr)).toBe(false);
  });

  it('leave the rest of a faulty text to be read', () => {
    const { stderr } = runCli(['compile', `and(pk(${WIF}),oldr(5))`]);
    expect(stderr).toContain('·····),oldr(5))\n');
  });
});
