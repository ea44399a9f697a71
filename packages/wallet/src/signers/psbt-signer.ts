import { currentCrypto } from '@bitcoin-enterprise/core';
import { requireBytes, requireFunction, requireObject } from '../checks.ts';
import { WalletError } from '../errors.ts';
import { PsbtSigning, signPsbt } from '../psbt/sign.ts';
import type { SlotOptions } from '../psbt/slots.ts';
import { type KeyRing, requireRequest } from './key-ring.ts';
import { hasOpenSilentOutputs, withSilentOutputs } from './silent-outputs.ts';
import type { DigestRequest, DigestSigner, Signer, SignerCallOptions } from './ports.ts';

/** Which sighash types a signer takes; ALL and DEFAULT when absent. */
export type SignerOptions = Pick<SlotOptions, 'sighashTypes'>;

/**
 * A signer of PSBTs over one of hashes, for example a token (PKCS#11): inputs are checked here, and so is each signature
 * that comes back.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 */
export function psbtSigner(holder: DigestSigner, options: SignerOptions = {}): Signer {
  requireFunction('holder.holds', requireObject<DigestSigner>('holder', holder).holds);
  requireFunction('holder.signDigests', holder.signDigests);
  return {
    name: holder.name,
    async sign(psbt, call = {}) {
      throwIfAborted(call);
      const signing = new PsbtSigning(psbt, options);
      const held = await holder.holds(
        signing.slots.map(({ key }) => key),
        call,
      );
      const slots = signing.slots.filter((_, place) => held[place]);
      if (slots.length === 0) return psbt;
      const requests = slots.map((slot) => signing.request(slot));
      const signatures = await holder.signDigests(requests, call);
      for (const [place, request] of requests.entries()) requireSignature(holder.name, request, signatures[place]);
      return signing.withSignatures(slots, signatures);
    },
  };
}

/**
 * A signer with keys in memory. Silent payments get their shares and scripts before they are signed (BIP375).
 *
 * @example
 * ```ts
 * import { createKeyRing, memorySigner } from '@bitcoin-enterprise/wallet';
 *
 * const signer = memorySigner(createKeyRing({ secretKeys: [new Uint8Array(32).fill(1)] }), { name: 'hot' });
 * signer.name; // => 'hot'
 * ```
 */
export function memorySigner(ring: KeyRing, options: SignerOptions & { readonly name?: string } = {}): Signer {
  requireFunction('ring.sign', requireObject<KeyRing>('ring', ring).sign);
  const { name = 'memory', ...signing } = requireObject<typeof options>('options', options);
  return {
    name,
    async sign(psbt, call = {}) {
      throwIfAborted(call);
      const ready = withSilentOutputs(psbt, ring);
      // The shares of others are missing: it comes back when they are there.
      return hasOpenSilentOutputs(ready) ? ready : signPsbt(ready, ring, signing);
    },
  };
}

/** A signer of hashes with keys in memory. */
export function memoryDigestSigner(ring: KeyRing, options: { readonly name?: string } = {}): DigestSigner {
  requireFunction('ring.sign', requireObject<KeyRing>('ring', ring).sign);
  const { name = 'memory' } = requireObject<typeof options>('options', options);
  return {
    name,
    async holds(keys, call = {}) {
      throwIfAborted(call);
      return keys.map((key) => ring.holds(key));
    },
    async signDigests(requests, call = {}) {
      throwIfAborted(call);
      return requests.map((request) => ring.sign(request));
    },
  };
}

/** A signer without keys, for wallets that only watch: it adds nothing. */
export function watchOnlySigner(options: { readonly name?: string } = {}): Signer {
  const { name = 'watch-only' } = requireObject<typeof options>('options', options);
  return {
    name,
    async sign(psbt, call = {}) {
      throwIfAborted(call);
      return psbt;
    },
  };
}

function throwIfAborted({ signal }: SignerCallOptions): void {
  if (signal?.aborted === true)
    throw new WalletError('WALLET_ABORTED', 'expected a call that goes on, got one that was aborted', {
      details: { call: 'sign' },
    });
}

/** A token may be broken, or lie: what it signed must verify. */
function requireSignature(signer: string, request: DigestRequest, signature: Uint8Array | undefined): void {
  if (signature?.length === 64 && verifies(request, signature)) return;
  throw new WalletError('WALLET_SIGNER_ANSWER_INVALID', `expected a valid signature of ${signer}, got another`, {
    details: { signer, reason: 'a signature that does not verify' },
  });
}

/** Whether a signature is what was asked for. */
export function verifies(request: DigestRequest, signature: Uint8Array): boolean {
  const { key, scheme, digest, tweak } = requireRequest(request);
  requireBytes('signature', signature);
  const crypto = currentCrypto();
  const { publicKey } = key;
  if (scheme === 'ecdsa') return crypto.ecdsaVerify(signature, digest, publicKey);
  const xOnly = publicKey.length === 32 ? publicKey : publicKey.subarray(1, 33);
  if (tweak === undefined) return crypto.schnorrVerify(signature, digest, xOnly);
  const tweaked =
    publicKey.length === 32
      ? crypto.xOnlyTweakAdd(publicKey, tweak)?.xOnlyPublicKey
      : crypto.publicKeyTweakAdd(publicKey, tweak)?.subarray(1);
  return tweaked !== undefined && crypto.schnorrVerify(signature, digest, tweaked);
}
