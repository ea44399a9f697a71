import { loadCrypto } from '@bitcoin-enterprise/core';
import {
  type Cell,
  completeTransition,
  type CovenantsInput,
  covenantSteps,
  covenantRequest,
  fundingOutputs,
  instantiate,
  planTransition,
} from '@bitcoin-enterprise/biscol';
import { vault } from '@bitcoin-enterprise/biscol/contracts';
import { serializeTransaction } from '@bitcoin-enterprise/script';
import { beforeAll, describe, expect, it } from 'vitest';
import { keyOf } from '../support/people.ts';
import { COVENANTS } from '../support/scenarios.ts';
import { signPlan } from '../support/sign-plan.ts';
import { embeddedTestChain } from '../support/test-chains.ts';
import { vaultParams } from './scenarios/vault.ts';

beforeAll(async () => {
  await loadCrypto();
});

const cellOf = (value: bigint): Cell =>
  ({ state: 'stored', data: {}, value, txid: new Uint8Array(32), index: 0 }) as unknown as Cell;

const stepsOf = (covenants: CovenantsInput) => {
  const instance = instantiate(vault, { network: 'regtest', params: vaultParams(), covenants });
  return { instance, steps: covenantSteps(instance, [cellOf(vaultParams().sum)]) };
};

describe('a vault', () => {
  it.for(COVENANTS)('has its way out and its way back fixed before it is funded ($kind)', (covenants) => {
    const { instance, steps } = stepsOf(covenants);
    expect(steps.map(({ plan }) => plan.transition)).toEqual(['unvault', 'clawBack']);
    for (const { plan } of steps) expect(covenantRequest(instance, plan) === undefined).toBe(covenants.kind === 'ctv');
  });

  it('costs more presigned than with CHECKTEMPLATEVERIFY: a signature beside a hash', () => {
    const [presigned, ctv] = COVENANTS.map((covenants) =>
      stepsOf(covenants).steps.map(({ plan }) => [plan.transition, plan.weight, plan.fee]),
    );
    expect({ presigned, ctv }).toMatchInlineSnapshot(`
      {
        "ctv": [
          [
            "unvault",
            599,
            300n,
          ],
          [
            "clawBack",
            631,
            316n,
          ],
        ],
        "presigned": [
          [
            "unvault",
            664,
            332n,
          ],
          [
            "clawBack",
            696,
            348n,
          ],
        ],
      }
    `);
    const fees = [presigned, ctv].map((steps) => (steps ?? []).reduce((sum, [, , fee]) => sum + (fee as bigint), 0n));
    expect(fees[0]).toBeGreaterThan(fees[1] as bigint);
  });

  it('is as large presigned by any number of keys', () => {
    const [one, three] = [[90], [90, 91, 92]].map(
      (people) => stepsOf({ kind: 'presigned', keys: people.map(keyOf), feeRate: 2_000n }).steps,
    );
    expect(three?.map(({ plan }) => plan.weight)).toEqual(one?.map(({ plan }) => plan.weight));
  });

  it('is the same output for every outpoint, presigned, and another for another sum with a template', () => {
    const outputOf = (covenants: CovenantsInput, sum: bigint) => {
      const instance = instantiate(vault, { network: 'regtest', params: { ...vaultParams(), sum }, covenants });
      return fundingOutputs(instance)[0]?.output.scriptPubKey;
    };
    const [presigned, ctv] = COVENANTS as [CovenantsInput, CovenantsInput];
    expect(outputOf(presigned, 100_000n)).toEqual(outputOf(presigned, 200_000n));
    expect(outputOf(ctv, 100_000n)).not.toEqual(outputOf(ctv, 200_000n));
  });

  it('lets a child pay where the fee that was fixed is too low, and nobody hang a large one to it', async () => {
    const [presigned] = COVENANTS as [CovenantsInput];
    const covenants: CovenantsInput = { ...presigned, feeRate: 100n };
    const instance = instantiate(vault, { network: 'regtest', params: vaultParams(), covenants });
    const chain = embeddedTestChain();
    const [funding] = fundingOutputs(instance);
    const outpoint = await chain.fund(funding?.output.scriptPubKey as Uint8Array, vaultParams().sum);
    const plan = planTransition(instance, 'unvault', { cells: [{ ...cellOf(vaultParams().sum), ...outpoint }] });
    const parent = serializeTransaction(completeTransition(plan, await signPlan(plan)));
    const purse = await chain.fund(ANYONE, 1_000_000n);
    const child = (padding: number): Uint8Array =>
      serializeTransaction({
        version: 3,
        inputs: [
          { ...input, previousTxid: plan.txid, previousIndex: plan.anchor as number, witness: [] },
          { ...input, previousTxid: purse.txid, previousIndex: purse.index, witness: [Uint8Array.of(0x51)] },
        ],
        outputs: [
          { value: 990_000n, scriptPubKey: ANYONE },
          ...Array.from({ length: padding }, () => ({ value: 330n, scriptPubKey: ANYONE })),
        ],
        lockTime: 0,
      });
    chain.chain.broadcast(parent);
    expect(await chain.refusal(child(25))).toBe('TRUC-violation');
    expect(await chain.refusal(child(0))).toBeUndefined();
  });
});

const input = { scriptSig: new Uint8Array(), sequence: 0xffff_fffd };
/** P2WSH of OP_TRUE. */
const ANYONE = Uint8Array.from(
  Buffer.from('00204ae81572f06e1b88fd5ced7a1a000945432e83e1551e6f721ee9c00b8cc33260', 'hex'),
);
