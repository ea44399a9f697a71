import { currentCrypto, jsCrypto, loadCrypto, parseHex, toHex } from '@bitcoin-enterprise/core';
import {
  type ScriptErrorName,
  type ScriptFlag,
  Sighasher,
  type Transaction,
  TransactionView,
  UNSPENDABLE_INTERNAL_KEY,
  assemble,
  checkTemplateHash,
  consensusFlags,
  disassemble,
  opcodeName,
  parseScript,
  scriptErrorOfText,
  scriptErrorText,
  standardFlags,
  taprootOutput,
  traceInput,
  verifyInput,
  verifyTransaction,
} from '@bitcoin-enterprise/script';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJsonVectors } from '../../../scripts/testing/vectors.ts';
import { type Prevout, flagsOf, spentOutputsOf, trimFlags } from './support/core-transactions.ts';
import { EMPTY, fill, spendOf } from './support/spending.ts';

await loadCrypto();
const crypto = currentCrypto();

/** Vectors call the flag as Bitcoin Inquisition does. */
const flagsOfRow = (text: string): ScriptFlag[] =>
  flagsOf(text.replace('DEFAULT_CHECK_TEMPLATE_VERIFY_HASH', 'CHECKTEMPLATEVERIFY')).filter((flag) => flag !== 'NONE');

const templateFlags: readonly ScriptFlag[] = [...consensusFlags, 'CHECKTEMPLATEVERIFY'];
const allFlags: readonly ScriptFlag[] = [...standardFlags, 'SIGPUSHONLY', 'CHECKTEMPLATEVERIFY'];

interface HashCase {
  readonly hex_tx: string;
  readonly spend_index: readonly number[];
  readonly result: readonly string[];
}
const hashCases = (readJsonVectors<(HashCase | string)[]>('bips/bip-0119/ctvhash.json') ?? []).filter(
  (row): row is HashCase => typeof row !== 'string',
);

describe.skipIf(hashCases.length === 0)("BIP119's template hashes", () => {
  it('has 100 transactions and every hash is right, with any engine', () => {
    expect(hashCases).toHaveLength(100);
    for (const { hex_tx: hex, spend_index: places, result } of hashCases) {
      const tx = parseHex(hex);
      for (const engine of [crypto, jsCrypto])
        expect(places.map((place) => toHex(checkTemplateHash(tx, place, engine)))).toEqual(result);
    }
  });

  it('a hasher gives the same hash for every input that there is', () => {
    for (const { hex_tx: hex, spend_index: places, result } of hashCases) {
      const view = TransactionView.of(parseHex(hex));
      const hasher = new Sighasher({ tx: view });
      places.forEach((place, row) => {
        if (place < view.inputCount) expect(toHex(hasher.checkTemplate(place))).toBe(result[row]);
        else expect(() => hasher.checkTemplate(place)).toThrow('SCRIPT_INPUT_INDEX_OUT_OF_RANGE');
      });
    }
  });
});

type ValidRow = [Prevout[], string, string, string?, boolean?];
const validRows = (readJsonVectors<unknown[][]>('bips/bip-0119/tx_valid.json') ?? []).filter(
  (row): row is ValidRow => row.length > 1,
);

describe.skipIf(validRows.length === 0)("BIP119's valid transactions", () => {
  it('has 19 rows; each is accepted under all flags but those excluded, and under fewer', () => {
    expect(validRows).toHaveLength(19);
    const wrong: unknown[] = [];
    for (const [prevouts, hex, excludedText, includedText = ''] of validRows) {
      const tx = TransactionView.of(parseHex(hex));
      const spentOutputs = spentOutputsOf(tx, prevouts);
      const [excluded, included] = [flagsOfRow(excludedText), flagsOfRow(includedText)];
      const flags = trimFlags(allFlags.filter((flag) => !excluded.includes(flag)));
      const fewer = flags
        .filter((one) => !included.includes(one))
        .map((one) => trimFlags(flags.filter((flag) => flag !== one)));
      for (const set of [flags, ...fewer, included]) {
        const verdict = verifyTransaction({ tx, spentOutputs, flags: set });
        if (!verdict.ok) wrong.push([verdict, hex.slice(0, 80), set]);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('rejects every transaction once a flag is set that its row excludes and does not skip', () => {
    const asked = validRows.flatMap(([prevouts, hex, excludedText, , skip = false]) => {
      const excluded = skip ? [] : flagsOfRow(excludedText);
      return excluded.map((one) => {
        const tx = TransactionView.of(parseHex(hex));
        const flags = trimFlags(allFlags.filter((flag) => flag === one || !excluded.includes(flag)));
        return verifyTransaction({ tx, spentOutputs: spentOutputsOf(tx, prevouts), flags }).ok;
      });
    });
    // CLEANSTACK of the two rows with a scriptSig of its own, and the argument of another size.
    expect(asked).toEqual([false, false, false]);
  });
});

interface Dependent {
  readonly if_unset: readonly string[];
  readonly then_unset: readonly string[];
}
type InvalidRow = [Prevout[], string, string, Dependent[]?];
const invalidRows = (readJsonVectors<unknown[][]>('bips/bip-0119/tx_invalid.json') ?? []).filter(
  (row): row is InvalidRow => row.length > 1,
);

describe.skipIf(invalidRows.length === 0)("BIP119's invalid transactions", () => {
  const verdictsOf = (make: (row: InvalidRow) => readonly ScriptFlag[][]) =>
    invalidRows.flatMap((row) => {
      const [prevouts, hex] = row;
      const tx = TransactionView.of(parseHex(hex));
      const spentOutputs = spentOutputsOf(tx, prevouts);
      return make(row).map((flags) => verifyTransaction({ tx, spentOutputs, flags }));
    });

  it('refuses each of 11 rows for the reason that its comment gives', () => {
    const reasons = verdictsOf(([, , flags]) => [flagsOfRow(flags)]).map((verdict) =>
      verdict.ok ? 'OK' : verdict.error,
    );

    expect(reasons).toEqual([
      'TEMPLATE_MISMATCH',
      'TEMPLATE_MISMATCH',
      'DISCOURAGE_UPGRADABLE_NOPS',
      'INVALID_STACK_OPERATION',
      'DISCOURAGE_UPGRADABLE_NOPS',
      'TEMPLATE_MISMATCH',
      'TEMPLATE_MISMATCH',
      'TEMPLATE_MISMATCH',
      'TEMPLATE_MISMATCH',
      'TEMPLATE_MISMATCH',
      'TEMPLATE_MISMATCH',
    ]);
  });

  it('accepts each once any flag of its row is taken away', () => {
    const fewer = verdictsOf(([, , text, dependents = []]) => {
      const flags = flagsOfRow(text);
      return flags.map((one) => {
        const left = flags.filter((flag) => flag !== one);
        const then = new Set(
          dependents
            .filter(({ if_unset: unset }) => unset.flatMap(flagsOfRow).every((flag) => !left.includes(flag)))
            .flatMap(({ then_unset: unset }) => unset.flatMap(flagsOfRow)),
        );
        return trimFlags(left.filter((flag) => !then.has(flag)));
      });
    });

    expect(fewer.filter(({ ok }) => !ok)).toEqual([]);
    expect(fewer.length).toBeGreaterThan(invalidRows.length);
  });
});

type Kind = 'base' | 'v0' | 'tapscript';

/** Spends an output under a script with the template on the stack before it; the template is made of the spend itself. */
function spendUnder(kind: Kind, argument: (tx: Transaction) => Uint8Array, flags: readonly ScriptFlag[]) {
  const script = (template: Uint8Array) => assemble([template, 'OP_CHECKTEMPLATEVERIFY']);
  const wrapped = script(argument(spendOf({})));
  const output = taprootOutput({ internalKey: UNSPENDABLE_INTERNAL_KEY, tree: { script: wrapped } });
  const [scriptPubKey, witness] = {
    base: [wrapped, []],
    v0: [assemble(['OP_0', crypto.sha256(wrapped)]), [wrapped]],
    tapscript: [output.scriptPubKey, [wrapped, output.leaves[0]?.controlBlock ?? EMPTY]],
  }[kind] as [Uint8Array, Uint8Array[]];
  return { tx: spendOf({ witness }), inputIndex: 0, spentOutputs: [{ value: 1_000n, scriptPubKey }], flags };
}

function verdictOf(...given: Parameters<typeof spendUnder>): ScriptErrorName | 'OK' {
  const verdict = verifyInput(spendUnder(...given));
  return verdict.ok ? 'OK' : verdict.error;
}

describe.each<Kind>(['base', 'v0', 'tapscript'])('OP_CHECKTEMPLATEVERIFY in %s', (kind) => {
  const right = (tx: Transaction) => checkTemplateHash(tx, 0);
  const wrong = (tx: Transaction) => checkTemplateHash(tx, 1);

  it('holds the spend to its template', () => {
    expect(verdictOf(kind, right, templateFlags)).toBe('OK');
    expect(verdictOf(kind, wrong, templateFlags)).toBe('TEMPLATE_MISMATCH');
  });

  it('is OP_NOP4 without its flag, which policy refuses as ever', () => {
    expect(verdictOf(kind, wrong, consensusFlags)).toBe('OK');
    expect(verdictOf(kind, right, standardFlags)).toBe('DISCOURAGE_UPGRADABLE_NOPS');
    expect(verdictOf(kind, right, [...standardFlags, 'CHECKTEMPLATEVERIFY'])).toBe('OK');
  });

  it('leaves arguments of other sizes for later, and policy refuses them', () => {
    for (const size of [1, 31, 33, 520]) {
      const other = () => fill(size, 0x33);
      expect(verdictOf(kind, other, templateFlags)).toBe('OK');
      expect(verdictOf(kind, other, [...standardFlags, 'CHECKTEMPLATEVERIFY'])).toBe('DISCOURAGE_UPGRADABLE_NOPS');
    }
  });

  it('a trace shows it by the name that its flag gives it', () => {
    const names = (flags: readonly ScriptFlag[]) =>
      traceInput(spendUnder(kind, right, flags)).steps.map(({ name }) => name);

    expect(names(templateFlags).at(-1)).toBe('OP_CHECKTEMPLATEVERIFY');
    expect(names(consensusFlags).at(-1)).toBe('OP_NOP4');
  });
});

describe('what a template covers', () => {
  const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
  const uint32 = fc.integer({ min: 0, max: 0xffffffff });
  const transaction = fc.record({
    version: uint32,
    inputs: fc.array(
      fc.record({
        previousTxid: fc.uint8Array({ minLength: 32, maxLength: 32 }),
        previousIndex: uint32,
        scriptSig: fc.oneof(fc.constant(EMPTY), bytes(300)),
        sequence: uint32,
        witness: fc.array(bytes(40), { maxLength: 2 }),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    outputs: fc.array(fc.record({ value: fc.bigInt(0n, 21_000_000n * 100_000_000n), scriptPubKey: bytes(60) }), {
      minLength: 1,
      maxLength: 4,
    }),
    lockTime: uint32,
  });
  const hash = (tx: Transaction, place = 0) => toHex(checkTemplateHash(tx, place));
  const runs = { seed: 119, numRuns: process.env['BE_LONG'] === '1' ? 5_000 : 300 };

  it('neither the outputs spent nor witnesses', () => {
    fc.assert(
      fc.property(transaction, (tx) => {
        const moved = tx.inputs.map((input) => ({
          ...input,
          previousTxid: fill(32, 1),
          previousIndex: 7,
          witness: [],
        }));
        expect(hash({ ...tx, inputs: moved })).toBe(hash(tx));
      }),
      runs,
    );
  });

  it('everything else: a change of any other field changes it', () => {
    fc.assert(
      fc.property(transaction, fc.nat(), (tx, at) => {
        const changeAt = <T>(list: readonly T[], change: (item: T) => T): T[] =>
          list.map((item, index) => (index === at % list.length ? change(item) : item));
        const flip = (value: number) => (value ^ 1) >>> 0;
        const { inputs, outputs } = tx;
        const longer = (script: Uint8Array) => new Uint8Array([...script, 0]);
        const changed: Transaction[] = [
          { ...tx, version: flip(tx.version) },
          { ...tx, lockTime: flip(tx.lockTime) },
          { ...tx, inputs: changeAt(inputs, (input) => ({ ...input, scriptSig: longer(input.scriptSig) })) },
          { ...tx, inputs: changeAt(inputs, (input) => ({ ...input, sequence: flip(input.sequence) })) },
          { ...tx, inputs: [...inputs, { ...spendOf({}).inputs[0], scriptSig: EMPTY }] as Transaction['inputs'] },
          { ...tx, outputs: changeAt(outputs, (output) => ({ ...output, value: output.value ^ 1n })) },
          { ...tx, outputs: changeAt(outputs, (output) => ({ ...output, scriptPubKey: longer(output.scriptPubKey) })) },
          { ...tx, outputs: [...outputs, { value: 0n, scriptPubKey: EMPTY }] },
        ];
        const hashes = [hash(tx), hash(tx, 1), ...changed.map((other) => hash(other))];
        expect(new Set(hashes).size).toBe(hashes.length);
      }),
      runs,
    );
  });
});

it('a transaction with many inputs hashes each of its scriptSigs once, not once for each input', () => {
  const inputs = Array.from({ length: 400 }, (_, index) => ({
    previousTxid: fill(32, 3),
    previousIndex: index,
    scriptSig: assemble([fill(100, 5)]),
    sequence: 0,
    witness: [],
  }));
  const tx = { version: 2, inputs, outputs: [{ value: 1n, scriptPubKey: EMPTY }], lockTime: 0 };
  let hashed = 0;
  const counting = { ...jsCrypto, sha256: (data: Uint8Array) => ((hashed += data.length), jsCrypto.sha256(data)) };
  // Shared: scriptSigs with their lengths, sequences, the output. For each input: a message of 116 bytes.
  const expected = inputs.length * (103 + 4) + 9 + inputs.length * 116;

  const hasher = new Sighasher({ tx, crypto: counting });
  const spentOutputs = inputs.map((_, index) => ({
    value: 1n,
    scriptPubKey: assemble([hasher.checkTemplate(index), 'OP_CHECKTEMPLATEVERIFY']),
  }));
  expect(hashed).toBe(expected);

  hashed = 0;
  expect(verifyTransaction({ tx, spentOutputs, flags: templateFlags, crypto: counting }).ok).toBe(true);
  expect(hashed).toBe(expected);
});

describe('names and arguments', () => {
  it('the opcode is written by name, and read by the flags that are given', () => {
    const script = assemble(['OP_CHECKTEMPLATEVERIFY']);
    expect(toHex(script)).toBe('b3');
    expect(parseScript('CHECKTEMPLATEVERIFY')).toEqual(script);
    expect(parseScript('OP_NOP4')).toEqual(script);
    expect(disassemble(script)).toBe('OP_NOP4');
    expect(disassemble(script, { flags: templateFlags })).toBe('OP_CHECKTEMPLATEVERIFY');
    expect(opcodeName(0xb3)).toBe('OP_NOP4');
    expect(() => disassemble(script, { flags: ['CTV' as ScriptFlag] })).toThrow('SCRIPT_FLAG_UNKNOWN');
  });

  it('consensus and standard flags are those of Bitcoin as it is', () => {
    expect(consensusFlags).not.toContain('CHECKTEMPLATEVERIFY');
    expect(standardFlags).not.toContain('CHECKTEMPLATEVERIFY');
  });

  it('the error has the sentence of Bitcoin Inquisition', () => {
    expect(scriptErrorText('TEMPLATE_MISMATCH')).toBe('Script failed an OP_CHECKTEMPLATEVERIFY operation');
    expect(scriptErrorOfText('Script failed an OP_CHECKTEMPLATEVERIFY operation')).toBe('TEMPLATE_MISMATCH');
  });

  it('answers arguments of the wrong type with a code', () => {
    const tx = spendOf({});
    const calls: (() => unknown)[] = [
      ...[undefined, null, -1, 0.5, 2 ** 32, '0', Number.NaN].map(
        (place) => () => checkTemplateHash(tx, place as never),
      ),
      ...[undefined, null, 7, 'tx', [], {}].map((other) => () => checkTemplateHash(other as never, 0)),
      () => checkTemplateHash(tx, 0, {} as never),
      () => checkTemplateHash(fill(60, 0xff), 0),
      () => new Sighasher({ tx }).checkTemplate('0' as never),
      () => new Sighasher({ tx }).checkTemplate(1),
      () => disassemble(EMPTY, { flags: 7 as never }),
    ];
    for (const call of calls) {
      let code: unknown;
      try {
        call();
      } catch (error) {
        code = (error as { code?: unknown }).code;
      }
      expect(code).toMatch(/^SCRIPT_/);
    }
  });
});
