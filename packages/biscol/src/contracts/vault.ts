import { and, older, pk } from '../contract/clauses.ts';
import { type Contract, defineContract } from '../contract/define.ts';
import { defineGuarantees, type Guarantees, type HistoryStep } from '../contract/guarantees.ts';
import { anchor, pay, rest, to } from '../contract/outputs.ts';
import { distinctKeys } from '../contract/rules.ts';
import { amount, blocks, party, publicKey } from '../contract/values.ts';
import type { AmountKind, KeyKind, NoArgs, NoData, NumberKind, PartyKind } from './kinds.ts';

/** Parameters of {@link vault}. */
export type VaultParams = {
  /** Begins to take coins out. */
  readonly owner: KeyKind;
  /** Is paid what was taken out in time. */
  readonly hot: PartyKind;
  /** Takes back; its key is needed for nothing else. */
  readonly watchtower: KeyKind;
  /** Where coins go that were taken back; its key recovers them in one step from everywhere. */
  readonly cold: PartyKind;
  /** Satoshis. */
  readonly sum: AmountKind;
  /** Blocks in which what is on its way out can be taken back. */
  readonly delay: NumberKind;
};

/** Transitions of {@link vault}. */
export type VaultTransitions = Readonly<
  Record<'unvault' | 'withdraw' | 'clawBack' | 'recover' | 'recoverLeaving', NoArgs>
>;

/**
 * A vault: coins leave it in two steps. The first may only lead into the waiting room (a covenant, presigned or by
 * CHECKTEMPLATEVERIFY), where for `delay` blocks the second can be undone: whoever watches takes the coins back to a cold
 * key, and may do nothing else with them. A thief of the owner's and of the hot key gains nothing as long as somebody
 * watches. The cold key, which never needs to come out, recovers everything by itself, should presigned transactions be
 * lost.
 *
 * The watchtower's duty is to take back all that leaves: what was announced to it, it leaves alone by not having the duty
 * for that instance.
 *
 * @example What a vault looks like before a satoshi moves
 * ```ts
 * import { fundingOutputs, instantiate } from '@bitcoin-enterprise/biscol';
 * import { vault } from '@bitcoin-enterprise/biscol/contracts';
 * import { currentCrypto, loadCrypto, toHex } from '@bitcoin-enterprise/core';
 *
 * await loadCrypto();
 * const key = (n: number) => toHex(currentCrypto().publicKey(new Uint8Array(32).fill(n)) as Uint8Array);
 * const someone = (n: number) => ({ key: key(n), payTo: `5120${key(n).slice(2)}` });
 * const instance = instantiate(vault, {
 *   network: 'regtest',
 *   params: { owner: key(1), hot: someone(2), watchtower: key(3), cold: someone(4), sum: 100_000n, delay: 144 },
 *   covenants: { kind: 'presigned', keys: [key(5)], feeRate: 2_000n },
 * });
 * const [stored] = fundingOutputs(instance);
 * [stored?.value, stored?.output.ways.map(({ path }) => path)]; // => [100_000n, ['key', 'unvault']]
 * ```
 */
export const vault: Contract<VaultParams, NoData, 'stored' | 'leaving', VaultTransitions> = defineContract({
  name: 'vault',
  description: 'Coins that leave in two steps, with time in between to take them back.',
  params: {
    owner: publicKey(),
    hot: party(),
    watchtower: publicKey(),
    cold: party(),
    sum: amount({ minimum: 5_000n }),
    delay: blocks({ minimum: 2 }),
  },
  rules: ({ owner, hot, watchtower, cold }) => [distinctKeys(owner, hot, watchtower, cold)],
  states: {
    stored: {
      description: 'in the vault',
      amount: ({ sum }) => sum,
      key: ({ cold }) => cold,
      paths: ({ owner }) => ({ unvault: pk(owner) }),
    },
    leaving: {
      description: 'on the way out',
      key: ({ cold }) => cold,
      paths: ({ hot, watchtower, delay }) => ({
        withdraw: and(pk(hot), older(delay)),
        clawBack: pk(watchtower),
      }),
      odds: { withdraw: 9, clawBack: 1 },
    },
  },
  transitions: {
    // Version 3 (BIP431): nobody can hold back a transaction of a covenant by hanging a large one to its anchor.
    unvault: {
      from: 'stored',
      by: 'unvault',
      covenant: true,
      version: 3,
      description: 'begins to take the coins out',
      outputs: () => [to('leaving', { amount: rest }), anchor()],
    },
    withdraw: {
      from: 'leaving',
      by: 'withdraw',
      description: 'takes them, after the delay',
      outputs: ({ hot }) => [pay(hot, rest)],
    },
    clawBack: {
      from: 'leaving',
      by: 'clawBack',
      covenant: true,
      version: 3,
      description: 'takes them back to the cold key',
      outputs: ({ cold }) => [pay(cold, rest), anchor()],
    },
    recover: {
      from: 'stored',
      by: 'key',
      description: 'takes them with the cold key',
      outputs: ({ cold }) => [pay(cold, rest)],
    },
    recoverLeaving: {
      from: 'leaving',
      by: 'key',
      version: 3,
      description: 'takes them back with the cold key',
      outputs: ({ cold }) => [pay(cold, rest)],
    },
  },
  funding: () => [to('stored')],
  duties: [
    { party: ({ watchtower }) => watchtower, state: 'leaving', transition: 'clawBack' },
    { party: ({ hot }) => hot, state: 'leaving', transition: 'withdraw' },
  ],
});

/**
 * Whoever has the owner's and the hot key and wants to steal meets a watchtower: all goes back to the cold key. Without a
 * thief, and with the watchtower told, the hot key is paid.
 */
export const vaultGuarantees: Guarantees<typeof vault> = defineGuarantees(vault, {
  reaction: ({ delay }) => delay - 1,
  sides: ({ sum, delay }) => [
    {
      name: 'savers',
      members: ['watchtower', 'cold'],
      least: () => sum,
      paidBy: ({ steps }) => after(begunAt(steps), delay - 1),
    },
  ],
  endsBy: ({ delay }, { steps }) => after(begunAt(steps), 2 * (delay - 1)),
});

/** Height at which coins left the vault, if they did. */
function begunAt(steps: readonly HistoryStep<typeof vault>[]): number | undefined {
  return steps.find(({ transition }) => transition === 'unvault')?.height;
}

function after(from: number | undefined, count: number): number | undefined {
  return from === undefined ? undefined : from + count;
}
