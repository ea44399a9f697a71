import { requireView, type TransactionLike, type TransactionView, viewTransaction } from '../codec/transaction-view.ts';
import { compactSizeLength } from '../codec/scanner.ts';
import { requireValue } from '../codec/serialize.ts';
import { invalidArgument, requireBytes, requireObject } from '../errors.ts';
import { witnessProgramOf } from '../interpreter/witness.ts';
import type { SpentOutput } from '../model.ts';
import { Opcode } from '../opcodes.ts';
import { isPayToScriptHash, isPushOnly, multisigOf, outputTypeOf } from '../output-type.ts';
import { ScriptReader } from '../script-reader.ts';
import { requireSpentOutputs } from '../sighash/sighash.ts';
import { TAPSCRIPT_LEAF_VERSION } from '../taproot/commitment.ts';
import type { PolicyProfile } from './profile.ts';
import { countP2shSigops, countSigops, transactionSigopsCost } from './sigops.ts';

/** Why a transaction is not relayed although it is valid: Core's reject reasons (policy.cpp, validation.cpp). */
export type PolicyFault =
  | 'version'
  | 'tx-size'
  | 'tx-size-small'
  | 'scriptsig-size'
  | 'scriptsig-not-pushonly'
  | 'scriptpubkey'
  | 'datacarrier'
  | 'multi-op-return'
  | 'bare-multisig'
  | 'dust'
  | 'bad-txns-nonstandard-inputs'
  | 'bad-witness-nonstandard'
  | 'bad-txns-too-many-sigops';

/** What is checked against which taste. */
export interface CheckStandardnessOptions {
  readonly tx: TransactionLike;
  /** One per input. */
  readonly spentOutputs: readonly SpentOutput[];
  readonly profile: PolicyProfile;
}

/**
 * Whether a node with this profile would relay a transaction, as far as the transaction itself decides.
 *
 * Scripts are not run here: run {@link verifyTransaction} under the profile's flags besides.
 *
 * @returns The first reason against it, in Core's words and order, or `undefined`.
 * @throws {@link ScriptError} `SCRIPT_SPENT_OUTPUTS_MISMATCH`, `SCRIPT_INVALID_ARGUMENT`.
 */
export function checkStandardness(options: CheckStandardnessOptions): PolicyFault | undefined {
  const { profile } = requireObject(options, 'options') as unknown as CheckStandardnessOptions;
  requireProfile(profile);
  const tx = viewTransaction(options.tx);
  const spentOutputs = requireSpentOutputs(options.spentOutputs, tx.inputCount);
  return (
    checkStandardForm(tx, profile) ??
    (tx.baseSize < profile.minimumBaseSize ? 'tx-size-small' : undefined) ??
    checkStandardInputs(tx, spentOutputs, profile)?.fault ??
    (transactionSigopsCost(tx, spentOutputs) > profile.maximumSigopsCost ? 'bad-txns-too-many-sigops' : undefined)
  );
}

/**
 * Whether a transaction by itself has a form that is relayed: Core's `IsStandardTx`.
 *
 * @returns The first reason against it, or `undefined`.
 */
export function checkStandardForm(tx: TransactionView, profile: PolicyProfile): PolicyFault | undefined {
  return checkForm(requireView(tx), profile) ?? checkOutputs(tx, profile);
}

/** A reason against an input, with what Core says behind it. */
export interface InputFault {
  readonly fault: 'bad-txns-nonstandard-inputs' | 'bad-witness-nonstandard';
  readonly detail?: string;
}

/**
 * Whether inputs and witnesses are of forms that are relayed: Core's `ValidateInputsStandardness` and
 * `IsWitnessStandard`.
 *
 * @param spentOutputs - One per input.
 */
export function checkStandardInputs(
  tx: TransactionView,
  spentOutputs: readonly SpentOutput[],
  profile: PolicyProfile,
): InputFault | undefined {
  requireSpentOutputs(spentOutputs, requireView(tx).inputCount);
  const fault = checkInputs(tx, spentOutputs, profile);
  if (fault !== undefined) return fault;
  const detail = witnessProblem(tx, spentOutputs, profile);
  return detail === undefined ? undefined : { fault: 'bad-witness-nonstandard', detail };
}

function requireProfile(profile: PolicyProfile): void {
  const { versions, witnessV0, tapscript, name } = requireObject(profile, 'profile');
  if (typeof name !== 'string') throw invalidArgument('profile.name', 'a string', name);
  for (const [field, value] of Object.entries({ versions, witnessV0, tapscript }))
    requireObject(value, `profile.${field}`);
}

function checkForm(tx: TransactionView, profile: PolicyProfile): PolicyFault | undefined {
  if (tx.version < profile.versions.minimum || tx.version > profile.versions.maximum) return 'version';
  if (tx.weight > profile.maximumWeight) return 'tx-size';
  for (let input = 0; input < tx.inputCount; input++) {
    const scriptSig = tx.scriptSig(input);
    if (scriptSig.length > profile.maximumScriptSigSize) return 'scriptsig-size';
    if (!isPushOnly(scriptSig)) return 'scriptsig-not-pushonly';
  }
  return undefined;
}

function checkOutputs(tx: TransactionView, profile: PolicyProfile): PolicyFault | undefined {
  let dataSize = 0;
  let dataCarriers = 0;
  let dust = 0;
  for (let output = 0; output < tx.outputCount; output++) {
    const script = tx.scriptPubKey(output);
    const type = outputTypeOf(script);
    if (type === 'nonstandard') return 'scriptpubkey';
    if (type === 'multisig' && (multisigOf(script)?.keys ?? 0) > 3) return 'scriptpubkey';
    if (type === 'nulldata') {
      dataCarriers++;
      dataSize += script.length;
      // Since Core 30 all of a transaction's data counts together, before each output for itself.
      const counted = profile.dataCarrierFault === 'datacarrier' ? dataSize : script.length;
      if (counted > profile.maximumDataCarrierSize) return profile.dataCarrierFault;
    } else if (type === 'multisig' && !profile.bareMultisig) return 'bare-multisig';
    if (tx.value(output) < dustThreshold(script, profile.dustRelayFee)) dust++;
  }
  if (dust > profile.maximumDustOutputs) return 'dust';
  return dataCarriers > profile.maximumDataCarriers ? 'multi-op-return' : undefined;
}

/**
 * Value in satoshis below which an output costs more to spend than it holds at a fee rate (Core's GetDustThreshold).
 *
 * @param dustRelayFee - Satoshis per 1,000 virtual bytes.
 *
 * @example
 * ```ts
 * import { dustThreshold, parseScript } from '@bitcoin-enterprise/script';
 *
 * dustThreshold(parseScript(`1 ${'00'.repeat(32)}`), 3_000n); // => 330n
 * ```
 */
export function dustThreshold(scriptPubKey: Uint8Array, dustRelayFee: bigint): bigint {
  requireBytes(scriptPubKey, 'scriptPubKey');
  requireValue(dustRelayFee, 'dustRelayFee');
  if (scriptPubKey[0] === Opcode.OP_RETURN || scriptPubKey.length > 10_000) return 0n;
  const output = 8 + compactSizeLength(scriptPubKey.length) + scriptPubKey.length;
  // Outpoint, sequence and length, and a signature with its key: 107 bytes, a quarter of that in a witness.
  const input = 32 + 4 + 1 + 4 + (witnessProgramOf(scriptPubKey) === undefined ? 107 : 26);
  // Core rounds fees up (CFeeRate::GetFee).
  return (BigInt(output + input) * dustRelayFee + 999n) / 1_000n;
}

function checkInputs(
  tx: TransactionView,
  spentOutputs: readonly SpentOutput[],
  profile: PolicyProfile,
): InputFault | undefined {
  const refused = (detail: string): InputFault => ({ fault: 'bad-txns-nonstandard-inputs', detail });
  if (countExecutedSigops(tx, spentOutputs) > (profile.maximumLegacySigops ?? Infinity))
    return refused('non-witness sigops exceed bip54 limit');
  for (let input = 0; input < tx.inputCount; input++) {
    const { scriptPubKey } = spentOutputs[input] as SpentOutput;
    const type = outputTypeOf(scriptPubKey);
    if (type === 'nonstandard') return refused(`input ${input} script unknown`);
    if (type === 'witness_unknown') return refused(`input ${input} witness program is undefined`);
    if (type !== 'scripthash') continue;
    const scriptSig = tx.scriptSig(input);
    if (scriptSig.length === 0) return refused(`input ${input} P2SH redeemscript missing`);
    const sigops = countP2shSigops(scriptSig);
    if (sigops > profile.maximumP2shSigops)
      return refused(
        `p2sh redeemscript sigops exceed limit (input ${input}: ${sigops} > ${profile.maximumP2shSigops})`,
      );
  }
  return undefined;
}

/** Signature checks outside the witness that a transaction may make (BIP54). */
function countExecutedSigops(tx: TransactionView, spentOutputs: readonly SpentOutput[]): number {
  let count = 0;
  for (let input = 0; input < tx.inputCount; input++) {
    const { scriptPubKey } = spentOutputs[input] as SpentOutput;
    const scriptSig = tx.scriptSig(input);
    count += countSigops(scriptSig, { accurate: true });
    count += isPayToScriptHash(scriptPubKey)
      ? countP2shSigops(scriptSig)
      : countSigops(scriptPubKey, { accurate: true });
  }
  return count;
}

/** What is wrong with the first witness that has no standard form, in the words of Knots, which alone tells it. */
function witnessProblem(
  tx: TransactionView,
  spentOutputs: readonly SpentOutput[],
  profile: PolicyProfile,
): string | undefined {
  for (let input = 0; input < tx.inputCount; input++) {
    const witness = tx.witness(input);
    if (witness.length === 0) continue;
    const { scriptPubKey } = spentOutputs[input] as SpentOutput;
    const problem = problemOf(witness, scriptPubKey, tx.scriptSig(input), profile);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function problemOf(
  witness: readonly Uint8Array[],
  scriptPubKey: Uint8Array,
  scriptSig: Uint8Array,
  profile: PolicyProfile,
): string | undefined {
  if (outputTypeOf(scriptPubKey) === 'anchor') return 'anchor-not-empty';
  const insideP2sh = isPayToScriptHash(scriptPubKey);
  const program = witnessProgramOf(insideP2sh ? scriptSig.subarray(1) : scriptPubKey);
  if (program === undefined) return 'nonwitness-input';
  if (program.version === 0 && program.program.length === 32) {
    const { maximumScriptSize, maximumItems, maximumItemSize } = profile.witnessV0;
    if ((witness.at(-1)?.length ?? 0) > maximumScriptSize) return 'script-size';
    if (witness.length - 1 > maximumItems) return 'stackitem-count';
    return witness.slice(0, -1).some((item) => item.length > maximumItemSize) ? 'stackitem-size' : undefined;
  }
  const isTaproot = program.version === 1 && program.program.length === 32 && !insideP2sh;
  return isTaproot ? taprootProblem(witness, profile) : undefined;
}

function taprootProblem(witness: readonly Uint8Array[], profile: PolicyProfile): string | undefined {
  if (witness.length < 2) return undefined;
  if (witness.at(-1)?.[0] === 0x50) return 'taproot-annex'; // an annex has no meaning yet
  const controlBlock = witness.at(-1) as Uint8Array;
  if (controlBlock.length === 0) return 'taproot-control-missing';
  const { maximumItemSize, maximumControlBlockSize } = profile.tapscript;
  if (controlBlock.length > maximumControlBlockSize) return 'taproot-control-size';
  if (((controlBlock[0] as number) & 0xfe) !== TAPSCRIPT_LEAF_VERSION) return undefined;
  const script = witness.at(-2) as Uint8Array;
  if (witness.slice(0, -2).some((item) => item.length > maximumItemSize)) return 'taproot-stackitem-size';
  return isRelayedTapscript(script, profile.tapscript) ? undefined : 'taproot-script';
}

function isRelayedTapscript(script: Uint8Array, limits: PolicyProfile['tapscript']): boolean {
  const reader = new ScriptReader(script);
  while (reader.next()) {
    if (!limits.conditionals && (reader.opcode === Opcode.OP_IF || reader.opcode === Opcode.OP_NOTIF)) return false;
    if (reader.dataSize > limits.maximumPushSize) return false;
  }
  return true;
}
