import { currentCrypto, loadCrypto, toHex } from '@bitcoin-enterprise/core';
import { createMemoryData, createMemoryStore, type EventStore } from '@bitcoin-enterprise/events';
import { SecretBytes } from '@bitcoin-enterprise/wallet/keys';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  checkAnnouncement,
  checkAttestation,
  createOracle,
  decodeAnnouncement,
  decodeAttestation,
  type DlcOracle,
  encodeAnnouncement,
  encodeAttestation,
  type EventDescriptor,
  type OracleAnnouncement,
  type OracleAttestation,
  outcomesOf,
} from '../../src/dlc/index.ts';
import { codeOf, codeOfPromise } from '../support/code-of.ts';
import { bits, hash } from './support/oracles.ts';

beforeAll(async () => {
  await loadCrypto();
});

const weather: EventDescriptor = { kind: 'enumerated', outcomes: ['rain', 'sun'] };
const event = { eventId: 'tomorrow', maturity: 1_800_000_000, descriptor: weather };
const oracleOn = (store: EventStore, more: object = {}): DlcOracle =>
  createOracle({ secretKey: new SecretBytes(hash('key')), store, name: 'test', ...more });

describe('an oracle', () => {
  it('announces and attests what others can check, under both profiles', async () => {
    for (const profile of ['tagged', 'plain'] as const)
      for (const [descriptor, outcome] of [
        [weather, 'sun'],
        [bits(8), 77n],
        [{ kind: 'digits', base: 16, digits: 3, isSigned: true, unit: '°C', precision: -2 }, -1_000n],
      ] as const) {
        const oracle = oracleOn(createMemoryStore(), { profile });
        const announcement = await oracle.announce({ ...event, descriptor });
        checkAnnouncement(announcement);
        expect(announcement.oraclePublicKey).toEqual(oracle.publicKey);
        expect(decodeAnnouncement(encodeAnnouncement(announcement), { profile })).toEqual(announcement);
        const attestation = await oracle.attest('tomorrow', outcome);
        checkAttestation(announcement, attestation);
        expect(attestation.outcomes).toEqual(outcomesOf(descriptor, outcome));
        expect(decodeAttestation(encodeAttestation(attestation))).toEqual(attestation);
      }
  });

  it('answers the same question in the same words, whoever asks, and contradicts itself never', async () => {
    const data = createMemoryData();
    const [one, other] = [oracleOn(createMemoryStore({ data })), oracleOn(createMemoryStore({ data }))];
    const announcement = await one.announce(event);
    expect(await other.announce(event)).toEqual(announcement);
    expect(await codeOfPromise(other.announce({ ...event, maturity: 7 }))).toBe('BISCOL_DLC_CONTRADICTION');
    expect(await codeOfPromise(other.announce({ ...event, descriptor: bits(3) }))).toBe('BISCOL_DLC_CONTRADICTION');
    const attestation = await other.attest('tomorrow', 'rain');
    expect(await one.attest('tomorrow', 'rain')).toEqual(attestation);
    await expect(one.attest('tomorrow', 'sun')).rejects.toMatchObject({
      code: 'BISCOL_DLC_CONTRADICTION',
      details: { eventId: 'tomorrow', onRecord: 'attestation' },
    });
    expect(await codeOfPromise(one.attest('yesterday', 'sun'))).toBe('BISCOL_DLC_EVENT_UNKNOWN');
    expect(await codeOfPromise(one.attest('tomorrow', 'hail'))).toBe('BISCOL_INVALID_ARGUMENT');
    expect(await codeOfPromise(one.attest('tomorrow', 1n))).toBe('BISCOL_INVALID_ARGUMENT');
  });

  it('attests one outcome when two processes ask at once for two', async () => {
    for (let n = 0; n < 20; n++) {
      const data = createMemoryData();
      const oracles = [0, 1].map(() => oracleOn(createMemoryStore({ data })));
      const announcements = await Promise.all(oracles.map((oracle) => oracle.announce(event)));
      expect(announcements[0]).toEqual(announcements[1]);
      const answers = await Promise.allSettled(
        oracles.map((oracle, at) => oracle.attest('tomorrow', at === n % 2 ? 'rain' : 'sun')),
      );
      expect(answers.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    }
  });

  it('signs nothing when its store does not answer', async () => {
    const store = createMemoryStore();
    const announcement = await oracleOn(store).announce(event);
    expect(announcement.event.nonces).toHaveLength(1);
    const broken: EventStore = {
      ...store,
      append: async () => Promise.reject(new Error('disk full')),
      readStream: store.readStream.bind(store),
    };
    await expect(oracleOn(broken).attest('tomorrow', 'rain')).rejects.toThrow('disk full');
    // An append that says it worked and did not.
    const lying: EventStore = { ...broken, append: async () => ({ version: 2, position: 2, duplicate: false }) };
    expect(await codeOfPromise(oracleOn(lying).attest('tomorrow', 'rain'))).toBe('BISCOL_DLC_CONTRADICTION');
  });

  it('has other nonces for each event, and for the same event on another store', async () => {
    const nonces = new Set<string>();
    for (let n = 0; n < 10; n++) {
      const oracle = oracleOn(createMemoryStore());
      for (const eventId of ['a', 'b'])
        for (const nonce of (await oracle.announce({ ...event, eventId, descriptor: bits(5) })).event.nonces)
          nonces.add(toHex(nonce));
    }
    expect(nonces.size).toBe(100);
  });
});

describe('an announcement or attestation', () => {
  it('is refused when any of it is another', async () => {
    const oracle = oracleOn(createMemoryStore());
    const announcement = await oracle.announce({ ...event, descriptor: bits(4) });
    const attestation = await oracle.attest('tomorrow', 9n);
    let refused = 0;
    const bytes = encodeAnnouncement(announcement);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const mutated = new Uint8Array(bytes);
      mutated[bit >> 3] = (mutated[bit >> 3] as number) ^ (1 << (bit & 7));
      const code = codeOf(() => checkAnnouncement(decodeAnnouncement(mutated)));
      expect(['BISCOL_DLC_MESSAGE_INVALID', 'BISCOL_DLC_ANNOUNCEMENT_INVALID']).toContain(code);
      refused++;
    }
    const told = encodeAttestation(attestation);
    for (let bit = 0; bit < told.length * 8; bit++) {
      const mutated = new Uint8Array(told);
      mutated[bit >> 3] = (mutated[bit >> 3] as number) ^ (1 << (bit & 7));
      const code = codeOf(() => checkAttestation(announcement, decodeAttestation(mutated)));
      expect(['BISCOL_DLC_MESSAGE_INVALID', 'BISCOL_DLC_ATTESTATION_INVALID']).toContain(code);
      refused++;
    }
    expect(refused).toBeGreaterThan(4_000);
    for (let length = 0; length < bytes.length; length++)
      expect(codeOf(() => decodeAnnouncement(bytes.subarray(0, length)))).toBe('BISCOL_DLC_MESSAGE_INVALID');
  });

  it('is refused with the reason', async () => {
    const oracle = oracleOn(createMemoryStore());
    const announcement = await oracle.announce({ ...event, descriptor: bits(2) });
    const attestation = await oracle.attest('tomorrow', 1n);
    const [first, second] = announcement.event.nonces as [Uint8Array, Uint8Array];
    const reasonOf = (action: () => void): unknown => {
      try {
        action();
      } catch (error) {
        return (error as { details: { reason: string } }).details.reason;
      }
      return 'none';
    };
    const announced = (more: Partial<OracleAnnouncement>): unknown =>
      reasonOf(() => checkAnnouncement({ ...announcement, ...more }));
    const noPoint = new Uint8Array(32).fill(0xff);
    const withNonces = (nonces: readonly Uint8Array[]) => ({ event: { ...announcement.event, nonces } });
    expect([
      announced({}),
      announced({ oraclePublicKey: noPoint }),
      announced(withNonces([first, noPoint])),
      announced(withNonces([first, first])),
      announced(withNonces([second, first])),
      announced({ profile: 'plain' }),
    ]).toEqual([
      'none',
      'key is no point',
      'nonces are no points',
      'nonces repeat themselves',
      'signature does not hold',
      'signature does not hold',
    ]);
    const attested = (more: Partial<OracleAttestation>): unknown =>
      reasonOf(() => checkAttestation(announcement, { ...attestation, ...more }));
    expect([
      attested({}),
      attested({ oraclePublicKey: first }),
      attested({ eventId: 'x' }),
      attested({ outcomes: ['0', '2'] }),
      attested({ outcomes: ['00', '1'] }),
      attested({ signatures: attestation.signatures.toReversed() }),
      attested({ outcomes: ['1', '1'] }),
      attested({ outcomes: [], signatures: [] }),
    ]).toEqual([
      'none',
      'oracle is another',
      'event is another',
      'outcomes are not those of the event',
      'outcomes are not those of the event',
      'nonce is another',
      'signature does not hold',
      'outcomes are not those of the event',
    ]);
  });
});

describe('what is signed of an outcome', () => {
  it('is its digits, and the nearest that there are for a number beyond them', () => {
    expect(outcomesOf(bits(4), 5n)).toEqual(['0', '1', '0', '1']);
    expect(outcomesOf(bits(4), 16n)).toEqual(['1', '1', '1', '1']);
    expect(outcomesOf(bits(4), -1n)).toEqual(['0', '0', '0', '0']);
    const signed: EventDescriptor = { kind: 'digits', base: 16, digits: 2, isSigned: true, unit: '', precision: 0 };
    expect(outcomesOf(signed, -27n)).toEqual(['-', '1', '11']);
    expect(outcomesOf(signed, 0n)).toEqual(['+', '0', '0']);
    expect(outcomesOf(signed, -5_000n)).toEqual(['-', '15', '15']);
    expect(outcomesOf({ kind: 'enumerated', outcomes: ['Å'] }, 'A\u030A')).toEqual(['Å']);
  });

  it('is verified against the key that everybody knows', async () => {
    const oracle = oracleOn(createMemoryStore());
    await oracle.announce(event);
    const { signatures } = await oracle.attest('tomorrow', 'sun');
    const message = currentCrypto().taggedHash('DLC/oracle/attestation/v0', new TextEncoder().encode('sun'));
    expect(currentCrypto().schnorrVerify(signatures[0] as Uint8Array, message, oracle.publicKey)).toBe(true);
  });
});
