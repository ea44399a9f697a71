import { concatBytes, currentCrypto, toHex } from '@bitcoin-enterprise/core';
import { ensure, ensureEqual, type Promised, promises } from '@bitcoin-enterprise/core/testing';
import { requireAddedSignatures } from '../added-signatures.ts';
import { createPsbt, type NewInput } from '../psbt/create.ts';
import type { Psbt } from '../psbt/model.ts';
import { serializePsbt } from '../psbt/serialize.ts';
import { PsbtSigning } from '../psbt/sign.ts';
import type { KeyReference } from '../signers/ports.ts';
import type { SignerHarness } from './harness.ts';
import { digestOf, ensureCoded, foreignKey, promise } from './kit.ts';

/** Everything a signer of PSBTs promises; run these against your adapter, with an engine of crypto loaded. */
export const signerPromises: ReadonlyArray<Promised<SignerHarness>> = /* @__PURE__ */ promises<SignerHarness>(
  promise('has a name for people, and shows no secret', async ({ signer, secrets = [] }) => {
    ensure(typeof signer.name === 'string' && signer.name.length > 0, 'a name');
    const shown = `${signer.name} ${JSON.stringify(signer)} ${String(signer)}`.toLowerCase();
    for (const secret of secrets) ensure(!shown.includes(secret.toLowerCase()), 'it shows a secret');
  }),
  promise('signs every input of its keys, and its signatures verify', async (harness) => {
    for (const version of [0, 2] as const) {
      const psbt = psbtOf(ownInputs(harness), version);
      const signed = await harness.signer.sign(psbt);

      ensureEqual(added(psbt, signed), psbt.inputs.length, 'signatures');
      ensureEqual(new PsbtSigning(signed).slots.length, 0, 'places that are left');
    }
  }),
  promise('leaves the inputs of others as they are', async (harness) => {
    const psbt = psbtOf(
      [...foreignInputs(harness, 'first'), ...ownInputs(harness), ...foreignInputs(harness, 'last')],
      2,
    );
    const signed = await harness.signer.sign(psbt);

    ensureEqual(added(psbt, signed), ownInputs(harness).length, 'signatures');
  }),
  promise('gives a PSBT back that it has no keys for', async (harness) => {
    const psbt = psbtOf(foreignInputs(harness, 'all'), 2);

    ensureEqual(toHex(serializePsbt(await harness.signer.sign(psbt))), toHex(serializePsbt(psbt)), 'PSBT');
  }),
  promise('does not sign twice', async (harness) => {
    const once = await harness.signer.sign(psbtOf(ownInputs(harness), 2));

    ensureEqual(toHex(serializePsbt(await harness.signer.sign(once))), toHex(serializePsbt(once)), 'PSBT');
  }),
  promise('does not change the PSBT that it is handed', async (harness) => {
    const psbt = psbtOf(ownInputs(harness), 2);
    const before = toHex(serializePsbt(psbt));
    await harness.signer.sign(psbt);

    ensureEqual(toHex(serializePsbt(psbt)), before, 'PSBT');
  }),
  promise('takes back what may be changed once it has signed (BIP370)', async (harness) => {
    const psbt = { ...psbtOf(ownInputs(harness), 2), modifiable: 3 };

    ensureEqual((await harness.signer.sign(psbt)).modifiable, 0, 'flags');
  }),
  promise('does not sign an input that contradicts itself', async (harness) => {
    const [first] = ownInputs(harness);
    ensure(first !== undefined, 'the harness has a key');
    // What it spends has another script than the one that hashes to it.
    const witnessScript = concatBytes(Uint8Array.of(0x51));
    const wrong = psbtOf(
      [{ ...first, witnessUtxo: { value: 5_000n, scriptPubKey: p2wsh(digestOf('x')) }, witnessScript }],
      2,
    );
    const codes = ['WALLET_PSBT_INPUT_INVALID'];
    await ensureCoded(() => harness.signer.sign(wrong), { codes, secrets: harness.secrets });
  }),
  promise('signs no sighash type that it was not told to', async (harness) => {
    const [first] = ownInputs(harness);
    ensure(first !== undefined, 'the harness has a key');
    const none = psbtOf([{ ...first, sighashType: 2 }], 2);
    const codes = ['WALLET_PSBT_INPUT_INVALID', 'WALLET_SIGNER_REFUSED'];
    await ensureCoded(() => harness.signer.sign(none), { codes, secrets: harness.secrets });
  }),
  promise('answers calls at once, each with its own', async (harness) => {
    const psbts = Array.from({ length: 8 }, (_, n) => psbtOf(ownInputs(harness, n), 2));
    const signed = await Promise.all(psbts.map((psbt) => harness.signer.sign(psbt)));
    for (const [n, psbt] of psbts.entries()) added(psbt, signed[n] as Psbt);
  }),
  promise('ends with its signal', async (harness) => {
    const psbt = psbtOf(ownInputs(harness), 2);
    const signal = AbortSignal.abort();
    const codes = ['WALLET_ABORTED'];
    await ensureCoded(() => harness.signer.sign(psbt, { signal }), { codes, secrets: harness.secrets });
    added(psbt, await harness.signer.sign(psbt));
  }),
  promise('refuses what is no PSBT, with a code', async (harness) => {
    const codes = ['WALLET_INVALID_ARGUMENT'];
    for (const wrong of [undefined, 'cHNidP8=', {}, []])
      await ensureCoded(() => harness.signer.sign(wrong as unknown as Psbt), { codes, secrets: harness.secrets });
  }),
);

/** One input for each key: P2WPKH for ECDSA, a key path of Taproot (BIP86) for Schnorr. */
function ownInputs({ ecdsaKeys, schnorrKeys }: SignerHarness, number = 0): readonly NewInput[] {
  return [
    ...ecdsaKeys.map((key, n) => ecdsaInput(key, `own ecdsa ${number} ${n}`)),
    ...schnorrKeys.map((key, n) => taprootInput(key, `own taproot ${number} ${n}`)),
  ];
}

function foreignInputs({ ecdsaKeys }: SignerHarness, name: string): readonly NewInput[] {
  // The origin of a key of its own, which makes it look.
  const origin = ecdsaKeys[0]?.origin;
  const keys = ['d', 'e'].map((salt) => ({ publicKey: foreignKey(salt), ...(origin === undefined ? {} : { origin }) }));
  return [
    ecdsaInput(keys[0] as KeyReference, `foreign ${name} a`),
    taprootInput(keys[1] as KeyReference, `foreign ${name} b`),
  ];
}

function ecdsaInput({ publicKey, origin = UNKNOWN }: KeyReference, name: string): NewInput {
  const hash = currentCrypto().hash160(publicKey);
  return {
    previousTxid: digestOf(name),
    previousIndex: 1,
    witnessUtxo: { value: 5_000n, scriptPubKey: concatBytes(Uint8Array.of(0, 20), hash) },
    derivations: [{ publicKey, origin }],
  };
}

function taprootInput({ publicKey, origin = UNKNOWN }: KeyReference, name: string): NewInput {
  const crypto = currentCrypto();
  const tapInternalKey = publicKey.slice(1);
  const output = crypto.xOnlyTweakAdd(tapInternalKey, crypto.taggedHash('TapTweak', tapInternalKey));
  ensure(output !== undefined, 'a key of Taproot');
  return {
    previousTxid: digestOf(name),
    previousIndex: 1,
    witnessUtxo: { value: 5_000n, scriptPubKey: concatBytes(Uint8Array.of(0x51, 32), output.xOnlyPublicKey) },
    tapInternalKey,
    tapDerivations: [{ publicKey: tapInternalKey, leafHashes: [], origin }],
  };
}

/** Of a key whose master key nobody names. */
const UNKNOWN = { fingerprint: new Uint8Array(4), path: [] } as const;

function p2wsh(hash: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(0, 32), hash);
}

function psbtOf(inputs: readonly NewInput[], version: 0 | 2): Psbt {
  return createPsbt({ version, inputs, outputs: [{ value: 1_000n, scriptPubKey: p2wsh(digestOf('to')) }] });
}

/** How many signatures were added; breaks the promise when anything else was. */
function added(before: Psbt, after: Psbt): number {
  return requireAddedSignatures(before, after, { signer: 'the signer under test' });
}
