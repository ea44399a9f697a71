import { jsCrypto } from '@bitcoin-enterprise/core';
import { createMemoryStore } from '@bitcoin-enterprise/events';
import { SecretBytes } from '@bitcoin-enterprise/wallet/keys';
import { createOracle, type DlcOracle, type EventDescriptor, type OracleAnnouncement } from '../../../src/dlc/index.ts';

/** 32 bytes that look random. */
export function hash(...parts: ReadonlyArray<string | number>): Uint8Array {
  return jsCrypto.sha256(new TextEncoder().encode(parts.join(' ')));
}

/** Oracles that announced the same event. */
export async function oraclesOf(
  count: number,
  descriptor: EventDescriptor,
): Promise<ReadonlyArray<{ readonly oracle: DlcOracle; readonly announcement: OracleAnnouncement }>> {
  return Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const oracle = createOracle({
        secretKey: new SecretBytes(hash('oracle', n)),
        store: createMemoryStore(),
        name: `oracle ${n}`,
        entropy: { bytes: (length) => hash('salt', n).subarray(0, length) },
      });
      return { oracle, announcement: await oracle.announce({ eventId: 'event', maturity: 1_800_000_000, descriptor }) };
    }),
  );
}

/** Digits in base 2 without a sign. */
export function bits(digits: number): EventDescriptor {
  return { kind: 'digits', base: 2, isSigned: false, unit: 'usd', precision: 0, digits };
}
