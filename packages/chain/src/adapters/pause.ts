import { ChainError } from '../errors.ts';

/** Waits; a signal ends the wait with `CHAIN_ABORTED`. */
export async function pause(
  milliseconds: number,
  options: { readonly call: string; readonly signal?: AbortSignal },
): Promise<void> {
  const { call, signal } = options;
  await new Promise<void>((done) => {
    const timer = setTimeout(finish, milliseconds);
    signal?.addEventListener('abort', finish, { once: true });
    function finish(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      done();
    }
    if (signal?.aborted === true) finish();
  });
  if (signal?.aborted === true)
    throw new ChainError('CHAIN_ABORTED', `${call} was ended by its signal`, { details: { call } });
}
