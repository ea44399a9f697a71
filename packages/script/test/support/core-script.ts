import { concatBytes, parseHex } from '@bitcoin-enterprise/core';
import { Opcode, assemble } from '@bitcoin-enterprise/script';

/**
 * Reads the script language of Bitcoin Core's test data: decimal numbers, raw bytes as `0x…`, `'text'` pushes, and
 * opcode names with or without `OP_`.
 */
export function parseCoreScript(text: string): Uint8Array {
  const words = text.split(/[ \t\n]+/).filter((word) => word !== '');
  return concatBytes(...words.map(parseWord));
}

function parseWord(word: string): Uint8Array {
  if (/^-?\d+$/.test(word)) return pushNumber(Number(word));
  if (/^0x[0-9a-fA-F]+$/.test(word)) return parseHex(word.slice(2).toLowerCase());
  if (/^'.*'$/.test(word)) return pushBytes(new TextEncoder().encode(word.slice(1, -1)));
  const name = word.startsWith('OP_') ? word : `OP_${word}`;
  const aliases: Record<string, keyof typeof Opcode> = {
    OP_FALSE: 'OP_0',
    OP_TRUE: 'OP_1',
    OP_NOP2: 'OP_CHECKLOCKTIMEVERIFY',
    OP_NOP3: 'OP_CHECKSEQUENCEVERIFY',
  };
  const opcode = Opcode[(aliases[name] ?? name) as keyof typeof Opcode];
  if (opcode === undefined) throw new Error(`unknown word in test data: ${word}`);
  return Uint8Array.of(opcode);
}

/** Core pushes numbers and text of its test data without regard to the one-byte opcodes, except for numbers -1 to 16. */
function pushNumber(value: number): Uint8Array {
  return assemble([value]);
}

function pushBytes(data: Uint8Array): Uint8Array {
  const { length } = data;
  if (length < Opcode.OP_PUSHDATA1) return concatBytes(Uint8Array.of(length), data);
  if (length <= 0xff) return concatBytes(Uint8Array.of(Opcode.OP_PUSHDATA1, length), data);
  return concatBytes(Uint8Array.of(Opcode.OP_PUSHDATA2, length & 0xff, length >> 8), data);
}
