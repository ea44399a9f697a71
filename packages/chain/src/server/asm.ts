import { toHex } from '@bitcoin-enterprise/core';
import { Opcode, opcodeName, ScriptReader } from '@bitcoin-enterprise/script';

const HASH_TYPES: Readonly<Record<number, string>> = {
  0x01: '[ALL]',
  0x02: '[NONE]',
  0x03: '[SINGLE]',
  0x81: '[ALL|ANYONECANPAY]',
  0x82: '[NONE|ANYONECANPAY]',
  0x83: '[SINGLE|ANYONECANPAY]',
};

/**
 * A script in words as Core's RPC shows it.
 *
 * @param options.signatures - Whether what looks like a signature gets its hash type in words, as in a scriptSig.
 */
export function scriptAsm(script: Uint8Array, options: { readonly signatures?: boolean } = {}): string {
  const words: string[] = [];
  const reader = new ScriptReader(script);
  while (reader.position < script.length) {
    if (!reader.next()) {
      words.push('[error]');
      break;
    }
    words.push(wordFor(reader, options.signatures === true));
  }
  return words.join(' ');
}

function wordFor(reader: ScriptReader, signatures: boolean): string {
  const { opcode } = reader;
  if (opcode > Opcode.OP_PUSHDATA4) {
    if (opcode === Opcode.OP_1NEGATE) return '-1';
    if (opcode >= Opcode.OP_1 && opcode <= Opcode.OP_16) return String(opcode - Opcode.OP_1 + 1);
    return coreName(opcode);
  }
  const data = reader.data();
  if (data.length <= 4) return String(scriptNumber(data));
  const type = signatures ? HASH_TYPES[data.at(-1) as number] : undefined;
  return type !== undefined && looksLikeDer(data) ? `${toHex(data.subarray(0, -1))}${type}` : toHex(data);
}

function coreName(opcode: number): string {
  const name: string = opcodeName(opcode);
  return name.startsWith('OP_') && Object.hasOwn(Opcode, name) ? name : 'OP_UNKNOWN';
}

function scriptNumber(bytes: Uint8Array): number {
  let value = 0;
  for (const [i, byte] of bytes.entries()) value += (i === bytes.length - 1 ? byte & 0x7f : byte) * 256 ** i;
  return ((bytes.at(-1) ?? 0) & 0x80) === 0 ? value : -value;
}

/** Whether bytes are a DER signature with a hash type, by their frame. */
function looksLikeDer(data: Uint8Array): boolean {
  const lengthOfR = data[3] ?? 0;
  const lengthOfS = data[5 + lengthOfR];
  return (
    data.length >= 9 &&
    data.length <= 73 &&
    data[0] === 0x30 &&
    data[1] === data.length - 3 &&
    data[2] === 0x02 &&
    data[4 + lengthOfR] === 0x02 &&
    lengthOfS !== undefined &&
    lengthOfR + lengthOfS + 7 === data.length
  );
}
