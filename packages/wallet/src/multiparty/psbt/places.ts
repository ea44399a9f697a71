import { currentCrypto, equalBytes } from '@bitcoin-enterprise/core';
import { ScriptReader, Sighasher, SighashType, type SpentOutput } from '@bitcoin-enterprise/script';
import { requireInteger, requireList, requireObject } from '../../checks.ts';
import type { MusigParticipants, Psbt, PsbtInput } from '../../psbt/model.ts';
import { requireProvenOutputs } from '../../psbt/proven-outputs.ts';
import { requirePsbt } from '../../psbt/require-psbt.ts';
import { isFinal } from '../../psbt/slots.ts';
import { inputIncomplete, inputInvalid, spendOf, spentOutputOf } from '../../psbt/spend.ts';
import { unsignedTransaction } from '../../psbt/transaction.ts';
import { aggregateMusigKeys, deriveMusigKeys, type MusigKeys, tweakMusigKeys } from '../musig/keys.ts';

/** A signature that several make together (BIP373): which input, which keys, which message. */
export interface MusigPlace {
  readonly input: number;
  /** With all tweaks; `publicKey` is what the fields of BIP373 name. */
  readonly keys: MusigKeys;
  /** 32 bytes; absent for the key path. */
  readonly leafHash?: Uint8Array;
  /** The signature hash, 32 bytes. */
  readonly message: Uint8Array;
  /** 0 of SIGHASH_DEFAULT. */
  readonly hashType: number;
}

/** Which sighash types may be signed; ALL and DEFAULT when absent. */
export interface MusigPlacesOptions {
  readonly sighashTypes?: readonly number[];
}

/**
 * All places of a PSBT where aggregated keys sign and there is no signature yet: the output key, the internal key, keys in
 * leaves, and keys below an aggregate (BIP328).
 *
 * @throws WalletError `WALLET_PSBT_INPUT_INVALID` for participants that make another aggregate, a sighash type that may not
 * be signed; `WALLET_PSBT_INCOMPLETE` when an input does not say what it spends; `WALLET_INVALID_ARGUMENT`; beside silent
 * payments those of `requireProvenOutputs` and `verifySilentShares`.
 */
export function musigPlacesOf(psbt: Psbt, options: MusigPlacesOptions = {}): readonly MusigPlace[] {
  requirePsbt(psbt);
  // BIP375: beside a silent payment ALL is signed, and nothing else.
  const isSilent = psbt.outputs.some(({ silentAddress }) => silentAddress !== undefined);
  const usual = isSilent ? SighashType.ALL : SighashType.DEFAULT;
  const { sighashTypes = [usual, SighashType.ALL] } = requireObject<MusigPlacesOptions>('options', options);
  for (const type of requireList('options.sighashTypes', sighashTypes))
    requireInteger('options.sighashTypes', type, 0, 255);
  if (psbt.inputs.every(({ musigParticipants }) => musigParticipants.length === 0)) return [];
  requireProvenOutputs(psbt);
  const spent = psbt.inputs.map((input, index) => {
    const utxo = spentOutputOf(input, index);
    if (utxo === undefined) throw inputIncomplete(index, 'the output that it spends, which Taproot signs');
    return utxo;
  });
  const hasher = new Sighasher({ tx: unsignedTransaction(psbt), spentOutputs: spent });
  return psbt.inputs.flatMap((input, index) => {
    if (isFinal(input) || input.musigParticipants.length === 0) return [];
    const hashType = input.sighashType ?? usual;
    if (!sighashTypes.includes(hashType) || (isSilent && hashType !== SighashType.ALL))
      throw inputInvalid(index, `the sighash type ${hashType}, which may not be signed`);
    return keysOfInput(input, index, spent[index] as SpentOutput).map(({ keys, leafHash }) => {
      const message = hasher.taproot(index, leafHash === undefined ? { hashType } : { hashType, leafHash });
      const place = { input: index, keys, message, hashType };
      return leafHash === undefined ? place : { ...place, leafHash };
    });
  });
}

interface SigningKeys {
  readonly keys: MusigKeys;
  readonly leafHash?: Uint8Array;
}

function keysOfInput(input: PsbtInput, index: number, utxo: SpentOutput): readonly SigningKeys[] {
  const spend = spendOf(input, index, utxo);
  if (spend.rules !== 'taproot') throw inputInvalid(index, 'MuSig2 in an input that is not of Taproot');
  const found: SigningKeys[] = [];
  const candidates = input.musigParticipants.flatMap((list) => candidatesOf(input, list, index));
  const { tapInternalKey } = input;
  if (input.tapKeySignature === undefined) {
    for (const keys of candidates) {
      if (tapInternalKey === undefined) {
        if (equalBytes(keys.xOnlyPublicKey, spend.outputKey)) found.push({ keys });
      } else if (equalBytes(keys.xOnlyPublicKey, tapInternalKey)) {
        const tweak = spend.tweak();
        if (tweak !== undefined) found.push({ keys: tweakMusigKeys(keys, [{ tweak, kind: 'x-only' }]) });
      }
    }
  }
  for (const leaf of spend.leaves) {
    const { leafHash, script } = leaf;
    for (const keys of candidates) {
      const isSigned = input.tapScriptSignatures.some(
        (signed) => equalBytes(signed.leafHash, leafHash) && equalBytes(signed.publicKey, keys.xOnlyPublicKey),
      );
      if (isSigned || !pushes(script, keys.xOnlyPublicKey)) continue;
      // What is not in the output must not be signed.
      spend.requireLeaf(leaf);
      found.push({ keys, leafHash });
    }
  }
  return found;
}

/** An aggregate, and the keys below it that the input names. */
function candidatesOf(
  input: PsbtInput,
  { aggregate, participants }: MusigParticipants,
  index: number,
): readonly MusigKeys[] {
  const keys = aggregateMusigKeys(participants);
  if (!equalBytes(keys.publicKey, aggregate)) throw inputInvalid(index, 'participants that make another aggregate');
  const fingerprint = currentCrypto().hash160(aggregate).subarray(0, 4);
  const below: MusigKeys[] = [];
  for (const { publicKey, origin } of input.tapDerivations) {
    const isBelow = origin.path.length > 0 && equalBytes(origin.fingerprint, fingerprint);
    if (!isBelow || origin.path.some((step) => step >= 0x8000_0000)) continue;
    const derived = deriveMusigKeys(keys, origin.path);
    if (equalBytes(derived.xOnlyPublicKey, publicKey)) below.push(derived);
  }
  return [keys, ...below];
}

function pushes(script: Uint8Array, xOnly: Uint8Array): boolean {
  for (const reader = new ScriptReader(script); reader.next();)
    if (reader.dataSize === 32 && reader.opcode === 32 && equalBytes(reader.data(), xOnly)) return true;
  return false;
}
