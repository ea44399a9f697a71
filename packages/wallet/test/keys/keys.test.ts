import {
  encodeAddress,
  encodeBase58Check as base58check,
  encodeWif,
  loadCrypto,
  type NetworkName,
  NETWORKS,
  parseHex,
  toHex,
} from '@bitcoin-enterprise/core';
import { decodeExtendedKey, type ExtendedKey, parseDescriptor } from '@bitcoin-enterprise/descriptors';
import { getAddress, HDNodeWallet, Mnemonic as EthersMnemonic } from 'ethers';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  accountDescriptor,
  accountKey,
  type AccountScript,
  checksumAddress,
  cosignerKey,
  cosignerText,
  derivationPathText,
  deriveKey,
  evmAccount,
  evmAddress,
  importWif,
  isChecksumAddress,
  masterKey,
  multisigDescriptor,
  readDerivationPath,
  readExtendedKey,
  readMnemonic,
  SecretBytes,
} from '../../src/keys/index.ts';

const ABANDON = 'abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about';
let abandon: ExtendedKey;

beforeAll(async () => {
  await loadCrypto();
  abandon = masterKey(await (await readMnemonic(ABANDON)).seed(), { network: 'main' });
});

describe('master keys and paths (BIP32, test vectors 1 to 3)', () => {
  const chains: readonly (readonly [string, string, string, string])[] = [
    [
      '000102030405060708090a0b0c0d0e0f',
      "m/0'/1/2'/2/1000000000",
      'xpub6H1LXWLaKsWFhvm6RVpEL9P4KfRZSW7abD2ttkWP3SSQvnyA8FSVqNTEcYFgJS2UaFcxupHiYkro49S8yGasTvXEYBVPamhGW6cFJodrTHy',
      'xprvA41z7zogVVwxVSgdKUHDy1SKmdb533PjDz7J6N6mV6uS3ze1ai8FHa8kmHScGpWmj4WggLyQjgPie1rFSruoUihUZREPSL39UNdE3BBDu76',
    ],
    [
      'fffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a29f9c999693908d8a8784817e7b7875726f6c696663605d5a5754514e4b484542',
      'm/0/2147483647h/1/2147483646H/2',
      'xpub6FnCn6nSzZAw5Tw7cgR9bi15UV96gLZhjDstkXXxvCLsUXBGXPdSnLFbdpq8p9HmGsApME5hQTZ3emM2rnY5agb9rXpVGyy3bdW6EEgAtqt',
      'xprvA2nrNbFZABcdryreWet9Ea4LvTJcGsqrMzxHx98MMrotbir7yrKCEXw7nadnHM8Dq38EGfSh6dqA9QWTyefMLEcBYJUuekgW4BYPJcr9E7j',
    ],
    [
      '4b381541583be4423346c643850da4b320e46a87ae3d2a4e6da11eba819cd4acba45d239319ac14f863b8d5ab5a0d0c64d2e8a1e7d1457df2e5a3c51c73235be',
      'm/0h',
      'xpub68NZiKmJWnxxS6aaHmn81bvJeTESw724CRDs6HbuccFQN9Ku14VQrADWgqbhhTHBaohPX4CjNLf9fq9MYo6oDaPPLPxSb7gwQN3ih19Zm4Y',
      'xprv9uPDJpEQgRQfDcW7BkF7eTya6RPxXeJCqCJGHuCJ4GiRVLzkTXBAJMu2qaMWPrS7AANYqdq6vcBcBUdJCVVFceUvJFjaPdGZ2y9WACViL4L',
    ],
  ];

  it.for(chains)('%s', ([seed, path, xpub, xprv]) => {
    const key = deriveKey(masterKey(new SecretBytes(parseHex(seed)), { network: 'main' }), path);

    expect(key.toString()).toBe(xpub);
    expect(key.toPrivateString()).toBe(xprv);
  });

  it('reads and writes paths', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 0xffff_ffff }), { maxLength: 12 }),
        fc.constantFrom('h', "'"),
        (path, marker) => {
          const text = derivationPathText(path, { marker: marker as 'h' });
          expect(readDerivationPath(text)).toEqual(path);
          expect(readDerivationPath(text.replace(/^m\/?/, ''))).toEqual(path);
        },
      ),
    );
  });

  it('names the step that is none', () => {
    for (const [path, step] of [
      ['m/0/x', 1],
      ['m/2147483648', 0],
      ['m//1', 0],
      ['m/0/', 1],
      ['m/01', 0],
      ['m/-1', 0],
      ["m/1''", 0],
      ['M/1', 0],
      [[0, -1], 1],
      [[0.5], 0],
      [Array.from({ length: 256 }, () => 0), 255],
    ] as const)
      expect(() => readDerivationPath(path)).toThrow(
        expect.objectContaining({ code: 'WALLET_PATH_INVALID', details: expect.objectContaining({ step }) }),
      );
    expect(() => readDerivationPath(7 as never)).toThrow('WALLET_INVALID_ARGUMENT');
  });

  it('refuses a seed of a wrong length or kind', () => {
    for (const seed of [new SecretBytes(new Uint8Array(15)), new SecretBytes(new Uint8Array(65)), new Uint8Array(32)])
      expect(() => masterKey(seed as SecretBytes, { network: 'main' })).toThrow('WALLET_INVALID_ARGUMENT');
    expect(() => masterKey(new SecretBytes(new Uint8Array(16)), { network: 'signet' as never })).toThrow(
      'WALLET_INVALID_ARGUMENT',
    );
  });
});

describe('accounts of one key', () => {
  // First receiving address of the mnemonic "abandon … about": BIP44 as wallets show it, BIP49 and 84 and 86 as printed.
  const published: readonly (readonly [AccountScript, string, string])[] = [
    ['pkh', '1LqBGSKuX5yYUonjxT5qGfpUsXKYYWeabA', '1J3J6EvPrv8q6AC3VCjWV45Uf3nssNMRtH'],
    ['sh-wpkh', '37VucYSaXLCAsxYyAPfbSi9eh4iEcbShgf', '34K56kSjgUCUSD8GTtuF7c9Zzwokbs6uZ7'],
    ['wpkh', 'bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu', 'bc1q8c6fshw2dlwun7ekn9qwf37cu2rn755upcp6el'],
    [
      'tr',
      'bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr',
      'bc1p3qkhfews2uk44qtvauqyr2ttdsw7svhkl9nkm9s9c3x4ax5h60wqwruhk7',
    ],
  ];

  it.for(published)('%s pays to the published addresses', ([script, receive, change]) => {
    const descriptor = parseDescriptor(accountDescriptor(abandon, { script, network: 'main' }), {
      checksum: 'required',
    });
    const [first, second] = descriptor.paths();

    const addressOf = (bytes: Uint8Array | undefined) => bytes && encodeAddress(bytes, 'main');
    expect(addressOf(first?.derive(0).scriptPubKey)).toBe(receive);
    expect(addressOf(second?.derive(0).scriptPubKey)).toBe(change);
    expect(descriptor.hasPrivateKeys).toBe(false);
  });

  it('of test networks have coin type 1 and test keys', () => {
    for (const network of Object.keys(NETWORKS) as NetworkName[]) {
      const keys = network === 'main' ? 'main' : 'test';
      const master = masterKey(new SecretBytes(new Uint8Array(32).fill(5)), { network: keys });
      const text = accountDescriptor(master, { script: 'wpkh', network, account: 7 });
      const coin = network === 'main' ? 0 : 1;
      expect(text).toContain(`/84h/${coin}h/7h]${keys === 'main' ? 'xpub' : 'tpub'}`);
      expect(parseDescriptor(text).networks).toContain(network);
      const other = network === 'main' ? 'regtest' : 'main';
      expect(() => accountKey(master, { script: 'wpkh', network: other })).toThrow('WALLET_INVALID_ARGUMENT');
    }
  });

  it('need a master key with its secret', () => {
    const options = { script: 'tr', network: 'main' } as const;
    expect(() => accountDescriptor(abandon.neutered(), options)).toThrow('DESCRIPTORS_DERIVATION_HARDENED');
    expect(() => accountDescriptor(abandon.child(0), options)).toThrow('WALLET_INVALID_ARGUMENT');
    expect(() => accountDescriptor(abandon, { ...options, script: 'p2tr' as never })).toThrow(
      'WALLET_INVALID_ARGUMENT',
    );
    expect(() => accountDescriptor(abandon, { ...options, account: 2 ** 31 })).toThrow('WALLET_INVALID_ARGUMENT');
    expect(() => accountDescriptor(abandon, undefined as never)).toThrow('WALLET_INVALID_ARGUMENT');
  });
});

describe('multisig accounts', () => {
  const masters = [1, 2, 3].map((fill) => new SecretBytes(new Uint8Array(32).fill(fill)));
  const keys = (scheme: 'bip48' | 'bip87', script?: 'wsh' | 'sh-wsh') =>
    masters.map((seed) =>
      cosignerKey(masterKey(seed, { network: 'test' }), {
        scheme,
        network: 'regtest',
        ...(script === undefined ? {} : { script }),
      }),
    );

  it('follow BIP48 and BIP87', () => {
    expect(cosignerText(keys('bip48', 'wsh')[0] as never)).toMatch(/^\[[0-9a-f]{8}\/48h\/1h\/0h\/2h\]tpub/);
    expect(cosignerText(keys('bip48', 'sh-wsh')[0] as never)).toMatch(/^\[[0-9a-f]{8}\/48h\/1h\/0h\/1h\]tpub/);
    expect(cosignerText(keys('bip87')[0] as never)).toMatch(/^\[[0-9a-f]{8}\/87h\/1h\/0h\]tpub/);
  });

  it('are the same scripts in whichever order their keys come, as objects or texts', () => {
    for (const script of ['sh', 'sh-wsh', 'wsh'] as const) {
      const [a, b, c] = keys('bip87').map(cosignerText) as [string, string, string];
      const one = parseDescriptor(multisigDescriptor({ script, threshold: 2, keys: [a, b, c] }), {
        checksum: 'required',
      });
      const other = parseDescriptor(multisigDescriptor({ script, threshold: 2, keys: keys('bip87').toReversed() }));
      for (const index of [0, 9])
        expect(toHex(one.paths()[1]?.derive(index).scriptPubKey as never)).toBe(
          toHex(other.paths()[1]?.derive(index).scriptPubKey as never),
        );
    }
  });

  it('refuse a threshold, a script or keys that cannot be', () => {
    const good = { script: 'wsh', threshold: 2, keys: keys('bip87') } as const;
    const private_ = masterKey(masters[0] as never, { network: 'test' }).toPrivateString();
    for (const bad of [
      { ...good, threshold: 4 },
      { ...good, threshold: 0 },
      { ...good, keys: [] },
      { ...good, keys: [good.keys[0], good.keys[0]] },
      { ...good, keys: [`[00000000/87h]${private_}`, good.keys[0]] },
      { ...good, keys: Array.from({ length: 16 }, (_, i) => `[0000000${i.toString(16)}]tpub1`), script: 'sh' },
      { ...good, script: 'tr' },
      undefined,
    ])
      expect(() => multisigDescriptor(bad as never)).toThrow('WALLET_INVALID_ARGUMENT');
    const master = masterKey(masters[0] as never, { network: 'test' });
    expect(() => cosignerKey(master, { scheme: 'bip48', network: 'regtest' })).toThrow('WALLET_INVALID_ARGUMENT');
    expect(() => cosignerKey(master, { scheme: 'bip9' as never, network: 'regtest' })).toThrow(
      'WALLET_INVALID_ARGUMENT',
    );
  });
});

describe('extended keys of SLIP-132', () => {
  it('are the keys that BIP49 and BIP84 print', () => {
    const zprv =
      'zprvAdG4iTXWBoARxkkzNpNh8r6Qag3irQB8PzEMkAFeTRXxHpbF9z4QgEvBRmfvqWvGp42t42nvgGpNgYSJA9iefm1yYNZKEm7z6qUWCroSQnE';
    const { key, script, prefix } = readExtendedKey(zprv);

    expect([script, prefix]).toEqual(['wpkh', 'zprv']);
    expect(key.toPrivateString()).toBe(accountKey(abandon, { script: 'wpkh', network: 'main' }).key.toPrivateString());
    const root = readExtendedKey(
      'uprv8tXDerPXZ1QsVNjUJWTurs9kA1KGfKUAts74GCkcXtU8GwnH33GDRbNJpEqTvipfCyycARtQJhmdfWf8oKt41X9LL1zeD2pLsWmxEk3VAwd',
    );
    expect([root.script, root.key.network]).toEqual(['sh-wpkh', 'test']);
  });

  it('of all versions say what they are for', () => {
    const versions = {
      xpub: undefined,
      ypub: 'sh-wpkh',
      zpub: 'wpkh',
      Ypub: 'sh-wsh',
      Zpub: 'wsh',
      tpub: undefined,
      upub: 'sh-wpkh',
      vpub: 'wpkh',
      Upub: 'sh-wsh',
      Vpub: 'wsh',
    } as const;
    // SLIP-132, "Registered HD version bytes".
    const numbers = [
      '0488b21e 049d7cb2 04b24746 0295b43f 02aa7ed3 043587cf 044a5262 045f1cf6 024289ef 02575483',
      '0488ade4 049d7878 04b2430c 0295b005 02aa7a99 04358394 044a4e28 045f18bc 024285b5 02575048',
    ].map((row) => row.split(' '));
    Object.entries(versions).forEach(([prefix, script], place) => {
      for (const [row, isPrivate] of [
        [numbers[0], false],
        [numbers[1], true],
      ] as const) {
        const network = place < 5 ? 'main' : 'test';
        const master = masterKey(new SecretBytes(new Uint8Array(32).fill(place + 1)), { network });
        const text = withVersion(isPrivate ? master.toPrivateString() : master.toString(), row?.[place] ?? '');
        const read = readExtendedKey(text);
        expect(read).toMatchObject({ script, prefix: isPrivate ? prefix.replace('pub', 'prv') : prefix });
        expect(text.slice(0, 4)).toBe(read.prefix);
        expect(read.key.toPrivateString()).toBe((isPrivate ? master : master.neutered()).toPrivateString());
      }
    });
  });

  it('are refused without being repeated', () => {
    const canary = abandon.toPrivateString();
    for (const text of [
      '',
      'xpub',
      canary.slice(1),
      `${canary.slice(0, -1)}1`,
      withVersion(canary, '0488ffff'),
      'x'.repeat(1e6),
    ])
      expect(() => readExtendedKey(text)).toThrow(
        expect.objectContaining({
          code: 'WALLET_EXTENDED_KEY_INVALID',
          message: expect.not.stringContaining(canary.slice(10, 20)),
        }),
      );
    expect(() => readExtendedKey(undefined as never)).toThrow('WALLET_INVALID_ARGUMENT');
  });
});

function withVersion(text: string, version: string): string {
  const key = decodeExtendedKey(text) as ExtendedKey;
  const secret = text.startsWith('xprv') || text.startsWith('tprv') ? key.secretKey() : undefined;
  const bytes = new Uint8Array(78);
  bytes.set(parseHex(version));
  bytes[4] = key.depth;
  bytes.set(key.chainCode, 13);
  bytes.set(secret === undefined ? key.publicKey : Uint8Array.of(0, ...secret), 45);
  return base58check(bytes);
}

describe('accounts of an EVM chain', () => {
  it('are those of ethers, in both layouts', async () => {
    const root = HDNodeWallet.fromMnemonic(EthersMnemonic.fromPhrase(ABANDON), 'm');
    for (const index of [0, 1, 7, 1_000]) {
      for (const [layout, path] of [
        ['bip44', `m/44'/60'/0'/0/${index}`],
        ['ledger-live', `m/44'/60'/${index}'/0/0`],
        ['ledger-legacy', `m/44'/60'/0'/${index}`],
      ] as const) {
        const account = evmAccount(abandon, { index, layout });
        const expected = root.derivePath(path);
        expect(account).toMatchObject({ address: expected.address, path });
        expect(`0x${toHex(account.key.secretKey() as never)}`).toBe(expected.privateKey);
        expect(evmAddress(parseHex(expected.signingKey.publicKey.slice(2)))).toBe(expected.address);
      }
    }
  });

  it('have addresses with the checksum of ethers, and of EIP-1191', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), (bytes) => {
        const plain = `0x${toHex(bytes)}`;
        const address = checksumAddress(plain);
        expect(address).toBe(getAddress(plain));
        expect(isChecksumAddress(address)).toBe(true);
        const spoilt = address.replace(/[a-fA-F]/, (letter) =>
          letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase(),
        );
        if (spoilt !== address) expect(isChecksumAddress(spoilt)).toBe(false);
      }),
    );
    // EIP-1191, test cases of RSK mainnet.
    const rsk = '0x5aaEB6053f3e94c9b9a09f33669435E7ef1bEAeD';
    expect(checksumAddress(rsk.toLowerCase().replace('0X', '0x'), { chainId: 30 })).toBe(rsk);
    expect(isChecksumAddress(rsk, { chainId: 30 })).toBe(true);
    expect(isChecksumAddress(rsk)).toBe(false);
  });

  it('refuse what cannot be', () => {
    for (const call of [
      () => evmAccount(abandon, { index: -1 }),
      () => evmAccount(abandon, { layout: 'trezor' as never }),
      () => evmAccount(abandon, null as never),
      () => evmAddress(new Uint8Array(33)),
      () => checksumAddress('0x00'),
      () => checksumAddress(5 as never),
      () => checksumAddress(`0x${'0'.repeat(40)}`, { chainId: 0 }),
    ])
      expect(call).toThrow('WALLET_INVALID_ARGUMENT');
  });
});

it('imports a key in wallet import format', () => {
  const secret = new Uint8Array(32).fill(0x21);
  const { secretKey, compressed, networks } = importWif(encodeWif(secret, { network: 'signet', compressed: false }));

  expect(secretKey.use(toHex)).toBe(toHex(secret));
  expect([compressed, networks]).toEqual([false, ['test', 'testnet4', 'signet', 'regtest']]);
  expect(() => importWif('5Kcanary')).toThrow(
    expect.objectContaining({ code: 'CORE_WIF_INVALID', message: expect.not.stringContaining('canary') }),
  );
});
