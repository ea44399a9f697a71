import { currentCrypto, loadCrypto, toHex } from '@bitcoin-enterprise/core';
import {
  type Cell,
  completeTransition,
  fundingOutputs,
  instantiate,
  planTransition,
  signatureName,
  signingRequests,
} from '@bitcoin-enterprise/biscol';
import { bond, rotatingMultisig } from '@bitcoin-enterprise/biscol/contracts';
import { attestationSecret, type DlcTerms, dlcOutcomes } from '@bitcoin-enterprise/biscol/dlc';
import { createMemoryStore } from '@bitcoin-enterprise/events';
import { serializeTransaction } from '@bitcoin-enterprise/script';
import {
  aggregateFrostSignature,
  createFrostNonce,
  createFrostSession,
  dealFrostShares,
  openNonceVault,
  signFrost,
  tweakFrostGroup,
  tweakFrostShare,
} from '@bitcoin-enterprise/wallet/multiparty';
import { beforeAll, expect, it } from 'vitest';
import { oraclesOf } from '../dlc/support/oracles.ts';
import { signPlan } from '../support/sign-plan.ts';
import { embeddedTestChain } from '../support/test-chains.ts';
import { bondParams } from './scenarios/bond.ts';
import { rotatingParams } from './scenarios/rotating-multisig.ts';
import { scriptOf } from '../support/people.ts';

beforeAll(async () => {
  await loadCrypto();
});

it.for([
  [0, 1],
  [0, 2],
  [2, 1],
])('shares %i and %i of a FROST key sign the key path of a multisig', async (places) => {
  const { group, shares } = dealFrostShares({ threshold: 2, participants: 3 });
  const chain = embeddedTestChain();
  const params = { ...rotatingParams(), group: [toHex(group.publicKey)] };
  const instance = instantiate(rotatingMultisig, { network: 'regtest', params });
  const [funding] = fundingOutputs(instance);
  if (funding === undefined) throw new Error('no funding');
  const { state, data, value, output } = funding;
  const cells: Cell[] = [{ state, data, value, ...(await chain.fund(output.scriptPubKey, value)) }];
  const plan = planTransition(instance, 'sweep', {
    cells,
    args: { receiver: toHex(scriptOf(9)) },
    feeRate: 2_000n as never,
  });
  const [asked] = signingRequests(plan);
  if (asked === undefined) throw new Error('nothing to sign');
  const { merkleRoot } = output.taproot;
  const options = merkleRoot === undefined ? {} : { merkleRoot };

  const signers = await Promise.all(
    places.map(async (place) => {
      const share = tweakFrostShare(shares[place] as (typeof shares)[number], options);
      const vault = await openNonceVault({ store: createMemoryStore(), name: `share ${place}` });
      return { share, vault, nonce: await createFrostNonce(vault, { share }) };
    }),
  );
  const session = createFrostSession(tweakFrostGroup(group, options), {
    nonces: signers.map(({ nonce }) => nonce),
    message: asked.request.digest,
  });
  const parts = await Promise.all(signers.map(async ({ share, vault }) => signFrost(vault, { session, share })));
  const signature = aggregateFrostSignature(session, parts);

  const tx = completeTransition(plan, new Map([[signatureName(asked.input, asked.key), signature]]));
  expect(await chain.confirm(serializeTransaction(tx), 'mempool')).toBe(plan.weight);
});

it('what an oracle attests is the key that pays the holder of a bond', async () => {
  const oracles = await oraclesOf(1, { kind: 'enumerated', outcomes: ['kept', 'broken'] });
  const [{ oracle, announcement }] = oracles as [(typeof oracles)[number]];
  const terms: DlcTerms = {
    oracles: [announcement],
    threshold: 1,
    collateral: 100_000n,
    contract: {
      kind: 'enumerated',
      payouts: [
        { outcome: 'kept', payout: 0n },
        { outcome: 'broken', payout: 100_000n },
      ],
    },
  };
  const outcomes = dlcOutcomes(terms);
  const broken = outcomes[1] as (typeof outcomes)[number];
  const chain = embeddedTestChain();
  const params = { ...bondParams(await chain.height()), coupons: 0, breach: toHex(broken.anticipationPoint) };
  const instance = instantiate(bond, { network: 'regtest', params });
  const [funding] = fundingOutputs(instance);
  if (funding === undefined) throw new Error('no funding');
  const { state, data, value, output } = funding;
  const cells: Cell[] = [{ state, data, value, ...(await chain.fund(output.scriptPubKey, value)) }];
  const plan = planTransition(instance, 'penaliseAttested', { cells, feeRate: 2_000n as never });

  expect(() => completeTransition(plan, new Map())).toThrow(/BISCOL_SIGNATURE_MISSING/);
  const attestations = [await oracle.attest('event', 'broken')];
  const secret = attestationSecret(terms, { outcome: broken, attestations });
  expect(currentCrypto().publicKey(secret)).toEqual(broken.anticipationPoint);

  const signatures = await signPlan(plan, { secretKeys: [secret] });
  const bytes = serializeTransaction(completeTransition(plan, signatures));
  expect(await chain.confirm(bytes, 'mempool')).toBe(plan.weight);
});
