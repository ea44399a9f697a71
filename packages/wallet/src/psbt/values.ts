import { currentCrypto } from '@bitcoin-enterprise/core';
import type { KeyOrigin } from '@bitcoin-enterprise/descriptors';
import type { MusigParticipants, MusigSlot, PsbtDerivation, PsbtTapDerivation, RawField } from './model.ts';
import { malformed, PsbtReader, type PsbtRecord, uint32At } from './reader.ts';

/** The value, which must have one length. */
export function fixed(record: PsbtRecord, length: number): Uint8Array {
  if (record.value.length !== length)
    throw malformed(record.offset, `type ${hexType(record)}: a value of ${length} bytes expected`);
  return record.value;
}

/** A number of 32 bits. */
export function uint32(record: PsbtRecord): number {
  return uint32At(fixed(record, 4), 0);
}

/** No data may stand behind the type. */
export function plainKey(record: PsbtRecord): void {
  keyOf(record, 0);
}

/** The data behind the type, which must have one length. */
export function keyOf(record: PsbtRecord, length: number): Uint8Array {
  if (record.keyData.length !== length)
    throw malformed(record.offset, `type ${hexType(record)}: key data of ${length} bytes expected`);
  return record.keyData;
}

/** A public key of 33 or 65 bytes behind the type. */
export function publicKeyOf(record: PsbtRecord): Uint8Array {
  const key = record.keyData;
  if (!currentCrypto().isPublicKey(key)) throw malformed(record.offset, `type ${hexType(record)}: no public key`);
  return key;
}

/** A compressed public key in some bytes. */
export function compressed(record: PsbtRecord, bytes: Uint8Array): Uint8Array {
  if (bytes.length !== 33 || !currentCrypto().isPublicKey(bytes))
    throw malformed(record.offset, `type ${hexType(record)}: no compressed public key`);
  return bytes;
}

/** A key of Taproot in some bytes. */
export function xOnly(record: PsbtRecord, bytes: Uint8Array): Uint8Array {
  if (bytes.length !== 32 || !currentCrypto().isXOnlyPublicKey(bytes))
    throw malformed(record.offset, `type ${hexType(record)}: no key of 32 bytes`);
  return bytes;
}

/** Fingerprint and steps. */
export function readOrigin(reader: PsbtReader): KeyOrigin {
  const fingerprint = reader.take(4);
  const path: number[] = [];
  while (!reader.isAtEnd) path.push(reader.uint32());
  return { fingerprint, path };
}

/** A key and its origin. */
export function derivationOf(record: PsbtRecord, publicKey: Uint8Array): PsbtDerivation {
  return { publicKey, origin: readOrigin(valueReader(record)) };
}

/** A key of Taproot, its leaves and its origin (BIP371). */
export function tapDerivationOf(record: PsbtRecord): PsbtTapDerivation {
  const publicKey = xOnly(record, record.keyData);
  const reader = valueReader(record);
  const count = reader.compactSize();
  const leafHashes: Uint8Array[] = [];
  for (let i = 0; i < count; i++) leafHashes.push(reader.take(32));
  return { publicKey, leafHashes, origin: readOrigin(reader) };
}

/** Aggregate and participants (BIP373). */
export function participantsOf(record: PsbtRecord): MusigParticipants {
  const aggregate = compressed(record, record.keyData);
  const reader = valueReader(record);
  const participants: Uint8Array[] = [];
  while (!reader.isAtEnd) participants.push(compressed(record, reader.take(33)));
  if (participants.length === 0) throw malformed(record.offset, 'participants of MuSig2 expected, none there');
  return { aggregate, participants };
}

/** Participant, aggregate and leaf behind the type (BIP373). */
export function slotOf(record: PsbtRecord): MusigSlot {
  const { keyData } = record;
  if (keyData.length !== 66 && keyData.length !== 98)
    throw malformed(record.offset, `type ${hexType(record)}: key data of 66 or 98 bytes expected`);
  const participant = compressed(record, keyData.subarray(0, 33));
  const aggregate = compressed(record, keyData.subarray(33, 66));
  return keyData.length === 66
    ? { participant, aggregate }
    : { participant, aggregate, leafHash: keyData.subarray(66) };
}

/** Reads the value of a record. */
export function valueReader(record: PsbtRecord): PsbtReader {
  const { value } = record;
  return new PsbtReader(value, record.offset + record.key.length + 2);
}

/** A field that is kept as it came; one of the proprietary type must have an identifier and a subtype (BIP174). */
export function rawField(record: PsbtRecord): RawField {
  const { key, value } = record;
  if (record.type === PROPRIETARY) {
    const reader = new PsbtReader(record.keyData, record.offset + 2);
    reader.sized();
    reader.compactSize();
  }
  return { key, value };
}

const PROPRIETARY = 0xfc;

function hexType({ type }: PsbtRecord): string {
  return `0x${type.toString(16).padStart(2, '0')}`;
}
