import { concatBytes, isBytes, parseHex, toHex } from '@bitcoin-enterprise/core';
import { ScriptError, invalidArgument, requireBytes, requireList, requireObject } from './errors.ts';
import { Flag, flagBits } from './interpreter/flags.ts';
import { encodeScriptNumber } from './interpreter/number.ts';
import type { ScriptFlag } from './model.ts';
import { Opcode, type OpcodeName, opcodeName, opcodeNameUnderTemplates } from './opcodes.ts';
import { ScriptReader } from './script-reader.ts';

/** A part of a script: an opcode by name, data to push, or a number to push. */
export type ScriptPart = OpcodeName | Uint8Array | number;

/** Largest number that a script can push exactly: five bytes, sign included. */
const MAXIMUM_NUMBER = 0x7fffffffff;

/**
 * Builds a script from opcodes, data and numbers; pushes take their shortest form (BIP62 rule 3).
 *
 * @param parts - Opcode names, bytes to push, whole numbers of at most 39 bits to push.
 * @throws {@link ScriptError} `SCRIPT_ASSEMBLY_INVALID` for an unknown opcode, a number out of range or data over 4 GiB.
 *
 * @example A relative time lock
 * ```ts
 * import { toHex } from '@bitcoin-enterprise/core';
 * import { assemble } from '@bitcoin-enterprise/script';
 *
 * toHex(assemble([144, 'OP_CHECKSEQUENCEVERIFY', 'OP_DROP', new Uint8Array(2), 'OP_CHECKSIG']));
 * // => '029000b275020000ac'
 * ```
 */
export function assemble(parts: readonly ScriptPart[]): Uint8Array {
  const pieces = requireList(parts, 'parts').map(assemblePart);
  const script = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    script.set(piece, offset);
    offset += piece.length;
  }
  return script;
}

function assemblePart(part: unknown, position: number): Uint8Array {
  if (isBytes(part)) return push(part);
  if (typeof part === 'number') {
    if (!Number.isInteger(part) || Math.abs(part) > MAXIMUM_NUMBER)
      throw invalid(position, 'expected a whole number of at most 39 bits');
    return push(encodeScriptNumber(part));
  }
  if (typeof part === 'string' && Object.hasOwn(Opcode, part)) return Uint8Array.of(Opcode[part as OpcodeName]);
  throw invalid(position, 'expected the name of an opcode, bytes or a number');
}

/** A push in its shortest form: a small-number opcode where there is one. */
function push(data: Uint8Array): Uint8Array {
  const { length } = data;
  if (length === 0) return Uint8Array.of(Opcode.OP_0);
  const first = data[0] as number;
  if (length === 1 && first >= 1 && first <= 16) return Uint8Array.of(Opcode.OP_1 + first - 1);
  if (length === 1 && first === 0x81) return Uint8Array.of(Opcode.OP_1NEGATE);
  if (length < Opcode.OP_PUSHDATA1) return concatBytes(Uint8Array.of(length), data);
  if (length <= 0xff) return concatBytes(Uint8Array.of(Opcode.OP_PUSHDATA1, length), data);
  if (length <= 0xffff) return concatBytes(Uint8Array.of(Opcode.OP_PUSHDATA2, length & 0xff, length >> 8), data);
  const head = new Uint8Array(5);
  new DataView(head.buffer).setUint32(1, length, true);
  head[0] = Opcode.OP_PUSHDATA4;
  return concatBytes(head, data);
}

/** How a script is written out. */
export interface DisassembleOptions {
  /** Bytes of a push that are shown, 520 when absent; the rest becomes `…`. */
  readonly maximumDataSize?: number;
  /** Rules the script is read under: with CHECKTEMPLATEVERIFY 0xb3 is that opcode (BIP119), else OP_NOP4. */
  readonly flags?: readonly ScriptFlag[];
}

/**
 * Writes a script as words, one for each opcode, pushes as hex; what cannot be read ends it as `[error] <hex>`.
 *
 * @example
 * ```ts
 * import { assemble, disassemble } from '@bitcoin-enterprise/script';
 *
 * disassemble(assemble(['OP_DUP', 'OP_HASH160', Uint8Array.of(0xab, 0xcd), 'OP_EQUALVERIFY', 'OP_CHECKSIG']));
 * // => 'OP_DUP OP_HASH160 abcd OP_EQUALVERIFY OP_CHECKSIG'
 * ```
 */
export function disassemble(script: Uint8Array, options: DisassembleOptions = {}): string {
  requireBytes(script, 'script');
  const { maximumDataSize = 520, flags = [] } = requireObject(options, 'options') as DisassembleOptions;
  const nameOf = (flagBits(flags) & Flag.CHECKTEMPLATEVERIFY) === 0 ? opcodeName : opcodeNameUnderTemplates;
  const words: string[] = [];
  const reader = new ScriptReader(script);
  for (let start = 0; start < script.length; start = reader.position) {
    if (!reader.next()) {
      words.push(`[error] ${shortHex(script.subarray(start), maximumDataSize)}`);
      break;
    }
    const isPush = reader.opcode <= Opcode.OP_PUSHDATA4 && reader.dataSize > 0;
    words.push(isPush ? shortHex(reader.data(), maximumDataSize) : nameOf(reader.opcode));
  }
  return words.join(' ');
}

function shortHex(bytes: Uint8Array, maximumSize: number): string {
  return bytes.length <= maximumSize ? toHex(bytes) : `${toHex(bytes.subarray(0, maximumSize))}…`;
}

/**
 * Builds a script from the words of {@link disassemble}: opcode names with or without `OP_`, hex to push, decimal
 * numbers of up to three digits signed or not.
 *
 * @throws {@link ScriptError} `SCRIPT_ASSEMBLY_INVALID`.
 *
 * @example
 * ```ts
 * import { disassemble, parseScript } from '@bitcoin-enterprise/script';
 *
 * disassemble(parseScript('2 CHECKSEQUENCEVERIFY DROP')); // => 'OP_2 OP_CHECKSEQUENCEVERIFY OP_DROP'
 * ```
 */
export function parseScript(text: string): Uint8Array {
  if (typeof text !== 'string') throw invalidArgument('text', 'a string', text);
  return assemble(text.split(/\s+/).filter(Boolean).map(parseWord));
}

function parseWord(word: string, position: number): ScriptPart {
  if (Object.hasOwn(Opcode, word)) return word as OpcodeName;
  if (Object.hasOwn(Opcode, `OP_${word}`) && !/^\d+$/.test(word)) return `OP_${word}` as OpcodeName;
  if (/^-?\d{1,3}$/.test(word)) return Number(word);
  if (/^(?:[0-9a-f]{2})+$/i.test(word)) return parseHex(word.toLowerCase());
  throw invalid(position, 'expected an opcode, hex of whole bytes, or a number of up to three digits');
}

function invalid(position: number, reason: string): ScriptError<'SCRIPT_ASSEMBLY_INVALID'> {
  return new ScriptError('SCRIPT_ASSEMBLY_INVALID', `${reason} at part ${position}`, { details: { position, reason } });
}
