import {
  concatBytes,
  currentCrypto,
  encodeBech32,
  loadCrypto,
  parseHex,
  toHex,
  toWords,
} from '@bitcoin-enterprise/core';
import { parseScript, taprootOutput } from '@bitcoin-enterprise/script';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { descriptorChecksum } from '../src/descriptor/checksum.ts';
import { parseDescriptor } from '../src/descriptor/descriptor.ts';
import { inferDescriptor } from '../src/descriptor/infer.ts';
import { silentPaymentAddress } from '../src/descriptor/silent-address.ts';

const A =
  'xpub6ERApfZwUNrhLCkDtcHTcxd75RbzS1ed54G1LkBUHQVHQKqhMkhgbmJbZRkrgZw4koxb5JaHWkY4ALHY2grBGRjaDMzQLcgJvLJuZZvRcEL';
const B =
  'xpub68NZiKmJWnxxS6aaHmn81bvJeTESw724CRDs6HbuccFQN9Ku14VQrADWgqbhhTHBaohPX4CjNLf9fq9MYo6oDaPPLPxSb7gwQN3ih19Zm4Y';
const PRIVATE =
  'xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi';
const KEY = '0260b2003c386519fc9eadf2b5cf124dd8eea4c4e68d5e154050a9346ea98ce600';
const UNCOMPRESSED =
  '04a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd5b8dec5235a0fa8722476c7709c02559e3aa73aa03918ba2d492eea75abea235';
const WIF = 'L4rK1yDtCWekvXuE6oXD9jCYfFNV2cWRpVuPLBcCU2z8TrisoyY1';

const bare = (text: unknown): string => String(text).replace(/#.*$/, '');

beforeAll(async () => {
  await loadCrypto();
});

describe('a checksum (BIP380)', () => {
  it('finds each change of one or two characters', () => {
    const text = `wpkh(${KEY})`;
    const whole = `${text}#${descriptorChecksum(text)}`;
    const place = fc.nat({ max: whole.length - 1 });
    const letter = fc.constantFrom(...'0123456789()[]/*abcdefh');

    fc.assert(
      fc.property(place, letter, place, letter, (first, one, second, two) => {
        const letters = [...whole];
        letters[first] = one;
        letters[second] = two;
        const changed = letters.join('');
        fc.pre(changed !== whole);
        expect(() => parseDescriptor(changed, { checksum: 'required' })).toThrow(/^DESCRIPTORS_/);
      }),
    );
  });

  it('names what was given and what was expected', () => {
    expect(() => parseDescriptor('raw(deadbeef)#89f8spxn')).toThrowErrorMatchingInlineSnapshot(
      `[DescriptorsError: DESCRIPTORS_CHECKSUM_INVALID: Provided checksum '89f8spxn' does not match computed checksum '89f8spxm']`,
    );
  });

  it('is asked for when it is required', () => {
    expect(() => parseDescriptor('raw(deadbeef)', { checksum: 'required' })).toThrow(/^DESCRIPTORS_CHECKSUM_INVALID/);
    expect(parseDescriptor('raw(deadbeef)#89f8spxm', { checksum: 'required' }).isRange).toBe(false);
  });
});

describe('an index', () => {
  const wallet = `wpkh(${A}/0/*)`;

  it('is needed for a wildcard, and is a whole number below 2³¹', () => {
    const descriptor = parseDescriptor(wallet);

    for (const index of [undefined, -1, 0.5, 2 ** 31, Number.NaN])
      expect(() => descriptor.derive(index)).toThrow(/^DESCRIPTORS_INDEX_INVALID/);
    expect(descriptor.derive(2 ** 31 - 1).scriptPubKey).toHaveLength(22);
  });

  it('is of one path, not of a multipath descriptor', () => {
    const descriptor = parseDescriptor(`wpkh(${A}/<0;1>/*)`);
    const [receive, change] = descriptor.paths();

    expect(() => descriptor.derive(0)).toThrow(/^DESCRIPTORS_INDEX_INVALID/);
    expect(receive?.derive(7).scriptPubKey).toEqual(parseDescriptor(wallet).derive(7).scriptPubKey);
    expect(bare(change)).toBe(`wpkh(${A}/1/*)`);
    expect(bare(descriptor)).toBe(`wpkh(${A}/<0;1>/*)`);
  });

  it('makes the same output each time it is asked', () => {
    const descriptor = parseDescriptor(`tr(${A}/0/*,{pk(${B}/*),sortedmulti_a(1,${A}/1/*,${B}/1/*)})`);
    const scripts = [0, 1, 2, 1, 0].map((index) => toHex(descriptor.derive(index).scriptPubKey));

    expect(scripts[0]).toBe(scripts[4]);
    expect(scripts[1]).toBe(scripts[3]);
    expect(new Set(scripts).size).toBe(3);
  });
});

describe('an output', () => {
  it('has addresses of each network, or none', () => {
    const output = parseDescriptor(`combo(${KEY})`).derive();

    expect(output.scripts).toHaveLength(4);
    expect(output.address('main')).toBeUndefined();
    expect(output.addresses('regtest').map((address) => address.slice(0, 6))).toHaveLength(3);
    expect(parseDescriptor(`wpkh(${KEY})`).derive().address('regtest')).toMatch(/^bcrt1q/);
    expect(parseDescriptor(`combo(${UNCOMPRESSED})`).derive().scripts).toHaveLength(2);
  });

  it('has the scripts within it', () => {
    const output = parseDescriptor(`sh(wsh(pk(${KEY})))`).derive();

    expect(toHex(output.witnessScript ?? new Uint8Array())).toBe(`21${KEY}ac`);
    expect(output.redeemScript).toHaveLength(34);
  });

  it('has the leaves of a tree beside their miniscripts', () => {
    const { taproot } = parseDescriptor(
      `tr(${KEY},{pk(${A}),{sortedmulti_a(1,${B},${A}),and_v(v:pk(${B}),older(9))}})`,
    ).derive();

    expect(taproot?.leaves.map(({ depth }) => depth)).toEqual([1, 2, 2]);
    expect(taproot?.leafNodes.map(({ name }) => name)).toEqual(['miniscript', 'sortedmulti_a', 'miniscript']);
  });

  it('has no script of unused() and sp()', () => {
    for (const text of [`unused(${KEY})`, `sp(${WIF},${KEY})`]) {
      const output = parseDescriptor(text).derive();
      expect(output.scripts).toEqual([]);
      expect(output.address('main')).toBeUndefined();
      expect(() => output.scriptPubKey).toThrow(/^DESCRIPTORS_NO_SCRIPT/);
    }
  });
});

describe('a normalised text', () => {
  it.for([
    [`wpkh(${PRIVATE}/84h/0h/0h/<0;1>/*)`, '[3442193e/84h/0h/0h]'],
    [`wpkh([deadbeef/1']${PRIVATE}/84'/0/*)`, '[deadbeef/1h/84h]'],
    [`tr(musig(${PRIVATE}/1h,${A})/0/*)`, '[3442193e/1h]'],
  ] as const)('derives without secrets what %s derives with them', ([text, origin]) => {
    const descriptor = parseDescriptor(text);
    const normalised = parseDescriptor(descriptor.toNormalizedString());

    expect(String(normalised)).toContain(origin);
    expect(normalised.hasPrivateKeys).toBe(false);
    for (const [place, path] of descriptor.paths().entries())
      expect(normalised.paths()[place]?.derive(4).scriptPubKey).toEqual(path.derive(4).scriptPubKey);
    expect(normalised.paths()[0]?.derive(4).keys[0]?.origin.path).toEqual(
      descriptor.paths()[0]?.derive(4).keys[0]?.origin.path,
    );
  });

  it('cannot be made of a hardened step without a secret', () => {
    expect(() => parseDescriptor(`wpkh(${A}/1h/*)`).toNormalizedString()).toThrow(/^DESCRIPTORS_DERIVATION_HARDENED/);
  });
});

describe('keys of different networks', () => {
  const TPUB =
    'tpubD6NzVbkrYhZ4WaWSyoBvQwbpLkojyoTZPRsgXELWz3Popb3qkjcJyJUGLnL4qHHoQvao8ESaAstxYSnhyswJ76uZPStJRJCTKvosUCJZL5B';

  it('do not meet in one descriptor', () => {
    expect(parseDescriptor(`wpkh(${TPUB}/*)`).networks).toContain('regtest');
    expect(() => parseDescriptor(`wsh(multi(1,${TPUB},${A}))`)).toThrow(/^DESCRIPTORS_KEY_INVALID/);
    expect(() => parseDescriptor(`tr(${TPUB},pk(${WIF}))`)).toThrow(/^DESCRIPTORS_KEY_INVALID/);
  });
});

describe('a miniscript that must not be used', () => {
  it.for([
    [
      `wsh(and_v(v:pk(${A}),or_i(older(1),older(2))))`,
      'or_i(older(1),older(2)) is not sane: malleable witnesses exist',
      79,
    ],
    [`wsh(or_i(older(1),pk(${KEY})))`, `or_i(older(1),pk(${KEY})) is not sane: witnesses without signature exist`, 4],
    [
      `wsh(and_v(v:pk(${KEY}),pk(${KEY})))`,
      `and_v(v:pk(${KEY}),pk(${KEY})) is not sane: contains duplicate public keys`,
      4,
    ],
    [
      `tr(${A},and_v(v:pk(${A}/0),pk(${A}/0)))`,
      `and_v(v:pk(${A}/0),pk(${A}/0)) is not sane: contains duplicate public keys`,
      115,
    ],
  ] as const)('is refused with the part and its place, %#', ([text, words, position]) => {
    let error: unknown;
    try {
      parseDescriptor(text);
    } catch (cause) {
      error = cause;
    }
    expect(error).toMatchObject({
      code: 'DESCRIPTORS_MINISCRIPT_INSANE',
      message: `DESCRIPTORS_MINISCRIPT_INSANE: ${words}`,
    });
    const at = text.includes('or_i(older(1),older') ? text.indexOf('or_i') : position;
    expect(error).toMatchObject({ details: { position: at } });
  });

  it('is a multisignature alone with a key twice to nobody, as to Core', () => {
    expect(parseDescriptor(`wsh(multi(1,${KEY},${KEY}))`).derive().scriptPubKey).toHaveLength(34);
  });

  it('leaves a value', () => {
    expect(() => parseDescriptor(`wsh(v:pk(${KEY}))`)).toThrow(/is invalid/);
  });
});

describe('the descriptor of a script', () => {
  it('is that of a Taproot output whose tree is known', () => {
    const text = `tr(${KEY.slice(2)},{pk(${KEY.slice(2)}),{and_v(v:pk(${KEY.slice(2)}),older(144)),multi_a(1,${KEY.slice(2)},${KEY.slice(2)})}})`;
    const { scriptPubKey, taproot } = parseDescriptor(text).derive();
    const [first, second, third] = (taproot?.leaves ?? []).map(({ script }) => ({ script }));
    if (first === undefined || second === undefined || third === undefined) throw new Error('three leaves');
    const tree = [first, [second, third]] as const;

    const inferred = inferDescriptor(scriptPubKey, { taproot: { internalKey: parseHex(KEY.slice(2)), tree } });

    expect(bare(inferred)).toBe(text);
  });

  it('is rawtr() when the tree is another, or no miniscript', () => {
    const internalKey = parseHex(KEY.slice(2));
    const { scriptPubKey } = taprootOutput({ internalKey, tree: { script: parseScript('1') } });

    expect(
      bare(inferDescriptor(scriptPubKey, { taproot: { internalKey, tree: { script: parseScript('1') } } })),
    ).toMatch(/^rawtr/);
    expect(bare(inferDescriptor(scriptPubKey, { taproot: { internalKey } }))).toMatch(/^rawtr/);
  });

  it('is that of a miniscript whose keys are known', () => {
    const text = `sh(wsh(andor(pk(${KEY}),older(10000),pkh([deadbeef/1h]03a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd))))`;
    const output = parseDescriptor(text).derive();
    const scripts = [output.redeemScript, output.witnessScript].filter((script) => script !== undefined);
    const keys = output.keys.slice(1).map(({ publicKey, origin }) => ({ publicKey, origin }));

    expect(bare(inferDescriptor(output.scriptPubKey, { scripts, keys }))).toBe(text);
    expect(bare(inferDescriptor(output.scriptPubKey, { scripts }))).toMatch(/^addr\(3/);
    expect(bare(inferDescriptor(output.scriptPubKey, { network: 'regtest' }))).toMatch(/^addr\(2/);
  });

  it.for([[undefined], [{}], ['51']])('is asked of bytes, not of %j', ([script]) => {
    expect(() => inferDescriptor(script as unknown as Uint8Array)).toThrow(/^DESCRIPTORS_INVALID_ARGUMENT/);
  });
});

describe('silent payments (BIP392)', () => {
  const scan = new Uint8Array(32).fill(1);
  const spend = new Uint8Array(32).fill(2);
  const encoded = (
    prefix: string,
    payload: Uint8Array,
    options: { readonly version?: number; readonly variant?: 'bech32' } = {},
  ): string => {
    const { version = 0, variant = 'bech32m' } = options;
    const words = concatBytes(Uint8Array.of(version), toWords(payload));
    return encodeBech32({ prefix, words, variant }, { maxCharacters: 200 });
  };
  const spendPublicKey = (): Uint8Array => currentCrypto().publicKey(spend) ?? new Uint8Array();
  const watching = (prefix = 'spscan'): string => encoded(prefix, concatBytes(scan, spendPublicKey()));
  const spending = (prefix = 'spspend'): string => encoded(prefix, concatBytes(scan, spend));

  it('have a key for those who spend and one for those who look', () => {
    const wallet = parseDescriptor(`sp([deadbeef/352h/0h/0h]${spending()})`);
    const watch = parseDescriptor(String(wallet));
    const node = watch.node;
    if (node.name !== 'sp') throw new Error('sp()');

    expect(watching()).toMatch(/^spscan1q/);
    expect(spending()).toMatch(/^spspend1q/);
    expect(bare(wallet)).toBe(`sp([deadbeef/352h/0h/0h]${watching()})`);
    expect(bare(wallet.toPrivateString())).toBe(`sp([deadbeef/352h/0h/0h]${spending()})`);
    expect(bare(watch.toPrivateString())).toBe(bare(wallet));
    expect(node.spendKey.deriveSecretKey(0)).toBeUndefined();
    expect(node.scanKey.deriveSecretKey(0)).toEqual(scan);
    // BIP352: 1h/0 and 0h/0 below the account.
    expect(node.scanKey.derive(0).origin.path.slice(3)).toEqual([2 ** 31 + 1, 0]);
    expect(node.spendKey.derive(0).origin.path.slice(3)).toEqual([2 ** 31, 0]);
    expect(silentPaymentAddress(watch, 'main')).toEqual(silentPaymentAddress(wallet, 'main'));
    expect(JSON.stringify(wallet)).toBe('"sp(…)"');
  });

  it('are of the network of their key', () => {
    expect(parseDescriptor(`sp(${watching('tspscan')})`).networks).toContain('signet');
    expect(parseDescriptor(`sp(${watching()})`).networks).toEqual(['main']);
  });

  it('have no key of another version, form or size', () => {
    for (const key of [
      encoded('spscan', concatBytes(scan, spendPublicKey()), { version: 1 }),
      encoded('spscan', concatBytes(scan, spendPublicKey()), { variant: 'bech32' }),
      encoded('spscan', concatBytes(scan, spend)),
      encoded('spspend', concatBytes(scan, spendPublicKey())),
      encoded('spscan', concatBytes(new Uint8Array(32), spendPublicKey())),
      encoded('spspend', concatBytes(scan, new Uint8Array(32))),
      encoded('spscan', concatBytes(scan, Uint8Array.of(2), new Uint8Array(32).fill(0xff))),
      `${watching()}/0`,
    ]) {
      expect(() => parseDescriptor(`sp(${key})`)).toThrow(
        /^DESCRIPTORS_KEY_INVALID: sp\(\): key of \d+ characters is not valid$/,
      );
    }
    expect(() => parseDescriptor(`sp(${watching()},${watching()})`)).toThrow(/stand alone/);
    expect(() => parseDescriptor(`sp(${WIF},${watching()})`)).toThrow(/stand alone/);
  });

  it('have a text with both secrets and one with that of scanning', () => {
    const wallet = parseDescriptor(`sp(${WIF},${WIF})`);
    const watch = parseDescriptor(String(wallet));

    expect(bare(wallet.toPrivateString())).toBe(`sp(${WIF},${WIF})`);
    expect(bare(watch)).toMatch(/^sp\(L4rK.*,03a34b99/);
    expect(silentPaymentAddress(watch, 'main')).toEqual(silentPaymentAddress(wallet, 'main'));
    expect(silentPaymentAddress(watch, 'main').address).toMatch(/^sp1q/);
    expect(JSON.stringify(wallet)).toBe('"sp(…)"');
  });

  it.for([
    ['sp()', /No key provided/],
    [`sp(${A})`, /a key alone must be spscan or spspend/],
    [`sp(${A},${A})`, /the scan key must be private/],
    [`sp(${WIF},${A}/*)`, /cannot be ranged/],
    [`sp(${WIF},${UNCOMPRESSED})`, /Uncompressed/],
    [`sh(sp(${WIF},${KEY}))`, /Can only have sp\(\) at top level/],
    [`wsh(sp(${WIF},${KEY}))`, /Can only have sp\(\) at top level/],
    ['sp(spscan1qqqq)', /is not valid/],
  ] as const)('refuse %s', ([text, words]) => {
    expect(() => parseDescriptor(text)).toThrow(words);
  });
});
