import { loadCrypto } from '@bitcoin-enterprise/core';
import { taprootOutput } from '@bitcoin-enterprise/script';
import { initEccLib, Psbt as BitcoinjsPsbt } from 'bitcoinjs-lib';
import * as ecc from 'tiny-secp256k1';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  fromBitcoinjsPsbt,
  fromBitcoinjsTransaction,
  toBitcoinjsPsbt,
  toBitcoinjsTransaction,
} from '../../src/bitcoinjs/index.ts';
import {
  createKeyRing,
  createPsbt,
  extractTransaction,
  finalizePsbt,
  psbtToBase64,
  signPsbt,
  toPsbtVersion,
} from '../../src/index.ts';

beforeAll(async () => {
  await loadCrypto();
  initEccLib(ecc);
});

const parts = () => {
  const ring = createKeyRing({ secretKeys: [new Uint8Array(32).fill(3)] });
  const internalKey = (ring.publicKeys[0] as Uint8Array).subarray(1);
  const { scriptPubKey } = taprootOutput({ internalKey });
  const psbt = createPsbt({
    inputs: [
      {
        previousTxid: new Uint8Array(32).fill(1),
        previousIndex: 1,
        witnessUtxo: { value: 10_000n, scriptPubKey },
        tapInternalKey: internalKey,
      },
    ],
    outputs: [{ value: 9_000n, scriptPubKey }],
  });
  return { ring, psbt };
};

describe('bitcoinjs-lib', () => {
  it('is handed a PSBT of version 2, and finalises what we signed', () => {
    const { ring, psbt } = parts();
    const theirs = toBitcoinjsPsbt(signPsbt(psbt, ring));
    const tx = theirs.finalizeAllInputs().extractTransaction();
    const ours = extractTransaction(finalizePsbt(fromBitcoinjsPsbt(toBitcoinjsPsbt(signPsbt(psbt, ring)))));
    expect(fromBitcoinjsTransaction(tx).inputs[0]?.witness[0]?.length).toBe(64);
    expect(toBitcoinjsTransaction(ours).getId()).toBe(tx.getId());
  });

  it('gives back the same PSBT', () => {
    const { ring, psbt } = parts();
    const old = toPsbtVersion(signPsbt(psbt, ring), 0);
    expect(psbtToBase64(fromBitcoinjsPsbt(toBitcoinjsPsbt(old)))).toBe(psbtToBase64(old));
  });

  it('is read without inputs, without outputs, and without either', () => {
    const output = { value: 5n, script: Uint8Array.of(0x51) };
    const input = { hash: new Uint8Array(32), index: 0 };
    const made = [new BitcoinjsPsbt(), new BitcoinjsPsbt().addInput(input), new BitcoinjsPsbt().addOutput(output)];
    expect(
      made.map((psbt) => fromBitcoinjsPsbt(psbt)).map(({ inputs, outputs }) => [inputs.length, outputs.length]),
    ).toEqual([
      [0, 0],
      [1, 0],
      [0, 1],
    ]);
  });

  it('is refused what it lets through', () => {
    const bad = { txOutputs: [], inputCount: 1, toBuffer: () => Uint8Array.of(1, 2, 3) } as unknown as BitcoinjsPsbt;
    expect(() => fromBitcoinjsPsbt(bad)).toThrow(expect.objectContaining({ code: 'WALLET_PSBT_MALFORMED' }));
    expect(() => fromBitcoinjsPsbt({} as BitcoinjsPsbt)).toThrow(
      expect.objectContaining({ code: 'WALLET_INVALID_ARGUMENT' }),
    );
  });
});
