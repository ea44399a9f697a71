import { Opcode, ScriptReader, type TransactionView, witnessProgramOf } from '@bitcoin-enterprise/script';
import type { Coin } from './coins.ts';
import type { Rejection } from './rejection.ts';

/** Longest script of an output under BIP110, bytes; one that only carries data may be longer. */
const MAX_OUTPUT_SCRIPT = 34;
const MAX_DATA_SCRIPT = 83;
/** Longest push and control block in a witness under BIP110, bytes. */
const MAX_PUSH = 256;
const MAX_CONTROL_BLOCK = 257;

/** Knots has finer names for some of Core's reasons; what Core says behind its reason tells which. */
const NAMES: readonly (readonly [reason: string, detail: RegExp, name: string])[] = [
  ['TRUC-violation', /^version=3 tx .* cannot spend from non-version=3/, 'truc-spends-nontruc'],
  ['TRUC-violation', /^non-version=3 tx/, 'truc-spent-by-nontruc'],
  ['TRUC-violation', /would have too many ancestors/, 'truc-ancestors-toomany'],
  ['TRUC-violation', /would exceed descendant count limit/, 'truc-descendants-toomany'],
  ['TRUC-violation', /^version=3 child tx .* is too big/, 'truc-child-toobig'],
  ['TRUC-violation', /^version=3 tx .* is too big/, 'truc-vsize-toobig'],
  ['bad-txns-nonstandard-inputs', /script unknown/, 'bad-txns-input-script-unknown'],
  ['bad-txns-nonstandard-inputs', /witness program is undefined/, 'bad-txns-input-witness-unknown'],
  ['bad-txns-nonstandard-inputs', /sigops exceed limit/, 'bad-txns-input-scriptcheck-sigops'],
  ['bad-txns-nonstandard-inputs', /redeemscript missing/, 'bad-txns-input-scriptcheck-missing'],
  ['bad-txns-nonstandard-inputs', /bip54/, 'bad-txns-input-sigops-toomany-overall'],
  ['bad-witness-nonstandard', /./, 'bad-witness-'],
];

/** A refusal of Core in the words of Knots. */
export function inKnotsWords(rejection: Rejection): Rejection {
  const { reason, detail = '' } = rejection;
  for (const [from, pattern, name] of NAMES) {
    if (reason !== from || !pattern.test(detail)) continue;
    if (reason.startsWith('TRUC')) return { ...rejection, reason: name };
    const { detail: _, ...bare } = rejection;
    return { ...bare, reason: name.endsWith('-') ? `${name}${detail}` : name };
  }
  return rejection;
}

/** What BIP110 asks of outputs, which the mempool of Knots asks always. */
export function reducedOutputFault(tx: TransactionView): Rejection | undefined {
  for (let i = 0; i < tx.outputCount; i++) {
    const script = tx.scriptPubKey(i);
    const limit = script[0] === Opcode.OP_RETURN ? MAX_DATA_SCRIPT : MAX_OUTPUT_SCRIPT;
    if (script.length > limit) return { reason: 'bad-txns-vout-script-toolarge' };
  }
  return undefined;
}

/** What BIP110 asks of tapscripts: no branches, short pushes, few levels. */
export function reducedScriptFault(
  tx: TransactionView,
  spent: readonly Coin[],
): { readonly inputIndex: number; readonly scriptError: string } | undefined {
  for (const [inputIndex, { scriptPubKey }] of spent.entries()) {
    const program = witnessProgramOf(scriptPubKey);
    if (program?.version !== 1 || program.program.length !== 32) continue;
    const witness = tx.witness(inputIndex);
    if (witness.length < 2) continue;
    if ((witness.at(-1) as Uint8Array).length > MAX_CONTROL_BLOCK)
      return { inputIndex, scriptError: 'TAPROOT_WRONG_CONTROL_SIZE' };
    const reader = new ScriptReader(witness.at(-2) as Uint8Array);
    while (reader.next()) {
      if (reader.opcode === Opcode.OP_IF || reader.opcode === Opcode.OP_NOTIF)
        return { inputIndex, scriptError: 'TAPSCRIPT_MINIMALIF' };
      if (reader.opcode <= Opcode.OP_PUSHDATA4 && reader.dataSize > MAX_PUSH)
        return { inputIndex, scriptError: 'PUSH_SIZE' };
    }
  }
  return undefined;
}
