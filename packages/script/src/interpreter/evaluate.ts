import { Opcode, opcodeName, opcodeNameUnderTemplates } from '../opcodes.ts';
import { ScriptReader } from '../script-reader.ts';
import { checkTemplateHashOf } from '../sighash/check-template.ts';
import { NO_CODE_SEPARATOR } from '../sighash/taproot.ts';
import { ConditionStack } from './condition-stack.ts';
import { Flag } from './flags.ts';
import { type InputContext, SigVersion, type SigVersionValue } from './input-context.ts';
import { isLockTimeReached, isSequenceDemandDisabled, isSequenceReached } from './locktime.ts';
import { EMPTY, slice } from '../codec/scanner.ts';
import { TRUE, decodeScriptNumber, encodeScriptNumber, isTrue } from './number.ts';
import type { ScriptErrorName } from './script-error-name.ts';
import {
  ScriptCode,
  type SignatureResult,
  checkEcdsaSignature,
  checkEncodings,
  checkTapscriptSignature,
  verifyEcdsa,
  withoutSignature,
} from './signatures.ts';
import type { ScriptPhase } from './trace-step.ts';

const MAX_SCRIPT_SIZE = 10_000;
const MAX_OPS_PER_SCRIPT = 201;
const MAX_ELEMENT_SIZE = 520;
const MAX_STACK_SIZE = 1_000;
const MAX_KEYS_PER_MULTISIG = 20;
const LOCKTIME_NUMBER_SIZE = 5;
const NUMBER_SIZE = 4;
const TEMPLATE_HASH_SIZE = 32;

/** A script that runs: its stacks and what its opcodes share. */
interface Machine {
  readonly context: InputContext;
  readonly version: SigVersionValue;
  readonly script: Uint8Array;
  readonly stack: Uint8Array[];
  readonly altStack: Uint8Array[];
  readonly minimal: boolean;
  /** Offset behind the last executed OP_CODESEPARATOR. */
  codeStart: number;
  /** The script behind that offset, and the hashes made of it. */
  code: ScriptCode | undefined;
  opCount: number;
}

/**
 * Runs one script on a stack (Core's EvalScript).
 *
 * @returns Why it fails, or `undefined` when it ran to its end; the stack is then the result.
 */
export function evaluate(
  stack: Uint8Array[],
  script: Uint8Array,
  context: InputContext,
  version: SigVersionValue,
  phase: ScriptPhase,
): ScriptErrorName | undefined {
  const legacyLimits = version === SigVersion.BASE || version === SigVersion.WITNESS_V0;
  if (legacyLimits && script.length > MAX_SCRIPT_SIZE) return 'SCRIPT_SIZE';
  const { flags, onStep } = context;
  const minimal = (flags & Flag.MINIMALDATA) !== 0;
  // What an observer gets is a copy: stack elements are shared with the transaction and with other runs.
  const shownScript = onStep === undefined ? script : new Uint8Array(script);
  const altStack: Uint8Array[] = [];
  const machine: Machine = {
    context,
    version,
    script,
    stack,
    altStack,
    minimal,
    codeStart: 0,
    code: undefined,
    opCount: 0,
  };
  const conditions = new ConditionStack();
  const reader = new ScriptReader(script);
  if (context.leaf !== undefined) context.leaf.codeSeparatorPosition = NO_CODE_SEPARATOR;

  for (let opcodePosition = 0; reader.position < script.length; opcodePosition++) {
    const offset = reader.position;
    const executed = conditions.allTrue;
    if (!reader.next()) return 'BAD_OPCODE';
    const { opcode } = reader;
    if (onStep !== undefined)
      onStep({
        phase,
        script: shownScript,
        offset,
        opcodePosition,
        opcode,
        name: (flags & Flag.CHECKTEMPLATEVERIFY) === 0 ? opcodeName(opcode) : opcodeNameUnderTemplates(opcode),
        data: opcode <= Opcode.OP_PUSHDATA4 ? new Uint8Array(reader.data()) : undefined,
        stack: stack.map((item) => new Uint8Array(item)),
        altStack: altStack.map((item) => new Uint8Array(item)),
        executed: executed || (opcode >= Opcode.OP_IF && opcode <= Opcode.OP_ENDIF),
        conditionDepth: conditions.depth,
        validationWeightLeft: version === SigVersion.TAPSCRIPT ? context.validationWeightLeft : undefined,
      });
    if (opcode <= Opcode.OP_PUSHDATA4) {
      if (reader.dataSize > MAX_ELEMENT_SIZE) return 'PUSH_SIZE';
      if (executed) {
        if (minimal && !isMinimalPush(reader)) return 'MINIMALDATA';
        stack.push(reader.data());
      }
    } else {
      if (legacyLimits && opcode > Opcode.OP_16 && ++machine.opCount > MAX_OPS_PER_SCRIPT) return 'OP_COUNT';
      if (isDisabled(opcode)) return 'DISABLED_OPCODE';
      if (opcode === Opcode.OP_CODESEPARATOR && version === SigVersion.BASE && (flags & Flag.CONST_SCRIPTCODE) !== 0)
        return 'OP_CODESEPARATOR';
      let error: ScriptErrorName | undefined;
      if (opcode >= Opcode.OP_IF && opcode <= Opcode.OP_ENDIF) error = conditional(machine, conditions, opcode);
      else if (executed) {
        if (opcode === Opcode.OP_CODESEPARATOR) {
          machine.codeStart = reader.position;
          machine.code = undefined;
          if (context.leaf !== undefined) context.leaf.codeSeparatorPosition = opcodePosition;
        } else error = opcode < Opcode.OP_RIPEMD160 ? runPlain(machine, opcode) : runCrypto(machine, opcode);
      }
      if (error !== undefined) return error;
    }
    if (stack.length + altStack.length > MAX_STACK_SIZE) return 'STACK_SIZE';
  }
  return conditions.depth === 0 ? undefined : 'UNBALANCED_CONDITIONAL';
}

/** The opcodes disabled in 2010; they fail a script even in a branch not taken. */
function isDisabled(opcode: number): boolean {
  switch (opcode) {
    case Opcode.OP_CAT:
    case Opcode.OP_SUBSTR:
    case Opcode.OP_LEFT:
    case Opcode.OP_RIGHT:
    case Opcode.OP_INVERT:
    case Opcode.OP_AND:
    case Opcode.OP_OR:
    case Opcode.OP_XOR:
    case Opcode.OP_2MUL:
    case Opcode.OP_2DIV:
    case Opcode.OP_MUL:
    case Opcode.OP_DIV:
    case Opcode.OP_MOD:
    case Opcode.OP_LSHIFT:
    case Opcode.OP_RSHIFT:
      return true;
    default:
      return false;
  }
}

/** Whether a push uses the shortest opcode for its data (BIP62 rule 3). */
function isMinimalPush(reader: ScriptReader): boolean {
  const { opcode, dataSize } = reader;
  if (dataSize === 0) return opcode === Opcode.OP_0;
  if (dataSize === 1) {
    const value = reader.script[reader.dataStart] as number;
    return !((value >= 1 && value <= 16) || value === 0x81) && opcode === 1;
  }
  if (dataSize < Opcode.OP_PUSHDATA1) return opcode === dataSize;
  if (dataSize <= 0xff) return opcode === Opcode.OP_PUSHDATA1;
  return dataSize > 0xffff || opcode === Opcode.OP_PUSHDATA2;
}

function conditional(machine: Machine, conditions: ConditionStack, opcode: number): ScriptErrorName | undefined {
  switch (opcode) {
    case Opcode.OP_IF:
    case Opcode.OP_NOTIF: {
      if (!conditions.allTrue) {
        conditions.push(false);
        return undefined;
      }
      const value = machine.stack.at(-1);
      if (value === undefined) return 'INVALID_STACK_OPERATION';
      const minimal = value.length === 0 || (value.length === 1 && value[0] === 1);
      if (!minimal && machine.version === SigVersion.TAPSCRIPT) return 'TAPSCRIPT_MINIMALIF';
      if (!minimal && machine.version === SigVersion.WITNESS_V0 && (machine.context.flags & Flag.MINIMALIF) !== 0)
        return 'MINIMALIF';
      machine.stack.pop();
      conditions.push(isTrue(value) === (opcode === Opcode.OP_IF));
      return undefined;
    }
    case Opcode.OP_ELSE:
      if (conditions.depth === 0) return 'UNBALANCED_CONDITIONAL';
      conditions.toggle();
      return undefined;
    case Opcode.OP_ENDIF:
      if (conditions.depth === 0) return 'UNBALANCED_CONDITIONAL';
      conditions.pop();
      return undefined;
    default:
      return 'BAD_OPCODE'; // OP_VERIF and OP_VERNOTIF fail even in a branch not taken
  }
}

/** Small numbers, flow, stack, comparison and arithmetic: everything that needs no hash and no transaction. */
function runPlain(machine: Machine, opcode: number): ScriptErrorName | undefined {
  const { stack, altStack } = machine;
  const depth = stack.length;
  switch (opcode) {
    case Opcode.OP_1NEGATE:
    case Opcode.OP_1:
    case Opcode.OP_2:
    case Opcode.OP_3:
    case Opcode.OP_4:
    case Opcode.OP_5:
    case Opcode.OP_6:
    case Opcode.OP_7:
    case Opcode.OP_8:
    case Opcode.OP_9:
    case Opcode.OP_10:
    case Opcode.OP_11:
    case Opcode.OP_12:
    case Opcode.OP_13:
    case Opcode.OP_14:
    case Opcode.OP_15:
    case Opcode.OP_16:
      stack.push(encodeScriptNumber(opcode - (Opcode.OP_1 - 1)));
      return undefined;

    case Opcode.OP_NOP:
      return undefined;

    case Opcode.OP_VERIFY:
      if (depth < 1) return 'INVALID_STACK_OPERATION';
      return isTrue(stack.pop() as Uint8Array) ? undefined : 'VERIFY';

    case Opcode.OP_RETURN:
      return 'OP_RETURN';

    case Opcode.OP_TOALTSTACK:
      if (depth < 1) return 'INVALID_STACK_OPERATION';
      altStack.push(stack.pop() as Uint8Array);
      return undefined;

    case Opcode.OP_FROMALTSTACK:
      if (altStack.length < 1) return 'INVALID_ALTSTACK_OPERATION';
      stack.push(altStack.pop() as Uint8Array);
      return undefined;

    case Opcode.OP_2DROP:
      if (depth < 2) return 'INVALID_STACK_OPERATION';
      stack.length = depth - 2;
      return undefined;

    case Opcode.OP_2DUP:
      if (depth < 2) return 'INVALID_STACK_OPERATION';
      stack.push(stack[depth - 2] as Uint8Array, stack[depth - 1] as Uint8Array);
      return undefined;

    case Opcode.OP_3DUP:
      if (depth < 3) return 'INVALID_STACK_OPERATION';
      stack.push(stack[depth - 3] as Uint8Array, stack[depth - 2] as Uint8Array, stack[depth - 1] as Uint8Array);
      return undefined;

    case Opcode.OP_2OVER:
      if (depth < 4) return 'INVALID_STACK_OPERATION';
      stack.push(stack[depth - 4] as Uint8Array, stack[depth - 3] as Uint8Array);
      return undefined;

    case Opcode.OP_2ROT:
      if (depth < 6) return 'INVALID_STACK_OPERATION';
      stack.push(...stack.splice(depth - 6, 2));
      return undefined;

    case Opcode.OP_2SWAP:
      if (depth < 4) return 'INVALID_STACK_OPERATION';
      stack.push(...stack.splice(depth - 4, 2));
      return undefined;

    case Opcode.OP_IFDUP:
      if (depth < 1) return 'INVALID_STACK_OPERATION';
      if (isTrue(stack[depth - 1] as Uint8Array)) stack.push(stack[depth - 1] as Uint8Array);
      return undefined;

    case Opcode.OP_DEPTH:
      stack.push(encodeScriptNumber(depth));
      return undefined;

    case Opcode.OP_DROP:
      if (depth < 1) return 'INVALID_STACK_OPERATION';
      stack.pop();
      return undefined;

    case Opcode.OP_DUP:
      if (depth < 1) return 'INVALID_STACK_OPERATION';
      stack.push(stack[depth - 1] as Uint8Array);
      return undefined;

    case Opcode.OP_NIP:
      if (depth < 2) return 'INVALID_STACK_OPERATION';
      stack[depth - 2] = stack.pop() as Uint8Array;
      return undefined;

    case Opcode.OP_OVER:
      if (depth < 2) return 'INVALID_STACK_OPERATION';
      stack.push(stack[depth - 2] as Uint8Array);
      return undefined;

    case Opcode.OP_PICK:
    case Opcode.OP_ROLL: {
      if (depth < 2) return 'INVALID_STACK_OPERATION';
      const index = decodeScriptNumber(stack[depth - 1] as Uint8Array, machine.minimal, NUMBER_SIZE);
      if (index === undefined) return 'SCRIPTNUM';
      stack.pop();
      if (index < 0 || index >= stack.length) return 'INVALID_STACK_OPERATION';
      const at = stack.length - 1 - index;
      stack.push(opcode === Opcode.OP_PICK ? (stack[at] as Uint8Array) : (stack.splice(at, 1)[0] as Uint8Array));
      return undefined;
    }

    case Opcode.OP_ROT:
      if (depth < 3) return 'INVALID_STACK_OPERATION';
      stack.push(stack.splice(depth - 3, 1)[0] as Uint8Array);
      return undefined;

    case Opcode.OP_SWAP:
      if (depth < 2) return 'INVALID_STACK_OPERATION';
      stack.push(stack.splice(depth - 2, 1)[0] as Uint8Array);
      return undefined;

    case Opcode.OP_TUCK:
      if (depth < 2) return 'INVALID_STACK_OPERATION';
      stack.splice(depth - 2, 0, stack[depth - 1] as Uint8Array);
      return undefined;

    case Opcode.OP_SIZE:
      if (depth < 1) return 'INVALID_STACK_OPERATION';
      stack.push(encodeScriptNumber((stack[depth - 1] as Uint8Array).length));
      return undefined;

    case Opcode.OP_EQUAL:
    case Opcode.OP_EQUALVERIFY: {
      if (depth < 2) return 'INVALID_STACK_OPERATION';
      const equal = isEqual(stack[depth - 2] as Uint8Array, stack[depth - 1] as Uint8Array);
      stack.length = depth - 2;
      if (opcode === Opcode.OP_EQUALVERIFY) return equal ? undefined : 'EQUALVERIFY';
      stack.push(equal ? TRUE : EMPTY);
      return undefined;
    }

    case Opcode.OP_1ADD:
    case Opcode.OP_1SUB:
    case Opcode.OP_NEGATE:
    case Opcode.OP_ABS:
    case Opcode.OP_NOT:
    case Opcode.OP_0NOTEQUAL: {
      if (depth < 1) return 'INVALID_STACK_OPERATION';
      const value = decodeScriptNumber(stack[depth - 1] as Uint8Array, machine.minimal, NUMBER_SIZE);
      if (value === undefined) return 'SCRIPTNUM';
      stack[depth - 1] = encodeScriptNumber(unary(opcode, value));
      return undefined;
    }

    case Opcode.OP_WITHIN: {
      if (depth < 3) return 'INVALID_STACK_OPERATION';
      const value = decodeScriptNumber(stack[depth - 3] as Uint8Array, machine.minimal, NUMBER_SIZE);
      const minimum = decodeScriptNumber(stack[depth - 2] as Uint8Array, machine.minimal, NUMBER_SIZE);
      const maximum = decodeScriptNumber(stack[depth - 1] as Uint8Array, machine.minimal, NUMBER_SIZE);
      if (value === undefined || minimum === undefined || maximum === undefined) return 'SCRIPTNUM';
      stack.length = depth - 3;
      stack.push(minimum <= value && value < maximum ? TRUE : EMPTY);
      return undefined;
    }

    case Opcode.OP_ADD:
    case Opcode.OP_SUB:
    case Opcode.OP_BOOLAND:
    case Opcode.OP_BOOLOR:
    case Opcode.OP_NUMEQUAL:
    case Opcode.OP_NUMEQUALVERIFY:
    case Opcode.OP_NUMNOTEQUAL:
    case Opcode.OP_LESSTHAN:
    case Opcode.OP_GREATERTHAN:
    case Opcode.OP_LESSTHANOREQUAL:
    case Opcode.OP_GREATERTHANOREQUAL:
    case Opcode.OP_MIN:
    case Opcode.OP_MAX: {
      if (depth < 2) return 'INVALID_STACK_OPERATION';
      const left = decodeScriptNumber(stack[depth - 2] as Uint8Array, machine.minimal, NUMBER_SIZE);
      const right = decodeScriptNumber(stack[depth - 1] as Uint8Array, machine.minimal, NUMBER_SIZE);
      if (left === undefined || right === undefined) return 'SCRIPTNUM';
      const result = binary(opcode, left, right);
      stack.length = depth - 2;
      if (opcode === Opcode.OP_NUMEQUALVERIFY) return result === 1 ? undefined : 'NUMEQUALVERIFY';
      stack.push(encodeScriptNumber(result));
      return undefined;
    }

    default:
      return 'BAD_OPCODE';
  }
}

function unary(opcode: number, value: number): number {
  switch (opcode) {
    case Opcode.OP_1ADD:
      return value + 1;
    case Opcode.OP_1SUB:
      return value - 1;
    case Opcode.OP_NEGATE:
      return value === 0 ? 0 : -value;
    case Opcode.OP_ABS:
      return Math.abs(value);
    case Opcode.OP_NOT:
      return value === 0 ? 1 : 0;
    default:
      return value === 0 ? 0 : 1; // OP_0NOTEQUAL
  }
}

function binary(opcode: number, left: number, right: number): number {
  switch (opcode) {
    case Opcode.OP_ADD:
      return left + right;
    case Opcode.OP_SUB:
      return left - right;
    case Opcode.OP_BOOLAND:
      return Number(left !== 0 && right !== 0);
    case Opcode.OP_BOOLOR:
      return Number(left !== 0 || right !== 0);
    case Opcode.OP_NUMNOTEQUAL:
      return Number(left !== right);
    case Opcode.OP_LESSTHAN:
      return Number(left < right);
    case Opcode.OP_GREATERTHAN:
      return Number(left > right);
    case Opcode.OP_LESSTHANOREQUAL:
      return Number(left <= right);
    case Opcode.OP_GREATERTHANOREQUAL:
      return Number(left >= right);
    case Opcode.OP_MIN:
      return Math.min(left, right);
    case Opcode.OP_MAX:
      return Math.max(left, right);
    default:
      return Number(left === right); // OP_NUMEQUAL, OP_NUMEQUALVERIFY
  }
}

/** Hashes, signatures and lock times. */
function runCrypto(machine: Machine, opcode: number): ScriptErrorName | undefined {
  const { stack, context } = machine;
  const { crypto, flags } = context;
  switch (opcode) {
    case Opcode.OP_RIPEMD160:
    case Opcode.OP_SHA1:
    case Opcode.OP_SHA256:
    case Opcode.OP_HASH160:
    case Opcode.OP_HASH256: {
      const data = stack.pop();
      if (data === undefined) return 'INVALID_STACK_OPERATION';
      stack.push(
        opcode === Opcode.OP_SHA256
          ? crypto.sha256(data)
          : opcode === Opcode.OP_HASH160
            ? crypto.hash160(data)
            : opcode === Opcode.OP_HASH256
              ? crypto.hash256(data)
              : opcode === Opcode.OP_SHA1
                ? crypto.sha1(data)
                : crypto.ripemd160(data),
      );
      return undefined;
    }

    case Opcode.OP_CHECKSIG:
    case Opcode.OP_CHECKSIGVERIFY: {
      if (stack.length < 2) return 'INVALID_STACK_OPERATION';
      const result = checkSignature(
        machine,
        stack[stack.length - 2] as Uint8Array,
        stack[stack.length - 1] as Uint8Array,
      );
      if (typeof result === 'string') return result;
      stack.length -= 2;
      if (opcode === Opcode.OP_CHECKSIGVERIFY) return result ? undefined : 'CHECKSIGVERIFY';
      stack.push(result ? TRUE : EMPTY);
      return undefined;
    }

    case Opcode.OP_CHECKSIGADD: {
      if (machine.version !== SigVersion.TAPSCRIPT) return 'BAD_OPCODE';
      if (stack.length < 3) return 'INVALID_STACK_OPERATION';
      const count = decodeScriptNumber(stack[stack.length - 2] as Uint8Array, machine.minimal, NUMBER_SIZE);
      if (count === undefined) return 'SCRIPTNUM';
      const result = checkSignature(
        machine,
        stack[stack.length - 3] as Uint8Array,
        stack[stack.length - 1] as Uint8Array,
      );
      if (typeof result === 'string') return result;
      stack.length -= 3;
      stack.push(encodeScriptNumber(count + (result ? 1 : 0)));
      return undefined;
    }

    case Opcode.OP_CHECKMULTISIG:
    case Opcode.OP_CHECKMULTISIGVERIFY: {
      if (machine.version === SigVersion.TAPSCRIPT) return 'TAPSCRIPT_CHECKMULTISIG';
      const result = checkMultisig(machine);
      if (typeof result === 'string') return result;
      if (opcode === Opcode.OP_CHECKMULTISIGVERIFY) return result ? undefined : 'CHECKMULTISIGVERIFY';
      stack.push(result ? TRUE : EMPTY);
      return undefined;
    }

    case Opcode.OP_CHECKLOCKTIMEVERIFY: {
      if ((flags & Flag.CHECKLOCKTIMEVERIFY) === 0) return undefined;
      if (stack.length < 1) return 'INVALID_STACK_OPERATION';
      // Five bytes, because four would end in 2038.
      const required = decodeScriptNumber(stack[stack.length - 1] as Uint8Array, machine.minimal, LOCKTIME_NUMBER_SIZE);
      if (required === undefined) return 'SCRIPTNUM';
      if (required < 0) return 'NEGATIVE_LOCKTIME';
      return isLockTimeReached(context, required) ? undefined : 'UNSATISFIED_LOCKTIME';
    }

    case Opcode.OP_CHECKSEQUENCEVERIFY: {
      if ((flags & Flag.CHECKSEQUENCEVERIFY) === 0) return undefined;
      if (stack.length < 1) return 'INVALID_STACK_OPERATION';
      const required = decodeScriptNumber(stack[stack.length - 1] as Uint8Array, machine.minimal, LOCKTIME_NUMBER_SIZE);
      if (required === undefined) return 'SCRIPTNUM';
      if (required < 0) return 'NEGATIVE_LOCKTIME';
      if (isSequenceDemandDisabled(required)) return undefined;
      return isSequenceReached(context, required) ? undefined : 'UNSATISFIED_LOCKTIME';
    }

    case Opcode.OP_CHECKTEMPLATEVERIFY: {
      if ((flags & Flag.CHECKTEMPLATEVERIFY) === 0) return discouragedNop(flags);
      if (stack.length < 1) return 'INVALID_STACK_OPERATION';
      const template = stack[stack.length - 1] as Uint8Array;
      // BIP119: arguments of other sizes are left for later soft forks.
      if (template.length !== TEMPLATE_HASH_SIZE) return discouragedNop(flags);
      return isEqual(template, checkTemplateHashOf(context.sighash, context.inputIndex))
        ? undefined
        : 'TEMPLATE_MISMATCH';
    }

    case Opcode.OP_NOP1:
    case Opcode.OP_NOP5:
    case Opcode.OP_NOP6:
    case Opcode.OP_NOP7:
    case Opcode.OP_NOP8:
    case Opcode.OP_NOP9:
    case Opcode.OP_NOP10:
      return discouragedNop(flags);

    default:
      return 'BAD_OPCODE';
  }
}

function discouragedNop(flags: number): ScriptErrorName | undefined {
  return (flags & Flag.DISCOURAGE_UPGRADABLE_NOPS) === 0 ? undefined : 'DISCOURAGE_UPGRADABLE_NOPS';
}

function checkSignature(machine: Machine, signature: Uint8Array, key: Uint8Array): SignatureResult {
  const { context, version } = machine;
  if (version === SigVersion.TAPSCRIPT) return checkTapscriptSignature(context, signature, key);
  return checkEcdsaSignature(context, signature, key, scriptCodeOf(machine), version);
}

/** What a signature of this script signs: the rest of it behind the last executed OP_CODESEPARATOR. */
function scriptCodeOf(machine: Machine): ScriptCode {
  return (machine.code ??= new ScriptCode(slice(machine.script, machine.codeStart, machine.script.length)));
}

/** OP_CHECKMULTISIG up to its result, which the caller pushes or tests; everything it used is off the stack then. */
function checkMultisig(machine: Machine): SignatureResult {
  const { stack, context, version, minimal } = machine;
  const fromTop = (depth: number): Uint8Array => stack[stack.length - depth] as Uint8Array;

  if (stack.length < 1) return 'INVALID_STACK_OPERATION';
  const keyCount = decodeScriptNumber(fromTop(1), minimal, NUMBER_SIZE);
  if (keyCount === undefined) return 'SCRIPTNUM';
  if (keyCount < 0 || keyCount > MAX_KEYS_PER_MULTISIG) return 'PUBKEY_COUNT';
  machine.opCount += keyCount;
  if (machine.opCount > MAX_OPS_PER_SCRIPT) return 'OP_COUNT';
  if (stack.length < keyCount + 2) return 'INVALID_STACK_OPERATION';
  const signatureCount = decodeScriptNumber(fromTop(keyCount + 2), minimal, NUMBER_SIZE);
  if (signatureCount === undefined) return 'SCRIPTNUM';
  if (signatureCount < 0 || signatureCount > keyCount) return 'SIG_COUNT';
  const firstSignature = keyCount + 3;
  // One element more than the signatures: the first implementation popped too many, and that became consensus.
  const used = firstSignature + signatureCount;
  if (stack.length < used) return 'INVALID_STACK_OPERATION';

  let code = scriptCodeOf(machine);
  if (version === SigVersion.BASE)
    for (let i = 0; i < signatureCount; i++) {
      const remaining = withoutSignature(code, fromTop(firstSignature + i), context.flags);
      if (remaining === 'SIG_FINDANDDELETE') return remaining;
      code = remaining;
    }

  let valid = true;
  let key = 0;
  let signature = 0;
  while (valid && signature < signatureCount) {
    const candidate = fromTop(firstSignature + signature);
    const publicKey = fromTop(2 + key);
    const malformed = checkEncodings(context, candidate, publicKey, version);
    if (malformed !== undefined) return malformed;
    if (verifyEcdsa(context, candidate, publicKey, code, version)) signature++;
    key++;
    valid = signatureCount - signature <= keyCount - key;
  }

  if (!valid && (context.flags & Flag.NULLFAIL) !== 0)
    for (let i = 0; i < signatureCount; i++) if (fromTop(firstSignature + i).length > 0) return 'NULLFAIL';
  if ((context.flags & Flag.NULLDUMMY) !== 0 && fromTop(used).length > 0) return 'SIG_NULLDUMMY';
  stack.length -= used;
  return valid;
}

function isEqual(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false;
  return true;
}
