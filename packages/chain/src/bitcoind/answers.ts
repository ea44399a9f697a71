/** What bitcoind's own codes mean. */
import { hasCode } from '@bitcoin-enterprise/core';

/** Whether the node refused a call with one of its own codes (Bitcoin Core's rpc/protocol.h). */
export function refusedWith(error: unknown, ...codes: readonly number[]): boolean {
  return hasCode(error, 'CHAIN_NODE_REFUSED') && codes.includes(error.details.rpcCode);
}

/** The answer, or `undefined` when the node refuses with one of the codes that mean "not there". */
export async function orAbsent<Result>(
  answer: Promise<Result>,
  ...codes: readonly number[]
): Promise<Result | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (refusedWith(error, ...codes)) return undefined;
    throw error;
  }
}

/** RPC_INVALID_ADDRESS_OR_KEY: also a block or transaction that the node does not know. */
export const NOT_FOUND = -5;
/** RPC_INVALID_PARAMETER: also a height above the tip. */
export const INVALID_PARAMETER = -8;
/** RPC_METHOD_NOT_FOUND. */
export const NO_SUCH_METHOD = -32_601;
/** RPC_DESERIALIZATION_ERROR. */
export const NOT_DECODED = -22;
/** RPC_VERIFY_ERROR, RPC_VERIFY_REJECTED, RPC_VERIFY_ALREADY_IN_UTXO_SET. */
export const REJECTIONS: readonly number[] = [-25, -26, -27];
