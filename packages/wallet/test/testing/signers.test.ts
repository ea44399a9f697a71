import { currentCrypto, loadCrypto, toHex } from '@bitcoin-enterprise/core';
import type { KeyOrigin } from '@bitcoin-enterprise/descriptors';
import { encodeDerSignature, parseLaxDer } from '@bitcoin-enterprise/script';
import { beforeAll, describe, expect, it } from 'vitest';
import { requireAddedSignatures } from '../../src/added-signatures.ts';
import { deriveKey, masterKey, SecretBytes } from '../../src/keys/index.ts';
import { createPsbt, type Psbt, type PsbtInput } from '../../src/psbt/index.ts';
import {
  createKeyRing,
  type DigestSigner,
  type KeyReference,
  memoryDigestSigner,
  memorySigner,
  psbtSigner,
  type Signer,
} from '../../src/signers/index.ts';
import {
  type DigestSignerHarness,
  digestSignerPromises,
  type SignerHarness,
  signerPromises,
} from '../../src/testing/index.ts';

beforeAll(async () => {
  await loadCrypto();
});

function keysOf() {
  const master = masterKey(new SecretBytes(new Uint8Array(32).fill(0x21)), { network: 'main' });
  const paths = [
    [0x8000_0054, 0],
    [0x8000_0054, 1],
    [0x8000_0056, 0],
    [0x8000_0056, 1],
    [0x8000_0056, 2],
  ];
  const derived = paths.map((path) => ({
    publicKey: deriveKey(master, path).publicKey,
    origin: { fingerprint: master.fingerprint, path },
  }));
  const single = new Uint8Array(32).fill(0x33);
  const ring = createKeyRing({ extendedKeys: [master], secretKeys: [single] });
  const lone = { publicKey: ring.publicKeys[0] as Uint8Array };
  const secrets = [toHex(single), toHex(master.secretKey() as Uint8Array)];
  return { ring, ecdsaKeys: [...derived.slice(0, 2), lone], schnorrKeys: [...derived.slice(2), lone], secrets };
}

const digestHarness = (change: (signer: DigestSigner) => DigestSigner = (signer) => signer): DigestSignerHarness => {
  const { ring, ...keys } = keysOf();
  return { signer: change(memoryDigestSigner(ring)), ...keys, close: async () => ring.wipe() };
};
const signerHarness = (make: (ring: ReturnType<typeof keysOf>['ring']) => Signer): SignerHarness => {
  const { ring, ...keys } = keysOf();
  return { signer: make(ring), ...keys, close: async () => ring.wipe() };
};

describe('keys in memory keep the promises of a signer of hashes', () => {
  it.for(digestSignerPromises)('$name', ({ run }) => run(() => digestHarness()));
});

describe('keys in memory keep the promises of a signer', () => {
  it.for(signerPromises)('$name', ({ run }) => run(() => signerHarness((ring) => memorySigner(ring))));
});

describe('a signer over one of hashes keeps the promises of a signer', () => {
  it.for(signerPromises)('$name', ({ run }) =>
    run(() => signerHarness((ring) => psbtSigner(memoryDigestSigner(ring)))),
  );
});

/** The promises that a signer breaks, by name. */
async function broken<Harness>(
  list: readonly { readonly name: string; run(make: () => Harness): Promise<void> | void }[],
  make: () => Harness,
): Promise<readonly string[]> {
  const names: string[] = [];
  for (const { name, run } of list)
    await Promise.resolve()
      .then(() => run(make))
      .catch(() => names.push(name));
  return names;
}

describe('the kit sees', () => {
  const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte, place) => (place === 40 ? byte ^ 1 : byte));
  const lies: readonly (readonly [string, (signer: DigestSigner) => Partial<DigestSigner>])[] = [
    [
      'a signature that is wrong',
      ({ signDigests }) => ({ signDigests: async (r, o) => (await signDigests(r, o)).map(flip) }),
    ],
    [
      'an order that is wrong',
      ({ signDigests }) => ({ signDigests: async (r, o) => (await signDigests(r, o)).toReversed() }),
    ],
    ['a key that is held by all', () => ({ holds: async (keys) => keys.map(() => true) })],
    ['a key that is held by nobody', () => ({ holds: async (keys) => keys.map(() => false) })],
    [
      'a tweak that is not added',
      ({ signDigests }) => ({
        signDigests: (r, o) =>
          signDigests(
            r.map(({ key, scheme, digest }) => ({ key, scheme, digest })),
            o,
          ),
      }),
    ],
    [
      'a signal that is not heard',
      ({ signDigests, holds }) => ({ signDigests: (r) => signDigests(r), holds: (k) => holds(k) }),
    ],
    [
      'a high S',
      ({ signDigests }) => ({
        signDigests: async (r, o) =>
          (await signDigests(r, o)).map((signature, n) => (r[n]?.scheme === 'ecdsa' ? highS(signature) : signature)),
      }),
    ],
    [
      'a part of what was asked for',
      ({ signDigests }) => ({ signDigests: async (r, o) => (await signDigests(r, o)).slice(0, 1) }),
    ],
    ['no name', () => ({ name: '' })],
    ['a secret in the name', () => ({ name: `signer ${'33'.repeat(32)}` })],
    [
      'bytes that are not its own',
      ({ signDigests }) => {
        const given = new Map<string, readonly Uint8Array[]>();
        return {
          signDigests: async (r, o) => {
            const name = JSON.stringify(r.map(({ key, digest }) => [...key.publicKey, ...digest]));
            const known = given.get(name) ?? (await signDigests(r, o));
            given.set(name, known);
            return known;
          },
        };
      },
    ],
  ];

  it.for(lies)('%s', async ([, lie]) => {
    const make = () => digestHarness((signer) => ({ ...signer, ...lie(signer) }));
    expect(await broken(digestSignerPromises, make)).not.toEqual([]);
  });

  const psbtLies: readonly (readonly [string, (signer: Signer) => Signer['sign']])[] = [
    ['a PSBT that is not signed', () => async (psbt) => psbt],
    [
      'an output that was changed',
      ({ sign }) =>
        async (psbt, o) => {
          const signed = await sign(psbt, o);
          return { ...signed, outputs: signed.outputs.map((output) => ({ ...output, value: output.value + 1n })) };
        },
    ],
    [
      'a field that was dropped',
      ({ sign }) =>
        async (psbt, o) => {
          const signed = await sign(psbt, o);
          return { ...signed, inputs: signed.inputs.map((input) => ({ ...input, derivations: [] })) };
        },
    ],
    [
      'an input that was written to',
      ({ sign }) =>
        async (psbt, o) => {
          const signed = await sign(psbt, o);
          psbt.outputs[0]?.scriptPubKey.fill(0);
          return signed;
        },
    ],
    [
      'a signal that is not heard',
      ({ sign }) =>
        (psbt) =>
          sign(psbt),
    ],
    [
      'flags that are kept',
      ({ sign }) =>
        async (psbt, o) => ({ ...(await sign(psbt, o)), ...(psbt.modifiable === undefined ? {} : { modifiable: 3 }) }),
    ],
  ];

  it.for(psbtLies)('%s', async ([, lie]) => {
    const make = () =>
      signerHarness((ring) => {
        const signer = memorySigner(ring);
        return { ...signer, sign: lie(signer) };
      });
    expect(await broken(signerPromises, make)).not.toEqual([]);
  });
});

describe('an answer of a signer that is not trusted', () => {
  const options = { signer: 'far', sighashTypes: [0, 1, 0x83] };
  const signedPair = async () => {
    const { ring, ecdsaKeys, schnorrKeys } = keysOf();
    const before = pairOf(ecdsaKeys[0] as never, schnorrKeys[0] as never);
    return { before, after: await memorySigner(ring).sign(before) };
  };

  it('is as good as its signatures', async () => {
    const { before, after } = await signedPair();
    expect(requireAddedSignatures(before, after, options)).toBe(2);
    expect(requireAddedSignatures(before, before, options)).toBe(0);
    expect(requireAddedSignatures(after, after, options)).toBe(0);
  });

  it('is refused when anything else differs', async () => {
    const { before, after } = await signedPair();
    const [first, second] = after.inputs as [PsbtInput, PsbtInput];
    const [mine] = first.partialSignatures as [PsbtInput['partialSignatures'][number]];
    const signature = mine.signature;
    const der = (change: (bytes: Uint8Array) => Uint8Array): Psbt => ({
      ...after,
      inputs: [{ ...first, partialSignatures: [{ ...mine, signature: change(new Uint8Array(signature)) }] }, second],
    });
    const tap = (tapKeySignature: Uint8Array): Psbt => ({ ...after, inputs: [first, { ...second, tapKeySignature }] });
    const foreign = currentCrypto().publicKey(new Uint8Array(32).fill(9)) as Uint8Array;
    const lies: readonly Psbt[] = [
      { ...after, transactionVersion: 3 },
      { ...after, fallbackLockTime: 7 },
      { ...after, inputs: after.inputs.toReversed() },
      { ...after, inputs: [first] },
      { ...after, outputs: [] },
      { ...after, outputs: after.outputs.map((output) => ({ ...output, value: 2n })) },
      { ...after, unknown: [{ key: Uint8Array.of(0xf0), value: Uint8Array.of(1) }] },
      { ...after, inputs: [{ ...first, sighashType: 1 }, second] },
      { ...after, inputs: [{ ...first, sequence: 1 }, second] },
      { ...after, inputs: [first, { ...second, finalScriptWitness: [new Uint8Array(64)] }] },
      der((bytes) => ((bytes[10] = (bytes[10] as number) ^ 1), bytes)),
      der((bytes) => ((bytes[bytes.length - 1] = 0x83), bytes)),
      der((bytes) => bytes.subarray(0, -1)),
      der((bytes) => Uint8Array.of(...encodeDerSignature(highS(parseLaxDer(bytes.subarray(0, -1)) as Uint8Array)), 1)),
      { ...after, inputs: [{ ...first, partialSignatures: [{ ...mine, publicKey: foreign }] }, second] },
      { ...after, inputs: [{ ...first, partialSignatures: [mine, { ...mine, publicKey: foreign }] }, second] },
      tap(flipped(second.tapKeySignature as Uint8Array)),
      tap(Uint8Array.of(...(second.tapKeySignature as Uint8Array), 0)),
      tap(Uint8Array.of(...(second.tapKeySignature as Uint8Array), 1)),
      {
        ...after,
        inputs: [
          first,
          {
            ...second,
            tapScriptSignatures: [
              { publicKey: foreign.slice(1), leafHash: new Uint8Array(32), signature: new Uint8Array(64) },
            ],
          },
        ],
      },
    ];
    for (const [place, lie] of lies.entries())
      expect(() => requireAddedSignatures(before, lie, options), String(place)).toThrow('WALLET_SIGNER_ANSWER_INVALID');
    // A signature that was there must stay as it was.
    for (const lie of [before, tap(flipped(second.tapKeySignature as Uint8Array))])
      expect(() => requireAddedSignatures(after, lie, options)).toThrow('WALLET_SIGNER_ANSWER_INVALID');
  });

  it('may take back what can be changed, and not give it', async () => {
    const { before } = await signedPair();
    const with_ = (modifiable: number): Psbt => ({ ...before, modifiable });
    expect(requireAddedSignatures(with_(3), with_(0), options)).toBe(0);
    expect(requireAddedSignatures(with_(3), with_(4), options)).toBe(0);
    for (const [was, is] of [
      [0, 1],
      [4, 0],
      [0, 8],
    ] as const)
      expect(() => requireAddedSignatures(with_(was), with_(is), options)).toThrow('WALLET_SIGNER_ANSWER_INVALID');
    expect(() => requireAddedSignatures(before, with_(0), options)).toThrow('WALLET_SIGNER_ANSWER_INVALID');
  });
});

function flipped(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte, place) => (place === 5 ? byte ^ 1 : byte));
}

function highS(signature: Uint8Array): Uint8Array {
  return Uint8Array.of(
    ...signature.subarray(0, 32),
    ...(currentCrypto().secretKeyNegate(signature.subarray(32)) as Uint8Array),
  );
}

function pairOf(ecdsa: KeyReference & { origin: KeyOrigin }, taproot: KeyReference & { origin: KeyOrigin }): Psbt {
  const crypto = currentCrypto();
  const tapInternalKey = taproot.publicKey.slice(1);
  const output = crypto.xOnlyTweakAdd(tapInternalKey, crypto.taggedHash('TapTweak', tapInternalKey))?.xOnlyPublicKey;
  return createPsbt({
    inputs: [
      {
        previousTxid: new Uint8Array(32).fill(1),
        previousIndex: 0,
        witnessUtxo: { value: 9n, scriptPubKey: Uint8Array.of(0, 20, ...crypto.hash160(ecdsa.publicKey)) },
        derivations: [ecdsa],
      },
      {
        previousTxid: new Uint8Array(32).fill(2),
        previousIndex: 0,
        witnessUtxo: { value: 9n, scriptPubKey: Uint8Array.of(0x51, 32, ...(output as Uint8Array)) },
        tapInternalKey,
        tapDerivations: [{ publicKey: tapInternalKey, leafHashes: [], origin: taproot.origin }],
      },
    ],
    outputs: [{ value: 1n, scriptPubKey: Uint8Array.of(0x51) }],
  });
}
