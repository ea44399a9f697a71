import { compactSizeLength } from '@bitcoin-enterprise/core';

/** Version, lock time: 4 bytes each. */
const FRAME = 8;
/** Marker and flag of BIP144. */
const WITNESS_FRAME = 2;

/** Inputs as far as the weight of a transaction goes. */
export interface InputSum {
  /** Weight units. */
  readonly weight: number;
  readonly count: number;
  /** How many of them have a witness. */
  readonly witnesses: number;
}

/** Weight units of a transaction: exactly, when its inputs weigh what they say (BIP141). */
export function transactionWeightOf(
  inputs: InputSum,
  outputs: { readonly bytes: number; readonly count: number },
): number {
  const base = FRAME + compactSizeLength(inputs.count) + compactSizeLength(outputs.count) + outputs.bytes;
  // Beside inputs with a witness, one without still says that it has none.
  const witness = inputs.witnesses === 0 ? 0 : WITNESS_FRAME + inputs.count - inputs.witnesses;
  return 4 * base + witness + inputs.weight;
}

/** Bytes of an output. */
export function outputBytes(scriptPubKey: Uint8Array): number {
  return 8 + compactSizeLength(scriptPubKey.length) + scriptPubKey.length;
}

/** The fee of a weight, satoshis, rounded up twice as nodes do: to whole virtual bytes, and to whole satoshis. */
export function feeOf(weight: number, satoshisPerKvb: number): number {
  return Math.ceil((satoshisPerKvb * Math.ceil(weight / 4)) / 1_000);
}
