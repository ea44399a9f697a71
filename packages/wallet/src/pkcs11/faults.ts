import { toHex } from '@bitcoin-enterprise/core';
import { WalletError } from '../errors.ts';
import type { TokenFault } from './protocol.ts';
import { aborted, unavailable } from './token-process.ts';

/** What a fault of the process is to the caller. */
export function meaningOf(fault: TokenFault, signer: string): WalletError {
  switch (fault.kind) {
    case 'gone':
      return unavailable(signer, fault.reason);
    case 'login-needed':
    case 'pin':
      return unavailable(signer, 'it logged out again');
    case 'key-unknown':
      return unknown(fault.key);
    case 'answer':
      return answerInvalid(signer, fault.reason);
    case 'failed': {
      const { call, code, name } = fault;
      return new WalletError('WALLET_TOKEN_FAILED', `expected ${call} of ${signer} to work, got ${name}`, {
        details: { call, code, name },
      });
    }
  }
}

/** The error of an answer that a token must not give. */
export function answerInvalid(signer: string, reason: string): WalletError<'WALLET_SIGNER_ANSWER_INVALID'> {
  return new WalletError('WALLET_SIGNER_ANSWER_INVALID', `expected another answer of ${signer}, got ${reason}`, {
    details: { signer, reason },
  });
}

/** The error of a key that is not in the token. */
export function keyUnknown(publicKey: Uint8Array): WalletError<'WALLET_KEY_UNKNOWN'> {
  return unknown(toHex(publicKey));
}

function unknown(key: string): WalletError<'WALLET_KEY_UNKNOWN'> {
  return new WalletError('WALLET_KEY_UNKNOWN', `expected a key of the token, got ${key}`, { details: { key } });
}

/** Waits for work as long as its signal lets it. */
export async function untilAborted<Result>(
  work: Promise<Result>,
  { call, signal }: { readonly call: string; readonly signal: AbortSignal | undefined },
): Promise<Result> {
  if (signal === undefined) return work;
  let end: (() => void) | undefined;
  try {
    return await Promise.race([
      work,
      new Promise<never>((_, fail) => {
        end = () => fail(aborted(call, signal));
        signal.addEventListener('abort', end);
        if (signal.aborted) end();
      }),
    ]);
  } finally {
    if (end !== undefined) signal.removeEventListener('abort', end);
  }
}

/** Throws when the caller has ended the call. */
export function requireGoing(call: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw aborted(call, signal);
}
