import { currentCrypto, toHex } from '@bitcoin-enterprise/core';
import {
  planToPsbt,
  signaturesOfPsbt,
  signatureName,
  signingRequests,
  type TransitionPlan,
} from '@bitcoin-enterprise/biscol';
import { createMemoryStore } from '@bitcoin-enterprise/events';
import { createKeyRing, type KeyRing } from '@bitcoin-enterprise/wallet';
import { musigPsbtSigner, openNonceVault } from '@bitcoin-enterprise/wallet/multiparty';
import { secretOf } from './people.ts';

/** How a plan is signed in a test. */
export interface SignPlanOptions {
  /** Numbers of people who do not sign. */
  readonly without?: readonly number[];
  /** Secret keys beside those of people, 32 bytes each. */
  readonly secretKeys?: readonly Uint8Array[];
}

/** The secret key of a public key, 33 bytes in hexadecimal, if anybody in a test has it. */
function secretKeyOf(publicKey: string, { without = [], secretKeys = [] }: SignPlanOptions): Uint8Array | undefined {
  for (let n = 1; n < 255; n++) {
    if (without.includes(n)) continue;
    const secret = secretOf(n);
    if (toHex(cachedKey(n)).slice(2) === publicKey.slice(2)) return secret;
  }
  return secretKeys.find((one) => toHex(currentCrypto().publicKey(one) as Uint8Array).slice(2) === publicKey.slice(2));
}

const keys = new Map<number, Uint8Array>();

function cachedKey(n: number): Uint8Array {
  const known = keys.get(n) ?? (currentCrypto().publicKey(secretOf(n)) as Uint8Array);
  keys.set(n, known);
  return known;
}

/** Signs a plan with the keys of all people of a test, aggregates by MuSig2 through PSBTs: what is missing is left out. */
export async function signPlan(
  plan: TransitionPlan,
  options: SignPlanOptions = {},
): Promise<ReadonlyMap<string, Uint8Array>> {
  const signatures = new Map<string, Uint8Array>();
  const rings = new Map<string, KeyRing>();
  for (const { input, key, request } of signingRequests(plan)) {
    if (key.participants.length === 0) {
      const secret = secretKeyOf(toHex(key.publicKey), options);
      if (secret === undefined) continue;
      signatures.set(signatureName(input, key), createKeyRing({ secretKeys: [secret] }).sign(request));
    } else
      for (const { publicKey } of key.participants) {
        const secret = secretKeyOf(toHex(publicKey), options);
        if (secret !== undefined) rings.set(toHex(publicKey), createKeyRing({ secretKeys: [secret] }));
      }
  }
  if (rings.size === 0) return signatures;
  const signers = await Promise.all(
    [...rings.values()].map(async (ring) =>
      musigPsbtSigner({ ring, vault: await openNonceVault({ store: createMemoryStore(), name: 'test' }) }),
    ),
  );
  let psbt = planToPsbt(plan);
  for (let round = 0; round < 2; round++) for (const signer of signers) psbt = await signer.sign(psbt);
  for (const [name, signature] of signaturesOfPsbt(plan, psbt)) signatures.set(name, signature);
  return signatures;
}
