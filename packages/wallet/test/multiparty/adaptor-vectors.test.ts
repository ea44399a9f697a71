import { equalBytes, loadCrypto, parseHex } from '@bitcoin-enterprise/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { completeEcdsa, extractEcdsaSecret, verifyEcdsaPresignature } from '../../src/multiparty/index.ts';
import { codeOf } from '../support/code-of.ts';
import { readJsonVectors } from '../support/vectors.ts';

interface Vector {
  readonly kind: 'verification' | 'recovery' | 'serialization';
  readonly adaptor_sig: string;
  readonly message_hash: string;
  readonly public_signing_key: string;
  readonly encryption_key: string;
  readonly decryption_key: string;
  readonly signature: string;
  readonly error?: string | null;
  readonly comment?: string;
}

const vectors = readJsonVectors<readonly Vector[]>('dlcspecs/ecdsa_adaptor.json');
const of = (kind: Vector['kind']): readonly Vector[] => (vectors ?? []).filter((vector) => vector.kind === kind);
const key = parseHex('0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798');

beforeAll(async () => {
  await loadCrypto();
});

describe.skipIf(vectors === undefined)('the ECDSA adaptor vectors of dlcspecs', () => {
  it('are eleven', () => {
    expect(['verification', 'recovery', 'serialization'].map((kind) => of(kind as Vector['kind']).length)).toEqual([
      3, 3, 5,
    ]);
  });

  it.for(of('verification'))('verification: $comment $error', (vector) => {
    const presignature = parseHex(vector.adaptor_sig);
    const adaptorPoint = parseHex(vector.encryption_key);
    const holds = verifyEcdsaPresignature(presignature, {
      messageHash: parseHex(vector.message_hash),
      publicKey: parseHex(vector.public_signing_key),
      adaptorPoint,
    });
    expect(holds).toBe(vector.error === undefined);
    if (!holds) return;
    const secret = parseHex(vector.decryption_key);
    const signature = completeEcdsa(presignature, { secret });
    expect(signature).toEqual(parseHex(vector.signature));
    expect(extractEcdsaSecret(presignature, { signature, adaptorPoint })).toEqual(secret);
  });

  it.for(of('recovery'))('recovery: $comment $error', (vector) => {
    const facts = { signature: parseHex(vector.signature), adaptorPoint: parseHex(vector.encryption_key) };
    const recover = (): Uint8Array => extractEcdsaSecret(parseHex(vector.adaptor_sig), facts);
    if (vector.error === undefined) expect(equalBytes(recover(), parseHex(vector.decryption_key))).toBe(true);
    else expect(codeOf(recover)).toBe('WALLET_ADAPTOR_MISMATCH');
  });

  // The rows without an error have an x coordinate above the group order, which is one of a point all the same.
  it.for(of('serialization'))('serialization: $comment $error', (vector) => {
    const presignature = parseHex(vector.adaptor_sig);
    const secret = new Uint8Array(32).fill(1);
    const code = codeOf(() => completeEcdsa(presignature, { secret }));
    expect(code).toBe(vector.error === null ? 'no error' : 'WALLET_PRESIGNATURE_INVALID');
    const facts = { messageHash: new Uint8Array(32), publicKey: key, adaptorPoint: key };
    expect(verifyEcdsaPresignature(presignature, facts)).toBe(false);
  });
});
