import { currentCrypto, loadCrypto } from '@bitcoin-enterprise/core';
import {
  completeTransition,
  covenantRequest,
  instantiate,
  planTransition,
  signatureName,
  signingRequests,
  type TransitionPlan,
} from '@bitcoin-enterprise/biscol';
import { htlc, penaltyChannel, vault } from '@bitcoin-enterprise/biscol/contracts';
import { serializeTransaction, type Transaction } from '@bitcoin-enterprise/script';
import { beforeAll, describe, expect, it } from 'vitest';
import { ringOf, secretOf } from '../support/people.ts';
import { COVENANTS, type Pending, walk } from '../support/scenarios.ts';
import { signPlan } from '../support/sign-plan.ts';
import { embeddedTestChain } from '../support/test-chains.ts';
import { commitment, penaltyParams } from './scenarios/channels.ts';
import { allScenarios } from './scenarios/all.ts';
import { htlcParams } from './scenarios/htlc.ts';
import { vaultParams } from './scenarios/vault.ts';

beforeAll(async () => {
  await loadCrypto();
});

const STRANGER = 200;

/** A plan of another transaction: what is signed is that one. */
function altered(plan: TransitionPlan, change: Partial<Transaction>): TransitionPlan {
  const tx = { ...plan.tx, ...change };
  const bytes = serializeTransaction(tx, { witness: false });
  return { ...plan, tx, bytes, txid: currentCrypto().hash256(bytes) };
}

const rows = allScenarios().flatMap((file) =>
  file.scenarios.flatMap((scenario) => {
    const hasCovenants = Object.values(file.contract.transitions).some(
      (one) => (one as { covenant?: boolean }).covenant,
    );
    return (hasCovenants ? COVENANTS : COVENANTS.slice(0, 1)).map((covenants) => ({
      name: `${file.contract.name}: ${scenario.title}${hasCovenants ? ` (${covenants.kind})` : ''}`,
      scenario,
      covenants,
    }));
  }),
);

describe('at every step of every way through every contract', () => {
  it.for(rows)(
    '$name: no other key, no earlier lock, no other outcome of a covenant',
    async ({ scenario, covenants }) => {
      const chain = embeddedTestChain({ ctv: covenants.kind === 'ctv' });
      const refused = async (plan: TransitionPlan, signatures: ReadonlyMap<string, Uint8Array>): Promise<void> => {
        const bytes = serializeTransaction(completeTransition(plan, signatures));
        // A script that fails says so; a fee or size that does not suit would be a refusal for another reason.
        expect(await chain.refusal(bytes), plan.transition).toMatch(
          /^(?:mempool-script|mandatory-script|block-script)/,
        );
      };
      let tried = 0;
      await walk(chain, scenario, {
        covenants,
        way: 'mempool',
        before: async ({ instance, plan, signatures, secretKeys }: Pending) => {
          for (const { input, key, request } of signingRequests(plan)) {
            const name = signatureName(input, key);
            const publicKey = currentCrypto().publicKey(secretOf(STRANGER)) as Uint8Array;
            const forged = ringOf(STRANGER).sign({ ...request, key: { ...request.key, publicKey } });
            await refused(plan, new Map([...signatures, [name, forged]]));
            const without = new Map([...signatures].filter(([one]) => one !== name));
            expect(() => completeTransition(plan, without)).toThrow(/BISCOL_SIGNATURE_MISSING/);
            tried += 1;
          }
          const lockless = altered(plan, {
            lockTime: 0,
            inputs: plan.tx.inputs.map((input) => ({ ...input, sequence: 0xffff_fffd })),
          });
          const isLocked = plan.tx.lockTime !== 0 || plan.tx.inputs.some(({ sequence }) => sequence < 0x8000_0000);
          if (isLocked) {
            const own = await signPlan(lockless, { secretKeys });
            await refused(lockless, own);
          }
          const isCovenant = plan.inputs.some(({ plan: { way } }) => way.template !== undefined);
          const presigned = covenantRequest(instance, plan);
          if (!isCovenant && presigned === undefined) return;
          const [first, ...others] = plan.tx.outputs;
          const changed = altered(plan, {
            outputs: [{ value: (first?.value ?? 0n) - 1n, scriptPubKey: first?.scriptPubKey as Uint8Array }, ...others],
          });
          const own = await signPlan(changed, { secretKeys, without: [90, 91] });
          if (presigned === undefined) await refused(changed, own);
          else {
            const name = signatureName(presigned.input, presigned.key);
            expect(() => completeTransition(changed, own)).toThrow(/BISCOL_SIGNATURE_MISSING/);
            await refused(changed, new Map([...own, [name, signatures.get(name) as Uint8Array]]));
          }
        },
      });
      expect(tried).toBeGreaterThan(0);
    },
  );
});

describe('a hash lock', () => {
  const cell = (state: string, data: object, value: bigint, funded: { txid: Uint8Array; index: number }) =>
    ({ state, data, value, ...funded }) as never;

  /** A witness with another secret in it. */
  const withSecret = (tx: Transaction, from: Uint8Array, secret: Uint8Array): Uint8Array =>
    serializeTransaction({
      ...tx,
      inputs: tx.inputs.map((input) => ({
        ...input,
        witness: input.witness.map((item) => (Buffer.compare(item, from) === 0 ? secret : item)),
      })),
    });

  it.for([
    ['claim', 'digest', 31],
    ['claim', 'digest', 33],
    ['cancel', 'cancelDigest', 31],
    ['cancel', 'cancelDigest', 33],
  ] as const)('of an HTLC: %s takes no secret of %s of %i bytes', async ([transition, digest, size]) => {
    const chain = embeddedTestChain();
    const long = new Uint8Array(size).fill(5);
    const params = { ...htlcParams(await chain.height()), [digest]: currentCrypto().sha256(long) };
    const instance = instantiate(htlc, { network: 'regtest', params });
    const funded = await chain.fund(instance.output('offered', {}, params.sum as never).scriptPubKey, params.sum);
    const plan = planTransition(instance, transition, {
      cells: [cell('offered', {}, params.sum, funded)],
      feeRate: 2_000n as never,
      assumeSecrets: true,
    });
    const stand = new Uint8Array(32).fill(1);
    const known = { ...plan, inputs: plan.inputs.map((one) => ({ ...one, plan: withItem(one.plan, stand) })) };
    const tx = completeTransition(known, await signPlan(plan));

    expect(await chain.refusal(withSecret(tx, stand, long))).toMatch(/script/);

    const right = { ...htlcParams(await chain.height()), [digest]: currentCrypto().sha256(stand) };
    const other = instantiate(htlc, { network: 'regtest', params: right });
    const again = await chain.fund(other.output('offered', {}, right.sum as never).scriptPubKey, right.sum);
    const good = planTransition(other, transition, {
      cells: [cell('offered', {}, right.sum, again)],
      feeRate: 2_000n as never,
      args: { secret: stand },
    });
    expect(await chain.refusal(serializeTransaction(completeTransition(good, await signPlan(good))))).toBeUndefined();
  });

  it.for([31, 33])('of the language takes no secret of %i bytes', (size) => {
    const instance = instantiate(htlc, { network: 'regtest', params: htlcParams(100) });
    const cells = [cell('offered', {}, 100_000n, { txid: new Uint8Array(32), index: 0 })];
    expect(() =>
      planTransition(instance, 'claim', { cells, feeRate: 2_000n as never, args: { secret: new Uint8Array(size) } }),
    ).toThrow(/BISCOL_VALUE_INVALID/);
  });

  it('takes no other secret', () => {
    const instance = instantiate(penaltyChannel, { network: 'regtest', params: penaltyParams() });
    const { number, revocation } = commitment(1, 2, 50_000n);
    const cells = [cell('aliceWaits', { number, revocation }, 49_000n, { txid: new Uint8Array(32), index: 0 })];
    expect(() =>
      planTransition(instance, 'punishAlice', { cells, feeRate: 2_000n as never, args: { secret: secretOf(3) } }),
    ).toThrow(/BISCOL_TRANSITION_IMPOSSIBLE/);
  });

  /** The same plan with bytes in the place of a secret. */
  function withItem(plan: TransitionPlan['inputs'][number]['plan'], bytes: Uint8Array): typeof plan {
    return {
      ...plan,
      items: plan.items.map((item) => (item.kind === 'preimage' ? ({ kind: 'bytes', bytes } as never) : item)),
    };
  }
});

it('a presigned transaction says nothing about another output of the vault', async () => {
  const [covenants] = COVENANTS;
  const instance = instantiate(vault, { network: 'regtest', params: vaultParams(), covenants: covenants as never });
  const cells = (fill: number) =>
    [{ state: 'stored', data: {}, value: 100_000n, txid: new Uint8Array(32).fill(fill), index: 0 }] as never;
  const [first, second] = [1, 2].map((fill) => planTransition(instance, 'unvault', { cells: cells(fill) }));
  const request = covenantRequest(instance, first as TransitionPlan);
  const signatures = await signPlan(first as TransitionPlan);
  const signature = signatures.get(signatureName(0, request?.key as never)) as Uint8Array;
  const other = covenantRequest(instance, second as TransitionPlan);
  expect(
    currentCrypto().schnorrVerify(
      signature,
      request?.request.digest as Uint8Array,
      request?.verifyingKey as Uint8Array,
    ),
  ).toBe(true);
  expect(
    currentCrypto().schnorrVerify(signature, other?.request.digest as Uint8Array, other?.verifyingKey as Uint8Array),
  ).toBe(false);
});
