import {
  concatBytes,
  currentCrypto,
  decodeAddress,
  feeRate,
  loadCrypto,
  parseHex,
  toHex,
} from '@bitcoin-enterprise/core';
import { parseTransaction, type Transaction, transactionId } from '@bitcoin-enterprise/script';
import { SecretBytes } from '@bitcoin-enterprise/wallet/keys';
import { beforeAll, describe, expect, it } from 'vitest';
import { attestationMessage, dlcContractId, dlcFees, signaturePoint, signWithNonce } from '../../src/dlc/index.ts';
import { readJsonVectors } from './support/vectors.ts';

beforeAll(async () => {
  await loadCrypto();
});

interface SchnorrVector {
  readonly inputs: { readonly privKey: string; readonly privNonce: string; readonly msgHash: string };
  readonly pubKey: string;
  readonly pubNonce: string;
  readonly signature: string;
  readonly sigPoint: string;
}
const schnorr = readJsonVectors<readonly SchnorrVector[]>('dlcspecs/dlc_schnorr_test.json');

describe.skipIf(schnorr === undefined)('dlc_schnorr_test.json', () => {
  it('has five rows', () => expect(schnorr).toHaveLength(5));

  it.for(schnorr ?? [])('signs with an announced nonce, and anticipates: $pubKey', (vector) => {
    const message = parseHex(vector.inputs.msgHash);
    const secretKey = new SecretBytes(parseHex(vector.inputs.privKey));
    const secretNonce = new SecretBytes(parseHex(vector.inputs.privNonce));
    expect(toHex(signWithNonce({ secretKey, secretNonce, message }))).toBe(vector.signature);
    const facts = { oraclePublicKey: parseHex(vector.pubKey), nonce: parseHex(vector.pubNonce), message };
    expect(toHex(signaturePoint(facts) ?? new Uint8Array())).toBe(vector.sigPoint);
  });
});

interface HashVector {
  readonly Variants: readonly string[];
  readonly Expected: string;
  readonly SHA256: string;
  readonly Description: string;
}
const hashes = readJsonVectors<readonly HashVector[]>('dlcspecs/dlc_hash_test.json');

describe.skipIf(hashes === undefined)('dlc_hash_test.json', () => {
  it('has six rows', () => expect(hashes).toHaveLength(6));

  it.for(hashes ?? [])('normalises outcomes before it hashes them: $Description', ({ Variants, SHA256 }) => {
    for (const variant of Variants) expect(toHex(attestationMessage(variant, 'plain'))).toBe(SHA256);
  });
});

interface IdVector {
  readonly fundTxId: string;
  readonly fundOutputIndex: number;
  readonly temporaryContractId: string;
  readonly contractId: string;
}
const ids = readJsonVectors<readonly IdVector[]>('dlcspecs/contract_id_test.json');

describe.skipIf(ids === undefined)('contract_id_test.json', () => {
  it('has four rows', () => expect(ids).toHaveLength(4));

  it.for(ids ?? [])('names a contract: $contractId', (vector) => {
    const id = dlcContractId({
      fundingTxid: parseHex(vector.fundTxId),
      fundingOutput: vector.fundOutputIndex,
      temporaryContractId: parseHex(vector.temporaryContractId),
    });
    expect(toHex(id)).toBe(vector.contractId);
  });
});

interface FeeInputs {
  readonly redeemScriptLen: number;
  readonly maxWitnessLen: number;
}
interface FeeVector {
  readonly inputs: {
    readonly offerInputs: readonly FeeInputs[];
    readonly offerPayoutSPKLen: number;
    readonly offerChangeSPKLen: number;
    readonly acceptInputs: readonly FeeInputs[];
    readonly acceptPayoutSPKLen: number;
    readonly acceptChangeSPKLen: number;
    readonly feeRate: number;
  };
  readonly offerFundingFee: number;
  readonly offerClosingFee: number;
  readonly acceptFundingFee: number;
  readonly acceptClosingFee: number;
}
const fees = readJsonVectors<readonly FeeVector[]>('dlcspecs/dlc_fee_test.json');
const scripts = readJsonVectors<ReadonlyArray<{ byteLen: number; script: string }>>(
  'dlcspecs/dlc_fee_test_scripts.json',
);

const sizesOf = (inputs: readonly FeeInputs[], payoutScriptLength: number, changeScriptLength: number) => ({
  inputs: inputs.map(({ redeemScriptLen, maxWitnessLen }) => ({
    // The redeem script and the byte that pushes it.
    scriptSigLength: redeemScriptLen === 0 ? 0 : redeemScriptLen + 1,
    maxWitnessLength: maxWitnessLen,
  })),
  payoutScriptLength,
  changeScriptLength,
});

describe.skipIf(fees === undefined || scripts === undefined)('dlc_fee_test.json', () => {
  it('computes all 472 rows of fees', () => {
    expect(fees).toHaveLength(472);
    for (const { inputs, ...expected } of fees ?? []) {
      const options = { rate: feeRate(BigInt(inputs.feeRate) * 1_000n), fundingOutput: 'p2wsh-multisig' } as const;
      const offer = dlcFees(sizesOf(inputs.offerInputs, inputs.offerPayoutSPKLen, inputs.offerChangeSPKLen), options);
      const accept = dlcFees(
        sizesOf(inputs.acceptInputs, inputs.acceptPayoutSPKLen, inputs.acceptChangeSPKLen),
        options,
      );
      expect({
        offerFundingFee: Number(offer.funding),
        offerClosingFee: Number(offer.closing),
        acceptFundingFee: Number(accept.funding),
        acceptClosingFee: Number(accept.closing),
      }).toEqual(expected);
    }
  });

  it('is made of the scripts of dlc_fee_test_scripts.json, whose lengths are theirs', () => {
    expect(scripts).toHaveLength(11);
    const lengths = new Set((scripts ?? []).map(({ byteLen }) => byteLen));
    for (const { byteLen, script } of scripts ?? []) expect(script.length / 2).toBe(byteLen);
    for (const { inputs } of fees ?? [])
      for (const length of [inputs.offerPayoutSPKLen, inputs.acceptPayoutSPKLen, inputs.offerChangeSPKLen])
        expect(lengths).toContain(length);
  });
});

interface PartyInputs {
  readonly collateral: number;
  readonly fundingInputTxs: ReadonlyArray<{
    readonly tx: string;
    readonly idx: number;
    readonly maxWitnessLen: number;
    readonly redeemScript?: string;
  }>;
  readonly changeAddress: string;
  readonly payoutAddress: string;
  readonly fundingPrivKey: string;
}
interface TransactionInputs {
  readonly params: {
    readonly oracleInfo: { readonly publicKey: string; readonly nonce: string };
    readonly contractInfo: ReadonlyArray<{ readonly outcome: string; readonly localPayout: number }>;
    readonly contractMaturityBound: number;
    readonly contractTimeout: number;
    readonly feeRate: number;
    readonly realOutcome: string;
    readonly oracleSignature: string;
  };
  readonly offerParams: PartyInputs;
  readonly acceptParams: PartyInputs;
}
interface Transactions {
  readonly fundingTx: string;
  readonly cets: readonly string[];
  readonly refundTx: string;
}
const transactions =
  readJsonVectors<ReadonlyArray<{ inputs: TransactionInputs; txs: Transactions }>>('dlcspecs/dlc_tx_test.json');
const contracts =
  readJsonVectors<ReadonlyArray<{ testInputs: TransactionInputs; unsignedTxs: Transactions }>>(
    'dlcspecs/dlc_test.json',
  );
const cases = [
  ...(transactions ?? []),
  ...(contracts ?? []).map(({ testInputs, unsignedTxs }) => ({ inputs: testInputs, txs: unsignedTxs })),
];

/** The funding transaction of an old contract without signatures, and the script of its funding output. */
function fundingOf({ params, offerParams, acceptParams }: TransactionInputs) {
  const parties = [offerParams, acceptParams].map((party) => {
    const funds = party.fundingInputTxs.map(({ tx, idx }) => ({ previous: parseTransaction(parseHex(tx)), idx }));
    const { funding, closing } = dlcFees(
      {
        inputs: party.fundingInputTxs.map(({ redeemScript = '', maxWitnessLen }) => ({
          scriptSigLength: redeemScript === '' ? 0 : redeemScript.length / 2 + 1,
          maxWitnessLength: maxWitnessLen,
        })),
        payoutScriptLength: scriptOf(party.payoutAddress).length,
        changeScriptLength: scriptOf(party.changeAddress).length,
      },
      { rate: feeRate(BigInt(params.feeRate) * 1_000n), fundingOutput: 'p2wsh-multisig' },
    );
    const brought = funds.reduce((sum, { previous, idx }) => sum + (previous.outputs[idx]?.value ?? 0n), 0n);
    const change = brought - BigInt(party.collateral) - funding - closing;
    return { funds, closing, change: { value: change, scriptPubKey: scriptOf(party.changeAddress) } };
  });
  const keys = [offerParams, acceptParams]
    .map(({ fundingPrivKey }) => toHex(currentCrypto().publicKey(parseHex(fundingPrivKey)) as Uint8Array))
    .toSorted();
  const script = parseHex(`5221${keys.join('21')}52ae`);
  const collateral = BigInt(offerParams.collateral) + BigInt(acceptParams.collateral);
  const value = parties.reduce((sum, { closing }) => sum + closing, collateral);
  const scriptPubKey = concatBytes(Uint8Array.of(0, 32), currentCrypto().sha256(script));
  return {
    script,
    outpoints: parties.flatMap(({ funds }) =>
      funds.map(({ previous, idx }) => `${toHex(transactionId(previous))}:${idx}`),
    ),
    outputs: [{ value, scriptPubKey }, ...parties.map(({ change }) => change)],
  };
}

function scriptOf(address: string): Uint8Array {
  return decodeAddress(address, 'regtest').scriptPubKey;
}

const outputsOf = ({ outputs }: Transaction): string[] =>
  outputs.map(({ value, scriptPubKey }) => `${value} ${toHex(scriptPubKey)}`);

// The whole transactions are of before Taproot. Their amounts, fees, order, lock times and what is not paid because it
// is dust hold for ours as well.
describe.skipIf(transactions === undefined || contracts === undefined)('dlc_tx_test.json and dlc_test.json', () => {
  it('have 27 and 21 contracts', () => expect([transactions?.length, contracts?.length]).toEqual([27, 21]));

  it.for(cases)('funds and ends the contract (%#)', ({ inputs, txs }) => {
    const { params, offerParams, acceptParams } = inputs;
    const expected = fundingOf(inputs);
    const funding = parseTransaction(parseHex(txs.fundingTx));
    expect(outputsOf(funding)).toEqual(
      expected.outputs.map(({ value, scriptPubKey }) => `${value} ${toHex(scriptPubKey)}`),
    );
    expect(funding.inputs.map(({ previousTxid, previousIndex }) => `${toHex(previousTxid)}:${previousIndex}`)).toEqual(
      expected.outpoints,
    );
    const collateral = offerParams.collateral + acceptParams.collateral;
    const paid = (offer: number, accept: number): string[] =>
      [[offer, offerParams] as const, [accept, acceptParams] as const]
        .filter(([value]) => value >= 1_000)
        .map(([value, { payoutAddress }]) => `${value} ${toHex(scriptOf(payoutAddress))}`);
    const ends = txs.cets.map((cet) => parseTransaction(parseHex(cet)));
    // Some rows name their transactions in another order than their outcomes.
    const byText = (rows: readonly string[][]): string[] => rows.map((row) => row.join(', ')).toSorted();
    expect(byText(ends.map(outputsOf))).toEqual(
      byText(params.contractInfo.map(({ localPayout }) => paid(localPayout, collateral - localPayout))),
    );
    const refund = parseTransaction(parseHex(txs.refundTx));
    expect(outputsOf(refund)).toEqual(paid(offerParams.collateral, acceptParams.collateral));
    for (const [end, lockTime] of [
      ...ends.map((one) => [one, params.contractMaturityBound] as const),
      [refund, params.contractTimeout] as const,
    ]) {
      expect([end.version, end.lockTime, end.inputs.length]).toEqual([2, lockTime, 1]);
      expect(end.inputs[0]).toMatchObject({
        previousTxid: transactionId(funding),
        previousIndex: 0,
        sequence: 0xffff_fffe,
      });
      expect(end.inputs[0]?.witness.at(-1)).toEqual(expected.script);
    }
  });

  it.for(cases)('anticipates the signature of the oracle (%#)', ({ inputs: { params } }) => {
    const signature = parseHex(params.oracleSignature);
    const [oraclePublicKey, nonce] = [parseHex(params.oracleInfo.publicKey), parseHex(params.oracleInfo.nonce)];
    const message = parseHex(params.realOutcome);
    expect(currentCrypto().schnorrVerify(signature, message, oraclePublicKey)).toBe(true);
    const point = signaturePoint({ oraclePublicKey, nonce, message });
    expect(point).toEqual(currentCrypto().publicKey(signature.slice(32)));
  });

  // dlc_message_test.json is not run: its eight rows are record types (contract_info_v0 and others) and whole messages of
  // a protocol of 2020 that no later version reads, and this package exchanges none of them.
});
