import { currentCrypto } from '@bitcoin-enterprise/core';
import { ensure, ensureEqual, type Promised, promises } from '@bitcoin-enterprise/core/testing';
import type { DigestRequest, KeyReference } from '../signers/ports.ts';
import { verifies } from '../signers/psbt-signer.ts';
import type { DigestSignerHarness } from './harness.ts';
import { digestOf, ensureCoded, foreignKey, promise } from './kit.ts';

/** Everything a signer of hashes promises; run these against your adapter, with an engine of crypto loaded. */
export const digestSignerPromises: ReadonlyArray<Promised<DigestSignerHarness>> =
  /* @__PURE__ */ promises<DigestSignerHarness>(
    promise('has a name for people, and shows no secret', async ({ signer, secrets = [] }) => {
      ensure(typeof signer.name === 'string' && signer.name.length > 0, 'a name');
      const shown = `${signer.name} ${JSON.stringify(signer)} ${String(signer)}`.toLowerCase();
      for (const secret of secrets) ensure(!shown.includes(secret.toLowerCase()), 'it shows a secret');
    }),
    promise('says of each key whether it holds it, in their order', async ({ signer, ecdsaKeys, schnorrKeys }) => {
      const foreign = { publicKey: foreignKey('a') };
      const keys = [foreign, ...ecdsaKeys, { publicKey: foreign.publicKey.slice(1) }, ...schnorrKeys.map(xOnly)];
      const expected = [false, ...ecdsaKeys.map(() => true), false, ...schnorrKeys.map(() => true)];
      ensureEqual(await signer.holds(keys), expected, 'held');
      ensureEqual(await signer.holds([]), [], 'of none');
    }),
    promise('does not hold a key because of its origin alone', async ({ signer, ecdsaKeys }) => {
      for (const { origin } of ecdsaKeys)
        if (origin !== undefined) ensureEqual(await signer.holds([{ publicKey: foreignKey('b'), origin }]), [false]);
    }),
    promise('signs with ECDSA: 64 bytes, low S, in the order asked for', async ({ signer, ecdsaKeys }) => {
      const requests = Array.from({ length: 12 }, (_, n) => ecdsa(at(ecdsaKeys, n), `ecdsa ${n}`));
      ensureAnswers(requests, await signer.signDigests(requests));
    }),
    promise('signs with Schnorr, for a key of 33 bytes or of its x alone', async ({ signer, schnorrKeys }) => {
      const requests = schnorrKeys.flatMap((key, n) => [
        schnorr(key, `full ${n}`),
        schnorr(xOnly(key), `x ${n}`),
        schnorr(xOnly(key), `more ${n}`),
      ]);
      if (requests.length > 0) ensureAnswers(requests, await signer.signDigests(requests));
    }),
    promise('adds a tweak: to the key with an even y (BIP341), or as it is (BIP352)', async (harness) => {
      const { signer, schnorrKeys } = harness;
      const requests = schnorrKeys.flatMap((key, n) => [
        { ...schnorr(xOnly(key), `even ${n}`), tweak: digestOf(`tweak ${n}`) },
        { ...schnorr(key, `as it is ${n}`), tweak: digestOf(`tweak ${n}`) },
      ]);
      if (requests.length > 0) ensureAnswers(requests, await signer.signDigests(requests));
    }),
    promise('signs all or none', async ({ signer, ecdsaKeys, secrets }) => {
      const mine = ecdsa(at(ecdsaKeys, 0), 'mine');
      const others = ecdsa({ publicKey: foreignKey('c') }, 'not mine');
      const codes = ['WALLET_KEY_UNKNOWN'];
      await ensureCoded(() => signer.signDigests([mine, others]), { codes, secrets });
      ensureEqual(await signer.signDigests([]), [], 'of none');
    }),
    promise('answers calls at once, each with its own', async ({ signer, ecdsaKeys }) => {
      const all = Array.from({ length: 16 }, (_, n) => [ecdsa(at(ecdsaKeys, n), `at once ${n}`)]);
      const answers = await Promise.all(all.map((requests) => signer.signDigests(requests)));
      for (const [n, requests] of all.entries()) ensureAnswers(requests, at(answers, n));
    }),
    promise('does not change what it is handed, and gives bytes of its own', async ({ signer, ecdsaKeys }) => {
      const digest = digestOf('kept');
      const copy = new Uint8Array(digest);
      const requests = [ecdsa(at(ecdsaKeys, 0), 'kept')];
      const call = signer.signDigests([{ ...at(requests, 0), digest }]);
      const [first] = await call;
      ensureEqual(digest, copy, 'digest');
      first?.fill(0);
      ensureAnswers(requests, await signer.signDigests(requests));
    }),
    promise('ends with its signal', async ({ signer, ecdsaKeys, secrets }) => {
      const signal = AbortSignal.abort();
      const codes = ['WALLET_ABORTED'];
      await ensureCoded(() => signer.holds([at(ecdsaKeys, 0)], { signal }), { codes, secrets });
      await ensureCoded(() => signer.signDigests([ecdsa(at(ecdsaKeys, 0), 'late')], { signal }), { codes, secrets });
      ensureEqual(await signer.holds([at(ecdsaKeys, 0)]), [true], 'it goes on afterwards');
    }),
    promise('refuses a digest that is none, with a code', async ({ signer, ecdsaKeys, secrets }) => {
      const codes = ['WALLET_INVALID_ARGUMENT', 'CORE_INVALID_ARGUMENT', 'CORE_CRYPTO_INVALID_ARGUMENT'];
      for (const digest of [new Uint8Array(31), new Uint8Array(33), 'text', undefined])
        await ensureCoded(
          () => signer.signDigests([{ ...ecdsa(at(ecdsaKeys, 0), ''), digest: digest as Uint8Array }]),
          { codes, secrets },
        );
    }),
  );

function ecdsa(key: KeyReference, text: string): DigestRequest {
  return { key, scheme: 'ecdsa', digest: digestOf(text) };
}

function schnorr(key: KeyReference, text: string): DigestRequest {
  return { key, scheme: 'schnorr', digest: digestOf(text) };
}

function xOnly(key: KeyReference): KeyReference {
  return { ...key, publicKey: key.publicKey.slice(1) };
}

function ensureAnswers(requests: readonly DigestRequest[], signatures: readonly Uint8Array[]): void {
  ensureEqual(signatures.length, requests.length, 'one signature for each request');
  for (const [n, request] of requests.entries()) {
    const signature = at(signatures, n);
    ensureEqual(signature.length, 64, 'length of a signature');
    ensure(verifies(request, signature), `signature ${n} does not verify`);
    if (request.scheme === 'schnorr') continue;
    const s = signature.subarray(32);
    const negated = currentCrypto().secretKeyNegate(s);
    ensure(negated !== undefined && isLower(s, negated), `signature ${n} has a high S`);
  }
}

function isLower(s: Uint8Array, other: Uint8Array): boolean {
  const place = s.findIndex((byte, i) => byte !== other[i]);
  return place >= 0 && (s[place] as number) < (other[place] as number);
}

function at<Item>(items: readonly Item[], place: number): Item {
  const item = items[place % items.length];
  ensure(item !== undefined, 'the harness has a key');
  return item;
}
