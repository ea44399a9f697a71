import { witnessProgramOf } from './interpreter/witness.ts';
import { hasPublicKeyLength } from './interpreter/encoding.ts';
import { requireBytes } from './errors.ts';
import { Opcode } from './opcodes.ts';
import { ScriptReader } from './script-reader.ts';

/** What kind of output a scriptPubKey makes, in the words of Bitcoin Core's RPC. */
export type OutputType =
  | 'pubkey'
  | 'pubkeyhash'
  | 'scripthash'
  | 'multisig'
  | 'nulldata'
  | 'witness_v0_keyhash'
  | 'witness_v0_scripthash'
  | 'witness_v1_taproot'
  | 'anchor'
  | 'witness_unknown'
  | 'nonstandard';

/**
 * Tells the kind of an output (Core's Solver).
 *
 * @example
 * ```ts
 * import { outputTypeOf, parseScript } from '@bitcoin-enterprise/script';
 *
 * outputTypeOf(parseScript('1 4e73')); // => 'anchor'
 * ```
 */
export function outputTypeOf(script: Uint8Array): OutputType {
  requireBytes(script, 'script');
  if (isPayToScriptHash(script)) return 'scripthash';
  const witness = witnessProgramOf(script);
  if (witness !== undefined) return witnessType(witness.version, witness.program);
  if (script[0] === Opcode.OP_RETURN && isPushOnly(script.subarray(1))) return 'nulldata';
  if (isPayToPublicKey(script)) return 'pubkey';
  if (isPayToPublicKeyHash(script)) return 'pubkeyhash';
  return multisigOf(script) === undefined ? 'nonstandard' : 'multisig';
}

function witnessType(version: number, program: Uint8Array): OutputType {
  if (version === 0)
    return program.length === 20
      ? 'witness_v0_keyhash'
      : program.length === 32
        ? 'witness_v0_scripthash'
        : 'nonstandard';
  if (version === 1 && program.length === 32) return 'witness_v1_taproot';
  if (version === 1 && program.length === 2 && program[0] === 0x4e && program[1] === 0x73) return 'anchor';
  return 'witness_unknown';
}

/** Whether a script is `HASH160 <20 bytes> EQUAL` (BIP16). */
export function isPayToScriptHash(script: Uint8Array): boolean {
  requireBytes(script, 'script');
  return script.length === 23 && script[0] === Opcode.OP_HASH160 && script[1] === 20 && script[22] === Opcode.OP_EQUAL;
}

/** Whether a script only pushes; OP_RESERVED counts as a push here (Core's IsPushOnly). */
export function isPushOnly(script: Uint8Array): boolean {
  const reader = new ScriptReader(script);
  while (reader.position < script.length) if (!reader.next() || reader.opcode > Opcode.OP_16) return false;
  return true;
}

function isPayToPublicKey(script: Uint8Array): boolean {
  const size = script.length - 2;
  return (
    (size === 33 || size === 65) &&
    script[0] === size &&
    script[size + 1] === Opcode.OP_CHECKSIG &&
    hasPublicKeyLength(script.subarray(1, size + 1))
  );
}

function isPayToPublicKeyHash(script: Uint8Array): boolean {
  return (
    script.length === 25 &&
    script[0] === Opcode.OP_DUP &&
    script[1] === Opcode.OP_HASH160 &&
    script[2] === 20 &&
    script[23] === Opcode.OP_EQUALVERIFY &&
    script[24] === Opcode.OP_CHECKSIG
  );
}

/** Threshold and number of keys of a bare multisig, if a script is one. */
export function multisigOf(script: Uint8Array): { readonly required: number; readonly keys: number } | undefined {
  if (script[script.length - 1] !== Opcode.OP_CHECKMULTISIG) return undefined;
  const reader = new ScriptReader(script);
  const required = reader.next() ? smallNumber(reader) : undefined;
  let keys = 0;
  while (reader.next() && reader.opcode <= Opcode.OP_PUSHDATA4 && hasPublicKeyLength(reader.data())) keys++;
  const declared = smallNumber(reader);
  const complete = reader.position === script.length - 1;
  if (required === undefined || declared !== keys || !complete || required < 1 || required > keys) return undefined;
  return { required, keys };
}

/** 1 to 16 from their opcodes, 17 to 20 from a push of one byte. */
function smallNumber(reader: ScriptReader): number | undefined {
  if (reader.opcode >= Opcode.OP_1 && reader.opcode <= Opcode.OP_16) return reader.opcode - Opcode.OP_1 + 1;
  const value = reader.opcode === 1 && reader.dataSize === 1 ? reader.script[reader.dataStart] : undefined;
  return value !== undefined && value > 16 && value <= 20 ? value : undefined;
}
