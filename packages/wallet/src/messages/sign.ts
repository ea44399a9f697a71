import { decodeAddress } from '@bitcoin-enterprise/core';
import { serializeTransaction, witnessProgramOf } from '@bitcoin-enterprise/script';
import { requireBytes, requireFunction, requireInteger, requireList, requireObject } from '../checks.ts';
import { invalidArgument, WalletError } from '../errors.ts';
import { createPsbt, type NewInput } from '../psbt/create.ts';
import { extractTransaction } from '../psbt/extract.ts';
import { finalizePsbt } from '../psbt/finalize.ts';
import type { Psbt, PsbtInput } from '../psbt/model.ts';
import { serializePsbt } from '../psbt/serialize.ts';
import { requirePsbt } from '../psbt/require-psbt.ts';
import { inputIncomplete, spentOutputOf } from '../psbt/spend.ts';
import type { Signer } from '../signers/ports.ts';
import { signatureText, witnessBytes } from './signature-text.ts';
import { MESSAGE_OUTPUT, messageBytes, type MessageTimes, messageToSign, messageToSpend } from './transactions.ts';
import { type MessageVerdict, verifyMessage } from './verify.ts';

/** What is signed, for which address, and what a signer must know for it. */
export interface MessageRequest extends MessageTimes {
  /** A text, which is signed as UTF-8, or bytes. */
  readonly message: string | Uint8Array;
  /** Whose message it is. */
  readonly address?: string;
  /** The script of the address, for those that have no address. */
  readonly scriptPubKey?: Uint8Array;
  /** What a signer needs of the address: redeem or witness script, derivations, leaves; `describeInput` tells it. */
  readonly spend?: Partial<PsbtInput>;
  /** Coins to show control of, each with the output or transaction that it spends (proof of funds). */
  readonly coins?: readonly NewInput[];
  /** Of the PSBT: 0 when absent, as the vectors of BIP322. */
  readonly psbtVersion?: 0 | 2;
}

/**
 * Makes the PSBT that signers of a message sign (BIP322, “PSBT creator”): `to_sign`, with the message in
 * `PSBT_GLOBAL_GENERIC_SIGNED_MESSAGE`, so that a device can show the message and no payment.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`; CoreError `CORE_ADDRESS_INVALID`.
 */
export function createMessagePsbt(request: MessageRequest): Psbt {
  const {
    message,
    address,
    scriptPubKey,
    spend = {},
    coins = [],
    psbtVersion = 0,
    ...times
  } = requireObject('request', request) as MessageRequest;
  const { redeemScript } = requireObject<PsbtInput>('request.spend', spend);
  if (redeemScript !== undefined) requireBytes('request.spend.redeemScript', redeemScript);
  const { version = 0, lockTime = 0, sequence = 0 } = times;
  requireInteger('request.version', version, 0, 2);
  requireInteger('request.lockTime', lockTime, 0, 0xffff_ffff);
  requireInteger('request.sequence', sequence, 0, 0xffff_ffff);
  if (version === 1) throw invalidArgument('request.version', '0 or 2 (BIP322)', version);
  const script = scriptOf(address, scriptPubKey);
  const toSpend = messageToSpend(message, script);
  const { previousTxid, previousIndex } = messageToSign(toSpend).inputs[0] as NewInput;
  const mayHaveWitness = witnessProgramOf(script) !== undefined || witnessProgramOf(redeemScript ?? NOTHING);
  const first: NewInput = {
    ...spend,
    previousTxid,
    previousIndex,
    sequence,
    nonWitnessUtxo: serializeTransaction(toSpend),
    ...(mayHaveWitness ? { witnessUtxo: { value: 0n, scriptPubKey: script } } : {}),
  };
  const added = requireList('request.coins', coins).map((coin) => {
    const input = requireObject<NewInput>('request.coins', coin) as NewInput;
    return { ...input, sequence: input.sequence ?? 0 };
  });
  const psbt = createPsbt({
    version: psbtVersion,
    transactionVersion: version,
    lockTime,
    inputs: [first, ...added],
    outputs: [{ value: 0n, scriptPubKey: MESSAGE_OUTPUT }],
  });
  return { ...psbt, signedMessage: messageBytes(message) };
}

const NOTHING = new Uint8Array(0);

function scriptOf(address: string | undefined, scriptPubKey: Uint8Array | undefined): Uint8Array {
  if (scriptPubKey !== undefined) return requireBytes('request.scriptPubKey', scriptPubKey);
  if (address === undefined) throw invalidArgument('request.address', 'an address', address);
  return decodeAddress(address).scriptPubKey;
}

/**
 * The message that a PSBT signs, if it is one of BIP322 (“PSBT signer”): a signer shows it in place of a payment.
 *
 * @returns The message and the script that signs; `undefined` for an ordinary PSBT.
 * @throws WalletError `WALLET_PSBT_INPUT_INVALID` for an input that contradicts itself, `WALLET_INVALID_ARGUMENT`.
 */
export function messageOfPsbt(
  psbt: Psbt,
): { readonly message: Uint8Array; readonly scriptPubKey: Uint8Array } | undefined {
  requirePsbt(psbt);
  const { signedMessage: message } = psbt;
  const [first] = psbt.inputs;
  const [output] = psbt.outputs;
  if (message === undefined || first?.previousIndex !== 0 || psbt.outputs.length !== 1) return undefined;
  const scriptPubKey = spentOutputOf(first, 0)?.scriptPubKey;
  if (scriptPubKey === undefined || output?.value !== 0n || !isSame(output.scriptPubKey, MESSAGE_OUTPUT))
    return undefined;
  const { previousTxid } = messageToSign(messageToSpend(message, scriptPubKey)).inputs[0] as NewInput;
  return isSame(previousTxid, first.previousTxid) ? { message, scriptPubKey } : undefined;
}

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, i) => byte === right[i]);
}

/**
 * Writes the signature that a signed PSBT of `createMessagePsbt` holds, in the shortest format that can carry it
 * (BIP322): simple for a native witness address without times, full for all others, proof of funds with coins. It is
 * finalised first, and verified.
 *
 * @returns `smp…`, `ful…` or `pof…`.
 * @throws WalletError `WALLET_PSBT_INCOMPLETE` when a signature is missing, `WALLET_PSBT_INPUT_INVALID`,
 * `WALLET_MESSAGE_SIGNATURE_INVALID` for one that does not verify, `WALLET_INVALID_ARGUMENT` for another PSBT.
 */
export function finishMessage(psbt: Psbt): string {
  const signed = messageOfPsbt(psbt);
  if (signed === undefined) throw invalidArgument('psbt', 'a PSBT of createMessagePsbt', 'another one');
  const { message, scriptPubKey } = signed;
  const final = finalizePsbt(psbt);
  const signature = encode(final, scriptPubKey);
  const verdict = verifyMessage({ message, scriptPubKey, signature });
  if (verdict.state === 'invalid') throw unverified(verdict);
  return signature;
}

function encode(final: Psbt, scriptPubKey: Uint8Array): string {
  if (final.inputs.length > 1) return signatureText('pof', serializePsbt(final));
  const toSign = extractTransaction(final, { check: 'none' });
  const [input] = toSign.inputs;
  if (input === undefined) throw inputIncomplete(0, 'an input');
  const isPlain = toSign.version === 0 && toSign.lockTime === 0 && input.sequence === 0;
  if (isPlain && witnessProgramOf(scriptPubKey) !== undefined) return signatureText('smp', witnessBytes(input.witness));
  return signatureText('ful', serializeTransaction(toSign));
}

function unverified({
  reason,
}: Exclude<MessageVerdict, { readonly state: 'valid' }>): WalletError<'WALLET_MESSAGE_SIGNATURE_INVALID'> {
  return new WalletError('WALLET_MESSAGE_SIGNATURE_INVALID', `expected a signature that verifies, but ${reason}`, {
    details: { reason },
    hint: 'A time lock wants version, lockTime and sequence to be set.',
  });
}

/**
 * Signs a message with any signer (BIP322).
 *
 * @param signer - Of all keys that the script wants; several signers take turns at `createMessagePsbt`'s PSBT instead.
 * @returns `smp…`, `ful…` or `pof…`.
 * @throws WalletError as `createMessagePsbt`, `finishMessage` and the signer.
 *
 * @example
 * ```ts
 * import { currentCrypto } from '@bitcoin-enterprise/core';
 * import { createKeyRing, memorySigner } from '@bitcoin-enterprise/wallet';
 * import { signMessage, verifyMessage } from '@bitcoin-enterprise/wallet/messages';
 *
 * const ring = createKeyRing({ secretKeys: [new Uint8Array(32).fill(1)] });
 * const keyHash = currentCrypto().hash160(ring.publicKeys[0] ?? new Uint8Array(33));
 * const scriptPubKey = Uint8Array.of(0, 20, ...keyHash);
 * const signature = await signMessage({ message: 'Hello World', scriptPubKey }, memorySigner(ring));
 * verifyMessage({ message: 'Hello World', scriptPubKey, signature }).state; // => 'valid'
 * ```
 */
export async function signMessage(
  request: MessageRequest,
  signer: Signer,
  options: { readonly signal?: AbortSignal } = {},
): Promise<string> {
  requireFunction('signer.sign', requireObject<Signer>('signer', signer).sign);
  const psbt = createMessagePsbt(request);
  return finishMessage(await signer.sign(psbt, options));
}
