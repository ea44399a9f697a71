import { concatBytes } from '@bitcoin-enterprise/core';
import type { KeyOrigin } from '@bitcoin-enterprise/descriptors';
import { WalletError } from '../errors.ts';
import { GlobalType, InputType, MAGIC, OutputType } from './field-types.ts';
import type {
  MusigParticipants,
  MusigSlot,
  Psbt,
  PsbtDerivation,
  PsbtInput,
  PsbtOutput,
  PsbtTapDerivation,
  SilentShare,
} from './model.ts';
import { requirePsbt } from './require-psbt.ts';
import { unsignedBytes } from './transaction.ts';
import { PsbtMap, PsbtWriter, written } from './writer.ts';

/**
 * Writes a PSBT in its version, the records of each map in the order of their keys.
 *
 * @throws WalletError `WALLET_PSBT_MISMATCH` for a field that its version has none of; `WALLET_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { parsePsbt, psbtToBase64, serializePsbt } from '@bitcoin-enterprise/wallet';
 *
 * const psbt = parsePsbt('cHNidP8BAAoAAAAAAAAAAAAAAA==');
 * serializePsbt(psbt).length; // => 19
 * psbtToBase64(psbt); // => 'cHNidP8BAAoAAAAAAAAAAAAAAA=='
 * ```
 */
export function serializePsbt(psbt: Psbt): Uint8Array {
  requirePsbt(psbt);
  const writer = new PsbtWriter();
  writer.raw(MAGIC);
  globalMap(psbt).writeTo(writer);
  for (const input of psbt.inputs) inputMap(input, psbt.version).writeTo(writer);
  for (const output of psbt.outputs) outputMap(output, psbt.version).writeTo(writer);
  return writer.finish();
}

/** Writes a PSBT as base64; throws as {@link serializePsbt}. */
export function psbtToBase64(psbt: Psbt): string {
  const bytes = serializePsbt(psbt);
  let binary = '';
  // In parts: a call takes only so many arguments.
  for (let from = 0; from < bytes.length; from += 4096)
    binary += String.fromCharCode(...bytes.subarray(from, from + 4096));
  return btoa(binary);
}

function globalMap(psbt: Psbt): PsbtMap {
  const map = new PsbtMap();
  if (psbt.version === 0) {
    if (psbt.modifiable !== undefined || psbt.silentShares.length > 0)
      throw onlyVersion2('modifiable flags or silent payments');
    map.add(GlobalType.unsignedTransaction, unsignedBytes(psbt));
  } else {
    const { modifiable } = psbt;
    map.addUint32(GlobalType.transactionVersion, psbt.transactionVersion);
    map.addUint32(GlobalType.fallbackLockTime, psbt.fallbackLockTime);
    map.add(GlobalType.inputCount, count(psbt.inputs.length));
    map.add(GlobalType.outputCount, count(psbt.outputs.length));
    map.add(GlobalType.modifiable, modifiable === undefined ? undefined : Uint8Array.of(modifiable));
    addSilentShares(map, psbt.silentShares, GlobalType.silentShare, GlobalType.silentProof);
    map.addUint32(GlobalType.version, 2);
  }
  for (const { key, origin } of psbt.extendedKeys) map.add(GlobalType.extendedKey, originBytes(origin), key);
  map.add(GlobalType.signedMessage, psbt.signedMessage);
  for (const { key, value } of psbt.unknown) map.addRaw(key, value);
  return map;
}

function inputMap(input: PsbtInput, version: 0 | 2): PsbtMap {
  const map = new PsbtMap();
  const { witnessUtxo, finalScriptWitness } = input;
  map.add(InputType.nonWitnessUtxo, input.nonWitnessUtxo);
  if (witnessUtxo !== undefined) map.add(InputType.witnessUtxo, utxoBytes(witnessUtxo));
  for (const { publicKey, signature } of input.partialSignatures)
    map.add(InputType.partialSignature, signature, publicKey);
  map.addUint32(InputType.sighashType, input.sighashType);
  map.add(InputType.redeemScript, input.redeemScript);
  map.add(InputType.witnessScript, input.witnessScript);
  addDerivations(map, InputType.derivation, input.derivations);
  map.add(InputType.finalScriptSig, input.finalScriptSig);
  if (finalScriptWitness !== undefined) map.add(InputType.finalScriptWitness, stackBytes(finalScriptWitness));
  map.add(InputType.reservesCommitment, input.reservesCommitment);
  for (const { hashFunction, hash, preimage } of input.preimages) map.add(InputType[hashFunction], preimage, hash);
  if (version === 2) addVersion2Fields(map, input);
  else if (isOnlyVersion2(input)) throw onlyVersion2('required lock times or silent payments');
  map.add(InputType.tapKeySignature, input.tapKeySignature);
  for (const { publicKey, leafHash, signature } of input.tapScriptSignatures)
    map.add(InputType.tapScriptSignature, signature, concatBytes(publicKey, leafHash));
  for (const { controlBlock, script, leafVersion } of input.tapLeafScripts)
    map.add(InputType.tapLeafScript, concatBytes(script, Uint8Array.of(leafVersion)), controlBlock);
  addTapDerivations(map, InputType.tapDerivation, input.tapDerivations);
  map.add(InputType.tapInternalKey, input.tapInternalKey);
  map.add(InputType.tapMerkleRoot, input.tapMerkleRoot);
  addParticipants(map, InputType.musigParticipants, input.musigParticipants);
  for (const slot of input.musigPublicNonces) map.add(InputType.musigPublicNonce, slot.nonce, slotKey(slot));
  for (const slot of input.musigPartialSignatures)
    map.add(InputType.musigPartialSignature, slot.signature, slotKey(slot));
  for (const { key, value } of input.unknown) map.addRaw(key, value);
  return map;
}

function addVersion2Fields(map: PsbtMap, input: PsbtInput): void {
  map.add(InputType.previousTxid, input.previousTxid);
  map.addUint32(InputType.previousIndex, input.previousIndex);
  map.addUint32(InputType.sequence, input.sequence);
  map.addUint32(InputType.requiredTimeLockTime, input.requiredTimeLockTime);
  map.addUint32(InputType.requiredHeightLockTime, input.requiredHeightLockTime);
  addSilentShares(map, input.silentShares, InputType.silentShare, InputType.silentProof);
  addDerivations(map, InputType.silentSpendDerivation, input.silentSpendDerivations);
  map.add(InputType.silentTweak, input.silentTweak);
}

function isOnlyVersion2(input: PsbtInput): boolean {
  const { requiredTimeLockTime, requiredHeightLockTime, silentTweak } = input;
  return (
    [requiredTimeLockTime, requiredHeightLockTime, silentTweak].some((field) => field !== undefined) ||
    input.silentShares.length > 0 ||
    input.silentSpendDerivations.length > 0
  );
}

function outputMap(output: PsbtOutput, version: 0 | 2): PsbtMap {
  const map = new PsbtMap();
  const { silentAddress, tapTree } = output;
  map.add(OutputType.redeemScript, output.redeemScript);
  map.add(OutputType.witnessScript, output.witnessScript);
  addDerivations(map, OutputType.derivation, output.derivations);
  if (version === 2) {
    map.add(
      OutputType.amount,
      written((writer) => writer.int64(output.value)),
    );
    // A silent payment has no script before its shares are there (BIP375).
    const isOpen = silentAddress !== undefined && output.scriptPubKey.length === 0;
    map.add(OutputType.script, isOpen ? undefined : output.scriptPubKey);
    map.add(OutputType.silentAddress, silentAddress);
    map.addUint32(OutputType.silentLabel, output.silentLabel);
  } else if (silentAddress !== undefined) throw onlyVersion2('silent payments');
  map.add(OutputType.tapInternalKey, output.tapInternalKey);
  if (tapTree !== undefined) map.add(OutputType.tapTree, treeBytes(tapTree));
  addTapDerivations(map, OutputType.tapDerivation, output.tapDerivations);
  addParticipants(map, OutputType.musigParticipants, output.musigParticipants);
  map.add(OutputType.dnssecProof, output.dnssecProof);
  for (const { key, value } of output.unknown) map.addRaw(key, value);
  return map;
}

function onlyVersion2(what: string): WalletError<'WALLET_PSBT_MISMATCH'> {
  return new WalletError('WALLET_PSBT_MISMATCH', `expected a PSBT of version 2, which alone can carry ${what}`, {
    details: { reason: `version 0 has no ${what}` },
    hint: 'convert it with toPsbtVersion',
  });
}

function addDerivations(map: PsbtMap, type: number, derivations: readonly PsbtDerivation[]): void {
  for (const { publicKey, origin } of derivations) map.add(type, originBytes(origin), publicKey);
}

function addTapDerivations(map: PsbtMap, type: number, derivations: readonly PsbtTapDerivation[]): void {
  for (const { publicKey, leafHashes, origin } of derivations)
    map.add(type, concatBytes(count(leafHashes.length), ...leafHashes, originBytes(origin)), publicKey);
}

function addParticipants(map: PsbtMap, type: number, lists: readonly MusigParticipants[]): void {
  for (const { aggregate, participants } of lists) map.add(type, concatBytes(...participants), aggregate);
}

function addSilentShares(map: PsbtMap, shares: readonly SilentShare[], shareType: number, proofType: number): void {
  for (const { scanKey, share, proof } of shares) {
    map.add(shareType, share, scanKey);
    map.add(proofType, proof, scanKey);
  }
}

function slotKey({ participant, aggregate, leafHash }: MusigSlot): Uint8Array {
  return leafHash === undefined ? concatBytes(participant, aggregate) : concatBytes(participant, aggregate, leafHash);
}

function count(value: number): Uint8Array {
  return written((writer) => writer.compactSize(value));
}

function originBytes({ fingerprint, path }: KeyOrigin): Uint8Array {
  return written((writer) => {
    writer.raw(fingerprint);
    for (const step of path) writer.uint32(step);
  });
}

function utxoBytes({ value, scriptPubKey }: NonNullable<PsbtInput['witnessUtxo']>): Uint8Array {
  return written((writer) => {
    writer.int64(value);
    writer.sized(scriptPubKey);
  });
}

function stackBytes(stack: readonly Uint8Array[]): Uint8Array {
  return written((writer) => {
    writer.compactSize(stack.length);
    for (const item of stack) writer.sized(item);
  });
}

function treeBytes(leaves: NonNullable<PsbtOutput['tapTree']>): Uint8Array {
  return written((writer) => {
    for (const { depth, leafVersion, script } of leaves) {
      writer.byte(depth);
      writer.byte(leafVersion);
      writer.sized(script);
    }
  });
}
