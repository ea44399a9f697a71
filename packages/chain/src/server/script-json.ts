import { encodeAddress, hasCode, toHex } from '@bitcoin-enterprise/core';
import { Opcode, outputTypeOf, ScriptReader } from '@bitcoin-enterprise/script';
import { scriptAsm } from './asm.ts';
import { withChecksum } from './descriptor-checksum.ts';

/** The address of a script on regtest; `undefined` for one that has none. */
export function addressOf(scriptPubKey: Uint8Array): string | undefined {
  try {
    return encodeAddress(scriptPubKey, 'regtest');
  } catch (error) {
    if (hasCode(error, 'CORE_ADDRESS_NO_FORM')) return undefined;
    throw error;
  }
}

/** An output script as Core shows it. */
export function scriptPubKeyJson(script: Uint8Array, options: { readonly hex?: boolean } = {}): object {
  const address = addressOf(script);
  return {
    asm: scriptAsm(script),
    desc: inferredDescriptor(script),
    ...(options.hex === false ? {} : { hex: toHex(script) }),
    ...(address === undefined ? {} : { address }),
    type: outputTypeOf(script),
  };
}

/** The descriptor that Core infers for a script of which it knows no key. */
export function inferredDescriptor(script: Uint8Array): string {
  return withChecksum(descriptorFor(script));
}

function descriptorFor(script: Uint8Array): string {
  const type = outputTypeOf(script);
  if (type === 'pubkey') return `pk(${toHex(script.subarray(1, -1))})`;
  if (type === 'witness_v1_taproot') return `rawtr(${toHex(script.subarray(2))})`;
  if (type === 'multisig') return `multi(${multisigParts(script).join(',')})`;
  const address = addressOf(script);
  return address === undefined ? `raw(${toHex(script)})` : `addr(${address})`;
}

function multisigParts(script: Uint8Array): readonly string[] {
  const parts: string[] = [];
  const reader = new ScriptReader(script);
  while (reader.next() && reader.opcode !== Opcode.OP_CHECKMULTISIG)
    if (reader.opcode <= Opcode.OP_PUSHDATA4 && reader.dataSize > 1) parts.push(toHex(reader.data()));
    else if (parts.length === 0) parts.push(String(smallNumber(reader)));
  return parts;
}

function smallNumber(reader: ScriptReader): number {
  return reader.opcode >= Opcode.OP_1 ? reader.opcode - Opcode.OP_1 + 1 : (reader.data()[0] ?? 0);
}
