import type { JsonRpcApiProvider } from 'ethers';
import { refusalOf } from './answers.ts';
import { evmFailed } from './fees.ts';

/**
 * A question to a node.
 *
 * @throws WalletError `WALLET_EVM_FAILED` when it refuses or does not answer.
 */
export async function asked(provider: JsonRpcApiProvider, call: string, params: readonly unknown[]): Promise<unknown> {
  try {
    return await provider.send(call, [...params]);
  } catch (error) {
    throw evmFailed(call, refusalOf(error).text, error);
  }
}

/** A question whose answer is a number; throws as {@link asked}, also for another answer. */
export async function askedNumber(
  provider: JsonRpcApiProvider,
  call: string,
  params: readonly unknown[],
): Promise<bigint> {
  const answer = await asked(provider, call, params);
  if (typeof answer !== 'string' || !/^0x[0-9a-f]{1,64}$/i.test(answer))
    throw evmFailed(call, 'an answer that is no number');
  return BigInt(answer);
}

/** What an answer says if it is bytes; throws `WALLET_EVM_FAILED` for another one. */
export function bytesIn(call: string, answer: unknown): string {
  if (typeof answer !== 'string' || !/^0x([0-9a-f]{2})*$/i.test(answer))
    throw evmFailed(call, 'an answer that is no bytes');
  return answer;
}
