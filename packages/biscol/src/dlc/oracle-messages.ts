import { concatBytes } from '@bitcoin-enterprise/core';
import { requireBytes, requireInteger, requireObject } from '../checks.ts';
import { kindOf, requireBoolean, requireList, requireString } from './checks.ts';
import { MOST_NAMES, MOST_TEXT } from './payout.ts';
import { invalidArgument } from '../errors.ts';
import { messageInvalid, WireReader, writeBigSize, writeInteger, writeRecord, writeText } from './wire.ts';

/** What an oracle will attest of an event (dlcspecs, Oracle.md). */
export type EventDescriptor =
  | {
      readonly kind: 'enumerated';
      /** One of them. */
      readonly outcomes: readonly string[];
    }
  | {
      readonly kind: 'digits';
      /** 2 to 65,535. */
      readonly base: number;
      /** Whether a sign is attested before the digits. */
      readonly isSigned: boolean;
      /** Of the number, for example `sats/sec`. */
      readonly unit: string;
      /** Power of the base by which the number is multiplied, -2^31 to 2^31-1. */
      readonly precision: number;
      /** How many, 1 to 1,000. */
      readonly digits: number;
    };

/**
 * What an oracle hashes before it signs, and how it writes the base of digits. `tagged`: as dlcspecs says. `plain`: as
 * rust-dlc and the oracles for it do, without tags, and the base in two bytes. Nothing in the bytes says which it is.
 */
export type OracleProfile = 'tagged' | 'plain';

/** An event that an oracle announces. */
export interface OracleEvent {
  readonly eventId: string;
  /** x coordinates, 32 bytes each: one for each signature of the attestation. */
  readonly nonces: readonly Uint8Array[];
  /** Unix seconds from which on it will be attested, 0 to 2^32-1. */
  readonly maturity: number;
  readonly descriptor: EventDescriptor;
}

/** An event, and the oracle's word that it will attest it. */
export interface OracleAnnouncement {
  /** 64 bytes (BIP340). */
  readonly signature: Uint8Array;
  /** 32 bytes. */
  readonly oraclePublicKey: Uint8Array;
  readonly event: OracleEvent;
  /** `tagged` when absent. */
  readonly profile?: OracleProfile;
}

/** What happened, in the words of the oracle. */
export interface OracleAttestation {
  readonly eventId: string;
  /** 32 bytes. */
  readonly oraclePublicKey: Uint8Array;
  /** 64 bytes each (BIP340), in the order of the nonces. */
  readonly signatures: readonly Uint8Array[];
  /** What each of them signs: the outcome, or one digit in decimals; a sign is `+` or `-`. */
  readonly outcomes: readonly string[];
}

const ANNOUNCEMENT = 55_332;
const EVENT = 55_330;
const ENUMERATED = 55_302;
const DIGITS = 55_306;
const ATTESTATION = 55_400;
const MOST_NONCES = 1_001;

/** How many signatures attest an event. */
export function signatureCount(descriptor: EventDescriptor): number {
  return descriptor.kind === 'enumerated' ? 1 : descriptor.digits + (descriptor.isSigned ? 1 : 0);
}

/**
 * An event in bytes (dlcspecs, `oracle_event_v0`).
 *
 * @param profile - `tagged` when absent.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function encodeOracleEvent(event: OracleEvent, profile: OracleProfile = 'tagged'): Uint8Array {
  return writeRecord(EVENT, encodeEventBody(event, profile));
}

/** {@link encodeOracleEvent} without its type and length. */
export function encodeEventBody(event: OracleEvent, profile: OracleProfile): Uint8Array {
  const { eventId, nonces, maturity, descriptor } = requireEvent('event', event);
  return concatBytes(
    writeInteger(nonces.length, 2),
    ...nonces,
    writeInteger(maturity, 4),
    encodeDescriptor(descriptor, requireProfile('profile', profile)),
    writeText(eventId),
  );
}

/**
 * An announcement in bytes (dlcspecs, `oracle_announcement_v0`).
 *
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function encodeAnnouncement(announcement: OracleAnnouncement): Uint8Array {
  const { signature, oraclePublicKey, event, profile } = requireAnnouncement('announcement', announcement);
  return writeRecord(ANNOUNCEMENT, signature, oraclePublicKey, encodeOracleEvent(event, profile));
}

/**
 * Reads an announcement; {@link checkAnnouncement} says whether it is to be trusted.
 *
 * @param options - `profile`: of the oracle; `tagged` when absent.
 * @throws BiscolError `BISCOL_DLC_MESSAGE_INVALID`, `BISCOL_INVALID_ARGUMENT`.
 */
export function decodeAnnouncement(
  bytes: Uint8Array,
  options: { readonly profile?: OracleProfile } = {},
): OracleAnnouncement {
  const given = requireObject<{ profile: OracleProfile }>('options', options).profile;
  const profile = requireProfile('options.profile', given ?? 'tagged');
  const reader = new WireReader(requireBytes('bytes', bytes));
  const { value } = reader.record([ANNOUNCEMENT]);
  reader.finish();
  const [signature, oraclePublicKey] = [value.take(64), value.take(32)];
  const { value: body } = value.record([EVENT]);
  value.finish();
  const count = body.integer(2);
  const nonces = Array.from({ length: count }, () => body.take(32));
  const maturity = body.integer(4);
  const descriptor = decodeDescriptor(body, profile);
  const event = { nonces, maturity, descriptor, eventId: body.text() };
  body.finish();
  if (count !== signatureCount(descriptor)) throw messageInvalid(0, 'a nonce for each signature');
  return { signature, oraclePublicKey, event, profile };
}

/**
 * An attestation in bytes (dlcspecs, `oracle_attestation_v0`).
 *
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function encodeAttestation(attestation: OracleAttestation): Uint8Array {
  const { eventId, oraclePublicKey, signatures, outcomes } = requireAttestation('attestation', attestation);
  return writeRecord(
    ATTESTATION,
    writeText(eventId),
    oraclePublicKey,
    writeInteger(signatures.length, 2),
    ...signatures,
    ...outcomes.map(writeText),
  );
}

/**
 * Reads an attestation; {@link checkAttestation} says whether it holds.
 *
 * @throws BiscolError `BISCOL_DLC_MESSAGE_INVALID`, `BISCOL_INVALID_ARGUMENT`.
 */
export function decodeAttestation(bytes: Uint8Array): OracleAttestation {
  const reader = new WireReader(requireBytes('bytes', bytes));
  const { value } = reader.record([ATTESTATION]);
  reader.finish();
  const [eventId, oraclePublicKey] = [value.text(), value.take(32)];
  const count = value.integer(2);
  const signatures = Array.from({ length: count }, () => value.take(64));
  const outcomes = Array.from({ length: count }, () => value.text());
  value.finish();
  return { eventId, oraclePublicKey, signatures, outcomes };
}

/** Throws unless a value is an announcement by its form; the answer is a copy. */
export function requireAnnouncement(argument: string, value: unknown): Required<OracleAnnouncement> {
  const { signature, oraclePublicKey, event, profile } = requireObject<OracleAnnouncement>(argument, value);
  return {
    signature: new Uint8Array(requireBytes(`${argument}.signature`, signature, 64)),
    oraclePublicKey: new Uint8Array(requireBytes(`${argument}.oraclePublicKey`, oraclePublicKey, 32)),
    event: requireEvent(`${argument}.event`, event),
    profile: requireProfile(`${argument}.profile`, profile ?? 'tagged'),
  };
}

/** Throws unless a value is a profile. */
export function requireProfile(argument: string, value: unknown): OracleProfile {
  if (value !== 'tagged' && value !== 'plain') throw invalidArgument(argument, "'tagged' or 'plain'", value);
  return value;
}

/** Throws unless a value is an attestation by its form; the answer is a copy. */
export function requireAttestation(argument: string, value: unknown): OracleAttestation {
  const given = requireObject<OracleAttestation>(argument, value);
  const signatures = requireList(`${argument}.signatures`, given.signatures);
  const outcomes = requireList(`${argument}.outcomes`, given.outcomes);
  if (outcomes.length !== signatures.length || outcomes.length > MOST_NONCES)
    throw invalidArgument(`${argument}.outcomes`, `a list of one for each signature, at most ${MOST_NONCES}`, outcomes);
  return {
    eventId: requireString(`${argument}.eventId`, given.eventId, MOST_TEXT).normalize('NFC'),
    oraclePublicKey: new Uint8Array(requireBytes(`${argument}.oraclePublicKey`, given.oraclePublicKey, 32)),
    signatures: signatures.map(
      (signature, index) => new Uint8Array(requireBytes(`${argument}.signatures[${index}]`, signature, 64)),
    ),
    outcomes: outcomes.map((outcome, index) =>
      requireString(`${argument}.outcomes[${index}]`, outcome, MOST_TEXT).normalize('NFC'),
    ),
  };
}

/** Throws unless a value is an event by its form; the answer is a copy. */
export function requireEvent(argument: string, value: unknown): OracleEvent {
  const { nonces, ...rest } = requireObject<OracleEvent>(argument, value);
  const event = requireEventFacts(argument, rest);
  const list = requireList(`${argument}.nonces`, nonces);
  const count = signatureCount(event.descriptor);
  if (list.length !== count) throw invalidArgument(`${argument}.nonces`, `a list of ${count}`, nonces);
  return {
    ...event,
    nonces: list.map((nonce, index) => new Uint8Array(requireBytes(`${argument}.nonces[${index}]`, nonce, 32))),
  };
}

/** {@link requireEvent} of an event that has no nonces yet. */
export function requireEventFacts(argument: string, value: unknown): Omit<OracleEvent, 'nonces'> {
  const { eventId, maturity, descriptor } = requireObject<OracleEvent>(argument, value);
  return {
    eventId: requireString(`${argument}.eventId`, eventId, MOST_TEXT).normalize('NFC'),
    maturity: requireInteger(`${argument}.maturity`, maturity, 0, 0xffff_ffff),
    descriptor: requireDescriptor(`${argument}.descriptor`, descriptor),
  };
}

/** Throws unless a value is a descriptor; the answer is a copy. */
export function requireDescriptor(argument: string, value: unknown): EventDescriptor {
  if (kindOf(argument, value, ['enumerated', 'digits']) === 'enumerated') {
    const { outcomes } = requireObject<{ outcomes: readonly string[] }>(argument, value);
    const list = requireList(`${argument}.outcomes`, outcomes);
    if (list.length === 0 || list.length > MOST_NAMES)
      throw invalidArgument(`${argument}.outcomes`, `a list of 1 to ${MOST_NAMES}`, outcomes);
    const names = list.map((outcome, index) =>
      requireString(`${argument}.outcomes[${index}]`, outcome, MOST_TEXT).normalize('NFC'),
    );
    if (new Set(names).size !== names.length)
      throw invalidArgument(`${argument}.outcomes`, 'a list of different outcomes', outcomes);
    return { kind: 'enumerated', outcomes: names };
  }
  const given = requireObject<Extract<EventDescriptor, { kind: 'digits' }>>(argument, value);
  return {
    kind: 'digits',
    base: requireInteger(`${argument}.base`, given.base, 2, 65_535),
    isSigned: requireBoolean(`${argument}.isSigned`, given.isSigned),
    unit: requireString(`${argument}.unit`, given.unit, MOST_TEXT).normalize('NFC'),
    precision: requireInteger(`${argument}.precision`, given.precision, -(2 ** 31), 2 ** 31 - 1),
    digits: requireInteger(`${argument}.digits`, given.digits, 1, 1_000),
  };
}

function encodeDescriptor(descriptor: EventDescriptor, profile: OracleProfile): Uint8Array {
  if (descriptor.kind === 'enumerated')
    return writeRecord(ENUMERATED, writeInteger(descriptor.outcomes.length, 2), ...descriptor.outcomes.map(writeText));
  const { base, isSigned, unit, precision, digits } = descriptor;
  return writeRecord(
    DIGITS,
    profile === 'plain' ? writeInteger(base, 2) : writeBigSize(base),
    Uint8Array.of(isSigned ? 1 : 0),
    concatBytes(writeText(unit), writeInteger(precision, 4), writeInteger(digits, 2)),
  );
}

function decodeDescriptor(reader: WireReader, profile: OracleProfile): EventDescriptor {
  const { type, value } = reader.record([ENUMERATED, DIGITS]);
  if (type === ENUMERATED) {
    const count = value.integer(2);
    const outcomes = Array.from({ length: count }, () => value.text());
    value.finish();
    if (count === 0 || new Set(outcomes).size !== count) throw messageInvalid(0, 'an event of different outcomes');
    return { kind: 'enumerated', outcomes };
  }
  const base = profile === 'plain' ? value.integer(2) : value.bigSize();
  const [isSigned, unit] = [value.boolean(), value.text()];
  const [precision, digits] = [value.integer(4) | 0, value.integer(2)];
  value.finish();
  if (base < 2 || base > 65_535 || digits < 1 || digits > 1_000)
    throw messageInvalid(0, 'a base of 2 to 65,535 and 1 to 1,000 digits');
  return { kind: 'digits', base, isSigned, unit, precision, digits };
}
