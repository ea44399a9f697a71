import { type Satoshis, satoshis, toHex } from '@bitcoin-enterprise/core';
import { requireInteger } from '../checks.ts';
import { and, type Clause, older, pk, sha256 } from '../contract/clauses.ts';
import {
  type Contract,
  defineContract,
  type ParamProblem,
  type StateTemplate,
  type TransitionTemplate,
} from '../contract/define.ts';
import { defineGuarantees, type Guarantees, type HistoryStep } from '../contract/guarantees.ts';
import { anchor, type ContractOutput, pay, rest, to } from '../contract/outputs.ts';
import { distinctKeys, rule } from '../contract/rules.ts';
import { amount, blocks, hash, list, type Party, party, preimage, type Values, whole } from '../contract/values.ts';
import { drawDigest, MOST_PLAYERS } from './draw-commitment.ts';
import type { AmountKind, BytesKind, HashesKind, NoArgs, NumberKind, PartiesKind } from './kinds.ts';

/** Parameters of {@link lottery}. */
export type LotteryParams = {
  /** As many as the lottery is for; they open their commitments in this order. */
  readonly players: PartiesKind;
  /** Of each player, in their order: 32 bytes of `drawCommitment`. */
  readonly commitments: HashesKind;
  /** Satoshis of each player that the winner gets; beside it each brings the deposit. */
  readonly stake: AmountKind;
  /** Blocks that a player has to open his commitment. */
  readonly patience: NumberKind;
};

/** Data of the output of {@link lottery}. */
export type LotteryData = {
  /** Whose turn it is: the place among the players, from 0. */
  readonly turn: NumberKind;
  /** Sum of the values so far, modulo the number of players. */
  readonly sum: NumberKind;
};

/** Opens the commitment of the player whose turn it is as this value. */
export type OpenName = `open${number}`;
/** Complains that he does not; by the one who comes so many places after him. */
export type LateName = `late${number}`;
/** Transitions of {@link lottery}. */
export type LotteryTransitions = Readonly<Record<OpenName, { readonly secret: BytesKind }> & Record<LateName, NoArgs>>;
/** A lottery for some number of players. */
export type Lottery = Contract<LotteryParams, LotteryData, 'drawing', LotteryTransitions>;

type Params = Values<LotteryParams>;
type Data = Values<LotteryData>;
type Context = { readonly data: Data; readonly value: bigint };
type States = {
  readonly drawing: StateTemplate<Params, Data> & {
    readonly paths: (params: Params, data: Data) => Readonly<Record<string, Clause>>;
  };
};
type Template<Kinds> = TransitionTemplate<Params, Data, States, 'drawing', Kinds>;
type Output = ContractOutput<'drawing', Data>;

/**
 * What each player brings beside his stake, in satoshis, and gets back if he opens his commitment: `n * (n - 2)` stakes,
 * so that even a winner from whom the draw was withheld is paid as much as he would have won.
 *
 * @param players - How many, 2 to 5.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function lotteryDeposit(players: number, stake: bigint): bigint {
  const count = BigInt(requireInteger('players', players, 2, MOST_PLAYERS));
  return count * (count - 2n) * stake;
}

/**
 * A lottery for 2 to 5 players without an oracle: each commits to a value, all open their commitments one after the other,
 * the sum of the values modulo their number says who wins. Every step is a covenant, so that the pot can go nowhere else. A
 * player who does not open in time loses stake and deposit to the others in equal shares.
 *
 * What it guarantees to a player who opens in time and chose his value at random, against all others together, up to fees:
 * with a probability of `1/n` he gets `n` stakes, or somebody has withheld the draw from him and he is paid no less than
 * `n` stakes; in no case does he lose more than his stake. Withholding costs the one who does it his deposit.
 *
 * What it does not: it takes as many transactions as there are players, each by `patience` blocks at most; for `n` players
 * there are `(2n - 1) * (1 + n + … + n^(n-1))` transactions to presign.
 *
 * @param players - How many, 2 to 5; two toss a coin.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 *
 * @example Three players
 * ```ts
 * import { covenantSteps, fundingOutputs, instantiate } from '@bitcoin-enterprise/biscol';
 * import { drawCommitment, lottery } from '@bitcoin-enterprise/biscol/contracts';
 * import { currentCrypto, loadCrypto, toHex } from '@bitcoin-enterprise/core';
 *
 * await loadCrypto();
 * const key = (n: number) => toHex(currentCrypto().publicKey(new Uint8Array(32).fill(n)) as Uint8Array);
 * const someone = (n: number) => ({ key: key(n), payTo: `5120${key(n).slice(2)}` });
 * const commitments = [0, 2, 1].map((value, n) => drawCommitment({ secret: new Uint8Array(32).fill(60 + n), value }));
 * const instance = instantiate(lottery(3), {
 *   network: 'regtest',
 *   params: { players: [1, 2, 3].map(someone), commitments, stake: 10_000n, patience: 144 },
 *   covenants: { kind: 'presigned', keys: [key(1), key(2), key(3)], feeRate: 2_000n },
 * });
 * const [drawing] = fundingOutputs(instance);
 * const cell = { state: 'drawing', data: drawing!.data, value: drawing!.value, txid: new Uint8Array(32), index: 0 };
 * [drawing?.value, covenantSteps(instance, [cell]).length]; // => [120_000n, 65]
 * ```
 */
export function lottery(players: number): Lottery {
  const count = requireInteger('players', players, 2, MOST_PLAYERS);
  const places = Array.from({ length: count }, (_, place) => place);
  const others = places.slice(1);
  const opening = (value: number): Template<{ readonly secret: BytesKind }> => ({
    from: 'drawing',
    by: `open${value}`,
    covenant: true,
    version: 3,
    description: `opens a commitment to ${value}`,
    args: { secret: preimage() },
    reveals: (_, { args }) => [args.secret],
    outputs: (params, { data }) => afterOpening(params, data, value),
  });
  const complaint = (place: number): Template<NoArgs> => ({
    from: 'drawing',
    by: `late${place}`,
    covenant: true,
    version: 3,
    description: 'divides the pot: somebody has not opened in time',
    outputs: (params, context) => afterComplaint(params, context),
  });
  return defineContract<LotteryParams, States, LotteryTransitions, LotteryData>({
    name: `lottery-${count}`,
    description: `A lottery for ${count} players.`,
    params: {
      players: list(party(), { minimum: count, maximum: count }),
      commitments: list(hash(), { minimum: count, maximum: count }),
      stake: amount({ minimum: 5_000n }),
      patience: blocks({ minimum: 2 }),
    },
    data: { turn: whole({ maximum: count - 1 }), sum: whole({ maximum: count - 1 }) },
    rules: (params: Params) => rulesOf(params),
    states: {
      drawing: {
        description: 'the pot',
        paths: ({ players: all, commitments, patience }: Params, { turn }: Data): Readonly<Record<string, Clause>> => {
          const player = all[turn] as Party;
          const digest = (value: number): Uint8Array => drawDigest(commitments[turn] as Uint8Array, value);
          return Object.fromEntries([
            ...places.map((value) => [`open${value}`, and(pk(player), sha256(digest(value)))]),
            ...others.map((place) => [`late${place}`, and(pk(all[(turn + place) % count] as Party), older(patience))]),
          ]) as Readonly<Record<string, Clause>>;
        },
        odds: Object.fromEntries(places.map((value) => [`open${value}`, 4])),
      },
    },
    transitions: Object.fromEntries([
      ...places.map((value) => [`open${value}`, opening(value)]),
      ...others.map((place) => [`late${place}`, complaint(place)]),
    ]) as Readonly<Record<OpenName, Template<{ readonly secret: BytesKind }>> & Record<LateName, Template<NoArgs>>>,
    funding: ({ stake }: Params) => [
      to('drawing', {
        amount: satoshis(BigInt(count) * (stake + lotteryDeposit(count, stake))),
        data: { turn: 0, sum: 0 },
      }),
    ],
    duties: places.flatMap((player) => [
      ...places.map((value) => ({
        party: ({ players: all }: Params) => all[player] as Party,
        state: 'drawing' as const,
        transition: `open${value}` as const,
        secrets: ['secret'] as const,
        when: (_: Params, { data }: { readonly data: Data }) => data.turn === player,
      })),
      ...others.map((place) => ({
        party: ({ players: all }: Params) => all[player] as Party,
        state: 'drawing' as const,
        transition: `late${place}` as const,
        when: (_: Params, { data }: { readonly data: Data }) => (data.turn + place) % count === player,
      })),
    ]),
  });
}

function rulesOf({ players, commitments }: Params): readonly (ParamProblem | undefined)[] {
  const digests = commitments.flatMap((one) => players.map((_, value) => toHex(drawDigest(one, value))));
  return [
    distinctKeys(...players),
    // One who copies a commitment, or one that differs by a mask, opens it with the secret of the other: his value would
    // follow the other's instead of being chosen.
    rule(new Set(digests).size === digests.length, 'commitments', 'commitments none of which was made of another'),
  ];
}

/** The next turn, or after the last one the winnings and deposits. */
function afterOpening(params: Params, { turn, sum }: Data, value: number): readonly Output[] {
  const { players, stake } = params;
  const next = (sum + value) % players.length;
  if (turn < players.length - 1)
    return [to('drawing', { amount: rest, data: { turn: turn + 1, sum: next } }), anchor()];
  const deposit = satoshis(lotteryDeposit(players.length, stake));
  const paid = players.flatMap((player, place) => {
    if (place === next) return [pay(player, rest)];
    return deposit === 0n ? [] : [pay(player, deposit)];
  });
  return [...paid, anchor()];
}

/** Everything to everybody but the one whose turn it was. */
function afterComplaint({ players }: Params, { data, value }: Context): readonly Output[] {
  const paid = players.filter((_, place) => place !== data.turn);
  const share = satoshis(value / BigInt(paid.length)) satisfies Satoshis;
  return [...paid.map((player, place) => pay(player, place === 0 ? rest : share)), anchor()];
}

/**
 * What {@link lottery} promises: who has opened in time has lost his stake at most, and a draw that was withheld pays every
 * other at least what he would have won.
 *
 * @param contract - Of {@link lottery}.
 * @param players - How many it is for.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function lotteryGuarantees(contract: Lottery, players: number): Guarantees<Lottery> {
  const count = requireInteger('players', players, 2, MOST_PLAYERS);
  const endOf = (startHeight: number, patience: number): number => startHeight + count * (2 * patience - 2);
  return defineGuarantees<Lottery>(contract, {
    reaction: ({ patience }) => patience - 1,
    sides: ({ players: all, stake, patience }) =>
      all.map(({ name }, place) => ({
        name,
        members: [name],
        least: ({ steps, live, height, startHeight }) => {
          const deposit = lotteryDeposit(count, stake);
          if (steps.some(({ by }) => by.startsWith('late'))) return BigInt(count) * stake + deposit;
          // A pot that is gone before all have opened, or still there when all had the time to, is kept from everybody.
          const isKept = live.length === 0 || height > endOf(startHeight, patience);
          if (steps.length < count) return isKept ? BigInt(count) * stake + deposit : 0n;
          return deposit + (winnerOf(steps, count) === place ? BigInt(count) * stake : 0n);
        },
        // Each turn ends with the player's own time, or with a complaint of anybody who waited for it.
        paidBy: ({ startHeight }) => endOf(startHeight, patience),
      })),
    endsBy: ({ patience }, { startHeight }) => endOf(startHeight, patience),
  });
}

function winnerOf(steps: readonly HistoryStep<Lottery>[], count: number): number {
  return steps.reduce((sum, { by }) => sum + Number(by.slice('open'.length)), 0) % count;
}
