/**
 * A MuSig2 session of two parties against `boltz-core`: both sides of it, from the keys to the signature, for a Taproot
 * output. Each party aggregates the keys, makes a nonce, aggregates the nonces, signs, verifies the other's partial
 * signature and has the whole one. Ours verifies its own partial signature as well.
 */
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { currentCrypto, loadCrypto, toHex } from '@bitcoin-enterprise/core';
import {
  aggregateMusigKeys,
  aggregateMusigNonces,
  aggregateMusigSignatures,
  createMusigNonce,
  createMusigSession,
  SecretBytes,
  signMusig,
  tweakMusigKeys,
  verifyMusigPartial,
} from '@bitcoin-enterprise/wallet/multiparty';
import { measured, runCase } from './harness.ts';
import type { BenchResult, BenchSettings } from './harness.ts';

/** The part of boltz-core that is measured; each step answers the next state. */
interface Boltz {
  create(privateKey: Uint8Array, publicKeys: readonly Uint8Array[]): BoltzKeys;
}
interface BoltzKeys {
  readonly aggPubkey: Uint8Array;
  readonly myPublicKey: Uint8Array;
  xonlyTweakAdd(tweak: Uint8Array): BoltzKeys;
  message(message: Uint8Array): { generateNonce(): BoltzNonce };
}
interface BoltzNonce {
  readonly publicNonce: Uint8Array;
  readonly myPublicKey: Uint8Array;
  aggregateNonces(nonces: ReadonlyArray<readonly [Uint8Array, Uint8Array]>): {
    initializeSession(): { signPartial(): BoltzSigned };
  };
}
interface BoltzSigned {
  readonly ourPartialSignature: Uint8Array;
  addPartial(publicKey: Uint8Array, signature: Uint8Array): BoltzSigned;
  aggregatePartials(): Uint8Array;
}

/** Runs all cases. */
export async function runBench(settings: BenchSettings): Promise<readonly BenchResult[]> {
  await loadCrypto();
  const crypto = currentCrypto();
  const require = createRequire(import.meta.url);
  const { boltz } = require(resolve(import.meta.dirname, 'thirdparty/rivals-musig.cjs')) as { readonly boltz: Boltz };
  const secrets = [1, 2].map((n) => crypto.sha256(Uint8Array.of(n))) as [Uint8Array, Uint8Array];
  const publicKeys = secrets.map((secret) => crypto.publicKey(secret) as Uint8Array) as [Uint8Array, Uint8Array];
  const kept = secrets.map((secret) => new SecretBytes(secret)) as [SecretBytes, SecretBytes];
  const tweak = crypto.sha256(Uint8Array.of(3));
  let number = 0;
  const nextMessage = (): Uint8Array => crypto.sha256(new TextEncoder().encode(String((number += 1))));

  const ours = (message: Uint8Array): readonly Uint8Array[] => {
    const parties = kept.map((secretKey, me) => {
      const publicKey = secretKey.use((secret) => crypto.publicKey(secret)) as Uint8Array;
      const keys = tweakMusigKeys(aggregateMusigKeys(publicKeys), [{ tweak, kind: 'x-only' }]);
      const { xOnlyPublicKey } = keys;
      return { me, secretKey, keys, nonce: createMusigNonce({ publicKey, secretKey, xOnlyPublicKey, message }) };
    });
    const nonces = parties.map(({ nonce }) => nonce.publicNonce);
    const signed = parties.map(({ me, secretKey, keys, nonce }) => {
      const session = createMusigSession(keys, { aggregateNonce: aggregateMusigNonces(nonces), message });
      return { me, session, partial: signMusig(session, { secretKey, ...nonce }) };
    });
    const partials = signed.map(({ partial }) => partial);
    return signed.map(({ me, session }) => {
      const signer = 1 - me;
      const [publicNonce, signature] = [nonces[signer] as Uint8Array, partials[signer] as Uint8Array];
      if (!verifyMusigPartial(session, { signer, publicNonce, signature })) throw new Error('ours: a partial is wrong');
      return aggregateMusigSignatures(session, partials);
    });
  };
  const theirs = (message: Uint8Array): readonly Uint8Array[] => {
    const parties = secrets.map((secret) =>
      boltz.create(secret, publicKeys).xonlyTweakAdd(tweak).message(message).generateNonce(),
    );
    const nonces = parties.map((party) => [party.myPublicKey, party.publicNonce] as const);
    const signed = parties.map((party) => party.aggregateNonces(nonces).initializeSession().signPartial());
    return signed.map((party, me) => {
      const other = 1 - me;
      return party
        .addPartial(publicKeys[other] as Uint8Array, (signed[other] as BoltzSigned).ourPartialSignature)
        .aggregatePartials();
    });
  };

  const { xOnlyPublicKey } = tweakMusigKeys(aggregateMusigKeys(publicKeys), [{ tweak, kind: 'x-only' }]);
  for (const session of [ours, theirs]) {
    const message = nextMessage();
    const [left, right] = session(message) as [Uint8Array, Uint8Array];
    if (toHex(left) !== toHex(right) || !crypto.schnorrVerify(left, message, xOnlyPublicKey))
      throw new Error('a session ends with no signature of the aggregate key');
  }
  return runCase(
    {
      name: 'MuSig2, a session of two parties, both sides',
      ours: measured(() => void ours(nextMessage()), { operations: 1 }),
      rivals: {
        'boltz-core 4.0.1': {
          measure: measured(() => void theirs(nextMessage()), { operations: 1, windowMs: 500 }),
          promised: 15,
        },
      },
    },
    settings,
  );
}
