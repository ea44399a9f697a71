import { concatBytes, currentCrypto, hasCode, loadCrypto, toHex } from '@bitcoin-enterprise/core';
import {
  Opcode,
  type ScriptErrorName,
  type ScriptFlag,
  type ScriptPart,
  Sighasher,
  SighashType,
  SignatureBatch,
  type SpentOutput,
  type TapTree,
  type Transaction,
  UNSPENDABLE_INTERNAL_KEY,
  assemble,
  checkTransaction,
  consensusFlags,
  encodeDerSignature,
  opcodeName,
  parseControlBlock,
  parseScript,
  policyProfiles,
  scriptErrorOfText,
  scriptErrorText,
  serializeTransaction,
  sighashLegacy,
  sighashTaproot,
  standardFlags,
  taprootOutput,
  taprootSecretKey,
  traceInput,
  verifyInput,
  verifyTransaction,
  viewTransaction,
} from '@bitcoin-enterprise/script';
import { describe, expect, it } from 'vitest';
import { EMPTY, fill, keyPair, spendOf } from './support/spending.ts';

await loadCrypto();
const crypto = currentCrypto();
const { secretKey, publicKey, xOnly } = keyPair(crypto);

/** What a legacy script, a version 0 witness script or a tapscript says under some flags. */
function run(
  kind: 'base' | 'v0' | 'tapscript',
  script: Uint8Array,
  { items = [], flags = consensusFlags }: { items?: Uint8Array[]; flags?: readonly ScriptFlag[] } = {},
): ScriptErrorName | 'OK' {
  const output = taprootOutput({ internalKey: UNSPENDABLE_INTERNAL_KEY, tree: { script } });
  const scriptPubKey =
    kind === 'base' ? script : kind === 'v0' ? assemble(['OP_0', crypto.sha256(script)]) : output.scriptPubKey;
  const witness =
    kind === 'base'
      ? []
      : kind === 'v0'
        ? [...items, script]
        : [...items, script, output.leaves[0]?.controlBlock ?? EMPTY];
  const scriptSig = kind === 'base' ? assemble(items) : EMPTY;
  const spentOutputs = [{ value: 1_000n, scriptPubKey }];
  const verdict = verifyInput({ tx: spendOf({ scriptSig, witness }), inputIndex: 0, spentOutputs, flags });
  return verdict.ok ? 'OK' : verdict.error;
}

describe('errors that no published vector names', () => {
  const key33 = concatBytes(Uint8Array.of(0xaa), xOnly);
  it.for<[ScriptErrorName | 'OK', 'base' | 'v0' | 'tapscript', ScriptPart[], Uint8Array[], (readonly ScriptFlag[])?]>([
    ['CHECKSIGVERIFY', 'base', [publicKey, 'OP_CHECKSIGVERIFY', 1], [EMPTY]],
    ['CHECKMULTISIGVERIFY', 'base', ['OP_0', EMPTY, 1, publicKey, 1, 'OP_CHECKMULTISIGVERIFY', 1], []],
    ['TAPSCRIPT_CHECKMULTISIG', 'tapscript', ['OP_0', 'OP_0', 'OP_0', 'OP_CHECKMULTISIG'], []],
    ['TAPSCRIPT_CHECKMULTISIG', 'tapscript', ['OP_CHECKMULTISIGVERIFY'], []],
    ['INVALID_STACK_OPERATION', 'base', ['OP_CHECKMULTISIG'], []],
    ['BAD_OPCODE', 'base', [1, 1, 1, 'OP_CHECKSIGADD'], []],
    ['INVALID_STACK_OPERATION', 'tapscript', ['OP_0', xOnly, 'OP_CHECKSIGADD'], []],
    ['SCRIPTNUM', 'tapscript', [EMPTY, fill(5, 1), xOnly, 'OP_CHECKSIGADD'], []],
    ['TAPSCRIPT_EMPTY_PUBKEY', 'tapscript', [EMPTY, 1, 'OP_0', 'OP_CHECKSIGADD'], []],
    [
      'TAPSCRIPT_VALIDATION_WEIGHT',
      'tapscript',
      [fill(1), key33, ...Array<ScriptPart>(9).fill('OP_2DUP'), ...Array<ScriptPart>(10).fill('OP_CHECKSIGVERIFY'), 1],
      [],
    ],
    ['DISCOURAGE_UPGRADABLE_PUBKEYTYPE', 'tapscript', [fill(1), key33, 'OP_CHECKSIG'], [], standardFlags],
    ['OK', 'tapscript', [fill(1), key33, 'OP_CHECKSIG'], []],
    ['SCHNORR_SIG_SIZE', 'tapscript', [xOnly, 'OP_CHECKSIG'], [fill(63)]],
    ['SCHNORR_SIG_HASHTYPE', 'tapscript', [xOnly, 'OP_CHECKSIG'], [concatBytes(fill(64), Uint8Array.of(0))]],
    ['SCHNORR_SIG_HASHTYPE', 'tapscript', [xOnly, 'OP_CHECKSIG'], [concatBytes(fill(64), Uint8Array.of(4))]],
    ['SCHNORR_SIG', 'tapscript', [xOnly, 'OP_CHECKSIG'], [fill(64)]],
    ['TAPSCRIPT_MINIMALIF', 'tapscript', ['OP_IF', 1, 'OP_ENDIF'], [fill(1)]],
    ['SCRIPTNUM', 'base', [fill(6), 'OP_CHECKLOCKTIMEVERIFY'], []],
    ['SCRIPTNUM', 'base', [fill(6), 'OP_CHECKSEQUENCEVERIFY'], []],
    ['NEGATIVE_LOCKTIME', 'base', [-1, 'OP_CHECKSEQUENCEVERIFY'], []],
    ['INVALID_STACK_OPERATION', 'base', ['OP_CHECKSEQUENCEVERIFY'], []],
    ['UNSATISFIED_LOCKTIME', 'base', [6, 'OP_CHECKSEQUENCEVERIFY'], []],
    ['OK', 'base', [5, 'OP_CHECKSEQUENCEVERIFY'], []],
    ['DISCOURAGE_OP_SUCCESS', 'tapscript', ['OP_RESERVED'], [], standardFlags],
    ['OK', 'tapscript', ['OP_RESERVED'], []],
    ['OP_CODESEPARATOR', 'base', [1, 'OP_CODESEPARATOR'], [], ['CONST_SCRIPTCODE']],
    ['OP_CODESEPARATOR', 'base', ['OP_0', 'OP_IF', 'OP_CODESEPARATOR', 'OP_ENDIF', 1], [], ['CONST_SCRIPTCODE']],
    ['STACK_SIZE', 'tapscript', [1], Array.from({ length: 1_001 }, () => EMPTY)],
    ['CLEANSTACK', 'tapscript', [1], [EMPTY]],
    ['PUSH_SIZE', 'v0', ['OP_DROP', 1], [fill(521)]],
    ['OP_COUNT', 'v0', [...Array<ScriptPart>(202).fill('OP_NOP'), 1], []],
    ['OK', 'v0', [...Array<ScriptPart>(201).fill('OP_NOP'), 16], []],
    ['OK', 'tapscript', [...Array<ScriptPart>(202).fill('OP_NOP'), 1], []],
    ['SCRIPT_SIZE', 'v0', [...Array.from({ length: 20 }, (): ScriptPart[] => [fill(520), 'OP_DROP']).flat(), 1], []],
    ['OK', 'tapscript', [...Array.from({ length: 20 }, (): ScriptPart[] => [fill(520), 'OP_DROP']).flat(), 1], []],
    ['OK', 'base', ['OP_0', 'OP_NEGATE', 'OP_NOT'], []],
  ])('%s', ([expected, kind, parts, items, flags]) => {
    expect(run(kind, assemble(parts), { items, ...(flags === undefined ? {} : { flags }) })).toBe(expected);
  });

  it.for<[ScriptErrorName | 'OK', string]>([
    ['OK', '4b' + '00'.repeat(75)],
    ['MINIMALDATA', '4c4b' + '00'.repeat(75)],
    ['OK', '4c4c' + '00'.repeat(76)],
    ['MINIMALDATA', '4d4c00' + '00'.repeat(76)],
    ['OK', '4cff' + '00'.repeat(255)],
    ['MINIMALDATA', '4dff00' + '00'.repeat(255)],
    ['OK', '4d0001' + '00'.repeat(256)],
    ['MINIMALDATA', '4e00010000' + '00'.repeat(256)],
    ['MINIMALDATA', '4c00'],
    ['MINIMALDATA', '0101'],
    ['MINIMALDATA', '0110'],
    ['MINIMALDATA', '0181'],
    ['OK', '0111'],
    ['OK', '0100'],
    ['MINIMALDATA', '4c0111'],
  ])('%s for a push %s', ([expected, push]) => {
    const script = concatBytes(Uint8Array.from(Buffer.from(push, 'hex')), assemble(['OP_DROP', 1]));

    expect(run('base', script, { flags: ['MINIMALDATA'] })).toBe(expected);
    expect(
      run('base', concatBytes(assemble(['OP_0', 'OP_IF']), script.slice(0, -2), assemble(['OP_ENDIF', 1])), {
        flags: ['MINIMALDATA'],
      }),
    ).toBe('OK');
  });
});

describe('witness programs inside P2SH', () => {
  const verdict = (redeem: Uint8Array, scriptSig: Uint8Array, witness: Uint8Array[], flags: readonly ScriptFlag[]) => {
    const scriptPubKey = assemble(['OP_HASH160', crypto.hash160(redeem), 'OP_EQUAL']);
    const spentOutputs = [{ value: 1_000n, scriptPubKey }];
    const result = verifyInput({ tx: spendOf({ scriptSig, witness }), inputIndex: 0, spentOutputs, flags });
    return result.ok ? 'OK' : result.error;
  };
  const script = Uint8Array.of(0x51);
  const program = assemble(['OP_0', crypto.sha256(script)]);

  it('need exactly one push of the program', () => {
    expect(verdict(program, assemble([program]), [script], consensusFlags)).toBe('OK');
    expect(verdict(program, assemble([1, program]), [script], consensusFlags)).toBe('WITNESS_MALLEATED_P2SH');
    const longPush = concatBytes(Uint8Array.of(Opcode.OP_PUSHDATA1, program.length), program);
    expect(verdict(program, longPush, [script], consensusFlags)).toBe('WITNESS_MALLEATED_P2SH');
    expect(verdict(program, assemble([program]), [Uint8Array.of(0x00)], consensusFlags)).toBe(
      'WITNESS_PROGRAM_MISMATCH',
    );
  });

  it('are never Taproot nor an anchor', () => {
    for (const upgradable of [assemble([1, xOnly]), parseScript('1 4e73')]) {
      expect(verdict(upgradable, assemble([upgradable]), [], consensusFlags)).toBe('OK');
      expect(verdict(upgradable, assemble([upgradable]), [], standardFlags)).toBe(
        'DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM',
      );
    }
  });

  it('are an anchor outside of it, and discouraged when nearly one', () => {
    const bare = (scriptPubKey: Uint8Array) =>
      verifyInput({ tx: spendOf({}), inputIndex: 0, spentOutputs: [{ value: 1n, scriptPubKey }], flags: standardFlags })
        .ok;
    expect(bare(parseScript('1 4e73'))).toBe(true);
    for (const near of ['1 4e74', '1 4f73', '2 4e73', '1 4e7300']) expect(bare(parseScript(near))).toBe(false);
  });
});

describe('legacy signatures in forms that only the first rules accept', () => {
  const script = assemble([publicKey, 'OP_CHECKSIG']);
  const tx = spendOf({});
  const compact = crypto.ecdsaSign(sighashLegacy({ tx, inputIndex: 0, scriptCode: script }), secretKey) as Uint8Array;
  const der = encodeDerSignature(compact);
  const accepts = (signature: Uint8Array): boolean => {
    const scriptSig = assemble([concatBytes(signature, Uint8Array.of(SighashType.ALL))]);
    const spentOutputs = [{ value: 1_000n, scriptPubKey: script }];
    return verifyInput({ tx: spendOf({ scriptSig }), inputIndex: 0, spentOutputs, flags: [] }).ok;
  };
  const [r, s] = [compact.subarray(0, 32), compact.subarray(32)];
  const integer = (length: readonly number[], padding: readonly number[], scalar: Uint8Array): Uint8Array =>
    Uint8Array.from([2, ...length, ...padding, ...scalar]);
  const sequence = (head: readonly number[], ...parts: Uint8Array[]): Uint8Array =>
    concatBytes(Uint8Array.from([0x30, ...head]), ...parts);

  it.for<[boolean, string, Uint8Array]>([
    [true, 'strict', der],
    [true, 'any length of the sequence', sequence([0x05], integer([33], [0], r), integer([33], [0], s))],
    [true, 'a long length of the sequence', sequence([0x82, 1, 2], integer([33], [0], r), integer([33], [0], s))],
    [true, 'long lengths of the integers', sequence([70], integer([0x81, 32], [], r), integer([0x82, 0, 32], [], s))],
    [true, 'lengths with leading zeros', sequence([70], integer([0x85, 0, 0, 0, 0, 32], [], r), integer([32], [], s))],
    [true, 'excess padding', sequence([70], integer([36], [0, 0, 0, 0], r), integer([32], [], s))],
    [true, 'trailing bytes', concatBytes(der, fill(3))],
    [false, 'a length of four bytes', sequence([70], integer([0x84, 1, 0, 0, 0], [], r), integer([32], [], s))],
    [false, 'a length beyond the end', sequence([70], integer([32], [], r), integer([33], [], s))],
    [false, 'a length of lengths beyond the end', sequence([70], integer([32], [], r), Uint8Array.of(2, 0x9f))],
    [false, 'a sequence length beyond the end', Uint8Array.of(0x30, 0xff)],
    [false, 'another tag', sequence([70], integer([32], [], r), Uint8Array.from([3, 32, ...s]))],
    [false, 'no second integer', sequence([34], integer([32], [], r))],
    [false, 'a number of 33 bytes', sequence([70], integer([33], [1], r), integer([32], [], s))],
    [false, 'a number beyond the order', sequence([70], integer([32], [], fill(32, 0xff)), integer([32], [], s))],
    [false, 'one byte', Uint8Array.of(0x30)],
  ])('%s: %s', ([accepted, , signature]) => {
    expect(accepts(signature)).toBe(accepted);
  });

  it('are written back as strict DER with the shortest integers', () => {
    const small = encodeDerSignature(concatBytes(fill(31, 0), Uint8Array.of(0x80), fill(32, 0)));
    expect(toHex(small)).toBe('300702020080020100');
  });
});

describe('a batch', () => {
  const output = taprootOutput({ internalKey: xOnly });
  const spentOutputs: SpentOutput[] = [{ value: 1_000n, scriptPubKey: output.scriptPubKey }];
  const signed = (valid: boolean): Uint8Array => {
    const tx = spendOf({});
    const hash = sighashTaproot({ tx, inputIndex: 0, spentOutputs });
    const signature = crypto.schnorrSign(hash, taprootSecretKey(secretKey)) as Uint8Array;
    if (!valid) signature[40] = (signature[40] as number) ^ 1;
    return serializeTransaction(spendOf({ witness: [signature] }));
  };
  const put = (batch: SignatureBatch, tx: Uint8Array, batchOwner: number): void => {
    expect(verifyTransaction({ tx, spentOutputs, flags: consensusFlags, batch, batchOwner }).ok).toBe(true);
  };

  it('names the owners of what fails, once each, ascending, and forgets them', () => {
    const batch = new SignatureBatch();
    put(batch, signed(true), 7);
    put(batch, signed(false), 12);
    put(batch, signed(false), 3);
    put(batch, signed(false), 12);
    expect(batch.size).toBe(4);
    expect(batch.verify()).toEqual([3, 12]);
    expect(batch.size).toBe(0);
    put(batch, signed(false), 99);
    expect(batch.verify()).toEqual([99]);
    expect(batch.verify()).toEqual([]);
  });

  it('checks what was there when it was put off, even if the buffer has changed since', () => {
    const batch = new SignatureBatch();
    const buffer = signed(false);
    put(batch, buffer, 1);
    buffer.set(signed(true));

    expect(batch.verify()).toEqual([1]);
  });

  it('refuses what is no check, and goes on', () => {
    const batch = new SignatureBatch();
    const act = () => batch.add({ kind: 'junk' } as never, 0);

    expect(act).toThrow('SCRIPT_INVALID_ARGUMENT');
    expect(batch.verify()).toEqual([]);
    expect(() => new SignatureBatch({} as never)).toThrow('SCRIPT_INVALID_ARGUMENT');
  });
});

describe('a trace', () => {
  const script = assemble([1, 'OP_IF', 'OP_DUP', 'OP_TOALTSTACK', 'OP_ELSE', 'OP_DROP', 'OP_ENDIF']);
  const output = taprootOutput({ internalKey: UNSPENDABLE_INTERNAL_KEY, tree: { script } });
  const tx = spendOf({ witness: [Uint8Array.of(7), script, output.leaves[0]?.controlBlock ?? EMPTY] });
  const options = {
    tx,
    inputIndex: 0,
    spentOutputs: [{ value: 1n, scriptPubKey: output.scriptPubKey }],
    flags: consensusFlags,
  };

  it('shows the machine before each opcode', () => {
    const { verdict, steps, stepCount } = traceInput(options);

    expect(verdict.ok).toBe(true);
    expect(stepCount).toBe(9);
    expect(
      steps.map(({ phase, offset, opcodePosition, name, executed, conditionDepth, stack, altStack }) =>
        [
          phase,
          offset,
          opcodePosition,
          name,
          executed,
          conditionDepth,
          stack.map(toHex).join(),
          altStack.map(toHex).join(),
        ].join(' '),
      ),
    ).toMatchInlineSnapshot(`
      [
        "scriptPubKey 0 0 OP_1 true 0  ",
        "scriptPubKey 1 1 OP_PUSHBYTES_32 true 0 01 ",
        "tapscript 0 0 OP_1 true 0 07 ",
        "tapscript 1 1 OP_IF true 0 07,01 ",
        "tapscript 2 2 OP_DUP true 1 07 ",
        "tapscript 3 3 OP_TOALTSTACK true 1 07,07 ",
        "tapscript 4 4 OP_ELSE true 1 07 07",
        "tapscript 5 5 OP_DROP false 1 07 07",
        "tapscript 6 6 OP_ENDIF true 1 07 07",
      ]
    `);
    expect(steps.at(-1)?.validationWeightLeft).toBe(50 + 1 + 2 + 8 + 34);
    expect(steps[0]?.validationWeightLeft).toBeUndefined();
    expect(steps[1]?.data).toEqual(output.outputKey);
    expect(steps[2]?.data).toBeUndefined();
  });

  it('keeps as many steps as asked for and counts them all', () => {
    const { steps, stepCount } = traceInput({ ...options, maximumSteps: 2 });

    expect(steps).toHaveLength(2);
    expect(stepCount).toBe(9);
    expect(() => traceInput({ ...options, maximumSteps: -1 })).toThrow('SCRIPT_INVALID_ARGUMENT');
  });

  it('gives nothing away that another run depends on', () => {
    const one = {
      ...options,
      spentOutputs: [{ value: 1n, scriptPubKey: parseScript('1 NOP 1 NOP') }],
      tx: spendOf({}),
    };
    for (const step of traceInput(one).steps) for (const item of [...step.stack, step.script]) item.fill(0);

    expect(verifyInput(one).ok).toBe(true);
    expect(run('base', assemble([1]))).toBe('OK');
  });

  it('may itself verify and hash in mid-run', () => {
    const plain = verifyInput(options);
    const onStep = () => {
      verifyInput(options);
      new Sighasher({ tx, spentOutputs: options.spentOutputs }).taproot(0);
    };
    expect(verifyInput({ ...options, onStep })).toEqual(plain);
    expect(() => verifyInput({ ...options, onStep: 5 as never })).toThrow('SCRIPT_INVALID_ARGUMENT');
    expect(() => verifyInput({ ...options, batch: {} as never })).toThrow('SCRIPT_INVALID_ARGUMENT');
    expect(() => verifyInput({ ...options, inputIndex: 1 })).toThrow('SCRIPT_INPUT_INDEX_OUT_OF_RANGE');
    expect(() => verifyInput({ ...options, spentOutputs: [] })).toThrow('SCRIPT_SPENT_OUTPUTS_MISMATCH');
  });
});

describe('hashes to sign', () => {
  const tx = spendOf({});
  const spentOutputs = [{ value: 5n, scriptPubKey: Uint8Array.of(0x51) }];
  const codeOf = (act: () => unknown): unknown => {
    try {
      act();
      return 'none';
    } catch (error) {
      return hasCode(error, 'SCRIPT_SIGHASH_TYPE_INVALID') ? error.details : (error as { code?: string }).code;
    }
  };

  it('say why there is none', () => {
    const two = { ...tx, inputs: [...tx.inputs, { ...tx.inputs[0], previousIndex: 1 }] } as Transaction;
    const hasher = new Sighasher({ tx: two, spentOutputs: [...spentOutputs, ...spentOutputs] });
    expect(codeOf(() => hasher.taproot(1, { hashType: 3 }))).toEqual({ hashType: 3, reason: 'no-output' });
    expect(codeOf(() => hasher.taproot(1, { hashType: 4 }))).toEqual({ hashType: 4, reason: 'undefined' });
    expect(codeOf(() => hasher.taproot(2))).toBe('SCRIPT_INPUT_INDEX_OUT_OF_RANGE');
    expect(codeOf(() => hasher.legacy(2, { scriptCode: EMPTY }))).toBe('SCRIPT_INPUT_INDEX_OUT_OF_RANGE');
    expect(codeOf(() => hasher.witnessV0(2, { scriptCode: EMPTY, value: 1n }))).toBe('SCRIPT_INPUT_INDEX_OUT_OF_RANGE');
    expect(codeOf(() => hasher.witnessV0(0, { scriptCode: EMPTY, value: 1 as never }))).toBe('SCRIPT_INVALID_ARGUMENT');
    expect(codeOf(() => hasher.legacy(0, {} as never))).toBe('SCRIPT_INVALID_ARGUMENT');
    expect(codeOf(() => hasher.taproot(0, { leafHash: fill(31) }))).toBe('SCRIPT_INVALID_ARGUMENT');
    expect(codeOf(() => hasher.taproot(0, { codeSeparatorPosition: -1 }))).toBe('SCRIPT_INVALID_ARGUMENT');
    expect(codeOf(() => hasher.taproot(0, fill(32) as never))).toBe('SCRIPT_INVALID_ARGUMENT');
    expect(codeOf(() => new Sighasher({ tx }).taproot(0))).toBe('SCRIPT_SPENT_OUTPUTS_MISMATCH');
    expect(codeOf(() => new Sighasher({ tx, spentOutputs: [] }))).toBe('SCRIPT_SPENT_OUTPUTS_MISMATCH');
  });

  it('depend on everything that they should cover', () => {
    const hasher = new Sighasher({ tx, spentOutputs });
    const hashes = [
      hasher.taproot(0),
      hasher.taproot(0, { hashType: 1 }),
      hasher.taproot(0, { hashType: 0x81 }),
      hasher.taproot(0, { annex: Uint8Array.of(0x50) }),
      hasher.taproot(0, { leafHash: fill(32) }),
      hasher.taproot(0, { leafHash: fill(32), codeSeparatorPosition: 0 }),
      new Sighasher({ tx, spentOutputs: [{ value: 6n, scriptPubKey: Uint8Array.of(0x51) }] }).taproot(0),
      new Sighasher({ tx, spentOutputs: [{ value: 5n, scriptPubKey: fill(300) }] }).taproot(0, { hashType: 0x82 }),
    ];
    expect(new Set(hashes.map(toHex)).size).toBe(hashes.length);
  });

  it('do not change with the bytes that a hasher was made from', () => {
    const bytes = serializeTransaction(tx);
    const hasher = new Sighasher({ tx: bytes, spentOutputs });
    const before = hasher.taproot(0);
    bytes.fill(0);

    expect(hasher.taproot(0)).toEqual(before);
  });
});

describe('a tree', () => {
  const leaf: TapTree = { script: Uint8Array.of(0x51) };
  const deep = (depth: number): TapTree => Array.from({ length: depth }).reduce<TapTree>((tree) => [tree, leaf], leaf);
  const codeOf = (tree: TapTree): unknown => {
    try {
      taprootOutput({ internalKey: xOnly, tree });
      return 'ok';
    } catch (error) {
      return hasCode(error, 'SCRIPT_TAPROOT_INVALID') ? error.details.reason : (error as { code?: string }).code;
    }
  };

  it('is at most 128 deep and of a bounded number of leaves', () => {
    expect(codeOf(deep(128))).toBe('ok');
    expect(codeOf(deep(129))).toBe('depth');
    expect(codeOf(deep(100_000))).toBe('depth');
    let shared: TapTree = leaf;
    for (let level = 0; level < 60; level++) shared = [shared, shared];
    expect(codeOf(shared)).toBe('leaves');
  });

  it('has leaves of even versions other than that of the annex', () => {
    for (const leafVersion of [0xc1, 0x50, -2, 256, 1.5])
      expect(codeOf({ script: EMPTY, leafVersion })).toBe('leaf-version');
    expect(codeOf([leaf] as never)).toBe('SCRIPT_INVALID_ARGUMENT');
  });

  it('needs an internal key on the curve', () => {
    expect(() => taprootOutput({ internalKey: fill(32, 0xff) })).toThrow('SCRIPT_TAPROOT_INVALID');
    expect(() => taprootSecretKey(fill(32, 0))).toThrow('SCRIPT_TAPROOT_INVALID');
  });

  it('refuses a Merkle root where its options belong: the key would spend another output', () => {
    expect(() => taprootSecretKey(secretKey, fill(32) as never)).toThrow('SCRIPT_INVALID_ARGUMENT');
  });

  it('gives control blocks that read back', () => {
    const [one] = taprootOutput({ internalKey: xOnly, tree: [leaf, [leaf, { script: fill(3) }]] }).leaves.slice(1);
    const { leafVersion, internalKey, path } = parseControlBlock(one?.controlBlock ?? EMPTY);

    expect([leafVersion, path.length]).toEqual([0xc0, 2]);
    expect(internalKey).toEqual(xOnly);
    for (const size of [32, 34, 33 + 32 * 129])
      expect(() => parseControlBlock(fill(size))).toThrow('SCRIPT_TAPROOT_INVALID');
  });
});

describe('words and constants', () => {
  it('name every opcode byte', () => {
    expect([0x00, 0x01, 0x4b, 0x4c, 0x51, 0xac, 0xba, 0xbb, 0xff].map(opcodeName)).toMatchInlineSnapshot(`
      [
        "OP_0",
        "OP_PUSHBYTES_1",
        "OP_PUSHBYTES_75",
        "OP_PUSHDATA1",
        "OP_1",
        "OP_CHECKSIG",
        "OP_CHECKSIGADD",
        "OP_UNKNOWN_bb",
        "OP_INVALIDOPCODE",
      ]
    `);
    expect(() => opcodeName(256)).toThrow('SCRIPT_INVALID_ARGUMENT');
  });

  it('turn error names into Core sentences and back', () => {
    expect(scriptErrorOfText(scriptErrorText('SCHNORR_SIG'))).toBe('SCHNORR_SIG');
    expect(scriptErrorText('SCRIPTNUM')).toBe('unknown error');
    expect(scriptErrorOfText('anything else')).toBe('UNKNOWN_ERROR');
  });

  it('cannot be changed by one user for all', () => {
    for (const constant of [Opcode, SighashType, consensusFlags, policyProfiles, policyProfiles['core-31'].tapscript])
      expect(Object.isFrozen(constant)).toBe(true);
  });
});

describe('a transaction by itself', () => {
  it('may weigh a whole block and no more', () => {
    const heavy = (size: number): string | undefined =>
      checkTransaction(viewTransaction({ ...spendOf({}), outputs: [{ value: 1n, scriptPubKey: fill(size) }] }));
    const base = 1_000_000 - (4 + 1 + 41 + 1 + 8 + 5 + 4);

    expect(heavy(base)).toBeUndefined();
    expect(heavy(base + 1)).toBe('bad-txns-oversize');
  });
});
