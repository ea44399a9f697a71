import { concatBytes, currentCrypto, hasCode, loadCrypto, parseHex } from '@bitcoin-enterprise/core';
import {
  type ScriptErrorName,
  type ScriptFlag,
  type ScriptPart,
  Sighasher,
  SighashType,
  SignatureBatch,
  type Transaction,
  UNSPENDABLE_INTERNAL_KEY,
  assemble,
  consensusFlags,
  encodeDerSignature,
  scriptErrorText,
  sighashLegacy,
  standardFlags,
  taprootOutput,
  taprootSecretKey,
  traceInput,
  verifyInput,
} from '@bitcoin-enterprise/script';
import { describe, expect, it } from 'vitest';
import { EMPTY, fill, keyPair, spendOf } from './support/spending.ts';

await loadCrypto();
const crypto = currentCrypto();
const { secretKey, publicKey, xOnly } = keyPair(crypto);

const verdictOf = (
  scriptPubKey: Uint8Array,
  flags: readonly ScriptFlag[],
  { scriptSig = EMPTY, witness = [] }: { scriptSig?: Uint8Array; witness?: readonly Uint8Array[] } = {},
): ScriptErrorName | 'OK' => {
  const spentOutputs = [{ value: 1_000n, scriptPubKey }];
  const verdict = verifyInput({ tx: spendOf({ scriptSig, witness }), inputIndex: 0, spentOutputs, flags });
  return verdict.ok ? 'OK' : verdict.error;
};
const integer = (bytes: Uint8Array): Uint8Array => concatBytes(Uint8Array.of(2, bytes.length), bytes);
/** A signature of two integers as they are, with the length of its sequence right, and its sighash byte. */
const der = (r: Uint8Array, s: Uint8Array, hashType: number = SighashType.ALL): Uint8Array => {
  const body = concatBytes(integer(r), integer(s));
  return concatBytes(Uint8Array.of(0x30, body.length), body, Uint8Array.of(hashType));
};

describe('a signature that its own script contains', () => {
  const rest: readonly ScriptPart[] = ['OP_DROP', publicKey, 'OP_CHECKSIG'];
  const hash = sighashLegacy({ tx: spendOf({}), inputIndex: 0, scriptCode: assemble(rest) });
  const strict = encodeDerSignature(crypto.ecdsaSign(hash, secretKey) as Uint8Array);
  /** The first rules read no further than two integers: bytes behind them make a signature as long as one likes. */
  const ofLength = (length: number): Uint8Array =>
    concatBytes(strict, fill(length - strict.length - 1), Uint8Array.of(SighashType.ALL));

  it.for([75, 76, 77, 254, 255, 256, 257, 520])('is removed from what it signs, at %i bytes', (length) => {
    const signature = ofLength(length);
    const script = assemble([signature, ...rest]);

    expect(verdictOf(script, [], { scriptSig: assemble([signature]) })).toBe('OK');
    expect(verdictOf(script, ['CONST_SCRIPTCODE'], { scriptSig: assemble([signature]) })).toBe('SIG_FINDANDDELETE');
  });

  it('is removed more than once, and what differs from it stays', () => {
    const code = assemble(['OP_2DROP', publicKey, 'OP_CHECKSIG']);
    const signed = crypto.ecdsaSign(sighashLegacy({ tx: spendOf({}), inputIndex: 0, scriptCode: code }), secretKey);
    const signature = concatBytes(encodeDerSignature(signed as Uint8Array), fill(9), Uint8Array.of(SighashType.ALL));
    const push = assemble([signature]);

    expect(verdictOf(concatBytes(push, push, code), [], { scriptSig: push })).toBe('OK');
    expect(verdictOf(concatBytes(push, assemble([ofLength(80)]), code), [], { scriptSig: push })).toBe('EVAL_FALSE');
  });

  it('stays where it is pushed in another way than serialising it gives', () => {
    const signature = ofLength(76);
    const script = concatBytes(Uint8Array.of(0x4d, 76, 0), signature, assemble(rest));

    expect(verdictOf(script, [], { scriptSig: assemble([signature]) })).toBe('EVAL_FALSE');
    expect(verdictOf(script, ['CONST_SCRIPTCODE'], { scriptSig: assemble([signature]) })).toBe('EVAL_FALSE');
  });
});

describe('the form of a signature', () => {
  const script = assemble([publicKey, 'OP_CHECKSIG']);
  const say = (signature: Uint8Array, flags: readonly ScriptFlag[]): ScriptErrorName | 'OK' =>
    verdictOf(script, flags, { scriptSig: assemble([signature]) });
  const half = parseHex('7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0');
  const order = parseHex('fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141');
  const padded = (scalar: Uint8Array): Uint8Array => concatBytes(Uint8Array.of(0), scalar);
  const one = Uint8Array.of(1);

  it.for<[ScriptErrorName, string, Uint8Array]>([
    ['EVAL_FALSE', 'the shortest there is', der(one, one)],
    ['EVAL_FALSE', 'the longest there is', der(padded(order), padded(order))],
    ['SIG_DER', 'longer, with numbers in their shortest form', der(fill(35, 1), fill(32, 1))],
    ['SIG_DER', 'much longer', der(fill(60, 1), fill(60, 1))],
    ['SIG_DER', 'shorter', Uint8Array.of(0x30, 5, 2, 1, 1, 2, 0, 1)],
    ['SIG_DER', 'the first number longer than everything', Uint8Array.of(0x30, 6, 2, 200, 1, 2, 1, 1, 1)],
    ['SIG_DER', 'the first number up to the end', Uint8Array.of(0x30, 6, 2, 4, 1, 2, 1, 1, 1)],
    ['SIG_DER', 'the second number up to the sighash byte', Uint8Array.of(0x30, 6, 2, 1, 1, 2, 2, 1, 1)],
    ['SIG_DER', 'a negative number', der(Uint8Array.of(0x80), one)],
    ['SIG_DER', 'an excess zero', der(Uint8Array.of(0, 0x7f), one)],
    ['EVAL_FALSE', 'a needed zero', der(Uint8Array.of(0, 0x80), one)],
    ['EVAL_FALSE', 'a zero', der(Uint8Array.of(0), one)],
    ['SIG_DER', 'an excess zero in the second', der(one, Uint8Array.of(0, 1))],
    ['SIG_DER', 'another tag in the second', Uint8Array.of(0x30, 6, 2, 1, 1, 3, 1, 1, 1)],
    ['SIG_DER', 'another sequence length', Uint8Array.of(0x30, 7, 2, 1, 1, 2, 1, 1, 1)],
    ['SIG_DER', 'another tag', Uint8Array.of(0x31, 6, 2, 1, 1, 2, 1, 1, 1)],
  ])('%s: %s', ([expected, , signature]) => {
    for (const flag of ['DERSIG', 'LOW_S', 'STRICTENC'] as const) expect(say(signature, [flag])).toBe(expected);
  });

  it('has an S of at most half the order under LOW_S', () => {
    const above = half.with(31, 0xa1);

    expect(say(der(one, half), ['LOW_S'])).toBe('EVAL_FALSE');
    expect(say(der(one, above), ['LOW_S'])).toBe('SIG_HIGH_S');
    expect(say(der(one, above), ['DERSIG'])).toBe('EVAL_FALSE');
    // An S that is no scalar counts as zero, in Core too.
    expect(say(der(one, padded(order)), ['LOW_S'])).toBe('EVAL_FALSE');
  });

  it('has a sighash byte of 1 to 3, with or without 0x80, under STRICTENC', () => {
    for (const hashType of [1, 2, 3, 0x81, 0x82, 0x83])
      expect(say(der(one, one, hashType), ['STRICTENC'])).toBe('EVAL_FALSE');
    for (const hashType of [0, 4, 0x80, 0x84, 0xc1])
      expect(say(der(one, one, hashType), ['STRICTENC'])).toBe('SIG_HASHTYPE');
  });
});

describe('the form of a public key', () => {
  const long = crypto.publicKey(secretKey, { compressed: false }) as Uint8Array;
  const hybrid = long.with(0, 6 + ((long[64] as number) & 1));
  const say = (key: Uint8Array, flags: readonly ScriptFlag[]): ScriptErrorName | 'OK' => {
    const script = assemble([key, 'OP_CHECKSIG']);
    const hash = sighashLegacy({ tx: spendOf({}), inputIndex: 0, scriptCode: script });
    const signature = encodeDerSignature(crypto.ecdsaSign(hash, secretKey) as Uint8Array);
    return verdictOf(script, flags, { scriptSig: assemble([concatBytes(signature, Uint8Array.of(1))]) });
  };

  it('is compressed or not, and was a mixture of both before STRICTENC', () => {
    for (const key of [publicKey, long]) expect([say(key, []), say(key, ['STRICTENC'])]).toEqual(['OK', 'OK']);
    expect([say(hybrid, []), say(hybrid, ['STRICTENC'])]).toEqual(['OK', 'PUBKEYTYPE']);
    expect(say(long.with(0, hybrid[0] === 6 ? 7 : 6), [])).toBe('EVAL_FALSE');
  });

  it('has the length that its first byte says', () => {
    for (const key of [long.subarray(0, 33), long.subarray(0, 64), publicKey.subarray(0, 32), EMPTY, fill(65, 2)])
      expect([say(key, []), say(key, ['STRICTENC'])]).toEqual(['EVAL_FALSE', 'PUBKEYTYPE']);
  });
});

describe('what is left to later rules', () => {
  it('is a leaf of another version, unless discouraged', () => {
    const { scriptPubKey, leaves } = taprootOutput({
      internalKey: UNSPENDABLE_INTERNAL_KEY,
      tree: { script: Uint8Array.of(0x6a), leafVersion: 0xc2 },
    });
    const witness = [Uint8Array.of(0x6a), leaves[0]?.controlBlock ?? EMPTY];

    expect(verdictOf(scriptPubKey, consensusFlags, { witness })).toBe('OK');
    expect(verdictOf(scriptPubKey, standardFlags, { witness })).toBe('DISCOURAGE_UPGRADABLE_TAPROOT_VERSION');
    expect(verdictOf(scriptPubKey, consensusFlags, { witness: [Uint8Array.of(0x51), witness[1] ?? EMPTY] })).toBe(
      'WITNESS_PROGRAM_MISMATCH',
    );
  });

  it.for([2, 3, 16])('is a program of version %i, of the size of a key too', (version) => {
    for (const size of [2, 20, 32, 40]) {
      expect(verdictOf(assemble([version, fill(size)]), consensusFlags)).toBe('OK');
      expect(verdictOf(assemble([version, fill(size)]), standardFlags)).toBe('DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM');
    }
    // A push of 1 or of 41 bytes is no program, but a script that leaves a true element.
    for (const size of [1, 41])
      expect(verdictOf(assemble([version, fill(size, 0x7f)]), standardFlags)).toBe('CLEANSTACK');
  });

  it('is version 1 of another size than a key has', () => {
    for (const size of [2, 20, 31, 33, 40]) expect(verdictOf(assemble([1, fill(size)]), consensusFlags)).toBe('OK');
  });
});

describe('lock times', () => {
  it.for<[ScriptErrorName, ScriptPart[]]>([
    ['INVALID_STACK_OPERATION', ['OP_CHECKLOCKTIMEVERIFY']],
    ['NEGATIVE_LOCKTIME', [-1, 'OP_CHECKLOCKTIMEVERIFY']],
    ['INVALID_STACK_OPERATION', ['OP_CHECKSEQUENCEVERIFY']],
    ['NEGATIVE_LOCKTIME', [-1, 'OP_CHECKSEQUENCEVERIFY']],
  ])('%s', ([expected, parts]) => {
    expect(verdictOf(assemble(parts), consensusFlags)).toBe(expected);
  });
});

describe('flags', () => {
  const script = Uint8Array.of(0x51);
  const program = assemble(['OP_0', crypto.sha256(script)]);
  const nested = assemble(['OP_HASH160', crypto.hash160(program), 'OP_EQUAL']);
  const wrong = { scriptSig: assemble([program]), witness: [Uint8Array.of(0)] };

  it('bring those along without which they mean nothing', () => {
    expect(verdictOf(nested, [], wrong)).toBe('OK');
    expect(verdictOf(nested, ['P2SH'], wrong)).toBe('OK');
    for (const flag of ['WITNESS', 'CLEANSTACK'] as const)
      expect(verdictOf(nested, [flag], wrong)).toBe('WITNESS_PROGRAM_MISMATCH');
  });

  it('have the names of Core, and no others', () => {
    for (const flag of ['SCRIPT_VERIFY_P2SH', 'p2sh', 'toString', 7, null, 'x'.repeat(1_000)]) {
      const act = (): unknown => verdictOf(script, [flag as never]);
      expect(act).toThrow('SCRIPT_FLAG_UNKNOWN');
      try {
        act();
      } catch (error) {
        const { details, hint } = error as { details: { flag: string }; hint: string };
        expect(details.flag).toBe(typeof flag === 'string' ? flag.slice(0, 64) : typeof flag);
        expect(hint).toContain('without the SCRIPT_VERIFY_ prefix');
      }
    }
    expect(() => verdictOf(script, 'P2SH' as never)).toThrow(/flags.*array/);
    expect(() => scriptErrorText(7 as never)).toThrow('SCRIPT_INVALID_ARGUMENT: expected error to be the name of');
  });
});

describe('checks put off', () => {
  const message = fill(32, 5);
  const tweak = fill(32, 3);
  const tweaked = crypto.xOnlyTweakAdd(xOnly, tweak) as { xOnlyPublicKey: Uint8Array; parity: 0 | 1 };
  const schnorr = () => ({
    kind: 'schnorr' as const,
    signature: crypto.schnorrSign(message, secretKey) as Uint8Array,
    message: message.slice(),
    xOnlyPublicKey: xOnly.slice(),
  });
  const commitment = () => ({
    kind: 'tweak' as const,
    tweakedXOnly: tweaked.xOnlyPublicKey.slice(),
    parity: tweaked.parity,
    internalXOnly: xOnly.slice(),
    tweak: tweak.slice(),
  });

  it('are those of the moment, whichever of their bytes change afterwards', () => {
    for (const make of [schnorr, commitment])
      for (const [name, value] of Object.entries(make())) {
        if (typeof value === 'string' || typeof value === 'number') continue;
        for (const form of [Uint8Array, Buffer]) {
          const inForm = (item: object) => ({ ...item, [name]: form.from(value) });
          const [right, wrong, batch] = [inForm(make()), inForm(make()), new SignatureBatch()] as const;
          const bytesOf = (item: object): Uint8Array => (item as Record<string, Uint8Array>)[name] as Uint8Array;
          bytesOf(wrong)[0] = (bytesOf(wrong)[0] as number) ^ 1;
          batch.add(right as never, 0);
          batch.add(wrong as never, 1);
          bytesOf(right)[0] = (bytesOf(right)[0] as number) ^ 1;
          bytesOf(wrong)[0] = (bytesOf(wrong)[0] as number) ^ 1;

          expect(batch.verify(), name).toEqual([1]);
        }
      }
  });

  it('are still there after an engine that throws, and are no answer', () => {
    let broken = true;
    const batch = new SignatureBatch({
      ...crypto,
      verifyBatch: (items) => {
        if (broken) throw new Error('out of memory');
        return crypto.verifyBatch(items);
      },
    });
    batch.add({ ...schnorr(), message: fill(32, 6) }, 5);

    expect(() => batch.verify()).toThrow('out of memory');
    broken = false;
    expect(batch.verify()).toEqual([5]);
    expect(batch.verify()).toEqual([]);
  });

  it('are offered to a thread that never takes them at a cost that grows no faster than they do', () => {
    let copied = 0;
    const batch = new SignatureBatch({
      ...crypto,
      beginBatch: (items) => {
        copied += items.length;
        return undefined;
      },
    });
    const item = schnorr();
    for (let i = 0; i < 40_000; i++) batch.add(item, i);

    expect(copied).toBeGreaterThan(0);
    expect(copied).toBeLessThan(3 * 40_000);
  });

  it('are begun in parts where a thread takes them, each once and under its own name', () => {
    const sizes: number[] = [];
    let take = false;
    const batch = new SignatureBatch({
      ...crypto,
      beginBatch: (items) => {
        if (!take) return undefined;
        sizes.push(items.length);
        const answer = items.flatMap(({ kind }, index) => (kind === 'tweak' ? [index] : []));
        return () => answer;
      },
      verifyBatch: (items) => items.flatMap(({ kind }, index) => (kind === 'tweak' ? [index] : [])),
    });
    const [right, wrong] = [schnorr(), commitment()];
    const bad = [0, 63, 8_191, 8_192, 9_999, 10_500, 14_999];
    for (let i = 0; i < 15_000; i++) {
      take = i >= 10_000;
      batch.add(bad.includes(i) ? wrong : right, i);
    }

    expect(batch.size).toBe(15_000);
    expect(sizes[0]).toBe(8_192);
    expect(batch.verify()).toEqual(bad);
    expect(batch.size).toBe(0);
  });

  it.for<[string, unknown, unknown]>([
    ['item', 7, 0],
    ['owner', schnorr(), -1],
    ['owner', schnorr(), 1.5],
    ['item.kind', { kind: 'ecdsa' }, 0],
    ['item.signature', { ...schnorr(), signature: fill(63) }, 0],
    ['item.message', { ...schnorr(), message: 'text' }, 0],
    ['item.xOnlyPublicKey', { ...schnorr(), xOnlyPublicKey: fill(33) }, 0],
    ['item.tweakedXOnly', { ...commitment(), tweakedXOnly: fill(31) }, 0],
    ['item.parity', { ...commitment(), parity: 2 }, 0],
    ['item.internalXOnly', { ...commitment(), internalXOnly: null }, 0],
    ['item.tweak', { ...commitment(), tweak: fill(33) }, 0],
  ])('name what is wrong: %s', ([argument, item, owner]) => {
    const batch = new SignatureBatch();
    try {
      batch.add(item as never, owner as never);
      expect.unreachable();
    } catch (error) {
      expect(hasCode(error, 'SCRIPT_INVALID_ARGUMENT') && error.details).toMatchObject({ argument });
    }
    expect(batch.size).toBe(0);
  });
});

describe('a Buffer, whose slice is a view', () => {
  it('is copied like any bytes: what its owner writes later changes nothing', () => {
    const { scriptPubKey, outputKey } = taprootOutput({ internalKey: xOnly });
    const spent = { value: 1_000n, scriptPubKey: Buffer.from(scriptPubKey) };
    const tx = spendOf({});
    const hasher = new Sighasher({ tx, spentOutputs: [spent] });
    const hash = hasher.taproot(0);
    const signature = crypto.schnorrSign(hash, taprootSecretKey(secretKey)) as Uint8Array;
    const batch = new SignatureBatch();
    verifyInput({
      tx: spendOf({ witness: [signature] }),
      inputIndex: 0,
      spentOutputs: [spent],
      flags: consensusFlags,
      batch,
    });
    const internalKey = Buffer.from(xOnly);
    const output = taprootOutput({ internalKey });
    spent.scriptPubKey.fill(0);
    internalKey.fill(0);

    expect(hasher.taproot(0)).toEqual(hash);
    expect(batch.verify()).toEqual([]);
    expect(output.outputKey).toEqual(outputKey);
    expect(output.leaves).toEqual([]);
  });

  it('shows in a trace as a copy', () => {
    const scriptPubKey = Buffer.from(assemble([fill(3), 'OP_DUP', 'OP_TOALTSTACK', 1]));
    const options = { tx: spendOf({}), inputIndex: 0, spentOutputs: [{ value: 1n, scriptPubKey }], flags: [] as const };
    for (const { stack, altStack, script, data } of traceInput(options).steps)
      for (const bytes of [...stack, ...altStack, script, data ?? EMPTY]) bytes.fill(0);

    expect(scriptPubKey).toEqual(Buffer.from(assemble([fill(3), 'OP_DUP', 'OP_TOALTSTACK', 1])));
  });
});

describe('hashes to sign say what is missing', () => {
  const tx = spendOf({});
  const spentOutputs = [{ value: 1n, scriptPubKey: EMPTY }];
  const hasher = new Sighasher({ tx, spentOutputs });
  const scriptCode = EMPTY;
  it.for<[string, string, () => unknown]>([
    ['options', 'SCRIPT_INVALID_ARGUMENT', () => new Sighasher(7 as never)],
    ['options', 'SCRIPT_INVALID_ARGUMENT', () => hasher.taproot(0, 7 as never)],
    ['hashType', 'SCRIPT_INVALID_ARGUMENT', () => hasher.taproot(0, { hashType: 256 })],
    ['codeSeparatorPosition', 'SCRIPT_INVALID_ARGUMENT', () => hasher.taproot(0, { codeSeparatorPosition: 2 ** 32 })],
    ['annex', 'SCRIPT_INVALID_ARGUMENT', () => hasher.taproot(0, { annex: 'P' as never })],
    ['leafHash', 'SCRIPT_INVALID_ARGUMENT', () => hasher.taproot(0, { leafHash: fill(33) })],
    ['inputIndex', 'SCRIPT_INVALID_ARGUMENT', () => hasher.taproot(-1)],
    ['options', 'SCRIPT_INVALID_ARGUMENT', () => hasher.legacy(0, 7 as never)],
    ['scriptCode', 'SCRIPT_INVALID_ARGUMENT', () => hasher.legacy(0, { scriptCode: 7 as never })],
    ['hashType', 'SCRIPT_INVALID_ARGUMENT', () => hasher.legacy(0, { scriptCode, hashType: 2 ** 32 })],
    ['value', 'SCRIPT_INVALID_ARGUMENT', () => hasher.witnessV0(0, { scriptCode, value: 1 as never })],
    ['spentOutputs', 'SCRIPT_INVALID_ARGUMENT', () => new Sighasher({ tx, spentOutputs: 7 as never })],
  ])('%s', ([argument, code, act]) => {
    try {
      act();
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code, details: { argument } });
    }
  });

  it('and of how many', () => {
    expect(() => hasher.taproot(3)).toThrow('expected an input below 1, got 3');
    expect(() => new Sighasher({ tx, spentOutputs: [] })).toThrow('one spent output for each of 1 inputs, got 0');
    try {
      hasher.taproot(0, { hashType: 0x40 });
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ details: { hashType: 0x40, reason: 'undefined' }, hint: 'Use a SighashType.' });
    }
    const two = { ...tx, inputs: [...tx.inputs, { ...tx.inputs[0], previousIndex: 1 }] } as Transaction;
    try {
      new Sighasher({ tx: two, spentOutputs: [...spentOutputs, ...spentOutputs] }).taproot(1, { hashType: 3 });
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ hint: 'SIGHASH_SINGLE needs an output of the same index.' });
    }
  });
});
