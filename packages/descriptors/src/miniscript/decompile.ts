import { Opcode, ScriptReader } from '@bitcoin-enterprise/script';
import { DescriptorsError } from '../errors.ts';
import { type Fragment, type FragmentShape, type HashFunction, type MiniscriptContext } from './fragment.ts';
import { makeFragment } from './type.ts';
import { typeLetters } from './type.ts';

/** A key as a script holds it: itself, or its hash alone. */
export type ScriptKey =
  | {
      readonly kind: 'key';
      /** 33 bytes in P2WSH, 32 in tapscript. */
      readonly bytes: Uint8Array;
    }
  | {
      readonly kind: 'hash';
      /** HASH160 of the key, 20 bytes. */
      readonly bytes: Uint8Array;
    };

/** Deeper than what `readFragment` reads of a text would be of no use. */
const MAXIMUM_DEPTH = 1_000;

/**
 * The miniscript of a script, read from its end (as the translation table of BIP379 is unambiguous only from there).
 *
 * @throws DescriptorsError `DESCRIPTORS_SCRIPT_UNKNOWN` for a script that is no miniscript.
 */
export function decompileFragment(script: Uint8Array, context: MiniscriptContext): Fragment<ScriptKey> {
  const reader = new Decompiler(tokensOf(script), context);
  const fragment = reader.expression(0);
  reader.requireEnd();
  return fragment;
}

/** An opcode or a push, with the place where it stands. */
interface Token {
  readonly opcode: number;
  readonly data: Uint8Array | undefined;
  readonly offset: number;
}

/** VERIFY forms are two opcodes to the grammar. */
const PLAIN_FORMS: ReadonlyMap<number, number> = new Map([
  [Opcode.OP_EQUALVERIFY, Opcode.OP_EQUAL],
  [Opcode.OP_CHECKSIGVERIFY, Opcode.OP_CHECKSIG],
  [Opcode.OP_CHECKMULTISIGVERIFY, Opcode.OP_CHECKMULTISIG],
  [Opcode.OP_NUMEQUALVERIFY, Opcode.OP_NUMEQUAL],
]);

const HASHES: ReadonlyMap<number, HashFunction> = new Map([
  [Opcode.OP_SHA256, 'sha256'],
  [Opcode.OP_HASH256, 'hash256'],
  [Opcode.OP_RIPEMD160, 'ripemd160'],
  [Opcode.OP_HASH160, 'hash160'],
]);

/** What no expression ends with, so that it cannot be the end of the first half of an and_v. */
const NEVER_LAST: ReadonlySet<number> = new Set([
  Opcode.OP_IF,
  Opcode.OP_NOTIF,
  Opcode.OP_ELSE,
  Opcode.OP_TOALTSTACK,
  Opcode.OP_SWAP,
]);

function tokensOf(script: Uint8Array): readonly Token[] {
  const reader = new ScriptReader(script);
  const tokens: Token[] = [];
  for (let offset = 0; reader.next(); offset = reader.position) {
    const { opcode } = reader;
    if (opcode > 0 && opcode <= Opcode.OP_PUSHDATA4) {
      const data = reader.data();
      if (!isMinimalPush(opcode, data)) throw unknown(offset, 'a push in its shortest form');
      tokens.push({ opcode, data, offset });
      continue;
    }
    const plain = PLAIN_FORMS.get(opcode);
    if (plain !== undefined) tokens.push({ opcode: plain, data: undefined, offset });
    const last = tokens.at(-1)?.opcode;
    if (opcode === Opcode.OP_VERIFY && last !== undefined && [...PLAIN_FORMS.values()].includes(last))
      throw unknown(offset, 'the VERIFY form of the opcode before');
    tokens.push({ opcode: plain === undefined ? opcode : Opcode.OP_VERIFY, data: undefined, offset });
  }
  if (reader.position < script.length) throw unknown(reader.position, 'a whole push');
  return tokens;
}

function isMinimalPush(opcode: number, data: Uint8Array): boolean {
  const [first = 0] = data;
  if (data.length === 0) return false;
  if (data.length === 1 && ((first >= 1 && first <= 16) || first === 0x81)) return false;
  if (data.length <= 75) return opcode === data.length;
  if (data.length <= 0xff) return opcode === Opcode.OP_PUSHDATA1;
  return opcode === (data.length <= 0xffff ? Opcode.OP_PUSHDATA2 : Opcode.OP_PUSHDATA4);
}

function unknown(offset: number, expected: string): DescriptorsError<'DESCRIPTORS_SCRIPT_UNKNOWN'> {
  return new DescriptorsError(
    'DESCRIPTORS_SCRIPT_UNKNOWN',
    `expected a miniscript, got at byte ${offset} not ${expected}`,
    {
      details: { offset, reason: `expected ${expected}` },
    },
  );
}

class Decompiler {
  readonly #tokens: readonly Token[];
  readonly #context: MiniscriptContext;
  /** How many tokens are left: they are read from the end. */
  #left: number;

  constructor(tokens: readonly Token[], context: MiniscriptContext) {
    this.#tokens = tokens;
    this.#context = context;
    this.#left = tokens.length;
  }

  requireEnd(): void {
    if (this.#left > 0) throw this.#unexpected('the begin of the script');
  }

  /** An expression, with whatever stands before it in an and_v. */
  expression(depth: number): Fragment<ScriptKey> {
    const parts = [this.#single(depth)];
    for (;;) {
      const token = this.#peek(0);
      if (token === undefined || NEVER_LAST.has(token.opcode)) break;
      parts.push(this.#single(depth));
    }
    let fragment = parts.pop() as Fragment<ScriptKey>;
    for (let next = parts.pop(); next !== undefined; next = parts.pop())
      fragment = this.#make({ name: 'and_v', subs: [fragment, next] });
    return fragment;
  }

  /** An expression that is no and_v. */
  #single(depth: number): Fragment<ScriptKey> {
    if (depth > MAXIMUM_DEPTH) throw this.#unexpected(`at most ${MAXIMUM_DEPTH} levels`);
    const token = this.#peek(0);
    if (token === undefined) throw this.#unexpected('an expression before');
    const leaf = this.#leaf(token);
    if (leaf !== undefined) return leaf;
    switch (token.opcode) {
      case Opcode.OP_CHECKSIG:
        return this.#wrap('c', depth);
      case Opcode.OP_VERIFY:
        return this.#wrap('v', depth);
      case Opcode.OP_0NOTEQUAL:
        return this.#wrap('n', depth);
      case Opcode.OP_BOOLAND:
      case Opcode.OP_BOOLOR: {
        this.#left -= 1;
        const right = this.#wide(depth + 1);
        const left = this.#single(depth + 1);
        return this.#make({ name: token.opcode === Opcode.OP_BOOLAND ? 'and_b' : 'or_b', subs: [left, right] });
      }
      case Opcode.OP_EQUAL:
        return this.#thresh(depth);
      case Opcode.OP_ENDIF:
        this.#left -= 1;
        return this.#branches(depth);
      default:
        throw this.#unexpected('the end of an expression');
    }
  }

  #wrap(name: 'c' | 'v' | 'n', depth: number): Fragment<ScriptKey> {
    this.#left -= 1;
    return this.#make({ name, subs: [this.#single(depth + 1)] });
  }

  /** Expressions without parts. */
  #leaf(token: Token): Fragment<ScriptKey> | undefined {
    const keySize = this.#context === 'tapscript' ? 32 : 33;
    const before = this.#peek(1);
    if (token.opcode === Opcode.OP_0 || token.opcode === Opcode.OP_1) {
      this.#left -= 1;
      return this.#make({ name: token.opcode === Opcode.OP_0 ? '0' : '1' });
    }
    if (token.data?.length === keySize) {
      this.#left -= 1;
      return this.#make({ name: 'pk_k', key: { kind: 'key', bytes: token.data } });
    }
    if (this.#matches([Opcode.OP_VERIFY, Opcode.OP_EQUAL, 20, Opcode.OP_HASH160, Opcode.OP_DUP])) {
      const hash = this.#peek(2)?.data as Uint8Array;
      this.#left -= 5;
      return this.#make({ name: 'pk_h', key: { kind: 'hash', bytes: hash } });
    }
    if (token.opcode === Opcode.OP_CHECKSEQUENCEVERIFY || token.opcode === Opcode.OP_CHECKLOCKTIMEVERIFY) {
      const value = numberOf(before);
      if (value === undefined || value < 1 || value > 0x7fff_ffff) throw this.#unexpected('a lock of 1 to 2³¹-1', 1);
      this.#left -= 2;
      return this.#make({ name: token.opcode === Opcode.OP_CHECKSEQUENCEVERIFY ? 'older' : 'after', value });
    }
    if (token.opcode === Opcode.OP_CHECKMULTISIG && this.#context === 'wsh') return this.#multi();
    if (token.opcode === Opcode.OP_NUMEQUAL && this.#context === 'tapscript') return this.#multiA();
    return this.#hashLock();
  }

  #hashLock(): Fragment<ScriptKey> | undefined {
    const hash = this.#peek(1)?.data;
    const name = HASHES.get(this.#peek(2)?.opcode ?? -1);
    if (hash === undefined || name === undefined) return undefined;
    const size = name === 'sha256' || name === 'hash256' ? 32 : 20;
    const opcode = this.#peek(2)?.opcode as number;
    if (!this.#matches([Opcode.OP_EQUAL, size, opcode, Opcode.OP_VERIFY, Opcode.OP_EQUAL, 1, Opcode.OP_SIZE]))
      return undefined;
    if (numberOf(this.#peek(5)) !== 32) return undefined;
    this.#left -= 7;
    return this.#make({ name, hash });
  }

  #multi(): Fragment<ScriptKey> {
    const count = numberOf(this.#peek(1));
    if (count === undefined || count < 1 || count > 20) throw this.#unexpected('1 to 20 keys', 1);
    const keys: ScriptKey[] = [];
    for (let place = 0; place < count; place++) {
      const key = this.#peek(2 + place)?.data;
      if (key?.length !== 33) throw this.#unexpected('a key', 2 + place);
      keys.unshift({ kind: 'key', bytes: key });
    }
    const threshold = numberOf(this.#peek(2 + count));
    if (threshold === undefined || threshold < 1 || threshold > count)
      throw this.#unexpected(`a threshold of 1 to ${count}`, 2 + count);
    this.#left -= 3 + count;
    return this.#make({ name: 'multi', threshold, keys });
  }

  #multiA(): Fragment<ScriptKey> {
    const threshold = numberOf(this.#peek(1));
    const keys: ScriptKey[] = [];
    for (let place = 2; ; place += 2) {
      const check = this.#peek(place)?.opcode;
      const key = this.#peek(place + 1)?.data;
      const isFirst = check === Opcode.OP_CHECKSIG;
      if ((!isFirst && check !== Opcode.OP_CHECKSIGADD) || key?.length !== 32 || keys.length === 999)
        throw this.#unexpected('a key and its check', place);
      keys.push({ kind: 'key', bytes: key });
      if (isFirst) break;
    }
    keys.reverse();
    if (threshold === undefined || threshold < 1 || threshold > keys.length)
      throw this.#unexpected(`a threshold of 1 to ${keys.length}`, 1);
    this.#left -= 2 + 2 * keys.length;
    return this.#make({ name: 'multi_a', threshold, keys });
  }

  #thresh(depth: number): Fragment<ScriptKey> {
    const threshold = numberOf(this.#peek(1));
    if (threshold === undefined || threshold < 1) throw this.#unexpected('a threshold', 1);
    this.#left -= 2;
    const subs: Fragment<ScriptKey>[] = [];
    while (this.#peek(0)?.opcode === Opcode.OP_ADD) {
      this.#left -= 1;
      subs.push(this.#wide(depth + 1));
    }
    subs.push(this.#single(depth + 1));
    subs.reverse();
    if (threshold > subs.length) throw this.#unexpected(`a threshold of 1 to ${subs.length}`);
    return this.#make({ name: 'thresh', threshold, subs });
  }

  /** An expression under another element: `a:` or `s:`. */
  #wide(depth: number): Fragment<ScriptKey> {
    const isAlt = this.#peek(0)?.opcode === Opcode.OP_FROMALTSTACK;
    if (isAlt) this.#left -= 1;
    const sub = this.expression(depth + 1);
    this.#take(isAlt ? Opcode.OP_TOALTSTACK : Opcode.OP_SWAP, isAlt ? 'OP_TOALTSTACK' : 'OP_SWAP');
    return this.#make({ name: isAlt ? 'a' : 's', subs: [sub] });
  }

  /** What ends in ENDIF. */
  #branches(depth: number): Fragment<ScriptKey> {
    const last = this.expression(depth + 1);
    switch (this.#peek(0)?.opcode) {
      case Opcode.OP_ELSE: {
        this.#left -= 1;
        const first = this.expression(depth + 1);
        if (this.#peek(0)?.opcode === Opcode.OP_IF) {
          this.#left -= 1;
          return this.#make({ name: 'or_i', subs: [first, last] });
        }
        this.#take(Opcode.OP_NOTIF, 'OP_IF or OP_NOTIF');
        return this.#make({ name: 'andor', subs: [this.#single(depth + 1), last, first] });
      }
      case Opcode.OP_NOTIF: {
        this.#left -= 1;
        const isDup = this.#peek(0)?.opcode === Opcode.OP_IFDUP;
        if (isDup) this.#left -= 1;
        return this.#make({ name: isDup ? 'or_d' : 'or_c', subs: [this.#single(depth + 1), last] });
      }
      case Opcode.OP_IF:
        this.#left -= 1;
        if (this.#peek(0)?.opcode === Opcode.OP_DUP) {
          this.#left -= 1;
          return this.#make({ name: 'd', subs: [last] });
        }
        this.#take(Opcode.OP_0NOTEQUAL, 'OP_DUP or OP_0NOTEQUAL');
        this.#take(Opcode.OP_SIZE, 'OP_SIZE');
        return this.#make({ name: 'j', subs: [last] });
      default:
        throw this.#unexpected('OP_IF, OP_NOTIF or OP_ELSE');
    }
  }

  #peek(place: number): Token | undefined {
    return this.#tokens[this.#left - 1 - place];
  }

  /** Whether tokens from the end are these: an opcode, or a push by its size. */
  #matches(opcodes: readonly number[]): boolean {
    return opcodes.every((opcode, place) => this.#peek(place)?.opcode === opcode);
  }

  #take(opcode: number, name: string): void {
    if (this.#peek(0)?.opcode !== opcode) throw this.#unexpected(name);
    this.#left -= 1;
  }

  #make(shape: FragmentShape<ScriptKey>): Fragment<ScriptKey> {
    const fragment = makeFragment(shape, this.#context);
    if (fragment !== undefined) return fragment;
    const types = 'subs' in shape ? shape.subs.map(({ type }) => typeLetters(type)).join(', ') : '';
    throw this.#unexpected(`parts that fit into ${shape.name} (types ${types})`);
  }

  #unexpected(expected: string, place = 0): DescriptorsError {
    return unknown(this.#peek(place)?.offset ?? 0, expected);
  }
}

/** The number that a token pushes, as scripts count. */
function numberOf(token: Token | undefined): number | undefined {
  if (token === undefined) return undefined;
  const { opcode, data } = token;
  if (opcode === Opcode.OP_0) return 0;
  if (opcode >= Opcode.OP_1 && opcode <= Opcode.OP_16) return opcode - Opcode.OP_1 + 1;
  if (data === undefined || data.length > 4) return undefined;
  const top = data.at(-1) as number;
  // Negative, or longer than it needs to be.
  if (top >= 0x80 || (top === 0 && (data.length === 1 || (data.at(-2) as number) < 0x80))) return undefined;
  let value = 0;
  for (let i = data.length - 1; i >= 0; i--) value = value * 256 + (data[i] as number);
  return value;
}
