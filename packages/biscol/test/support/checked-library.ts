import { type AnyContract, type CovenantsInput, type Guarantees, instantiate } from '@bitcoin-enterprise/biscol';
import {
  type CheckBounds,
  type CheckedSide,
  checkContract,
  type CheckOptions,
} from '@bitcoin-enterprise/biscol/checker';
import * as library from '@bitcoin-enterprise/biscol/contracts';
import { toHex } from '@bitcoin-enterprise/core';
import { bondParams } from '../contracts/scenarios/bond.ts';
import { commitment, penaltyParams, revoked, unidirectionalParams } from '../contracts/scenarios/channels.ts';
import { crowdfundingParams } from '../contracts/scenarios/crowdfunding.ts';
import { dlcParams } from '../contracts/scenarios/dlc.ts';
import { escrowParams } from '../contracts/scenarios/escrow.ts';
import { htlcParams } from '../contracts/scenarios/htlc.ts';
import { inheritanceParams } from '../contracts/scenarios/inheritance.ts';
import { drawSecret, lotteryParams } from '../contracts/scenarios/lottery.ts';
import { rotatingParams } from '../contracts/scenarios/rotating-multisig.ts';
import { streamParams, subscriptionParams } from '../contracts/scenarios/subscriptions.ts';
import { vaultParams } from '../contracts/scenarios/vault.ts';
import { scriptOf, secretOf } from './people.ts';
import { COVENANTS, type ScenarioStep } from './scenarios.ts';

/** An instance of the library as the model checker plays it. */
export interface Checked {
  readonly name: string;
  readonly contract: AnyContract;
  readonly guarantees: Guarantees;
  /** Parameters for an instance that is funded at this height. */
  readonly params: (height: number) => Readonly<Record<string, unknown>>;
  /** How covenants are enforced; absent of contracts without any. */
  readonly covenants?: readonly CovenantsInput[];
  /** Numbers of people whose payout keys are not at hand: nobody pays a fee by what they are paid. */
  readonly offline?: readonly number[];
  readonly secrets?: CheckOptions['secrets'];
  readonly held?: CheckOptions['held'];
  readonly agreed?: CheckOptions['agreed'];
  /** A way through it when nothing goes wrong. */
  readonly walk: readonly ScenarioStep[];
  /** How far the checker looks in every run of the tests, and in the long one. */
  readonly short: CheckBounds;
  readonly long: CheckBounds;
}

/** 1 BTC: fees of pinning are not what decides. */
const B = 100_000_000n;
/** Height of the funding of one output in the checker: 100 blocks, and seven for coins from outside. */
export const CHECK_HEIGHT = 108;

const short: CheckBounds = { blocks: 10, reorgDepth: 1, reorgs: 1, pins: 1 };
const long: CheckBounds = { blocks: 16, reorgDepth: 2, reorgs: 1, pins: 1, situations: 500_000 };

const knows = (party: string, secret: Uint8Array) => ({ party, secret });
const holds = (party: string, transition: string, args: Readonly<Record<string, unknown>> = {}) => ({
  party,
  transition,
  args,
});
const agrees = (transition: string, args: Readonly<Record<string, unknown>> = {}) => ({ transition, args });

const vaultCase = (): Checked => ({
  name: 'vault',
  contract: library.vault,
  guarantees: library.vaultGuarantees,
  params: () => ({ ...vaultParams(), sum: B, delay: 4 }),
  covenants: COVENANTS,
  offline: [4],
  walk: [{ transition: 'unvault' }, { transition: 'withdraw' }],
  short,
  long,
});

const htlcCase = (name: string, more: Partial<Checked>): Checked => ({
  name,
  contract: library.htlc,
  guarantees: library.htlcGuarantees,
  params: (height) => ({ ...htlcParams(height), sum: B, margin: 6, refundAfter: height + 7 }),
  secrets: [knows('receiver', secretOf(41))],
  agreed: [agrees('settle'), agrees('giveBack')],
  walk: [{ transition: 'claim', args: { secret: secretOf(41) } }],
  short: { ...short, blocks: 12 },
  long,
  ...more,
});

const twoPartyCases = (): readonly Checked[] => [
  {
    name: 'escrow',
    contract: library.escrow,
    guarantees: library.escrowGuarantees,
    params: () => ({ ...escrowParams(), price: B, patience: 4 }),
    agreed: [
      ...['release', 'awardSeller', 'awardBuyer'].map((one) => agrees(one)),
      ...['settle', 'splitWithSeller', 'splitWithBuyer'].map((one) => agrees(one, { toBuyer: 30_000_000n })),
    ],
    walk: [{ transition: 'release' }],
    short: { ...short, blocks: 11 },
    long,
  },
  {
    name: 'unidirectional-channel',
    contract: library.unidirectionalChannel,
    guarantees: library.unidirectionalChannelGuarantees,
    params: (height) => ({ ...unidirectionalParams(height), capacity: B, expiry: height + 8 }),
    held: [holds('payee', 'pay', { paid: 10_000_000n }), holds('payee', 'pay', { paid: 40_000_000n })],
    agreed: [agrees('close', { paid: 50_000_000n })],
    walk: [{ transition: 'pay', args: { paid: 40_000_000n } }],
    short: { ...short, blocks: 12 },
    long,
  },
  {
    name: 'penalty-channel',
    contract: library.penaltyChannel,
    guarantees: library.penaltyChannelGuarantees,
    params: () => ({ ...penaltyParams(), capacity: B, reserve: 10_000_000n, delay: 3 }),
    held: [
      holds('alice', 'commitAlice', commitment(1, 0, 60_000_000n)),
      holds('bob', 'commitBob', commitment(2, 0, 40_000_000n)),
      holds('alice', 'commitAlice', commitment(1, 1, 30_000_000n)),
      holds('bob', 'commitBob', commitment(2, 1, 70_000_000n)),
    ],
    agreed: [
      agrees('close', { toAlice: 30_000_000n }),
      agrees('commitAlice', commitment(1, 2, 50_000_000n)),
      agrees('commitBob', commitment(2, 2, 50_000_000n)),
    ],
    secrets: [knows('bob', revoked(1, 0)), knows('alice', revoked(2, 0))],
    walk: [{ transition: 'close', args: { toAlice: 30_000_000n } }],
    short: { ...short, blocks: 6 },
    long: { ...long, blocks: 10 },
  },
  {
    name: 'dlc',
    contract: library.dlc,
    guarantees: library.dlcGuarantees,
    params: (height) => ({
      ...dlcParams(height),
      offererCollateral: B,
      accepterCollateral: B,
      feeReserve: 1_000n,
      refundAfter: height + 3,
    }),
    held: ['offerer', 'accepter'].map((party) => holds(party, 'refund')),
    agreed: [agrees('execute', { toOfferer: 70_000_000n }), agrees('close', { toOfferer: 50_000_000n })],
    walk: [{ transition: 'execute', args: { toOfferer: 70_000_000n } }],
    short,
    long,
  },
];

const instalmentCases = (): readonly Checked[] => [
  {
    name: 'subscription',
    contract: library.subscription,
    guarantees: library.subscriptionGuarantees,
    params: (height) => ({ ...subscriptionParams(height), instalment: B, count: 2, start: height + 2, period: 2 }),
    walk: [{ transition: 'collect' }, { transition: 'collect' }],
    short: { ...short, blocks: 11, pins: 0 },
    long: { ...long, blocks: 14 },
  },
  {
    name: 'payment-stream',
    contract: library.paymentStream,
    guarantees: library.paymentStreamGuarantees,
    params: (height) => ({
      ...streamParams(height),
      instalment: B,
      count: 2,
      reserve: 10_000_000n,
      start: height + 2,
      period: 6,
      notice: 3,
    }),
    covenants: COVENANTS,
    agreed: [agrees('settle', { toPayee: 50_000_000n })],
    walk: [{ transition: 'instalment' }, { transition: 'cancel' }, { transition: 'reclaim' }],
    short: { ...short, blocks: 13, pins: 0 },
    long: { ...long, blocks: 18 },
  },
];

const manyPartyCases = (): readonly Checked[] => [
  {
    name: 'inheritance',
    contract: library.inheritance,
    guarantees: library.inheritanceGuarantees,
    params: () => ({ ...inheritanceParams(), estate: B, patience: 12 }),
    agreed: [agrees('withdraw')],
    walk: [{ transition: 'renew' }, { transition: 'inherit', signers: ['heirs[0]', 'heirs[2]'] }],
    short: { ...short, blocks: 13, pins: 0 },
    long: { ...long, blocks: 20 },
  },
  {
    name: 'crowdfunding',
    contract: library.crowdfunding,
    guarantees: library.crowdfundingGuarantees,
    params: (height) => ({
      ...crowdfundingParams(height),
      pledges: [B, B, B],
      goal: 2n * B - 50_000n,
      deadline: height + 3,
    }),
    held: [holds('founder', 'collect')],
    walk: [{ transition: 'collect', cells: [0, 2] }, { transition: 'refund' }],
    short: { ...short, blocks: 4, pins: 0, spikes: false },
    long: { ...long, blocks: 6, reorgDepth: 1, pins: 0, spikes: false },
  },
  {
    name: 'bond',
    contract: library.bond,
    guarantees: library.bondGuarantees,
    params: (height) => ({
      ...bondParams(height),
      collateral: B,
      coupons: 1,
      coupon: B,
      start: height + 2,
      term: height + 3,
      claimTime: 2,
    }),
    agreed: [
      agrees('penalise', { penalty: 40_000_000n }),
      ...['penaliseFully', 'penaliseAttested', 'acquit', 'redeem'].map((one) => agrees(one)),
    ],
    walk: [{ transition: 'collectCoupon' }, { transition: 'release' }],
    short: { ...short, blocks: 7, pins: 0 },
    long: { ...long, blocks: 9, reorgDepth: 1, pins: 0 },
  },
  {
    name: 'rotating-multisig',
    contract: library.rotatingMultisig,
    guarantees: library.rotatingMultisigGuarantees,
    params: () => ({ ...rotatingParams(), sum: B, recoveryDelay: 4 }),
    agreed: [agrees('spend', { receiver: toHex(scriptOf(9)), sum: 10_000_000n })],
    walk: [{ transition: 'spend', args: { receiver: toHex(scriptOf(9)), sum: 10_000n } }, { transition: 'recover' }],
    short: { ...short, blocks: 6, reorgs: 0 },
    long: { ...long, blocks: 7 },
  },
];

const lotteryCase = (values: readonly number[], more: Partial<Checked> = {}): Checked => {
  const contract = library.lottery(values.length);
  return {
    name: contract.name,
    contract,
    guarantees: library.lotteryGuarantees(contract, values.length),
    params: () => ({ ...lotteryParams(values), stake: B, patience: 3 }),
    covenants: COVENANTS,
    secrets: values.map((_, place) => knows(`players[${place}]`, drawSecret(place))),
    walk: values.map((value, place) => ({ transition: `open${value}`, args: { secret: drawSecret(place) } })),
    short: { ...short, blocks: 9 },
    long,
    ...more,
  };
};

/** Every contract of the library. */
export const checkedLibrary = (): readonly Checked[] => [
  vaultCase(),
  htlcCase('htlc', {}),
  htlcCase('htlc without its secret', { secrets: [] }),
  // Half of the margin is for a reorganisation after the secret was shown.
  htlcCase('htlc with reorganisations that take their time', {
    short: { blocks: 12, reorgDepth: 2, renews: true, spikes: false },
    long: { ...long, renews: true, spikes: false },
  }),
  ...twoPartyCases(),
  ...instalmentCases(),
  ...manyPartyCases(),
  lotteryCase([0, 1]),
  lotteryCase([1, 0, 1], { short: { ...short, blocks: 9, pins: 0, spikes: false } }),
];

/** One by its name. */
export function checkedCase(name: string): Checked {
  const found = checkedLibrary().find((one) => one.name === name);
  if (found === undefined) throw new Error(`no case ${name}`);
  return found;
}

/** Has the model checker look at a case: all sides, or those that are named. */
export function check(
  { contract, guarantees, params, secrets, held, agreed, offline = [], ...of }: Checked,
  options: {
    readonly covenants?: CovenantsInput | undefined;
    readonly bounds: CheckBounds;
    readonly sides?: readonly string[];
  },
): readonly CheckedSide[] {
  const covenants = options.covenants ?? of.covenants?.[0];
  const people = [1, 2, 3, 4, 5, 6].flatMap((n) => (offline.includes(n) ? [n] : [n, n + 100]));
  return checkContract({
    instance: instantiate(contract, {
      network: 'regtest',
      params: params(CHECK_HEIGHT),
      ...(covenants === undefined ? {} : { covenants }),
    }),
    guarantees: { ...guarantees, contract },
    secretKeys: [...people, 90, 91].map(secretOf),
    ...(secrets === undefined ? {} : { secrets }),
    ...(held === undefined ? {} : { held }),
    ...(agreed === undefined ? {} : { agreed }),
    ...(options.sides === undefined ? {} : { sides: options.sides }),
    bounds: options.bounds,
  });
}
