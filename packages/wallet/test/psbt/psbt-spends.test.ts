import { currentCrypto, loadCrypto, toHex } from '@bitcoin-enterprise/core';
import { parseDescriptor, planSpend, type SpendAssets } from '@bitcoin-enterprise/descriptors';
import { serializeTransaction, transactionWeight } from '@bitcoin-enterprise/script';
import { Transaction as ScureTransaction } from '@scure/btc-signer';
import { beforeAll, describe, expect, it } from 'vitest';
import { dice, type Dice } from '../../../descriptors/test/support/dice.ts';
import { preimageOf } from '../../../descriptors/test/support/random-miniscript.ts';
import { secretOf } from '../../../descriptors/test/support/signing.ts';
import { spendableDescriptor } from '../../../descriptors/test/support/spendable-descriptor.ts';
import {
  combinePsbts,
  createKeyRing,
  createPsbt,
  describeInput,
  extractTransaction,
  finalizePsbt,
  parsePsbt,
  psbtToBase64,
  serializePsbt,
  signPsbt,
} from '../../src/index.ts';

const RUNS = Number(process.env['BE_RUNS'] ?? (process.env['BE_LONG'] === '1' ? 20_000 : 600));
const SEED = Number(process.env['BE_SEED'] ?? 1);

beforeAll(async () => {
  await loadCrypto();
});

function randomAssets(roll: Dice): SpendAssets & { readonly height: number; readonly confirmations: number } {
  const known = new Map<string, boolean>();
  const decide = (name: string): boolean => {
    const before = known.get(name) ?? !roll.oneIn(4);
    known.set(name, before);
    return before;
  };
  return {
    canSign: (key) => decide(toHex(key.publicKey.subarray(1, 33))),
    hasPreimage: (_name, hash) => decide(toHex(hash)),
    height: roll.below(130),
    confirmations: roll.below(40),
    lowR: true,
  };
}

describe('a PSBT of any descriptor', () => {
  it(`is told, signed, combined, finalised and valid: ${RUNS} random ones`, () => {
    let spent = 0;
    for (let seed = SEED; seed < SEED + RUNS; seed++) {
      const roll = dice(seed);
      const { text, scriptIndex } = spendableDescriptor(roll);
      const output = parseDescriptor(text).derive();
      const assets = randomAssets(roll);
      const plan = planSpend(output, assets, { scriptIndex });
      if (!plan.ok) continue;
      // A combo() describes its wrapped form alone, and which is spent is the wallet's to say.
      if (text.startsWith('combo')) continue;
      const scriptPubKey = output.scripts[scriptIndex] as Uint8Array;
      const previous = serializeTransaction({
        version: 2,
        inputs: [
          {
            previousTxid: new Uint8Array(32),
            previousIndex: seed,
            scriptSig: new Uint8Array(0),
            sequence: 0,
            witness: [],
          },
        ],
        outputs: [{ value: 100_000n, scriptPubKey }],
        lockTime: 0,
      });
      const needsWhole = output.witnessScript === undefined && output.taproot === undefined;
      const version = roll.oneIn(2) ? 0 : 2;
      const preimages = plan.items.flatMap((item) =>
        item.kind === 'preimage'
          ? [
              {
                hashFunction: item.hashFunction,
                hash: item.hash,
                preimage: preimageOf(item.hashFunction, item.hash) as Uint8Array,
              },
            ]
          : [],
      );
      const input = {
        ...describeInput(output, roll.oneIn(2) ? plan : undefined),
        previousTxid: currentCrypto().hash256(previous),
        previousIndex: 0,
        sequence: plan.sequence,
        ...(needsWhole ? { nonWitnessUtxo: previous } : { witnessUtxo: { value: 100_000n, scriptPubKey } }),
        preimages,
      };
      const created = createPsbt({
        version,
        lockTime: plan.lockTime,
        inputs: [input],
        outputs: [{ value: 90_000n, scriptPubKey: Uint8Array.of(0x51, 0x20, ...new Uint8Array(32).fill(9)) }],
      });
      const psbt = parsePsbt(psbtToBase64(created));
      // Each key signs alone, and what they made is combined.
      const rings = plan.signers.map((key) => createKeyRing({ secretKeys: [secretOf(key.bytes)] }));
      const parts = rings.map((ring) => signPsbt(psbt, ring));
      const signed = parts.length === 0 ? psbt : combinePsbts(parts);
      const tx = extractTransaction(finalizePsbt(signed));
      // Version, numbers of inputs and outputs, the output of 43 bytes, lock time; marker and flag.
      const beside = 4 * (4 + 1 + 1 + 43 + 4) + (tx.inputs[0]?.witness.length === 0 ? 0 : 2);
      const weight = transactionWeight(tx) - beside;
      if (weight > plan.weight.maximum) expect.fail(`seed ${seed}: ${text}: ${weight} of ${plan.weight.maximum}`);
      // It knows no bare multisig and no legacy script of its own.
      if (output.witnessScript !== undefined || output.taproot !== undefined)
        ScureTransaction.fromPSBT(serializePsbt(signed), { allowUnknownInputs: true, allowUnknownOutputs: true });
      spent += 1;
    }
    expect(spent).toBeGreaterThan(RUNS / 3);
  });
});
