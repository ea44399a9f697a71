import { currentCrypto, equalBytes, toHex } from '@bitcoin-enterprise/core';
import { SecretBytes } from '@bitcoin-enterprise/wallet/keys';
import { requireBytes } from '../checks.ts';
import { BiscolError, invalidArgument } from '../errors.ts';
import { requireString } from './checks.ts';
import { challengeOf, evenPoint } from './curve.ts';
import {
  encodeEventBody,
  encodeOracleEvent,
  type EventDescriptor,
  type OracleAnnouncement,
  type OracleAttestation,
  type OracleEvent,
  type OracleProfile,
  requireAnnouncement,
  requireAttestation,
  requireDescriptor,
  requireProfile,
} from './oracle-messages.ts';
import { MOST_TEXT } from './payout.ts';

/**
 * What an oracle signs of an outcome, 32 bytes: the hash of its text, normalised (NFC), in UTF-8 (dlcspecs, tag
 * `DLC/oracle/attestation/v0`).
 *
 * @param profile - `tagged` when absent.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function attestationMessage(outcome: string, profile: OracleProfile = 'tagged'): Uint8Array {
  const text = requireString('outcome', outcome, MOST_TEXT).normalize('NFC');
  const bytes = new TextEncoder().encode(text);
  return requireProfile('profile', profile) === 'plain'
    ? currentCrypto().sha256(bytes)
    : currentCrypto().taggedHash('DLC/oracle/attestation/v0', bytes);
}

/**
 * What an oracle signs of an event, 32 bytes (dlcspecs, tag `DLC/oracle/announcement/v0`).
 *
 * @param profile - `tagged` when absent.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function announcementMessage(event: OracleEvent, profile: OracleProfile = 'tagged'): Uint8Array {
  return requireProfile('profile', profile) === 'plain'
    ? currentCrypto().sha256(encodeEventBody(event, profile))
    : currentCrypto().taggedHash('DLC/oracle/announcement/v0', encodeOracleEvent(event));
}

/**
 * The point whose secret is the number in a signature that is yet to be made: known to everybody before anybody knows the
 * signature.
 *
 * @param facts - `oraclePublicKey` and `nonce`: 32 bytes. `message`: what will be signed.
 * @returns 33 bytes; `undefined` when the key or the nonce is no point.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function signaturePoint(facts: {
  readonly oraclePublicKey: Uint8Array;
  readonly nonce: Uint8Array;
  readonly message: Uint8Array;
}): Uint8Array | undefined {
  if (typeof facts !== 'object' || facts === null) throw invalidArgument('facts', 'an object', facts);
  const publicKey = requireBytes('facts.oraclePublicKey', facts.oraclePublicKey, 32);
  const nonce = requireBytes('facts.nonce', facts.nonce, 32);
  const message = requireBytes('facts.message', facts.message);
  const crypto = currentCrypto();
  if (!crypto.isXOnlyPublicKey(publicKey) || !crypto.isXOnlyPublicKey(nonce)) return undefined;
  const bound = crypto.publicKeyTweakMul(evenPoint(publicKey), challengeOf(nonce, publicKey, message));
  return bound === undefined ? undefined : crypto.publicKeyCombine([evenPoint(nonce), bound]);
}

/**
 * Throws unless an announcement is signed by its oracle, and its nonces are different points.
 *
 * @throws BiscolError `BISCOL_DLC_ANNOUNCEMENT_INVALID`, `BISCOL_INVALID_ARGUMENT`.
 */
export function checkAnnouncement(announcement: OracleAnnouncement): void {
  const { signature, oraclePublicKey, event, profile } = requireAnnouncement('announcement', announcement);
  const crypto = currentCrypto();
  const fail = (reason: string): never => {
    throw new BiscolError(
      'BISCOL_DLC_ANNOUNCEMENT_INVALID',
      `expected an announcement to trust, got one whose ${reason}`,
      {
        details: { eventId: event.eventId, reason },
      },
    );
  };
  if (!crypto.isXOnlyPublicKey(oraclePublicKey)) fail('key is no point');
  if (!event.nonces.every((nonce) => crypto.isXOnlyPublicKey(nonce))) fail('nonces are no points');
  // Two digits that are signed with one nonce give the oracle's key away, and with it all its events.
  if (new Set(event.nonces.map(toHex)).size !== event.nonces.length) fail('nonces repeat themselves');
  if (!crypto.schnorrVerify(signature, announcementMessage(event, profile), oraclePublicKey))
    fail('signature does not hold');
}

/**
 * Throws unless an attestation is what its announcement promised: of the same oracle and event, of outcomes that can be,
 * with the announced nonces, and signed.
 *
 * @throws BiscolError `BISCOL_DLC_ATTESTATION_INVALID`, `BISCOL_INVALID_ARGUMENT`.
 */
export function checkAttestation(announcement: OracleAnnouncement, attestation: OracleAttestation): void {
  const { oraclePublicKey, event, profile } = requireAnnouncement('announcement', announcement);
  const given = requireAttestation('attestation', attestation);
  const fail = (reason: string): never => {
    throw new BiscolError(
      'BISCOL_DLC_ATTESTATION_INVALID',
      `expected an attestation that holds, got one whose ${reason}`,
      {
        details: { eventId: event.eventId, reason },
      },
    );
  };
  if (!equalBytes(given.oraclePublicKey, oraclePublicKey)) fail('oracle is another');
  if (given.eventId !== event.eventId) fail('event is another');
  if (!areOutcomes(event.descriptor, given.outcomes)) fail('outcomes are not those of the event');
  const items = given.signatures.map((signature, index) => {
    if (!equalBytes(signature.subarray(0, 32), event.nonces[index] as Uint8Array)) fail('nonce is another');
    const message = attestationMessage(given.outcomes[index] as string, profile);
    return { kind: 'schnorr' as const, signature, message, xOnlyPublicKey: oraclePublicKey };
  });
  if (currentCrypto().verifyBatch(items).length > 0) fail('signature does not hold');
}

/**
 * What is signed of an outcome: its name; or its digits, most significant first and in decimals, after a sign if there
 * is one. A number that is too great or too small becomes the greatest or the smallest (dlcspecs, digit decomposition).
 *
 * @param outcome - A name for an enumerated event, a bigint for digits.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function outcomesOf(descriptor: EventDescriptor, outcome: string | bigint): readonly string[] {
  const checked = requireDescriptor('descriptor', descriptor);
  if (checked.kind === 'enumerated') {
    const name = requireString('outcome', outcome, MOST_TEXT).normalize('NFC');
    if (!checked.outcomes.includes(name)) throw invalidArgument('outcome', 'an outcome of the event', outcome);
    return [name];
  }
  if (typeof outcome !== 'bigint') throw invalidArgument('outcome', 'a bigint', outcome);
  const { base, digits, isSigned } = checked;
  const magnitude = outcome < 0n ? (isSigned ? -outcome : 0n) : outcome;
  const most = BigInt(base) ** BigInt(digits) - 1n;
  const signed: string[] = [];
  for (let rest = magnitude > most ? most : magnitude; signed.length < digits; rest /= BigInt(base))
    signed.push(String(rest % BigInt(base)));
  return [...(isSigned ? [outcome < 0n ? '-' : '+'] : []), ...signed.toReversed()];
}

function areOutcomes(descriptor: EventDescriptor, outcomes: readonly string[]): boolean {
  if (descriptor.kind === 'enumerated') return outcomes.length === 1 && descriptor.outcomes.includes(outcomes[0] ?? '');
  const digits = descriptor.isSigned ? outcomes.slice(1) : outcomes;
  if (descriptor.isSigned && outcomes[0] !== '+' && outcomes[0] !== '-') return false;
  return (
    digits.length === descriptor.digits &&
    digits.every((digit) => /^(?:0|[1-9]\d{0,4})$/.test(digit) && Number(digit) < descriptor.base)
  );
}

/**
 * A signature of BIP340 with a nonce that was announced: whoever makes two of them with one nonce gives the key away, so
 * that {@link createOracle} is the way to attest.
 *
 * @param options - `secretKey` and `secretNonce`: 32 bytes. `message`: 32 bytes.
 * @returns 64 bytes, already verified.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function signWithNonce(options: {
  readonly secretKey: SecretBytes;
  readonly secretNonce: SecretBytes;
  readonly message: Uint8Array;
}): Uint8Array {
  if (typeof options !== 'object' || options === null) throw invalidArgument('options', 'an object', options);
  const { secretKey, secretNonce } = options;
  const message = requireBytes('options.message', options.message, 32);
  const crypto = currentCrypto();
  return useScalar('options.secretKey', secretKey, (key, publicKey) =>
    useScalar('options.secretNonce', secretNonce, (nonce, point) => {
      const bound = crypto.secretKeyTweakMul(key, challengeOf(point, publicKey, message));
      const number = bound === undefined ? undefined : crypto.secretKeyTweakAdd(nonce, bound);
      bound?.fill(0);
      const signature = new Uint8Array(64);
      signature.set(point);
      signature.set(number ?? [], 32);
      if (!crypto.schnorrVerify(signature, message, publicKey))
        throw invalidArgument('options', 'a key and a nonce that sign', undefined);
      return signature;
    }),
  );
}

/** Lends a secret, with the sign that makes the y of its point even, and the x of the point. */
function useScalar<Result>(
  argument: string,
  value: unknown,
  action: (scalar: Uint8Array, x: Uint8Array) => Result,
): Result {
  if (!(value instanceof SecretBytes)) throw invalidArgument(argument, 'SecretBytes', value);
  return value.use((secret) => {
    const point = secret.length === 32 ? currentCrypto().publicKey(secret) : undefined;
    if (point === undefined) throw invalidArgument(argument, 'a secret key of 32 bytes', secret);
    const even = point[0] === 2 ? new Uint8Array(secret) : (currentCrypto().secretKeyNegate(secret) as Uint8Array);
    try {
      return action(even, point.slice(1));
    } finally {
      even.fill(0);
    }
  });
}
