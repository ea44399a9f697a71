import { hasCode, loadCrypto, toHex } from '@bitcoin-enterprise/core';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseDescriptor } from '../src/descriptor/descriptor.ts';
import { parseWalletPolicy, walletPolicyOf } from '../src/descriptor/wallet-policy.ts';
import { DescriptorsError } from '../src/errors.ts';
import { readJsonVectors } from './support/vectors.ts';

interface BipRow {
  readonly section: string;
  /** Texts of the row; the descriptor is the last long one. */
  readonly v: readonly string[];
  readonly note: string;
  readonly sub: readonly unknown[];
}

const vectors = readJsonVectors<Readonly<Record<string, readonly BipRow[]>>>('derived/bip_descriptor_vectors.json');

const withoutChecksum = (text: string): string => text.replace(/#.*$/, '');
/** Notes of BIP380 rows that are faults, though their section does not say so. */
const FAULTS = /^(?:Missing|Too long|Too short|Error in|Invalid characters)/;

const rowsOf = (bip: string) =>
  (vectors?.[bip] ?? []).flatMap(({ section, v, note, sub }, place) => {
    const text = v.findLast((candidate) => candidate.length > 8) ?? v[0];
    if (text === undefined) return [];
    const isInvalid = /invalid/i.test(section) || (bip === 'bip-0380' && FAULTS.test(note));
    return [{ text, isInvalid, sub, name: `${bip} ${place}: ${note} ${text.slice(0, 40)}` }];
  });

function refusal(text: string): DescriptorsError {
  try {
    parseDescriptor(text);
  } catch (error) {
    if (error instanceof DescriptorsError) return error;
    throw error;
  }
  throw new Error('it was read');
}

beforeAll(async () => {
  await loadCrypto();
});

const bips = ['0380', '0381', '0382', '0383', '0384', '0385', '0386', '0387', '0389', '0390'].map(
  (bip) => `bip-${bip}`,
);

describe.skipIf(vectors === undefined).for(bips)('the vectors of %s', (bip) => {
  // Those of BIP380 that are keys stand in a script.
  const scriptOf = (text: string): string => (bip === 'bip-0380' && !text.startsWith('raw') ? `pk(${text})` : text);
  const rows = rowsOf(bip);
  const valid = rows.filter(({ isInvalid }) => !isInvalid);
  const invalid = rows.filter(({ isInvalid }) => isInvalid);

  it.skipIf(invalid.length === 0).for(invalid)('refuses $name', ({ text }) => {
    const { code, details } = refusal(scriptOf(text));

    expect(code).toMatch(/^DESCRIPTORS_/);
    expect(details).toHaveProperty('position');
  });

  it.for(valid)('reads $name', ({ text, sub }) => {
    const descriptor = parseDescriptor(scriptOf(text));

    expect(String(parseDescriptor(String(descriptor)))).toBe(String(descriptor));
    const lines = JSON.stringify(sub);
    if (bip === 'bip-0389') {
      expect(descriptor.paths().map((path) => [withoutChecksum(path.toPrivateString())])).toEqual(sub);
    } else if (bip === 'bip-0384') {
      for (const index of descriptor.isRange ? [0, 1] : [0])
        for (const script of descriptor.derive(index).scripts) expect(lines).toContain(toHex(script));
    } else if (sub.length > 0) {
      expect(sub.map((_, index) => [toHex(descriptor.derive(index).scriptPubKey)])).toEqual(sub);
    }
  });
});

const XPUB =
  'xpub6ERApfZwUNrhLCkDtcHTcxd75RbzS1ed54G1LkBUHQVHQKqhMkhgbmJbZRkrgZw4koxb5JaHWkY4ALHY2grBGRjaDMzQLcgJvLJuZZvRcEL';

describe('annotations (BIP393)', () => {
  it.for([
    [`wpkh([deadbeef/84h/0h/0h]${XPUB}/0/*)?bh=800000&gl=30#v35n46d2`, { birthHeight: 800_000, gapLimit: 30 }],
    [`wpkh([deadbeef/84h/0h/0h]${XPUB}/0/*)#kf3v6fpx`, {}],
    [
      'wpkh(0260b2003c386519fc9eadf2b5cf124dd8eea4c4e68d5e154050a9346ea98ce600)?bh=150000#8kehtsrj',
      { birthHeight: 150_000 },
    ],
    [
      'tr(xpub6BgBgsespWvERF3LHQu6CnqdvfEvtMcQjYrcRzx53QJjSxarj2afYWcLteoGVky7D3UKDP9QyrLprQ3VCECoY49yfdDEHGCtMMj92pReUsQ/0/*)?bh=709632&gl=20#6la5jcn3',
      { birthHeight: 709_632, gapLimit: 20 },
    ],
  ] as const)('reads and writes %s', ([text, expected]) => {
    const descriptor = parseDescriptor(text);

    expect(descriptor.annotations).toMatchObject(expected);
    expect(String(descriptor)).toBe(text);
  });

  it('keeps keys that it does not know', () => {
    expect(String(parseDescriptor('raw(deadbeef)?zz=5'))).toMatch(/^raw\(deadbeef\)\?zz=5#/);
  });

  const faults = (vectors?.['bip-0393'] ?? [])
    .map(({ v }) => v[0] ?? '')
    .filter((text) => text.startsWith('raw'))
    .map((text) => text.replace('#...', ''));

  it.skipIf(faults.length === 0).for(faults)('refuses %s', (text) => {
    expect(refusal(text).code).toBe('DESCRIPTORS_SYNTAX');
  });
});

describe('wallet policies (BIP388)', () => {
  const text = readFileSync(resolve(import.meta.dirname, 'vectors/bip388-policies.txt'), 'utf8');
  const policies = [...text.matchAll(/template: (.*)\n Keys info: (.*)\n Descriptor: (.*)\n/g)].map(
    ([, template = '', keys = '', descriptor = '']) => ({ template, keys: JSON.parse(keys) as string[], descriptor }),
  );

  it('has the 9 policies of the text of the BIP', () => {
    expect(policies).toHaveLength(9);
  });

  it.for(policies)('makes a descriptor of $template', ({ template, keys, descriptor }) => {
    expect(withoutChecksum(String(parseWalletPolicy(template, keys).descriptor))).toBe(descriptor);
  });

  it.for(policies)('makes $template of its descriptor', ({ template, keys, descriptor }) => {
    expect(walletPolicyOf(parseDescriptor(descriptor))).toMatchObject({ template, keys });
  });

  const keys = policies.flatMap((policy) => policy.keys).slice(0, 3);
  const invalid = rowsOf('bip-0388').map(({ name, text: template }) => ({ name, template }));

  it.skipIf(invalid.length === 0).for(invalid)('refuses $name', ({ template }) => {
    for (const count of [1, 2, 3])
      expect(() => parseWalletPolicy(template, keys.slice(0, count))).toThrow(/^DESCRIPTORS_WALLET_POLICY_INVALID/);
  });

  it.for([
    ['a bare multisignature', 'multi(1,@0/**)', 1],
    ['pk()', 'pk(@0/**)', 1],
    ['combo()', 'combo(@0/**)', 1],
    ['musig() outside of tr()', 'wsh(pk(musig(@0,@1)/**))', 2],
    ['a key twice in musig()', 'tr(musig(@0,@0)/**)', 1],
    ['musig() twice with the same keys and steps', 'tr(musig(@0,@1)/**,pk(musig(@1,@0)/**))', 2],
    ['hardened steps', 'pkh(@0/<0h;1h>/*)', 1],
    ['a leading zero', 'pkh(@00/**)', 1],
    ['a key that nobody uses', 'pkh(@0/**)', 2],
    ['a key that is not there', 'wsh(multi(1,@0/**,@1/**))', 1],
    ['no key', 'raw(00)', 0],
  ] as const)('refuses %s', ([, template, count]) => {
    expect(() => parseWalletPolicy(template, keys.slice(0, count))).toThrow(/^DESCRIPTORS_WALLET_POLICY_INVALID/);
  });

  it('refuses keys that are the same, private, or no extended keys', () => {
    const [first = ''] = keys;
    const bare = first.replace(/^\[.*\]/, '');
    for (const pair of [
      [first, first],
      [first, bare],
      [first, `${bare}/0`],
      [first, '0260b2003c386519fc9eadf2b5cf124dd8eea4c4e68d5e154050a9346ea98ce600'],
    ])
      expect(() => parseWalletPolicy('wsh(multi(1,@0/**,@1/**))', pair)).toThrow(/^DESCRIPTORS_WALLET_POLICY_INVALID/);
  });

  it.for([
    `wpkh(${XPUB}/*)`,
    `wpkh(${XPUB}/0/<0;1>/*)`,
    `wpkh(${XPUB}/<0;1;2>/*)`,
    `combo(${XPUB}/<0;1>/*)`,
    'wpkh(0260b2003c386519fc9eadf2b5cf124dd8eea4c4e68d5e154050a9346ea98ce600)',
    'raw(00)',
  ])('has none for %s', (descriptor) => {
    let error: unknown;
    try {
      walletPolicyOf(parseDescriptor(descriptor));
    } catch (cause) {
      error = cause;
    }
    expect(hasCode(error, 'DESCRIPTORS_WALLET_POLICY_INVALID')).toBe(true);
  });
});
