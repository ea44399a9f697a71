import { concatBytes, currentCrypto, loadCrypto } from '@bitcoin-enterprise/core';
import { SecretBytes } from '@bitcoin-enterprise/wallet/keys';
import { completeSchnorr, presignSchnorr, verifySchnorrPresignatures } from '@bitcoin-enterprise/wallet/multiparty';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  announcementMessage,
  attestationMessage,
  attestationSecret,
  type DlcContract,
  type DlcOutcome,
  dlcOutcomes,
  type DlcTerms,
  findOutcomes,
  type NumericContract,
  type OracleAnnouncement,
  type OracleEvent,
  signaturePoint,
} from '../../src/dlc/index.ts';
import { ORDER, scalarBytes, scalarOf } from '../../src/dlc/curve.ts';
import { codeOf } from '../support/code-of.ts';
import { bits, hash, oraclesOf } from './support/oracles.ts';

const long = process.env['BE_LONG'] === '1';
const line = { kind: 'polynomial', points: [] } as const;

beforeAll(async () => {
  await loadCrypto();
});

/** Nothing below 20, all from 44 on, and a line between; a contract over 64 outcomes. */
const slope: NumericContract = {
  kind: 'numeric',
  pieces: [
    { from: { outcome: 0n, payout: 0n }, curve: line },
    { from: { outcome: 20n, payout: 0n }, curve: line },
    { from: { outcome: 44n, payout: 24_000n }, curve: line },
  ],
  end: { outcome: 63n, payout: 24_000n },
  rounding: [],
};
const payoutAt = (outcome: bigint): bigint => (outcome < 20n ? 0n : outcome > 44n ? 24_000n : (outcome - 20n) * 1_000n);

const weather: DlcContract = {
  kind: 'enumerated',
  payouts: [
    { outcome: 'rain', payout: 100n },
    { outcome: 'snow', payout: 40n },
    { outcome: 'sun', payout: 0n },
  ],
};

describe('the outcomes of a contract', () => {
  it('are, for named ones, all groups of oracles for each name', async () => {
    const oracles = await oraclesOf(3, { kind: 'enumerated', outcomes: ['sun', 'rain', 'snow'] });
    const terms: DlcTerms = {
      oracles: oracles.map(({ announcement }) => announcement),
      threshold: 2,
      collateral: 100n,
      contract: weather,
    };
    const outcomes = dlcOutcomes(terms);
    expect(
      outcomes.map(({ attested, payouts }) => [
        attested.map(({ oracle, outcomes: [name] }) => `${oracle} ${name}`).join(', '),
        payouts.offer,
        payouts.accept,
      ]),
    ).toEqual([
      ['0 rain, 1 rain', 100n, 0n],
      ['0 rain, 2 rain', 100n, 0n],
      ['1 rain, 2 rain', 100n, 0n],
      ['0 snow, 1 snow', 40n, 60n],
      ['0 snow, 2 snow', 40n, 60n],
      ['1 snow, 2 snow', 40n, 60n],
      ['0 sun, 1 sun', 0n, 100n],
      ['0 sun, 2 sun', 0n, 100n],
      ['1 sun, 2 sun', 0n, 100n],
    ]);
    const attestations = await Promise.all(
      oracles.map(({ oracle }, at) => oracle.attest('event', at === 1 ? 'sun' : 'snow')),
    );
    expect(findOutcomes(terms, { outcomes, attestations: [] })).toEqual([]);
    expect(findOutcomes(terms, { outcomes, attestations: attestations.slice(0, 2) })).toEqual([]);
    expect(findOutcomes(terms, { outcomes, attestations })).toEqual([4]);
    const outcome = outcomes[4] as DlcOutcome;
    const secret = attestationSecret(terms, { outcome, attestations });
    expect(currentCrypto().publicKey(secret)).toEqual(outcome.anticipationPoint);
    const foreign = { ...terms, aggregation: 'sum' } as const;
    expect(codeOf(() => attestationSecret(foreign, { outcome, attestations }))).toBe('BISCOL_INVALID_ARGUMENT');
    const summed = dlcOutcomes(foreign)[4] as DlcOutcome;
    expect(summed.anticipationPoint).not.toEqual(outcome.anticipationPoint);
    expect(currentCrypto().publicKey(attestationSecret(foreign, { outcome: summed, attestations }))).toEqual(
      summed.anticipationPoint,
    );
    const other = outcomes[0] as DlcOutcome;
    expect(() => attestationSecret(terms, { outcome: other, attestations })).toThrowErrorMatchingInlineSnapshot(
      `[BiscolError: BISCOL_DLC_UNDECIDED: expected oracle 0 to attest this outcome]`,
    );
    expect(codeOf(() => attestationSecret(terms, { outcome, attestations: attestations.slice(1) }))).toBe(
      'BISCOL_DLC_UNDECIDED',
    );
  });

  it('pay at each number what the curve says, and each number is one of them', async () => {
    const [{ oracle, announcement }] = (await oraclesOf(1, bits(6))) as [Awaited<ReturnType<typeof oraclesOf>>[number]];
    const terms: DlcTerms = { oracles: [announcement], threshold: 1, collateral: 24_000n, contract: slope };
    const outcomes = dlcOutcomes(terms);
    for (let number = 0n; number < 64n; number++) {
      const digits = number.toString(2).padStart(6, '0');
      const found = outcomes.filter(({ attested }) => digits.startsWith(attested[0]?.outcomes.join('') ?? 'x'));
      expect(found.map(({ payouts }) => payouts.offer)).toEqual([payoutAt(number)]);
      for (const { payouts } of found) expect(payouts.offer + payouts.accept).toBe(24_000n);
    }
    const attestation = await oracle.attest('event', 33n);
    const [index = -1] = findOutcomes(terms, { outcomes, attestations: [attestation] });
    const outcome = outcomes[index] as DlcOutcome;
    expect(outcome.payouts.offer).toBe(13_000n);
    const secret = attestationSecret(terms, { outcome, attestations: [attestation] });
    expect(currentCrypto().publicKey(secret)).toEqual(outcome.anticipationPoint);
  });

  it('are as many as the vector three_of_three_oracle_numerical_with_diff of dlcspecs has signatures', async () => {
    const oracles = (await oraclesOf(3, bits(10))).map(({ announcement }) => announcement);
    const contract: NumericContract = {
      kind: 'numeric',
      pieces: [
        {
          from: { outcome: 0n, payout: 0n },
          curve: { kind: 'polynomial', points: [{ outcome: 3n, payout: 100_000_000n }] },
        },
        { from: { outcome: 5n, payout: 200_000_000n }, curve: line },
      ],
      end: { outcome: 1_023n, payout: 200_000_000n },
      rounding: [],
    };
    const tolerance = { maxErrorExponent: 2, minSupportExponent: 1, maximizeCoverage: false };
    const terms: DlcTerms = { oracles, threshold: 3, collateral: 200_000_000n, contract, tolerance };
    expect(dlcOutcomes(terms)).toHaveLength(68);
    expect(dlcOutcomes({ ...terms, tolerance: { ...tolerance, maximizeCoverage: true } })).toHaveLength(68);
  });

  it('of oracles that are not quite of one mind pay what the first of them says', { timeout: 120_000 }, async () => {
    const terms: Omit<DlcTerms, 'oracles'> = {
      threshold: 2,
      collateral: 24_000n,
      contract: slope,
      tolerance: { maxErrorExponent: 3, minSupportExponent: 1, maximizeCoverage: false },
    };
    const number = fc.bigInt(0n, 63n);
    await fc.assert(
      fc.asyncProperty(fc.tuple(number, number, number), async (numbers) => {
        const oracles = await oraclesOf(3, bits(6));
        const full = { ...terms, oracles: oracles.map(({ announcement }) => announcement) };
        const outcomes = dlcOutcomes(full);
        const attestations = await Promise.all(
          oracles.map(({ oracle }, at) => oracle.attest('event', numbers[at] ?? 0n)),
        );
        const found = findOutcomes(full, { outcomes, attestations }).map((at) => outcomes[at] as DlcOutcome);
        for (const outcome of found) {
          const first = outcome.attested[0]?.oracle ?? 0;
          expect(outcome.payouts.offer).toBe(payoutAt(numbers[first] ?? 0n));
          const secret = attestationSecret(full, { outcome, attestations });
          expect(currentCrypto().publicKey(secret)).toEqual(outcome.anticipationPoint);
        }
        for (const [one, other] of [
          [0, 1],
          [0, 2],
          [1, 2],
        ] as const) {
          const [x, y] = [numbers[one], numbers[other]];
          const isFound = found.some(({ attested }) => attested[0]?.oracle === one && attested[1]?.oracle === other);
          const apart = x > y ? x - y : y - x;
          if (apart <= 2n) expect(isFound).toBe(true);
          if (apart >= 8n && payoutAt(x) !== payoutAt(y)) expect(isFound).toBe(false);
        }
      }),
      { numRuns: long ? 300 : 15 },
    );
  });

  it('complete the pre-signatures of their transactions, and no other ones', async () => {
    const oracles = await oraclesOf(2, bits(6));
    const terms: DlcTerms = {
      oracles: oracles.map(({ announcement }) => announcement),
      threshold: 2,
      collateral: 24_000n,
      contract: slope,
    };
    const outcomes = dlcOutcomes(terms);
    const secretKey = new SecretBytes(hash('party'));
    const xOnlyPublicKey = (currentCrypto().publicKey(hash('party')) as Uint8Array).slice(1);
    const items = outcomes.map(({ anticipationPoint: adaptorPoint, payouts }) => {
      const message = hash('transaction', String(payouts.offer));
      return {
        message,
        adaptorPoint,
        xOnlyPublicKey,
        presignature: presignSchnorr({ secretKey, message, adaptorPoint }),
      };
    });
    expect(verifySchnorrPresignatures(items)).toEqual([]);
    const attestations = await Promise.all(oracles.map(({ oracle }) => oracle.attest('event', 30n)));
    const [index = -1] = findOutcomes(terms, { outcomes, attestations });
    const secret = attestationSecret(terms, { outcome: outcomes[index] as DlcOutcome, attestations });
    const completed = items.flatMap(({ presignature, message }, at) => {
      const signature = completeSchnorr(presignature, { secret });
      return currentCrypto().schnorrVerify(signature, message, xOnlyPublicKey) ? [at] : [];
    });
    expect(completed).toEqual([index]);
    expect(outcomes[index]?.payouts).toEqual({ offer: 10_000n, accept: 14_000n });
  });
});

describe('an oracle that saw what the other announced', () => {
  const descriptor = { kind: 'enumerated', outcomes: ['rain', 'snow', 'sun'] } as const;

  /** An oracle whose nonce cancels the other's part for one outcome; it knows the secret of the sum. */
  function rogueOf(honest: OracleAnnouncement): { readonly rogue: OracleAnnouncement; readonly secret: Uint8Array } {
    const crypto = currentCrypto();
    const theirs = signaturePoint({
      oraclePublicKey: honest.oraclePublicKey,
      nonce: honest.event.nonces[0] as Uint8Array,
      message: attestationMessage('rain'),
    }) as Uint8Array;
    const minus = crypto.publicKeyNegate(theirs) as Uint8Array;
    let key = hash('rogue');
    if (crypto.publicKey(key)?.[0] === 3) key = crypto.secretKeyNegate(key) as Uint8Array;
    const oraclePublicKey = (crypto.publicKey(key) as Uint8Array).slice(1);
    for (let n = 0; ; n++) {
      const own = hash('own', n);
      const nonce = crypto.publicKeyCombine([crypto.publicKey(own) as Uint8Array, minus]) as Uint8Array;
      if (nonce[0] !== 2) continue;
      const event: OracleEvent = { eventId: 'x', maturity: 0, nonces: [nonce.slice(1)], descriptor };
      const signature = crypto.schnorrSign(announcementMessage(event), key) as Uint8Array;
      const bytes = concatBytes(nonce.slice(1), oraclePublicKey, attestationMessage('rain'));
      const challenge = scalarOf(crypto.taggedHash('BIP0340/challenge', bytes));
      const secret = scalarBytes((scalarOf(own) + challenge * scalarOf(key)) % ORDER);
      return { rogue: { signature, oraclePublicKey, event }, secret };
    }
  }

  it('decides alone where points are only added up, as in dlcspecs, and not where they are weighted', async () => {
    const [{ announcement }] = (await oraclesOf(1, descriptor)) as [Awaited<ReturnType<typeof oraclesOf>>[number]];
    const { rogue, secret } = rogueOf(announcement);
    const terms: DlcTerms = {
      oracles: [announcement, rogue],
      threshold: 2,
      collateral: 100n,
      contract: weather,
    };
    const point = currentCrypto().publicKey(secret);
    expect(dlcOutcomes({ ...terms, aggregation: 'sum' })[0]?.anticipationPoint).toEqual(point);
    expect(dlcOutcomes(terms)[0]?.anticipationPoint).not.toEqual(point);
  });
});

describe('terms that contradict themselves', () => {
  it('are refused with a code and the place', async () => {
    const named = (await oraclesOf(2, { kind: 'enumerated', outcomes: ['rain', 'snow', 'sun'] })).map(
      ({ announcement }) => announcement,
    );
    const [first, second] = named as [OracleAnnouncement, OracleAnnouncement];
    const numbers = (await oraclesOf(2, bits(6))).map(({ announcement }) => announcement);
    const [wide, wider] = (await oraclesOf(2, bits(7))).map(({ announcement }) => announcement);
    const [decimal] = (
      await oraclesOf(1, { kind: 'digits', base: 10, digits: 2, isSigned: false, unit: '', precision: 0 })
    ).map(({ announcement }) => announcement);
    const [signed] = (
      await oraclesOf(1, { kind: 'digits', base: 2, digits: 6, isSigned: true, unit: '', precision: 0 })
    ).map(({ announcement }) => announcement);
    const terms: DlcTerms = { oracles: named, threshold: 2, collateral: 100n, contract: weather };
    const numeric: DlcTerms = { oracles: numbers, threshold: 2, collateral: 24_000n, contract: slope };
    const tolerance = { maxErrorExponent: 3, minSupportExponent: 1, maximizeCoverage: false };
    const paths = (
      [
        { ...terms, oracles: [] },
        { ...terms, oracles: [first, first] },
        { ...terms, oracles: [{ ...first, event: { ...first.event, maturity: 7 } }, second] },
        { ...terms, contract: { ...weather, payouts: weather.payouts.slice(1) } },
        { ...terms, contract: { ...weather, payouts: [...weather.payouts.slice(1), { outcome: 'hail', payout: 0n }] } },
        { ...terms, contract: { ...weather, payouts: [...weather.payouts, { outcome: 'sun', payout: 0n }] } },
        { ...terms, collateral: 99n },
        { ...terms, contract: slope, collateral: 24_000n },
        { ...terms, tolerance },
        { ...numeric, contract: weather },
        { ...numeric, oracles: [numbers[0], wider] },
        { ...numeric, oracles: [wide], threshold: 1 },
        { ...numeric, oracles: [decimal], threshold: 1 },
        { ...numeric, oracles: [signed], threshold: 1 },
        { ...numeric, contract: { ...slope, pieces: slope.pieces.slice(1) } },
        { ...numeric, contract: { ...slope, pieces: slope.pieces.toReversed() } },
        { ...numeric, contract: { ...slope, pieces: [] } },
        { ...numeric, contract: { ...slope, end: { outcome: 44n, payout: 0n } } },
        {
          ...numeric,
          contract: {
            ...slope,
            rounding: [
              { from: 1n, modulus: 1n },
              { from: 1n, modulus: 2n },
            ],
          },
        },
        { ...numeric, tolerance: { ...tolerance, maxErrorExponent: 6 } },
      ] as DlcTerms[]
    ).map((one) => {
      try {
        dlcOutcomes(one);
      } catch (error) {
        const { code, details } = error as { code: string; details: { path?: string; reason?: string } };
        return `${code.replace('BISCOL_DLC_', '')} ${details.path ?? details.reason}`;
      }
      return 'no error';
    });
    expect(paths).toMatchInlineSnapshot(`
      [
        "TERMS_INVALID terms.oracles",
        "TERMS_INVALID terms.oracles",
        "ANNOUNCEMENT_INVALID signature does not hold",
        "TERMS_INVALID terms.contract.payouts",
        "TERMS_INVALID terms.contract.payouts",
        "TERMS_INVALID terms.contract.payouts",
        "TERMS_INVALID terms.contract.payouts",
        "TERMS_INVALID terms.oracles[0].event.descriptor",
        "TERMS_INVALID terms.tolerance",
        "TERMS_INVALID terms.contract.payouts",
        "TERMS_INVALID terms.oracles[1].event.descriptor",
        "TERMS_INVALID terms.contract.end.outcome",
        "TERMS_INVALID terms.contract.end.outcome",
        "TERMS_INVALID terms.oracles[0].event.descriptor",
        "TERMS_INVALID terms.contract.pieces[0].from.outcome",
        "TERMS_INVALID terms.contract.pieces[0].from.outcome",
        "TERMS_INVALID terms.contract.pieces",
        "TERMS_INVALID terms.contract.end",
        "TERMS_INVALID terms.contract.rounding",
        "TERMS_INVALID terms.tolerance.maxErrorExponent",
      ]
    `);
    expect(codeOf(() => dlcOutcomes({ ...numeric, tolerance: { ...tolerance, minSupportExponent: 3 } }))).toBe(
      'BISCOL_INVALID_ARGUMENT',
    );
    expect(codeOf(() => dlcOutcomes({ ...numeric, most: 10 }))).toBe('BISCOL_DLC_TOO_LARGE');
    expect(codeOf(() => dlcOutcomes({ ...terms, most: 2 }))).toBe('BISCOL_DLC_TOO_LARGE');
  });

  it('are refused when there are more groups of oracles than outcomes may be', async () => {
    const oracles = (await oraclesOf(40, { kind: 'enumerated', outcomes: ['a'] })).map(
      ({ announcement }) => announcement,
    );
    const contract: DlcContract = { kind: 'enumerated', payouts: [{ outcome: 'a', payout: 1n }] };
    expect(codeOf(() => dlcOutcomes({ oracles, threshold: 20, collateral: 1n, contract }))).toBe(
      'BISCOL_DLC_TOO_LARGE',
    );
  });
});
