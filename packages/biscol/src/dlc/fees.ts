import { concatBytes, type FeeRate, feeFor, feeRate, virtualSize, weightUnits } from '@bitcoin-enterprise/core';
import { requireBytes, requireInteger, requireObject } from '../checks.ts';
import { requireList } from './checks.ts';
import { invalidArgument } from '../errors.ts';

/** What one party brings into a contract, in bytes. */
export interface DlcPartySizes {
  /** Inputs of the funding transaction. */
  readonly inputs: ReadonlyArray<{
    /** Of the script signature: 0 for native SegWit, else the redeem script and its push. */
    readonly scriptSigLength: number;
    /** Of the witness at most, with its counts. */
    readonly maxWitnessLength: number;
  }>;
  /** Of the script that is paid to when the contract ends. */
  readonly payoutScriptLength: number;
  /** Of the script that gets what the funding leaves over. */
  readonly changeScriptLength: number;
}

/** Satoshis that one party owes. */
export interface DlcFees {
  /** For the funding transaction: taken from its change. */
  readonly funding: bigint;
  /** For the transaction that ends the contract: added to the funding output. */
  readonly closing: bigint;
}

/** Weight of an end of the contract without payouts, by the witness that spends the funding output. */
const CLOSING_WEIGHT = {
  // 4 * (10 + 41 + 18) bytes, the marker and the flag, and two signatures with the 2-of-2 script: 220.
  'p2wsh-multisig': 498,
  // The same with one signature of the default hash type: 66.
  'taproot-key': 344,
} as const;

/**
 * What a party pays for the transactions of a contract (dlcspecs, Transactions.md): half of what both have in common, and
 * all of its own.
 *
 * @param sizes - Of the party.
 * @param options - `rate`: sat/kvB. `fundingOutput`: how it is spent; `taproot-key` when absent.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { feeRate } from '@bitcoin-enterprise/core';
 * import { dlcFees } from '@bitcoin-enterprise/biscol/dlc';
 *
 * const inputs = [{ scriptSigLength: 0, maxWitnessLength: 66 }];
 * dlcFees({ inputs, payoutScriptLength: 34, changeScriptLength: 34 }, { rate: feeRate(1_000n) }); // => { funding: 128n, closing: 77n }
 * ```
 */
export function dlcFees(
  sizes: DlcPartySizes,
  options: { readonly rate: FeeRate; readonly fundingOutput?: keyof typeof CLOSING_WEIGHT },
): DlcFees {
  const { inputs, payoutScriptLength, changeScriptLength } = requireObject<DlcPartySizes>('sizes', sizes);
  const { rate, fundingOutput = 'taproot-key' } = requireObject<{ rate: FeeRate; fundingOutput: 'taproot-key' }>(
    'options',
    options,
  );
  if (typeof rate !== 'bigint') throw invalidArgument('options.rate', 'a fee rate', rate);
  const common = Object.hasOwn(CLOSING_WEIGHT, fundingOutput) ? CLOSING_WEIGHT[fundingOutput] : undefined;
  if (common === undefined)
    throw invalidArgument('options.fundingOutput', `'p2wsh-multisig' or 'taproot-key'`, fundingOutput);
  const length = (argument: string, value: unknown): number => requireInteger(argument, value, 0, 100_000);
  const inputWeight = requireList('sizes.inputs', inputs).reduce<number>((weight, input, index) => {
    const path = `sizes.inputs[${index}]`;
    const { scriptSigLength, maxWitnessLength } = requireObject<DlcPartySizes['inputs'][number]>(path, input);
    const scriptSig = length(`${path}.scriptSigLength`, scriptSigLength);
    return weight + 164 + 4 * scriptSig + length(`${path}.maxWitnessLength`, maxWitnessLength);
  }, 0);
  const funding = 107 + 36 + 4 * length('sizes.changeScriptLength', changeScriptLength) + inputWeight;
  const closing = common / 2 + 4 * length('sizes.payoutScriptLength', payoutScriptLength);
  const checkedRate = feeRate(rate);
  return {
    funding: feeFor(checkedRate, virtualSize(weightUnits(funding))),
    closing: feeFor(checkedRate, virtualSize(weightUnits(closing))),
  };
}

/**
 * The name of a contract once it is funded (dlcspecs, `contract_id`).
 *
 * @param facts - `fundingTxid`: 32 bytes as they are displayed, most significant first. `fundingOutput`: its index, 0 to
 * 65,535. `temporaryContractId`: 32 bytes.
 * @returns 32 bytes.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function dlcContractId(facts: {
  readonly fundingTxid: Uint8Array;
  readonly fundingOutput: number;
  readonly temporaryContractId: Uint8Array;
}): Uint8Array {
  const given = requireObject<typeof facts>('facts', facts);
  const txid = requireBytes('facts.fundingTxid', given.fundingTxid, 32);
  const output = requireInteger('facts.fundingOutput', given.fundingOutput, 0, 65_535);
  const temporary = requireBytes('facts.temporaryContractId', given.temporaryContractId, 32);
  const index = concatBytes(new Uint8Array(30), Uint8Array.of(output >> 8, output & 0xff));
  return new Uint8Array(txid.map((byte, at) => byte ^ (temporary[at] ?? 0) ^ (index[at] ?? 0)));
}
