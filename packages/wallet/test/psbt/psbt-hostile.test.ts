import { loadCrypto, SuiteError } from '@bitcoin-enterprise/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { dice, type Dice } from '../../../descriptors/test/support/dice.ts';
import {
  addPsbtInput,
  addPsbtOutput,
  combinePsbts,
  createKeyRing,
  createPsbt,
  extractTransaction,
  finalizePsbtInputs,
  type KeyRing,
  parsePsbt,
  type Psbt,
  psbtId,
  psbtLockTime,
  psbtToBase64,
  serializePsbt,
  signPsbt,
  toPsbtVersion,
  unsignedTransaction,
  updatePsbtInput,
} from '../../src/index.ts';
import { aggregateMusigPsbt, musigPlacesOf } from '../../src/multiparty/index.ts';
import { readJsonVectors } from '../support/vectors.ts';

const RUNS = Number(process.env['BE_RUNS'] ?? (process.env['BE_LONG'] === '1' ? 1_000_000 : 15_000));
const SEED = Number(process.env['BE_SEED'] ?? 1);
const vectors = readJsonVectors<Readonly<Record<string, readonly { readonly psbt: string }[]>>>(
  'derived/bip_psbt_vectors.json',
);
const corpus = Object.values(vectors ?? {}).flatMap((rows) =>
  rows.map(({ psbt }) => new Uint8Array(Buffer.from(psbt, 'base64'))),
);

beforeAll(async () => {
  await loadCrypto();
});

function mutated(roll: Dice): Uint8Array {
  const pick = (): Uint8Array => corpus[roll.below(corpus.length)] as Uint8Array;
  let bytes: Uint8Array = new Uint8Array(pick());
  for (let times = 1 + roll.below(3); times > 0; times--) {
    const at = roll.below(bytes.length + 1);
    switch (roll.below(6)) {
      case 0:
        bytes[at] = roll.below(256);
        break;
      case 1:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << roll.below(8));
        break;
      case 2:
        bytes = bytes.slice(0, at);
        break;
      case 3: {
        const other = pick();
        const from = roll.below(other.length);
        bytes = Uint8Array.of(
          ...bytes.subarray(0, at),
          ...other.subarray(from, from + roll.below(200)),
          ...bytes.subarray(at),
        );
        break;
      }
      case 4:
        bytes = Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(at + roll.below(40)));
        break;
      default:
        // A length that promises too much.
        bytes = Uint8Array.of(...bytes.subarray(0, at), 0xfe, 0xff, 0xff, 0xff, roll.below(256), ...bytes.subarray(at));
    }
  }
  return bytes;
}

/** All that may be done with a PSBT of a stranger. */
function use(psbt: Psbt, ring: KeyRing): void {
  const steps: readonly (() => unknown)[] = [
    () => psbtLockTime(psbt),
    () => psbtId(psbt),
    () => toPsbtVersion(psbt, psbt.version === 0 ? 2 : 0),
    () => combinePsbts([psbt, psbt]),
    () => signPsbt(psbt, ring),
    () => aggregateMusigPsbt(psbt),
    () => musigPlacesOf(psbt),
    () => extractTransaction(finalizePsbtInputs(psbt).psbt),
  ];
  for (const step of steps)
    try {
      step();
    } catch (error) {
      if (!(error instanceof SuiteError)) throw error;
    }
}

describe('what strangers send as a PSBT', () => {
  it.skipIf(vectors === undefined)(`is read, or refused with a code and a place: ${RUNS} altered ones`, () => {
    const ring = createKeyRing({ secretKeys: [new Uint8Array(32).fill(1)] });
    let read = 0;
    for (let seed = SEED; seed < SEED + RUNS; seed++) {
      const bytes = mutated(dice(seed));
      let psbt: Psbt;
      try {
        psbt = parsePsbt(bytes);
      } catch (error) {
        const { code, details } = error as { readonly code?: string; readonly details?: { readonly offset: number } };
        if (code !== 'WALLET_PSBT_MALFORMED') expect.fail(`seed ${seed}: ${String(error)}`);
        const offset = details?.offset ?? -1;
        if (offset < 0 || offset > bytes.length) expect.fail(`seed ${seed}: offset ${offset} of ${bytes.length}`);
        continue;
      }
      read += 1;
      try {
        const written = serializePsbt(psbt);
        if (psbtToBase64(parsePsbt(written)) !== psbtToBase64(psbt))
          expect.fail(`seed ${seed}: reads what it wrote as another`);
        // Each costs a hundred times the reading.
        if (seed % 20 === 0) use(psbt, ring);
      } catch (error) {
        expect.fail(`seed ${seed}: ${error instanceof Error ? error.stack : String(error)}`);
      }
    }
    expect(read).toBeGreaterThan(RUNS / 50);
  });

  it('is refused with a code when it is no PSBT at all', () => {
    const nothings = [
      undefined,
      null,
      5,
      {},
      [],
      () => undefined,
      Symbol('x'),
      new Uint8Array(0),
      '',
      'cHNidP8',
      '70736274ff0',
      '💣',
    ];
    const actions: readonly ((value: never) => unknown)[] = [
      parsePsbt,
      serializePsbt,
      psbtToBase64,
      (value) => combinePsbts([value]),
      (value) => combinePsbts(value),
      (value) => toPsbtVersion(value, 0),
      (value) => finalizePsbtInputs(value),
      (value) => extractTransaction(value),
      (value) => signPsbt(value, createKeyRing({})),
      (value) => addPsbtInput(value, {} as never),
      (value) => addPsbtOutput(value, {} as never),
      (value) => addPsbtInput(createPsbt({ modifiable: { inputs: true } }), value),
      (value) => addPsbtOutput(createPsbt({ modifiable: { outputs: true } }), value),
      (value) => updatePsbtInput(value, 0, {}),
      (value) => createPsbt({ inputs: [value] }),
      (value) => createPsbt({ outputs: value }),
      (value) => unsignedTransaction(value),
      (value) => psbtLockTime(value),
    ];
    for (const [place, action] of actions.entries())
      for (const value of nothings)
        try {
          action(value as never);
        } catch (error) {
          if (!(error instanceof SuiteError)) expect.fail(`action ${place} of ${String(value)}: ${String(error)}`);
        }
  });
});
