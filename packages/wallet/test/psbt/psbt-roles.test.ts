import { inspect } from 'node:util';
import { loadCrypto, parseDisplayHash, parseHex, toHex } from '@bitcoin-enterprise/core';
import { decodeExtendedKey, type ExtendedKey } from '@bitcoin-enterprise/descriptors';
import { taprootOutput, type TaprootOutput } from '@bitcoin-enterprise/script';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  addPsbtInput,
  addPsbtOutput,
  combinePsbts,
  createKeyRing,
  createPsbt,
  extractTransaction,
  finalizePsbt,
  finalizePsbtInputs,
  parsePsbt,
  type Psbt,
  psbtToBase64,
  signPsbt,
  toPsbtVersion,
  updatePsbtInput,
} from '../../src/index.ts';
import { PsbtReader } from '../../src/psbt/reader.ts';
import { readJsonVectors } from '../support/vectors.ts';

interface Row {
  readonly section: string;
  readonly case: string;
  readonly psbt: string;
}

const rows = readJsonVectors<Readonly<Record<string, readonly Row[]>>>('derived/bip_psbt_vectors.json')?.['bip-0174'];
const row = (place: number): string => rows?.[place]?.psbt ?? '';
const master = (): ExtendedKey =>
  decodeExtendedKey(
    'tprv8ZgxMBicQKsPd9TeAdPADNnSyH9SSUUbTVeFszDE23Ki6TBB5nCefAdHkK8Fm3qMQR6sHwA56zqRmKmxnHk37JkiFzvncDqoKmPWubu7hDF',
  ) as ExtendedKey;
const hardened = (...steps: readonly number[]): readonly number[] => steps.map((step) => step + 0x8000_0000);
const secretAt = (last: number): Uint8Array => {
  let key = master();
  for (const step of hardened(0, 0, last)) key = key.child(step);
  return key.secretKey() as Uint8Array;
};
const codeOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    return (error as { readonly code: string }).code;
  }
  return 'none';
};

/** The records of every map, in the order of their keys: what a PSBT says, however it is written. */
function recordsOf(psbt: string): readonly (readonly string[])[] {
  const bytes = new Uint8Array(Buffer.from(psbt, 'base64'));
  const reader = new PsbtReader(bytes.subarray(5));
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
const expectSame = (psbt: Psbt, expected: string): void => {
  expect(recordsOf(psbtToBase64(psbt))).toEqual(recordsOf(expected));
};

beforeAll(async () => {
  await loadCrypto();
});

describe.skipIf(rows === undefined)('the roles of BIP174, by its own example', () => {
  it('creates', () => {
    const txid = (text: string): Uint8Array => parseDisplayHash(text);
    const psbt = createPsbt({
      version: 0,
      inputs: [
        { previousTxid: txid('75ddabb27b8845f5247975c8a5ba7c6f336c4570708ebe230caf6db5217ae858'), previousIndex: 0 },
        { previousTxid: txid('1dea7cd05979072a3578cab271c02244ea8a090bbb46aa680a65ecd027048d83'), previousIndex: 1 },
      ],
      outputs: [
        { value: 149_990_000n, scriptPubKey: parseHex('0014d85c2b71d0060b09c9886aeb815e50991dda124d') },
        { value: 100_000_000n, scriptPubKey: parseHex('001400aea9a2e5f0f876a588df5546e8742d1d87008f') },
      ],
    });
    expect(psbtToBase64(psbt)).toBe(row(33));
  });

  it('updates with the sighash type', () => {
    const before = parsePsbt(row(34));
    expectSame(updatePsbtInput(updatePsbtInput(before, 0, { sighashType: 1 }), 1, { sighashType: 1 }), row(35));
  });

  it('signs by keys alone, and by the master key', () => {
    const updated = parsePsbt(row(35));
    const sign = (...places: readonly number[]): Psbt =>
      signPsbt(updated, createKeyRing({ secretKeys: places.map(secretAt), lowR: false }));
    expectSame(sign(0, 2), row(36));
    expectSame(sign(1, 3), row(37));
    expectSame(signPsbt(updated, createKeyRing({ extendedKeys: [master()], lowR: false })), row(38));
  });

  it('combines, in either order', () => {
    const parts = [parsePsbt(row(36)), parsePsbt(row(37))];
    expectSame(combinePsbts(parts), row(38));
    expect(psbtToBase64(combinePsbts([...parts].reverse()))).toBe(psbtToBase64(combinePsbts(parts)));
    expect(psbtToBase64(combinePsbts([row(40), row(41)].map(parsePsbt)))).toBe(row(42));
  });

  it('finalises, and extracts what BIP174 extracts', () => {
    const final = finalizePsbt(parsePsbt(row(38)));
    expectSame(final, row(39));
    const tx = extractTransaction(final);
    expect(tx.inputs.map(({ scriptSig, witness }) => [scriptSig.length, witness.length])).toEqual([
      [218, 0],
      [35, 4],
    ]);
  });

  it.for([29, 30, 31, 32].map((place) => ({ place, name: rows?.[place]?.case ?? '' })))(
    'does not sign: $name',
    ({ place }) => {
      const psbt = parsePsbt(row(place));
      const ring = createKeyRing({ extendedKeys: [master()] });
      expect(codeOf(() => signPsbt(psbt, ring))).toBe('WALLET_PSBT_INPUT_INVALID');
    },
  );

  it('does not finalise with too few signatures, and says which input', () => {
    const { unfinished } = finalizePsbtInputs(parsePsbt(row(36)));
    expect(unfinished).toEqual([
      { input: 0, missing: '2 signatures' },
      { input: 1, missing: '2 signatures' },
    ]);
    expect(codeOf(() => finalizePsbt(parsePsbt(row(36))))).toBe('WALLET_PSBT_INCOMPLETE');
  });

  it('does not finalise signatures of another sighash type than the input names', () => {
    const psbt = updatePsbtInput(parsePsbt(row(38)), 0, { sighashType: 2 });
    expect(codeOf(() => finalizePsbt(psbt))).toBe('WALLET_PSBT_INPUT_INVALID');
  });

  it('signs other sighash types only where they are allowed', () => {
    const psbt = updatePsbtInput(parsePsbt(row(34)), 0, { sighashType: 0x83 });
    const ring = createKeyRing({ extendedKeys: [master()] });
    expect(codeOf(() => signPsbt(psbt, ring))).toBe('WALLET_PSBT_INPUT_INVALID');
    const signed = signPsbt(psbt, ring, { sighashTypes: [1, 0x83] });
    expect(signed.inputs[0]?.partialSignatures.map(({ signature }) => signature.at(-1))).toEqual([0x83, 0x83]);
    expect(extractTransaction(finalizePsbt(signed)).inputs.length).toBe(2);
  });

  it('keeps what it signed to a low R', () => {
    const signed = signPsbt(parsePsbt(row(35)), createKeyRing({ extendedKeys: [master()] }));
    const sizes = signed.inputs.flatMap(({ partialSignatures }) =>
      partialSignatures.map(({ signature }) => signature.length),
    );
    expect(sizes.every((size) => size <= 71)).toBe(true);
  });

  it('refuses to combine what is not of one transaction, or cannot both be true', () => {
    const psbt = parsePsbt(row(35));
    const other = { ...psbt, outputs: psbt.outputs.map((output) => ({ ...output, value: output.value - 1n })) };
    expect(codeOf(() => combinePsbts([psbt, other]))).toBe('WALLET_PSBT_MISMATCH');
    expect(codeOf(() => combinePsbts([psbt, toPsbtVersion(psbt, 2)]))).toBe('WALLET_PSBT_MISMATCH');
    expect(codeOf(() => combinePsbts([psbt, updatePsbtInput(psbt, 0, { sighashType: 3 })]))).toBe(
      'WALLET_PSBT_MISMATCH',
    );
  });

  it('does not take out a transaction whose signatures are wrong', () => {
    const psbt = parsePsbt(row(38));
    const [input] = psbt.inputs;
    const altered = input?.partialSignatures.map(({ publicKey, signature }) => {
      const copy = new Uint8Array(signature);
      copy[20] = (copy[20] as number) ^ 1;
      return { publicKey, signature: copy };
    });
    const final = finalizePsbt(updatePsbtInput(psbt, 0, { partialSignatures: altered ?? [] }));
    expect(codeOf(() => extractTransaction(final))).toBe('WALLET_PSBT_INPUT_INVALID');
    expect(extractTransaction(final, { check: 'none' }).inputs.length).toBe(2);
  });
});

describe('the roles of BIP370', () => {
  const input = (place: number, more: object = {}) => ({
    previousTxid: new Uint8Array(32).fill(place),
    previousIndex: place,
    ...more,
  });
  const output = { value: 1_000n, scriptPubKey: parseHex('00140000000000000000000000000000000000000000') };

  it('construct only what may be changed', () => {
    const fixed = createPsbt();
    expect(codeOf(() => addPsbtInput(fixed, input(1)))).toBe('WALLET_PSBT_NOT_MODIFIABLE');
    expect(codeOf(() => addPsbtOutput(fixed, output))).toBe('WALLET_PSBT_NOT_MODIFIABLE');
    const open = createPsbt({ modifiable: { inputs: true, outputs: true } });
    const built = addPsbtOutput(addPsbtInput(open, input(1)), output);
    expect(built.inputs.length + built.outputs.length).toBe(2);
    expect(parsePsbt(psbtToBase64(built))).toEqual(built);
    expect(codeOf(() => addPsbtInput(built, input(1)))).toBe('WALLET_INVALID_ARGUMENT');
  });

  it('do not take inputs whose lock times cannot go together', () => {
    const open = createPsbt({ modifiable: { inputs: true }, inputs: [input(1, { requiredHeightLockTime: 100 })] });
    expect(codeOf(() => addPsbtInput(open, input(2, { requiredTimeLockTime: 1_700_000_000 })))).toBe(
      'WALLET_PSBT_LOCK_TIME_UNDETERMINED',
    );
  });

  it('fix what a signature covers', () => {
    const secret = new Uint8Array(32).fill(5);
    const ring = createKeyRing({ secretKeys: [secret] });
    const [publicKey = new Uint8Array(0)] = ring.publicKeys;
    const scriptPubKey = Uint8Array.of(0x51, 0x20, ...publicKey.subarray(1));
    const flags = (sighashType: number): number | undefined => {
      const psbt = createPsbt({
        modifiable: { inputs: true, outputs: true },
        inputs: [input(1, { witnessUtxo: { value: 5_000n, scriptPubKey }, sighashType })],
        outputs: [output],
      });
      return signPsbt(psbt, ring, { sighashTypes: [0, 1, 2, 3, 0x81, 0x82, 0x83] }).modifiable;
    };
    expect([0, 1, 2, 3, 0x81, 0x82, 0x83].map(flags)).toEqual([0, 0, 2, 4, 1, 3, 5]);
  });

  it('convert to version 0 and back, with the lock time that is required', () => {
    const psbt = createPsbt({ inputs: [input(1, { requiredHeightLockTime: 100 }), input(2)], outputs: [output] });
    const old = toPsbtVersion(psbt, 0);
    expect(old.fallbackLockTime).toBe(100);
    expect(parsePsbt(psbtToBase64(old))).toEqual(old);
    expect(toPsbtVersion(old, 2).version).toBe(2);
  });
});

describe('a signer of Taproot', () => {
  const ring = createKeyRing({ secretKeys: [new Uint8Array(32).fill(5), new Uint8Array(32).fill(6)] });
  const [own, other] = ring.publicKeys.map((key) => key.subarray(1)) as [Uint8Array, Uint8Array];
  const leaf = { script: Uint8Array.of(32, ...own, 0xac) };
  const spending = (output: TaprootOutput, fields: object): Psbt =>
    createPsbt({
      inputs: [
        {
          previousTxid: new Uint8Array(32).fill(1),
          previousIndex: 0,
          witnessUtxo: { value: 5_000n, scriptPubKey: output.scriptPubKey },
          ...fields,
        },
      ],
      outputs: [{ value: 4_000n, scriptPubKey: output.scriptPubKey }],
    });
  const leafScript = ({ leaves }: TaprootOutput) =>
    leaves.map(({ controlBlock, script, leafVersion }) => ({ controlBlock, script, leafVersion }));

  it('signs the key path and the leaf that its keys stand in, and the cheaper one is taken', () => {
    const output = taprootOutput({ internalKey: other, tree: leaf });
    const psbt = spending(output, {
      tapInternalKey: other,
      tapMerkleRoot: output.merkleRoot,
      tapLeafScripts: leafScript(output),
    });
    const signed = signPsbt(psbt, ring);
    expect(signed.inputs[0]?.tapScriptSignatures.length).toBe(1);
    expect(extractTransaction(finalizePsbt(signed)).inputs[0]?.witness.length).toBe(1);
    const byLeaf = { ...signed, inputs: signed.inputs.map(({ tapKeySignature: _key, ...input }) => input) };
    expect(extractTransaction(finalizePsbt(byLeaf)).inputs[0]?.witness.length).toBe(3);
  });

  it('does not sign a leaf that is not in the output', () => {
    const psbt = spending(taprootOutput({ internalKey: other }), {
      tapLeafScripts: leafScript(taprootOutput({ internalKey: other, tree: leaf })),
    });
    expect(codeOf(() => signPsbt(psbt, ring))).toBe('WALLET_PSBT_INPUT_INVALID');
  });

  it('does not sign for an internal key that makes another output', () => {
    const psbt = spending(taprootOutput({ internalKey: other, tree: leaf }), { tapInternalKey: other });
    expect(codeOf(() => signPsbt(psbt, ring))).toBe('WALLET_PSBT_INPUT_INVALID');
  });

  it('does not sign when another input does not say what it spends', () => {
    const output = taprootOutput({ internalKey: own });
    const psbt = spending(output, { tapInternalKey: own });
    const silent = createPsbt({
      inputs: [...psbt.inputs, { previousTxid: new Uint8Array(32).fill(2), previousIndex: 0 }],
      outputs: psbt.outputs,
    });
    expect(codeOf(() => signPsbt(silent, ring))).toBe('WALLET_PSBT_INCOMPLETE');
  });

  it('signs nothing once its ring is wiped, and shows no secret', () => {
    const wiped = createKeyRing({ secretKeys: [new Uint8Array(32).fill(5)] });
    const secret = '05'.repeat(32);
    expect(JSON.stringify(wiped)).not.toContain(secret);
    expect(inspect(wiped, { depth: 9, showHidden: true })).not.toMatch(/5, 5, 5, 5|0505050505/);
    wiped.wipe();
    const psbt = spending(taprootOutput({ internalKey: own }), { tapInternalKey: own });
    expect(codeOf(() => signPsbt(psbt, wiped))).toBe('WALLET_SECRET_WIPED');
  });

  it('is finished by the caller where a script is no miniscript', () => {
    const script = parseHex('51');
    const output = taprootOutput({ internalKey: own, tree: { script } });
    const [spend] = output.leaves;
    const psbt = spending(output, { tapLeafScripts: leafScript(output) });
    const witness = [script, spend?.controlBlock as Uint8Array];
    const final = finalizePsbt(psbt, { finish: (_input, index) => (index === 0 ? { witness } : undefined) });
    expect(extractTransaction(final).inputs[0]?.witness).toEqual(witness);
  });

  it('spends an anchor with nothing', () => {
    const anchor = {
      previousTxid: new Uint8Array(32).fill(3),
      previousIndex: 1,
      witnessUtxo: { value: 240n, scriptPubKey: Uint8Array.of(0x51, 2, 0x4e, 0x73) },
    };
    const output = taprootOutput({ internalKey: own });
    const psbt = spending(output, { tapInternalKey: own });
    const both = createPsbt({ inputs: [...psbt.inputs, anchor], outputs: psbt.outputs });
    expect(extractTransaction(finalizePsbt(signPsbt(both, ring))).inputs[1]?.witness).toEqual([]);
  });
});
