import { loadCrypto, toHex } from '@bitcoin-enterprise/core';
import { decodeExtendedKey, type ExtendedKey, parseDescriptor, planSpend } from '@bitcoin-enterprise/descriptors';
import { createMemoryStore } from '@bitcoin-enterprise/events';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  createKeyRing,
  createPsbt,
  describeInput,
  extractTransaction,
  finalizePsbt,
  type KeyRing,
  parsePsbt,
  type Psbt,
  psbtToBase64,
  type Signer,
} from '../../src/index.ts';
import {
  addMusigNonces,
  addMusigSignatures,
  aggregateMusigPsbt,
  musigPlacesOf,
  musigPsbtSigner,
  type NonceVault,
  openNonceVault,
  restartMusigPsbt,
} from '../../src/multiparty/index.ts';
import { readJsonVectors } from '../support/vectors.ts';
import { codeOfPromise } from '../support/code-of.ts';

interface Row {
  readonly case: string;
  readonly psbt: string;
}

const rows = readJsonVectors<Readonly<Record<string, readonly Row[]>>>('derived/bip_psbt_vectors.json')?.['bip-0373'];
beforeAll(async () => {
  await loadCrypto();
});

/** As it was before the partial signatures were put together. */
const unsigned = (psbt: Psbt): Psbt => ({
  ...psbt,
  inputs: psbt.inputs.map(({ tapKeySignature: _signature, ...input }) => ({ ...input, tapScriptSignatures: [] })),
});

describe.skipIf(rows === undefined)('the PSBTs of BIP373', () => {
  const places = [2, 5, 8, 11].map((place) => ({ place }));

  it.for(places)('have partial signatures that make the signature that is there: $place', ({ place }) => {
    const psbt = parsePsbt(rows?.[place]?.psbt ?? '');
    const [found] = musigPlacesOf(unsigned(psbt));
    const [input] = psbt.inputs;
    expect(toHex(found?.keys.publicKey as Uint8Array)).toBe(
      toHex(input?.musigPublicNonces[0]?.aggregate as Uint8Array),
    );
    const made = aggregateMusigPsbt(unsigned(psbt));
    // The first example stops before the signature.
    if (place !== 2) expect(psbtToBase64(made)).toBe(psbtToBase64(psbt));
    expect(extractTransaction(finalizePsbt(made)).inputs[0]?.witness.length).toBeGreaterThan(0);
  });

  it.for(places)('blame who has signed something else: $place', ({ place }) => {
    const psbt = unsigned(parsePsbt(rows?.[place]?.psbt ?? ''));
    const inputs = psbt.inputs.map((input) => ({
      ...input,
      musigPartialSignatures: input.musigPartialSignatures.map((slot, i) => {
        const signature = new Uint8Array(slot.signature);
        if (i === 1) signature[31] = (signature[31] as number) ^ 1;
        return { ...slot, signature };
      }),
    }));
    expect(() => aggregateMusigPsbt({ ...psbt, inputs })).toThrow(
      expect.objectContaining({ code: 'WALLET_CONTRIBUTION_INVALID' }),
    );
  });
});

const secret = (n: number): Uint8Array => new Uint8Array(32).fill(n);
const ringOf = (n: number): KeyRing => createKeyRing({ secretKeys: [secret(n)] });
const keyOf = (n: number): string => toHex(ringOf(n).publicKeys[0] as Uint8Array);

interface Party {
  readonly signer: Signer;
  readonly vault: NonceVault;
}

async function party(n: number, store = createMemoryStore()): Promise<Party> {
  const vault = await openNonceVault({ store, name: `party ${n}` });
  return { vault, signer: musigPsbtSigner({ ring: ringOf(n), vault }) };
}

function spending(text: string, canSign: (key: string) => boolean): Psbt {
  const output = parseDescriptor(text).derive(0);
  const plan = planSpend(output, { canSign: ({ bytes }) => canSign(toHex(bytes)) });
  if (!plan.ok) throw new Error('no plan');
  return createPsbt({
    inputs: [
      {
        ...describeInput(output, plan),
        previousTxid: secret(9),
        previousIndex: 0,
        sequence: plan.sequence,
        witnessUtxo: { value: 100_000n, scriptPubKey: output.scriptPubKey },
      },
    ],
    outputs: [{ value: 99_000n, scriptPubKey: output.scriptPubKey }],
  });
}

/** As by mail: what each adds is sent on as text. */
const mailed = async (psbt: Psbt, ...signers: readonly Signer[]): Promise<Psbt> => {
  let text = psbtToBase64(psbt);
  for (const signer of signers) text = psbtToBase64(await signer.sign(parsePsbt(text)));
  return parsePsbt(text);
};

/** BIP32, test vectors 1 and 2. */
const XPRVS = [
  'xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi',
  'xprv9s21ZrQH143K31xYSDQpPDxsXRTUcvj2iNHm5NUtrGiGG5e2DtALGdso3pGz6ssrdK4PFmM8NSpSBHNqPqm55Qn3LqFtT2emdEXVYsCzC2U',
];

describe('MuSig2 by PSBT', () => {
  it.for([
    ['the output key', `rawtr(musig(${keyOf(1)},${keyOf(2)}))`],
    ['the internal key', `tr(musig(${keyOf(1)},${keyOf(2)}))`],
    ['the internal key above a leaf', `tr(musig(${keyOf(1)},${keyOf(2)}),pk(${keyOf(3).slice(2)}))`],
    ['a leaf', `tr(${keyOf(3).slice(2)},pk(musig(${keyOf(1)},${keyOf(2)})))`],
  ] as const)('signs with %s', async ([, text]) => {
    const [a, b] = [await party(1), await party(2)];
    const third = keyOf(3).slice(2);
    const psbt = spending(text, (key) => key !== third);
    const signed = await mailed(psbt, a.signer, b.signer, a.signer, b.signer);
    const { witness } = extractTransaction(finalizePsbt(signed)).inputs[0] ?? { witness: [] };
    expect(witness[0]?.length).toBe(64);
  });

  it('signs for a key below an aggregate of extended keys', async () => {
    const masters = XPRVS.map((text) => decodeExtendedKey(text) as ExtendedKey);
    const output = parseDescriptor(`tr(musig(${masters.join()})/0/*)`).derive(7);
    const psbt = createPsbt({
      inputs: [
        {
          ...describeInput(output),
          previousTxid: secret(9),
          previousIndex: 0,
          witnessUtxo: { value: 5_000n, scriptPubKey: output.scriptPubKey },
        },
      ],
      outputs: [{ value: 4_000n, scriptPubKey: output.scriptPubKey }],
    });
    const signers = await Promise.all(
      masters.map(async (master, i) => {
        const vault = await openNonceVault({ store: createMemoryStore(), name: `${i}` });
        return musigPsbtSigner({ ring: createKeyRing({ extendedKeys: [master] }), vault });
      }),
    );
    const signed = await mailed(psbt, ...signers, ...signers);
    expect(extractTransaction(finalizePsbt(signed)).inputs[0]?.witness.length).toBe(1);
  });

  it('answers wrong arguments with a code', async () => {
    const psbt = spending(`rawtr(musig(${keyOf(1)},${keyOf(2)}))`, () => true);
    const { vault } = await party(1);
    const options: readonly unknown[] = [undefined, null, 1, {}, { ring: ringOf(1) }, { ring: {}, vault }];
    const calls = [
      ...[undefined, null, 'x', {}, { inputs: [] }].flatMap((strange) => [
        async () => musigPlacesOf(strange as never),
        async () => addMusigNonces(strange as never, { ring: ringOf(1), vault }),
      ]),
      ...options.flatMap((strange) => [
        async () => addMusigNonces(psbt, strange as never),
        async () => addMusigSignatures(psbt, strange as never),
        async () => musigPsbtSigner(strange as never),
      ]),
      async () => musigPsbtSigner({ ring: ringOf(1), vault }).sign(psbt, null as never),
      ...[null, 1, { sighashTypes: 1 }, { sighashTypes: ['x'] }].map(
        (strange) => async () => musigPlacesOf(psbt, strange as never),
      ),
    ];
    for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'WALLET_INVALID_ARGUMENT' });
  });

  it('does not sign beside a silent payment whose script is missing, or nobody has proven', async () => {
    const psbt = spending(`rawtr(musig(${keyOf(1)},${keyOf(2)}))`, () => true);
    const { signer } = await party(1);
    const key = ringOf(3).publicKeys[0] as Uint8Array;
    const silentAddress = Uint8Array.of(...key, ...key);
    const paying = (scriptPubKey: Uint8Array): Psbt => ({
      ...psbt,
      outputs: psbt.outputs.map((output) => ({ ...output, silentAddress, scriptPubKey })),
    });
    expect((await signer.sign(psbt)).inputs[0]?.musigPublicNonces.length).toBe(1);
    await expect(signer.sign(paying(new Uint8Array()))).rejects.toMatchObject({ code: 'WALLET_PSBT_INCOMPLETE' });
    const forged = Uint8Array.of(0x51, 0x20, ...secret(1));
    await expect(signer.sign(paying(forged))).rejects.toMatchObject({ code: 'WALLET_SILENT_PROOF_INVALID' });
  });

  it('blames nobody for what a stranger has put there', async () => {
    const [one, two] = [await party(1), await party(2)];
    const text = `rawtr(musig(${keyOf(1)},${keyOf(2)}))`;
    const begun = await mailed(
      spending(text, () => true),
      one.signer,
      two.signer,
    );
    const [input] = begun.inputs;
    const [slot] = input?.musigPartialSignatures ?? [];
    if (input === undefined || slot === undefined) throw new Error('no partial signature');
    const forged = { ...slot, participant: ringOf(3).publicKeys[0] as Uint8Array };
    const psbt = { ...begun, inputs: [{ ...input, musigPartialSignatures: [slot, forged] }] };
    const error: unknown = await one.signer.sign(psbt).catch((caught: unknown) => caught);

    expect(error).toMatchObject({ code: 'WALLET_CONTRIBUTION_INVALID' });
    expect((error as { readonly details: object }).details).toStrictEqual({ kind: 'partial signature' });
  });

  it('is asked again and again without another signature', async () => {
    const [a, b] = [await party(1), await party(2)];
    const psbt = spending(`tr(musig(${keyOf(1)},${keyOf(2)}))`, () => true);
    const half = await mailed(psbt, a.signer, b.signer);
    expect(half.inputs[0]?.musigPartialSignatures.length).toBe(1);
    expect(psbtToBase64(await mailed(half, b.signer, b.signer))).toBe(psbtToBase64(half));
    const once = await mailed(half, a.signer);
    expect(psbtToBase64(await mailed(half, a.signer))).toBe(psbtToBase64(once));
  });

  it('begins again when a party has lost its nonces, and never signs twice with one', async () => {
    const store = createMemoryStore();
    const [a, b] = [await party(1, store), await party(2)];
    const psbt = spending(`tr(musig(${keyOf(1)},${keyOf(2)}))`, () => true);
    const nonces = await mailed(psbt, a.signer, b.signer);
    // Party 1 is restarted: its vault has burnt what it had made.
    const again = await party(1, store);
    expect(await codeOfPromise(mailed(nonces, again.signer))).toBe('WALLET_NONCE_SPENT');
    const fresh = restartMusigPsbt(nonces);
    expect(fresh.inputs[0]?.musigPublicNonces.length).toBe(0);
    const signed = await mailed(fresh, again.signer, b.signer, again.signer);
    expect(extractTransaction(finalizePsbt(signed)).inputs.length).toBe(1);
  });

  it('replaces a lost nonce as long as nobody has signed', async () => {
    const store = createMemoryStore();
    const [a, b] = [await party(1, store), await party(2)];
    const psbt = spending(`tr(musig(${keyOf(1)},${keyOf(2)}))`, () => true);
    const first = await mailed(psbt, a.signer);
    const again = await party(1, store);
    const signed = await mailed(first, again.signer, b.signer, again.signer);
    expect(extractTransaction(finalizePsbt(signed)).inputs.length).toBe(1);
  });

  it('does not sign another transaction with the nonces of the first', async () => {
    const [a, b] = [await party(1), await party(2)];
    const psbt = spending(`tr(musig(${keyOf(1)},${keyOf(2)}))`, () => true);
    const half = await mailed(psbt, a.signer, b.signer);
    const [output] = half.outputs;
    const stolen = { ...half, outputs: [{ ...output, value: 1n }] } as Psbt;
    const clean = {
      ...stolen,
      inputs: stolen.inputs.map((input) => ({ ...input, musigPartialSignatures: [] })),
    };
    expect(await codeOfPromise(b.signer.sign(clean))).toBe('WALLET_NONCE_SPENT');
  });
});
