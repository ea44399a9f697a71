import {
  checkTransaction,
  type ScriptErrorName,
  Opcode,
  outputTypeOf,
  type ScriptFlag,
  SighashType,
  type SpentOutput,
  type TraceStep,
  type TransactionView,
  verifyInput,
} from '@bitcoin-enterprise/script';

/** Consensus, and what BIP322 requires besides. */
const REQUIRED: readonly ScriptFlag[] = [
  'P2SH',
  'DERSIG',
  'NULLDUMMY',
  'CHECKLOCKTIMEVERIFY',
  'CHECKSEQUENCEVERIFY',
  'WITNESS',
  'TAPROOT',
  'CONST_SCRIPTCODE',
  'LOW_S',
  'STRICTENC',
  'NULLFAIL',
  'MINIMALDATA',
  'CLEANSTACK',
  'MINIMALIF',
];

/** What may get a meaning one day, so that nobody can tell today (BIP322, “upgradeable rules”; the last three BIP342). */
const UPGRADEABLE: readonly ScriptFlag[] = [
  ...REQUIRED,
  'DISCOURAGE_UPGRADABLE_NOPS',
  'DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM',
  'DISCOURAGE_UPGRADABLE_TAPROOT_VERSION',
  'DISCOURAGE_OP_SUCCESS',
  'DISCOURAGE_UPGRADABLE_PUBKEYTYPE',
];

const MAXIMUM_MONEY = 21_000_000n * 100_000_000n;
const ANNEX = 0x50;

/**
 * What checking may cost, in bytes that are hashed or copied: a few seconds. Legacy signatures of a block's size hash the
 * transaction again for each (what BIP143 ended), and a tapscript may take a million steps under a full stack.
 */
const MOST_WORK = 2 ** 30;
/** What a check of a signature costs beside its hash, in bytes that could be hashed meanwhile. */
const CHECK_COST = 20_000;

/** Thrown out of the interpreter when it has worked enough. */
class WorkExceeded extends Error {}

/** What was found against a signature, or that nothing was. */
export type RuleVerdict =
  | { readonly state: 'valid' }
  | { readonly state: 'inconclusive' | 'invalid'; readonly reason: string; readonly input?: number };

/**
 * Runs the scripts of `to_sign` under the rules of BIP322: consensus and the required rules, which decide between right
 * and wrong, then the upgradeable ones, which nobody can decide yet.
 *
 * @param spentOutputs - One for each input.
 */
export function checkMessageRules(tx: TransactionView, spentOutputs: readonly SpentOutput[]): RuleVerdict {
  const fault = checkTransaction(tx) ?? valueFault(spentOutputs);
  if (fault !== undefined) return { state: 'invalid', reason: fault };
  const work = { left: MOST_WORK };
  for (let input = 0; input < tx.inputCount; input++) {
    try {
      const reason = requiredFault(tx, spentOutputs, input, work);
      if (reason !== undefined) return { state: 'invalid', reason, input };
    } catch (error) {
      if (error instanceof WorkExceeded)
        return { state: 'inconclusive', reason: 'it takes more work to check than it may', input };
      throw error;
    }
  }
  if (tx.version !== 0 && tx.version !== 2) return { state: 'inconclusive', reason: 'version' };
  for (let inputIndex = 0; inputIndex < tx.inputCount; inputIndex++) {
    const verdict = verifyInput({ tx, inputIndex, spentOutputs, flags: UPGRADEABLE });
    if (!verdict.ok) return { state: 'inconclusive', reason: verdict.error, input: inputIndex };
  }
  return { state: 'valid' };
}

function valueFault(spentOutputs: readonly SpentOutput[]): string | undefined {
  let total = 0n;
  for (const { value } of spentOutputs) {
    total += value;
    if (value < 0n || value > MAXIMUM_MONEY || total > MAXIMUM_MONEY) return 'bad-txns-inputvalues-outofrange';
  }
  return undefined;
}

function requiredFault(
  tx: TransactionView,
  spentOutputs: readonly SpentOutput[],
  inputIndex: number,
  work: { left: number },
): ScriptErrorName | 'CODESEPARATOR' | 'SIGHASH' | undefined {
  let seen: 'CODESEPARATOR' | 'SIGHASH' | undefined;
  const verdict = verifyInput({
    tx,
    inputIndex,
    spentOutputs,
    flags: REQUIRED,
    onStep: (step) => {
      work.left -= workOf(step, tx);
      if (work.left < 0) throw new WorkExceeded();
      if (!step.executed || seen !== undefined) return;
      if (step.opcode === Opcode.OP_CODESEPARATOR) seen = 'CODESEPARATOR';
      else if (signaturesAt(step).some((signature) => !signsAll(signature, step.phase === 'tapscript')))
        seen = 'SIGHASH';
    },
  });
  if (!verdict.ok) return verdict.error;
  const { scriptPubKey } = spentOutputs[inputIndex] as SpentOutput;
  if (seen === undefined && outputTypeOf(scriptPubKey) === 'witness_v1_taproot') {
    const signature = keyPathSignature(tx.witness(inputIndex));
    if (signature !== undefined && !signsAll(signature, true)) return 'SIGHASH';
  }
  return seen;
}

/** About the bytes that a step hashes, or copies to be looked at. */
function workOf(step: TraceStep, { inputCount }: TransactionView): number {
  const { stack, altStack, script, executed, phase } = step;
  let bytes = 100;
  for (const item of stack) bytes += item.length + 100;
  for (const item of altStack) bytes += item.length + 100;
  if (!executed) return bytes;
  // The one output of these transactions is short; an input without its script takes 41 bytes.
  const hashed = phase === 'witnessScript' || phase === 'tapscript' ? script.length : script.length + 41 * inputCount;
  return bytes + checksAt(step) * (CHECK_COST + hashed);
}

/** How many signatures an opcode may check. */
function checksAt({ opcode, stack }: TraceStep): number {
  switch (opcode) {
    case Opcode.OP_CHECKSIG:
    case Opcode.OP_CHECKSIGVERIFY:
    case Opcode.OP_CHECKSIGADD:
      return 1;
    case Opcode.OP_CHECKMULTISIG:
    case Opcode.OP_CHECKMULTISIGVERIFY:
      return Math.min(20, smallNumber(stack.at(-1)));
    default:
      return 0;
  }
}

/** The signature of a Taproot key path, which no script step shows. */
function keyPathSignature(witness: readonly Uint8Array[]): Uint8Array | undefined {
  const hasAnnex = witness.length > 1 && witness.at(-1)?.[0] === ANNEX;
  return witness.length === (hasAnnex ? 2 : 1) ? witness[0] : undefined;
}

/** Whether a signature covers everything: SIGHASH_ALL, of Taproot also its default, which means the same (BIP341). */
function signsAll(signature: Uint8Array, isSchnorr: boolean): boolean {
  if (signature.length === 0 || (isSchnorr && signature.length === 64)) return true;
  return signature.at(-1) === SighashType.ALL;
}

/** The signatures that an opcode is about to check. */
function signaturesAt({ opcode, stack, phase }: TraceStep): readonly Uint8Array[] {
  switch (opcode) {
    case Opcode.OP_CHECKSIG:
    case Opcode.OP_CHECKSIGVERIFY:
      return schnorrOrAny(stack.at(-2), stack.at(-1), phase);
    case Opcode.OP_CHECKSIGADD:
      return schnorrOrAny(stack.at(-3), stack.at(-1), phase);
    case Opcode.OP_CHECKMULTISIG:
    case Opcode.OP_CHECKMULTISIGVERIFY: {
      // ⟨0⟩ signatures… m keys… n, the top last.
      const keys = smallNumber(stack.at(-1));
      const signatures = smallNumber(stack.at(-2 - keys));
      const end = stack.length - 2 - keys;
      return stack.slice(Math.max(0, end - signatures), Math.max(0, end));
    }
    default:
      return [];
  }
}

/** A tapscript key of another length than 32 is not checked (BIP342): what stands there is no signature yet. */
function schnorrOrAny(
  signature: Uint8Array | undefined,
  key: Uint8Array | undefined,
  phase: TraceStep['phase'],
): readonly Uint8Array[] {
  return signature === undefined || (phase === 'tapscript' && key?.length !== 32) ? [] : [signature];
}

/** At most 20 of keys and of signatures; anything else fails by itself. */
function smallNumber(item: Uint8Array | undefined): number {
  return item?.length === 1 ? (item[0] as number) & 0x7f : 0;
}
