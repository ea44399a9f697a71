import { hasCode } from '@bitcoin-enterprise/core';
import { aborted, unsupported } from '../adapters/policy.ts';
import { ChainError } from '../errors.ts';
import type { CallOptions } from '../ports/chain-source.ts';
import type { PoolChain } from './checked-chain.ts';
import type { PoolMember } from './member.ts';
import { quorumMissing } from './quorum.ts';

/** What is sent, and how. */
export interface Sending {
  /** Name of the call, for errors. */
  readonly call: string;
  readonly options: CallOptions;
  readonly send: (chain: PoolChain, call: CallOptions) => Promise<unknown>;
  /** Whether an error says that a source has it already. */
  readonly isTaken?: (error: unknown) => boolean;
}

/**
 * Sends something to all sources; one that takes it is enough.
 *
 * @throws ChainError when nobody does: what the network says of it, before what sources say of themselves.
 */
export async function sendToAll(members: readonly PoolMember[], sending: Sending): Promise<void> {
  const { call, options, send, isTaken = () => false } = sending;
  if (members.length === 0) throw unsupported(call, 'a pool of sources without it');
  const failures: { readonly source: string; readonly error: unknown }[] = [];
  const sent = members.map(async (member) => {
    try {
      await member.call(
        async (chain, signal) => send(chain, { signal }),
        options.signal ?? new AbortController().signal,
      );
    } catch (error) {
      if (isTaken(error)) return;
      failures.push({ source: member.name, error });
      throw error;
    }
  });
  try {
    await Promise.any(sent);
  } catch {
    if (options.signal?.aborted === true) throw aborted(call, options.signal.reason);
    throw refusalOf(call, failures);
  }
}

/** What to throw when nobody took it. */
function refusalOf(call: string, failures: readonly { readonly source: string; readonly error: unknown }[]): unknown {
  const rejection = failures.find(({ error }) =>
    hasCode(error, 'CHAIN_TX_REJECTED', 'CHAIN_PACKAGE_REJECTED', 'CHAIN_TX_MALFORMED'),
  );
  if (rejection !== undefined) return rejection.error;
  if (failures.every(({ error }) => hasCode(error, 'CHAIN_CALL_UNSUPPORTED')))
    return unsupported(call, 'a pool of sources without it');
  const named = failures.map(({ source, error }) => ({
    source,
    error: error instanceof ChainError ? error.code : 'unreachable',
  }));
  return quorumMissing({ call, needed: 1, answered: 0, failures: named });
}
