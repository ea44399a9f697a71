import { requireBytes } from '../errors.ts';
import { Opcode, isOpSuccess } from '../opcodes.ts';
import { ScriptReader } from '../script-reader.ts';
import { NO_CODE_SEPARATOR, annexHashOf } from '../sighash/taproot.ts';
import {
  CONTROL_BASE_SIZE,
  CONTROL_MAXIMUM_SIZE,
  CONTROL_NODE_SIZE,
  TAPSCRIPT_LEAF_VERSION,
  tapLeafHash,
  tapTweakHash,
  taprootMerkleRoot,
} from '../taproot/commitment.ts';
import { evaluate } from './evaluate.ts';
import { Flag } from './flags.ts';
import { type InputContext, SigVersion, type SigVersionValue } from './input-context.ts';
import { isTrue } from './number.ts';
import type { ScriptErrorName } from './script-error-name.ts';
import { checkSchnorrSignature } from './signatures.ts';

const ANNEX_TAG = 0x50;
const MAX_ELEMENT_SIZE = 520;
const MAX_STACK_SIZE = 1_000;
/** What BIP342 grants besides the size of the witness. */
const VALIDATION_WEIGHT_OFFSET = 50;

/** A witness program: version and 2 to 40 bytes (BIP141). */
export interface WitnessProgram {
  /** 0 to 16. */
  readonly version: number;
  readonly program: Uint8Array;
}

/** The witness program that a script is, if it is one (BIP141). */
export function witnessProgramOf(script: Uint8Array): WitnessProgram | undefined {
  requireBytes(script, 'script');
  const first = script[0];
  if (script.length < 4 || script.length > 42 || first === undefined || script[1] !== script.length - 2)
    return undefined;
  if (first !== 0 && (first < Opcode.OP_1 || first > Opcode.OP_16)) return undefined;
  return { version: first === 0 ? 0 : first - Opcode.OP_1 + 1, program: script.subarray(2) };
}

/** Runs what a witness program demands of a witness (Core's VerifyWitnessProgram). */
export function verifyWitnessProgram(
  context: InputContext,
  witness: readonly Uint8Array[],
  { version, program }: WitnessProgram,
  insideP2sh: boolean,
): ScriptErrorName | undefined {
  if (version === 0) return verifyWitnessV0(context, witness, program);
  if (version === 1 && program.length === 32 && !insideP2sh)
    return (context.flags & Flag.TAPROOT) === 0 ? undefined : verifyTaproot(context, witness, program);
  if (!insideP2sh && isPayToAnchor(version, program)) return undefined;
  return (context.flags & Flag.DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM) === 0
    ? undefined
    : 'DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM';
}

/** Whether a program is pay-to-anchor: version 1 with the bytes 4e73, spendable by anyone (BIP433). */
function isPayToAnchor(version: number, program: Uint8Array): boolean {
  return version === 1 && program.length === 2 && program[0] === 0x4e && program[1] === 0x73;
}

function verifyWitnessV0(
  context: InputContext,
  witness: readonly Uint8Array[],
  program: Uint8Array,
): ScriptErrorName | undefined {
  if (program.length === 20) {
    if (witness.length !== 2) return 'WITNESS_PROGRAM_MISMATCH';
    return runWitnessScript(context, witness.slice(), keyHashScript(program), SigVersion.WITNESS_V0);
  }
  if (program.length !== 32) return 'WITNESS_PROGRAM_WRONG_LENGTH';
  const script = witness.at(-1);
  if (script === undefined) return 'WITNESS_PROGRAM_WITNESS_EMPTY';
  if (!isSame(context.crypto.sha256(script), program)) return 'WITNESS_PROGRAM_MISMATCH';
  return runWitnessScript(context, witness.slice(0, -1), script, SigVersion.WITNESS_V0);
}

/** `DUP HASH160 <hash> EQUALVERIFY CHECKSIG`: what a 20-byte program stands for (BIP141). */
function keyHashScript(hash: Uint8Array): Uint8Array {
  const script = new Uint8Array(25);
  script.set([Opcode.OP_DUP, Opcode.OP_HASH160, 20]);
  script.set(hash, 3);
  script.set([Opcode.OP_EQUALVERIFY, Opcode.OP_CHECKSIG], 23);
  return script;
}

function verifyTaproot(
  context: InputContext,
  witness: readonly Uint8Array[],
  outputKey: Uint8Array,
): ScriptErrorName | undefined {
  const stack = witness.slice();
  const last = stack.at(-1);
  if (last === undefined) return 'WITNESS_PROGRAM_WITNESS_EMPTY';
  if (stack.length >= 2 && last[0] === ANNEX_TAG) {
    context.annexHash = annexHashOf(last, context.crypto);
    stack.pop();
  }
  if (stack.length === 1) return checkSchnorrSignature(context, stack[0] as Uint8Array, outputKey);

  const control = stack.pop() as Uint8Array;
  const script = stack.pop() as Uint8Array;
  if (!hasControlBlockSize(control)) return 'TAPROOT_WRONG_CONTROL_SIZE';
  const leafVersion = (control[0] as number) & 0xfe;
  const leafHash = tapLeafHash(script, { leafVersion, crypto: context.crypto });
  if (!isCommitted(context, control, leafHash, outputKey)) return 'WITNESS_PROGRAM_MISMATCH';
  if (leafVersion === TAPSCRIPT_LEAF_VERSION) {
    context.leaf = { leafHash, codeSeparatorPosition: NO_CODE_SEPARATOR };
    context.validationWeightLeft = context.tx.witnessSize(context.inputIndex) + VALIDATION_WEIGHT_OFFSET;
    return runTapscript(context, stack, script);
  }
  return (context.flags & Flag.DISCOURAGE_UPGRADABLE_TAPROOT_VERSION) === 0
    ? undefined
    : 'DISCOURAGE_UPGRADABLE_TAPROOT_VERSION';
}

function hasControlBlockSize({ length }: Uint8Array): boolean {
  return (
    length >= CONTROL_BASE_SIZE &&
    length <= CONTROL_MAXIMUM_SIZE &&
    (length - CONTROL_BASE_SIZE) % CONTROL_NODE_SIZE === 0
  );
}

/** Whether the output key commits to a leaf through a control block (BIP341); put off when there is a batch. */
function isCommitted(
  context: InputContext,
  control: Uint8Array,
  leafHash: Uint8Array,
  tweakedXOnly: Uint8Array,
): boolean {
  const { crypto, batch } = context;
  const internalXOnly = control.subarray(1, CONTROL_BASE_SIZE);
  const tweak = tapTweakHash(internalXOnly, taprootMerkleRoot(control, leafHash, crypto), crypto);
  const parity = (control[0] as number) & 1;
  if (batch === undefined) return crypto.xOnlyTweakAddCheck(tweakedXOnly, parity, internalXOnly, tweak);
  batch.add({ kind: 'tweak', tweakedXOnly, parity, internalXOnly, tweak }, context.batchOwner);
  return true;
}

/** Runs a tapscript; an OP_SUCCESSx anywhere in it makes it valid before any other rule is looked at (BIP342). */
function runTapscript(context: InputContext, stack: Uint8Array[], script: Uint8Array): ScriptErrorName | undefined {
  const reader = new ScriptReader(script);
  while (reader.position < script.length) {
    if (!reader.next()) return 'BAD_OPCODE';
    if (isOpSuccess(reader.opcode))
      return (context.flags & Flag.DISCOURAGE_OP_SUCCESS) === 0 ? undefined : 'DISCOURAGE_OP_SUCCESS';
  }
  if (stack.length > MAX_STACK_SIZE) return 'STACK_SIZE';
  return runWitnessScript(context, stack, script, SigVersion.TAPSCRIPT);
}

function runWitnessScript(
  context: InputContext,
  stack: Uint8Array[],
  script: Uint8Array,
  version: SigVersionValue,
): ScriptErrorName | undefined {
  for (const element of stack) if (element.length > MAX_ELEMENT_SIZE) return 'PUSH_SIZE';
  const phase = version === SigVersion.TAPSCRIPT ? 'tapscript' : 'witnessScript';
  const error = evaluate(stack, script, context, version, phase);
  if (error !== undefined) return error;
  if (stack.length !== 1) return 'CLEANSTACK';
  return isTrue(stack[0] as Uint8Array) ? undefined : 'EVAL_FALSE';
}

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
