import { requireView, type TransactionView } from '../codec/transaction-view.ts';
import { requireObject } from '../errors.ts';
import { EMPTY } from '../codec/scanner.ts';
import { isPayToScriptHash, isPushOnly } from '../output-type.ts';
import { witnessProgramOf, type WitnessProgram } from '../interpreter/witness.ts';
import type { SpentOutput } from '../model.ts';
import { Opcode } from '../opcodes.ts';
import { requireSpentOutputs } from '../sighash/sighash.ts';
import { ScriptReader } from '../script-reader.ts';
import { isCoinbase } from '../transaction-rules.ts';

const KEYS_OF_UNKNOWN_MULTISIG = 20;
/** A signature check outside the witness counts four times (BIP141). */
const BASE_COST = 4;

/**
 * Signature checks that a script's text contains, whether they run or not.
 *
 * @param options.accurate - Whether a multisig counts the keys that the number before it names, instead of 20.
 */
export function countSigops(script: Uint8Array, options: { readonly accurate: boolean }): number {
  requireObject(options, 'options');
  const reader = new ScriptReader(script);
  let count = 0;
  let previous: number = Opcode.OP_INVALIDOPCODE;
  while (reader.next()) {
    const { opcode } = reader;
    if (opcode === Opcode.OP_CHECKSIG || opcode === Opcode.OP_CHECKSIGVERIFY) count++;
    else if (opcode === Opcode.OP_CHECKMULTISIG || opcode === Opcode.OP_CHECKMULTISIGVERIFY) {
      const known = options.accurate && previous >= Opcode.OP_1 && previous <= Opcode.OP_16;
      count += known ? previous - Opcode.OP_1 + 1 : KEYS_OF_UNKNOWN_MULTISIG;
    }
    previous = opcode;
  }
  return count;
}

/** Signature checks in a transaction's own scripts, counted without looking at what it spends. */
export function countLegacySigops(tx: TransactionView): number {
  let count = 0;
  requireView(tx);
  for (let input = 0; input < tx.inputCount; input++) count += countSigops(tx.scriptSig(input), { accurate: false });
  for (let output = 0; output < tx.outputCount; output++)
    count += countSigops(tx.scriptPubKey(output), { accurate: false });
  return count;
}

/**
 * Cost of a transaction's signature checks (BIP141 `GetTransactionSigOpCost`); a block may cost 80,000.
 *
 * @param spentOutputs - One per input; ignored for a coinbase.
 */
export function transactionSigopsCost(tx: TransactionView, spentOutputs: readonly SpentOutput[]): number {
  let cost = countLegacySigops(tx) * BASE_COST;
  if (isCoinbase(tx)) return cost;
  const spent = requireSpentOutputs(spentOutputs, tx.inputCount);
  for (let input = 0; input < tx.inputCount; input++) {
    const { scriptPubKey } = spent[input] as SpentOutput;
    const scriptSig = tx.scriptSig(input);
    const redeemScript = isPayToScriptHash(scriptPubKey) ? lastPush(scriptSig) : undefined;
    if (redeemScript !== undefined) cost += countSigops(redeemScript, { accurate: true }) * BASE_COST;
    const program = witnessProgramOf(redeemScript ?? scriptPubKey);
    if (program !== undefined) cost += countWitnessSigops(program, tx, input);
  }
  return cost;
}

/** Signature checks of a P2SH input: those of the script that its last push is. */
export function countP2shSigops(scriptSig: Uint8Array): number {
  return countSigops(lastPush(scriptSig) ?? EMPTY, { accurate: true });
}

function countWitnessSigops({ version, program }: WitnessProgram, tx: TransactionView, input: number): number {
  if (version !== 0) return 0; // Taproot pays by its own budget (BIP342)
  if (program.length === 20) return 1;
  const script = program.length === 32 ? tx.witness(input).at(-1) : undefined;
  return script === undefined ? 0 : countSigops(script, { accurate: true });
}

/** What the last opcode of a push-only script pushes. */
function lastPush(scriptSig: Uint8Array): Uint8Array | undefined {
  if (!isPushOnly(scriptSig)) return undefined;
  const reader = new ScriptReader(scriptSig);
  let data: Uint8Array = EMPTY;
  while (reader.next()) data = reader.opcode <= Opcode.OP_PUSHDATA4 ? reader.data() : EMPTY;
  return data;
}
