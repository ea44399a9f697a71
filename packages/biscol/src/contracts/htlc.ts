import { and, after, musig, pk, sha256 } from '../contract/clauses.ts';
import { type Contract, defineContract } from '../contract/define.ts';
import { defineGuarantees, type Guarantees, type HistoryStep } from '../contract/guarantees.ts';
import { pay, rest, to } from '../contract/outputs.ts';
import { distinctKeys, rule } from '../contract/rules.ts';
import { amount, blocks, hash, height, party, preimage } from '../contract/values.ts';
import { currentCrypto, equalBytes } from '@bitcoin-enterprise/core';
import type { AmountKind, BytesKind, HeightKind, NoArgs, NoData, NumberKind, PartyKind } from './kinds.ts';

/** Parameters of {@link htlc}. */
export type HtlcParams = {
  /** Pays in, and is paid back after the time. */
  readonly sender: PartyKind;
  /** Is paid for the secret. */
  readonly receiver: PartyKind;
  /** SHA-256 of the secret of 32 bytes. */
  readonly digest: BytesKind;
  /** SHA-256 of another secret of 32 bytes, of the receiver: with it he lets the sender have the money back at once. */
  readonly cancelDigest: BytesKind;
  /** Satoshis. */
  readonly sum: AmountKind;
  /** Height from which on the sender may take it back. */
  readonly refundAfter: HeightKind;
  /** Blocks before that height from which on the receiver does not give the secret away any more: it might be too late. */
  readonly margin: NumberKind;
};

/** Transitions of {@link htlc}. */
export type HtlcTransitions = {
  readonly claim: { readonly secret: BytesKind };
  readonly cancel: { readonly secret: BytesKind };
  readonly refund: NoArgs;
  readonly settle: NoArgs;
  readonly giveBack: NoArgs;
};

/**
 * A hash time lock contract: the receiver is paid for a secret, the sender is paid back after a height. Both hash locks
 * take secrets of exactly 32 bytes (the leaves check the size), so that no secret opens here and is too long for the
 * script of another chain: the attack on swaps with secrets of more than 520 bytes is not there. Sender and receiver
 * together can end it either way on the key path, which shows neither the secret nor that there was one.
 *
 * @example The ways to spend it
 * ```ts
 * import { fundingOutputs, instantiate, printClause } from '@bitcoin-enterprise/biscol';
 * import { htlc } from '@bitcoin-enterprise/biscol/contracts';
 * import { currentCrypto, loadCrypto, toHex } from '@bitcoin-enterprise/core';
 *
 * await loadCrypto();
 * const { publicKey, sha256 } = currentCrypto();
 * const key = (n: number) => toHex(publicKey(new Uint8Array(32).fill(n)) as Uint8Array);
 * const someone = (n: number) => ({ key: key(n), payTo: `5120${key(n).slice(2)}` });
 * const instance = instantiate(htlc, {
 *   network: 'regtest',
 *   params: {
 *     sender: someone(1),
 *     receiver: someone(2),
 *     digest: toHex(sha256(new Uint8Array(32).fill(7))),
 *     cancelDigest: toHex(sha256(new Uint8Array(32).fill(8))),
 *     sum: 100_000n,
 *     refundAfter: 900_000,
 *     margin: 18,
 *   },
 * });
 * const refund = fundingOutputs(instance)[0]?.output.ways.find(({ path }) => path === 'refund');
 * refund && printClause(refund.clause); // => 'and(pk(sender),after(900000))'
 * ```
 */
export const htlc: Contract<HtlcParams, NoData, 'offered', HtlcTransitions> = defineContract({
  name: 'htlc',
  description: 'A payment for a secret, or back after a height.',
  params: {
    sender: party(),
    receiver: party(),
    digest: hash(),
    cancelDigest: hash(),
    sum: amount({ minimum: 2_000n }),
    refundAfter: height(),
    margin: blocks({ minimum: 2 }),
  },
  rules: ({ sender, receiver, digest, cancelDigest, margin, refundAfter }) => [
    distinctKeys(sender, receiver),
    rule(!equalBytes(digest, cancelDigest), 'cancelDigest', 'another than digest: one secret cannot mean both'),
    rule(margin < refundAfter, 'margin', 'less than refundAfter: nothing could ever be claimed'),
  ],
  states: {
    offered: {
      description: 'offered for a secret',
      amount: ({ sum }) => sum,
      key: ({ sender, receiver }) => musig(sender, receiver),
      paths: ({ sender, receiver, digest, cancelDigest, refundAfter }) => ({
        claim: and(pk(receiver), sha256(digest)),
        cancel: and(pk(sender), sha256(cancelDigest)),
        refund: and(pk(sender), after(refundAfter)),
      }),
      odds: { claim: 4, refund: 2, cancel: 1 },
    },
  },
  transitions: {
    claim: {
      from: 'offered',
      by: 'claim',
      description: 'takes it for the secret',
      args: { secret: preimage() },
      reveals: (_, { args }) => [args.secret],
      outputs: ({ receiver }) => [pay(receiver, rest)],
    },
    cancel: {
      from: 'offered',
      by: 'cancel',
      description: 'takes it back with the receiver’s secret',
      args: { secret: preimage() },
      reveals: (_, { args }) => [args.secret],
      outputs: ({ sender }) => [pay(sender, rest)],
    },
    refund: {
      from: 'offered',
      by: 'refund',
      description: 'takes it back after the height',
      outputs: ({ sender }) => [pay(sender, rest)],
    },
    settle: {
      from: 'offered',
      by: 'key',
      description: 'pays the receiver; both agree',
      outputs: ({ receiver }) => [pay(receiver, rest)],
    },
    giveBack: {
      from: 'offered',
      by: 'key',
      description: 'pays back; both agree',
      outputs: ({ sender }) => [pay(sender, rest)],
    },
  },
  funding: () => [to('offered')],
  duties: [
    {
      party: ({ receiver }) => receiver,
      state: 'offered',
      transition: 'claim',
      secrets: ['secret'],
      when: ({ refundAfter, margin }, { height: tip }) => tip + margin < refundAfter,
    },
    { party: ({ sender }) => sender, state: 'offered', transition: 'cancel', secrets: ['secret'] },
    { party: ({ sender }) => sender, state: 'offered', transition: 'refund' },
  ],
});

/**
 * A receiver who knows the secret in time is paid. A sender whose receiver is not paid is paid back; where the receiver is
 * paid, the sender has the secret.
 */
export const htlcGuarantees: Guarantees<typeof htlc> = defineGuarantees(htlc, {
  // The other half of the margin is for a reorganisation after the secret was shown.
  reaction: ({ margin }) => Math.floor(margin / 2),
  sides: ({ sum, digest, cancelDigest, refundAfter, margin }) => [
    {
      name: 'receiver',
      members: ['receiver'],
      least: ({ secrets, startHeight, steps: [end] }) => {
        if (end?.transition === 'settle') return sum;
        if (end?.transition === 'giveBack') return 0n;
        // The receiver has let the sender have it back.
        if (end?.by === 'cancel' && isShown(end, secrets, cancelDigest)) return 0n;
        const known = secrets.find(
          ({ party: who, secret }) => who === 'receiver' && equalBytes(currentCrypto().sha256(secret), digest),
        );
        return known !== undefined && Math.max(known.since, startHeight) + margin < refundAfter ? sum : 0n;
      },
      paidBy: () => refundAfter,
    },
    {
      name: 'sender',
      members: ['sender'],
      least: ({ secrets, steps: [end] }) => {
        if (end?.transition === 'settle') return 0n;
        return end?.by === 'claim' && isShown(end, secrets, digest) ? 0n : sum;
      },
      paidBy: ({ startHeight }) => Math.max(startHeight, refundAfter) + Math.floor(margin / 2),
    },
  ],
  endsBy: ({ refundAfter, margin }, { startHeight }) =>
    Math.max(startHeight, refundAfter as number) + Math.floor(margin / 2),
});

/** Whether whoever took it for a secret has shown that secret. */
function isShown(
  end: HistoryStep<typeof htlc>,
  secrets: readonly { readonly secret: Uint8Array }[],
  digest: Uint8Array,
): boolean {
  const isOpened = end.transition === 'claim' || end.transition === 'cancel';
  const shown = isOpened ? [end.args, ...secrets] : secrets;
  return shown.some(({ secret }) => equalBytes(currentCrypto().sha256(secret), digest));
}
