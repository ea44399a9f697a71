import { parseHex, toHex } from '@bitcoin-enterprise/core';
import {
  createStatement,
  ed25519Signer,
  ed25519Verifier,
  encodeEnvelope,
  encodeStatement,
  type Envelope,
  envelopeToJson,
  p256Signer,
  p256Verifier,
  parseEnvelope,
  parseStatement,
  preAuthEncoding,
  type ReceiptSigner,
  type ReceiptVerifier,
  secp256k1Signer,
  secp256k1Verifier,
  signEnvelope,
  signStatement,
  verifyEnvelope,
} from '@bitcoin-enterprise/receipts';
import { bundleFromJSON } from '@sigstore/bundle';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import fc from 'fast-check';
import { createPublicKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { payment } from './scene.ts';

// DSSE protocol test vectors: secure-systems-lab/dsse, testvectors/vectors.json at 82043adf (2026).
const keyA = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';
const keyB = '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c';
const keys = [ed25519Verifier(parseHex(keyA), { keyId: 'A' }), ed25519Verifier(parseHex(keyB), { keyId: 'B' })];
const inToto = 'application/vnd.in-toto+json';
const statement = 'eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEifQ==';
const byA = '2WAfaHm5jluo0w+0rk8uVkluELJYWjSmU9x7EUzx+AyteDGJ4/nqyJXfmAUVFIAoQafWm7AxBZNw5M9ixNHiCA==';
const byB = 'c1+67/aT0yqEpwx8PsVY3MLHsj9D0CZ014/Fv/QlG59P+9CobUZ7xECJ/V3USG0Ob9CiE5LjReEZUzNF2l7eBw==';
const statementPae =
  '445353457631203238206170706c69636174696f6e2f766e642e696e2d746f746f2b6a736f6e203433207b225f74797065223a2268747470733a2f2f696e2d746f746f2e696f2f53746174656d656e742f7631227d';
const vectors = [
  {
    id: 'single-signature',
    payload: statement,
    signatures: [['A', byA]],
    threshold: 1,
    expect: 'accept',
    pae: statementPae,
  },
  {
    id: 'url-safe-base64',
    payload: '-_-_Pj8=',
    signatures: [['A', 'P-_KHICeR7tI6S_YyejJTRtrXhcQyQ2LYPaL8h90KjC9qN8HU_svOQ6TuDOT1HIrsGW886DbWNWcCmX5twLrAw==']],
    threshold: 1,
    expect: 'accept',
    pae: '445353457631203238206170706c69636174696f6e2f766e642e696e2d746f746f2b6a736f6e203520fbffbf3e3f',
  },
  {
    id: 'payload-type-swapped',
    payload: statement,
    payloadType: 'application/vnd.example.other+json',
    signatures: [['A', byA]],
    threshold: 1,
    expect: 'RECEIPTS_ENVELOPE_UNVERIFIED',
  },
  {
    id: 'non-ascii-payload-type',
    payload: statement,
    payloadType: 'application/vnd.exämple+json',
    signatures: [['A', 'xmSk/ug66ysT7ayhkCIjhAq42zgZXSsEWuzUaNL7w2eGAdF/NU6/fRXPtmfN+5DNSAs5/i2lUnHjbbjPsu0tAw==']],
    threshold: 1,
    expect: 'accept',
    pae: '445353457631203239206170706c69636174696f6e2f766e642e6578c3a46d706c652b6a736f6e203433207b225f74797065223a2268747470733a2f2f696e2d746f746f2e696f2f53746174656d656e742f7631227d',
  },
  {
    id: 'empty-payload',
    payload: '',
    signatures: [['A', 'gSggCAaTLTYyRH6FIDBem6meyIynsYy8RTHVzwx9tnTb7Bg/1jMWnuVgI/gffqmbsC2VX5/jHfkkDqsj7CDbDg==']],
    threshold: 1,
    expect: 'accept',
    pae: '445353457631203238206170706c69636174696f6e2f766e642e696e2d746f746f2b6a736f6e203020',
  },
  {
    id: 'empty-payload-type',
    payload: statement,
    payloadType: '',
    supported: [inToto],
    signatures: [['A', 'iC3q/+3Rm0+lpAJRueDmDh15PnwCfxKmS0NAfKsbv+zgulXQC/WM9trc+j1XEqlwDIg/vf/uNfebeD6sxInrDg==']],
    threshold: 1,
    expect: 'RECEIPTS_PAYLOAD_TYPE_UNSUPPORTED',
    pae: '445353457631203020203433207b225f74797065223a2268747470733a2f2f696e2d746f746f2e696f2f53746174656d656e742f7631227d',
  },
  {
    id: 'threshold-two-distinct-keys',
    payload: statement,
    signatures: [
      ['A', byA],
      ['B', byB],
    ],
    threshold: 2,
    expect: 'accept',
    pae: statementPae,
  },
  {
    id: 'threshold-two-one-key-twice',
    payload: statement,
    signatures: [
      ['A', byA],
      ['A', byA],
    ],
    threshold: 2,
    expect: 'RECEIPTS_ENVELOPE_UNVERIFIED',
    pae: statementPae,
  },
  {
    id: 'threshold-two-without-keyids',
    payload: statement,
    signatures: [
      [undefined, byA],
      [undefined, byB],
    ],
    threshold: 2,
    expect: 'accept',
    pae: statementPae,
  },
] as const satisfies ReadonlyArray<{
  readonly id: string;
  readonly payload: string;
  readonly payloadType?: string;
  readonly supported?: readonly string[];
  readonly signatures: ReadonlyArray<readonly [string | undefined, string]>;
  readonly threshold: number;
  readonly expect: string;
  readonly pae?: string;
}>;

describe('the vectors of DSSE', () => {
  it.for(vectors)('$id', async (vector) => {
    const payloadType = 'payloadType' in vector ? vector.payloadType : inToto;
    const signatures = vector.signatures.map(([keyid, sig]) => (keyid === undefined ? { sig } : { keyid, sig }));
    const envelope = parseEnvelope(JSON.stringify({ payloadType, payload: vector.payload, signatures }));
    const payloadTypes = 'supported' in vector ? vector.supported : [payloadType];
    const verified = verifyEnvelope(envelope, { keys, threshold: vector.threshold }, { payloadTypes });

    if (vector.expect === 'accept') expect((await verified).signedBy.length).toBe(vector.threshold);
    else await expect(verified).rejects.toMatchObject({ code: vector.expect });
    if ('pae' in vector) expect(toHex(preAuthEncoding(payloadType, envelope.payload))).toBe(vector.pae);
  });

  it('the example of protocol.md, signed over P-256 in Python', async () => {
    const payload = new TextEncoder().encode('hello world');
    const signed = preAuthEncoding('http://example.com/HelloWorld', payload);
    expect(new TextDecoder().decode(signed)).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
    const x = 46950820868899156662930047687818585632848591499744589407958293238635476079160n;
    const y = 5640078356564379163099075877009565129882514886557779369047442380624545832820n;
    const coordinate = (value: bigint): string =>
      Buffer.from(value.toString(16).padStart(64, '0'), 'hex').toString('base64url');
    const jwk = { kty: 'EC', crv: 'P-256', x: coordinate(x), y: coordinate(y) };
    const spki = createPublicKey({ key: jwk, format: 'jwk' }).export({ format: 'der', type: 'spki' });
    const raw = Buffer.from(
      'A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==',
      'base64',
    );
    // Cryptodome writes r and s; sigstore, and so this package, DER.
    const der = Buffer.concat([
      Buffer.from('30440220', 'hex'),
      raw.subarray(0, 32),
      Buffer.from('0220', 'hex'),
      raw.subarray(32),
    ]);
    const verifier = await p256Verifier(spki);

    expect(await verifier.verify(signed, der)).toBe(true);
    expect(await verifier.verify(signed, raw)).toBe(false);
  });
});

describe('ECDSA over P-256', () => {
  it('is signed low-S, and high-S, which anybody can make of it, is taken or refused as asked', async () => {
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
    const signer = await p256Signer(pair);
    const lax = await p256Verifier(signer.publicKey);
    const strict = await p256Verifier(signer.publicKey, { highS: 'refuse' });
    // Half of what WebCrypto signs is high.
    for (let i = 0; i < 24; i++) {
      const bytes = Uint8Array.of(i);
      const der = Buffer.from(await signer.sign(bytes));
      const at = 4 + (der[3] ?? 0);
      const r = der.subarray(2, at);
      const s = BigInt(`0x${der.subarray(at + 2).toString('hex')}`);
      expect(s <= order / 2n).toBe(true);
      const high = Buffer.from(`00${(order - s).toString(16).padStart(64, '0')}`, 'hex');
      const twin = Buffer.concat([Uint8Array.of(0x30, r.length + 35), r, Uint8Array.of(2, 33), high]);

      expect([await lax.verify(bytes, der), await strict.verify(bytes, der)]).toEqual([true, true]);
      expect([await lax.verify(bytes, twin), await strict.verify(bytes, twin)]).toEqual([true, false]);
    }
    await expect(p256Verifier(signer.publicKey, { highS: 'x' as never })).rejects.toThrow('RECEIPTS_INVALID_ARGUMENT');
  });
});

const pairs: ReadonlyArray<readonly [string, () => Promise<readonly [ReceiptSigner, ReceiptVerifier]>]> = [
  [
    'ed25519',
    async () => {
      const signer = ed25519Signer(new Uint8Array(32).fill(1));
      return [signer, ed25519Verifier(signer.publicKey)];
    },
  ],
  [
    'ecdsa-p256-sha256',
    async () => {
      const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
      const signer = await p256Signer(pair);
      return [signer, await p256Verifier(signer.publicKey)];
    },
  ],
  [
    'schnorr-secp256k1',
    async () => {
      const signer = secp256k1Signer(new Uint8Array(32).fill(2));
      return [signer, secp256k1Verifier(signer.publicKey)];
    },
  ],
  [
    'ecdsa-secp256k1-sha256',
    async () => {
      const signer = secp256k1Signer(new Uint8Array(32).fill(3), { algorithm: 'ecdsa-secp256k1-sha256' });
      return [signer, secp256k1Verifier(signer.publicKey)];
    },
  ],
];

describe.for(pairs)('signers and verifiers of %s', ([algorithm, make]) => {
  it('agree on key, key id and what is signed', async () => {
    const [signer, verifier] = await make();
    const bytes = new TextEncoder().encode('bytes');
    const signature = await signer.sign(bytes);

    expect([signer.algorithm, verifier.algorithm]).toEqual([algorithm, algorithm]);
    expect(verifier.keyId).toBe(signer.keyId);
    expect(await verifier.verify(bytes, signature)).toBe(true);
    expect(await verifier.verify(new TextEncoder().encode('other'), signature)).toBe(false);
  });

  it('refuse every signature with one bit changed, cut off or prolonged', async () => {
    const [signer, verifier] = await make();
    const bytes = Uint8Array.of(1, 2, 3);
    const signature = await signer.sign(bytes);
    for (let bit = 0; bit < signature.length * 8; bit += 7) {
      const flipped = new Uint8Array(signature);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(await verifier.verify(bytes, flipped)).toBe(false);
    }
    for (const wrong of [signature.slice(1), signature.slice(0, -1), Uint8Array.of(...signature, 0), new Uint8Array(0)])
      expect(await verifier.verify(bytes, wrong)).toBe(false);
  });

  it('never show the secret key in JSON', async () => {
    const [signer] = await make();

    for (const byte of ['01', '02', '03']) expect(JSON.stringify(signer)).not.toContain(byte.repeat(32));
    expect(Object.keys(signer).toSorted()).toEqual(['algorithm', 'keyId', 'publicKey', 'sign']);
  });

  it('stop when the signal is aborted', async () => {
    const [signer] = await make();

    await expect(signer.sign(Uint8Array.of(1), { signal: AbortSignal.abort() })).rejects.toThrow('RECEIPTS_ABORTED');
  });
});

it('a high-S signature over secp256k1, which anybody can make from a good one, is refused', async () => {
  const [signer, verifier] = await (pairs[3] as (typeof pairs)[number])[1]();
  const signature = await signer.sign(Uint8Array.of(1));
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const s = BigInt(`0x${toHex(signature.slice(32))}`);
  const high = Uint8Array.of(...signature.slice(0, 32), ...parseHex((order - s).toString(16).padStart(64, '0')));

  expect(await verifier.verify(Uint8Array.of(1), high)).toBe(false);
});

describe('verified by sigstore', () => {
  // SPKI around a raw Ed25519 key (RFC 8410).
  const spkiOf = ({ algorithm, publicKey }: ReceiptSigner): Buffer =>
    Buffer.concat([
      algorithm === 'ed25519' ? Buffer.from('302a300506032b6570032100', 'hex') : Buffer.alloc(0),
      publicKey,
    ]);

  function verifyBySigstore(envelope: Envelope, signer: ReceiptSigner): void {
    const bundle = bundleFromJSON({
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: { publicKey: { hint: signer.keyId }, tlogEntries: [], timestampVerificationData: {} },
      dsseEnvelope: envelopeToJson(envelope),
    });
    const root = { mediaType: '', tlogs: [], certificateAuthorities: [], ctlogs: [], timestampAuthorities: [] };
    const trust = toTrustMaterial({ ...root, signingConfig: undefined } as never, (hint) => {
      expect(hint).toBe(signer.keyId);
      const key = createPublicKey({ key: spkiOf(signer), format: 'der', type: 'spki' });
      return { publicKey: key, validFor: () => true };
    });
    new Verifier(trust, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 }).verify(toSignedEntity(bundle));
  }

  it.for(pairs.slice(0, 2))('envelopes signed by %s', async ([, make]) => {
    const [signer] = await make();
    for (let i = 0; i < 20; i++) verifyBySigstore(await signStatement(payment(i), [signer]), signer);
  });

  it.for(pairs.slice(0, 2))('and refused by it when they are changed, signed by %s', async ([, make]) => {
    const [signer] = await make();
    const envelope = await signStatement(payment(1), [signer]);
    const payload = envelope.payload.map((byte, i) => (i === 9 ? byte ^ 1 : byte));

    expect(() => verifyBySigstore({ ...envelope, payload }, signer)).toThrow('signature verification failed');
    expect(() => verifyBySigstore({ ...envelope, payloadType: 'application/json' }, signer)).toThrow(
      /verification failed/,
    );
  });
});

describe('statements', () => {
  it('are the same bytes however their fields are ordered', () => {
    const subject = [{ digest: { sha256: 'ab'.repeat(32) }, name: 'a' }];
    const one = createStatement({ subject, predicateType: 'https://example.com/v1', predicate: { b: 1, a: '2' } });
    const other = createStatement({ predicate: { a: '2', b: 1 }, predicateType: 'https://example.com/v1', subject });

    expect(toHex(encodeStatement(one))).toBe(toHex(encodeStatement(other)));
    expect(parseStatement(encodeStatement(one))).toEqual(one);
  });

  const good = { subject: [{ digest: { sha256: 'ab'.repeat(32) } }], predicateType: 'https://example.com/v1' };
  it.for([
    ['no subject', { ...good, subject: [] }, 'RECEIPTS_STATEMENT_INVALID'],
    ['a subject without a digest', { ...good, subject: [{ name: 'a', digest: {} }] }, 'RECEIPTS_STATEMENT_INVALID'],
    [
      'a digest of the wrong length',
      { ...good, subject: [{ digest: { sha256: 'ab' } }] },
      'RECEIPTS_STATEMENT_INVALID',
    ],
    [
      'a digest in capitals',
      { ...good, subject: [{ digest: { sha256: 'AB'.repeat(32) } }] },
      'RECEIPTS_STATEMENT_INVALID',
    ],
    ['a predicate type that is no URI', { ...good, predicateType: 'payment' }, 'RECEIPTS_STATEMENT_INVALID'],
    ['a predicate that is no object', { ...good, predicate: [1] }, 'RECEIPTS_STATEMENT_INVALID'],
    ['a bigint', { ...good, predicate: { amount: 5n } }, 'RECEIPTS_JSON_UNSUPPORTED'],
    ['a number that is not finite', { ...good, predicate: { amount: Number.NaN } }, 'RECEIPTS_JSON_UNSUPPORTED'],
    ['a number that others would round', { ...good, predicate: { amount: 2 ** 53 } }, 'RECEIPTS_JSON_UNSUPPORTED'],
    ['undefined', { ...good, predicate: { amount: undefined } }, 'RECEIPTS_JSON_UNSUPPORTED'],
    ['a date', { ...good, predicate: { at: new Date(0) } }, 'RECEIPTS_JSON_UNSUPPORTED'],
    ['nothing', undefined, 'RECEIPTS_INVALID_ARGUMENT'],
  ] as const)('are refused with %s', ([, parts, code]) => {
    expect(() => createStatement(parts as never)).toThrow(code);
  });

  it('within themselves are refused, not followed', () => {
    const predicate: Record<string, unknown> = {};
    predicate['self'] = predicate;

    expect(() => createStatement({ ...good, predicate })).toThrow('RECEIPTS_JSON_UNSUPPORTED');
  });
});

describe('envelopes from outside', () => {
  it('keep their bytes through JSON', async () => {
    const signer = ed25519Signer(new Uint8Array(32).fill(1));
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (payload) => {
        const envelope = await signEnvelope({ payloadType: 'x/y', payload }, [signer]);
        expect(parseEnvelope(new TextDecoder().decode(encodeEnvelope(envelope)))).toEqual(envelope);
      }),
      { numRuns: 50 },
    );
  });

  it.for([
    [
      'a repeated name',
      '{"payload":"","payload":"","payloadType":"a","signatures":[{"sig":""}]}',
      'RECEIPTS_JSON_INVALID',
    ],
    ['a field more', '{"payload":"","payloadType":"a","signatures":[{"sig":""}],"x":1}', 'RECEIPTS_ENVELOPE_INVALID'],
    ['no signature', '{"payload":"","payloadType":"a","signatures":[]}', 'RECEIPTS_ENVELOPE_INVALID'],
    ['mixed alphabets', '{"payload":"-/8=","payloadType":"a","signatures":[{"sig":""}]}', 'RECEIPTS_ENVELOPE_INVALID'],
    ['no padding', '{"payload":"AA","payloadType":"a","signatures":[{"sig":""}]}', 'RECEIPTS_ENVELOPE_INVALID'],
    ['depth', '['.repeat(100_000), 'RECEIPTS_JSON_INVALID'],
    ['length', ' '.repeat(2_000_000), 'RECEIPTS_JSON_INVALID'],
    ['a lone surrogate', String.raw`{"payload":"\ud800"}`, 'RECEIPTS_JSON_INVALID'],
    ['a number beyond doubles', '{"payload":1e999}', 'RECEIPTS_JSON_INVALID'],
  ] as const)('are refused with %s', ([, text, code]) => {
    expect(() => parseEnvelope(text)).toThrow(code);
  });

  it('can be allowed to be deep, but never so deep that the stack ends', () => {
    const deep = `${'['.repeat(200)}${']'.repeat(200)}`;

    expect(() => parseEnvelope(deep)).toThrow('RECEIPTS_JSON_INVALID');
    expect(() => parseEnvelope(deep, { maximumDepth: 256 })).toThrow('RECEIPTS_ENVELOPE_INVALID');
    expect(() => parseEnvelope(deep, { maximumDepth: 1_000_000 })).toThrow('RECEIPTS_INVALID_ARGUMENT');
  });

  it('a policy that counts one key twice, or asks for more than there are, is a bug of the caller', async () => {
    const signer = ed25519Signer(new Uint8Array(32).fill(1));
    const envelope = await signStatement(payment(1), [signer]);
    const [one, again] = ['x', 'y'].map((keyId) => ed25519Verifier(signer.publicKey, { keyId })) as [
      ReceiptVerifier,
      ReceiptVerifier,
    ];

    await expect(verifyEnvelope(envelope, { keys: [one, again] })).rejects.toThrow('RECEIPTS_INVALID_ARGUMENT');
    await expect(verifyEnvelope(envelope, { keys: [one], threshold: 2 })).rejects.toThrow('RECEIPTS_INVALID_ARGUMENT');
    await expect(verifyEnvelope(envelope, { keys: [] })).rejects.toThrow('RECEIPTS_INVALID_ARGUMENT');
  });
});
