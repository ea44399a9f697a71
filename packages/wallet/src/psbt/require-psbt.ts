import { isBytes } from '@bitcoin-enterprise/core';
import { requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import { emptyInput } from './parse-input.ts';
import { emptyOutput } from './parse-output.ts';
import type { Psbt, PsbtInput, PsbtOutput } from './model.ts';

const INPUT_LISTS = /* @__PURE__ */ Object.keys(emptyInput()) as readonly (keyof PsbtInput)[];
const OUTPUT_LISTS = /* @__PURE__ */ Object.keys(emptyOutput()) as readonly (keyof PsbtOutput)[];

/** Throws unless a value has the shape of a PSBT; what is inside of its lists is as it was read or told. */
export function requirePsbt(value: unknown, argument = 'psbt'): asserts value is Psbt {
  const { version, transactionVersion, inputs, outputs, extendedKeys, silentShares, unknown } = requireObject<Psbt>(
    argument,
    value,
  );
  const isPsbt =
    (version === 0 || version === 2) &&
    typeof transactionVersion === 'number' &&
    [extendedKeys, silentShares, unknown].every(Array.isArray) &&
    Array.isArray(inputs) &&
    Array.isArray(outputs) &&
    (inputs as readonly unknown[]).every(isInput) &&
    (outputs as readonly unknown[]).every(isOutput);
  if (!isPsbt) throw invalidArgument(argument, 'a Psbt of parsePsbt or createPsbt', value);
}

function isInput(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const input = value as Partial<PsbtInput>;
  const { previousTxid, previousIndex } = input;
  if (!isBytes(previousTxid) || previousTxid.length !== 32 || typeof previousIndex !== 'number') return false;
  return INPUT_LISTS.every((name) => Array.isArray(input[name]));
}

function isOutput(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const output = value as Partial<PsbtOutput>;
  if (typeof output.value !== 'bigint' || !isBytes(output.scriptPubKey)) return false;
  return OUTPUT_LISTS.every((name) => Array.isArray(output[name]));
}
