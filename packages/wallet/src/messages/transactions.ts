import { concatBytes, currentCrypto, isBytes } from '@bitcoin-enterprise/core';
import { type Transaction, transactionId } from '@bitcoin-enterprise/script';
import { requireBytes, requireInteger, requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';

/** `OP_RETURN`: the one output of `to_sign` (BIP322). */
export const MESSAGE_OUTPUT: Uint8Array = Uint8Array.of(0x6a);

const NOTHING = new Uint8Array(0);

/**
 * The bytes of a message: as they are, or UTF-8 of a text.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`, also for a text with half of a surrogate pair, for two such texts would
 * be the same message.
 */
export function messageBytes(message: string | Uint8Array): Uint8Array {
  if (isBytes(message)) return message;
  if (typeof message !== 'string') throw invalidArgument('message', 'a text or bytes', message);
  if (/\p{Surrogate}/u.test(message)) throw invalidArgument('message', 'a text without halves of characters', message);
  return new TextEncoder().encode(message);
}

/**
 * The hash of a message (BIP322): a tagged hash, without length or prefix.
 *
 * @returns 32 bytes.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { toHex } from '@bitcoin-enterprise/core';
 * import { messageHash } from '@bitcoin-enterprise/wallet/messages';
 *
 * toHex(messageHash('Hello World')).slice(0, 8); // => 'f0eb03b1'
 * ```
 */
export function messageHash(message: string | Uint8Array): Uint8Array {
  return currentCrypto().taggedHash('BIP0322-signed-message', messageBytes(message));
}

/**
 * The virtual transaction that pays nothing to the script that signs, and commits to the message: `to_spend` of BIP322.
 *
 * @param scriptPubKey - Of the address that signs: `message_challenge`.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 */
export function messageToSpend(message: string | Uint8Array, scriptPubKey: Uint8Array): Transaction {
  return {
    version: 0,
    lockTime: 0,
    inputs: [
      {
        previousTxid: new Uint8Array(32),
        previousIndex: 0xffff_ffff,
        scriptSig: concatBytes(Uint8Array.of(0, 32), messageHash(message)),
        sequence: 0,
        witness: [],
      },
    ],
    outputs: [{ value: 0n, scriptPubKey: requireBytes('scriptPubKey', scriptPubKey) }],
  };
}

/** What `to_sign` may have other than zero, in the full format. */
export interface MessageTimes {
  /** Of `to_sign`: 0, or 2 for relative locks; 0 when absent. */
  readonly version?: number;
  /** Height below 500,000,000, else Unix seconds; 0 when absent. */
  readonly lockTime?: number;
  /** Of the first input; 0 when absent. */
  readonly sequence?: number;
}

/**
 * The virtual transaction whose first input is the signature: `to_sign` of BIP322, not signed yet.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 */
export function messageToSign(toSpend: Transaction, times: MessageTimes = {}): Transaction {
  const { version = 0, lockTime = 0, sequence = 0 } = requireObject<MessageTimes>('times', times);
  for (const [name, value] of Object.entries({ version, lockTime, sequence }))
    requireInteger(`times.${name}`, value, 0, 0xffff_ffff);
  const previousTxid = transactionId(toSpend);
  const input = { previousTxid, previousIndex: 0, scriptSig: NOTHING, sequence, witness: [] };
  return { version, lockTime, inputs: [input], outputs: [{ value: 0n, scriptPubKey: MESSAGE_OUTPUT }] };
}
