import { currentCrypto, installCrypto, jsCrypto, loadCrypto, toHex } from '@bitcoin-enterprise/core';
import { syntheticExtendedKey } from '@bitcoin-enterprise/descriptors';
import * as oracle from '@scure/btc-signer/musig2.js';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import {
  aggregateMusigKeys,
  aggregateMusigNonces,
  aggregateMusigSignatures,
  createMusigNonce,
  createMusigSession,
  deriveMusigKeys,
  type MusigTweak,
  SecretBytes,
  signMusig,
  signMusigDeterministically,
  sortMusigKeys,
  tweakForTaproot,
  tweakMusigKeys,
  verifyMusigPartial,
} from '../../src/multiparty/index.ts';

const long = process.env['BE_LONG'] === '1';
const seed = Number(process.env['BE_SEED'] ?? 20_261_127);
const hash = (...parts: ReadonlyArray<string | number>): Uint8Array =>
  jsCrypto.sha256(new TextEncoder().encode(parts.join(' ')));
const hex = (bytes: Uint8Array): string => toHex(new Uint8Array(bytes));

afterAll(() => installCrypto(jsCrypto));

describe.for(['js', 'wasm', 'tiny'] as const)('MuSig2 on the engine %s', (engine) => {
  it('does all that @scure/btc-signer does, byte for byte', { timeout: 600_000 }, async () => {
    await loadCrypto({ only: engine });
    expect(currentCrypto().name).toBe(engine);
    fc.assert(
      fc.property(
        // A key may be there twice.
        fc.array(fc.nat(6), { minLength: 1, maxLength: 4 }),
        fc.array(fc.tuple(fc.nat(), fc.boolean()), { maxLength: 3 }),
        fc.uint8Array({ maxLength: 80 }),
        fc.nat(),
        (numbers, tweakNumbers, message, number) => {
          const secrets = numbers.map((n) => hash('key', n));
          const publicKeys = secrets.map((secret) => oracle.IndividualPubkey(secret));
          const tweaks = tweakNumbers.map(([n]) => hash('tweak', n));
          const kinds = tweakNumbers.map(([, isXOnly]) => isXOnly);
          const theirKeys = oracle.keyAggregate(publicKeys, tweaks, kinds);
          const keys = tweakMusigKeys(
            aggregateMusigKeys(publicKeys),
            tweaks.map((tweak, at): MusigTweak => ({ tweak, kind: kinds[at] === true ? 'x-only' : 'plain' })),
          );
          expect(hex(keys.publicKey)).toBe(hex(theirKeys.aggPublicKey.toBytes(true)));
          expect(sortMusigKeys(publicKeys).map(hex)).toEqual(oracle.sortKeys(publicKeys).map(hex));

          const randoms = numbers.map((_, at) => hash('random', number, at));
          const extra = hash('extra', number).subarray(0, number % 33);
          const theirNonces = secrets.map((secret, at) =>
            oracle.nonceGen(publicKeys[at] as Uint8Array, secret, keys.xOnlyPublicKey, message, extra, randoms[at]),
          );
          const nonces = secrets.map((secret, at) =>
            createMusigNonce({
              publicKey: publicKeys[at] as Uint8Array,
              secretKey: new SecretBytes(secret),
              xOnlyPublicKey: keys.xOnlyPublicKey,
              message,
              extra,
              entropy: { bytes: () => randoms[at] as Uint8Array },
            }),
          );
          expect(nonces.map(({ secretNonce }) => secretNonce.use(hex))).toEqual(
            theirNonces.map((nonce) => hex(nonce.secret)),
          );
          const publicNonces = nonces.map(({ publicNonce }) => publicNonce);
          expect(publicNonces.map(hex)).toEqual(theirNonces.map((nonce) => hex(nonce.public)));
          const aggregateNonce = aggregateMusigNonces(publicNonces);
          expect(hex(aggregateNonce)).toBe(hex(oracle.nonceAggregate(publicNonces)));

          const session = createMusigSession(keys, { aggregateNonce, message });
          const theirs = new oracle.Session(aggregateNonce, publicKeys, message, tweaks, kinds);
          const partials = secrets.map((secret, at) =>
            signMusig(session, {
              secretKey: new SecretBytes(secret),
              secretNonce: (nonces[at] as (typeof nonces)[number]).secretNonce,
            }),
          );
          expect(partials.map(hex)).toEqual(
            theirNonces.map((nonce, at) => hex(theirs.sign(nonce.secret, secrets[at] as Uint8Array, true))),
          );
          for (const [signer, partial] of partials.entries()) {
            const publicNonce = publicNonces[signer] as Uint8Array;
            expect(verifyMusigPartial(session, { signer, publicNonce, signature: partial })).toBe(true);
            const wrong = partial.with(31, (partial[31] as number) ^ 1);
            expect(verifyMusigPartial(session, { signer, publicNonce, signature: wrong })).toBe(false);
          }
          const signature = aggregateMusigSignatures(session, partials);
          expect(hex(signature)).toBe(hex(theirs.partialSigAgg(partials)));
          expect(currentCrypto().schnorrVerify(signature, message, keys.xOnlyPublicKey)).toBe(true);

          const last = secrets.at(-1) as Uint8Array;
          const others = aggregateMusigNonces([publicNonces[0] as Uint8Array]);
          const mine = signMusigDeterministically(keys, {
            secretKey: new SecretBytes(last),
            aggregateOtherNonce: others,
            message,
            random: randoms[0] as Uint8Array,
          });
          const same = oracle.deterministicSign(last, others, publicKeys, message, tweaks, kinds, randoms[0], true);
          expect([hex(mine.publicNonce), hex(mine.signature)]).toEqual([hex(same.publicNonce), hex(same.partialSig)]);
        },
      ),
      { numRuns: (engine === 'js' ? 1 : 3) * (long ? 200 : 10), seed },
    );
  });

  it('derives below an aggregate as BIP328 and BIP32 say', async () => {
    await loadCrypto({ only: engine });
    const keys = aggregateMusigKeys([1, 2, 3].map((n) => currentCrypto().publicKey(hash('key', n)) as Uint8Array));
    for (const path of [[], [0], [1, 5], [0, 0x7fff_ffff, 2]]) {
      const expected = path.reduce((key, step) => key.child(step), syntheticExtendedKey(keys.publicKey, 'main'));

      expect(hex(deriveMusigKeys(keys, path).publicKey)).toBe(hex(expected.publicKey));
    }
    for (const path of [[-1], [0x8000_0000], [0.5], 'x', undefined])
      expect(() => deriveMusigKeys(keys, path as never)).toThrow(/WALLET_INVALID_ARGUMENT/);
    expect(tweakForTaproot(keys).untweakedPublicKey).toEqual(keys.publicKey);
  });
});

describe('MuSig2', () => {
  const secretKey = new SecretBytes(hash('key', 1));
  const publicKey = secretKey.use((secret) => jsCrypto.publicKey(secret)) as Uint8Array;
  const keys = aggregateMusigKeys([publicKey]);
  const message = hash('message');

  it('signs once with a nonce, whatever comes of it', () => {
    const nonce = createMusigNonce({ publicKey });
    const session = createMusigSession(keys, { aggregateNonce: aggregateMusigNonces([nonce.publicNonce]), message });
    signMusig(session, { secretKey, ...nonce });
    expect(nonce.secretNonce.isWiped).toBe(true);
    expect(() => signMusig(session, { secretKey, ...nonce })).toThrow(/WALLET_NONCE_SPENT/);

    const second = createMusigNonce({ publicKey });
    const stranger = new SecretBytes(hash('stranger'));
    expect(() => signMusig(session, { secretKey: stranger, ...second })).toThrow(/WALLET_INVALID_ARGUMENT/);
    expect(second.secretNonce.isWiped).toBe(true);
  });

  it('lets no signature out that does not verify', () => {
    const nonce = createMusigNonce({ publicKey });
    const other = createMusigNonce({ publicKey });
    const session = createMusigSession(keys, { aggregateNonce: aggregateMusigNonces([nonce.publicNonce]), message });
    const call = (): unknown =>
      signMusig(session, { secretKey, secretNonce: nonce.secretNonce, publicNonce: other.publicNonce });

    expect(call).toThrow(/WALLET_SIGNER_ANSWER_INVALID/);
  });

  it('says nothing of secrets in JSON, and knows its own keys and sessions', () => {
    const nonce = createMusigNonce({ publicKey });
    const session = createMusigSession(keys, { aggregateNonce: aggregateMusigNonces([nonce.publicNonce]), message });
    expect(JSON.stringify(nonce)).toContain('[secret]');
    for (const copy of [{ ...session }, JSON.parse(JSON.stringify(session)) as unknown])
      expect(() =>
        verifyMusigPartial(copy as never, { signer: 0, publicNonce: nonce.publicNonce, signature: message }),
      ).toThrow(/WALLET_INVALID_ARGUMENT/);
    for (const copy of [{ ...keys }, undefined, 7])
      expect(() => createMusigSession(copy as never, { aggregateNonce: nonce.publicNonce, message })).toThrow(
        /WALLET_INVALID_ARGUMENT/,
      );
  });

  it('keeps what it was given, whatever the caller does to it later', () => {
    const mine = new Uint8Array(publicKey);
    const made = aggregateMusigKeys([mine]);
    const before = hex(made.publicKey);
    mine.fill(0);

    expect(hex(made.publicKeys[0] as Uint8Array)).toBe(hex(publicKey));
    expect(hex(tweakForTaproot(made).xOnlyPublicKey)).toBe(hex(tweakForTaproot(keys).xOnlyPublicKey));
    expect(before).toBe(hex(keys.publicKey));
  });

  it('answers nonsense with a code', () => {
    const { publicNonce, secretNonce } = createMusigNonce({ publicKey });
    const session = createMusigSession(keys, { aggregateNonce: publicNonce, message });
    const wrong: ReadonlyArray<() => unknown> = [
      () => aggregateMusigKeys(undefined as never),
      () => aggregateMusigKeys([]),
      () => aggregateMusigKeys([publicKey.subarray(1)]),
      () => aggregateMusigKeys([jsCrypto.publicKeyConvert(publicKey, { compressed: false }) as Uint8Array]),
      () => sortMusigKeys([7] as never),
      () => tweakMusigKeys(keys, undefined as never),
      () => tweakMusigKeys(keys, [{ tweak: message, kind: 'x' as never }]),
      () => tweakMusigKeys(keys, [{ tweak: message.subarray(1), kind: 'plain' }]),
      () => tweakForTaproot(keys, { merkleRoot: new Uint8Array(31) }),
      () => tweakForTaproot({} as never),
      () => createMusigNonce(undefined as never),
      () => createMusigNonce({ publicKey: new Uint8Array(33) }),
      () => createMusigNonce({ publicKey, xOnlyPublicKey: publicKey }),
      () => createMusigNonce({ publicKey, message: 'x' as never }),
      () => createMusigNonce({ publicKey, extra: 7 as never }),
      () => createMusigNonce({ publicKey, secretKey: message as never }),
      () => createMusigNonce({ publicKey, secretKey: new SecretBytes(publicKey) }),
      () => createMusigNonce({ publicKey, entropy: {} as never }),
      () => aggregateMusigNonces([]),
      () => aggregateMusigNonces([publicKey]),
      () => createMusigSession(keys, undefined as never),
      () => createMusigSession(keys, { aggregateNonce: message, message }),
      () => createMusigSession(keys, { aggregateNonce: publicNonce, message: 'x' as never }),
      () => signMusig(session, { secretKey, secretNonce: message as never }),
      () => signMusig(session, { secretKey: message as never, secretNonce }),
      () => signMusig(session, { secretKey, secretNonce: new SecretBytes(message) }),
      () => signMusig(session, { secretKey, secretNonce, publicNonce: message }),
      () => verifyMusigPartial(session, { signer: 1, publicNonce, signature: message }),
      () => verifyMusigPartial(session, { signer: 0, publicNonce: message, signature: message }),
      () => verifyMusigPartial(session, { signer: 0, publicNonce, signature: publicNonce }),
      () => aggregateMusigSignatures(session, []),
      () => aggregateMusigSignatures(session, [publicNonce]),
      () => signMusigDeterministically(keys, undefined as never),
      () =>
        signMusigDeterministically(keys, {
          secretKey: new SecretBytes(new Uint8Array(32)),
          aggregateOtherNonce: publicNonce,
          message,
        }),
      () =>
        signMusigDeterministically(keys, { secretKey, aggregateOtherNonce: publicNonce, message, random: publicKey }),
    ];
    for (const [at, call] of wrong.entries()) expect(call, `call ${at}`).toThrow(/WALLET_INVALID_ARGUMENT/);
  });
});
