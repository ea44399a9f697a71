import { currentCrypto, equalBytes } from '@bitcoin-enterprise/core';
import { Opcode, ScriptReader, SighashType } from '@bitcoin-enterprise/script';
import type { DigestRequest, KeyReference } from '../signers/ports.ts';
import type { Psbt, PsbtInput } from './model.ts';
import { inputInvalid, type InputSpend, spendOf, spentOutputOf } from './spend.ts';

/** A place for a signature: which key may sign which input, and in which way. */
export interface SigningSlot {
  readonly input: number;
  readonly key: KeyReference;
  readonly scheme: DigestRequest['scheme'];
  /** Of the signature: 0 to 255; 0 of Taproot's SIGHASH_DEFAULT. */
  readonly hashType: number;
  /** 32 bytes, of a leaf of Taproot. */
  readonly leafHash?: Uint8Array;
}

/** Which sighash types may be signed; ALL and DEFAULT when absent. */
export interface SlotOptions {
  /** Keys that the signer has and no derivation of the PSBT names: 33 or 65 bytes. */
  readonly ownKeys?: readonly Uint8Array[];
  readonly sighashTypes?: readonly number[];
  /** What Taproot signs where an input names no type; DEFAULT when absent. */
  readonly taprootSighashType?: number;
}

/** What inputs spend, read once for all who sign. */
export interface ReadInput {
  readonly input: PsbtInput;
  readonly spend: InputSpend;
}

/** Reads what each input spends; `undefined` for those that are final, or whose output is not known. */
export function readInputs(psbt: Psbt): readonly (ReadInput | undefined)[] {
  return psbt.inputs.map((input, index) => {
    if (isFinal(input)) return undefined;
    const utxo = spentOutputOf(input, index);
    return utxo === undefined ? undefined : { input, spend: spendOf(input, index, utxo) };
  });
}

/** Whether an input was finalised. */
export function isFinal({ finalScriptSig, finalScriptWitness }: PsbtInput): boolean {
  return finalScriptSig !== undefined || finalScriptWitness !== undefined;
}

/**
 * All places of an input for signatures of keys that the PSBT names, or that the signer has; those that have a signature
 * already are left out.
 *
 * @throws WalletError `WALLET_PSBT_INPUT_INVALID` for a sighash type that may not be signed.
 */
export function slotsOf({ input, spend }: ReadInput, index: number, options: SlotOptions): readonly SigningSlot[] {
  if (spend.rules === 'unknown') return [];
  const isTaproot = spend.rules === 'taproot';
  const { taprootSighashType = SighashType.DEFAULT } = options;
  const hashType = input.sighashType ?? (isTaproot ? taprootSighashType : SighashType.ALL);
  const allowed = options.sighashTypes ?? [SighashType.DEFAULT, SighashType.ALL];
  const isDefined = isTaproot || hashType !== SighashType.DEFAULT;
  if (!isDefined || !allowed.includes(hashType))
    throw inputInvalid(index, `the sighash type ${hashType}, which may not be signed`);
  const { ownKeys = [] } = options;
  if (spend.rules === 'taproot') return taprootSlots(input, spend, index, hashType, ownKeys);
  const signed = input.partialSignatures;
  const slots: SigningSlot[] = [];
  const names = namesIn(spend.script);
  for (const key of candidates(input.derivations, ownKeys)) {
    const { publicKey } = key;
    if (!names.has(publicKey) || signed.some((signature) => equalBytes(signature.publicKey, publicKey))) continue;
    slots.push({ input: index, key, scheme: 'ecdsa', hashType });
  }
  return slots;
}

function taprootSlots(
  input: PsbtInput,
  spend: Extract<InputSpend, { rules: 'taproot' }>,
  index: number,
  hashType: number,
  ownKeys: readonly Uint8Array[],
): readonly SigningSlot[] {
  const slots: SigningSlot[] = [];
  const base = { input: index, scheme: 'schnorr', hashType } as const;
  if (input.tapKeySignature === undefined) {
    const key = keyPathOf(input, spend, ownKeys);
    if (key !== undefined) slots.push({ ...base, key });
  }
  const known = candidates(
    input.tapDerivations,
    ownKeys.map((key) => key.subarray(1, 33)),
  );
  for (const leaf of spend.leaves) {
    const { leafHash, script } = leaf;
    const names = namesIn(script);
    for (const key of known) {
      // Names first: few keys are in a script, and there may be very many signatures.
      if (!names.has(key.publicKey)) continue;
      const isSigned = input.tapScriptSignatures.some(
        (signature) => equalBytes(signature.publicKey, key.publicKey) && equalBytes(signature.leafHash, leafHash),
      );
      if (isSigned) continue;
      spend.requireLeaf(leaf);
      slots.push({ ...base, key, leafHash });
    }
  }
  return slots;
}

/** The key that signs the key path, before it is tweaked. */
function keyPathOf(
  input: PsbtInput,
  { outputKey }: Extract<InputSpend, { rules: 'taproot' }>,
  ownKeys: readonly Uint8Array[],
): KeyReference | undefined {
  const { silentTweak, silentSpendDerivations, tapInternalKey, tapDerivations } = input;
  if (silentTweak !== undefined) {
    for (const key of candidates(silentSpendDerivations, ownKeys)) {
      const sum = currentCrypto().publicKeyTweakAdd(key.publicKey, silentTweak);
      if (sum !== undefined && equalBytes(sum.subarray(1), outputKey)) return key;
    }
    return undefined;
  }
  const signing = tapInternalKey ?? outputKey;
  const found = tapDerivations.find(({ publicKey }) => equalBytes(publicKey, signing));
  return found === undefined ? { publicKey: signing } : { publicKey: signing, origin: found.origin };
}

/** Keys with their origins first, then those that have none. */
function candidates(derivations: readonly KeyReference[], ownKeys: readonly Uint8Array[]): readonly KeyReference[] {
  const others = ownKeys.filter((own) => !derivations.some(({ publicKey }) => equalBytes(publicKey, own)));
  return [...derivations, ...others.map((publicKey) => ({ publicKey }))];
}

/** The keys that a script names, by themselves or by their hash. */
function namesIn(script: Uint8Array): { has(publicKey: Uint8Array): boolean } {
  const pushes: Uint8Array[] = [];
  // P2WPKH is a push of 20 bytes behind its version.
  for (const reader = new ScriptReader(script); reader.next();)
    if (reader.opcode > 0 && reader.opcode <= Opcode.OP_PUSHDATA4 && reader.dataSize >= 20) pushes.push(reader.data());
  return {
    has(publicKey) {
      if (pushes.some((push) => equalBytes(push, publicKey))) return true;
      if (!pushes.some(({ length }) => length === 20)) return false;
      const hash = currentCrypto().hash160(publicKey);
      return pushes.some((push) => equalBytes(push, hash));
    },
  };
}
