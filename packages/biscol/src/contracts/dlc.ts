import { currentCrypto, satoshis, toHex } from '@bitcoin-enterprise/core';
import { after, and, musig, pk } from '../contract/clauses.ts';
import { type Contract, defineContract } from '../contract/define.ts';
import { defineGuarantees, type Guarantees, type HistoryStep } from '../contract/guarantees.ts';
import { type ContractOutput, pay, to } from '../contract/outputs.ts';
import { distinctKeys, rule } from '../contract/rules.ts';
import { amount, hash, height, party, type Values } from '../contract/values.ts';
import { contractToJson } from '../dlc/contract-json.ts';
import { encodeAnnouncement } from '../dlc/oracle-messages.ts';
import { type DlcTerms, requireTerms } from '../dlc/terms.ts';
import type { AmountKind, BytesKind, HeightKind, NoArgs, NoData, PartyKind } from './kinds.ts';

/** Parameters of {@link dlc}. */
export type DlcParams = {
  readonly offerer: PartyKind;
  readonly accepter: PartyKind;
  /** Satoshis that the offerer brings. */
  readonly offererCollateral: AmountKind;
  /** Satoshis that the accepter brings. */
  readonly accepterCollateral: AmountKind;
  /** Satoshis for the fee of whichever transaction ends it; a share too small to be paid goes there too. */
  readonly feeReserve: AmountKind;
  /** What was agreed upon: `dlcTermsDigest`. */
  readonly terms: BytesKind;
  /** Height from which on both get their collateral back, if no oracle has said anything. */
  readonly refundAfter: HeightKind;
};

/** What the offerer gets. */
export type DlcEndArgs = { readonly toOfferer: AmountKind };

/** Transitions of {@link dlc}. */
export type DlcTransitions = {
  readonly execute: DlcEndArgs;
  readonly close: DlcEndArgs;
  readonly refund: NoArgs;
};

type Params = Values<DlcParams>;

/** Shares below are not paid (dlcspecs, Transactions.md). */
const SMALLEST_SHARE = 1_000n;

const end = {
  args: { toOfferer: amount() },
  refuses: (params: Params, { args }: { readonly args: Values<DlcEndArgs> }): string | undefined =>
    args.toOfferer > collateralOf(params) ? `more than the collateral of ${collateralOf(params)} sat` : undefined,
  outputs: (params: Params, { args }: { readonly args: Values<DlcEndArgs> }): readonly ContractOutput<never, never>[] =>
    sharesOf(params, args.toOfferer),
};

function collateralOf({ offererCollateral, accepterCollateral }: Params): bigint {
  return offererCollateral + accepterCollateral;
}

/** What is not a share is the fee, whatever rate is asked for: all parties make the same transaction. */
function sharesOf(params: Params, toOfferer: bigint): readonly ContractOutput<never, never>[] {
  const { offerer, accepter } = params;
  const shares = [
    [offerer, toOfferer],
    [accepter, collateralOf(params) - toOfferer],
  ] as const;
  return shares.flatMap(([receiver, share]) => (share < SMALLEST_SHARE ? [] : [pay(receiver, satoshis(share))]));
}

/**
 * A discreet log contract on Taproot: two parties lock their collateral under one key of both (MuSig2). For each outcome
 * that an oracle may attest they presign the transaction that pays it out, up to a secret: the attestation is that secret.
 * On chain the end looks like any payment; the oracle learns of nothing. Where no oracle says anything, a transaction that
 * both have signed beforehand gives each his collateral back.
 *
 * `dlcEnds` and what follows it make the pre-signatures; `refund` is an execution that both sign before they fund, and hold.
 *
 * @example A bet on the weather
 * ```ts
 * import { fundingOutputs, instantiate } from '@bitcoin-enterprise/biscol';
 * import { dlc } from '@bitcoin-enterprise/biscol/contracts';
 * import { currentCrypto, loadCrypto, toHex } from '@bitcoin-enterprise/core';
 *
 * await loadCrypto();
 * const key = (n: number) => toHex(currentCrypto().publicKey(new Uint8Array(32).fill(n)) as Uint8Array);
 * const someone = (n: number) => ({ key: key(n), payTo: `5120${key(n).slice(2)}` });
 * const instance = instantiate(dlc, {
 *   network: 'regtest',
 *   params: {
 *     offerer: someone(1), accepter: someone(2), offererCollateral: 60_000n, accepterCollateral: 40_000n,
 *     feeReserve: 500n, terms: '00'.repeat(32), refundAfter: 900_000,
 *   },
 * });
 * fundingOutputs(instance)[0]?.value; // => 100_500n
 * ```
 */
export const dlc: Contract<DlcParams, NoData, 'funded', DlcTransitions> = defineContract({
  name: 'dlc',
  description: 'Collateral of two parties that is divided as an oracle attests.',
  params: {
    offerer: party(),
    accepter: party(),
    offererCollateral: amount({ minimum: 0n }),
    accepterCollateral: amount({ minimum: 0n }),
    feeReserve: amount({ minimum: 200n }),
    terms: hash(),
    refundAfter: height(),
  },
  rules: ({ offerer, accepter, offererCollateral, accepterCollateral }) => [
    distinctKeys(offerer, accepter),
    rule(
      offererCollateral + accepterCollateral >= 2n * SMALLEST_SHARE,
      'accepterCollateral',
      `so much that there are ${2n * SMALLEST_SHARE} sat of both together`,
    ),
  ],
  states: {
    funded: {
      description: 'the collateral of both',
      key: ({ offerer, accepter }) => musig(offerer, accepter),
      paths: ({ offerer, accepter, refundAfter }) => ({
        refund: and(pk(offerer), pk(accepter), after(refundAfter)),
      }),
    },
  },
  transitions: {
    execute: { ...end, from: 'funded', by: 'key', description: 'pays what was attested' },
    close: { ...end, from: 'funded', by: 'key', description: 'ends it; both agree' },
    refund: {
      from: 'funded',
      by: 'refund',
      description: 'gives each his collateral back, after the height',
      outputs: (params): readonly ContractOutput<never, never>[] => sharesOf(params, params.offererCollateral),
    },
  },
  funding: (params) => [to('funded', { amount: satoshis(collateralOf(params) + params.feeReserve) })],
  duties: [
    { party: ({ offerer }) => offerer, state: 'funded', transition: 'refund', held: true },
    { party: ({ accepter }) => accepter, state: 'funded', transition: 'refund', held: true },
  ],
});

/**
 * A hash of what was agreed upon, for the parameter `terms`: both make the same instance of the same terms only.
 *
 * @returns 32 bytes.
 * @throws BiscolError `BISCOL_DLC_TERMS_INVALID`, `BISCOL_DLC_ANNOUNCEMENT_INVALID`, `BISCOL_INVALID_ARGUMENT`.
 */
export function dlcTermsDigest(terms: DlcTerms): Uint8Array {
  const { oracles, threshold, collateral, contract, tolerance, aggregation } = requireTerms('terms', terms);
  const text = JSON.stringify([
    'bitcoin-enterprise/biscol/dlc-terms',
    oracles.map((announcement) => toHex(encodeAnnouncement(announcement))),
    threshold,
    String(collateral),
    contractToJson(contract),
    tolerance === undefined
      ? null
      : [tolerance.maxErrorExponent, tolerance.minSupportExponent, tolerance.maximizeCoverage],
    aggregation,
  ]);
  return currentCrypto().sha256(new TextEncoder().encode(text));
}

const REACTION = 6;

/** Each gets his share of what both have agreed upon or an oracle has attested, or his collateral back; small shares aside. */
export const dlcGuarantees: Guarantees<typeof dlc> = defineGuarantees(dlc, {
  reaction: () => REACTION,
  sides: (params) => {
    const share = ([last]: readonly HistoryStep<typeof dlc>[]): bigint =>
      last?.transition === 'execute' || last?.transition === 'close' ? last.args.toOfferer : params.offererCollateral;
    const paidBy = ({ startHeight }: { readonly startHeight: number }): number => endOf(params, startHeight);
    return [
      { name: 'offerer', members: ['offerer'], least: ({ steps }) => paid(share(steps)), paidBy },
      {
        name: 'accepter',
        members: ['accepter'],
        least: ({ steps }) => paid(collateralOf(params) - share(steps)),
        paidBy,
      },
    ];
  },
  endsBy: (params, { startHeight }) => endOf(params, startHeight),
});

function endOf({ refundAfter }: { readonly refundAfter: number }, startHeight: number): number {
  return Math.max(startHeight, refundAfter) + REACTION;
}

function paid(share: bigint): bigint {
  return share < SMALLEST_SHARE ? 0n : share;
}
