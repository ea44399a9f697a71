import type { JsonRpcApiProvider } from 'ethers';
import { requireFunction, requireInteger, requireObject } from '../checks.ts';
import { invalidArgument, WalletError } from '../errors.ts';

/** What a transaction pays for gas (EIP-1559), in wei. */
export interface EvmFees {
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

/** How soon a transaction is to be mined. */
export type FeeUrgency = 'slow' | 'normal' | 'fast';

const BLOCKS = 10;
const PERCENTILES: Readonly<Record<FeeUrgency, number>> = { slow: 20, normal: 50, fast: 90 };
/** 1 gwei: what nodes ask for when nobody pays anything. */
const LEAST_PRIORITY = 1_000_000_000n;
/** 5,000 gwei: what a node says above that would burn the account. */
const MOST_PRIORITY = 5_000_000_000_000n;

/**
 * Fees by what the last ten blocks have paid: the median of a percentile of their tips, and a base fee that may double
 * (six full blocks) before the transaction has to wait.
 *
 * @param provider - Of ethers 6.
 * @param options - `leastPriority`: wei, 1 gwei when absent; lower on chains that take less.
 * `mostPriority`: wei, 5,000 gwei when absent; a node that says more is not believed.
 * @throws WalletError `WALLET_EVM_FAILED` for an answer that is none, as of a chain without EIP-1559, or not believed.
 */
export async function suggestEvmFees(
  provider: JsonRpcApiProvider,
  options: { readonly urgency?: FeeUrgency; readonly leastPriority?: bigint; readonly mostPriority?: bigint } = {},
): Promise<EvmFees> {
  requireFunction('provider.send', requireObject<JsonRpcApiProvider>('provider', provider).send);
  const {
    urgency = 'normal',
    leastPriority = LEAST_PRIORITY,
    mostPriority = MOST_PRIORITY,
  } = requireObject<{
    urgency: FeeUrgency;
    leastPriority: bigint;
    mostPriority: bigint;
  }>('options', options);
  if (!Object.hasOwn(PERCENTILES, urgency))
    throw invalidArgument('options.urgency', "'slow', 'normal' or 'fast'", urgency);
  const call = 'eth_feeHistory';
  let answer: unknown;
  try {
    answer = await provider.send(call, [`0x${BLOCKS.toString(16)}`, 'latest', [PERCENTILES[urgency]]]);
  } catch (cause) {
    throw evmFailed(call, 'the node refused or did not answer', cause);
  }
  if (typeof answer !== 'object' || answer === null) throw evmFailed(call, 'an answer that is no history of fees');
  const { baseFeePerGas, reward } = answer as { readonly baseFeePerGas?: unknown; readonly reward?: unknown };
  // The last base fee is that of the block to come.
  const base = weiOf(Array.isArray(baseFeePerGas) ? baseFeePerGas.at(-1) : undefined);
  if (base === undefined) throw evmFailed(call, 'an answer without a base fee');
  const rewards = Array.isArray(reward)
    ? reward.map((row) => weiOf(Array.isArray(row) ? row[0] : undefined) ?? 0n)
    : [];
  const paid = rewards.filter((wei) => wei > 0n).sort((a, b) => (a < b ? -1 : 1));
  const median = paid[paid.length >> 1] ?? 0n;
  if (median > mostPriority) throw evmFailed(call, `tips of ${median} wei, which nobody pays`);
  const maxPriorityFeePerGas = median > leastPriority ? median : leastPriority;
  return { maxFeePerGas: 2n * base + maxPriorityFeePerGas, maxPriorityFeePerGas };
}

/**
 * Fees that replace those of a transaction of the same nonce: nodes want 10 % more of both, some 12.5 %.
 *
 * @param percent - 10 to 1,000; 13 when absent.
 */
export function raiseEvmFees(fees: EvmFees, percent = 13): EvmFees {
  const { maxFeePerGas, maxPriorityFeePerGas } = requireObject<EvmFees>('fees', fees) as EvmFees;
  for (const [name, wei] of Object.entries({ maxFeePerGas, maxPriorityFeePerGas }))
    if (typeof wei !== 'bigint' || wei < 0n)
      throw invalidArgument(`fees.${name}`, 'wei, as a bigint of 0 or more', wei);
  requireInteger('percent', percent, 10, 1_000);
  const raise = (wei: bigint): bigint => (wei * BigInt(100 + percent) + 99n) / 100n;
  return { maxFeePerGas: raise(maxFeePerGas), maxPriorityFeePerGas: raise(maxPriorityFeePerGas) };
}

function weiOf(value: unknown): bigint | undefined {
  return typeof value === 'string' && /^0x[0-9a-f]{1,64}$/i.test(value) ? BigInt(value) : undefined;
}

/** A node that failed, or answered nonsense. */
export function evmFailed(call: string, reason: string, cause?: unknown): WalletError<'WALLET_EVM_FAILED'> {
  return new WalletError('WALLET_EVM_FAILED', `expected an answer to ${call}, got: ${reason}`, {
    details: { call, reason },
    retryable: true,
    ...(cause === undefined ? {} : { cause }),
  });
}
