/**
 * The flows of dlcspecs: an offer, its acceptance and its signature, as JSON, and the transactions that they are about.
 * Those are of before Taproot (a 2-of-2 script in P2WSH, ECDSA), which the package does not build: they are built here,
 * so that what both kinds share is held against them.
 */
import { concatBytes, currentCrypto, feeRate, parseHex, toHex } from '@bitcoin-enterprise/core';
import { parseTransaction, sighashWitnessV0, transactionId, type Transaction } from '@bitcoin-enterprise/script';
import {
  type DlcContract,
  dlcFees,
  type DlcPayouts,
  type DlcTerms,
  type EventDescriptor,
  type OracleAnnouncement,
  type PayoutCurve,
  type PayoutPoint,
} from '../../../src/dlc/index.ts';

type DescriptorJson =
  | { readonly enumEvent: { readonly outcomes: readonly string[] } }
  | {
      readonly digitDecompositionEvent: {
        readonly base: number;
        readonly isSigned: boolean;
        readonly unit: string;
        readonly precision: number;
        readonly nbDigits: number;
      };
    };

interface AnnouncementJson {
  readonly announcementSignature: string;
  readonly oraclePublicKey: string;
  readonly oracleEvent: {
    readonly oracleNonces: readonly string[];
    readonly eventMaturityEpoch: number;
    readonly eventDescriptor: DescriptorJson;
    readonly eventId: string;
  };
}

interface PointJson {
  readonly eventOutcome: number;
  readonly outcomePayout: number;
  readonly extraPrecision: number;
}

interface PartyJson {
  readonly fundingPubkey: string;
  readonly payoutSpk: string;
  readonly payoutSerialId: string;
  readonly fundingInputs: ReadonlyArray<{
    readonly inputSerialId: string;
    readonly prevTx: string;
    readonly prevTxVout: number;
    readonly sequence: number;
    readonly maxWitnessLen: number;
    readonly redeemScript: string;
  }>;
  readonly changeSpk: string;
  readonly changeSerialId: string;
}

interface SignaturesJson {
  readonly cetAdaptorSignatures: { readonly ecdsaAdaptorSignatures: ReadonlyArray<{ readonly signature: string }> };
  readonly refundSignature: string;
}

/** A whole flow; its 64-bit numbers are texts. */
export interface FlowJson {
  readonly offer_message: {
    readonly serialized: string;
    readonly message: PartyJson & {
      readonly temporaryContractId: string;
      readonly contractInfo: {
        readonly singleContractInfo: {
          readonly totalCollateral: number;
          readonly contractInfo: {
            readonly contractDescriptor: {
              readonly enumeratedContractDescriptor?: {
                readonly payouts: ReadonlyArray<{ readonly outcome: string; readonly localPayout: number }>;
              };
              readonly numericOutcomeContractDescriptor?: {
                readonly payoutFunction: {
                  readonly payoutFunctionPieces: ReadonlyArray<{
                    readonly endPoint: PointJson;
                    readonly payoutCurvePiece: {
                      readonly polynomialPayoutCurvePiece: { readonly payoutPoints: readonly PointJson[] };
                    };
                  }>;
                  readonly lastEndpoint: PointJson;
                };
                readonly roundingIntervals: {
                  readonly intervals: ReadonlyArray<{ readonly beginInterval: number; readonly roundingMod: number }>;
                };
              };
            };
            readonly oracleInfo: {
              readonly single?: { readonly oracleAnnouncement: AnnouncementJson };
              readonly multi?: {
                readonly threshold: number;
                readonly oracleAnnouncements: readonly AnnouncementJson[];
              };
            };
          };
        };
      };
      readonly offerCollateral: number;
      readonly fundOutputSerialId: string;
      readonly feeRatePerVb: number;
      readonly cetLocktime: number;
      readonly refundLocktime: number;
    };
  };
  readonly accept_message: { readonly message: PartyJson & SignaturesJson & { readonly acceptCollateral: number } };
  readonly sign_message: { readonly message: SignaturesJson & { readonly contractId: string } };
}

/** Reads a flow; serial numbers are beyond 2^53, so that they stay texts. */
export function parseFlow(text: string): FlowJson {
  return JSON.parse(text.replaceAll(/("\w*[sS]erialId": ?)(\d+)/g, '$1"$2"')) as FlowJson;
}

/** The terms of a flow, in the words of the package. */
export function termsOf({ offer_message: { message } }: FlowJson): DlcTerms {
  const { totalCollateral, contractInfo } = message.contractInfo.singleContractInfo;
  const { single, multi } = contractInfo.oracleInfo;
  const announcements = single === undefined ? (multi?.oracleAnnouncements ?? []) : [single.oracleAnnouncement];
  return {
    oracles: announcements.map(announcementOf),
    threshold: multi?.threshold ?? 1,
    collateral: BigInt(totalCollateral),
    contract: contractOf(contractInfo.contractDescriptor),
    aggregation: 'sum',
  };
}

function announcementOf(json: AnnouncementJson): OracleAnnouncement {
  const { oracleNonces, eventMaturityEpoch, eventDescriptor, eventId } = json.oracleEvent;
  const descriptor: EventDescriptor =
    'enumEvent' in eventDescriptor
      ? { kind: 'enumerated', outcomes: eventDescriptor.enumEvent.outcomes }
      : {
          kind: 'digits',
          base: eventDescriptor.digitDecompositionEvent.base,
          isSigned: eventDescriptor.digitDecompositionEvent.isSigned,
          unit: eventDescriptor.digitDecompositionEvent.unit,
          precision: eventDescriptor.digitDecompositionEvent.precision,
          digits: eventDescriptor.digitDecompositionEvent.nbDigits,
        };
  return {
    profile: 'plain',
    signature: parseHex(json.announcementSignature),
    oraclePublicKey: parseHex(json.oraclePublicKey),
    event: { eventId, maturity: eventMaturityEpoch, nonces: oracleNonces.map((nonce) => parseHex(nonce)), descriptor },
  };
}

function contractOf(
  json: FlowJson['offer_message']['message']['contractInfo']['singleContractInfo']['contractInfo']['contractDescriptor'],
): DlcContract {
  const { enumeratedContractDescriptor: enumerated, numericOutcomeContractDescriptor: numeric } = json;
  if (enumerated !== undefined)
    return {
      kind: 'enumerated',
      payouts: enumerated.payouts.map(({ outcome, localPayout }) => ({ outcome, payout: BigInt(localPayout) })),
    };
  if (numeric === undefined) throw new Error('a contract of no known kind');
  const point = ({ eventOutcome, outcomePayout, extraPrecision }: PointJson): PayoutPoint => ({
    outcome: BigInt(eventOutcome),
    payout: BigInt(outcomePayout),
    extraPrecision,
  });
  const { payoutFunctionPieces, lastEndpoint } = numeric.payoutFunction;
  return {
    kind: 'numeric',
    pieces: payoutFunctionPieces.map(({ endPoint, payoutCurvePiece }) => {
      const curve: PayoutCurve = {
        kind: 'polynomial',
        points: payoutCurvePiece.polynomialPayoutCurvePiece.payoutPoints.map(point),
      };
      return { from: point(endPoint), curve };
    }),
    end: point(lastEndpoint),
    rounding: numeric.roundingIntervals.intervals.map(({ beginInterval, roundingMod }) => ({
      from: BigInt(beginInterval),
      modulus: BigInt(roundingMod),
    })),
  };
}

/** What a flow's signatures are about. */
export interface FlowTransactions {
  readonly funding: Transaction;
  readonly fundingOutput: number;
  /** The hash that both sign for an end of the contract; its outputs are sorted unless told otherwise. */
  sighashOf(payouts: DlcPayouts, lockTime: number, order?: 'sorted' | 'offer first'): Uint8Array;
}

/** The transactions of a flow (dlcspecs, Transactions.md). */
export function transactionsOf(flow: FlowJson): FlowTransactions {
  const [offer, accept] = [flow.offer_message.message, flow.accept_message.message];
  const rate = feeRate(BigInt(offer.feeRatePerVb) * 1_000n);
  const partyOf = (party: PartyJson, collateral: bigint) => {
    const scriptSigLength = (redeemScript: string): number => (redeemScript === '' ? 0 : 1 + redeemScript.length / 2);
    const fees = dlcFees(
      {
        inputs: party.fundingInputs.map(({ redeemScript, maxWitnessLen }) => ({
          scriptSigLength: scriptSigLength(redeemScript),
          maxWitnessLength: maxWitnessLen,
        })),
        payoutScriptLength: party.payoutSpk.length / 2,
        changeScriptLength: party.changeSpk.length / 2,
      },
      { rate, fundingOutput: 'p2wsh-multisig' },
    );
    const inputs = party.fundingInputs.map((input) => {
      const previous = parseTransaction(parseHex(input.prevTx));
      return {
        serial: BigInt(input.inputSerialId),
        value: previous.outputs[input.prevTxVout]?.value ?? 0n,
        previousTxid: transactionId(previous),
        previousIndex: input.prevTxVout,
        sequence: input.sequence,
        scriptSig: new Uint8Array(),
        witness: [],
      };
    });
    const change = inputs.reduce((sum, { value }) => sum + value, 0n) - collateral - fees.funding - fees.closing;
    return { fees, inputs, change: { serial: BigInt(party.changeSerialId), value: change, spk: party.changeSpk } };
  };
  const parties = [
    partyOf(offer, BigInt(offer.offerCollateral)),
    partyOf(accept, BigInt(accept.acceptCollateral)),
  ] as const;
  const keys = [offer.fundingPubkey, accept.fundingPubkey].toSorted().map((key) => parseHex(key));
  const script = concatBytes(
    parseHex('5221'),
    keys[0] as Uint8Array,
    parseHex('21'),
    keys[1] as Uint8Array,
    parseHex('52ae'),
  );
  const collateral = BigInt(offer.offerCollateral) + BigInt(accept.acceptCollateral);
  const value = collateral + parties[0].fees.closing + parties[1].fees.closing;
  const bySerial = <Item extends { readonly serial: bigint }>(items: readonly Item[]): Item[] =>
    items.toSorted((x, y) => (x.serial < y.serial ? -1 : 1));
  const funded = { serial: BigInt(offer.fundOutputSerialId), value, spk: wshOf(script) };
  const outputs = bySerial([funded, parties[0].change, parties[1].change]);
  const funding: Transaction = {
    version: 2,
    inputs: bySerial([...parties[0].inputs, ...parties[1].inputs]),
    outputs: outputs.map((output) => ({ value: output.value, scriptPubKey: parseHex(output.spk) })),
    lockTime: 0,
  };
  const fundingOutput = outputs.indexOf(funded);
  return {
    funding,
    fundingOutput,
    sighashOf(payouts, lockTime, order = 'sorted') {
      const both = [
        { serial: BigInt(offer.payoutSerialId), value: payouts.offer, spk: offer.payoutSpk },
        { serial: BigInt(accept.payoutSerialId), value: payouts.accept, spk: accept.payoutSpk },
      ];
      const paid = (order === 'sorted' ? bySerial(both) : both).filter((output) => output.value >= 1_000n);
      const tx: Transaction = {
        version: 2,
        inputs: [
          {
            previousTxid: transactionId(funding),
            previousIndex: fundingOutput,
            sequence: 0xffff_fffe,
            scriptSig: new Uint8Array(),
            witness: [],
          },
        ],
        outputs: paid.map((output) => ({ value: output.value, scriptPubKey: parseHex(output.spk) })),
        lockTime,
      };
      return sighashWitnessV0({ tx, inputIndex: 0, value, scriptCode: script, hashType: 1 });
    },
  };
}

function wshOf(script: Uint8Array): string {
  return `0020${toHex(currentCrypto().sha256(script))}`;
}
