import { currentCrypto, loadCrypto, parseHex, reverseBytes, toHex } from '@bitcoin-enterprise/core';
import { parseLaxDer, transactionId } from '@bitcoin-enterprise/script';
import { verifyEcdsaPresignature } from '@bitcoin-enterprise/wallet/multiparty';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeAnnouncement, dlcContractId, dlcOutcomes, encodeAnnouncement } from '../../src/dlc/index.ts';
import { parseFlow, termsOf, transactionsOf } from './support/flow.ts';
import { readTextVectors } from './support/vectors.ts';

/** Flows and how many transactions end each contract. */
const FLOWS = [
  ['enum_single_oracle', 4],
  ['enum_3_of_3', 4],
  ['enum_3_of_5', 40],
  ['single_oracle_numerical', 14],
  ['three_of_three_oracle_numerical', 14],
] as const;

beforeAll(async () => {
  await loadCrypto();
});

// These contracts are funded by a 2-of-2 script in P2WSH and signed with ECDSA; ours by a key of Taproot. What both
// share is tested: outcomes, their order, prefixes, payouts, anticipation points, fees, the contract's id.
describe.for(FLOWS)('the flow %s of dlcspecs', ([name, count]) => {
  const text = readTextVectors(`dlcspecs/${name}_test.json`);

  it.skipIf(text === undefined)('has the outcomes, points and payouts that both parties signed', () => {
    const flow = parseFlow(text as string);
    const outcomes = dlcOutcomes(termsOf(flow));
    expect(outcomes).toHaveLength(count);
    const { sighashOf } = transactionsOf(flow);
    const { cetLocktime } = flow.offer_message.message;
    for (const [party, { cetAdaptorSignatures }] of [
      [flow.accept_message.message, flow.accept_message.message],
      [flow.offer_message.message, flow.sign_message.message],
    ] as const) {
      const signatures = cetAdaptorSignatures.ecdsaAdaptorSignatures;
      expect(signatures).toHaveLength(count);
      const publicKey = parseHex(party.fundingPubkey);
      for (const [at, { anticipationPoint: adaptorPoint, payouts }] of outcomes.entries()) {
        const presignature = parseHex(signatures[at]?.signature ?? '');
        const facts = { messageHash: sighashOf(payouts, cetLocktime), publicKey, adaptorPoint };
        expect(verifyEcdsaPresignature(presignature, facts)).toBe(true);
        const other = outcomes[(at + 1) % count]?.anticipationPoint as Uint8Array;
        expect(verifyEcdsaPresignature(presignature, { ...facts, adaptorPoint: other })).toBe(false);
      }
    }
  });

  it.skipIf(text === undefined)('has the id and the refund that both parties signed', () => {
    const flow = parseFlow(text as string);
    const [offer, accept, sign] = [flow.offer_message, flow.accept_message, flow.sign_message].map(
      ({ message }) => message,
    ) as [typeof flow.offer_message.message, typeof flow.accept_message.message, typeof flow.sign_message.message];
    const { funding, fundingOutput, sighashOf } = transactionsOf(flow);
    const id = dlcContractId({
      fundingTxid: reverseBytes(transactionId(funding)),
      fundingOutput,
      temporaryContractId: parseHex(offer.temporaryContractId),
    });
    expect(toHex(id)).toBe(sign.contractId);
    const refund = { offer: BigInt(offer.offerCollateral), accept: BigInt(accept.acceptCollateral) };
    // The vectors' refunds pay the offering party first; Transactions.md has them sorted, as the other ends are.
    const hash = sighashOf(refund, offer.refundLocktime, 'offer first');
    for (const [key, signature] of [
      [accept.fundingPubkey, accept.refundSignature],
      [offer.fundingPubkey, sign.refundSignature],
    ] as const)
      expect(currentCrypto().ecdsaVerify(parseLaxDer(parseHex(signature)) as Uint8Array, hash, parseHex(key))).toBe(
        true,
      );
  });

  it.skipIf(text === undefined)('has announcements that are read and written byte for byte', () => {
    const flow = parseFlow(text as string);
    for (const announcement of termsOf(flow).oracles) {
      const bytes = encodeAnnouncement(announcement);
      expect(flow.offer_message.serialized).toContain(toHex(bytes));
      expect(decodeAnnouncement(bytes, { profile: 'plain' })).toEqual(announcement);
    }
  });
});
