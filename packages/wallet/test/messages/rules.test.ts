import { concatBytes, currentCrypto, loadCrypto } from '@bitcoin-enterprise/core';
import {
  assemble,
  encodeDerSignature,
  type ScriptPart,
  serializeTransaction,
  Sighasher,
  type SpentOutput,
  tapLeafHash,
  taprootOutput,
  taprootSecretKey,
  type Transaction,
  transactionId,
  UNSPENDABLE_INTERNAL_KEY,
} from '@bitcoin-enterprise/script';
import { beforeAll, describe, expect, it } from 'vitest';
import { type MessageVerdict, messageToSign, messageToSpend, verifyMessage } from '../../src/messages/index.ts';
import { signatureText, witnessBytes } from '../../src/messages/signature-text.ts';
import { createPsbt, type NewInput, type Psbt, serializePsbt } from '../../src/psbt/index.ts';

const secret = new Uint8Array(32).fill(1);
const NOTHING = new Uint8Array(0);
const key = (): Uint8Array => currentCrypto().publicKey(secret) as Uint8Array;
const wshOf = (script: Uint8Array): Uint8Array => Uint8Array.of(0, 32, ...currentCrypto().sha256(script));

beforeAll(async () => {
  await loadCrypto();
});

/** `to_sign` of the message `m`, with what satisfies its first input. */
function toSignOf(
  scriptPubKey: Uint8Array,
  parts: { readonly scriptSig?: Uint8Array; readonly witness?: readonly Uint8Array[]; readonly version?: number } = {},
): Transaction {
  const { scriptSig = NOTHING, witness = [], ...times } = parts;
  const toSign = messageToSign(messageToSpend('m', scriptPubKey), times);
  return { ...toSign, inputs: toSign.inputs.map((input) => ({ ...input, scriptSig, witness })) };
}

const verdictOf = (scriptPubKey: Uint8Array, tx: Transaction, spentOutputs?: readonly SpentOutput[]): MessageVerdict =>
  verifyMessage({
    message: 'm',
    scriptPubKey,
    signature: signatureText('ful', serializeTransaction(tx)),
    ...(spentOutputs === undefined ? {} : { spentOutputs }),
  });

const wshVerdict = (parts: readonly ScriptPart[], items: readonly Uint8Array[]): MessageVerdict => {
  const script = assemble(parts);
  return verdictOf(wshOf(script), toSignOf(wshOf(script), { witness: [...items, script] }));
};

/** A signature of a script of version 0. */
function signV0(
  parts: readonly ScriptPart[],
  options: { readonly highS?: boolean; readonly hashType?: number } = {},
): Uint8Array {
  const { highS = false, hashType = 1 } = options;
  const script = assemble(parts);
  const toSpend = messageToSpend('m', wshOf(script));
  const hasher = new Sighasher({ tx: messageToSign(toSpend), spentOutputs: toSpend.outputs });
  const digest = hasher.witnessV0(0, { scriptCode: script, value: 0n, hashType });
  const compact = currentCrypto().ecdsaSign(digest, secret) as Uint8Array;
  const s = highS ? (currentCrypto().secretKeyNegate(compact.slice(32)) as Uint8Array) : compact.slice(32);
  return concatBytes(encodeDerSignature(concatBytes(compact.slice(0, 32), s)), Uint8Array.of(hashType));
}

describe('the required rules of BIP322: what breaks one is invalid', () => {
  it.for<readonly [string, () => MessageVerdict]>([
    ['SIG_HIGH_S', () => wshVerdict([key(), 'OP_CHECKSIG'], [signV0([key(), 'OP_CHECKSIG'], { highS: true })])],
    ['NULLFAIL', () => wshVerdict([key(), 'OP_CHECKSIG', 'OP_NOT'], [signV0([key(), 'OP_CHECKSIG'])])],
    ['MINIMALIF', () => wshVerdict(['OP_IF', 'OP_1', 'OP_ELSE', 'OP_0', 'OP_ENDIF'], [Uint8Array.of(2)])],
    [
      'MINIMALDATA',
      () =>
        verdictOf(
          assemble(['OP_DROP', 'OP_1']),
          toSignOf(assemble(['OP_DROP', 'OP_1']), { scriptSig: Uint8Array.of(0x4c, 1, 0x55) }),
        ),
    ],
    [
      'CLEANSTACK',
      () => verdictOf(assemble(['OP_1']), toSignOf(assemble(['OP_1']), { scriptSig: Uint8Array.of(0x51) })),
    ],
    ['PUBKEYTYPE', () => wshVerdict([Uint8Array.of(6, ...new Uint8Array(64)), 'OP_CHECKSIG', 'OP_NOT'], [NOTHING])],
    [
      'OP_CODESEPARATOR',
      () => {
        // Not even where it does not run, in a script without witness.
        const script = assemble(['OP_0', 'OP_IF', 'OP_CODESEPARATOR', 'OP_ENDIF', 'OP_1']);
        return verdictOf(script, toSignOf(script));
      },
    ],
  ])('%s', ([reason, verdict]) => {
    expect(verdict()).toMatchObject({ state: 'invalid', reason });
  });

  it('and what breaks none is valid', () => {
    expect(wshVerdict([key(), 'OP_CHECKSIG'], [signV0([key(), 'OP_CHECKSIG'])]).state).toBe('valid');
    expect(wshVerdict([key(), 'OP_CHECKSIG', 'OP_NOT'], [NOTHING]).state).toBe('valid');
    expect(wshVerdict(['OP_IF', 'OP_1', 'OP_ELSE', 'OP_0', 'OP_ENDIF'], [Uint8Array.of(1)]).state).toBe('valid');
  });
});

describe('Taproot', () => {
  const leafVerdict = (
    parts: readonly ScriptPart[],
    itemsOf: (digest: (hashType: number) => Uint8Array) => readonly Uint8Array[],
    leafVersion = 0xc0,
  ): MessageVerdict => {
    const script = assemble(parts);
    const output = taprootOutput({ internalKey: UNSPENDABLE_INTERNAL_KEY, tree: { script, leafVersion } });
    const toSpend = messageToSpend('m', output.scriptPubKey);
    const hasher = new Sighasher({ tx: messageToSign(toSpend), spentOutputs: toSpend.outputs });
    const leafHash = tapLeafHash(script, { leafVersion });
    const items = itemsOf((hashType) => {
      const signature = currentCrypto().schnorrSign(hasher.taproot(0, { hashType, leafHash }), secret) as Uint8Array;
      return hashType === 0 ? signature : Uint8Array.of(...signature, hashType);
    });
    const controlBlock = output.leaves[0]?.controlBlock as Uint8Array;
    return verdictOf(output.scriptPubKey, toSignOf(output.scriptPubKey, { witness: [...items, script, controlBlock] }));
  };

  it('signatures of leaves cover everything, also those of CHECKSIGADD', () => {
    const single: readonly ScriptPart[] = [key().slice(1), 'OP_CHECKSIG'];
    const added: readonly ScriptPart[] = ['OP_0', key().slice(1), 'OP_CHECKSIGADD', 1, 'OP_NUMEQUAL'];

    for (const parts of [single, added])
      for (const hashType of [0, 1, 2, 3, 0x81])
        expect(leafVerdict(parts, (sign) => [sign(hashType)])).toMatchObject(
          hashType <= 1 ? { state: 'valid' } : { state: 'invalid', reason: 'SIGHASH' },
        );
  });

  it('is inconclusive where BIP342 leaves room for more', () => {
    expect(leafVerdict(['OP_RESERVED'], () => [])).toMatchObject({ reason: 'DISCOURAGE_OP_SUCCESS' });
    expect(leafVerdict(['OP_1'], () => [], 0xc2)).toMatchObject({ reason: 'DISCOURAGE_UPGRADABLE_TAPROOT_VERSION' });
    // What stands for a signature there is none yet, and so has no sighash type.
    const unknownKey: readonly ScriptPart[] = [Uint8Array.of(1, 2, 3), 'OP_CHECKSIG'];
    expect(leafVerdict(unknownKey, () => [Uint8Array.of(7)])).toMatchObject({
      state: 'inconclusive',
      reason: 'DISCOURAGE_UPGRADABLE_PUBKEYTYPE',
    });
  });

  it('signatures of the key path cover everything, also beside an annex', () => {
    const { scriptPubKey } = taprootOutput({ internalKey: key().slice(1) });
    const tweaked = taprootSecretKey(secret, {});
    const toSpend = messageToSpend('m', scriptPubKey);
    const hasher = new Sighasher({ tx: messageToSign(toSpend), spentOutputs: toSpend.outputs });
    const annex = Uint8Array.of(0x50, 1);
    for (const hashType of [0, 1, 3]) {
      const digest = hasher.taproot(0, { hashType, annex });
      const signature = currentCrypto().schnorrSign(digest, tweaked) as Uint8Array;
      const witness = [hashType === 0 ? signature : Uint8Array.of(...signature, hashType), annex];
      expect(verdictOf(scriptPubKey, toSignOf(scriptPubKey, { witness }))).toMatchObject(
        hashType <= 1 ? { state: 'valid' } : { state: 'invalid', reason: 'SIGHASH' },
      );
    }
  });
});

describe('further inputs', () => {
  const anyone = Uint8Array.of(0x51);
  const coin = {
    previousTxid: new Uint8Array(32).fill(9),
    previousIndex: 0,
    scriptSig: NOTHING,
    sequence: 0,
    witness: [],
  };
  const withInputs = (...added: readonly (typeof coin)[]): Transaction => {
    const tx = toSignOf(anyone);
    return { ...tx, inputs: [...tx.inputs, ...added] };
  };
  const value = 5_000n;

  it('of a full signature need what they spend, from the caller', () => {
    expect(verdictOf(anyone, withInputs(coin)).state).toBe('invalid');
    expect(verdictOf(anyone, withInputs(coin), [{ value, scriptPubKey: anyone }])).toMatchObject({
      state: 'valid',
      coins: [{ value, previousIndex: 0 }],
    });
    expect(verdictOf(anyone, withInputs(coin), [{ value, scriptPubKey: assemble(['OP_0']) }]).state).toBe('invalid');
  });

  it('are no two the same, and hold no more than there is', () => {
    const spent = { value, scriptPubKey: anyone };

    expect(verdictOf(anyone, withInputs(coin, coin), [spent, spent])).toMatchObject({
      state: 'invalid',
      reason: 'bad-txns-inputs-duplicate',
    });
    const all = { value: 2_100_000_000_000_000n, scriptPubKey: anyone };
    expect(verdictOf(anyone, withInputs(coin, { ...coin, previousIndex: 1 }), [all, spent])).toMatchObject({
      state: 'invalid',
      reason: 'bad-txns-inputvalues-outofrange',
    });
  });

  it('do not stand in for the first one', () => {
    const tx = toSignOf(anyone);
    const elsewhere = { ...tx, inputs: tx.inputs.map((input) => ({ ...input, previousIndex: 1 })) };

    expect(verdictOf(anyone, elsewhere).state).toBe('invalid');
  });
});

describe('a proof of funds', () => {
  const anyone = Uint8Array.of(0x51);
  const previous: Transaction = {
    version: 2,
    lockTime: 0,
    inputs: [
      { previousTxid: new Uint8Array(32).fill(1), previousIndex: 0, scriptSig: NOTHING, sequence: 0, witness: [] },
    ],
    outputs: [1_000n, 2_000n].map((value) => ({ value, scriptPubKey: anyone })),
  };
  const bytes = (): Uint8Array => serializeTransaction(previous);
  const coin = (previousIndex: number): NewInput => ({
    previousTxid: transactionId(previous),
    previousIndex,
    sequence: 0,
    finalScriptSig: NOTHING,
  });

  const proofOf = (
    coins: readonly NewInput[],
    first: Partial<NewInput> = {},
    change: Partial<Psbt> = {},
  ): MessageVerdict => {
    const toSpend = messageToSpend('m', anyone);
    const [input] = messageToSign(toSpend).inputs;
    const psbt = createPsbt({
      version: 0,
      transactionVersion: 0,
      inputs: [{ previousTxid: input?.previousTxid as Uint8Array, previousIndex: 0, sequence: 0, ...first }, ...coins],
      outputs: [{ value: 0n, scriptPubKey: Uint8Array.of(0x6a) }],
    });
    const signature = signatureText('pof', serializePsbt({ ...psbt, ...change }));
    return verifyMessage({ message: 'm', scriptPubKey: anyone, signature });
  };

  it('brings each transaction once', () => {
    const whole = { ...coin(0), nonWitnessUtxo: bytes() };

    expect(proofOf([whole, coin(1)])).toMatchObject({ state: 'valid', coins: [{ value: 1_000n }, { value: 2_000n }] });
    expect(proofOf([coin(0), { ...coin(1), nonWitnessUtxo: bytes() }]).state).toBe('invalid');
    expect(proofOf([whole, coin(2)]).state).toBe('invalid');
    const lying = { ...coin(1), witnessUtxo: { value: 9_000n, scriptPubKey: anyone } };
    expect(proofOf([whole, lying]).state).toBe('invalid');
  });

  it('without witness brings whole transactions, as its signatures do not cover the amount', () => {
    expect(proofOf([{ ...coin(0), witnessUtxo: { value: 1_000n, scriptPubKey: anyone } }]).state).toBe('invalid');
    expect(proofOf([{ ...coin(0), nonWitnessUtxo: bytes() }]).state).toBe('valid');
    const other = serializeTransaction({ ...previous, lockTime: 1 });
    expect(proofOf([{ ...coin(0), nonWitnessUtxo: other }]).state).toBe('invalid');
  });

  it('is about the message that its PSBT names, and for the script that its first input spends', () => {
    expect(proofOf([], {}, { signedMessage: new TextEncoder().encode('m') }).state).toBe('valid');
    expect(proofOf([], {}, { signedMessage: new TextEncoder().encode('n') }).state).toBe('invalid');
    expect(proofOf([], { witnessUtxo: { value: 1n, scriptPubKey: anyone } }).state).toBe('invalid');
    expect(proofOf([], { witnessUtxo: { value: 0n, scriptPubKey: assemble(['OP_2']) } }).state).toBe('invalid');
  });
});

describe('the formats', () => {
  it('of a witness stack end where it ends', () => {
    const script = assemble([key(), 'OP_CHECKSIG']);
    const witness = witnessBytes([signV0([key(), 'OP_CHECKSIG']), script]);
    const stateOf = (bytes: Uint8Array): string =>
      verifyMessage({ message: 'm', scriptPubKey: wshOf(script), signature: signatureText('smp', bytes) }).state;

    expect(stateOf(witness)).toBe('valid');
    expect(stateOf(concatBytes(witness, Uint8Array.of(0)))).toBe('invalid');
    expect(stateOf(witness.slice(0, -1))).toBe('invalid');
  });

  it('of Bitcoin’s first years are for P2PKH alone, with its eight headers', () => {
    const hash = currentCrypto().hash160(key());
    const digest = currentCrypto().hash256(
      concatBytes(
        Uint8Array.of(24),
        new TextEncoder().encode('Bitcoin Signed Message:\n'),
        Uint8Array.of(1),
        new TextEncoder().encode('m'),
      ),
    );
    const signed = currentCrypto().ecdsaSignRecoverable(digest, secret);
    const stateOf = (header: number, last: number): string =>
      verifyMessage({
        message: 'm',
        scriptPubKey: Uint8Array.of(0x76, 0xa9, 20, ...hash, 0x88, last),
        signature: signatureText('', Uint8Array.of(header + (signed?.recoveryId ?? 0), ...(signed?.signature ?? []))),
      }).state;

    expect(stateOf(31, 0xac)).toBe('valid');
    // 35 and 39 are headers that other wallets use for witness addresses.
    for (const header of [23, 27, 35, 39]) expect(stateOf(header, 0xac)).toBe('invalid');
    expect(stateOf(31, 0xad)).toBe('invalid');
  });
});
