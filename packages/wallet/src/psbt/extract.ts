import {
  outputTypeOf,
  serializeTransaction,
  type SpentOutput,
  standardFlags,
  type Transaction,
  verifyTransaction,
} from '@bitcoin-enterprise/script';
import { requireObject } from '../checks.ts';
import type { Psbt, PsbtInput } from './model.ts';
import { requirePsbt } from './require-psbt.ts';
import { isFinal } from './slots.ts';
import { inputIncomplete, inputInvalid, spentOutputOf, spentOutputsOf } from './spend.ts';
import { unsignedTransaction } from './transaction.ts';

/** How a transaction is taken out. */
export interface ExtractOptions {
  /** `scripts`: all inputs are run through the interpreter first, as a node would; `none` for those who have done that. */
  readonly check?: 'scripts' | 'none';
}

/**
 * The finished transaction of a PSBT (BIP174, “Transaction Extractor”), checked as a node checks what it relays.
 *
 * @throws WalletError `WALLET_PSBT_INCOMPLETE` for an input that is not final, or whose spent output is not known to the
 * check; `WALLET_PSBT_INPUT_INVALID` with Core's words for a script that fails.
 */
export function extractTransaction(psbt: Psbt, options: ExtractOptions = {}): Transaction {
  requirePsbt(psbt);
  const { check = 'scripts' } = requireObject<ExtractOptions>('options', options);
  const unsigned = unsignedTransaction(psbt);
  const inputs = unsigned.inputs.map((input, index) => {
    const final = psbt.inputs[index] as PsbtInput;
    if (!isFinal(final) && !isAnchor(final, index)) throw inputIncomplete(index, 'its final scripts');
    const { finalScriptSig: scriptSig = input.scriptSig, finalScriptWitness: witness = input.witness } = final;
    return { ...input, scriptSig, witness };
  });
  const tx = { ...unsigned, inputs };
  if (check === 'scripts') requireValid(psbt, tx);
  return tx;
}

/** An anchor is spent with nothing at all. */
function isAnchor(input: PsbtInput, index: number): boolean {
  const utxo = spentOutputOf(input, index);
  return utxo !== undefined && outputTypeOf(utxo.scriptPubKey) === 'anchor';
}

function requireValid(psbt: Psbt, tx: Transaction): void {
  const spent = spentOutputsOf(psbt);
  const missing = spent.indexOf(undefined);
  if (missing !== -1) throw inputIncomplete(missing, 'the output that it spends, which the check needs');
  const spentOutputs = spent as readonly SpentOutput[];
  const verdict = verifyTransaction({ tx: serializeTransaction(tx), spentOutputs, flags: standardFlags });
  if (!verdict.ok)
    throw 'inputIndex' in verdict
      ? inputInvalid(verdict.inputIndex, `a script that fails: ${verdict.error}`)
      : inputInvalid(0, `a transaction that no node takes: ${verdict.error}`);
}
