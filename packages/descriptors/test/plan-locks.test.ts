import { loadCrypto } from '@bitcoin-enterprise/core';
import { consensusFlags, verifyInput } from '@bitcoin-enterprise/script';
import { beforeAll, describe, expect, it } from 'vitest';
import { finishSpend, parseDescriptor, planSpend, type SpendAssets } from '../src/index.ts';
import { publicKeyOf, spendingTransaction } from './support/signing.ts';

beforeAll(async () => {
  await loadCrypto();
});

const assets: SpendAssets = {
  canSign: () => true,
  height: 900_000,
  medianTime: 1_700_000_000,
  confirmations: 0xffff,
  ageSeconds: 0xffff * 512,
};

/** What the interpreter says of a planned spend of a P2WSH miniscript with one key. */
function verdictOf(locks: string): { readonly sequence: number; readonly verdict: string } {
  const output = parseDescriptor(`wsh(and_v(v:pk(${publicKeyOf(1)}),${locks}))`).derive();
  const plan = planSpend(output, assets);
  if (!plan.ok) throw new Error('cannot be spent');
  const { tx, signatureOf, spentOutputs } = spendingTransaction(plan, { scriptIndex: 0, assets });
  const { scriptSig, witness } = finishSpend(plan, { signatureOf });
  const verdict = verifyInput({ tx: tx(scriptSig, witness), spentOutputs, inputIndex: 0, flags: consensusFlags });
  return { sequence: plan.sequence, verdict: verdict.ok ? 'ok' : verdict.error };
}

describe('relative locks with bits that BIP112 does not look at', () => {
  it.for([
    ['and_v(v:older(65537),older(5))', 5],
    ['and_v(v:older(5),older(65537))', 5],
    // Seconds: 0x400000 is the flag, 0x10000 is looked at by nobody.
    ['and_v(v:older(4259841),older(4194309))', 4_194_309],
    // No lock in effect, but one that needs a sequence that BIP112 reads.
    ['older(65536)', 65_536],
    ['and_v(v:older(65536),older(1))', 1],
  ] as const)('%s is spent with the sequence %i', ([locks, sequence]) => {
    expect(verdictOf(locks)).toEqual({ sequence, verdict: 'ok' });
  });
});
