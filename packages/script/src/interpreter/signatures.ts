import type { ScriptErrorName } from './script-error-name.ts';
import { Flag } from './flags.ts';
import { checkPublicKeyEncoding, checkSignatureEncoding, hasPublicKeyLength, parseLaxDer } from './encoding.ts';
import { type InputContext, SigVersion, type SigVersionValue } from './input-context.ts';
import { legacySighash } from '../sighash/legacy.ts';
import { witnessV0Sighash } from '../sighash/witness-v0.ts';
import { taprootSighash } from '../sighash/taproot.ts';
import { ScriptReader } from '../script-reader.ts';
import { Opcode } from '../opcodes.ts';
import type { SpentOutput } from '../model.ts';

/** Budget that one executed signature check uses up (BIP342), weight units. */
const VALIDATION_WEIGHT_PER_CHECK = 50;

/**
 * What the signatures of a script sign of it, with the hashes made so far: the checks of one script mostly share them,
 * and a hash of a legacy input covers the whole transaction.
 */
export class ScriptCode {
  readonly bytes: Uint8Array;
  readonly #hashes = new Map<number, Uint8Array>();

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** The hash for a sighash byte, computed at most once. */
  hash(hashType: number, compute: () => Uint8Array): Uint8Array {
    let hash = this.#hashes.get(hashType);
    if (hash === undefined) this.#hashes.set(hashType, (hash = compute()));
    return hash;
  }
}

/** Result of a signature opcode: what it leaves on the stack, or why the script fails. */
export type SignatureResult = boolean | ScriptErrorName;

/** OP_CHECKSIG before tapscript. */
export function checkEcdsaSignature(
  context: InputContext,
  signature: Uint8Array,
  key: Uint8Array,
  code: ScriptCode,
  version: SigVersionValue,
): SignatureResult {
  const signed = version === SigVersion.BASE ? withoutSignature(code, signature, context.flags) : code;
  if (signed === 'SIG_FINDANDDELETE') return signed;
  const malformed = checkEncodings(context, signature, key, version);
  if (malformed !== undefined) return malformed;
  const valid = verifyEcdsa(context, signature, key, signed, version);
  if (!valid && (context.flags & Flag.NULLFAIL) !== 0 && signature.length > 0) return 'NULLFAIL';
  return valid;
}

/** Refuses what the flags forbid about the form of a signature, then of a key. */
export function checkEncodings(
  context: InputContext,
  signature: Uint8Array,
  key: Uint8Array,
  version: SigVersionValue,
): ScriptErrorName | undefined {
  return (
    checkSignatureEncoding(signature, context.flags) ??
    checkPublicKeyEncoding(key, context.flags, version === SigVersion.WITNESS_V0)
  );
}

/** Whether an ECDSA signature with its sighash byte holds; forms are checked before, or do not matter. */
export function verifyEcdsa(
  context: InputContext,
  signature: Uint8Array,
  key: Uint8Array,
  code: ScriptCode,
  version: SigVersionValue,
): boolean {
  if (signature.length === 0 || !hasPublicKeyLength(key)) return false;
  const hashType = signature[signature.length - 1] as number;
  const compact = parseLaxDer(signature.subarray(0, -1));
  if (compact === undefined || !context.crypto.isPublicKey(key)) return false;
  const hash = code.hash(hashType, () => ecdsaSighash(context, code.bytes, hashType, version));
  return context.crypto.ecdsaVerify(compact, hash, key);
}

function ecdsaSighash(
  context: InputContext,
  scriptCode: Uint8Array,
  hashType: number,
  version: SigVersionValue,
): Uint8Array {
  const { tx, inputIndex, crypto, sighash } = context;
  if (version === SigVersion.BASE) return legacySighash(tx, inputIndex, scriptCode, hashType, crypto);
  const { value } = sighash.spentOutputs[inputIndex] as SpentOutput;
  return witnessV0Sighash(sighash, inputIndex, scriptCode, value, hashType);
}

/** OP_CHECKSIG and OP_CHECKSIGADD of tapscript (BIP342), in the order that consensus tests things. */
export function checkTapscriptSignature(
  context: InputContext,
  signature: Uint8Array,
  key: Uint8Array,
): SignatureResult {
  const present = signature.length > 0;
  if (present) {
    context.validationWeightLeft -= VALIDATION_WEIGHT_PER_CHECK;
    if (context.validationWeightLeft < 0) return 'TAPSCRIPT_VALIDATION_WEIGHT';
  }
  if (key.length === 0) return 'TAPSCRIPT_EMPTY_PUBKEY';
  if (key.length !== 32)
    return (context.flags & Flag.DISCOURAGE_UPGRADABLE_PUBKEYTYPE) !== 0 ? 'DISCOURAGE_UPGRADABLE_PUBKEYTYPE' : present;
  return present ? (checkSchnorrSignature(context, signature, key) ?? true) : false;
}

/** A Schnorr signature with its optional sighash byte (BIP341); `undefined` when it holds or is put off. */
export function checkSchnorrSignature(
  context: InputContext,
  signature: Uint8Array,
  key: Uint8Array,
): ScriptErrorName | undefined {
  if (signature.length !== 64 && signature.length !== 65) return 'SCHNORR_SIG_SIZE';
  const hashType = signature.length === 65 ? (signature[64] as number) : 0;
  if (signature.length === 65 && hashType === 0) return 'SCHNORR_SIG_HASHTYPE';
  const message = taprootSighash(context.sighash, context.inputIndex, hashType, context.annexHash, context.leaf);
  if (message === undefined) return 'SCHNORR_SIG_HASHTYPE';
  const proof = signature.length === 64 ? signature : signature.subarray(0, 64);
  if (context.batch !== undefined) {
    context.batch.add({ kind: 'schnorr', signature: proof, message, xOnlyPublicKey: key }, context.batchOwner);
    return undefined;
  }
  return context.crypto.schnorrVerify(proof, message, key) ? undefined : 'SCHNORR_SIG';
}

/**
 * The scriptCode without the signature that signs it (legacy scripts only, consensus since the beginning), or the error
 * where CONST_SCRIPTCODE forbids that it occurs there.
 */
export function withoutSignature(
  code: ScriptCode,
  signature: Uint8Array,
  flags: number,
): ScriptCode | 'SIG_FINDANDDELETE' {
  const remaining = findAndDelete(code.bytes, pushOf(signature));
  if (remaining === code.bytes) return code;
  return (flags & Flag.CONST_SCRIPTCODE) === 0 ? new ScriptCode(remaining) : 'SIG_FINDANDDELETE';
}

/** A push of data as scripts serialise it, without regard to the small-number opcodes. */
function pushOf(data: Uint8Array): Uint8Array {
  const { length } = data;
  const head =
    length < Opcode.OP_PUSHDATA1
      ? [length]
      : length <= 0xff
        ? [Opcode.OP_PUSHDATA1, length]
        : [Opcode.OP_PUSHDATA2, length & 0xff, length >> 8];
  const push = new Uint8Array(head.length + length);
  push.set(head);
  push.set(data, head.length);
  return push;
}

/** Removes every occurrence of `pattern` that starts at an opcode; the same array when there is none. */
function findAndDelete(script: Uint8Array, pattern: Uint8Array): Uint8Array {
  const reader = new ScriptReader(script);
  const kept: Uint8Array[] = [];
  let from = 0;
  let found = false;
  do {
    kept.push(script.subarray(from, reader.position));
    while (startsWith(script, reader.position, pattern)) {
      reader.position += pattern.length;
      found = true;
    }
    from = reader.position;
  } while (reader.next());
  if (!found) return script;
  kept.push(script.subarray(from));
  const result = new Uint8Array(kept.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of kept) {
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}

function startsWith(script: Uint8Array, offset: number, pattern: Uint8Array): boolean {
  if (script.length - offset < pattern.length) return false;
  for (let i = 0; i < pattern.length; i++) if (script[offset + i] !== pattern[i]) return false;
  return true;
}
