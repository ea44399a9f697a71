import { currentCrypto, toHex } from '@bitcoin-enterprise/core';
import {
  anchorScript,
  createLog,
  createReceipts,
  ed25519Verifier,
  formatReceipt,
  type LogStorage,
  p256Signer,
  parseNote,
  parseReceipt,
  type Receipt,
  type ReceiptVerdict,
  verifyReceipt,
  type Witness,
} from '@bitcoin-enterprise/receipts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anchored } from './anchored.ts';
import { createScene, payment } from './scene.ts';

const codes = (verdict: ReceiptVerdict): readonly string[] =>
  verdict.valid ? ['valid'] : verdict.reasons.map(({ code }) => code);

describe('a receipt', () => {
  it('proves its statement, its signers, its place in the log, and who has seen that', async () => {
    const scene = createScene();
    for (let i = 0; i < 20; i++) await scene.receipts.issue(payment(i), { key: `payment-${i}` });
    const receipt = await scene.receipts.issue(payment(20), { key: 'payment-20' });
    const verdict = await verifyReceipt(formatReceipt(receipt), scene.policy);

    if (!verdict.valid) expect.unreachable(codes(verdict).join());
    expect(verdict.statement).toEqual(payment(20));
    expect(verdict.index).toBe(20);
    expect(verdict.checkpoint.size).toBe(21);
    expect(verdict.signedBy).toEqual(scene.signers.map(({ keyId }) => keyId));
    expect(verdict.checkpoint.cosignedBy.map(({ name }) => name)).toEqual([
      'witness.example/w1',
      'witness.example/w2',
      'witness.example/w3',
    ]);
  });

  it('survives JSON unchanged, with and without an anchor', async () => {
    const scene = createScene();
    const receipt = await scene.receipts.issue(payment(1), { key: 'a' });
    const withAnchor = (await anchored(scene, receipt)).receipt;

    for (const each of [receipt, withAnchor]) {
      expect(parseReceipt(formatReceipt(each))).toEqual(each);
      expect(formatReceipt(parseReceipt(formatReceipt(each)))).toBe(formatReceipt(each));
    }
  });

  it('has one spelling of every value: what would be a second text of the same receipt is refused', async () => {
    const scene = createScene();
    let receipt = await scene.receipts.issue(payment(0), { key: '0' });
    // Until its Base64 has a character in which the two alphabets differ.
    for (
      let i = 1;
      !/[+/]/.test(formatReceipt(receipt).replaceAll(/"(?:type|payloadType|checkpoint)":"[^"]*"/g, ''));
      i++
    )
      receipt = await scene.receipts.issue(payment(i), { key: `${i}` });
    const text = formatReceipt(receipt);
    const respelled = (change: (envelope: { payload: string; signatures: Array<{ sig: string }> }) => void): string => {
      const value = JSON.parse(text) as { envelope: { payload: string; signatures: Array<{ sig: string }> } };
      change(value.envelope);
      return JSON.stringify(value);
    };
    const other = (base64: string): string => base64.replaceAll('+', '-').replaceAll('/', '_');
    const spellings = [
      respelled((envelope) => (envelope.payload = other(envelope.payload))),
      respelled(({ signatures }) => signatures.forEach((each) => (each.sig = other(each.sig)))),
      respelled((envelope) => (envelope.payload = envelope.payload.replace(/=*$/, '') + '='.repeat(3))),
    ].filter((spelling) => spelling !== respelled(() => undefined));

    expect(spellings.length).toBeGreaterThan(1);
    for (const spelling of spellings) expect(() => parseReceipt(spelling)).toThrow('RECEIPTS_ENVELOPE_INVALID');
    expect(() => parseReceipt(text.replace(/"index":\d+/, '"index":-0'))).toThrow('RECEIPTS_RECEIPT_MALFORMED');
    expect(parseReceipt(respelled(() => undefined))).toEqual(receipt);
  });

  it('is issued once for a key: again, at the same time, and by another process', async () => {
    const scene = createScene();
    const [a, b] = await Promise.all([
      scene.receipts.issue(payment(1), { key: 'k' }),
      scene.receipts.issue(payment(1), { key: 'k' }),
    ]);
    const other = createReceipts({
      log: createLog({ storage: scene.storage }),
      origin: scene.origin,
      signers: scene.signers,
      logSigners: [scene.logSigner],
      witnesses: scene.witnesses,
    });
    const c = await other.issue(payment(1), { key: 'k' });

    expect([a.index, b.index, c.index]).toEqual([0, 0, 0]);
    expect((await scene.log.head()).size).toBe(1);
    expect((await scene.receipts.find('k'))?.index).toBe(0);
    expect(await scene.receipts.find('nothing')).toBeUndefined();
  });

  it('is refused for another statement under the same key', async () => {
    const scene = createScene();
    await scene.receipts.issue(payment(1), { key: 'k' });

    await expect(scene.receipts.issue(payment(2), { key: 'k' })).rejects.toMatchObject({
      code: 'RECEIPTS_KEY_CONFLICT',
      details: { index: 0 },
    });
    await expect(scene.receipts.issue(payment(2), { key: '' })).rejects.toThrow('RECEIPTS_INVALID_ARGUMENT');
  });

  it('is the same one again although its signer is not deterministic', async () => {
    const scene = createScene();
    const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
    const receipts = createReceipts({
      log: scene.log,
      origin: scene.origin,
      signers: [await p256Signer(pair)],
      logSigners: [scene.logSigner],
    });
    const [first, second] = [
      await receipts.issue(payment(1), { key: 'k' }),
      await receipts.issue(payment(1), { key: 'k' }),
    ];

    expect(second.envelope).toEqual(first.envelope);
  });

  it('comes after a crash at any point: each call of the storage fails once', async () => {
    let survived = 0;
    for (let failAt = 0; failAt < 40; failAt++) {
      const scene = createScene({ seed: `crash ${failAt}` });
      let calls = 0;
      // A crash before the call, and one after it whose answer is lost.
      const crash = async <T>(call: () => Promise<T>): Promise<T> => {
        const now = calls++;
        if (now === failAt && failAt % 2 === 0) throw new Error('crash before');
        const answer = await call();
        if (now === failAt) throw new Error('crash after');
        return answer;
      };
      const storage: LogStorage = {
        head: (o) => crash(() => scene.storage.head(o)),
        read: (p, o) => crash(() => scene.storage.read(p, o)),
        indexOfKey: (k, o) => crash(() => scene.storage.indexOfKey(k, o)),
        commit: (c, o) => crash(() => scene.storage.commit(c, o)),
      };
      const process = (): ReturnType<typeof createReceipts> =>
        createReceipts({
          log: createLog({ storage }),
          origin: scene.origin,
          signers: scene.signers,
          logSigners: [scene.logSigner],
          witnesses: scene.witnesses,
        });
      let receipt: Receipt | undefined;
      for (let attempt = 0; receipt === undefined && attempt < 3; attempt++)
        try {
          receipt = await process().issue(payment(1), { key: 'k' });
        } catch {
          survived++;
        }
      expect(codes(await verifyReceipt(receipt as Receipt, scene.policy))).toEqual(['valid']);
      expect((await scene.storage.head())?.size).toBe(1);
    }

    expect(survived).toBeGreaterThan(8);
  });

  it('shares one checkpoint among many that are issued together', async () => {
    const scene = createScene();
    let asked = 0;
    const [witness] = scene.witnesses as [Witness];
    const counted: Witness = {
      key: witness.key,
      cosign: (request, options) => {
        asked++;
        return witness.cosign(request, options);
      },
    };
    const receipts = createReceipts({
      log: scene.log,
      origin: scene.origin,
      signers: scene.signers,
      logSigners: [scene.logSigner],
      witnesses: [counted],
    });
    const issued = await Promise.all(Array.from({ length: 50 }, (_, i) => receipts.issue(payment(i), { key: `${i}` })));
    const policy = { ...scene.policy, log: { ...scene.policy.log, witnesses: [witness.key] } };

    for (const receipt of issued) expect(codes(await verifyReceipt(receipt, policy))).toEqual(['valid']);
    expect(asked).toBeLessThan(10);
  });
});

describe('a verdict', () => {
  it('names all that is wrong at once', async () => {
    const scene = createScene();
    const stranger = createScene({ seed: 'stranger' });
    const receipt = await scene.receipts.issue(payment(1), { key: 'k' });

    expect(codes(await verifyReceipt(receipt, stranger.policy))).toEqual([
      'RECEIPTS_NOTE_UNVERIFIED',
      'RECEIPTS_ENVELOPE_UNVERIFIED',
    ]);
    const other = await scene.receipts.issue(payment(2), { key: 'l' });
    const mixed = { ...receipt, envelope: other.envelope };
    expect(codes(await verifyReceipt(mixed, scene.policy))).toEqual(['RECEIPTS_PROOF_INVALID']);
  });

  it('is refused without the anchor that the policy asks for', async () => {
    const scene = createScene();
    const receipt = await scene.receipts.issue(payment(1), { key: 'k' });
    const { receipt: withAnchor, chain } = await anchored(scene, receipt);
    const policy = { ...scene.policy, anchor: { network: 'regtest', chain, presence: 'required' } } as const;

    expect(codes(await verifyReceipt(receipt, policy))).toEqual(['RECEIPTS_ANCHOR_MISSING']);
    const verdict = await verifyReceipt(withAnchor, policy);
    expect(verdict.valid && verdict.anchor?.confirmations).toBe(6);
    const deeper = { ...policy, anchor: { ...policy.anchor, minimumConfirmations: 7 } };
    expect(codes(await verifyReceipt(withAnchor, deeper))).toEqual(['RECEIPTS_ANCHOR_UNCONFIRMED']);
    const elsewhere = { ...policy, anchor: { ...policy.anchor, chain: { confirmations: async () => undefined } } };
    expect(codes(await verifyReceipt(withAnchor, elsewhere))).toEqual(['RECEIPTS_ANCHOR_UNCONFIRMED']);
    const main = { ...policy, anchor: { ...policy.anchor, network: 'main' } } as const;
    expect(codes(await verifyReceipt(withAnchor, main))).toEqual(['RECEIPTS_ANCHOR_INVALID']);
  });

  it('is not given when the chain cannot be asked: that says nothing of the receipt', async () => {
    const scene = createScene();
    const { receipt } = await anchored(scene, await scene.receipts.issue(payment(1), { key: 'k' }));
    const chain = { confirmations: () => Promise.reject(new Error('node down')) };

    await expect(verifyReceipt(receipt, { ...scene.policy, anchor: { network: 'regtest', chain } })).rejects.toThrow(
      'node down',
    );
  });

  it('is given on anything at all, never an exception', async () => {
    const scene = createScene();
    const receipt = await scene.receipts.issue(payment(1), { key: 'k' });
    const text = formatReceipt(receipt);
    const json = fc.json().map((part) => text.replace(/"index":0/, `"index":${part}`));
    const hostile = fc.oneof(
      fc.anything(),
      fc.string(),
      json,
      fc.record({ envelope: fc.anything(), index: fc.anything(), inclusion: fc.anything(), checkpoint: fc.anything() }),
      fc.constant(
        new Proxy(
          {},
          {
            get: () => {
              throw new TypeError('hostile');
            },
          },
        ),
      ),
      fc.constant({ ...receipt, inclusion: [undefined] }),
      fc.constant({ ...receipt, envelope: { ...receipt.envelope, signatures: 'x' } }),
    );
    await fc.assert(
      fc.asyncProperty(hostile, async (input) => {
        const verdict = await verifyReceipt(input as never, scene.policy);
        for (const code of codes(verdict)) expect(code).toMatch(/^(RECEIPTS_|valid$)/);
      }),
      { numRuns: 1_000 },
    );
  });

  it('throws on a policy that makes no sense, which is a bug of the caller', async () => {
    const scene = createScene();
    const receipt = await scene.receipts.issue(payment(1), { key: 'k' });
    const { policy } = scene;
    for (const wrong of [
      undefined,
      {},
      { ...policy, signers: { keys: [] } },
      { ...policy, signers: { keys: policy.signers.keys, threshold: 3 } },
      { ...policy, log: { ...policy.log, quorum: 4 } },
      { ...policy, log: { ...policy.log, witnesses: [scene.logKey] } },
      { ...policy, anchor: {} },
      { ...policy, anchor: { network: 'moon', chain: { confirmations: async () => 1 } } },
    ] as never[])
      await expect(verifyReceipt(receipt, wrong)).rejects.toThrow('RECEIPTS_INVALID_ARGUMENT');
    await expect(verifyReceipt(receipt, policy, { signal: AbortSignal.abort() })).rejects.toThrow('RECEIPTS_ABORTED');
  });

  it('counts keys, not names: a second name for one key is refused, an unknown key ignored', async () => {
    const scene = createScene();
    const receipt = await scene.receipts.issue(payment(1), { key: 'k' });
    const [first] = scene.signers as [(typeof scene.signers)[number]];
    const one = { ...scene.policy, signers: { keys: [ed25519Verifier(first.publicKey)] } };

    expect(codes(await verifyReceipt(receipt, one))).toEqual(['valid']);
  });
});

describe('the forms that others rely on', () => {
  it('do not change: a receipt of fixed keys, and the script that anchors it', async () => {
    const scene = createScene({ seed: 'golden' });
    for (let i = 0; i < 3; i++) await scene.receipts.issue(payment(i), { key: `${i}` });
    const receipt = await scene.receipts.issue(payment(3), { key: '3' });
    const { text } = parseNote(receipt.checkpoint);
    const { sha256 } = currentCrypto();

    expect(receipt.checkpoint).toMatchInlineSnapshot(`
      "log.example.com/receipts
      4
      DujKy93+b7FAHaCnHa/Wvzh0gnsirms8xA5mcciFaXM=

      — log.example.com/receipts ViRsLgdpXA8uKDr7r0kEu1NxS0zyGjsWtqCHWOZjqH03neBgNKBwCNswL/jCizWj27B209nF5t1iQKNyuEJKjMCYNww=
      — witness.example/w1 6HCfAQAAAABlU/EAHWQd57cZcP4Eblprh1DLKDgEqfM5i06D05vjRv5nrxrtcctn7I/dvoGsoxrFG7inKNIZr22OiLi2sv1ttVm9Bw==
      — witness.example/w2 tT6FdgAAAABlU/EAdxoK0OO79p68Ma7KSuOm2g8T/cHseDV8rB/vDxxQvqO5l0qMDYjNJXKsGgBJ0JBio6UOJGNG0FbWVmzOtniIAQ==
      — witness.example/w3 /MGuFgAAAABlU/EAVCE69LzDM95EUF5waKdVamaf0GctMb3FQujypYvvTS5NVCRpVPfOaNdlf6DfAilokp0lgUBdlCT38L1/76UCAA==
      "
    `);
    expect(toHex(sha256(new TextEncoder().encode(formatReceipt(receipt))))).toMatchInlineSnapshot(
      `"befed6e1df835afcf45423ebf87f15c86475ca686dc3a72f6e0e7eb1837c19fb"`,
    );
    expect(toHex(anchorScript(text))).toMatchInlineSnapshot(
      `"6a244245524376622e6d813c70ee21b0006f38d0b5918e63f8b6f5522e0755279d1913d309c1"`,
    );
  });
});
