import { describe, expect, it } from 'vitest';
import { exportLabels, importLabels, type Label } from '../../src/coins/index.ts';
import { Random } from '../../../../scripts/testing/random.ts';
import { codeOf } from '../support/code-of.ts';

const fuzzes = process.env['BE_LONG'] === '1' ? 1_000_000 : 20_000;
const txid = 'f91d0a8a78462bc59398f2c5d7a84fcff491c26ba54c4833478b202796c8aafd';
const key = '0283409659355b6d1cc3c32decd5d561abaac86c37a353b52895a5e6c196d6f448';
const xpub =
  'xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8';

/** The export in the text of BIP329. */
const published = [
  `{ "type": "tx", "ref": "${txid}", "label": "Transaction", "origin": "wpkh([d34db33f/84'/0'/0'])" }`,
  '{ "type": "addr", "ref": "bc1q34aq5drpuwy3wgl9lhup9892qp6svr8ldzyy7c", "label": "Address" }',
  `{ "type": "pubkey", "ref": "${key}", "label": "Public Key" }`,
  `{ "type": "input", "ref": "${txid}:0", "label": "Input" }`,
  `{ "type": "output", "ref": "${txid}:1", "label": "Output", "spendable": false }`,
  `{ "type": "xpub", "ref": "${xpub}", "label": "Extended Public Key" }`,
].join('\n');

describe('labels', () => {
  it('are read as BIP329 writes them, and written so that they are read again', () => {
    const { labels, skipped } = importLabels(published);

    expect(skipped).toStrictEqual([]);
    expect(labels.map(({ type }) => type)).toStrictEqual(['tx', 'addr', 'pubkey', 'input', 'output', 'xpub']);
    expect(labels[0]).toStrictEqual({
      type: 'tx',
      ref: txid,
      label: 'Transaction',
      origin: "wpkh([d34db33f/84'/0'/0'])",
    });
    expect(labels[4]?.spendable).toBe(false);
    expect(importLabels(exportLabels(labels)).labels).toStrictEqual(labels);
  });

  it('keep fields that nobody here reads', () => {
    const line = `{"type":"tx","ref":"${txid}","label":"x","height":5,"rate":{"USD":105620.0},"fee":123}`;

    const { labels } = importLabels(line);

    expect(labels[0]?.others).toStrictEqual({ height: 5, rate: { USD: 105_620 }, fee: 123 });
    expect(JSON.parse(exportLabels(labels))).toStrictEqual(JSON.parse(line));
    const lying = { ...labels[0], others: { type: 'addr', __proto__: { ref: 'x' } } } as unknown as Label;
    expect(JSON.parse(exportLabels([lying]))).toMatchObject({ type: 'tx', ref: txid });
  });

  it('are written only when they would be read again', () => {
    const row: Label = { type: 'tx', ref: txid, label: 'x' };
    const circle: Record<string, unknown> = {};
    circle['circle'] = circle;
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    const strange = [
      null,
      1,
      'text',
      [1],
      { a: 1n },
      circle,
      { deep },
      { toJSON: () => 1 },
      { a: 'x'.repeat(100_000) },
    ];
    for (const others of strange)
      expect(codeOf(() => exportLabels([row, { ...row, others } as unknown as Label]))).toBe('WALLET_LABELS_INVALID');
    expect(codeOf(() => exportLabels([{ ...row, label: 'x'.repeat(100_000) }]))).toBe('WALLET_LABELS_INVALID');
  });

  it('of unknown types are left out, those of no valid form only when they are to be', () => {
    const text = `\ufeff{"type":"star","ref":"x"}\r\n\n{"type":"tx","ref":"x"}\n${published}`;

    expect(codeOf(() => importLabels(text))).toBe('WALLET_LABELS_INVALID');
    const { labels, skipped } = importLabels(text, { invalid: 'skip' });
    expect(labels).toHaveLength(6);
    expect(skipped).toStrictEqual([
      { line: 1, reason: 'a type that BIP329 does not know' },
      { line: 3, reason: 'a ref that is none of type tx' },
    ]);
  });

  it('are cut to 255 characters, never through one', () => {
    const long = `${'a'.repeat(254)}😀`;

    const { labels } = importLabels(JSON.stringify({ type: 'tx', ref: txid, label: long }));

    expect(labels[0]?.label).toBe('a'.repeat(254));
    expect(
      importLabels(JSON.stringify({ type: 'tx', ref: txid, label: long }), { maximumLength: 300 }).labels[0]?.label,
    ).toBe(long);
  });

  it.for([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['no ref', '{"type":"tx"}'],
    ['a wrong ref', `{"type":"output","ref":"${txid}"}`],
    ['an index of more than 32 bits', `{"type":"output","ref":"${txid}:4294967296"}`],
    ['spendable of a transaction', `{"type":"tx","ref":"${txid}","spendable":true}`],
    ['spendable as a text', `{"type":"output","ref":"${txid}:1","spendable":"false"}`],
    ['a label that is a number', `{"type":"tx","ref":"${txid}","label":5}`],
    ['a line that is too long', `{"type":"tx","ref":"${txid}","label":"${'a'.repeat(100_001)}"}`],
  ])('with %s are refused', ([, line]) => {
    expect(() => importLabels(`${published}\n${line}`)).toThrow(
      expect.objectContaining({
        code: 'WALLET_LABELS_INVALID',
        details: expect.objectContaining({ line: 7 }) as object,
      }) as Error,
    );
  });

  it('are not written in a form that nobody reads', () => {
    for (const wrong of [
      { type: 'tx', ref: 'x' },
      { type: 'star', ref: txid },
      { type: 'tx', ref: txid, spendable: true },
      {},
    ])
      expect(codeOf(() => exportLabels([wrong as Label]))).toBe('WALLET_LABELS_INVALID');
    for (const wrong of [undefined, 5, 'x', [undefined]])
      expect(codeOf(() => exportLabels(wrong as never))).toBe('WALLET_INVALID_ARGUMENT');
    expect(codeOf(() => importLabels(5 as never))).toBe('WALLET_INVALID_ARGUMENT');
  });

  it(`answer whatever they are given with labels or a code (${fuzzes} inputs)`, () => {
    const random = new Random(329);
    const characters = '{}[]":,tx0123abc \\u\n';
    for (let round = 0; round < fuzzes; round++) {
      const at = random.below(published.length);
      const noise = Array.from({ length: random.below(4) }, () => characters[random.below(characters.length)]).join('');
      const text = published.slice(0, at) + noise + published.slice(at + random.below(4));
      const code = codeOf(() => importLabels(text));
      if (code !== 'no error' && code !== 'WALLET_LABELS_INVALID') throw new Error(text);
      importLabels(text, { invalid: 'skip' });
    }
  });
});
