import { requireFragment, requireFunction, requireObject } from '../arguments.ts';
import { currentCrypto } from '@bitcoin-enterprise/core';
import { Opcode } from '@bitcoin-enterprise/script';
import type { Fragment } from './fragment.ts';
import { hasLetters } from './type.ts';

/** What keys are in scripts. */
export interface ScriptKeys<Key> {
  /** 33 bytes in P2WSH, 32 in tapscript. */
  readonly bytesOf: (key: Key) => Uint8Array;
}

/** The VERIFY forms of opcodes. */
const VERIFY_FORMS: ReadonlyMap<number, number> = new Map([
  [Opcode.OP_EQUAL, Opcode.OP_EQUALVERIFY],
  [Opcode.OP_NUMEQUAL, Opcode.OP_NUMEQUALVERIFY],
  [Opcode.OP_CHECKSIG, Opcode.OP_CHECKSIGVERIFY],
  [Opcode.OP_CHECKMULTISIG, Opcode.OP_CHECKMULTISIGVERIFY],
]);

/** The script of a miniscript (BIP379, “Translation table”). */
export function compileFragment<Key>(fragment: Fragment<Key>, keys: ScriptKeys<Key>): Uint8Array {
  requireFragment(fragment);
  requireFunction(requireObject<ScriptKeys<Key>>(keys, 'keys').bytesOf, 'keys.bytesOf');
  const script = new ScriptBuilder();
  emit(fragment, keys, script);
  return script.finish();
}

/** Script bytes that grow at the end. */
class ScriptBuilder {
  #bytes: Uint8Array = new Uint8Array(128);
  #length = 0;
  /** Where the last opcode is; -1 when the last thing was a push. */
  #lastOpcode = -1;

  op(...opcodes: readonly number[]): void {
    for (const opcode of opcodes) {
      this.#grow(1);
      this.#lastOpcode = this.#length;
      this.#bytes[this.#length++] = opcode;
    }
  }

  push(data: Uint8Array): void {
    // Keys and hashes: none is longer than 75 bytes.
    this.#grow(data.length + 1);
    this.#bytes[this.#length++] = data.length;
    this.#bytes.set(data, this.#length);
    this.#length += data.length;
    this.#lastOpcode = -1;
  }

  number(value: number): void {
    if (value <= 16) {
      this.op(value === 0 ? Opcode.OP_0 : Opcode.OP_1 + value - 1);
      return;
    }
    const bytes: number[] = [];
    for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.push(rest % 256);
    if ((bytes.at(-1) as number) >= 0x80) bytes.push(0);
    this.push(Uint8Array.from(bytes));
  }

  /** Makes the last opcode verify. */
  verify(): void {
    const form = this.#lastOpcode < 0 ? undefined : VERIFY_FORMS.get(this.#bytes[this.#lastOpcode] as number);
    if (form === undefined) this.op(Opcode.OP_VERIFY);
    else this.#bytes[this.#lastOpcode] = form;
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #grow(by: number): void {
    if (this.#length + by <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * (this.#length + by));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

function emit<Key>(fragment: Fragment<Key>, keys: ScriptKeys<Key>, script: ScriptBuilder): void {
  switch (fragment.name) {
    case '0':
      script.op(Opcode.OP_0);
      return;
    case '1':
      script.op(Opcode.OP_1);
      return;
    case 'pk_k':
      script.push(keys.bytesOf(fragment.key));
      return;
    case 'pk_h':
      script.op(Opcode.OP_DUP, Opcode.OP_HASH160);
      script.push(currentCrypto().hash160(keys.bytesOf(fragment.key)));
      script.op(Opcode.OP_EQUALVERIFY);
      return;
    case 'older':
      script.number(fragment.value);
      script.op(Opcode.OP_CHECKSEQUENCEVERIFY);
      return;
    case 'after':
      script.number(fragment.value);
      script.op(Opcode.OP_CHECKLOCKTIMEVERIFY);
      return;
    case 'sha256':
    case 'hash256':
    case 'ripemd160':
    case 'hash160':
      script.op(Opcode.OP_SIZE);
      script.number(32);
      script.op(Opcode.OP_EQUALVERIFY, HASH_OPCODES[fragment.name]);
      script.push(fragment.hash);
      script.op(Opcode.OP_EQUAL);
      return;
    case 'multi':
      script.number(fragment.threshold);
      for (const key of fragment.keys) script.push(keys.bytesOf(key));
      script.number(fragment.keys.length);
      script.op(Opcode.OP_CHECKMULTISIG);
      return;
    case 'multi_a':
      for (const [place, key] of fragment.keys.entries()) {
        script.push(keys.bytesOf(key));
        script.op(place === 0 ? Opcode.OP_CHECKSIG : Opcode.OP_CHECKSIGADD);
      }
      script.number(fragment.threshold);
      script.op(Opcode.OP_NUMEQUAL);
      return;
    case 'thresh':
      for (const [place, sub] of fragment.subs.entries()) {
        emit(sub, keys, script);
        if (place > 0) script.op(Opcode.OP_ADD);
      }
      script.number(fragment.threshold);
      script.op(Opcode.OP_EQUAL);
      return;
    default:
      emitCombination(fragment, keys, script);
  }
}

const HASH_OPCODES = {
  sha256: Opcode.OP_SHA256,
  hash256: Opcode.OP_HASH256,
  ripemd160: Opcode.OP_RIPEMD160,
  hash160: Opcode.OP_HASH160,
} as const;

type Combination<Key> = Extract<Fragment<Key>, { readonly subs: readonly [Fragment<Key>, ...Fragment<Key>[]] }>;

function emitCombination<Key>(fragment: Combination<Key>, keys: ScriptKeys<Key>, script: ScriptBuilder): void {
  const part = (place: number): void => emit(fragment.subs[place] as Fragment<Key>, keys, script);
  switch (fragment.name) {
    case 'a':
      script.op(Opcode.OP_TOALTSTACK);
      part(0);
      script.op(Opcode.OP_FROMALTSTACK);
      return;
    case 's':
      script.op(Opcode.OP_SWAP);
      part(0);
      return;
    case 'c':
      part(0);
      script.op(Opcode.OP_CHECKSIG);
      return;
    case 'd':
      script.op(Opcode.OP_DUP, Opcode.OP_IF);
      part(0);
      script.op(Opcode.OP_ENDIF);
      return;
    case 'v':
      part(0);
      if (hasLetters(fragment.subs[0].type, 'x')) script.op(Opcode.OP_VERIFY);
      else script.verify();
      return;
    case 'j':
      script.op(Opcode.OP_SIZE, Opcode.OP_0NOTEQUAL, Opcode.OP_IF);
      part(0);
      script.op(Opcode.OP_ENDIF);
      return;
    case 'n':
      part(0);
      script.op(Opcode.OP_0NOTEQUAL);
      return;
    case 'and_v':
      part(0);
      part(1);
      return;
    case 'and_b':
      part(0);
      part(1);
      script.op(Opcode.OP_BOOLAND);
      return;
    case 'or_b':
      part(0);
      part(1);
      script.op(Opcode.OP_BOOLOR);
      return;
    case 'or_c':
      part(0);
      script.op(Opcode.OP_NOTIF);
      part(1);
      script.op(Opcode.OP_ENDIF);
      return;
    case 'or_d':
      part(0);
      script.op(Opcode.OP_IFDUP, Opcode.OP_NOTIF);
      part(1);
      script.op(Opcode.OP_ENDIF);
      return;
    case 'or_i':
      script.op(Opcode.OP_IF);
      part(0);
      script.op(Opcode.OP_ELSE);
      part(1);
      script.op(Opcode.OP_ENDIF);
      return;
    case 'andor':
      part(0);
      script.op(Opcode.OP_NOTIF);
      part(2);
      script.op(Opcode.OP_ELSE);
      part(1);
      script.op(Opcode.OP_ENDIF);
      return;
  }
}
