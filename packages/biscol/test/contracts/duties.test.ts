import { feeRate, loadCrypto, toHex } from '@bitcoin-enterprise/core';
import {
  type AnyContract,
  type Cell,
  completeTransition,
  type ContractHistory,
  type ContractInstance,
  type CovenantsInput,
  fundingOutputs,
  type Guarantees,
  type HistoryStep,
  instantiate,
  nextCells,
  planTransition,
} from '@bitcoin-enterprise/biscol';
import * as contracts from '@bitcoin-enterprise/biscol/contracts';
import { serializeTransaction } from '@bitcoin-enterprise/script';
import { beforeAll, describe, expect, it } from 'vitest';
import { dutyOf } from '../../src/engine/duties.ts';
import { COVENANTS } from '../support/scenarios.ts';
import { signPlan } from '../support/sign-plan.ts';
import { embeddedTestChain } from '../support/test-chains.ts';
import { secretOf } from '../support/people.ts';
import { bondParams } from './scenarios/bond.ts';
import { commitment, penaltyParams, revoked, unidirectionalParams } from './scenarios/channels.ts';
import { crowdfundingParams } from './scenarios/crowdfunding.ts';
import { dlcParams } from './scenarios/dlc.ts';
import { escrowParams } from './scenarios/escrow.ts';
import { htlcParams } from './scenarios/htlc.ts';
import { inheritanceParams } from './scenarios/inheritance.ts';
import { drawSecret, lotteryParams } from './scenarios/lottery.ts';
import { streamParams, subscriptionParams } from './scenarios/subscriptions.ts';
import { vaultParams } from './scenarios/vault.ts';

beforeAll(async () => {
  await loadCrypto();
});

/** Parties that do their duties, and what happens. */
interface Play {
  readonly title: string;
  readonly guarantees: Guarantees;
  readonly params: (height: number) => object;
  readonly honest: readonly string[];
  /** Secrets that the honest know. */
  readonly secrets?: readonly Uint8Array[];
  readonly held?: readonly { readonly transition: string; readonly args: Readonly<Record<string, unknown>> }[];
  /** What somebody else does first. */
  readonly first?: readonly { readonly transition: string; readonly args?: Readonly<Record<string, unknown>> }[];
  /** Transitions of the honest, in order. */
  readonly does: readonly string[];
  /** Blocks that pass without an end, after which the play is over; it must end by itself when absent. */
  readonly stopAfter?: number;
}

const lottery3 = contracts.lottery(3);
const lottery3Guarantees = contracts.lotteryGuarantees(lottery3, 3);
const times = (count: number, name: string): readonly string[] => Array.from({ length: count }, () => name);

const plays: readonly Play[] = [
  {
    title: 'a watchtower takes back what a thief began',
    guarantees: contracts.vaultGuarantees,
    params: vaultParams,
    honest: ['watchtower'],
    first: [{ transition: 'unvault' }],
    does: ['clawBack'],
  },
  {
    title: 'a hot key takes what was begun, after the delay',
    guarantees: contracts.vaultGuarantees,
    params: vaultParams,
    honest: ['hot'],
    first: [{ transition: 'unvault' }],
    does: ['withdraw'],
  },
  {
    title: 'a buyer whom nobody answers takes the money back',
    guarantees: contracts.escrowGuarantees,
    params: escrowParams,
    honest: ['buyer'],
    does: ['refund'],
  },
  {
    title: 'a receiver who knows the secret is paid at once',
    guarantees: contracts.htlcGuarantees,
    params: htlcParams,
    honest: ['receiver'],
    secrets: [secretOf(3), secretOf(41)],
    does: ['claim'],
  },
  {
    title: 'a sender takes back after the height',
    guarantees: contracts.htlcGuarantees,
    params: htlcParams,
    honest: ['sender'],
    does: ['refund'],
  },
  {
    title: 'a sender takes back with the receiver’s other secret',
    guarantees: contracts.htlcGuarantees,
    params: htlcParams,
    honest: ['sender'],
    secrets: [secretOf(42)],
    does: ['cancel'],
  },
  {
    title: 'a receiver does not give the secret away too late',
    guarantees: contracts.htlcGuarantees,
    params: (height) => ({ ...htlcParams(height), margin: 12 }),
    honest: ['receiver'],
    secrets: [secretOf(41)],
    does: [],
    stopAfter: 20,
  },
  {
    title: 'a payee sends the latest payment before the channel expires',
    guarantees: contracts.unidirectionalChannelGuarantees,
    params: unidirectionalParams,
    honest: ['payee'],
    held: [
      { transition: 'pay', args: { paid: 40_000n } },
      { transition: 'pay', args: { paid: 10_000n } },
    ],
    does: ['pay'],
  },
  {
    title: 'a payer takes back what nobody claims',
    guarantees: contracts.unidirectionalChannelGuarantees,
    params: unidirectionalParams,
    honest: ['payer'],
    does: ['refund'],
  },
  {
    title: 'Bob punishes an old commitment',
    guarantees: contracts.penaltyChannelGuarantees,
    params: penaltyParams,
    honest: ['bob'],
    secrets: [revoked(1, 2)],
    first: [{ transition: 'commitAlice', args: commitment(1, 2, 95_000n) }],
    does: ['punishAlice'],
  },
  {
    title: 'Alice punishes an old commitment',
    guarantees: contracts.penaltyChannelGuarantees,
    params: penaltyParams,
    honest: ['alice'],
    secrets: [revoked(2, 2)],
    first: [{ transition: 'commitBob', args: commitment(2, 2, 5_000n) }],
    does: ['punishBob'],
  },
  {
    title: 'Alice takes her share after the delay',
    guarantees: contracts.penaltyChannelGuarantees,
    params: penaltyParams,
    honest: ['alice', 'bob'],
    first: [{ transition: 'commitAlice', args: commitment(1, 3, 60_000n) }],
    does: ['takeAlice'],
  },
  {
    title: 'Bob takes his share after the delay',
    guarantees: contracts.penaltyChannelGuarantees,
    params: penaltyParams,
    honest: ['alice', 'bob'],
    first: [{ transition: 'commitBob', args: commitment(2, 3, 60_000n) }],
    does: ['takeBob'],
  },
  {
    title: 'an owner gives signs of life',
    guarantees: contracts.inheritanceGuarantees,
    params: inheritanceParams,
    honest: ['owner', 'heirs[0]', 'heirs[1]'],
    does: times(4, 'renew'),
    stopAfter: 32,
  },
  {
    title: 'heirs inherit when no sign comes',
    guarantees: contracts.inheritanceGuarantees,
    params: inheritanceParams,
    honest: ['heirs[1]'],
    does: ['inherit'],
  },
  {
    title: 'a payee collects each instalment of a subscription',
    guarantees: contracts.subscriptionGuarantees,
    params: subscriptionParams,
    honest: ['payee'],
    does: times(3, 'collect'),
  },
  {
    title: 'a payee collects each instalment of a stream',
    guarantees: contracts.paymentStreamGuarantees,
    params: streamParams,
    honest: ['payee'],
    does: times(3, 'instalment'),
  },
  {
    title: 'a payer ends a stream whose payee is gone',
    guarantees: contracts.paymentStreamGuarantees,
    params: streamParams,
    honest: ['payer'],
    does: ['cancel', 'reclaim'],
  },
  {
    title: 'a payee collects what is due when the payer has given notice',
    guarantees: contracts.paymentStreamGuarantees,
    params: (height) => ({ ...streamParams(height), period: 10, start: height - 11 }),
    honest: ['payee', 'payer'],
    first: [{ transition: 'cancel' }],
    does: ['lastInstalment', 'lastInstalment', 'reclaim'],
  },
  {
    title: 'pledgers take back what was not collected',
    guarantees: contracts.crowdfundingGuarantees,
    params: crowdfundingParams,
    honest: ['pledgers[0]', 'pledgers[1]', 'pledgers[2]'],
    does: times(3, 'refund'),
  },
  {
    title: 'a holder collects coupons, an issuer takes the collateral back',
    guarantees: contracts.bondGuarantees,
    params: bondParams,
    honest: ['holder', 'issuer'],
    does: ['collectCoupon', 'collectCoupon', 'release'],
  },
  {
    title: 'three players draw',
    guarantees: lottery3Guarantees,
    params: () => lotteryParams([2, 0, 1]),
    honest: [0, 1, 2].map((place) => `players[${place}]`),
    secrets: [0, 1, 2].map(drawSecret),
    does: ['open2', 'open0', 'open1'],
  },
  {
    title: 'two players divide the pot when the third is silent',
    guarantees: lottery3Guarantees,
    params: () => lotteryParams([2, 0, 1]),
    honest: ['players[0]', 'players[2]'],
    secrets: [drawSecret(0), drawSecret(2)],
    does: ['open2', 'late2'],
  },
  {
    title: 'one player alone divides the pot when the first is silent',
    guarantees: lottery3Guarantees,
    params: () => lotteryParams([2, 0, 1]),
    honest: ['players[2]'],
    secrets: [drawSecret(2)],
    does: ['late2'],
  },
  {
    title: 'a party of a discreet log contract sends the refund that is held',
    guarantees: contracts.dlcGuarantees,
    params: dlcParams,
    honest: ['accepter'],
    held: [{ transition: 'refund', args: {} }],
    does: ['refund'],
  },
];

interface Placed extends Cell {
  readonly height: number;
}

/** A small world: whoever is honest does his duties in the next block, nobody else does anything. */
async function play({ guarantees, params, honest, secrets = [], held = [], first = [], stopAfter = 200 }: Play) {
  const { contract } = guarantees;
  const chain = embeddedTestChain();
  const instance: ContractInstance = instantiate(contract, {
    network: 'regtest',
    params: params(await chain.height()) as never,
    covenants: COVENANTS[0] as CovenantsInput,
  });
  const live: Placed[] = [];
  const steps: HistoryStep<AnyContract>[] = [];
  const paid = new Map<string, bigint>();
  let fees = 0n;
  for (const { state, data, value, output } of fundingOutputs(instance)) {
    const outpoint = await chain.fund(output.scriptPubKey, value);
    live.push({ state, data, value, ...outpoint, height: await chain.height() });
  }
  const startHeight = await chain.height();
  const act = async (cell: Placed, transition: string, args: Readonly<Record<string, unknown>>): Promise<void> => {
    const plan = planTransition(instance, transition, { cells: [cell], args, feeRate: feeRate(2_000n) });
    chain.chain.broadcast(serializeTransaction(completeTransition(plan, await signPlan(plan))));
    await chain.mine(1);
    const height = await chain.height();
    live.splice(live.indexOf(cell), 1, ...nextCells(plan).map((next) => ({ ...next, height })));
    for (const { party, value } of plan.payouts)
      if (party !== undefined) paid.set(party, (paid.get(party) ?? 0n) + value);
    fees += plan.fee + (plan.anchor === undefined ? 0n : (plan.tx.outputs[plan.anchor]?.value ?? 0n));
    steps.push({
      transition,
      args: args as never,
      by: plan.inputs[0]?.plan.way.path ?? '',
      height,
      cells: [cell],
      payouts: new Map(),
      signers: [],
      fee: plan.fee,
    });
  };
  for (const { transition, args = {} } of first) await act(live[0] as Placed, transition, args);
  const begun = steps.length;
  for (let blocks = 0; blocks < stopAfter && live.length > 0; blocks++) {
    const height = await chain.height();
    let hasActed = false;
    for (const cell of live) {
      const call = dutyOf(instance, {
        cell,
        parties: new Set(honest),
        cellHeight: cell.height,
        tip: { height, medianTime: 0 },
        secrets: secrets.map((secret) => toHex(secret)),
        held,
      });
      if (call?.kind !== 'act') continue;
      await act(cell, call.transition, call.args);
      hasActed = true;
      break;
    }
    if (!hasActed) await chain.mine(1);
  }
  const history: ContractHistory<AnyContract> = {
    startHeight,
    height: await chain.height(),
    steps,
    live,
    held: [],
    secrets: honest.flatMap((party) => secrets.map((secret) => ({ party, secret, since: startHeight }))),
  };
  return { instance, history, paid, fees, did: steps.slice(begun) };
}

describe('an honest party does by itself what the contract wants', () => {
  it.for(plays)('$title', async (one) => {
    const { instance, history, paid, fees, did } = await play(one);

    expect(did.map(({ transition }) => transition)).toEqual(one.does);
    expect(history.live.length > 0).toBe(one.stopAfter !== undefined);
    if (one.stopAfter !== undefined) return;
    const { sides, endsBy } = one.guarantees;
    for (const { name, members, least } of sides(instance.params)) {
      // Of a side all of which do their duties; those of others may have been idle.
      if (!members.every((member) => one.honest.includes(member))) continue;
      const got = members.reduce((sum, member) => sum + (paid.get(member) ?? 0n), 0n);
      expect(got + fees, name).toBeGreaterThanOrEqual(least(history));
    }
    const end = did.at(-1)?.height ?? 0;
    expect(end).toBeLessThanOrEqual(endsBy(instance.params, history) ?? end);
  });

  it.for([...new Set(plays.map(({ guarantees }) => guarantees.contract))])(
    'leaves out no duty of $name',
    (contract) => {
      const done = new Set(
        plays.filter(({ guarantees }) => guarantees.contract === contract).flatMap(({ does }) => does),
      );
      const duties = new Set(contract.duties.map(({ transition }) => transition));
      // Of a lottery, other values and other neighbours are the same duty.
      const kind = (name: string): string => (contract === lottery3 ? name.replace(/\d$/, '') : name);
      expect([...new Set([...duties].map(kind))].toSorted()).toEqual([...new Set([...done].map(kind))].toSorted());
    },
  );
});
