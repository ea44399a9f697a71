import { encodeDerSignature, Sighasher, SighashType, type SpentOutput } from '@bitcoin-enterprise/script';
import { requireFunction, requireList, requireObject } from '../checks.ts';
import type { KeyRing } from '../signers/key-ring.ts';
import type { DigestRequest } from '../signers/ports.ts';
import type { Psbt, PsbtInput } from './model.ts';
import { requireProvenOutputs } from './proven-outputs.ts';
import { requirePsbt } from './require-psbt.ts';
import { type ReadInput, readInputs, type SigningSlot, type SlotOptions, slotsOf } from './slots.ts';
import { inputIncomplete, inputInvalid, spentOutputOf } from './spend.ts';
import { unsignedTransaction } from './transaction.ts';

/** A PSBT that is about to be signed: its places for signatures, and what is signed there. */
export class PsbtSigning {
  readonly #psbt: Psbt;
  readonly #inputs: readonly (ReadInput | undefined)[];
  readonly #hasher: Sighasher;
  /** Without which no input of Taproot can be signed. */
  readonly #missing: number;
  /** The places for signatures that are not there yet. */
  readonly slots: readonly SigningSlot[];

  /**
   * Reads and checks all inputs.
   *
   * @throws WalletError `WALLET_PSBT_INPUT_INVALID`, `WALLET_PSBT_INCOMPLETE`, `WALLET_PSBT_LOCK_TIME_UNDETERMINED`.
   */
  constructor(psbt: Psbt, options: SlotOptions = {}) {
    requirePsbt(psbt);
    requireObject('options', options);
    requireProvenOutputs(psbt);
    this.#psbt = psbt;
    this.#inputs = readInputs(psbt);
    this.slots = this.#inputs.flatMap((read, index) =>
      read === undefined ? [] : slotsOf(read, index, withSilent(psbt, options)),
    );
    for (const { input, hashType } of this.slots) requirePairedOutput(psbt, input, hashType);
    const spent = this.#inputs.map(
      (read, index) => read?.spend.utxo ?? spentOutputOf(psbt.inputs[index] as PsbtInput, index),
    );
    this.#missing = spent.indexOf(undefined);
    const spentOutputs = this.#missing === -1 ? { spentOutputs: spent as readonly SpentOutput[] } : {};
    this.#hasher = new Sighasher({ tx: unsignedTransaction(psbt), ...spentOutputs });
  }

  /**
   * What is signed at a place.
   *
   * @throws WalletError `WALLET_PSBT_INCOMPLETE` for an input of Taproot when another input does not say what it spends.
   */
  request({ input, key, scheme, hashType, leafHash }: SigningSlot): DigestRequest {
    const { spend, input: fields } = this.#inputs[input] as ReadInput;
    if (spend.rules === 'legacy' || spend.rules === 'v0') {
      const what = { scriptCode: spend.scriptCode, hashType };
      const digest =
        spend.rules === 'legacy'
          ? this.#hasher.legacy(input, what)
          : this.#hasher.witnessV0(input, { ...what, value: spend.utxo.value });
      return { key, scheme, digest };
    }
    if (this.#missing !== -1) throw inputIncomplete(this.#missing, 'the output that it spends, which Taproot signs');
    const digest = this.#hasher.taproot(input, leafHash === undefined ? { hashType } : { hashType, leafHash });
    // Checked here and not for every place: it takes a point multiplication.
    const tweak =
      leafHash === undefined && spend.rules === 'taproot' ? (fields.silentTweak ?? spend.tweak()) : undefined;
    return tweak === undefined ? { key, scheme, digest } : { key, scheme, digest, tweak };
  }

  /**
   * The PSBT with signatures.
   *
   * @param signatures - 64 bytes each, one for each of `slots`.
   */
  withSignatures(slots: readonly SigningSlot[], signatures: readonly Uint8Array[]): Psbt {
    if (slots.length === 0) return this.#psbt;
    const inputs = [...this.#psbt.inputs];
    for (const [place, slot] of slots.entries())
      inputs[slot.input] = signedInput(inputs[slot.input] as PsbtInput, slot, signatures[place] as Uint8Array);
    return { ...this.#psbt, inputs, ...modifiableAfter(this.#psbt, slots) };
  }
}

/** Before witnesses, SIGHASH_SINGLE without an output of its place signs the number 1: anything of that key. */
function requirePairedOutput({ outputs }: Psbt, input: number, hashType: number): void {
  if ((hashType & 0x1f) === SighashType.SINGLE && input >= outputs.length)
    throw inputInvalid(input, 'SIGHASH_SINGLE without an output of its place');
}

function withSilent({ outputs }: Psbt, options: SlotOptions): SlotOptions {
  if (outputs.every(({ silentAddress }) => silentAddress === undefined)) return options;
  return { ...options, sighashTypes: [SighashType.ALL], taprootSighashType: SighashType.ALL };
}

function signedInput(input: PsbtInput, slot: SigningSlot, signature: Uint8Array): PsbtInput {
  const { key, hashType, leafHash } = slot;
  const { publicKey } = key;
  if (slot.scheme === 'ecdsa') {
    const der = withHashType(encodeDerSignature(signature), hashType);
    return { ...input, partialSignatures: [...input.partialSignatures, { publicKey, signature: der }] };
  }
  const full = hashType === SighashType.DEFAULT ? signature : withHashType(signature, hashType);
  if (leafHash === undefined) return { ...input, tapKeySignature: full };
  const added = { publicKey, leafHash, signature: full };
  return { ...input, tapScriptSignatures: [...input.tapScriptSignatures, added] };
}

function withHashType(signature: Uint8Array, hashType: number): Uint8Array {
  const full = new Uint8Array(signature.length + 1);
  full.set(signature);
  full[signature.length] = hashType;
  return full;
}

/** BIP370: what a signature covers may not be changed any more. */
function modifiableAfter({ version, modifiable }: Psbt, slots: readonly SigningSlot[]): Pick<Psbt, 'modifiable'> {
  if (version === 0 || modifiable === undefined) return {};
  let flags = modifiable;
  for (const { hashType } of slots) {
    if ((hashType & SighashType.ANYONECANPAY) === 0) flags &= ~1;
    const outputs = hashType & 0x1f;
    if (outputs !== SighashType.NONE) flags &= ~2;
    if (outputs === SighashType.SINGLE) flags |= 4;
  }
  return { modifiable: flags };
}

/**
 * Signs what the keys of a ring can sign (BIP174, “Signer”): Taproot key and script paths, witness version 0, P2SH and
 * legacy, in the sighash types that are allowed. Every input is checked against what it spends first.
 *
 * @param ring - Keys in memory, from {@link createKeyRing}.
 * @param options - `sighashTypes`: those that may be signed; ALL and DEFAULT when absent.
 * @returns The PSBT with what was added; the same when there is nothing to sign.
 * @throws WalletError `WALLET_PSBT_INPUT_INVALID` for an input that contradicts itself or wants another sighash type,
 * `WALLET_PSBT_INCOMPLETE`, `WALLET_PSBT_LOCK_TIME_UNDETERMINED`, `WALLET_SECRET_WIPED`.
 */
export function signPsbt(psbt: Psbt, ring: KeyRing, options: Omit<SlotOptions, 'ownKeys'> = {}): Psbt {
  requireList('ring.publicKeys', requireObject<KeyRing>('ring', ring).publicKeys);
  requireFunction('ring.sign', ring.sign);
  const signing = new PsbtSigning(psbt, { ...options, ownKeys: ring.publicKeys });
  const slots = signing.slots.filter(({ key }) => ring.holds(key));
  return signing.withSignatures(
    slots,
    slots.map((slot) => ring.sign(signing.request(slot))),
  );
}
