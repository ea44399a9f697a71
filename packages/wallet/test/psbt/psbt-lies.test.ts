import { concatBytes, currentCrypto, loadCrypto, toHex } from '@bitcoin-enterprise/core';
import { serializeTransaction, taprootOutput, transactionId } from '@bitcoin-enterprise/script';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  createKeyRing,
  createPsbt,
  type KeyRing,
  memoryDigestSigner,
  memorySigner,
  type NewInput,
  parsePsbt,
  type Psbt,
  psbtLockTime,
  psbtSigner,
  serializePsbt,
  signPsbt,
} from '../../src/index.ts';

const codeOf = async (action: () => unknown): Promise<string> => {
  try {
    await action();
    return 'none';
  } catch (error) {
    return (error as { readonly code?: string }).code ?? String(error);
  }
};

let ring: KeyRing;
let publicKey: Uint8Array;
let own: Uint8Array;
let coin: NewInput;
const STRANGE = Uint8Array.of(0x51, 0x20, ...new Uint8Array(32).fill(1));

beforeAll(async () => {
  await loadCrypto();
  ring = createKeyRing({ secretKeys: [new Uint8Array(32).fill(7)] });
  publicKey = ring.publicKeys[0] as Uint8Array;
  own = taprootOutput({ internalKey: publicKey.subarray(1) }).scriptPubKey;
  coin = {
    previousTxid: new Uint8Array(32).fill(3),
    previousIndex: 0,
    witnessUtxo: { value: 100_000n, scriptPubKey: own },
    tapInternalKey: publicKey.subarray(1),
  };
});

/** P2PKH with the transaction that it comes from. */
function legacyCoin(value: bigint): NewInput {
  const scriptPubKey = Uint8Array.of(0x76, 0xa9, 20, ...currentCrypto().hash160(publicKey), 0x88, 0xac);
  const previous = {
    version: 2,
    inputs: [
      {
        previousTxid: new Uint8Array(32).fill(9),
        previousIndex: 0,
        scriptSig: new Uint8Array(),
        sequence: 1,
        witness: [],
      },
    ],
    outputs: [{ value, scriptPubKey }],
    lockTime: 0,
  };
  return {
    previousTxid: transactionId(previous),
    previousIndex: 0,
    nonWitnessUtxo: serializeTransaction(previous),
    derivations: [{ publicKey, origin: { fingerprint: new Uint8Array(4), path: [] } }],
  };
}

describe('a PSBT that lies', () => {
  it('about the script of a silent payment is signed by nobody', async () => {
    const silentAddress = concatBytes(publicKey, publicKey);
    const forged = createPsbt({
      inputs: [coin],
      outputs: [{ value: 90_000n, silentAddress, scriptPubKey: STRANGE }],
    });
    for (const sign of [
      async () => psbtSigner(memoryDigestSigner(ring)).sign(forged),
      async () => memorySigner(ring).sign(forged),
      () => signPsbt(forged, ring),
    ])
      expect(await codeOf(sign)).toMatch(/^WALLET_(SILENT_PROOF_INVALID|PSBT_MISMATCH)$/);
  });

  it('about an amount below nothing, or above all that there is, is signed by nobody', async () => {
    for (const value of [-1n, 21_000_000n * 100_000_000n + 1n]) {
      const psbt = createPsbt({
        inputs: [{ ...coin, witnessUtxo: { value, scriptPubKey: own } }],
        outputs: [{ value: 1n, scriptPubKey: STRANGE }],
      });
      expect(await codeOf(() => signPsbt(psbt, ring))).toBe('WALLET_PSBT_INPUT_INVALID');
    }
  });

  it('asks for SIGHASH_SINGLE where there is no output in vain: such a signature would sign anything', async () => {
    for (const more of [{}, { sighashType: 3 }, { sighashType: 0x83 }])
      for (const input of [legacyCoin(5_000n), coin]) {
        const psbt = createPsbt({
          inputs: [
            { ...coin, previousIndex: 7 },
            { ...input, ...more },
          ],
          outputs: [{ value: 1n, scriptPubKey: STRANGE }],
        });
        const code = await codeOf(() => signPsbt(psbt, ring, { sighashTypes: [0, 1, 3, 0x83] }));
        expect(code).toBe('sighashType' in more ? 'WALLET_PSBT_INPUT_INVALID' : 'none');
      }
  });

  it('asks for a type of Taproot alone from ECDSA in vain', async () => {
    const psbt = createPsbt({
      inputs: [{ ...legacyCoin(5_000n), sighashType: 0 }],
      outputs: [{ value: 1n, scriptPubKey: STRANGE }],
    });
    expect(await codeOf(() => signPsbt(psbt, ring))).toBe('WALLET_PSBT_INPUT_INVALID');
  });
});

describe('a PSBT that is a bomb', () => {
  it('of very many inputs with lock times has one lock time', () => {
    const psbt = createPsbt({ inputs: [{ ...coin, requiredHeightLockTime: 5 }], outputs: [] });
    const [input] = psbt.inputs;
    const inputs = Array.from({ length: 300_000 }, () => input as Psbt['inputs'][number]);
    expect(psbtLockTime({ ...psbt, inputs })).toBe(5);
  });

  it('of many leaves, keys and signatures does not take the product of them', async () => {
    const measure = async (count: number): Promise<number> => {
      const psbt = parsePsbt(serializePsbt(crowded(count)));
      const began = performance.now();
      expect(await codeOf(() => signPsbt(psbt, ring))).toBe('WALLET_PSBT_INPUT_INVALID');
      return performance.now() - began;
    };
    await measure(100);
    // Every leaf is looked through for every key, 16 times as much; 64 times with every signature.
    expect(await growth(measure, 300, 1_200)).toBeLessThan(32);
  });

  it.for([
    ['fields', 700_000],
    ['elements of a witness', 200_000],
    ['leaves of a tree', 2 ** 17],
    ['inputs', 25_000],
    ['outputs', 120_000],
  ] as const)('of more %s than any transaction has is refused before it takes the memory', async ([what, count]) => {
    const size = (n: number): readonly number[] =>
      n < 0xfd ? [n] : n < 0x1_0000 ? [0xfd, n & 255, n >> 8] : [0xfe, n & 255, (n >> 8) & 255, n >> 16, 0];
    const field = (key: readonly number[], value: readonly number[]): readonly number[] =>
      [size(key.length), key, size(value.length), value].flat();
    const start = (inputs: number, outputs: number): readonly number[] =>
      [
        [0x70, 0x73, 0x62, 0x74, 0xff],
        field([2], [2, 0, 0, 0]),
        field([4], size(inputs)),
        field([5], size(outputs)),
        field([0xfb], [2, 0, 0, 0]),
      ].flat();
    const spent = [
      field(
        [0x0e],
        Array.from({ length: 32 }, () => 1),
      ),
      field([0x0f], [0, 0, 0, 0]),
    ].flat();
    const paid = [field([3], [1, 0, 0, 0, 0, 0, 0, 0]), field([4], [])].flat();
    const times = (n: number, unit: (i: number) => readonly number[]): readonly number[] =>
      Array.from({ length: n }, (_, i) => unit(i)).flat();
    const bytes = {
      fields: () => [start(0, 0), times(count, (i) => field([0x70, i & 255, (i >> 8) & 255, i >> 16], [])), [0]],
      'elements of a witness': () => [
        start(1, 0),
        [0],
        spent,
        [1, 8],
        size(count + 5),
        size(count),
        times(count + 1, () => [0]),
      ],
      'leaves of a tree': () => [
        start(0, 1),
        [0],
        paid,
        [1, 6],
        size(count * 3),
        times(count, () => [17, 0xc0, 0]),
        [0],
      ],
      inputs: () => [start(count, 0), [0], times(count, () => [...spent, 0])],
      outputs: () => [start(0, count), [0], times(count, () => [...paid, 0])],
    }[what]();
    expect(await codeOf(() => parsePsbt(Uint8Array.from(bytes.flat())))).toBe('WALLET_PSBT_MALFORMED');
  });

  it('of many shares of silent payments is read in a moment', async () => {
    const psbt = createPsbt({ inputs: [coin], outputs: [{ value: 1n, scriptPubKey: STRANGE }] });
    const [input] = psbt.inputs;
    const measure = (count: number): number => {
      const silentShares = somePoints(count).map((scanKey) => ({ scanKey, share: publicKey }));
      const bytes = serializePsbt({ ...psbt, inputs: [{ ...(input as Psbt['inputs'][number]), silentShares }] });
      const began = performance.now();
      expect(parsePsbt(bytes).inputs[0]?.silentShares.length).toBe(count);
      return performance.now() - began;
    };
    measure(500);
    expect(await growth(measure, 4_000, 16_000)).toBeLessThan(8);
  });
});

/** How many times as long the larger takes; the best of three each, since the machine does other things too. */
async function growth(
  measure: (count: number) => number | Promise<number>,
  small: number,
  large: number,
): Promise<number> {
  const best = { small: Infinity, large: Infinity };
  for (let i = 0; i < 3; i++) {
    best.small = Math.min(best.small, await measure(small));
    best.large = Math.min(best.large, await measure(large));
  }
  return best.large / best.small;
}

/** As many leaves as keys as signatures. */
function crowded(count: number): Psbt {
  const leaf = (n: number): { script: Uint8Array; leafVersion: number; controlBlock: Uint8Array } => ({
    script: Uint8Array.of(0x51),
    leafVersion: 0xc0,
    controlBlock: Uint8Array.of(0xc0, ...publicKey.subarray(1), ...new Uint8Array(30), n & 0xff, n >> 8),
  });
  const origin = { fingerprint: new Uint8Array(4), path: [] };
  const keys = somePoints(count).map((point) => point.subarray(1));
  const input = {
    ...coin,
    tapLeafScripts: keys.map((_, n) => leaf(n)),
    tapDerivations: keys.map((key) => ({ publicKey: key, leafHashes: [], origin })),
    tapScriptSignatures: keys.map((key) => ({
      publicKey: key,
      leafHash: new Uint8Array(32),
      signature: new Uint8Array(64),
    })),
  };
  return createPsbt({ inputs: [input], outputs: [{ value: 1n, scriptPubKey: STRANGE }] });
}

/** Distinct points, cheaply: one after the other. */
function somePoints(count: number): readonly Uint8Array[] {
  const crypto = currentCrypto();
  const one = new Uint8Array(32);
  one[31] = 1;
  const points: Uint8Array[] = [];
  let point = publicKey;
  for (let n = 0; n < count; n++) {
    point = crypto.publicKeyTweakAdd(point, one) as Uint8Array;
    points.push(point);
  }
  expect(new Set(points.map(toHex)).size).toBe(count);
  return points;
}
