import { currentCrypto, equalBytes, toHex } from '@bitcoin-enterprise/core';
import { isStrictDer, TransactionView } from '@bitcoin-enterprise/script';
import { InputType, LOCK_TIME_THRESHOLD } from './field-types.ts';
import type { PreimageHash, PsbtInput, SilentShare } from './model.ts';
import { malformed, MOST_ITEMS, type PsbtRecord } from './reader.ts';
import {
  compressed,
  derivationOf,
  fixed,
  keyOf,
  participantsOf,
  plainKey,
  publicKeyOf,
  rawField,
  slotOf,
  tapDerivationOf,
  uint32,
  valueReader,
  xOnly,
} from './values.ts';

/** An input while it is read. */
export type Growing<Part> = {
  -readonly [Key in keyof Part]: Part[Key] extends readonly (infer Item)[] ? Item[] : Part[Key];
};

/** Lists that nobody has put anything into. */
export function emptyInput(): Growing<Omit<PsbtInput, 'previousTxid' | 'previousIndex'>> {
  return {
    partialSignatures: [],
    derivations: [],
    preimages: [],
    tapScriptSignatures: [],
    tapLeafScripts: [],
    tapDerivations: [],
    musigParticipants: [],
    musigPublicNonces: [],
    musigPartialSignatures: [],
    silentShares: [],
    silentSpendDerivations: [],
    unknown: [],
  };
}

/** What version 0 says of an input in its transaction. */
export type UnsignedInput = Pick<PsbtInput, 'previousTxid' | 'previousIndex' | 'sequence'>;

/**
 * Reads the map of an input.
 *
 * @param unsigned - Of version 0; absent in version 2, where the fields of BIP370 and later are read instead.
 */
export function parseInput(
  records: readonly PsbtRecord[],
  unsigned: UnsignedInput | undefined,
  offset: number,
): PsbtInput {
  const input: Growing<Partial<UnsignedInput> & Omit<PsbtInput, keyof UnsignedInput>> = {
    ...emptyInput(),
    ...unsigned,
  };
  const scanKeys = new Map<string, number>();
  for (const record of records) {
    if (unsigned !== undefined && isOnlyVersion2(record.type))
      throw malformed(record.offset, 'a field of version 2 alone');
    readField(input, record, scanKeys);
  }
  const { previousTxid, previousIndex } = input;
  if (previousTxid === undefined || previousIndex === undefined)
    throw malformed(offset, 'an input without the output that it spends');
  const { nonWitnessUtxo } = input;
  if (nonWitnessUtxo !== undefined) {
    const spent = TransactionView.of(nonWitnessUtxo);
    if (!equalBytes(spent.id(), previousTxid) || previousIndex >= spent.outputCount)
      throw malformed(offset, 'a transaction that is not the one the input spends');
  }
  return { ...input, previousTxid, previousIndex };
}

type InputDraft = Growing<Partial<UnsignedInput> & Omit<PsbtInput, keyof UnsignedInput>>;

function isOnlyVersion2(type: number): boolean {
  return (
    (type >= InputType.previousTxid && type <= InputType.requiredHeightLockTime) ||
    (type >= InputType.silentShare && type <= InputType.silentTweak)
  );
}

function readField(input: InputDraft, record: PsbtRecord, scanKeys: Map<string, number>): void {
  const { type, value } = record;
  switch (type) {
    case InputType.partialSignature: {
      const publicKey = publicKeyOf(record);
      if (!isStrictDer(value) || !isDefinedType(value.at(-1)))
        throw malformed(record.offset, 'a signature that is not strict DER with its hash type');
      input.partialSignatures.push({ publicKey, signature: value });
      return;
    }
    case InputType.derivation:
      input.derivations.push(derivationOf(record, publicKeyOf(record)));
      return;
    case InputType.ripemd160:
    case InputType.sha256:
    case InputType.hash160:
    case InputType.hash256:
      input.preimages.push(preimageOf(record));
      return;
    case InputType.tapScriptSignature: {
      const keyData = keyOf(record, 64);
      const publicKey = xOnly(record, keyData.subarray(0, 32));
      input.tapScriptSignatures.push({ publicKey, leafHash: keyData.subarray(32), signature: schnorr(record) });
      return;
    }
    case InputType.tapLeafScript:
      input.tapLeafScripts.push(leafScriptOf(record));
      return;
    case InputType.tapDerivation:
      input.tapDerivations.push(tapDerivationOf(record));
      return;
    case InputType.musigParticipants:
      input.musigParticipants.push(participantsOf(record));
      return;
    case InputType.musigPublicNonce:
      input.musigPublicNonces.push({ ...slotOf(record), nonce: fixed(record, 66) });
      return;
    case InputType.musigPartialSignature:
      input.musigPartialSignatures.push({ ...slotOf(record), signature: fixed(record, 32) });
      return;
    case InputType.silentShare:
    case InputType.silentProof:
      readSilentShare(input.silentShares, scanKeys, record, type === InputType.silentProof ? 'proof' : 'share');
      return;
    case InputType.silentSpendDerivation:
      input.silentSpendDerivations.push(derivationOf(record, compressed(record, record.keyData)));
      return;
    default:
      if (!readPlainField(input, record)) input.unknown.push(rawField(record));
  }
}

/** Fields that an input has once. */
function readPlainField(input: InputDraft, record: PsbtRecord): boolean {
  const { type, value } = record;
  switch (type) {
    case InputType.nonWitnessUtxo:
      input.nonWitnessUtxo = value;
      break;
    case InputType.witnessUtxo: {
      const reader = valueReader(record);
      input.witnessUtxo = { value: reader.int64(), scriptPubKey: reader.sized() };
      reader.end();
      break;
    }
    case InputType.sighashType:
      input.sighashType = uint32(record);
      break;
    case InputType.redeemScript:
      input.redeemScript = value;
      break;
    case InputType.witnessScript:
      input.witnessScript = value;
      break;
    case InputType.finalScriptSig:
      input.finalScriptSig = value;
      break;
    case InputType.finalScriptWitness:
      input.finalScriptWitness = stackOf(record);
      break;
    case InputType.reservesCommitment:
      input.reservesCommitment = value;
      break;
    case InputType.previousTxid:
      input.previousTxid = fixed(record, 32);
      break;
    case InputType.previousIndex:
      input.previousIndex = uint32(record);
      break;
    case InputType.sequence:
      input.sequence = uint32(record);
      break;
    case InputType.requiredTimeLockTime:
      input.requiredTimeLockTime = uint32(record);
      if (input.requiredTimeLockTime < LOCK_TIME_THRESHOLD) throw malformed(record.offset, 'a time below 500,000,000');
      break;
    case InputType.requiredHeightLockTime:
      input.requiredHeightLockTime = uint32(record);
      if (input.requiredHeightLockTime === 0 || input.requiredHeightLockTime >= LOCK_TIME_THRESHOLD)
        throw malformed(record.offset, 'a height of 0, or of 500,000,000 or more');
      break;
    case InputType.tapKeySignature:
      input.tapKeySignature = schnorr(record);
      break;
    case InputType.tapInternalKey:
      input.tapInternalKey = xOnly(record, value);
      break;
    case InputType.tapMerkleRoot:
      input.tapMerkleRoot = fixed(record, 32);
      break;
    case InputType.silentTweak:
      input.silentTweak = fixed(record, 32);
      break;
    default:
      return false;
  }
  plainKey(record);
  return true;
}

/** ALL, NONE or SINGLE, also with ANYONECANPAY. */
function isDefinedType(hashType = 0): boolean {
  const base = hashType & ~0x80;
  return base >= 1 && base <= 3;
}

function schnorr(record: PsbtRecord): Uint8Array {
  const { value } = record;
  if (value.length !== 64 && value.length !== 65)
    throw malformed(record.offset, 'a Schnorr signature of 64 or 65 bytes expected');
  return value;
}

const PREIMAGES: ReadonlyMap<number, PreimageHash> = new Map([
  [InputType.ripemd160, 'ripemd160'],
  [InputType.sha256, 'sha256'],
  [InputType.hash160, 'hash160'],
  [InputType.hash256, 'hash256'],
]);

function preimageOf(record: PsbtRecord): PsbtInput['preimages'][number] {
  const hashFunction = PREIMAGES.get(record.type) as PreimageHash;
  const hash = keyOf(record, hashFunction === 'ripemd160' || hashFunction === 'hash160' ? 20 : 32);
  if (!equalBytes(currentCrypto()[hashFunction](record.value), hash))
    throw malformed(record.offset, `a preimage that does not hash to its ${hashFunction}`);
  return { hashFunction, hash, preimage: record.value };
}

function leafScriptOf(record: PsbtRecord): PsbtInput['tapLeafScripts'][number] {
  const { keyData: controlBlock, value } = record;
  const branches = controlBlock.length - 33;
  if (branches < 0 || branches % 32 !== 0 || branches > 128 * 32)
    throw malformed(record.offset, 'a control block of 33 bytes and 32 for each branch expected');
  const leafVersion = value.at(-1);
  if (leafVersion === undefined) throw malformed(record.offset, 'a leaf without its version');
  if ((leafVersion & 1) !== 0 || leafVersion !== ((controlBlock[0] as number) & 0xfe))
    throw malformed(record.offset, 'a leaf version that is not that of the control block');
  return { controlBlock, script: value.subarray(0, -1), leafVersion };
}

function stackOf(record: PsbtRecord): readonly Uint8Array[] {
  const reader = valueReader(record);
  const count = reader.compactSize();
  if (count > MOST_ITEMS) throw malformed(record.offset, `a witness of more than ${MOST_ITEMS} elements`);
  const stack: Uint8Array[] = [];
  for (let i = 0; i < count; i++) stack.push(reader.sized());
  reader.end();
  return stack;
}

/**
 * A share and its proof are two records of one scan key (BIP375).
 *
 * @param places - Of the scan keys in `shares`, by their hexadecimal digits; there may be very many.
 */
export function readSilentShare(
  shares: SilentShare[],
  places: Map<string, number>,
  record: PsbtRecord,
  kind: 'share' | 'proof',
): void {
  const scanKey = compressed(record, record.keyData);
  const name = toHex(scanKey);
  const place = places.get(name) ?? shares.length;
  places.set(name, place);
  const known = shares[place] ?? { scanKey };
  shares[place] =
    kind === 'proof'
      ? { ...known, proof: fixed(record, 64) }
      : { ...known, share: compressed(record, fixed(record, 33)) };
}
