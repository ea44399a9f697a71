import { hasCode } from '@bitcoin-enterprise/core';

/** Whether a refusal means that the server does not have it; each kind of server has words of its own. */
export function refusedAsUnknown(error: unknown): boolean {
  return (
    hasCode(error, 'CHAIN_NODE_REFUSED') &&
    /no such|not found|unknown|missing|does not exist|no transaction|out of range|not in block/i.test(
      error.details.rpcMessage,
    )
  );
}
