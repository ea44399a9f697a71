import { currentCrypto, equalBytes, loadCrypto } from '@bitcoin-enterprise/core';
import {
  type Cell,
  completeTransition,
  fundingOutputs,
  instantiate,
  meterTransaction,
  planTransition,
} from '@bitcoin-enterprise/biscol';
import {
  completeDlcEnd,
  dlc,
  dlcEnds,
  dlcTermsDigest,
  joinDlcEnds,
  makeDlcNonces,
  presignDlcEnds,
} from '@bitcoin-enterprise/biscol/contracts';
import {
  attestationSecret,
  type DlcContract,
  dlcOutcomes,
  type DlcTerms,
  findOutcomes,
  type OracleAttestation,
} from '@bitcoin-enterprise/biscol/dlc';
import { createMemoryStore } from '@bitcoin-enterprise/events';
import { serializeTransaction, standardFlags } from '@bitcoin-enterprise/script';
import { openNonceVault, SecretBytes } from '@bitcoin-enterprise/wallet/multiparty';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { bits, oraclesOf } from '../dlc/support/oracles.ts';
import { codeOf } from '../support/code-of.ts';
import { personOf, secretOf } from '../support/people.ts';
import { signPlan } from '../support/sign-plan.ts';
import { embeddedTestChain } from '../support/test-chains.ts';

const SEED = Number(process.env['BE_SEED'] ?? 1);

beforeAll(async () => {
  await loadCrypto();
});

const enumerated: DlcContract = {
  kind: 'enumerated',
  payouts: [
    { outcome: 'rain', payout: 100_000n },
    { outcome: 'clouds', payout: 40_000n },
    { outcome: 'sun', payout: 0n },
  ],
};

/** Payouts that rise with the number, in steps. */
const numeric = (digits: number): DlcContract => ({
  kind: 'numeric',
  pieces: [
    {
      from: { outcome: 0n, payout: 0n, extraPrecision: 0 },
      curve: { kind: 'polynomial', points: [] },
    },
  ],
  end: { outcome: 2n ** BigInt(digits) - 1n, payout: 100_000n, extraPrecision: 0 },
  rounding: [{ from: 0n, modulus: 10_000n }],
});

/** Both parties of a contract, presigned, and its collateral on a chain. */
async function presigned(terms: DlcTerms, people: readonly [number, number]) {
  const chain = embeddedTestChain();
  const instance = instantiate(dlc, {
    network: 'regtest',
    params: {
      offerer: personOf(people[0]),
      accepter: personOf(people[1]),
      offererCollateral: 60_000n,
      accepterCollateral: 40_000n,
      feeReserve: 500n,
      terms: dlcTermsDigest(terms),
      refundAfter: (await chain.height()) + 30,
    },
  });
  const [funding] = fundingOutputs(instance);
  if (funding === undefined) throw new Error('no funding');
  const outpoint = await chain.fund(funding.output.scriptPubKey, funding.value);
  const cell: Cell = { state: 'funded', data: {}, value: funding.value, ...outpoint };
  const outcomes = dlcOutcomes(terms);
  const ends = dlcEnds(instance, { cell, outcomes });
  const parties = await Promise.all(
    people.map(async (n) => {
      const secretKey = new SecretBytes(secretOf(n));
      const vault = await openNonceVault({ store: createMemoryStore(), name: `party ${n}` });
      const publicKey = currentCrypto().publicKey(secretOf(n)) as Uint8Array;
      return { vault, secretKey, nonces: await makeDlcNonces(ends, { vault, secretKey, publicKey }) };
    }),
  );
  const nonces = parties.map((one) => one.nonces.publicNonces) as never;
  const partials = (await Promise.all(
    parties.map(async ({ vault, secretKey, nonces: { tokens } }) =>
      presignDlcEnds(ends, { vault, secretKey, tokens, nonces }),
    ),
  )) as never;
  return { chain, instance, cell, outcomes, ends, nonces, partials, parties };
}

describe('a discreet log contract', () => {
  it.for([
    [1, 2],
    [2, 1],
    [3, 7],
  ] as const)('of %i and %i pays what the oracle attests, and only that', async (people) => {
    const [{ oracle, announcement }] = (await oraclesOf(1, {
      kind: 'enumerated',
      outcomes: ['rain', 'clouds', 'sun'],
    })) as never as [Awaited<ReturnType<typeof oraclesOf>>[number]];
    const terms: DlcTerms = { oracles: [announcement], threshold: 1, collateral: 100_000n, contract: enumerated };
    const { chain, ends, nonces, partials, outcomes } = await presigned(terms, people);
    const presignatures = joinDlcEnds(ends, { nonces, partials });
    const attestation = await oracle.attest('event', 'clouds');

    const [at] = findOutcomes(terms, { outcomes, attestations: [attestation] });
    const secret = attestationSecret(terms, { outcome: outcomes[at as number] as never, attestations: [attestation] });

    let paying: Uint8Array | undefined;
    for (const [place, end] of ends.entries()) {
      const signatures = completeDlcEnd(end, { presignature: presignatures[place] as Uint8Array, secret });
      const bytes = serializeTransaction(completeTransition(end.plan, signatures));
      const reason = await chain.refusal(bytes);
      if (place !== at) {
        expect(reason).toMatch(/script/);
        continue;
      }
      expect(reason).toBeUndefined();
      expect(end.plan.payouts.map(({ party, value }) => [party, value])).toEqual([
        ['offerer', 40_000n],
        ['accepter', 60_000n],
      ]);
      paying = bytes;
    }
    expect(at).toBe(1);
    expect(await chain.confirm(paying as Uint8Array, 'mempool')).toBe(ends[1]?.plan.weight);
  });

  it('of numbers pays each by the curve', async () => {
    const digits = 6;
    const [{ oracle, announcement }] = (await oraclesOf(1, bits(digits))) as never as [
      Awaited<ReturnType<typeof oraclesOf>>[number],
    ];
    const terms: DlcTerms = { oracles: [announcement], threshold: 1, collateral: 100_000n, contract: numeric(digits) };
    const { chain, ends, nonces, partials, outcomes } = await presigned(terms, [1, 2]);
    const presignatures = joinDlcEnds(ends, { nonces, partials });
    const attestation: OracleAttestation = await oracle.attest('event', 41n);

    const [at] = findOutcomes(terms, { outcomes, attestations: [attestation] });

    const end = ends[at as number];
    if (end === undefined) throw new Error('no end');
    const outcome = outcomes[at as number] as never;
    const secret = attestationSecret(terms, { outcome, attestations: [attestation] });
    const signatures = completeDlcEnd(end, { presignature: presignatures[at as number] as Uint8Array, secret });
    const bytes = serializeTransaction(completeTransition(end.plan, signatures));
    // 41 of 63, in steps of 10,000.
    expect(end.plan.payouts[0]?.value).toBe(70_000n);
    expect(meterTransaction(bytes, { spentOutputs: end.plan.spentOutputs, flags: standardFlags })).toMatchObject({
      ok: true,
      gas: { weight: end.plan.weight, fee: 500n },
    });
    await chain.confirm(bytes, 'mempool');
    expect(new Set(ends.map(({ plan }) => plan)).size).toBe(11);
  });

  it('is not funded when a share of the other party does not hold', async () => {
    const [{ announcement }] = (await oraclesOf(1, {
      kind: 'enumerated',
      outcomes: ['rain', 'clouds', 'sun'],
    })) as never as [Awaited<ReturnType<typeof oraclesOf>>[number]];
    const terms: DlcTerms = { oracles: [announcement], threshold: 1, collateral: 100_000n, contract: enumerated };
    const { ends, nonces, partials } = await presigned(terms, [1, 2]);
    const [offered, accepted] = partials as readonly [readonly Uint8Array[], readonly Uint8Array[]];
    for (const at of ends.keys()) {
      const lie = accepted.map((one, place) =>
        place === at ? one.map((byte, n) => (n === 31 ? byte ^ 1 : byte)) : one,
      );
      expect(codeOf(() => joinDlcEnds(ends, { nonces, partials: [offered, lie] }))).toBe('BISCOL_SIGNATURE_INVALID');
    }
    expect(joinDlcEnds(ends, { nonces, partials })).toHaveLength(3);
  });

  it('never signs twice with a nonce', async () => {
    const [{ announcement }] = (await oraclesOf(1, {
      kind: 'enumerated',
      outcomes: ['rain', 'clouds', 'sun'],
    })) as never as [Awaited<ReturnType<typeof oraclesOf>>[number]];
    const terms: DlcTerms = { oracles: [announcement], threshold: 1, collateral: 100_000n, contract: enumerated };
    const { ends, nonces, parties } = await presigned(terms, [1, 2]);
    const [{ vault, secretKey, nonces: own }] = parties as [(typeof parties)[number]];
    const other = [...ends.slice(1), ends[0] as (typeof ends)[number]];
    await expect(presignDlcEnds(other, { vault, secretKey, tokens: own.tokens, nonces })).rejects.toMatchObject({
      code: 'WALLET_NONCE_SPENT',
    });
  });

  it('gives everything back after the height, as both have signed before', async () => {
    const [{ announcement }] = (await oraclesOf(1, {
      kind: 'enumerated',
      outcomes: ['rain', 'clouds', 'sun'],
    })) as never as [Awaited<ReturnType<typeof oraclesOf>>[number]];
    const terms: DlcTerms = { oracles: [announcement], threshold: 1, collateral: 100_000n, contract: enumerated };
    const { chain, instance, cell } = await presigned(terms, [1, 2]);
    const plan = planTransition(instance, 'refund', { cells: [cell], feeRate: 0n as never });
    const bytes = serializeTransaction(completeTransition(plan, await signPlan(plan)));
    expect(await chain.refusal(bytes)).toBe('non-final');
    await chain.mine(plan.tx.lockTime - (await chain.height()));
    expect(await chain.confirm(bytes, 'mempool')).toBe(plan.weight);
    expect(plan.payouts.map(({ value }) => value)).toEqual([60_000n, 40_000n]);
  });

  it('has a digest of its terms that changes with each of them', async () => {
    const oracles = await oraclesOf(2, { kind: 'enumerated', outcomes: ['rain', 'clouds', 'sun'] });
    const [one, two] = oracles.map(({ announcement }) => announcement) as [never, never];
    const base: DlcTerms = { oracles: [one], threshold: 1, collateral: 100_000n, contract: enumerated };
    const others: readonly DlcTerms[] = [
      { ...base, oracles: [two] },
      { ...base, oracles: [one, two] },
      { ...base, oracles: [one, two], threshold: 2 },
      { ...base, aggregation: 'sum' },
      {
        ...base,
        contract: {
          kind: 'enumerated',
          payouts:
            enumerated.kind === 'enumerated'
              ? enumerated.payouts.map((each, at) => (at === 1 ? { ...each, payout: 40_001n } : each))
              : [],
        },
      },
    ];
    const digests = [base, ...others].map(dlcTermsDigest);
    expect(dlcTermsDigest({ ...base })).toEqual(digests[0]);
    for (const [at, digest] of digests.entries())
      expect(digests.findIndex((each) => equalBytes(each, digest))).toBe(at);
  });

  it('answers arguments that are none with a code', async () => {
    const junk = fc
      .anything()
      .filter((value) => !(Array.isArray(value) && value.length > 0 && typeof value[0] === 'object'));
    for (const call of [
      (value: unknown) => dlcEnds(value as never, value as never),
      (value: unknown) => joinDlcEnds(value as never, value as never),
      (value: unknown) => completeDlcEnd(value as never, value as never),
      (value: unknown) => dlcTermsDigest(value as never),
    ])
      fc.assert(
        fc.property(junk, (value) => {
          expect(codeOf(() => call(value))).toMatch(/^BISCOL_/);
        }),
        { seed: SEED, numRuns: 50 },
      );
    for (const call of [makeDlcNonces, presignDlcEnds])
      await expect((call as (...values: unknown[]) => Promise<unknown>)(null, null)).rejects.toMatchObject({
        code: 'BISCOL_INVALID_ARGUMENT',
      });
  });
});
