import { currentCrypto, loadCrypto, toHex } from '@bitcoin-enterprise/core';
import { type CovenantsInput, type Guarantees, instantiate } from '@bitcoin-enterprise/biscol';
import * as contracts from '@bitcoin-enterprise/biscol/contracts';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { keyOf, personOf, scriptOf } from '../support/people.ts';
import { checkWalk, COVENANTS, type Scenario, type ScenarioStep, walk } from '../support/scenarios.ts';
import { embeddedTestChain } from '../support/test-chains.ts';
import { commitment, revoked } from './scenarios/channels.ts';

beforeAll(async () => {
  await loadCrypto();
});

const LONG = process.env['BE_LONG'] === '1';
const SEED = Number(process.env['BE_SEED'] ?? 1);
const RUNS = LONG ? 200 : 8;

/** An instance by chance and a way through it. */
interface Chance {
  readonly guarantees: Guarantees;
  readonly params: (height: number) => object;
  readonly steps: readonly ScenarioStep[];
  readonly more?: Partial<Scenario>;
}

const sum = (least: bigint, most = 10_000_000_000n) => fc.bigInt(least, most);
const delay = (least = 1) => fc.integer({ min: least, max: 40 });
const digestOf = (secret: Uint8Array): Uint8Array => currentCrypto().sha256(secret);
const secret = fc.uint8Array({ minLength: 32, maxLength: 32 });
const somebody = (): string => toHex(scriptOf(99));
const named = (list: string, places: readonly number[]): readonly string[] => places.map((at) => `${list}[${at}]`);

/** `k` of `n`, and which of them sign. */
const quorum = (least: number, most: number) =>
  fc.integer({ min: least, max: most }).chain((n) =>
    fc.integer({ min: 1, max: n }).chain((k) =>
      fc.record({
        n: fc.constant(n),
        k: fc.constant(k),
        who: fc.shuffledSubarray(
          Array.from({ length: n }, (_, at) => at),
          { minLength: k, maxLength: k },
        ),
      }),
    ),
  );

// Trees of four and five players are large to derive with templates.
const PLAYERS = LONG ? [2, 3, 4] : [2, 3];
const lotteries = new Map(PLAYERS.map((n) => [n, contracts.lottery(n)]));

const chances: Readonly<Record<string, fc.Arbitrary<Chance>>> = {
  vault: fc
    .record({ sum: sum(5_000n), delay: delay(2), end: fc.constantFrom('withdraw', 'clawBack', 'recoverLeaving') })
    .map(({ end, ...params }) => ({
      guarantees: contracts.vaultGuarantees,
      params: () => ({ owner: keyOf(1), hot: personOf(2), watchtower: keyOf(3), cold: personOf(4), ...params }),
      steps: [{ transition: 'unvault' }, { transition: end }],
      more: end === 'withdraw' ? { idle: ['savers'] } : {},
    })),
  escrow: sum(5_000n)
    .chain((price) => fc.record({ price: fc.constant(price), patience: delay(), toBuyer: sum(1_000n, price - 2_000n) }))
    .chain(({ toBuyer, ...params }) =>
      fc.constantFrom('settle', 'splitWithSeller', 'splitWithBuyer', 'refund').map((transition) => ({
        guarantees: contracts.escrowGuarantees,
        params: () => ({ buyer: personOf(1), seller: personOf(2), arbiter: personOf(3), ...params }),
        steps: [{ transition, args: transition === 'refund' ? {} : { toBuyer } }],
      })),
    ),
  htlc: fc
    .record({ sum: sum(2_000n), secret, margin: fc.integer({ min: 2, max: 10 }), wait: delay(), claims: fc.boolean() })
    .map(({ claims, wait, secret: known, ...params }) => ({
      guarantees: contracts.htlcGuarantees,
      params: (height: number) => ({
        sender: personOf(1),
        receiver: personOf(2),
        sum: params.sum,
        margin: params.margin,
        digest: digestOf(known),
        cancelDigest: digestOf(digestOf(known)),
        // Whoever claims does so in time.
        refundAfter: height + wait + (claims ? params.margin + 2 : 0),
      }),
      steps: [claims ? { transition: 'claim', args: { secret: known } } : { transition: 'refund' }],
      more: claims ? { knows: [{ party: 'receiver', secret: known }] } : {},
    })),
  unidirectionalChannel: sum(5_000n)
    .chain((capacity) =>
      fc.record({ capacity: fc.constant(capacity), paid: sum(1_000n, capacity - 1_500n), wait: delay() }),
    )
    .map(({ capacity, paid, wait }) => ({
      guarantees: contracts.unidirectionalChannelGuarantees,
      params: (height: number) => ({
        payer: personOf(1),
        payee: personOf(2),
        capacity,
        // It is open before it expires.
        expiry: height + wait + 3,
        margin: 1,
      }),
      steps: [{ transition: 'pay', args: { paid } }],
      more: { holds: [{ party: 'payee', transition: 'pay', args: { paid } }] },
    })),
  penaltyChannel: sum(10_000n)
    .chain((capacity) =>
      fc.record({
        capacity: fc.constant(capacity),
        toAlice: sum(3_000n, capacity - 3_000n),
        delay: delay(2),
        number: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
        cheats: fc.boolean(),
      }),
    )
    .map(({ toAlice, number, cheats, ...params }) => ({
      guarantees: contracts.penaltyChannelGuarantees,
      params: () => ({ alice: personOf(1), bob: personOf(2), reserve: 2_000n, ...params }),
      steps: [
        { transition: 'commitBob', args: commitment(2, number, toAlice) },
        cheats ? { transition: 'punishBob', args: { secret: revoked(2, number) } } : { transition: 'takeBob' },
      ],
      more: cheats ? { idle: ['bob'], knows: [{ party: 'alice', secret: revoked(2, number) }] } : {},
    })),
  inheritance: fc
    .record({ of: quorum(1, 15), estate: sum(50_000n), patience: fc.integer({ min: 12, max: 60 }) })
    .map(({ of: { n, k, who }, ...params }) => ({
      guarantees: contracts.inheritanceGuarantees,
      params: () => ({
        owner: personOf(1),
        heirs: Array.from({ length: n }, (_, at) => personOf(at + 2)),
        quorum: k,
        ...params,
      }),
      steps: [{ transition: 'renew' }, { transition: 'inherit', signers: named('heirs', who) }],
      more: { idle: ['owner'] },
    })),
  subscription: fc
    .record({
      instalment: sum(2_000n),
      count: fc.integer({ min: 1, max: 12 }),
      period: delay(),
      collected: fc.integer({ min: 0, max: 12 }),
    })
    .map(({ collected, count, ...params }) => ({
      guarantees: contracts.subscriptionGuarantees,
      params: (height: number) => ({
        payer: personOf(1),
        payee: personOf(2),
        start: height + count + 2,
        count,
        ...params,
      }),
      steps: [
        ...Array.from({ length: Math.min(collected, count) }, () => ({ transition: 'collect' })),
        ...(collected < count ? [{ transition: 'cancel', cells: 'all' as const }] : []),
      ],
      // Here one collection follows the other, where a payee sends all that are due at the same time.
      more: { idle: [] },
    })),
  paymentStream: fc
    .record({
      instalment: sum(2_000n),
      count: fc.integer({ min: 1, max: 4 }),
      period: fc.integer({ min: 4, max: 20 }),
      collected: fc.integer({ min: 0, max: 4 }),
    })
    .map(({ collected, count, period, instalment }) => ({
      guarantees: contracts.paymentStreamGuarantees,
      params: (height: number) => ({
        payer: personOf(1),
        payee: personOf(2),
        instalment,
        count,
        period,
        reserve: 10_000n,
        start: height + 4,
        notice: Math.max(2, Math.floor(period / 2)),
      }),
      steps: [
        ...Array.from({ length: Math.min(collected, count) }, () => ({ transition: 'instalment' })),
        ...(collected < count ? [{ transition: 'cancel' }, { transition: 'reclaim' }] : []),
      ],
      // With a notice so long the payee may have let an instalment lie that came due before the end.
      more: collected < count ? { idle: ['payee'] } : {},
    })),
  crowdfunding: fc
    .array(sum(1_000n, 1_000_000n), { minLength: 2, maxLength: 20 })
    .chain((pledges) =>
      fc.record({
        pledges: fc.constant(pledges),
        taken: fc.shuffledSubarray(
          pledges.map((_, at) => at),
          { minLength: 1 },
        ),
      }),
    )
    .map(({ pledges, taken }) => {
      const reached = taken.reduce((all, at) => all + (pledges[at] as bigint), 0n);
      // Up to 20 inputs at 2 sat/vB.
      const fee = 500n + 300n * BigInt(taken.length);
      const goal = reached - fee < 1_000n ? undefined : reached - fee;
      return {
        guarantees: contracts.crowdfundingGuarantees,
        params: (height: number) => ({
          founder: personOf(1),
          pledgers: pledges.map((_, at) => personOf(at + 2)),
          pledges,
          goal: goal ?? 1_000n,
          deadline: height + pledges.length + 3,
        }),
        steps: [
          ...(goal === undefined ? [] : [{ transition: 'collect', cells: taken }]),
          ...Array.from({ length: pledges.length - (goal === undefined ? 0 : taken.length) }, () => ({
            transition: 'refund',
          })),
        ],
        // Here one follows the other, where pledgers act at the same time.
        more: { idle: [] },
      };
    }),
  bond: fc
    .record({ of: quorum(1, 15), collateral: sum(5_000n), penalty: sum(1_000n, 3_000n), isFull: fc.boolean() })
    .map(({ of: { n, k, who }, collateral, penalty, isFull }) => ({
      guarantees: contracts.bondGuarantees,
      params: (height: number) => ({
        issuer: personOf(1),
        holder: personOf(2),
        judges: Array.from({ length: n }, (_, at) => keyOf(at + 3)),
        quorum: k,
        breach: keyOf(30),
        collateral,
        coupon: 2_000n,
        coupons: 0,
        start: height,
        period: 1,
        term: height + 10,
        claimTime: 5,
      }),
      steps: [
        {
          transition: isFull ? 'penaliseFully' : 'penalise',
          args: isFull ? {} : { penalty },
          signers: ['holder', ...named('judges', who)],
        },
      ],
    })),
  rotatingMultisig: fc
    .record({ of: quorum(2, 15), next: quorum(2, 15), sum: sum(20_000n) })
    .map(({ of, next, sum: held }) => ({
      guarantees: contracts.rotatingMultisigGuarantees,
      params: () => ({
        members: Array.from({ length: of.n }, (_, at) => keyOf(at + 1)),
        quorum: of.k,
        group: [],
        recovery: personOf(40),
        recoveryDelay: 6,
        sum: held,
      }),
      steps: [
        {
          transition: 'rotateByQuorum',
          args: { members: Array.from({ length: next.n }, (_, at) => keyOf(at + 20)), quorum: next.k, group: [] },
          signers: named('members', of.who),
        },
        { transition: 'spend', args: { receiver: somebody(), sum: 1_000n } },
        { transition: 'sweepByQuorum', args: { receiver: somebody() }, signers: named('members', next.who) },
      ],
    })),
  dlc: fc
    .record({ offer: sum(0n), accept: sum(2_000n), share: fc.integer({ min: 0, max: 1_000 }) })
    .map(({ offer, accept, share }) => ({
      guarantees: contracts.dlcGuarantees,
      params: (height: number) => ({
        offerer: personOf(1),
        accepter: personOf(2),
        offererCollateral: offer,
        accepterCollateral: accept,
        feeReserve: 500n,
        terms: '00'.repeat(32),
        refundAfter: height + 10,
      }),
      steps: [{ transition: 'execute', args: { toOfferer: ((offer + accept) * BigInt(share)) / 1_000n } }],
    })),
  lottery: fc
    .constantFrom(...PLAYERS)
    .chain((n) =>
      fc.record({
        stake: sum(5_000n, 10_000_000n),
        patience: delay(2),
        values: fc.array(fc.integer({ min: 0, max: n - 1 }), { minLength: n, maxLength: n }),
        secrets: fc.uniqueArray(secret, { minLength: n, maxLength: n, selector: (bytes) => toHex(bytes) }),
      }),
    )
    .map(({ values, secrets, ...params }) => ({
      guarantees: contracts.lotteryGuarantees(lotteries.get(values.length) as contracts.Lottery, values.length),
      params: () => ({
        players: values.map((_, at) => personOf(at + 1)),
        commitments: values.map((value, at) => contracts.drawCommitment({ secret: secrets[at] as Uint8Array, value })),
        ...params,
      }),
      steps: values.map((value, at) => ({ transition: `open${value}`, args: { secret: secrets[at] } })),
    })),
};

/** Says what it is where a property fails; contracts are functions, and long. */
function labelled(chance: Chance): Chance {
  const show = (_: string, value: unknown): unknown =>
    typeof value === 'bigint' ? String(value) : value instanceof Uint8Array ? toHex(value) : value;
  return {
    ...chance,
    [fc.toStringMethod]: () => JSON.stringify({ params: chance.params(101), steps: chance.steps }, show),
  } as Chance;
}

describe(`whatever the parameters, ${RUNS} times each`, () => {
  it.for(Object.keys(chances))(
    '%s is as heavy as planned, keeps its locks, loses nothing, pays what it promises',
    async (name) => {
      const arbitrary = fc.tuple((chances[name] as fc.Arbitrary<Chance>).map(labelled), fc.constantFrom(...COVENANTS));
      await fc.assert(
        fc.asyncProperty(arbitrary, async ([{ guarantees, params, steps, more }, covenants]) => {
          const scenario: Scenario = {
            title: name,
            steps,
            instance: (height: number, given: CovenantsInput) =>
              instantiate(guarantees.contract, {
                network: 'regtest',
                params: params(height) as never,
                covenants: given,
              }),
            ...more,
          };
          const chain = embeddedTestChain({ ctv: covenants.kind === 'ctv' });
          const walked = await walk(chain, scenario, { covenants, way: 'mempool' });
          checkWalk({ guarantees, scenario }, walked);
          expect(walked.measured).toHaveLength(steps.length);
        }),
        { seed: SEED, numRuns: RUNS },
      );
    },
  );
});
