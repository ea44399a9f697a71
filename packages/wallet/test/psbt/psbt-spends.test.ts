import { loadCrypto } from '@bitcoin-enterprise/core';
import { transactionWeight } from '@bitcoin-enterprise/script';
import { Transaction as ScureTransaction } from '@scure/btc-signer';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  combinePsbts,
  extractTransaction,
  finalizePsbt,
  parsePsbt,
  psbtToBase64,
  serializePsbt,
  signPsbt,
} from '../../src/index.ts';
import { randomPsbt } from './support/random-psbt.ts';

const RUNS = Number(process.env['BE_RUNS'] ?? (process.env['BE_LONG'] === '1' ? 20_000 : 600));
const SEED = Number(process.env['BE_SEED'] ?? 1);

beforeAll(async () => {
  await loadCrypto();
});

describe('a PSBT of any descriptor', () => {
  it(`is told, signed, combined, finalised and valid: ${RUNS} random ones`, () => {
    let spent = 0;
    for (let seed = SEED; seed < SEED + RUNS; seed++) {
      const random = randomPsbt(seed);
      if (random === undefined) continue;
      const { text, plan, rings } = random;
      const psbt = parsePsbt(psbtToBase64(random.psbt));
      // Each key signs alone, and what they made is combined.
      const parts = rings.map((ring) => signPsbt(psbt, ring));
      const signed = parts.length === 0 ? psbt : combinePsbts(parts);
      const tx = extractTransaction(finalizePsbt(signed));
      // Version, numbers of inputs and outputs, the output of 43 bytes, lock time; marker and flag.
      const beside = 4 * (4 + 1 + 1 + 43 + 4) + (tx.inputs[0]?.witness.length === 0 ? 0 : 2);
      const weight = transactionWeight(tx) - beside;
      if (weight > plan.weight.maximum) expect.fail(`seed ${seed}: ${text}: ${weight} of ${plan.weight.maximum}`);
      // It knows no bare multisig and no legacy script of its own.
      if (psbt.inputs[0]?.witnessUtxo !== undefined)
        ScureTransaction.fromPSBT(serializePsbt(signed), { allowUnknownInputs: true, allowUnknownOutputs: true });
      spent += 1;
    }
    expect(spent).toBeGreaterThan(RUNS / 3);
  });
});
