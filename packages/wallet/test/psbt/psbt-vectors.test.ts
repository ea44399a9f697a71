import { loadCrypto } from '@bitcoin-enterprise/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { WalletError } from '../../src/errors.ts';
import { parsePsbt, psbtLockTime, psbtToBase64 } from '../../src/psbt/index.ts';
import { readJsonVectors } from '../support/vectors.ts';

interface Row {
  readonly section: string;
  readonly case: string;
  readonly psbt: string;
}

const vectors = readJsonVectors<Readonly<Record<string, readonly Row[]>>>('derived/bip_psbt_vectors.json');
const rows = Object.entries(vectors ?? {}).flatMap(([bip, list]) =>
  list.map((row, place) => ({ ...row, name: `${bip} ${place}: ${row.case}` })),
);
const isInvalid = ({ section }: Row): boolean => /are invalid/.test(section);

beforeAll(async () => {
  await loadCrypto();
});

describe.skipIf(vectors === undefined)('the PSBTs of BIP174, 370, 371 and 373', () => {
  it('are all there', () => {
    expect(rows.length).toBe(131);
    expect(rows.filter(isInvalid).length).toBe(19 + 24 + 11 + 9);
  });

  it.for(rows.filter(isInvalid))('refuses $name', ({ psbt }) => {
    let error: unknown;
    try {
      parsePsbt(psbt);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(WalletError);
    expect((error as WalletError).code).toBe('WALLET_PSBT_MALFORMED');
  });

  it.for(rows.filter((row) => !isInvalid(row)))('reads and writes $name', ({ psbt }) => {
    const parsed = parsePsbt(psbt);
    const written = psbtToBase64(parsed);
    expect(psbtToBase64(parsePsbt(written))).toBe(written);
    // Same records, whatever their order.
    expect(Buffer.from(written, 'base64').length).toBe(Buffer.from(psbt, 'base64').length);
  });

  const lockTimes = rows.filter(({ section }) => /should be computed to be/.test(section));
  it.for(lockTimes)('computes the lock time of $name', ({ section, psbt }) => {
    expect(psbtLockTime(parsePsbt(psbt))).toBe(Number(/to be (\d+)/.exec(section)?.[1]));
  });

  it.for(rows.filter(({ section }) => /cannot be computed/.test(section)))('has no lock time for $name', ({ psbt }) => {
    expect(() => psbtLockTime(parsePsbt(psbt))).toThrow(
      expect.objectContaining({ code: 'WALLET_PSBT_LOCK_TIME_UNDETERMINED' }),
    );
  });
});
