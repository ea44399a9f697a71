import { createEmbeddedChain, mempoolProfile } from '@bitcoin-enterprise/chain';
import { currentCrypto, feeRate, loadCrypto, satoshis, toHex } from '@bitcoin-enterprise/core';
import {
  amount,
  and,
  blocks,
  completeTransition,
  defineContract,
  fundingOutputs,
  instantiate,
  meterTransaction,
  musig,
  older,
  party,
  pay,
  pk,
  planToPsbt,
  planTransition,
  rest,
  signaturesOfPsbt,
  signatureName,
  signingRequests,
  to,
} from '@bitcoin-enterprise/biscol';
import { createMemoryStore } from '@bitcoin-enterprise/events';
import { serializeTransaction, standardFlags, taprootOutput } from '@bitcoin-enterprise/script';
import { createKeyRing, memorySigner } from '@bitcoin-enterprise/wallet';
import { musigPsbtSigner, openNonceVault } from '@bitcoin-enterprise/wallet/multiparty';
import { expect, it } from 'vitest';

const escrow = defineContract({
  name: 'escrow',
  params: { buyer: party(), seller: party(), arbiter: party(), price: amount(), patience: blocks() },
  states: {
    funded: {
      amount: ({ price }) => price,
      key: ({ buyer, seller }) => musig(buyer, seller),
      paths: ({ buyer, arbiter, seller, patience }) => ({
        rule: and(pk(arbiter), pk(seller)),
        expire: and(pk(buyer), older(patience)),
      }),
    },
  },
  transitions: {
    release: { from: 'funded', by: 'key', outputs: ({ seller }) => [pay(seller, rest)] },
    rule: { from: 'funded', by: 'rule', outputs: ({ seller }) => [pay(seller, rest)] },
    expire: { from: 'funded', by: 'expire', outputs: ({ buyer }) => [pay(buyer, rest)] },
  },
  funding: () => [to('funded')],
});

const secret = (n: number): Uint8Array => new Uint8Array(32).fill(n);
const key = (n: number): string => toHex(currentCrypto().publicKey(secret(n)) as Uint8Array);
const payTo = (n: number): Uint8Array =>
  taprootOutput({ internalKey: (currentCrypto().publicKey(secret(n)) as Uint8Array).subarray(1) }).scriptPubKey;
const someone = (n: number): { key: string; payTo: string } => ({ key: key(n), payTo: toHex(payTo(n + 100)) });

it('walks one slice', async () => {
  await loadCrypto();
  const instance = instantiate(escrow, {
    network: 'regtest',
    params: { buyer: someone(1), seller: someone(2), arbiter: someone(3), price: '100000', patience: 6 },
  });
  const chain = createEmbeddedChain({ policy: mempoolProfile('core-31') });
  const [funding] = fundingOutputs(instance);
  if (funding === undefined) throw new Error('no funding');
  for (const transition of ['release', 'rule', 'expire'] as const) {
    const { txid, index } = chain.fund(funding.output.scriptPubKey, funding.value);
    const plan = planTransition(instance, transition, {
      cells: [{ state: 'funded', data: {}, value: satoshis(100_000n), txid, index }],
      feeRate: feeRate(2_000n),
    });
    let psbt = planToPsbt(plan);
    const signers = await Promise.all(
      [1, 2, 3].map(async (n) => {
        const ring = createKeyRing({ secretKeys: [secret(n)] });
        const vault = await openNonceVault({ store: createMemoryStore(), name: 'v' });
        return [musigPsbtSigner({ ring, vault }), memorySigner(ring)];
      }),
    );
    for (let round = 0; round < 2; round++)
      for (const signer of signers.flat()) {
        try {
          psbt = await signer.sign(psbt);
        } catch (error) {
          if ((error as { code?: string }).code !== 'WALLET_KEY_UNKNOWN') throw error;
        }
      }
    const signatures = signaturesOfPsbt(plan, psbt);
    expect([...signatures.keys()]).toEqual(signingRequests(plan).map((one) => signatureName(one.input, one.key)));
    const tx = completeTransition(plan, signatures);
    const bytes = serializeTransaction(tx);
    const metered = meterTransaction(bytes, { spentOutputs: plan.spentOutputs, flags: standardFlags });
    expect(metered).toMatchObject({ ok: true, gas: { weight: plan.weight, fee: plan.fee } });
    if (transition === 'expire') chain.mine(5);
    chain.broadcast(bytes);
    chain.mine(1);
    expect(chain.mempool().length).toBe(0);
  }
});
