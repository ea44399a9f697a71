import { concatBytes, currentCrypto } from '@bitcoin-enterprise/core';
import type { DebugSpendOptions } from '@bitcoin-enterprise/biscol/debugger';
import {
  assemble,
  encodeDerSignature,
  type ScriptPart,
  Sighasher,
  type SpentOutput,
  taprootOutput,
  type Transaction,
} from '@bitcoin-enterprise/script';
import { secretOf } from '../../support/people.ts';
import type { Faulty } from './fault.ts';

/** A fault in a spend of an output that is no contract. */
export interface OtherFault extends Omit<Faulty, 'tx'> {
  readonly name: string;
  readonly tx: Transaction;
  readonly options: DebugSpendOptions;
}

const NOTHING = new Uint8Array(0);

function spendOf(spent: SpentOutput, witness: readonly Uint8Array[], scriptSig: Uint8Array = NOTHING): Transaction {
  void spent;
  return {
    version: 2,
    inputs: [{ previousTxid: new Uint8Array(32).fill(9), previousIndex: 0, scriptSig, sequence: 0xffff_fffd, witness }],
    outputs: [{ value: 40_000n, scriptPubKey: Uint8Array.of(0x51, 32, ...new Uint8Array(32).fill(2)) }],
    lockTime: 0,
  };
}

/** Faults that the contracts of the library have no place for. */
export async function otherFaults(): Promise<readonly OtherFault[]> {
  const crypto = currentCrypto();
  const secret = secretOf(1);
  const publicKey = crypto.publicKey(secret) as Uint8Array;
  const xOnly = publicKey.subarray(1);
  const other = crypto.publicKey(secretOf(2)) as Uint8Array;
  const sign = (digest: Uint8Array, by: Uint8Array = secret): Uint8Array =>
    crypto.schnorrSign(digest, by) as Uint8Array;
  const found: OtherFault[] = [];

  const leaf = (
    name: string,
    parts: readonly ScriptPart[],
    of: {
      readonly items: (digest: (position?: number) => Uint8Array) => readonly Uint8Array[];
    } & Omit<Faulty, 'tx'>,
  ): void => {
    const taproot = taprootOutput({ internalKey: xOnly, tree: { script: assemble(parts) } });
    const [spend] = taproot.leaves;
    if (spend === undefined) throw new Error('a leaf');
    const spent = { value: 50_000n, scriptPubKey: taproot.scriptPubKey };
    const hasher = new Sighasher({ tx: spendOf(spent, []), spentOutputs: [spent] });
    const { items, ...faulty } = of;
    const witness = items((position) =>
      hasher.taproot(0, {
        leafHash: spend.leafHash,
        ...(position === undefined ? {} : { codeSeparatorPosition: position }),
      }),
    );
    const tx = spendOf(spent, [...witness, spend.script, spend.controlBlock]);
    const keys = [
      { name: 'alice', key: publicKey },
      { name: 'bob', key: other },
    ];
    found.push({ name, tx, ...faulty, options: { tx, inputIndex: 0, spentOutputs: [spent], taproot, keys } });
  };

  const checks = Array.from({ length: 8 }, () => ['OP_2DUP', 'OP_CHECKSIGVERIFY'] as const).flat();
  leaf('more checks than the witness pays for', [xOnly, ...checks, 'OP_CHECKSIG'], {
    items: (digest) => [sign(digest())],
    expected: 'validation-weight',
  });
  leaf(
    'a choice of a branch that is no 01',
    ['OP_IF', xOnly, 'OP_ELSE', other.subarray(1), 'OP_ENDIF', 'OP_CHECKSIG'],
    {
      items: (digest) => [sign(digest()), Uint8Array.of(2)],
      expected: 'minimal-if',
    },
  );
  leaf('the other branch', ['OP_IF', xOnly, 'OP_ELSE', other.subarray(1), 'OP_ENDIF', 'OP_CHECKSIG'], {
    items: (digest) => [sign(digest()), NOTHING],
    expected: 'wrong-key',
    details: { signer: 'alice', key: 'bob' },
  });
  leaf('no choice of a branch', ['OP_IF', xOnly, 'OP_ELSE', other.subarray(1), 'OP_ENDIF', 'OP_CHECKSIG'], {
    items: (digest) => [sign(digest())],
    expected: 'missing-witness-item',
  });
  leaf('a number that is too long', [xOnly, 'OP_CHECKSIGVERIFY', 'OP_1ADD'], {
    items: (digest) => [new Uint8Array(6).fill(1), sign(digest())],
    expected: 'stack',
  });
  leaf('a sum that is not the one', [xOnly, 'OP_CHECKSIGVERIFY', 'OP_ADD', 5, 'OP_EQUAL'], {
    items: (digest) => [Uint8Array.of(1), Uint8Array.of(1), sign(digest())],
    expected: 'stack',
  });
  leaf('OP_RETURN', [xOnly, 'OP_CHECKSIGVERIFY', 'OP_RETURN'], {
    items: (digest) => [sign(digest())],
    expected: 'script-rule',
  });
  leaf('the wrong OP_CODESEPARATOR', ['OP_CODESEPARATOR', xOnly, 'OP_CHECKSIG'], {
    items: (digest) => [sign(digest())],
    expected: 'signature-of-another-message',
    details: { differs: ['code-separator'] },
  });
  leaf('one signature of two', [xOnly, 'OP_CHECKSIG', other.subarray(1), 'OP_CHECKSIGADD', 2, 'OP_NUMEQUAL'], {
    items: (digest) => [NOTHING, sign(digest())],
    expected: 'missing-signature',
    details: { missing: { keys: ['bob'], preimages: [] } },
  });
  leaf(
    'two signatures where one is wanted',
    [xOnly, 'OP_CHECKSIG', other.subarray(1), 'OP_CHECKSIGADD', 1, 'OP_NUMEQUAL'],
    {
      items: (digest) => [sign(digest(), secretOf(2)), sign(digest())],
      expected: 'extra-witness-item',
    },
  );

  const legacy = (
    name: string,
    kind: 'wpkh' | 'wsh' | 'pkh',
    of: {
      readonly make: (
        sigOf: (hashType: number, by?: Uint8Array) => Uint8Array,
        script: Uint8Array,
      ) => readonly Uint8Array[];
    } & Omit<Faulty, 'tx'>,
  ): void => {
    const keyHash = assemble(['OP_DUP', 'OP_HASH160', crypto.hash160(publicKey), 'OP_EQUALVERIFY', 'OP_CHECKSIG']);
    const script = kind === 'wsh' ? assemble([publicKey, 'OP_CHECKSIG']) : keyHash;
    const scriptPubKey =
      kind === 'pkh' ? keyHash : assemble([0, kind === 'wsh' ? crypto.sha256(script) : crypto.hash160(publicKey)]);
    const spent = { value: 50_000n, scriptPubKey };
    const hasher = new Sighasher({ tx: spendOf(spent, []), spentOutputs: [spent] });
    const { make, ...faulty } = of;
    const stack = make((hashType, by = secret) => {
      const digest =
        kind === 'pkh'
          ? hasher.legacy(0, { scriptCode: script, hashType })
          : hasher.witnessV0(0, { scriptCode: script, hashType, value: spent.value });
      return concatBytes(encodeDerSignature(crypto.ecdsaSign(digest, by) as Uint8Array), Uint8Array.of(hashType));
    }, script);
    const tx = kind === 'pkh' ? spendOf(spent, [], assemble([...stack])) : spendOf(spent, stack);
    const keys = [
      { name: 'alice', key: publicKey },
      { name: 'bob', key: other },
    ];
    found.push({ name, tx, ...faulty, options: { tx, inputIndex: 0, spentOutputs: [spent], keys } });
  };
  legacy('P2WPKH signed by another', 'wpkh', {
    make: (sigOf) => [sigOf(1, secretOf(2)), publicKey],
    expected: 'wrong-key',
    details: { signer: 'bob', key: 'alice' },
  });
  legacy('P2WPKH of another key', 'wpkh', {
    make: (sigOf) => [sigOf(1, secretOf(2)), other],
    expected: 'wrong-key',
  });
  legacy('P2WPKH with another hash type than signed', 'wpkh', {
    make: (sigOf) => [concatBytes(sigOf(1).subarray(0, -1), Uint8Array.of(2)), publicKey],
    expected: 'wrong-sighash-type',
  });
  legacy('P2WPKH with a signature that is none', 'wpkh', {
    make: () => [new Uint8Array(70).fill(0x30), publicKey],
    expected: 'malformed-signature',
  });
  legacy('P2WSH with another script', 'wsh', {
    make: (sigOf) => [sigOf(1), assemble([other, 'OP_CHECKSIG'])],
    expected: 'wrong-script',
  });
  legacy('P2WSH without a signature', 'wsh', {
    make: (_, script) => [NOTHING, script],
    expected: 'missing-signature',
    details: { missing: { keys: ['alice'], preimages: [] } },
  });
  legacy('P2PKH signed by another', 'pkh', {
    make: (sigOf) => [sigOf(1, secretOf(2)), publicKey],
    expected: 'wrong-key',
    details: { signer: 'bob', key: 'alice' },
  });
  return found;
}
