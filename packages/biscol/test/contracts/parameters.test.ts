import { loadCrypto } from '@bitcoin-enterprise/core';
import {
  type AnyContract,
  fundingOutputs,
  instantiate,
  planTransition,
  readInstance,
  writeInstance,
} from '@bitcoin-enterprise/biscol';
import * as contracts from '@bitcoin-enterprise/biscol/contracts';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { keyOf, personOf } from '../support/people.ts';
import { COVENANTS } from '../support/scenarios.ts';
import { codeOf } from '../support/code-of.ts';
import { bondParams } from './scenarios/bond.ts';
import { commitment, penaltyParams, unidirectionalParams } from './scenarios/channels.ts';
import { crowdfundingParams } from './scenarios/crowdfunding.ts';
import { dlcParams } from './scenarios/dlc.ts';
import { escrowParams } from './scenarios/escrow.ts';
import { htlcParams } from './scenarios/htlc.ts';
import { inheritanceParams } from './scenarios/inheritance.ts';
import { drawSecret, lotteryParams } from './scenarios/lottery.ts';
import { rotatingParams } from './scenarios/rotating-multisig.ts';
import { streamParams, subscriptionParams } from './scenarios/subscriptions.ts';
import { vaultParams } from './scenarios/vault.ts';

beforeAll(async () => {
  await loadCrypto();
});

const SEED = Number(process.env['BE_SEED'] ?? 1);
const RUNS = process.env['BE_LONG'] === '1' ? 2_000 : 100;

type Params = Readonly<Record<string, unknown>>;

const lottery3 = contracts.lottery(3);

/** Contracts with parameters that are right. */
const right: ReadonlyArray<readonly [AnyContract, () => Params]> = [
  [contracts.vault, vaultParams],
  [contracts.escrow, escrowParams],
  [contracts.htlc, () => htlcParams(100)],
  [contracts.unidirectionalChannel, () => unidirectionalParams(100)],
  [contracts.penaltyChannel, penaltyParams],
  [contracts.inheritance, inheritanceParams],
  [contracts.subscription, () => subscriptionParams(100)],
  [contracts.paymentStream, () => streamParams(100)],
  [contracts.crowdfunding, () => crowdfundingParams(100)],
  [contracts.bond, () => bondParams(100)],
  [lottery3, () => lotteryParams([0, 1, 2])],
  [contracts.rotatingMultisig, rotatingParams],
  [contracts.dlc, () => dlcParams(100)],
];

const make = (contract: AnyContract, params: Params) =>
  instantiate(contract, { network: 'regtest', params: params as never, covenants: COVENANTS[0] as never });

/** The parameter that an instance is refused for. */
function refusedFor(contract: AnyContract, params: Params): unknown {
  try {
    make(contract, params);
  } catch (error) {
    const { code, details } = error as { code?: string; details?: { path?: string } };
    expect(code).toBe('BISCOL_VALUE_INVALID');
    return details?.path;
  }
  return 'nothing';
}

const one = personOf(1);
const lotteryParamsWith = (change: (right: ReturnType<typeof lotteryParams>) => Params): Params => {
  const good = lotteryParams([0, 1, 2]);
  return { ...good, ...change(good) };
};

/** Parameters that contradict each other: which contract, what is changed, what the error names. */
const wrong: ReadonlyArray<readonly [title: string, AnyContract, () => Params, path: string]> = [
  ['a vault whose hot key is the cold one', contracts.vault, () => ({ cold: personOf(2) }), 'params.cold'],
  ['a vault whose watchtower is the owner', contracts.vault, () => ({ watchtower: keyOf(1) }), 'params.watchtower'],
  ['a vault without time to watch', contracts.vault, () => ({ delay: 1 }), 'params.delay'],
  ['a vault of dust', contracts.vault, () => ({ sum: 4_999n }), 'params.sum'],
  ['an escrow with oneself', contracts.escrow, () => ({ seller: one }), 'params.seller'],
  ['an escrow whose arbiter is a party', contracts.escrow, () => ({ arbiter: one }), 'params.arbiter'],
  ['an escrow of dust', contracts.escrow, () => ({ price: 1_000n }), 'params.price'],
  ['an HTLC with oneself', contracts.htlc, () => ({ receiver: one }), 'params.receiver'],
  [
    'an HTLC whose two secrets are one',
    contracts.htlc,
    () => ({ cancelDigest: htlcParams(100).digest }),
    'params.cancelDigest',
  ],
  ['an HTLC that can be refunded before it can be claimed', contracts.htlc, () => ({ margin: 112 }), 'params.margin'],
  ['a hash of 20 bytes', contracts.htlc, () => ({ digest: new Uint8Array(20) }), 'params.digest'],
  ['a channel that closes before it opens', contracts.unidirectionalChannel, () => ({ margin: 200 }), 'params.margin'],
  ['a channel with oneself', contracts.unidirectionalChannel, () => ({ payee: one }), 'params.payee'],
  [
    'a channel whose reserves are more than it holds',
    contracts.penaltyChannel,
    () => ({ reserve: 50_001n }),
    'params.reserve',
  ],
  ['a channel without time to punish', contracts.penaltyChannel, () => ({ delay: 1 }), 'params.delay'],
  ['an inheritance to oneself', contracts.inheritance, () => ({ heirs: [one, personOf(2)] }), 'params.heirs[0]'],
  [
    'an inheritance to one heir twice',
    contracts.inheritance,
    () => ({ heirs: [2, 2].map(personOf) }),
    'params.heirs[1]',
  ],
  ['more heirs to sign than there are', contracts.inheritance, () => ({ quorum: 4 }), 'params.quorum'],
  [
    'an inheritance of dust for each',
    contracts.inheritance,
    () => ({ estate: 10_000n, heirs: [2, 3, 4, 5, 6, 7].map(personOf) }),
    'params.estate',
  ],
  ['a subscription with oneself', contracts.subscription, () => ({ payee: one }), 'params.payee'],
  ['a subscription beyond heights', contracts.subscription, () => ({ start: 499_999_999 }), 'params.count'],
  ['a notice longer than half a period', contracts.paymentStream, () => ({ notice: 3 }), 'params.notice'],
  ['a stream of more than 16', contracts.paymentStream, () => ({ count: 17 }), 'params.count'],
  ['a goal that pledges do not reach', contracts.crowdfunding, () => ({ goal: 102_000n }), 'params.goal'],
  ['a pledger without a pledge', contracts.crowdfunding, () => ({ pledges: [1_000n, 90_000n] }), 'params.pledges'],
  ['a founder who pledges', contracts.crowdfunding, () => ({ founder: personOf(2) }), 'params.pledgers[0]'],
  ['judges fewer than their quorum', contracts.bond, () => ({ quorum: 4 }), 'params.quorum'],
  ['a judge who is the issuer', contracts.bond, () => ({ judges: [1, 3].map(keyOf), quorum: 1 }), 'params.judges[0]'],
  ['a coupon after the term', contracts.bond, () => ({ term: 109 }), 'params.coupons'],
  ['a bond that never ends', contracts.bond, () => ({ term: 499_999_999 }), 'params.term'],
  [
    'a lottery of one player twice',
    lottery3,
    () => lotteryParamsWith(({ players }) => ({ players: [players[0], players[1], players[1]] })),
    'params.players[2]',
  ],
  [
    'a commitment that was copied',
    lottery3,
    () => lotteryParamsWith(({ commitments }) => ({ commitments: [commitments[0], commitments[0], commitments[2]] })),
    'params.commitments',
  ],
  [
    'a commitment that follows another’s',
    lottery3,
    () =>
      lotteryParamsWith(({ commitments }) => ({
        // What the first player’s secret opens as 0 it opens here as 1.
        commitments: [commitments[0], contracts.drawCommitment({ secret: drawSecret(0), value: 1 }), commitments[2]],
      })),
    'params.commitments',
  ],
  [
    'two players of three',
    lottery3,
    () => lotteryParamsWith(({ players }) => ({ players: players.slice(1) })),
    'params.players',
  ],
  ['a quorum of more than the members', contracts.rotatingMultisig, () => ({ quorum: 4 }), 'params.quorum'],
  ['a recovery key that is a member’s', contracts.rotatingMultisig, () => ({ recovery: one }), 'params.recovery'],
  ['a bet with oneself', contracts.dlc, () => ({ accepter: one }), 'params.accepter'],
  [
    'a bet about nothing',
    contracts.dlc,
    () => ({ offererCollateral: 0n, accepterCollateral: 1_999n }),
    'params.accepterCollateral',
  ],
];

describe('parameters', () => {
  it.for(right)('of $0.name are taken as they are in the scenarios', ([contract, params]) => {
    expect(refusedFor(contract, params())).toBe('nothing');
  });

  it.for(right)('of $0.name are the same instance when they are read from JSON', ([contract, params]) => {
    const instance = make(contract, params());
    const json: unknown = JSON.parse(JSON.stringify(writeInstance(instance)));
    const again = readInstance(json, [contract]);
    expect(again.id).toBe(instance.id);
    const scripts = [instance, again].map((one) => fundingOutputs(one).map(({ output }) => output.scriptPubKey));
    expect(scripts[1]).toEqual(scripts[0]);
  });

  it.for(wrong)('refuses %s', ([, contract, change, path]) => {
    const [, base] = right.find(([known]) => known === contract) as (typeof right)[number];
    expect(refusedFor(contract, { ...base(), ...change() })).toBe(path);
  });

  it.for(right)('of $0.name that are anything else are refused with a code', ([contract, params]) => {
    const base = params();
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(base)), fc.anything(), (name, value) => {
        expect(['no error', 'BISCOL_VALUE_INVALID']).toContain(
          codeOf(() => make(contract, { ...base, [name]: value })),
        );
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });
});

const cells = (state: string, value: bigint, data: object = {}) =>
  [{ state, data, value, txid: new Uint8Array(32), index: 0 }] as never;

/** Arguments that the contract refuses whatever the signatures. */
const refusals: ReadonlyArray<
  readonly [title: string, AnyContract, string, () => Params, state: string, value: bigint, data?: () => object]
> = [
  ['a split of everything', contracts.escrow, 'settle', () => ({ toBuyer: 99_001n }), 'funded', 100_000n],
  [
    'a payment beyond the channel',
    contracts.unidirectionalChannel,
    'pay',
    () => ({ paid: 100_001n }),
    'open',
    100_000n,
  ],
  [
    'a commitment below the reserve',
    contracts.penaltyChannel,
    'commitAlice',
    () => commitment(1, 0, 4_999n),
    'open',
    100_000n,
  ],
  [
    'a commitment below the other’s reserve',
    contracts.penaltyChannel,
    'commitBob',
    () => commitment(2, 0, 95_001n),
    'open',
    100_000n,
  ],
  [
    'a key of an heir',
    contracts.inheritance,
    'rotate',
    () => ({ key: keyOf(2) }),
    'alive',
    100_000n,
    () => ({ owner: { name: 'owner', key: keyOf(1) } }),
  ],
  [
    'a penalty of everything',
    contracts.bond,
    'penalise',
    () => ({ penalty: 99_001n }),
    'posted',
    100_000n,
    () => ({ holder: { name: 'holder', key: keyOf(2) }, payTo: personOf(2).payTo, number: 0 }),
  ],
  [
    'a holder who is a judge',
    contracts.bond,
    'transfer',
    () => ({ holder: keyOf(3), payTo: personOf(3).payTo }),
    'posted',
    100_000n,
    () => ({ holder: { name: 'holder', key: keyOf(2) }, payTo: personOf(2).payTo, number: 0 }),
  ],
  [
    'a quorum of more than the new members',
    contracts.rotatingMultisig,
    'rotate',
    () => ({ members: [6, 7].map(keyOf), quorum: 3, group: [] }),
    'held',
    100_000n,
    () => ({ members: [1, 2, 3].map((n) => ({ name: `m${n}`, key: keyOf(n) })), quorum: 2, group: [] }),
  ],
  [
    'a member twice',
    contracts.rotatingMultisig,
    'rotate',
    () => ({ members: [6, 6].map(keyOf), quorum: 1, group: [] }),
    'held',
    100_000n,
    () => ({ members: [1, 2, 3].map((n) => ({ name: `m${n}`, key: keyOf(n) })), quorum: 2, group: [] }),
  ],
  ['more than the collateral', contracts.dlc, 'execute', () => ({ toOfferer: 100_001n }), 'funded', 100_500n],
];

describe('arguments', () => {
  it.for(refusals)('refuses %s', ([, contract, transition, args, state, value, data]) => {
    const [, base] = right.find(([known]) => known === contract) as (typeof right)[number];
    const instance = make(contract, base());
    const code = codeOf(() =>
      planTransition(instance, transition, {
        cells: cells(state, value, data?.() ?? {}),
        args: args(),
        feeRate: 2_000n as never,
      }),
    );
    expect(code).toBe('BISCOL_TRANSITION_IMPOSSIBLE');
  });
});
