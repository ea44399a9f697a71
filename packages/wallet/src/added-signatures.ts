import { currentCrypto, equalBytes } from '@bitcoin-enterprise/core';
import { encodeDerSignature, parseLaxDer, SighashType } from '@bitcoin-enterprise/script';
import { WalletError } from './errors.ts';
import type { Psbt, PsbtInput, SilentShare } from './psbt/model.ts';
import { serializePsbt } from './psbt/serialize.ts';
import { PsbtSigning } from './psbt/sign.ts';
import type { SigningSlot, SlotOptions } from './psbt/slots.ts';
import { verifies } from './signers/psbt-signer.ts';
import { computeSilentOutputs, verifySilentShares } from './silent/psbt.ts';

/** A signature of an input, and whose it is. */
interface FoundSignature {
  readonly input: number;
  /** 33 or 65 bytes; 32 of a script of Taproot; absent for its key path. */
  readonly publicKey?: Uint8Array;
  readonly leafHash?: Uint8Array;
  /** As it stands in the PSBT. */
  readonly signature: Uint8Array;
}

/**
 * Requires a PSBT to be another one with signatures added that verify, and nothing else but proven shares of silent
 * payments and the scripts that follow from them (BIP375): what came back from a signer that is not trusted.
 *
 * @param options - `signer`: its name, for the error; `sighashTypes`: those that it may use, as a signer takes them.
 * @returns How many were added.
 * @throws WalletError `WALLET_SIGNER_ANSWER_INVALID`; `WALLET_PSBT_INPUT_INVALID`, `WALLET_PSBT_INCOMPLETE` of what was
 * sent.
 */
export function requireAddedSignatures(
  before: Psbt,
  after: Psbt,
  options: Pick<SlotOptions, 'sighashTypes'> & { readonly signer: string },
): number {
  const { signer, sighashTypes } = options;
  const ready = withShares(before, after, signer);
  if (ready === undefined) throw invalid(signer, 'another PSBT than the one that was sent');
  const old = signaturesOf(before);
  const found = signaturesOf(after);
  const kept = found.filter((one) => old.some((other) => isSamePlace(one, other)));
  const isKept = kept.every((one) =>
    old.some((other) => isSamePlace(one, other) && equalBytes(one.signature, other.signature)),
  );
  if (kept.length !== old.length || !isKept) throw invalid(signer, 'a signature of another signer that was changed');
  const added = found.filter((one) => !kept.includes(one));
  if (added.length === 0) return 0;
  const ownKeys = added.flatMap(({ publicKey }) => (publicKey === undefined ? [] : [fullKey(publicKey)]));
  const signing = new PsbtSigning(ready, { ownKeys, ...(sighashTypes === undefined ? {} : { sighashTypes }) });
  for (const one of added) {
    const slot = signing.slots.find((candidate) => isOfSlot(one, candidate));
    const bare = slot === undefined ? undefined : bareSignature(one.signature, slot);
    if (slot === undefined || bare === undefined || !verifies(signing.request(slot), bare))
      throw invalid(signer, `a signature of input ${one.input} that does not verify`);
  }
  return added.length;
}

/** What was sent, with the shares and scripts of silent payments that came back; `undefined` when more differs. */
function withShares(before: Psbt, after: Psbt, signer: string): Psbt | undefined {
  const isSilent = before.outputs.some(({ silentAddress }) => silentAddress !== undefined);
  if (!isSilent) return isSameButSignatures(before, after) ? before : undefined;
  // What was sent is the caller's own to answer for.
  verifySilentShares(before);
  const given = before.inputs.map(
    ({ silentShares }, place) => [silentShares, after.inputs[place]?.silentShares ?? []] as const,
  );
  if (![...given, [before.silentShares, after.silentShares] as const].every(([old, now]) => isKept(old, now)))
    return undefined;
  const shared: Psbt = {
    ...before,
    silentShares: after.silentShares,
    inputs: before.inputs.map((input, place) => ({ ...input, silentShares: given[place]?.[1] ?? [] })),
  };
  if (isSameButSignatures(shared, after)) return requireProven(shared, signer).shared;
  const { computed } = requireProven(shared, signer);
  return isSameButSignatures(computed, after) ? computed : undefined;
}

function requireProven(shared: Psbt, signer: string): { readonly shared: Psbt; readonly computed: Psbt } {
  try {
    return { shared, computed: computeSilentOutputs(shared) };
  } catch {
    throw invalid(signer, 'shares of silent payments that are not proven');
  }
}

function isKept(old: readonly SilentShare[], now: readonly SilentShare[]): boolean {
  return old.every((share) =>
    now.some(
      (other) => same(share.scanKey, other.scanKey) && same(share.share, other.share) && same(share.proof, other.proof),
    ),
  );
}

function isSameButSignatures(before: Psbt, after: Psbt): boolean {
  // BIP370: what a signature covers may not be changed any more; flags are only taken back, and SIGHASH_SINGLE noted.
  const was = before.modifiable ?? 0;
  const is = after.modifiable ?? 0;
  const isNarrower = (is & 3 & ~was) === 0 && (was & ~3 & ~is) === 0 && (is & ~7 & ~was) === 0;
  if (!isNarrower || (before.modifiable === undefined) !== (after.modifiable === undefined)) return false;
  return equalBytes(serializePsbt(withoutSignatures(before, was)), serializePsbt(withoutSignatures(after, was)));
}

function withoutSignatures(psbt: Psbt, modifiable: number): Psbt {
  const inputs = psbt.inputs.map((input): PsbtInput => {
    const { tapKeySignature: _tapKeySignature, ...rest } = input;
    return { ...rest, partialSignatures: [], tapScriptSignatures: [] };
  });
  return { ...psbt, ...(psbt.modifiable === undefined ? {} : { modifiable }), inputs };
}

function signaturesOf(psbt: Psbt): readonly FoundSignature[] {
  return psbt.inputs.flatMap(({ partialSignatures, tapKeySignature, tapScriptSignatures }, input): FoundSignature[] => [
    ...partialSignatures.map(({ publicKey, signature }) => ({ input, publicKey, signature })),
    ...(tapKeySignature === undefined ? [] : [{ input, signature: tapKeySignature }]),
    ...tapScriptSignatures.map(({ publicKey, leafHash, signature }) => ({ input, publicKey, leafHash, signature })),
  ]);
}

function isSamePlace(one: FoundSignature, other: FoundSignature): boolean {
  return one.input === other.input && same(one.publicKey, other.publicKey) && same(one.leafHash, other.leafHash);
}

/** The key path of Taproot has one place in an input; all other places have a key. */
function isOfSlot(one: FoundSignature, slot: SigningSlot): boolean {
  if (one.input !== slot.input || !same(one.leafHash, slot.leafHash)) return false;
  if (one.publicKey === undefined) return slot.scheme === 'schnorr';
  return same(one.publicKey, slot.key.publicKey) && (slot.scheme === 'schnorr') === (one.leafHash !== undefined);
}

/** The 64 bytes of a signature with the hash type of its place; `undefined` for another one, or another form of it. */
function bareSignature(signature: Uint8Array, { scheme, hashType }: SigningSlot): Uint8Array | undefined {
  const isDefault = scheme === 'schnorr' && hashType === SighashType.DEFAULT;
  if (!isDefault && signature.at(-1) !== hashType) return undefined;
  const bare = isDefault ? signature : signature.subarray(0, -1);
  if (scheme === 'schnorr') return bare.length === 64 ? bare : undefined;
  const numbers = parseLaxDer(bare);
  if (numbers?.length !== 64 || !equalBytes(encodeDerSignature(numbers), bare)) return undefined;
  // Its other S is as valid and is not relayed.
  const low = currentCrypto().secretKeyNegate(numbers.subarray(32));
  return low !== undefined && isHigher(numbers.subarray(32), low) ? undefined : numbers;
}

function isHigher(s: Uint8Array, negated: Uint8Array): boolean {
  const place = s.findIndex((byte, i) => byte !== negated[i]);
  return place >= 0 && (s[place] as number) > (negated[place] as number);
}

/** A key of 33 bytes by which slots are found; of a key of Taproot either stands for both. */
function fullKey(publicKey: Uint8Array): Uint8Array {
  return publicKey.length === 32 ? Uint8Array.of(2, ...publicKey) : publicKey;
}

function same(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one === undefined || other === undefined ? one === other : equalBytes(one, other);
}

function invalid(signer: string, reason: string): WalletError<'WALLET_SIGNER_ANSWER_INVALID'> {
  return new WalletError(
    'WALLET_SIGNER_ANSWER_INVALID',
    `expected the PSBT with signatures of ${signer}, got ${reason}`,
    {
      details: { signer, reason },
    },
  );
}
