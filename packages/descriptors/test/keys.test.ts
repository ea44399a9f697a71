import { decodeBase58Check, encodeBase58Check, loadCrypto, parseHex, toHex } from '@bitcoin-enterprise/core';
import { inspect } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseDescriptor } from '../src/descriptor/descriptor.ts';
import { decodeExtendedKey, type ExtendedKey, HARDENED } from '../src/keys/extended-key.ts';
import { aggregatePublicKeys, sortPublicKeys, syntheticExtendedKey } from '../src/keys/musig.ts';
import { readJsonVectors } from './support/vectors.ts';

const MASTER =
  'xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi';

function decoded(text: string): ExtendedKey {
  const key = decodeExtendedKey(text);
  if (key === undefined) throw new Error('no extended key');
  return key;
}

beforeAll(async () => {
  await loadCrypto();
});

describe('extended keys (BIP32)', () => {
  // BIP32, test vector 1.
  it.for([
    [
      [HARDENED],
      'xpub68Gmy5EdvgibQVfPdqkBBCHxA5htiqg55crXYuXoQRKfDBFA1WEjWgP6LHhwBZeNK1VTsfTFUHCdrfp1bgwQ9xv5ski8PX9rL2dZXvgGDnw',
    ],
    [
      [HARDENED, 1],
      'xpub6ASuArnXKPbfEwhqN6e3mwBcDTgzisQN1wXN9BJcM47sSikHjJf3UFHKkNAWbWMiGj7Wf5uMash7SyYq527Hqck2AxYysAA7xmALppuCkwQ',
    ],
    [
      [HARDENED, 1, HARDENED + 2, 2, 1_000_000_000],
      'xpub6H1LXWLaKsWFhvm6RVpEL9P4KfRZSW7abD2ttkWP3SSQvnyA8FSVqNTEcYFgJS2UaFcxupHiYkro49S8yGasTvXEYBVPamhGW6cFJodrTHy',
    ],
  ] as const)('derives %j of the master key of the BIP', ([path, expected]) => {
    const child = path.reduce((key: ExtendedKey, step) => key.child(step), decoded(MASTER));

    expect(String(child)).toBe(expected);
    expect(decoded(child.toPrivateString()).toPrivateString()).toBe(child.toPrivateString());
    expect(String(decoded(expected))).toBe(expected);
  });

  it('derives the same keys from the public and from the private parent', () => {
    const parent = decoded(MASTER);

    for (const step of [0, 1, 2, HARDENED - 1])
      expect(String(parent.neutered().child(step))).toBe(String(parent.child(step)));
  });

  it('takes no hardened step from a public key', () => {
    expect(() =>
      decoded(MASTER)
        .neutered()
        .child(HARDENED + 3),
    ).toThrow('DESCRIPTORS_DERIVATION_HARDENED: expected a private key for the hardened step 3h, got a public one');
  });

  const changed = (change: (bytes: Uint8Array) => void, text = MASTER): string => {
    const bytes = decodeBase58Check(text);
    change(bytes);
    return encodeBase58Check(bytes);
  };
  const order = parseHex('fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141');
  const xpub = (): string => String(decoded(MASTER));

  it.for([
    ['of another version', () => changed((bytes) => bytes.set([4, 0x9d, 0x78, 0x78]))],
    ['with a parent and no depth', () => changed((bytes) => bytes.set([1], 5))],
    ['with an index and no depth', () => changed((bytes) => bytes.set([1], 12))],
    ['with a public key for a private one', () => changed((bytes) => bytes.set([2], 45))],
    ['with a secret of zero', () => changed((bytes) => bytes.fill(0, 45))],
    ['with a secret of the order', () => changed((bytes) => bytes.set(order, 46))],
    ['with an uncompressed public key', () => changed((bytes) => bytes.set([4], 45), xpub())],
    ['with a private key for a public one', () => changed((bytes) => bytes.set([0], 45), xpub())],
    ['with no point', () => changed((bytes) => bytes.fill(0xff, 46), xpub())],
    ['of 77 bytes', () => encodeBase58Check(decodeBase58Check(MASTER).subarray(0, 77))],
    ['with a wrong checksum', () => `${MASTER.slice(0, -1)}j`],
  ] as const)('reads none %s', ([, make]) => {
    expect(decodeExtendedKey(make())).toBeUndefined();
  });
});

interface AggregationVectors {
  readonly pubkeys: readonly string[];
  readonly valid_test_cases: readonly { readonly key_indices: readonly number[]; readonly expected: string }[];
  readonly error_test_cases: readonly {
    readonly key_indices: readonly number[];
    readonly tweak_indices: readonly number[];
  }[];
}

const aggregation = readJsonVectors<AggregationVectors>('bips/bip-0327/key_agg_vectors.json');
const sorting = readJsonVectors<{ readonly pubkeys: readonly string[]; readonly sorted_pubkeys: readonly string[] }>(
  'bips/bip-0327/key_sort_vectors.json',
);

describe.skipIf(aggregation === undefined || sorting === undefined)('aggregates (BIP327)', () => {
  const keysAt = (indexes: readonly number[]): readonly Uint8Array[] =>
    indexes.map((index) => parseHex(aggregation?.pubkeys[index] ?? ''));

  it('have the keys of the vectors', () => {
    for (const { key_indices: indexes, expected } of aggregation?.valid_test_cases ?? [])
      expect(toHex(aggregatePublicKeys(keysAt(indexes))?.subarray(1) ?? new Uint8Array()).toUpperCase()).toBe(expected);
  });

  it('are none of keys that are no points', () => {
    for (const { key_indices: indexes, tweak_indices: tweaks } of aggregation?.error_test_cases ?? [])
      if (tweaks.length === 0) expect(aggregatePublicKeys(keysAt(indexes))).toBeUndefined();
  });

  it('sort their keys', () => {
    const sorted = sortPublicKeys((sorting?.pubkeys ?? []).map((key) => parseHex(key)));

    expect(sorted.map((key) => toHex(key).toUpperCase())).toEqual(sorting?.sorted_pubkeys);
  });
});

describe('aggregates in descriptors (BIP390)', () => {
  // BIP328, the first of its vectors.
  it('have the extended key of BIP328', () => {
    const keys = [
      '03935f972da013f80ae011890fa89b67a27b7be6ccb24d3274d18b2d4067f261a9',
      '02f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9',
    ];
    const aggregate = aggregatePublicKeys(keys.map((key) => parseHex(key))) ?? new Uint8Array();

    expect(toHex(aggregate)).toBe('0354240c76b8f2999143301a99c7f721ee57eee0bce401df3afeaa9ae218c70f23');
    expect(String(syntheticExtendedKey(aggregate, 'main'))).toBe(
      'xpub661MyMwAqRbcFt6tk3uaczE1y6EvM1TqXvawXcYmFEWijEM4PDBnuCXwwXEKGEouzXE6QLLRxjatMcLLzJ5LV5Nib1BN7vJg6yp45yHHRbm',
    );
  });

  const A =
    'xpub6ERApfZwUNrhLCkDtcHTcxd75RbzS1ed54G1LkBUHQVHQKqhMkhgbmJbZRkrgZw4koxb5JaHWkY4ALHY2grBGRjaDMzQLcgJvLJuZZvRcEL';
  const B =
    'xpub68NZiKmJWnxxS6aaHmn81bvJeTESw724CRDs6HbuccFQN9Ku14VQrADWgqbhhTHBaohPX4CjNLf9fq9MYo6oDaPPLPxSb7gwQN3ih19Zm4Y';

  it('are the same in each order of their keys', () => {
    const script = (keys: string): string => toHex(parseDescriptor(`tr(musig(${keys})/0/*)`).derive(5).scriptPubKey);

    expect(script(`${A},${B}`)).toBe(script(`${B},${A}`));
  });

  it('are new at each index of their keys, and of themselves', () => {
    for (const text of [`rawtr(musig(${A}/*,${B}/*))`, `rawtr(musig(${A}/*,${B}/7))`, `rawtr(musig(${A},${B})/*)`]) {
      const descriptor = parseDescriptor(text);
      const scripts = [0, 1, 2].map((index) => toHex(descriptor.derive(index).scriptPubKey));
      expect(descriptor.isRange).toBe(true);
      expect(new Set(scripts).size).toBe(3);
      // Asked again, in another order: what is kept must not depend on the index.
      expect([2, 1, 0].map((index) => toHex(parseDescriptor(text).derive(index).scriptPubKey)).reverse()).toEqual(
        scripts,
      );
      expect([2, 1, 0].map((index) => toHex(descriptor.derive(index).scriptPubKey)).reverse()).toEqual(scripts);
    }
  });

  it('name those who take part, and where they come from', () => {
    const [key] = parseDescriptor(`tr(musig([deadbeef/48h]${A},${B})/0/*)`).derive(3).keys;

    expect(key?.participants.map(({ origin }) => [toHex(origin.fingerprint), origin.path])).toEqual([
      ['deadbeef', [HARDENED + 48]],
      [toHex(decoded(B).fingerprint), []],
    ]);
    expect(key?.origin.path).toEqual([0, 3]);
    expect(key?.bytes).toHaveLength(32);
  });

  it('have alternatives of their own, or of their keys', () => {
    for (const text of [`tr(musig(${A}/<0;1>/*,${B}/5/*))`, `tr(musig(${A},${B})/<0;1>/*)`]) {
      const paths = parseDescriptor(text).paths();
      expect(paths.map((path) => String(path).replace(/#.*/, ''))).toEqual(
        [0, 1].map((step) => text.replace('<0;1>', String(step))),
      );
    }
  });
});

describe('secrets', () => {
  const WIF = 'L4rK1yDtCWekvXuE6oXD9jCYfFNV2cWRpVuPLBcCU2z8TrisoyY1';
  const secretHex = toHex(decodeBase58Check(WIF).subarray(1, 33));
  const masterHex = toHex(decodeBase58Check(MASTER).subarray(46));
  const texts = [
    `wpkh([deadbeef/0h]${MASTER}/0h/*)`,
    `pkh(${WIF})`,
    `tr(${WIF},{pk(${MASTER}/0/*),pk(musig(${MASTER}/3,${WIF}))})`,
    `sp(${WIF},${WIF})`,
  ];

  it.for(texts)('are in no log and no JSON of a descriptor read from a secret, %#', (text) => {
    const descriptor = parseDescriptor(text);
    const shown = [
      inspect(descriptor, { depth: 20, showHidden: true }),
      JSON.stringify(descriptor),
      JSON.stringify(descriptor.keys),
      inspect(descriptor.keys, { depth: 20, showHidden: true }),
      inspect(descriptor.derive(0), { depth: 20, showHidden: true }),
      JSON.stringify(descriptor.derive(0).keys),
      descriptor.node.name === 'sp' ? '' : String(descriptor),
    ].join('\n');

    for (const secret of [WIF, MASTER, secretHex, masterHex]) expect(shown).not.toContain(secret);
    expect(descriptor.toPrivateString()).toMatch(/L4rK|xprv/);
  });

  it.for([
    `wpkh(${MASTER}/0h/x)`,
    `wpkh(${MASTER}x)`,
    `wpkh( ${WIF})`,
    `wpkh(${WIF}/0)`,
    `wpkh([${WIF}]${WIF})`,
    `wpkh([deadbeef/${WIF}]${WIF})`,
    `${WIF}(${MASTER})`,
    WIF,
    `wsh(thresh(1,pk(${WIF}),${WIF}))`,
    `wsh(multi(${WIF},${WIF}))`,
    `wsh(older(${WIF}))`,
    `wsh(sha256(${WIF}))`,
    `addr(${WIF})`,
    `raw(${WIF})`,
    `tr(${WIF},${WIF})`,
    `tr(${WIF},and_v(${WIF}:pk(${WIF}),older(1)))`,
    `pk(${WIF})#${WIF}`,
    `pk(${WIF})?${WIF}=1`,
    `pk(${WIF})${WIF}`,
    `wsh(or_i(older(1),pk(${WIF})))`,
    `sp(${WIF})`,
    `wpkh(${WIF},${WIF})`,
  ])('are in no error, %#', (text) => {
    let error: unknown;
    try {
      parseDescriptor(text);
    } catch (cause) {
      error = cause;
    }
    expect(error).toMatchObject({ code: expect.stringMatching(/^DESCRIPTORS_/) });
    const shown = `${inspect(error, { depth: 20, showHidden: true }).replace(/\n\s+at .*/g, '')}${JSON.stringify(error)}`;
    for (const secret of [WIF.slice(0, 30), MASTER.slice(0, 40), WIF.slice(-30)]) expect(shown).not.toContain(secret);
  });

  it('come out of a key that is asked for them', () => {
    const [key] = parseDescriptor(`wpkh(${WIF})`).keys;
    const [extended] = parseDescriptor(`wpkh(${MASTER}/0h/*h)`).keys;
    const [publicKey] = parseDescriptor(`wpkh(${String(decoded(MASTER))}/0/*)`).keys;

    expect(toHex(key?.deriveSecretKey(0) ?? new Uint8Array())).toBe(secretHex);
    expect(extended?.deriveSecretKey(3)).toEqual(
      decoded(MASTER)
        .child(HARDENED)
        .child(HARDENED + 3)
        .secretKey(),
    );
    expect(publicKey?.deriveSecretKey(0)).toBeUndefined();
  });
});
