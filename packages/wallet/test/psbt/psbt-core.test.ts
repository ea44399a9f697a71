import { loadCrypto, toHex } from '@bitcoin-enterprise/core';
import { serializeTransaction } from '@bitcoin-enterprise/script';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dice } from '../../../descriptors/test/support/dice.ts';
import { findCore, startCore } from '../../../chain/test/support/core-node.ts';
import type { Bitcoind } from '../../../../scripts/nodes/bitcoind.ts';
import {
  combinePsbts,
  extractTransaction,
  finalizePsbt,
  parsePsbt,
  psbtToBase64,
  serializePsbt,
  signPsbt,
} from '../../src/index.ts';
import { PsbtReader } from '../../src/psbt/reader.ts';
import { randomPsbt } from './support/random-psbt.ts';

const RUNS = Number(process.env['BE_RUNS'] ?? (process.env['BE_LONG'] === '1' ? 5_000 : 250));
const SEED = Number(process.env['BE_SEED'] ?? 1);
const file = findCore('core-31');

/** The records of every map, in the order of their keys: what a PSBT says, however it is written. */
function recordsOf(text: string): readonly (readonly string[])[] {
  const reader = new PsbtReader(new Uint8Array(Buffer.from(text, 'base64')).subarray(5));
  const maps: string[][] = [];
  while (!reader.isAtEnd)
    maps.push(
      reader
        .map()
        .map(({ key, value }) => `${toHex(key)}=${toHex(value)}`)
        .sort(),
    );
  return maps;
}

beforeAll(async () => {
  await loadCrypto();
});

describe.skipIf(file === undefined)('PSBTs beside Bitcoin Core', () => {
  let node: Bitcoind;
  beforeAll(async () => {
    node = await startCore(file as string);
  });
  afterAll(async () => {
    await node.stop();
  });

  it(`are read, combined and finalised as Core does: ${RUNS} random descriptors`, async () => {
    let compared = 0;
    for (let seed = SEED; seed < SEED + RUNS; seed++) {
      const random = randomPsbt(seed, { version: 0 });
      if (random === undefined) continue;
      const parts = random.rings.map((ring) => signPsbt(random.psbt, ring));
      const signed = parts.length === 0 ? random.psbt : combinePsbts(parts);
      const texts = (parts.length === 0 ? [random.psbt] : parts).map((psbt) => psbtToBase64(psbt));
      const combined = await node.rpc<string>('combinepsbt', [texts]);
      if (JSON.stringify(recordsOf(combined)) !== JSON.stringify(recordsOf(psbtToBase64(signed))))
        expect.fail(`seed ${seed}: ${random.text}: combined as\n${combined}\nand not\n${psbtToBase64(signed)}`);
      const theirs = await node.rpc<{ hex?: string; complete: boolean }>('finalizepsbt', [combined]);
      const ours = toHex(serializeTransaction(extractTransaction(finalizePsbt(signed))));
      // Core does not satisfy every miniscript inside of P2SH that we can, and never a malleable one.
      if (theirs.complete && theirs.hex !== ours)
        expect.fail(`seed ${seed}: ${random.text}: finalised as\n${theirs.hex}\nand not\n${ours}`);
      if (theirs.complete) compared += 1;
    }
    expect(compared).toBeGreaterThan(RUNS / 4);
  });

  it(`are refused where Core refuses them: ${RUNS * 4} altered ones`, async () => {
    const counts = { both: 0, neither: 0 };
    for (let seed = SEED; seed < SEED + RUNS * 4; seed++) {
      const roll = dice(seed + 1_000_000);
      const random = randomPsbt(1 + roll.below(400), { version: 0 });
      if (random === undefined) continue;
      const signed = random.rings.reduce((psbt, ring) => signPsbt(psbt, ring), random.psbt);
      const bytes = serializePsbt(signed);
      for (let times = 1 + roll.below(2); times > 0; times--) bytes[roll.below(bytes.length)] = roll.below(256);
      const text = Buffer.from(bytes).toString('base64');
      let isTheirs = true;
      let theirWords = '';
      try {
        await node.rpc('decodepsbt', [text]);
      } catch (error) {
        isTheirs = false;
        theirWords = (error as Error).message;
      }
      let refusal: string | undefined;
      try {
        parsePsbt(bytes);
      } catch (error) {
        refusal = (error as Error).message;
      }
      if (isTheirs !== (refusal === undefined) && !isStricter(refusal))
        expect.fail(
          `seed ${seed}: Core ${isTheirs ? 'reads it' : `refuses it: ${theirWords}`}, we: ${refusal ?? 'read it'}\n${text}`,
        );
      counts[isTheirs ? 'both' : 'neither'] += 1;
    }
    expect(Math.min(counts.both, counts.neither)).toBeGreaterThan(RUNS / 8);
  });
});

/** Where we refuse what Core reads, on purpose. */
function isStricter(refusal: string | undefined): boolean {
  return refusal !== undefined && STRICTER.some((words) => refusal.includes(words));
}
/** Keys of Taproot that are no points of the curve; preimages that are none (BIP174: “must equal”); BIP370's fields in version 0; a leaf version that contradicts its control block. */
const STRICTER: readonly string[] = [
  'no key of 32 bytes',
  'a preimage that does not hash',
  'of version 2 alone',
  'not that of the control block',
];
