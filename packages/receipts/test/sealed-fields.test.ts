import { createSeededEntropy } from '@bitcoin-enterprise/core/testing';
import {
  createMemoryKeyStore,
  createStatement,
  type Disclosure,
  formatReceipt,
  isSealedField,
  type Json,
  openField,
  type SealedField,
  sealField,
  verifyDisclosure,
  verifyReceipt,
} from '@bitcoin-enterprise/receipts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createScene } from './scene.ts';

const place = 'https://example.com/payment/v1#payer';
const canary = 'Jane-Canary-Doe';

describe('a sealed field', () => {
  it('opens to what was sealed, whatever JSON it is', async () => {
    const keys = createMemoryKeyStore();
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ noUnicodeString: false }), async (value) => {
        const json = JSON.parse(JSON.stringify(value)) as Json;
        // Numbers that others would round, and lone surrogates, are refused: the tests of statements say so.
        if (/\d{16}|e\+|\\ud/.test(JSON.stringify(json))) return;
        const field = await sealField(keys, json, { subject: 'a', place });
        const shown = await openField(keys, field, { place });
        expect(shown.value).toEqual(json);
        expect(verifyDisclosure(field, shown, { place })).toBe(true);
        expect(isSealedField(field)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('opens nowhere else, not for another subject, and not when any part is changed', async () => {
    const keys = createMemoryKeyStore();
    const field = await sealField(keys, canary, { subject: 'a', place });
    const other = await sealField(keys, canary, { subject: 'b', place });
    const changed: readonly SealedField[] = [
      { ...field, keyId: other.keyId },
      { ...field, iv: other.iv },
      { ...field, ciphertext: other.ciphertext },
      { ...field, digest: other.digest },
    ];

    await expect(openField(keys, field, { place: 'elsewhere' })).rejects.toThrow('RECEIPTS_SEALED_INVALID');
    for (const each of changed)
      await expect(openField(keys, each, { place })).rejects.toThrow('RECEIPTS_SEALED_INVALID');
  });

  it('tells nothing of its value: neither by its digest, nor by its length, nor by being equal to another', async () => {
    const keys = createMemoryKeyStore();
    const fields = await Promise.all(
      ['yes', 'no', 'no'].map((value) => sealField(keys, value, { subject: 'a', place })),
    );
    const [yes, no, again] = fields as [SealedField, SealedField, SealedField];

    expect(yes.ciphertext.length).toBe(no.ciphertext.length);
    expect(new Set(fields.map(({ digest }) => digest)).size).toBe(3);
    expect(again.ciphertext).not.toBe(no.ciphertext);
    // Whoever guesses the value still needs 32 bytes of salt.
    for (const salt of ['00'.repeat(32), no.digest, yes.digest])
      expect(verifyDisclosure(no, { value: 'no', salt }, { place })).toBe(false);
  });

  it('can be shown to a third party, who needs no key and believes no other value', async () => {
    const keys = createMemoryKeyStore();
    const field = await sealField(keys, { name: canary, born: '1990-01-01' }, { subject: 'a', place });
    const shown = await openField(keys, field, { place });
    await keys.destroy('a');
    const lies: readonly Disclosure[] = [
      { ...shown, value: { name: 'John', born: '1990-01-01' } },
      { ...shown, salt: '11'.repeat(32) },
      { ...shown, salt: 'short' },
    ];

    expect(verifyDisclosure(field, shown, { place })).toBe(true);
    expect(verifyDisclosure(field, shown, { place: 'elsewhere' })).toBe(false);
    for (const lie of lies) expect(verifyDisclosure(field, lie, { place })).toBe(false);
  });
});

describe('once the key is destroyed', () => {
  it('the plaintext is nowhere, and the receipt still proves all that it did', async () => {
    const scene = createScene();
    const keys = createMemoryKeyStore();
    const payer = await sealField(keys, canary, { subject: 'customer-canary-7', place });
    const statement = createStatement({
      subject: [{ name: 'payment-7', digest: { sha256: 'ab'.repeat(32) } }],
      predicateType: 'https://example.com/payment/v1',
      predicate: { amountSat: '150000', payer },
    });
    const receipt = await scene.receipts.issue(statement, { key: 'payment-7' });
    expect((await openField(keys, payer, { place })).value).toBe(canary);
    expect(await keys.destroy('customer-canary-7')).toBe(true);
    const verdict = await verifyReceipt(formatReceipt(receipt), scene.policy);

    expect(verdict.valid && verdict.statement.predicate['payer']).toEqual(payer);
    await expect(openField(keys, payer, { place })).rejects.toMatchObject({
      code: 'RECEIPTS_SEAL_KEY_UNAVAILABLE',
      details: { keyId: payer.keyId },
    });
    const everything = [
      formatReceipt(receipt),
      new TextDecoder().decode(receipt.envelope.payload),
      ...Array.from(scene.storage.files().values(), (bytes) => new TextDecoder().decode(bytes)),
    ].join('\n');
    for (const word of [canary, 'customer-canary-7', btoa(canary).slice(0, -2)]) expect(everything).not.toContain(word);
  });

  it('sealing for the subject again does not bring the old value back', async () => {
    const keys = createMemoryKeyStore();
    const before = await sealField(keys, canary, { subject: 'a', place });
    await keys.destroy('a');
    const after = await sealField(keys, 'new', { subject: 'a', place });

    expect((await openField(keys, after, { place })).value).toBe('new');
    await expect(openField(keys, before, { place })).rejects.toThrow('RECEIPTS_SEAL_KEY_UNAVAILABLE');
  });
});

describe('errors of sealed fields', () => {
  it('never repeat a value, a salt or a subject', async () => {
    const keys = createMemoryKeyStore({ entropy: createSeededEntropy('errors') });
    const field = await sealField(keys, canary, { subject: 'subject-canary', place });
    const calls: ReadonlyArray<() => unknown> = [
      () => sealField(keys, { [canary]: 5n } as never, { subject: 'subject-canary', place }),
      () => sealField(keys, [canary, undefined] as never, { subject: 'subject-canary', place }),
      () => openField(keys, { ...field, digest: 'x' }, { place }),
      () => openField(keys, field, { place: 'elsewhere' }),
      () => openField(keys, {} as never, { place }),
      () => openField(keys, field, {} as never),
      () => verifyDisclosure({} as never, { value: canary, salt: canary }, { place }),
    ];
    for (const call of calls) {
      const error: unknown = await Promise.resolve()
        .then(call)
        .catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: expect.stringMatching(/^RECEIPTS_/) });
      for (const word of [canary, 'subject-canary'])
        expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain(word);
    }
  });
});
