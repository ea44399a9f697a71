import { ed25519PublicKey, ed25519Sign, ed25519Verify } from '@bitcoin-enterprise/core/ed25519';
import { ed25519Verifier } from '@bitcoin-enterprise/receipts';
import fc from 'fast-check';
import { afterEach, expect, it, vi } from 'vitest';

afterEach(() => vi.restoreAllMocks());

const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });

it('answers as the strict rule in JavaScript does, for good, broken and hostile signatures and keys', async () => {
  const neutral = new Uint8Array(32);
  neutral[0] = 1;
  await fc.assert(
    fc.asyncProperty(bytes(32), fc.uint8Array({ maxLength: 80 }), fc.nat(511), async (secret, message, bit) => {
      const key = ed25519PublicKey(secret);
      const good = ed25519Sign(message, secret);
      const flipped = good.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      const hostile = new Uint8Array(64);
      hostile[0] = 1;
      for (const [publicKey, signature] of [
        [key, good],
        [key, flipped],
        [neutral, hostile],
        [new Uint8Array(32), good],
        [secret, good],
      ] as const)
        expect(await ed25519Verifier(publicKey).verify(message, signature)).toBe(
          ed25519Verify(signature, message, publicKey),
        );
    }),
    { numRuns: 60 },
  );
});

it('refuses a key of small order also where WebCrypto itself would take it', async () => {
  vi.spyOn(crypto.subtle, 'verify').mockResolvedValue(true);
  const neutral = new Uint8Array(32);
  neutral[0] = 1;
  const signature = new Uint8Array(64);
  signature[0] = 1;

  expect(await ed25519Verifier(neutral).verify(Uint8Array.of(1), signature)).toBe(false);
});

it('works where WebCrypto does not know the curve', async () => {
  vi.spyOn(crypto.subtle, 'importKey').mockRejectedValue(new Error('NotSupportedError'));
  const secret = new Uint8Array(32).fill(4);
  const verifier = ed25519Verifier(ed25519PublicKey(secret));
  const message = Uint8Array.of(1, 2);

  expect(await verifier.verify(message, ed25519Sign(message, secret))).toBe(true);
  expect(await verifier.verify(message, new Uint8Array(64))).toBe(false);
});
