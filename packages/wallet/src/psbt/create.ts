import { requireBytes, requireInteger, requireList, requireObject } from '../checks.ts';
import { invalidArgument, WalletError } from '../errors.ts';
import { LOCK_TIME_THRESHOLD } from './field-types.ts';
import type { Psbt, PsbtInput, PsbtOutput } from './model.ts';
import { emptyInput } from './parse-input.ts';
import { emptyOutput } from './parse-output.ts';
import { requirePsbt } from './require-psbt.ts';
import { psbtLockTime } from './transaction.ts';

/** An input as it is told: what it spends, and whatever else is known of it. */
export type NewInput = Pick<PsbtInput, 'previousTxid' | 'previousIndex'> & Partial<PsbtInput>;

/** An output as it is told: a script or a silent payment address, an amount, and whatever else is known of it. */
export type NewOutput = Pick<PsbtOutput, 'value'> & Partial<PsbtOutput>;

/** How a PSBT is begun. */
export interface CreatePsbtOptions {
  /** 2 when absent; 0 for those who know no other, as Bitcoin Core. */
  readonly version?: 0 | 2;
  /** 2 when absent; 3 for TRUC (BIP431). */
  readonly transactionVersion?: number;
  /** When no input requires one: height below 500,000,000, else Unix seconds; 0 when absent. */
  readonly lockTime?: number;
  /** What others may add, in version 2; nothing when absent. */
  readonly modifiable?: { readonly inputs?: boolean; readonly outputs?: boolean };
  readonly inputs?: readonly NewInput[];
  readonly outputs?: readonly NewOutput[];
}

/**
 * Begins a PSBT (BIP174 and 370, “Creator”).
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`, `WALLET_PSBT_LOCK_TIME_UNDETERMINED`.
 *
 * @example
 * ```ts
 * import { createPsbt } from '@bitcoin-enterprise/wallet';
 *
 * const input = { previousTxid: new Uint8Array(32), previousIndex: 0 };
 * const output = { value: 1_000n, scriptPubKey: Uint8Array.of(0x51, 0x02, 0x4e, 0x73) };
 * createPsbt({ inputs: [input], outputs: [output] }).version; // => 2
 * ```
 */
export function createPsbt(options: CreatePsbtOptions = {}): Psbt {
  const {
    version = 2,
    transactionVersion = 2,
    lockTime,
    modifiable,
  } = requireObject<CreatePsbtOptions>('options', options);
  if (version !== 0 && version !== 2) throw invalidArgument('options.version', '0 or 2', version);
  requireInteger('options.transactionVersion', transactionVersion, 0, 0xffff_ffff);
  const inputs = requireList('options.inputs', options.inputs ?? []).map((input, i) =>
    newInput(input, `options.inputs[${i}]`),
  );
  const outputs = requireList('options.outputs', options.outputs ?? []).map((output, i) =>
    newOutput(output, `options.outputs[${i}]`),
  );
  if (lockTime !== undefined) requireInteger('options.lockTime', lockTime, 0, 0xffff_ffff);
  if (modifiable !== undefined && version === 0)
    throw invalidArgument('options.modifiable', 'absent in version 0', modifiable);
  const psbt: Psbt = {
    version,
    transactionVersion,
    ...(lockTime !== undefined ? { fallbackLockTime: lockTime } : version === 0 ? { fallbackLockTime: 0 } : {}),
    ...(modifiable === undefined
      ? {}
      : { modifiable: (modifiable.inputs === true ? 1 : 0) | (modifiable.outputs === true ? 2 : 0) }),
    inputs,
    outputs,
    extendedKeys: [],
    silentShares: [],
    unknown: [],
  };
  requireDistinct(inputs);
  psbtLockTime(psbt);
  return psbt;
}

/**
 * Adds an input (BIP370, “Constructor”).
 *
 * @returns The PSBT with the input behind the others; before signed ones of SIGHASH_SINGLE nothing can be put.
 * @throws WalletError `WALLET_PSBT_NOT_MODIFIABLE`, `WALLET_PSBT_LOCK_TIME_UNDETERMINED`, `WALLET_PSBT_MISMATCH` when it
 * would change the lock time that others have signed, `WALLET_INVALID_ARGUMENT`.
 */
export function addPsbtInput(psbt: Psbt, input: NewInput): Psbt {
  requirePsbt(psbt);
  requireModifiable(psbt, 'inputs');
  const inputs = [...psbt.inputs, newInput(input, 'input')];
  requireDistinct(inputs);
  const added = { ...psbt, inputs };
  if (psbt.inputs.some(isSigned) && psbtLockTime(added) !== psbtLockTime(psbt))
    throw new WalletError('WALLET_PSBT_MISMATCH', 'expected an input that keeps the lock time that was signed', {
      details: { reason: 'the lock time would change under signatures' },
    });
  psbtLockTime(added);
  return added;
}

/** Adds an output (BIP370, “Constructor”); throws as {@link addPsbtInput}. */
export function addPsbtOutput(psbt: Psbt, output: NewOutput): Psbt {
  requirePsbt(psbt);
  requireModifiable(psbt, 'outputs');
  return { ...psbt, outputs: [...psbt.outputs, newOutput(output, 'output')] };
}

/**
 * Changes what is said of an input (BIP174, “Updater”).
 *
 * @param fields - Replace those of the input; what it spends stays.
 * @throws WalletError `WALLET_INVALID_ARGUMENT` for an input that is not there.
 */
export function updatePsbtInput(
  psbt: Psbt,
  index: number,
  fields: Partial<Omit<PsbtInput, 'previousTxid' | 'previousIndex'>>,
): Psbt {
  requirePsbt(psbt);
  requireInteger('index', index, 0, psbt.inputs.length - 1);
  requireObject('fields', fields);
  const inputs = psbt.inputs.map((input, i) => (i === index ? newInput({ ...input, ...fields }, 'fields') : input));
  return { ...psbt, inputs };
}

/** Changes what is said of an output, not what it pays (BIP174, “Updater”); throws as {@link updatePsbtInput}. */
export function updatePsbtOutput(
  psbt: Psbt,
  index: number,
  fields: Partial<Omit<PsbtOutput, 'value' | 'scriptPubKey'>>,
): Psbt {
  requirePsbt(psbt);
  requireInteger('index', index, 0, psbt.outputs.length - 1);
  requireObject('fields', fields);
  return { ...psbt, outputs: psbt.outputs.map((output, i) => (i === index ? { ...output, ...fields } : output)) };
}

function newInput(value: unknown, argument: string): PsbtInput {
  const input = requireObject<NewInput>(argument, value);
  const { requiredTimeLockTime, requiredHeightLockTime, sequence } = input;
  requireInteger(`${argument}.previousIndex`, input.previousIndex, 0, 0xffff_ffff);
  if (sequence !== undefined) requireInteger(`${argument}.sequence`, sequence, 0, 0xffff_ffff);
  if (requiredTimeLockTime !== undefined)
    requireInteger(`${argument}.requiredTimeLockTime`, requiredTimeLockTime, LOCK_TIME_THRESHOLD, 0xffff_ffff);
  if (requiredHeightLockTime !== undefined)
    requireInteger(`${argument}.requiredHeightLockTime`, requiredHeightLockTime, 1, LOCK_TIME_THRESHOLD - 1);
  const previousTxid = requireBytes(`${argument}.previousTxid`, input.previousTxid, 32);
  return { ...emptyInput(), ...(input as NewInput), previousTxid };
}

function newOutput(value: unknown, argument: string): PsbtOutput {
  const output = requireObject<NewOutput>(argument, value);
  const amount: unknown = output.value;
  if (typeof amount !== 'bigint' || amount < 0n || amount > 21_000_000n * 100_000_000n)
    throw invalidArgument(`${argument}.value`, 'satoshis of 0 to 21 million bitcoin, as a bigint', amount);
  const { silentAddress } = output;
  if (silentAddress !== undefined) requireBytes(`${argument}.silentAddress`, silentAddress, 66);
  const isOpen = output.scriptPubKey === undefined && silentAddress !== undefined;
  const scriptPubKey = isOpen ? new Uint8Array(0) : requireBytes(`${argument}.scriptPubKey`, output.scriptPubKey);
  return { ...emptyOutput(), ...(output as NewOutput), scriptPubKey };
}

function requireModifiable({ version, modifiable = 0 }: Psbt, what: 'inputs' | 'outputs'): void {
  if (version === 2 && (modifiable & (what === 'inputs' ? 1 : 2)) !== 0) return;
  throw new WalletError(
    'WALLET_PSBT_NOT_MODIFIABLE',
    `expected a PSBT whose ${what} may be changed, got one that is fixed`,
    {
      details: { what },
      hint: 'create it with `modifiable`, and add before anybody signs',
    },
  );
}

function isSigned({ partialSignatures, tapKeySignature, tapScriptSignatures }: PsbtInput): boolean {
  return partialSignatures.length > 0 || tapKeySignature !== undefined || tapScriptSignatures.length > 0;
}

/** An output is spent once. */
function requireDistinct(inputs: readonly PsbtInput[]): void {
  const seen = new Set<string>();
  for (const [index, { previousTxid, previousIndex }] of inputs.entries()) {
    const name = `${previousTxid.join()}:${previousIndex}`;
    if (seen.has(name))
      throw invalidArgument(`inputs[${index}]`, 'an output that no other input spends', previousIndex);
    seen.add(name);
  }
}
