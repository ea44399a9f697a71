/** What farmer and insurer agree on. Each of them works all of it out by itself, from the deal: nobody is believed. */
import { type ContractInstance, fundingOutputs, instantiate } from '@bitcoin-enterprise/biscol';
import { dlc, dlcTermsDigest } from '@bitcoin-enterprise/biscol/contracts';
import {
  decodeAnnouncement,
  type EventDescriptor,
  type NumericContract,
  type DlcTerms,
} from '@bitcoin-enterprise/biscol/dlc';
import { displayHash, parseDisplayHash, parseHex, toHex } from '@bitcoin-enterprise/core';
import { parseDescriptor } from '@bitcoin-enterprise/descriptors';
import { transactionId } from '@bitcoin-enterprise/script';
import { createPsbt, describeInput, type Psbt, unsignedTransaction } from '@bitcoin-enterprise/wallet';

/** The offerer is the farmer. */
export const PARTIES = ['farmer', 'insurer'] as const;
export type PartyName = (typeof PARTIES)[number];
export const ORACLES = ['valley', 'hill', 'airport'] as const;
export type OracleName = (typeof ORACLES)[number];

/** Satoshis that each brings: a premium, and the sum insured. */
export const BROUGHT: Readonly<Record<PartyName, bigint>> = { farmer: 200_000n, insurer: 800_000n };
export const COLLATERAL: bigint = BROUGHT.farmer + BROUGHT.insurer;
/** Satoshis for the transaction that ends it. */
export const FEE_RESERVE = 500n;
/** Satoshis for the transaction that begins it. */
const FUNDING_FEE = 400n;
/** Satoshis of the coin that each of them spends. */
export const COIN: Readonly<Record<PartyName, bigint>> = {
  farmer: BROUGHT.farmer + (FEE_RESERVE + FUNDING_FEE) / 2n,
  insurer: BROUGHT.insurer + (FEE_RESERVE + FUNDING_FEE) / 2n,
};

/** Oracles attest whole numbers without a sign: degrees above this, in six binary digits. */
const COLDEST = -20;
export const TEMPERATURE: EventDescriptor = {
  kind: 'digits',
  base: 2,
  digits: 6,
  isSigned: false,
  unit: '°C above -20',
  precision: 0,
};
export const toOutcome = (celsius: number): bigint => BigInt(celsius - COLDEST);
export const toCelsius = (outcome: bigint): number => Number(outcome) + COLDEST;

const line = { kind: 'polynomial', points: [] } as const;
/** The farmer gets all of it from -5 °C down, nothing from 5 °C up, and a line between, in steps. */
export const CONTRACT: NumericContract = {
  kind: 'numeric',
  pieces: [
    { from: { outcome: toOutcome(-20), payout: COLLATERAL }, curve: line },
    { from: { outcome: toOutcome(-5), payout: COLLATERAL }, curve: line },
    { from: { outcome: toOutcome(5), payout: 0n }, curve: line },
  ],
  end: { outcome: toOutcome(43), payout: 0n },
  rounding: [{ from: 0n, modulus: 100_000n }],
};

/** A deal as it is sent around. */
export interface Deal {
  /** Announcements of the oracles, in hexadecimal. */
  readonly oracles: readonly string[];
  /** 33 bytes in hexadecimal. */
  readonly keys: Readonly<Record<PartyName, string>>;
  /** Script that each is paid to, in hexadecimal. */
  readonly payTo: Readonly<Record<PartyName, string>>;
  /** `txid:index` of the coin that each brings; it belongs to his key. */
  readonly coins: Readonly<Record<PartyName, string>>;
  /** Height from which on each gets back what he brought. */
  readonly refundAfter: number;
  readonly nonce: string;
}

export function termsOf({ oracles }: Deal): DlcTerms {
  return {
    oracles: oracles.map((announcement) => decodeAnnouncement(parseHex(announcement))),
    threshold: 2,
    collateral: COLLATERAL,
    contract: CONTRACT,
    // Up to 2 degrees apart they agree, from 4 degrees on they never do.
    tolerance: { maxErrorExponent: 2, minSupportExponent: 1, maximizeCoverage: false },
  };
}

export function instanceOf(deal: Deal): ContractInstance<typeof dlc> {
  const { keys, payTo, refundAfter, nonce } = deal;
  return instantiate(dlc, {
    network: 'regtest',
    nonce,
    params: {
      offerer: { key: keys.farmer, payTo: payTo.farmer },
      accepter: { key: keys.insurer, payTo: payTo.insurer },
      offererCollateral: BROUGHT.farmer,
      accepterCollateral: BROUGHT.insurer,
      feeReserve: FEE_RESERVE,
      terms: toHex(dlcTermsDigest(termsOf(deal))),
      refundAfter,
    },
  });
}

/** The coin of a key: a Taproot output that it alone can spend. */
export function coinOf(key: string): ReturnType<ReturnType<typeof parseDescriptor>['derive']> {
  return parseDescriptor(`tr(${key.slice(2)})`).derive(0);
}

/** The transaction that brings both coins together; its id is known before anybody has signed it. */
export function fundingOf(deal: Deal): { readonly psbt: Psbt; readonly outpoint: string } {
  const [funding] = fundingOutputs(instanceOf(deal));
  if (funding === undefined) throw new Error('a contract without an output');
  const psbt = createPsbt({
    version: 2,
    inputs: PARTIES.map((name) => {
      const [txid = '', index = ''] = deal.coins[name].split(':');
      const coin = coinOf(deal.keys[name]);
      return {
        previousTxid: parseDisplayHash(txid),
        previousIndex: Number(index),
        witnessUtxo: { value: COIN[name], scriptPubKey: coin.scriptPubKey },
        ...describeInput(coin),
      };
    }),
    outputs: [{ value: funding.value, scriptPubKey: funding.output.scriptPubKey }],
  });
  return { psbt, outpoint: `${displayHash(transactionId(unsignedTransaction(psbt)))}:0` };
}
