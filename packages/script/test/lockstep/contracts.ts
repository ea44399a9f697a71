import { type CryptoEngine, concatBytes, currentCrypto } from '@bitcoin-enterprise/core';
import {
  type ScriptPart,
  type SpentOutput,
  type TapTree,
  type Transaction,
  SighashType,
  assemble,
  encodeDerSignature,
  sighashLegacy,
  sighashTaproot,
  sighashWitnessV0,
  taprootOutput,
  taprootSecretKey,
} from '@bitcoin-enterprise/script';
import type { Random } from '../../../../scripts/testing/random.ts';

/** What satisfies one input. */
export interface Satisfaction {
  readonly scriptSig: Uint8Array;
  readonly witness: Uint8Array[];
}

/** A random contract that its maker can spend. */
export interface Contract {
  readonly kind: string;
  readonly scriptPubKey: Uint8Array;
  /** What the spending transaction must offer for the time locks inside. */
  readonly locks: Locks;
  satisfy(spend: Spend): Satisfaction;
}

/** Time locks that a contract's satisfied path contains. */
export interface Locks {
  readonly lockTime: number;
  readonly sequence: number;
}

/** The unsigned transaction that an input is satisfied for. */
export interface Spend {
  readonly tx: Transaction;
  readonly inputIndex: number;
  readonly spentOutputs: readonly SpentOutput[];
  readonly random: Random;
}

type Version = 'base' | 'v0' | 'tapscript';
type Signer = (secretKey: Uint8Array) => Uint8Array;

/** A piece of script that leaves true on the stack, and what it takes from it, bottom first. */
interface Fragment {
  readonly parts: readonly ScriptPart[];
  readonly locks: Locks;
  satisfy(sign: Signer): Uint8Array[];
}

const EMPTY = new Uint8Array();
const ONE = Uint8Array.of(1);
const NO_LOCKS: Locks = { lockTime: 0, sequence: 0xfffffffe };

const push = (data: Uint8Array): Uint8Array => assemble([data]);
const number = (value: number): Uint8Array => {
  const pushed = assemble([value]);
  if (pushed[0] === 0) return EMPTY;
  if (pushed.length > 1) return pushed.subarray(1);
  return pushed[0] === 0x4f ? Uint8Array.of(0x81) : Uint8Array.of((pushed[0] as number) - 0x50);
};

/** Makes contracts of every kind of output that consensus knows. */
export class ContractMaker {
  readonly #random: Random;
  readonly #crypto: CryptoEngine;

  constructor(random: Random, crypto: CryptoEngine = currentCrypto()) {
    this.#random = random;
    this.#crypto = crypto;
  }

  make(): Contract {
    const makers: (() => Contract)[] = [
      () => this.#keyHash(),
      () => this.#bare(),
      () => this.#scriptHash(),
      () => this.#witnessKeyHash(false),
      () => this.#witnessKeyHash(true),
      () => this.#witnessScriptHash(false),
      () => this.#witnessScriptHash(true),
      () => this.#taprootKey(),
      () => this.#taprootScript(),
      () => this.#taprootScript(),
      () => this.#taprootScript(),
      () => this.#randomScript(),
      () => this.#unknownWitness(),
    ];
    return this.#random.pick(makers)();
  }

  #secretKey(): Uint8Array {
    for (;;) {
      const key = this.#random.bytes(32);
      if (this.#crypto.isSecretKey(key)) return key;
    }
  }

  #publicKey(secretKey: Uint8Array, version: Version): Uint8Array {
    if (version === 'tapscript') return (this.#crypto.publicKey(secretKey) as Uint8Array).subarray(1);
    const compressed = version === 'v0' ? this.#random.chance(0.9) : this.#random.chance(0.6);
    const key = this.#crypto.publicKey(secretKey, { compressed }) as Uint8Array;
    // Hybrid keys carry the parity in a first byte of 6 or 7; consensus accepts them to this day.
    if (!compressed && this.#random.chance(0.3)) key[0] = 6 + ((key[64] as number) & 1);
    return key;
  }

  #keyHash(): Contract {
    const secretKey = this.#secretKey();
    const key = this.#publicKey(secretKey, 'base');
    const script = assemble(['OP_DUP', 'OP_HASH160', this.#crypto.hash160(key), 'OP_EQUALVERIFY', 'OP_CHECKSIG']);
    return {
      kind: 'pubkeyhash',
      scriptPubKey: script,
      locks: NO_LOCKS,
      satisfy: (spend) => ({
        scriptSig: concatBytes(push(this.#ecdsa(spend, script, secretKey, 'base')), push(key)),
        witness: [],
      }),
    };
  }

  #bare(): Contract {
    const { script, fragment } = this.#program('base');
    return {
      kind: 'bare',
      scriptPubKey: script,
      locks: fragment.locks,
      satisfy: (spend) => ({
        scriptSig: concatBytes(...this.#items(spend, script, fragment, 'base').map(push)),
        witness: [],
      }),
    };
  }

  #scriptHash(): Contract {
    const { script, fragment } = this.#program('base', 480);
    return {
      kind: 'scripthash',
      scriptPubKey: assemble(['OP_HASH160', this.#crypto.hash160(script), 'OP_EQUAL']),
      locks: fragment.locks,
      satisfy: (spend) => ({
        scriptSig: concatBytes(...this.#items(spend, script, fragment, 'base').map(push), push(script)),
        witness: [],
      }),
    };
  }

  #witnessKeyHash(nested: boolean): Contract {
    const secretKey = this.#secretKey();
    const key = this.#crypto.publicKey(secretKey) as Uint8Array;
    const hash = this.#crypto.hash160(key);
    const scriptCode = assemble(['OP_DUP', 'OP_HASH160', hash, 'OP_EQUALVERIFY', 'OP_CHECKSIG']);
    return this.#maybeNested(nested, 'witness_v0_keyhash', assemble(['OP_0', hash]), NO_LOCKS, (spend) => [
      this.#ecdsa(spend, scriptCode, secretKey, 'v0'),
      key,
    ]);
  }

  #witnessScriptHash(nested: boolean): Contract {
    const { script, fragment } = this.#program('v0');
    const program = assemble(['OP_0', this.#crypto.sha256(script)]);
    return this.#maybeNested(nested, 'witness_v0_scripthash', program, fragment.locks, (spend) => [
      ...this.#items(spend, script, fragment, 'v0'),
      script,
    ]);
  }

  #maybeNested(
    nested: boolean,
    kind: string,
    program: Uint8Array,
    locks: Locks,
    witness: (spend: Spend) => Uint8Array[],
  ): Contract {
    return {
      kind: nested ? `scripthash-${kind}` : kind,
      scriptPubKey: nested ? assemble(['OP_HASH160', this.#crypto.hash160(program), 'OP_EQUAL']) : program,
      locks,
      satisfy: (spend) => ({ scriptSig: nested ? push(program) : EMPTY, witness: witness(spend) }),
    };
  }

  #taprootKey(): Contract {
    const secretKey = this.#secretKey();
    const internalKey = (this.#crypto.publicKey(secretKey) as Uint8Array).subarray(1);
    const tree = this.#random.chance(0.5) ? this.#tree({ script: this.#random.bytes(20) }) : undefined;
    const output = taprootOutput({ internalKey, ...(tree === undefined ? {} : { tree }) });
    const tweaked = taprootSecretKey(secretKey, { merkleRoot: output.merkleRoot });
    return {
      kind: 'taproot-key',
      scriptPubKey: output.scriptPubKey,
      locks: NO_LOCKS,
      satisfy: (spend) => {
        const annex = this.#annex(spend.random);
        return {
          scriptSig: EMPTY,
          witness: [this.#schnorr(spend, tweaked, { annex }), ...(annex === undefined ? [] : [annex])],
        };
      },
    };
  }

  #taprootScript(): Contract {
    const { script, fragment } = this.#program('tapscript');
    const leafVersion = this.#random.chance(0.95) ? 0xc0 : this.#random.pick([0xc2, 0x66, 0xfa, 0x00]);
    const internalKey = (this.#crypto.publicKey(this.#secretKey()) as Uint8Array).subarray(1);
    const output = taprootOutput({ internalKey, tree: this.#tree({ script, leafVersion }) });
    const leaf = output.leaves.find((candidate) => candidate.script === script);
    if (leaf === undefined) throw new Error('the tree lost its leaf');
    return {
      kind: leafVersion === 0xc0 ? 'taproot-script' : 'taproot-unknown-leaf',
      scriptPubKey: output.scriptPubKey,
      locks: fragment.locks,
      satisfy: (spend) => {
        const annex = this.#annex(spend.random);
        const separator = script[0] === 0xab ? { codeSeparatorPosition: 0 } : {};
        const items = fragment.satisfy((secretKey) =>
          this.#schnorr(spend, secretKey, { annex, leafHash: leaf.leafHash, ...separator }),
        );
        return {
          scriptSig: EMPTY,
          witness: [...items, script, leaf.controlBlock, ...(annex === undefined ? [] : [annex])],
        };
      },
    };
  }

  /** A tree around one leaf, up to a few levels deep. */
  #tree(leaf: TapTree): TapTree {
    let tree = leaf;
    for (let depth = this.#random.below(5); depth > 0; depth--) {
      const sibling: TapTree = { script: this.#random.bytes(1 + this.#random.below(40)) };
      tree = this.#random.chance(0.5) ? [tree, sibling] : [sibling, tree];
    }
    return tree;
  }

  #annex(random: Random): Uint8Array | undefined {
    return random.chance(0.1) ? concatBytes(Uint8Array.of(0x50), random.bytes(random.below(300))) : undefined;
  }

  /** Opcodes at random: nearly all of these fail, each in its own way. */
  #randomScript(): Contract {
    const random = this.#random;
    const length = 1 + random.below(24);
    const small: ScriptPart[] = [];
    for (let i = 0; i < length; i++)
      small.push(random.chance(0.5) ? random.below(20) - 2 : random.bytes(1 + random.below(3)));
    const opcodes = Uint8Array.from({ length: 1 + random.below(30) }, () =>
      random.chance(0.97) ? 0x61 + random.below(0x5a) : random.below(256),
    );
    const script = concatBytes(random.chance(0.7) ? assemble(small) : EMPTY, opcodes);
    const inputs = Array.from({ length: random.below(6) }, () => random.bytes(random.below(4)));
    const internalKey = (this.#crypto.publicKey(this.#secretKey()) as Uint8Array).subarray(1);
    const output = taprootOutput({ internalKey, tree: { script } });
    const controlBlock = output.leaves[0]?.controlBlock ?? EMPTY;
    switch (random.below(3)) {
      case 0:
        return {
          kind: 'random-bare',
          scriptPubKey: script,
          locks: NO_LOCKS,
          satisfy: () => ({ scriptSig: concatBytes(...inputs.map(push)), witness: [] }),
        };
      case 1:
        return {
          kind: 'random-v0',
          scriptPubKey: assemble(['OP_0', this.#crypto.sha256(script)]),
          locks: NO_LOCKS,
          satisfy: () => ({ scriptSig: EMPTY, witness: [...inputs, script] }),
        };
      default:
        return {
          kind: 'random-tapscript',
          scriptPubKey: output.scriptPubKey,
          locks: NO_LOCKS,
          satisfy: () => ({ scriptSig: EMPTY, witness: [...inputs, script, controlBlock] }),
        };
    }
  }

  #unknownWitness(): Contract {
    const random = this.#random;
    const program = random.chance(0.2) ? Uint8Array.of(0x4e, 0x73) : random.bytes(2 + random.below(39));
    const scriptPubKey = concatBytes(assemble([random.below(17)]), Uint8Array.of(program.length), program);
    const witness = Array.from({ length: random.below(3) }, () => random.bytes(random.below(40)));
    return { kind: 'witness-unknown', scriptPubKey, locks: NO_LOCKS, satisfy: () => ({ scriptSig: EMPTY, witness }) };
  }

  #program(version: Version, maximumSize = 3_000): { readonly script: Uint8Array; readonly fragment: Fragment } {
    for (;;) {
      const fragment = this.#sequence(version, 3);
      const separated = this.#random.chance(0.1);
      const script = assemble(separated ? ['OP_CODESEPARATOR', ...fragment.parts] : fragment.parts);
      if (script.length <= maximumSize) return { script, fragment };
    }
  }

  /** Fragments one after the other; each but the last is verified. */
  #sequence(version: Version, depth: number): Fragment {
    const fragments = Array.from({ length: 1 + this.#random.below(3) }, () => this.#fragment(version, depth));
    const last = fragments.at(-1) as Fragment;
    const parts = fragments.flatMap((fragment) =>
      fragment === last ? fragment.parts : [...fragment.parts, 'OP_VERIFY' as const],
    );
    return {
      parts,
      locks: mergeLocks(fragments.map((fragment) => fragment.locks)),
      satisfy: (sign) => fragments.toReversed().flatMap((fragment) => fragment.satisfy(sign)),
    };
  }

  #fragment(version: Version, depth: number): Fragment {
    const makers: (() => Fragment)[] = [
      () => this.#pk(version),
      () => this.#pk(version),
      () => this.#pkh(version),
      () => this.#multisig(version),
      () => this.#hash(),
      () => this.#arithmetic(),
      () => this.#shuffle(),
      () => this.#after(),
      () => this.#older(),
    ];
    if (depth > 0) makers.push(() => this.#either(version, depth - 1));
    return this.#random.pick(makers)();
  }

  #pk(version: Version): Fragment {
    const secretKey = this.#secretKey();
    const key = this.#publicKey(secretKey, version);
    return { parts: [key, 'OP_CHECKSIG'], locks: NO_LOCKS, satisfy: (sign) => [sign(secretKey)] };
  }

  #pkh(version: Version): Fragment {
    const secretKey = this.#secretKey();
    const key = this.#publicKey(secretKey, version);
    return {
      parts: ['OP_DUP', 'OP_HASH160', this.#crypto.hash160(key), 'OP_EQUALVERIFY', 'OP_CHECKSIG'],
      locks: NO_LOCKS,
      satisfy: (sign) => [sign(secretKey), key],
    };
  }

  #multisig(version: Version): Fragment {
    const random = this.#random;
    const secretKeys = Array.from({ length: 1 + random.below(4) }, () => this.#secretKey());
    const required = 1 + random.below(secretKeys.length);
    const signing = new Set<number>();
    while (signing.size < required) signing.add(random.below(secretKeys.length));
    const keys = secretKeys.map((secretKey) => this.#publicKey(secretKey, version));
    if (version !== 'tapscript')
      return {
        parts: [required, ...keys, keys.length, 'OP_CHECKMULTISIG'],
        locks: NO_LOCKS,
        satisfy: (sign) => [EMPTY, ...secretKeys.filter((_, index) => signing.has(index)).map((key) => sign(key))],
      };
    return {
      parts: [
        ...keys.flatMap((key, index): ScriptPart[] => [key, index === 0 ? 'OP_CHECKSIG' : 'OP_CHECKSIGADD']),
        required,
        'OP_NUMEQUAL',
      ],
      locks: NO_LOCKS,
      satisfy: (sign) => secretKeys.map((key, index) => (signing.has(index) ? sign(key) : EMPTY)).toReversed(),
    };
  }

  #hash(): Fragment {
    const preimage = this.#random.bytes(this.#random.pick([0, 1, 20, 32, 32, 32, 64, 200]));
    const [opcode, hash] = this.#random.pick([
      ['OP_SHA256', this.#crypto.sha256(preimage)],
      ['OP_HASH160', this.#crypto.hash160(preimage)],
      ['OP_HASH256', this.#crypto.hash256(preimage)],
      ['OP_RIPEMD160', this.#crypto.ripemd160(preimage)],
      ['OP_SHA1', this.#crypto.sha1(preimage)],
    ] as const);
    const size: ScriptPart[] = this.#random.chance(0.5) ? ['OP_SIZE', preimage.length, 'OP_EQUALVERIFY'] : [];
    return { parts: [...size, opcode, hash, 'OP_EQUAL'], locks: NO_LOCKS, satisfy: () => [preimage] };
  }

  #arithmetic(): Fragment {
    const random = this.#random;
    const left = random.below(2_000_000) - 1_000_000;
    const right = random.below(2_000_000) - 1_000_000;
    return random.pick<() => Fragment>([
      () => numeric([right, 'OP_ADD', left + right, 'OP_NUMEQUAL'], left),
      () => numeric([right, 'OP_SUB', left - right, 'OP_NUMEQUAL'], left),
      () => numeric([right, 'OP_MIN', Math.min(left, right), 'OP_NUMEQUAL'], left),
      () => numeric([right, 'OP_MAX', Math.max(left, right), 'OP_EQUAL'], left),
      () => numeric([left - 1, left + 1, 'OP_WITHIN'], left),
      () => numeric(['OP_1ADD', 'OP_NEGATE', 'OP_ABS', Math.abs(left + 1), 'OP_NUMEQUAL'], left),
      () => numeric([left, 'OP_NUMNOTEQUAL', 'OP_NOT'], left),
      () => numeric([left + 1, 'OP_LESSTHAN'], left),
      () => numeric([left, 'OP_GREATERTHANOREQUAL', 'OP_0NOTEQUAL'], left),
    ])();
  }

  #shuffle(): Fragment {
    const item = this.#random.bytes(1 + this.#random.below(8));
    const other = this.#random.bytes(3);
    return this.#random.pick<() => Fragment>([
      () => plain(['OP_TOALTSTACK', item, 'OP_FROMALTSTACK', 'OP_EQUAL'], [item]),
      () => plain(['OP_DUP', 1, 'OP_PICK', 'OP_EQUALVERIFY', item, 'OP_EQUAL'], [item]),
      () => plain([other, 'OP_SWAP', item, 'OP_EQUALVERIFY', other, 'OP_EQUAL'], [item]),
      () => plain(['OP_2DUP', 'OP_2DROP', 1, 'OP_ROLL', item, 'OP_EQUALVERIFY', other, 'OP_EQUAL'], [item, other]),
      () =>
        plain([item, other, 'OP_ROT', 'OP_3DUP', 'OP_2DROP', 'OP_DROP', 'OP_NIP', 'OP_NIP', item, 'OP_EQUAL'], [item]),
      () => plain(['OP_TUCK', 'OP_OVER', 'OP_2SWAP', 'OP_2DROP', 'OP_EQUALVERIFY', 1], [item, item]),
      () => plain(['OP_IFDUP', 'OP_DEPTH', 'OP_0NOTEQUAL', 'OP_VERIFY', 'OP_EQUAL'], [Uint8Array.of(7)]),
    ])();
  }

  #after(): Fragment {
    const height = 1 + this.#random.below(100);
    return {
      parts: [height, 'OP_CHECKLOCKTIMEVERIFY'],
      locks: { lockTime: height, sequence: 0xfffffffe },
      satisfy: () => [],
    };
  }

  #older(): Fragment {
    const blocks = this.#random.below(3);
    return {
      parts: [blocks, 'OP_CHECKSEQUENCEVERIFY', 'OP_0NOTEQUAL', 'OP_NOT', blocks === 0 ? 1 : 0, 'OP_NUMEQUAL'],
      locks: { lockTime: 0, sequence: blocks },
      satisfy: () => [],
    };
  }

  #either(version: Version, depth: number): Fragment {
    const [left, right] = [this.#sequence(version, depth), this.#sequence(version, depth)];
    const first = this.#random.chance(0.5);
    const inverted = this.#random.chance(0.3);
    const chosen = first ? left : right;
    return {
      parts: [inverted ? 'OP_NOTIF' : 'OP_IF', ...left.parts, 'OP_ELSE', ...right.parts, 'OP_ENDIF'],
      locks: chosen.locks,
      satisfy: (sign) => [...chosen.satisfy(sign), first !== inverted ? ONE : EMPTY],
    };
  }

  #items(spend: Spend, script: Uint8Array, fragment: Fragment, version: 'base' | 'v0'): Uint8Array[] {
    const scriptCode = script[0] === 0xab ? script.subarray(1) : script;
    return fragment.satisfy((secretKey) => this.#ecdsa(spend, scriptCode, secretKey, version));
  }

  #ecdsa(spend: Spend, scriptCode: Uint8Array, secretKey: Uint8Array, version: 'base' | 'v0'): Uint8Array {
    const { tx, inputIndex, spentOutputs, random } = spend;
    const hashType = random.chance(0.6) ? SighashType.ALL : random.pick([1, 2, 3, 0x81, 0x82, 0x83, random.below(256)]);
    const common = { tx, inputIndex, scriptCode, hashType };
    const hash =
      version === 'base'
        ? sighashLegacy(common)
        : sighashWitnessV0({ ...common, value: (spentOutputs[inputIndex] as SpentOutput).value });
    const signature = this.#crypto.ecdsaSign(hash, secretKey) as Uint8Array;
    return concatBytes(encodeDerSignature(signature), Uint8Array.of(hashType));
  }

  #schnorr(
    { tx, inputIndex, spentOutputs, random }: Spend,
    secretKey: Uint8Array,
    path: {
      readonly annex: Uint8Array | undefined;
      readonly leafHash?: Uint8Array;
      readonly codeSeparatorPosition?: number;
    },
  ): Uint8Array {
    const { annex, ...leaf } = path;
    const usable = inputIndex < tx.outputs.length ? [0, 1, 2, 3, 0x81, 0x82, 0x83] : [0, 1, 2, 0x81, 0x82];
    const hashType = random.chance(0.6) ? SighashType.DEFAULT : random.pick(usable);
    const hash = sighashTaproot({
      tx,
      inputIndex,
      spentOutputs,
      hashType,
      ...leaf,
      ...(annex === undefined ? {} : { annex }),
    });
    const signature = this.#crypto.schnorrSign(hash, secretKey) as Uint8Array;
    return hashType === SighashType.DEFAULT ? signature : concatBytes(signature, Uint8Array.of(hashType));
  }
}

const plain = (parts: readonly ScriptPart[], items: Uint8Array[]): Fragment => ({
  parts,
  locks: NO_LOCKS,
  satisfy: () => items,
});

const numeric = (parts: readonly ScriptPart[], input: number): Fragment => plain(parts, [number(input)]);

function mergeLocks(locks: readonly Locks[]): Locks {
  const relative = locks.map(({ sequence }) => sequence).filter((sequence) => sequence < 0x80000000);
  return {
    lockTime: Math.max(...locks.map(({ lockTime }) => lockTime)),
    sequence: relative.length === 0 ? 0xfffffffe : Math.max(...relative),
  };
}
