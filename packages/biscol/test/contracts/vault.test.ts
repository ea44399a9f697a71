import { createEmbeddedChain, mempoolProfile } from '@bitcoin-enterprise/chain';
import { currentCrypto, feeRate, loadCrypto, toHex } from '@bitcoin-enterprise/core';
import {
  completeTransition,
  type CovenantsInput,
  covenantSteps,
  covenantRequest,
  fundingOutputs,
  instantiate,
  meterTransaction,
  planTransition,
  signatureName,
  signingRequests,
  nextCells,
} from '@bitcoin-enterprise/biscol';
import { vault } from '@bitcoin-enterprise/biscol/contracts';
import { serializeTransaction, standardFlags, taprootOutput } from '@bitcoin-enterprise/script';
import { createKeyRing } from '@bitcoin-enterprise/wallet';
import { expect, it } from 'vitest';

const secret = (n: number): Uint8Array => new Uint8Array(32).fill(n);
const key = (n: number): string => toHex(currentCrypto().publicKey(secret(n)) as Uint8Array);
const payTo = (n: number): Uint8Array =>
  taprootOutput({ internalKey: (currentCrypto().publicKey(secret(n)) as Uint8Array).subarray(1) }).scriptPubKey;
const someone = (n: number): { key: string; payTo: string } => ({ key: key(n), payTo: toHex(payTo(n + 100)) });

const kinds: readonly CovenantsInput[] = [
  { kind: 'presigned', keys: [key(9)], feeRate: 2_000n },
  { kind: 'ctv', feeRate: 2_000n },
];
it.for(kinds)('enforces $kind', async (covenants) => {
  await loadCrypto();
  const instance = instantiate(vault, {
    network: 'regtest',
    params: { owner: key(1), hot: someone(2), watchtower: key(3), cold: someone(4), sum: 100_000n, delay: 6 },
    covenants,
  });
  const chain = createEmbeddedChain({
    policy: mempoolProfile('core-31'),
    ...(covenants.kind === 'ctv' ? { deployments: ['CHECKTEMPLATEVERIFY'] as const } : {}),
  });
  const [funding] = fundingOutputs(instance);
  if (funding === undefined) throw new Error('no funding');
  const { txid, index } = chain.fund(funding.output.scriptPubKey, funding.value);
  const cell = { state: 'stored', data: {}, value: funding.value, txid, index };
  const steps = covenantSteps(instance, [cell]);
  expect(steps.map(({ plan }) => plan.transition)).toEqual(['unvault', 'clawBack']);
  const ring = createKeyRing({ secretKeys: [1, 2, 3, 4, 9].map(secret) });
  for (const { plan } of steps) {
    const signatures = new Map(
      signingRequests(plan).map((one) => [signatureName(one.input, one.key), ring.sign(one.request)]),
    );
    expect(covenantRequest(instance, plan) === undefined).toBe(covenants.kind === 'ctv');
    const bytes = serializeTransaction(completeTransition(plan, signatures));
    const metered = meterTransaction(bytes, { spentOutputs: plan.spentOutputs, flags: standardFlags });
    console.log(covenants.kind, plan.transition, plan.weight, plan.fee);
    expect(metered).toMatchObject({ ok: covenants.kind !== 'ctv' });
    chain.broadcast(bytes);
    chain.mine(1);
    expect(chain.mempool().length).toBe(0);
  }
  (void nextCells, planTransition, feeRate);
});
