import { sleep } from '@bitcoin-enterprise/core/resilience';
import { translated } from './policy.ts';

/** Waits; a signal ends the wait with `CHAIN_ABORTED`. */
export async function pause(
  milliseconds: number,
  options: { readonly call: string; readonly signal?: AbortSignal },
): Promise<void> {
  const { call, signal } = options;
  try {
    await sleep(milliseconds, signal === undefined ? {} : { signal });
  } catch (error) {
    throw translated(call, error, signal);
  }
}
