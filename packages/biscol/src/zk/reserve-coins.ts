import type { ChainSource } from '@bitcoin-enterprise/chain';
import type { DerivedOutput } from '@bitcoin-enterprise/descriptors';
import { describeInput, type NewInput } from '@bitcoin-enterprise/wallet/psbt';
import { requireBytes, requireFunction, requireList, requireObject } from '../checks.ts';

/** Coins of descriptors, as `signMessage` of the wallet takes them. */
export interface ReserveCoins {
  readonly coins: readonly NewInput[];
  /** Satoshis. */
  readonly total: bigint;
}

/**
 * Finds the coins of outputs of descriptors, with all that their signers need to know: what goes into
 * `signMessage({ message: reserveMessage(challenge), scriptPubKey, coins }, signer)`.
 *
 * @param outputs - Of `Descriptor.derive`; an output that is named twice counts once.
 * @returns The confirmed coins and their sum.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`; ChainError as the source.
 */
export async function collectReserves(
  chain: Pick<ChainSource, 'unspentOutputsOf' | 'transaction'>,
  outputs: readonly DerivedOutput[],
  options: { readonly signal?: AbortSignal } = {},
): Promise<ReserveCoins> {
  const source = requireObject<ChainSource>('chain', chain);
  requireFunction('chain.unspentOutputsOf', source.unspentOutputsOf);
  requireFunction('chain.transaction', source.transaction);
  for (const [place, output] of requireList('outputs', outputs).entries()) {
    const { scriptPubKey, node } = requireObject<DerivedOutput>(`outputs[${place}]`, output);
    requireBytes(`outputs[${place}].scriptPubKey`, scriptPubKey);
    requireObject(`outputs[${place}].node`, node);
  }
  const unique = new Map(outputs.map((output) => [String(output.scriptPubKey), output]));
  const coins: NewInput[] = [];
  let total = 0n;
  for (const output of unique.values()) {
    const described = describeInput(output);
    const isTaproot = output.taproot !== undefined || output.node.name === 'rawtr';
    for (const { txid, index, value, scriptPubKey } of await chain.unspentOutputsOf(output.scriptPubKey, options)) {
      // Before Taproot a signer wants the whole transaction, which alone tells it the amount.
      const previous = isTaproot ? undefined : await chain.transaction(txid, options);
      coins.push({
        ...described,
        previousTxid: txid,
        previousIndex: index,
        ...(hasWitness(output) ? { witnessUtxo: { value, scriptPubKey } } : {}),
        ...(previous === undefined ? {} : { nonWitnessUtxo: previous.bytes }),
      });
      total += value;
    }
  }
  return { coins, total };
}

/** Whether an output is spent with a witness: by a program of its own, or one behind its script hash. */
function hasWitness({ scriptPubKey, redeemScript }: DerivedOutput): boolean {
  return isProgram(scriptPubKey) || (redeemScript !== undefined && isProgram(redeemScript));
}

function isProgram(script: Uint8Array): boolean {
  const [version = 0xff, length] = script;
  return (version === 0 || (version >= 0x51 && version <= 0x60)) && script.length >= 4 && length === script.length - 2;
}
