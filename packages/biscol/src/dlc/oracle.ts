import {
  concatBytes,
  currentCrypto,
  type Entropy,
  equalBytes,
  hasCode,
  parseHex,
  toHex,
  webEntropy,
} from '@bitcoin-enterprise/core';
import type { EventStore, StoredEvent } from '@bitcoin-enterprise/events';
import { SecretBytes } from '@bitcoin-enterprise/wallet/keys';
import { requireBytes, requireFunction, requireObject, requireText } from '../checks.ts';
import { BiscolError, invalidArgument } from '../errors.ts';
import { announcementMessage, attestationMessage, checkAttestation, outcomesOf, signWithNonce } from './attestation.ts';
import { requireList, requireString } from './checks.ts';
import {
  decodeAnnouncement,
  encodeAnnouncement,
  type OracleAnnouncement,
  type OracleAttestation,
  type OracleEvent,
  type OracleProfile,
  requireEventFacts,
  requireProfile,
  signatureCount,
} from './oracle-messages.ts';
import { MOST_TEXT } from './payout.ts';
import { writeInteger } from './wire.ts';

/** Settings of {@link createOracle}. */
export interface OracleOptions {
  /** 32 bytes. */
  readonly secretKey: SecretBytes;
  /**
   * Where announcements and attestations are on record before they leave: it must never be set back, for the oracle then
   * forgets what it attested, and whoever gets another attestation of the same event has its key.
   */
  readonly store: EventStore;
  /** Names the oracle in its store: 1 to 100 characters. */
  readonly name: string;
  /** `tagged` when absent. */
  readonly profile?: OracleProfile;
  /** Where random bytes come from; the runtime's when absent. */
  readonly entropy?: Entropy;
}

/** An oracle that signs (dlcspecs, Oracle.md): each event once. */
export interface DlcOracle {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /**
   * Announces an event; the same event again is answered as the first time.
   *
   * @throws BiscolError `BISCOL_DLC_CONTRADICTION` when another event of this id was announced, `BISCOL_INVALID_ARGUMENT`;
   * those of the store.
   */
  announce(event: Omit<OracleEvent, 'nonces'>): Promise<OracleAnnouncement>;
  /**
   * Attests an outcome: a name, or a number for digits. The same outcome again is answered as the first time.
   *
   * @throws BiscolError `BISCOL_DLC_CONTRADICTION` when another outcome was attested, `BISCOL_DLC_EVENT_UNKNOWN`,
   * `BISCOL_INVALID_ARGUMENT`; those of the store.
   */
  attest(eventId: string, outcome: string | bigint): Promise<OracleAttestation>;
}

const ANNOUNCED = 'dlc.announced';
const ATTESTED = 'dlc.attested';

/** What a stream of one event says. */
interface EventRecord {
  readonly announcement: OracleAnnouncement;
  readonly salt: Uint8Array;
  /** What was attested, in the words of the oracle. */
  readonly outcomes: readonly string[] | undefined;
}

/**
 * An oracle. Its nonces follow from its key and from what is on record of an event, so that it keeps no secret besides its
 * key, and signs nothing that its store does not know.
 *
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function createOracle(options: OracleOptions): DlcOracle {
  const given = requireObject<OracleOptions>('options', options);
  const { secretKey, entropy = webEntropy() } = given;
  requireFunction('options.entropy.bytes', requireObject<Entropy>('options.entropy', entropy).bytes);
  const profile = requireProfile('options.profile', given.profile ?? 'tagged');
  const name = requireText('options.name', given.name);
  if (name.length > 100) throw invalidArgument('options.name', 'a text of at most 100 characters', name);
  const store = requireObject<EventStore>('options.store', given.store) as EventStore;
  for (const call of ['append', 'readStream'] as const) requireFunction(`options.store.${call}`, store[call]);
  if (!(secretKey instanceof SecretBytes)) throw invalidArgument('options.secretKey', 'SecretBytes', secretKey);
  const point = secretKey.use((secret) => (secret.length === 32 ? currentCrypto().publicKey(secret) : undefined));
  if (point === undefined) throw invalidArgument('options.secretKey', 'a secret key of 32 bytes', secretKey);
  const publicKey = point.slice(1);

  const streamOf = (eventId: string): string =>
    `dlc-oracle/${name}/${toHex(currentCrypto().sha256(new TextEncoder().encode(eventId)))}`;
  const read = async (eventId: string): Promise<EventRecord | undefined> =>
    recordOf(await store.readStream(streamOf(eventId)), profile);
  /** Puts a fact on record unless another process has put one there. */
  const record = async (eventId: string, version: number, type: string, data: unknown): Promise<void> => {
    try {
      await store.append({ stream: streamOf(eventId), expectedVersion: version, events: [{ type, data }] });
    } catch (error) {
      if (!hasCode(error, 'EVENTS_VERSION_CONFLICT')) throw error;
    }
  };

  return {
    publicKey: new Uint8Array(publicKey),
    async announce(event) {
      const facts = requireEventFacts('event', event);
      const { eventId } = facts;
      if ((await read(eventId)) === undefined) {
        const salt = requireBytes('options.entropy.bytes(32)', entropy.bytes(32), 32);
        const count = signatureCount(facts.descriptor);
        const nonces = Array.from({ length: count }, (_, index) =>
          useNonce(secretKey, { salt, index, eventId }, (nonce) => currentCrypto().publicKey(nonce)?.slice(1)),
        );
        const announced = { ...facts, nonces: nonces as Uint8Array[] };
        const signature = secretKey.use((secret) =>
          currentCrypto().schnorrSign(announcementMessage(announced, profile), secret, new Uint8Array(salt)),
        ) as Uint8Array;
        const bytes = encodeAnnouncement({ signature, oraclePublicKey: publicKey, event: announced, profile });
        await record(eventId, 0, ANNOUNCED, { announcement: toHex(bytes), salt: toHex(salt) });
      }
      const known = await read(eventId);
      if (known === undefined) throw unknown(eventId);
      const { announcement } = known;
      const { nonces } = announcement.event;
      const isSame =
        nonces.length === signatureCount(facts.descriptor) &&
        equalBytes(announcementMessage({ ...facts, nonces }), announcementMessage(announcement.event));
      if (!isSame) throw contradiction(eventId, 'announcement');
      return announcement;
    },
    async attest(eventId, outcome) {
      const id = requireString('eventId', eventId, MOST_TEXT).normalize('NFC');
      const known = await read(id);
      if (known === undefined) throw unknown(id);
      const { announcement, salt } = known;
      const outcomes = outcomesOf(announcement.event.descriptor, outcome);
      if (known.outcomes === undefined) await record(id, 1, ATTESTED, { outcomes });
      const attested = (await read(id))?.outcomes;
      // Nothing is signed that is not on record, whoever put it there.
      if (attested?.join('/') !== outcomes.join('/')) throw contradiction(id, 'attestation');
      const signatures = outcomes.map((text, index) =>
        useNonce(secretKey, { salt, index, eventId: id }, (nonce) => {
          const secretNonce = new SecretBytes(nonce);
          const signature = signWithNonce({ secretKey, secretNonce, message: attestationMessage(text, profile) });
          secretNonce.wipe();
          return signature;
        }),
      );
      const attestation = { eventId: id, oraclePublicKey: new Uint8Array(publicKey), signatures, outcomes };
      checkAttestation(announcement, attestation);
      return attestation;
    },
  };
}

/** Lends the secret nonce of one signature. */
function useNonce<Result>(
  secretKey: SecretBytes,
  facts: { readonly salt: Uint8Array; readonly index: number; readonly eventId: string },
  action: (nonce: Uint8Array) => Result,
): Result {
  const { salt, index, eventId } = facts;
  const id = new TextEncoder().encode(eventId);
  const bytes = secretKey.use((secret) => concatBytes(secret, salt, writeInteger(index, 4), id));
  const nonce = currentCrypto().taggedHash('bitcoin-enterprise/dlc-oracle-nonce', bytes);
  try {
    return action(nonce);
  } finally {
    bytes.fill(0);
    nonce.fill(0);
  }
}

function recordOf(events: readonly StoredEvent[], profile: OracleProfile): EventRecord | undefined {
  const [announced, attested] = events;
  if (announced?.type !== ANNOUNCED) return undefined;
  const { announcement, salt } = requireObject<{ announcement: string; salt: string }>('announced', announced.data);
  return {
    announcement: decodeAnnouncement(parseHex(requireText('announced.announcement', announcement)), { profile }),
    salt: parseHex(requireText('announced.salt', salt)),
    outcomes: attested?.type === ATTESTED ? readOutcomes(attested.data) : undefined,
  };
}

function readOutcomes(data: unknown): readonly string[] {
  const { outcomes } = requireObject<{ outcomes: unknown }>('attested', data);
  return requireList('attested.outcomes', outcomes).map((outcome) => requireText('attested.outcomes', outcome));
}

function unknown(eventId: string): BiscolError<'BISCOL_DLC_EVENT_UNKNOWN'> {
  return new BiscolError('BISCOL_DLC_EVENT_UNKNOWN', 'expected an event that was announced, got another', {
    details: { eventId },
  });
}

function contradiction(
  eventId: string,
  onRecord: 'announcement' | 'attestation',
): BiscolError<'BISCOL_DLC_CONTRADICTION'> {
  return new BiscolError('BISCOL_DLC_CONTRADICTION', `expected the ${onRecord} that is on record, got another`, {
    details: { eventId, onRecord },
    hint: 'An oracle that signs two outcomes of one event gives its key away.',
  });
}
