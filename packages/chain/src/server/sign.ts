import { concatBytes, type CryptoEngine, equalBytes, toHex } from '@bitcoin-enterprise/core';
import {
  assemble,
  encodeDerSignature,
  Opcode,
  outputTypeOf,
  ScriptReader,
  scriptErrorText,
  serializeTransaction,
  sighashLegacy,
  sighashTaproot,
  sighashWitnessV0,
  type SpentOutput,
  standardFlags,
  taprootOutput,
  taprootSecretKey,
  type Transaction,
  type TransactionInput,
  type TransactionView,
  verifyInput,
  viewTransaction,
  witnessProgramOf,
} from '@bitcoin-enterprise/script';
import { hashJson, invalidParameter, readAmount, readHash, readHex, readInt, typeError } from './arguments.ts';
import { jsonType } from './json.ts';
import type { RegtestNode } from './node.ts';
import { readKey } from './methods/utilities.ts';
import { RpcCode, RpcError } from './rpc-error.ts';

/** A secret key with its public key in the form it is meant. */
interface SigningKey {
  readonly secretKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** What an input spends, as far as anybody has told. */
interface Previous extends SpentOutput {
  readonly scripts: readonly Uint8Array[];
}

/** Signs what the keys can sign, and says of each input that is not complete why. */
export function signWithKeys(
  node: RegtestNode,
  tx: TransactionView,
  options: {
    readonly keys: readonly unknown[];
    readonly previous: readonly unknown[];
    readonly sighashType: string | undefined;
  },
): object {
  const { crypto } = node.tools;
  const keys = options.keys.map((wif): SigningKey => {
    if (typeof wif !== 'string') throw typeError(wif, 'string');
    const { secretKey, compressed } = readKey(wif);
    return { secretKey, publicKey: crypto.publicKey(secretKey, { compressed }) as Uint8Array };
  });
  const given = new Map(options.previous.map((item) => readPrevious(item)));
  const type = readSighashType(options.sighashType);
  const spent = Array.from({ length: tx.inputCount }, (_, i) => {
    const name = `${hashJson(tx.previousTxid(i))}:${tx.previousIndex(i)}`;
    const known = knownOutput(node, tx.previousTxid(i), tx.previousIndex(i));
    const told = given.get(name);
    return told === undefined ? known && { ...known, scripts: [] } : { ...told, ...known };
  });
  const signer = new Signer(tx.toTransaction(), spent, { keys, type, crypto });
  const signed = signer.sign();
  const view = viewTransaction(signed);
  const errors = signed.inputs.flatMap((input, i) => {
    const problem = problemOf(view, i, spent, crypto);
    return problem === undefined ? [] : [inputProblem(input, problem)];
  });
  return {
    hex: toHex(serializeTransaction(signed)),
    complete: errors.length === 0,
    ...(errors.length === 0 ? {} : { errors }),
  };
}

function problemOf(
  view: TransactionView,
  inputIndex: number,
  spent: readonly (Previous | undefined)[],
  crypto: CryptoEngine,
): string | undefined {
  const own = spent[inputIndex];
  if (own === undefined) return 'Input not found or already spent';
  const spentOutputs = spent.map((output) => output ?? { value: 0n, scriptPubKey: new Uint8Array(0) });
  const verdict = verifyInput({ tx: view, inputIndex, spentOutputs, flags: standardFlags, crypto });
  if (verdict.ok) return undefined;
  return verdict.error === 'INVALID_STACK_OPERATION'
    ? 'Unable to sign input, invalid stack size (possibly missing key)'
    : scriptErrorText(verdict.error);
}

function inputProblem(input: TransactionInput, error: string): object {
  return {
    txid: hashJson(input.previousTxid),
    vout: input.previousIndex,
    witness: input.witness.map((item) => toHex(item)),
    scriptSig: toHex(input.scriptSig),
    sequence: input.sequence,
    error,
  };
}

function knownOutput(node: RegtestNode, txid: Uint8Array, index: number): SpentOutput | undefined {
  const waiting = node.state.mempool.entries.get(txid)?.tx;
  if (waiting !== undefined)
    return index < waiting.outputCount
      ? { value: waiting.value(index), scriptPubKey: waiting.scriptPubKey(index) }
      : undefined;
  return node.connected.coins.get(txid, index);
}

function readPrevious(item: unknown): readonly [string, Previous] {
  if (jsonType(item) !== 'object')
    throw new RpcError(RpcCode.DESERIALIZATION, `expected object with {"txid'","vout","scriptPubKey"}`);
  const fields = item as Readonly<Record<string, unknown>>;
  for (const name of ['scriptPubKey', 'txid', 'vout'])
    if (fields[name] === undefined) throw new RpcError(RpcCode.TYPE, `Missing ${name}`);
  const index = readInt(fields['vout']);
  if (index < 0) throw new RpcError(RpcCode.DESERIALIZATION, 'vout cannot be negative');
  const scripts = ['redeemScript', 'witnessScript'].flatMap((name) =>
    fields[name] === undefined ? [] : [readHex(fields[name], name)],
  );
  const amount = fields['amount'];
  return [
    `${hashJson(readHash(fields['txid'], 'txid'))}:${index}`,
    {
      value: amount === undefined ? 0n : readAmount(amount),
      scriptPubKey: readHex(fields['scriptPubKey'], 'scriptPubKey'),
      scripts,
    },
  ];
}

const SIGHASH_TYPES: Readonly<Record<string, number>> = {
  DEFAULT: 0x00,
  ALL: 0x01,
  NONE: 0x02,
  SINGLE: 0x03,
  'ALL|ANYONECANPAY': 0x81,
  'NONE|ANYONECANPAY': 0x82,
  'SINGLE|ANYONECANPAY': 0x83,
};

function readSighashType(text: string | undefined): number {
  const type = SIGHASH_TYPES[text ?? 'DEFAULT'];
  if (type === undefined) throw invalidParameter(`'${String(text)}' is not a valid sighash parameter.`);
  return type;
}

interface SignerOptions {
  readonly keys: readonly SigningKey[];
  readonly type: number;
  readonly crypto: CryptoEngine;
}

/** Signs the inputs of one transaction, each by the form of what it spends. */
class Signer {
  readonly #tx: Transaction;
  readonly #spent: readonly (Previous | undefined)[];
  readonly #options: SignerOptions;

  constructor(tx: Transaction, spent: readonly (Previous | undefined)[], options: SignerOptions) {
    this.#tx = tx;
    this.#spent = spent;
    this.#options = options;
  }

  sign(): Transaction {
    const inputs = this.#tx.inputs.map((input, index) => {
      const previous = this.#spent[index];
      return previous === undefined ? input : { ...input, ...this.#satisfy(input, index, previous) };
    });
    return { ...this.#tx, inputs };
  }

  #satisfy(input: TransactionInput, index: number, previous: Previous): Partial<TransactionInput> {
    const { scriptPubKey } = previous;
    if (outputTypeOf(scriptPubKey) === 'witness_v1_taproot') {
      const signature = this.#keyPath(index, scriptPubKey);
      return signature === undefined ? {} : { witness: [signature] };
    }
    const redeemScript =
      outputTypeOf(scriptPubKey) === 'scripthash' ? this.#scriptBehind(scriptPubKey, previous) : undefined;
    const inner = redeemScript ?? scriptPubKey;
    const wrap = redeemScript === undefined ? [] : [redeemScript];
    const program = witnessProgramOf(inner);
    if (program === undefined) {
      if (outputTypeOf(inner) === 'scripthash') return {};
      const items = this.#stack(inner, (script) => this.#legacy(index, script), input);
      return items === undefined ? {} : { scriptSig: assemble([...items.map(pushOf), ...wrap]) };
    }
    const scriptSig = redeemScript === undefined ? new Uint8Array(0) : assemble([redeemScript]);
    if (program.version !== 0) return {};
    if (program.program.length === 20) {
      const script = assemble(['OP_DUP', 'OP_HASH160', program.program, 'OP_EQUALVERIFY', 'OP_CHECKSIG']);
      const items = this.#stack(script, (code) => this.#witness(index, code, previous), input);
      return items === undefined ? {} : { scriptSig, witness: items };
    }
    const script = this.#scriptBehind(inner, previous);
    const items = script && this.#stack(script, (code) => this.#witness(index, code, previous), input);
    return script === undefined || items === undefined ? {} : { scriptSig, witness: [...items, script] };
  }

  /** The script that a hash stands for, if it was told or follows from a key. */
  #scriptBehind(scriptPubKey: Uint8Array, previous: Previous): Uint8Array | undefined {
    const { crypto, keys } = this.#options;
    const own = keys.flatMap(({ publicKey }) => {
      const hash = crypto.hash160(publicKey);
      return [
        assemble(['OP_0', hash]),
        assemble([publicKey, 'OP_CHECKSIG']),
        assemble(['OP_DUP', 'OP_HASH160', hash, 'OP_EQUALVERIFY', 'OP_CHECKSIG']),
      ];
    });
    const told = previous.scripts.flatMap((script) => [script, assemble(['OP_0', crypto.sha256(script)])]);
    return [...told, ...own].find((script) =>
      outputTypeOf(scriptPubKey) === 'scripthash'
        ? equalBytes(crypto.hash160(script), scriptPubKey.subarray(2, 22))
        : equalBytes(crypto.sha256(script), scriptPubKey.subarray(2)),
    );
  }

  /** What satisfies a script of one of the plain forms, bottom first; `undefined` where a key is missing. */
  #stack(
    script: Uint8Array,
    hashFor: (script: Uint8Array) => Uint8Array,
    input: TransactionInput,
  ): readonly Uint8Array[] | undefined {
    const { crypto, keys } = this.#options;
    switch (outputTypeOf(script)) {
      case 'pubkey': {
        const key = this.#keyFor(script.subarray(1, -1));
        return key && [this.#ecdsa(hashFor(script), key)];
      }
      case 'pubkeyhash': {
        const key = keys.find(({ publicKey }) => equalBytes(crypto.hash160(publicKey), script.subarray(3, 23)));
        return key && [this.#ecdsa(hashFor(script), key), key.publicKey];
      }
      case 'multisig':
        return this.#multisig(script, hashFor(script), input);
      default:
        // What needs no signature may be satisfied by nothing.
        return script.length === 1 && script[0] === Opcode.OP_1 ? [] : undefined;
    }
  }

  #multisig(script: Uint8Array, hash: Uint8Array, input: TransactionInput): readonly Uint8Array[] {
    const { required, publicKeys } = multisigParts(script);
    const present = signaturesIn(input);
    const signatures = publicKeys.flatMap((publicKey) => {
      const key = this.#keyFor(publicKey);
      if (key !== undefined) return [this.#ecdsa(hash, key)];
      const earlier = present.find((signature) => this.#holds(signature, hash, publicKey));
      return earlier === undefined ? [] : [earlier];
    });
    const some = signatures.slice(0, required);
    const missing = Array.from({ length: required - some.length }, () => new Uint8Array(0));
    return [new Uint8Array(0), ...some, ...missing];
  }

  #holds(signature: Uint8Array, hash: Uint8Array, publicKey: Uint8Array): boolean {
    const compact = compactOf(signature.subarray(0, -1));
    return compact !== undefined && this.#options.crypto.ecdsaVerify(compact, hash, publicKey);
  }

  #keyFor(publicKey: Uint8Array): SigningKey | undefined {
    return this.#options.keys.find((key) => equalBytes(key.publicKey, publicKey));
  }

  get #ecdsaType(): number {
    return this.#options.type === 0 ? 1 : this.#options.type;
  }

  #ecdsa(hash: Uint8Array, { secretKey }: SigningKey): Uint8Array {
    const signature = lowRSignature(hash, secretKey, this.#options.crypto);
    return concatBytes(encodeDerSignature(signature), Uint8Array.of(this.#ecdsaType));
  }

  #legacy(inputIndex: number, scriptCode: Uint8Array): Uint8Array {
    const { crypto } = this.#options;
    return sighashLegacy({ tx: this.#tx, inputIndex, scriptCode, hashType: this.#ecdsaType, crypto });
  }

  #witness(inputIndex: number, scriptCode: Uint8Array, { value }: SpentOutput): Uint8Array {
    const { crypto } = this.#options;
    return sighashWitnessV0({ tx: this.#tx, inputIndex, scriptCode, value, hashType: this.#ecdsaType, crypto });
  }

  #keyPath(inputIndex: number, scriptPubKey: Uint8Array): Uint8Array | undefined {
    const { keys, type, crypto } = this.#options;
    const spentOutputs = this.#spent;
    if (spentOutputs.includes(undefined)) return undefined;
    for (const { secretKey, publicKey } of keys) {
      const internalKey = publicKey.subarray(1, 33);
      if (!equalBytes(taprootOutput({ internalKey, crypto }).scriptPubKey, scriptPubKey)) continue;
      const hash = sighashTaproot({
        tx: this.#tx,
        inputIndex,
        spentOutputs: spentOutputs as readonly SpentOutput[],
        hashType: type,
        crypto,
      });
      const signature = crypto.schnorrSign(hash, taprootSecretKey(secretKey, { crypto })) as Uint8Array;
      return type === 0 ? signature : concatBytes(signature, Uint8Array.of(type));
    }
    return undefined;
  }
}

/** A signature whose R takes 32 bytes, as Core makes them: the nonce is counted on until it does. */
function lowRSignature(hash: Uint8Array, secretKey: Uint8Array, crypto: CryptoEngine): Uint8Array {
  let signature = crypto.ecdsaSign(hash, secretKey) as Uint8Array;
  for (let counter = 1; (signature[0] as number) >= 0x80; counter++) {
    const entropy = new Uint8Array(32);
    new DataView(entropy.buffer).setUint32(0, counter, true);
    signature = crypto.ecdsaSign(hash, secretKey, entropy) as Uint8Array;
  }
  return signature;
}

function pushOf(item: Uint8Array): Uint8Array | 'OP_0' {
  return item.length === 0 ? 'OP_0' : item;
}

function multisigParts(script: Uint8Array): { readonly required: number; readonly publicKeys: readonly Uint8Array[] } {
  const reader = new ScriptReader(script);
  reader.next();
  const required = reader.opcode >= Opcode.OP_1 ? reader.opcode - Opcode.OP_1 + 1 : (reader.data()[0] ?? 1);
  const publicKeys: Uint8Array[] = [];
  while (reader.next() && reader.opcode <= Opcode.OP_PUSHDATA4 && reader.dataSize >= 33) publicKeys.push(reader.data());
  return { required, publicKeys };
}

/** What looks like a signature in an input, from whichever place. */
function signaturesIn({ scriptSig, witness }: TransactionInput): readonly Uint8Array[] {
  const items = [...witness];
  const reader = new ScriptReader(scriptSig);
  while (reader.next()) items.push(reader.data());
  return items.filter((item) => item.length >= 9 && item.length <= 73 && item[0] === 0x30);
}

/** A DER signature as 64 bytes; `undefined` for one of another frame. */
function compactOf(der: Uint8Array): Uint8Array | undefined {
  const lengthOfR = der[3] ?? 0;
  const lengthOfS = der[5 + lengthOfR] ?? 0;
  if (der.length !== 6 + lengthOfR + lengthOfS) return undefined;
  const compact = new Uint8Array(64);
  for (const [at, part] of [
    [0, der.subarray(4, 4 + lengthOfR)],
    [32, der.subarray(6 + lengthOfR)],
  ] as const) {
    const number = part.length > 32 ? part.subarray(part.length - 32) : part;
    compact.set(number, at + 32 - number.length);
  }
  return compact;
}

/** One transaction of what several have signed; of each input the most complete one is taken, or their signatures joined. */
export function combineTransactions(node: RegtestNode, txs: readonly TransactionView[]): Transaction {
  const [first] = txs as readonly [TransactionView];
  const { crypto } = node.tools;
  const base = first.toTransaction();
  const spent = base.inputs.map(({ previousTxid, previousIndex }) => {
    const known = knownOutput(node, previousTxid, previousIndex);
    if (known === undefined) throw new RpcError(RpcCode.VERIFY, 'Input not found or already spent');
    return { ...known, scripts: [] };
  });
  const inputs = base.inputs.map((input, inputIndex) => {
    const candidates = txs.map((tx) => tx.toTransaction().inputs[inputIndex] as TransactionInput);
    const merged = mergedInput(base, inputIndex, { candidates, spent, crypto });
    const complete = [...candidates, ...(merged === undefined ? [] : [merged])].find((candidate) => {
      const tried = { ...base, inputs: base.inputs.map((other, i) => (i === inputIndex ? candidate : other)) };
      return verifyInput({ tx: tried, inputIndex, spentOutputs: spent, flags: standardFlags, crypto }).ok;
    });
    return (
      complete ?? merged ?? candidates.find(({ scriptSig, witness }) => scriptSig.length + witness.length > 0) ?? input
    );
  });
  return { ...base, inputs };
}

/** The input of a multisig with the signatures of all. */
function mergedInput(
  base: Transaction,
  inputIndex: number,
  options: {
    readonly candidates: readonly TransactionInput[];
    readonly spent: readonly Previous[];
    readonly crypto: CryptoEngine;
  },
): TransactionInput | undefined {
  const { candidates, spent, crypto } = options;
  const scripts = candidates.flatMap(({ scriptSig, witness }) => {
    const pushes: Uint8Array[] = [];
    const reader = new ScriptReader(scriptSig);
    while (reader.next()) pushes.push(reader.data());
    return [pushes.at(-1), witness.at(-1)].flatMap((script) => (script === undefined ? [] : [script]));
  });
  const previous = spent.map((output, i) => (i === inputIndex ? { ...output, scripts } : output));
  const all: TransactionInput = {
    ...(base.inputs[inputIndex] as TransactionInput),
    scriptSig: concatBytes(...candidates.map(({ scriptSig }) => scriptSig)),
    witness: candidates.flatMap(({ witness }) => witness),
  };
  const tx = { ...base, inputs: base.inputs.map((other, i) => (i === inputIndex ? all : other)) };
  const signed = new Signer(tx, previous, { keys: [], type: 1, crypto }).sign().inputs[inputIndex];
  return signed === all ? undefined : signed;
}
