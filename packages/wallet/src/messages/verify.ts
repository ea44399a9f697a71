import { decodeAddress, equalBytes, hasCode, SuiteError, toHex } from '@bitcoin-enterprise/core';
import {
  type SpentOutput,
  type Transaction,
  transactionId,
  TransactionView,
  viewTransaction,
  witnessProgramOf,
} from '@bitcoin-enterprise/script';
import { requireBytes, requireList, requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import type { Psbt, PsbtInput } from '../psbt/model.ts';
import { spentOutputOf } from '../psbt/spend.ts';
import { unsignedTransaction } from '../psbt/transaction.ts';
import { isLegacySignature } from './legacy.ts';
import { checkMessageRules } from './rules.ts';
import { type MessageFormat, type MessageSignature, parseMessageSignature } from './signature-text.ts';
import { MESSAGE_OUTPUT, messageBytes, messageToSign, messageToSpend } from './transactions.ts';

/** What a signature is checked against. */
export interface VerifyMessageOptions {
  /** A text, which is signed as UTF-8, or bytes. */
  readonly message: string | Uint8Array;
  /** As the signer gave it: `smp…`, `ful…`, `pof…`, or base64 alone. */
  readonly signature: string;
  /** Who is to have signed. Only a proof of funds can be checked without; then its first input says for which script. */
  readonly address?: string;
  /** The script of the address, for those that have no address. */
  readonly scriptPubKey?: Uint8Array;
  /** What the inputs behind the first spend, in order, for a full signature that does not bring it. */
  readonly spentOutputs?: readonly SpentOutput[];
}

/** A coin that a proof of funds shows control of. Whether it is still there, the chain must say. */
export interface ProvenCoin {
  /** 32 bytes in internal order. */
  readonly previousTxid: Uint8Array;
  readonly previousIndex: number;
  /** Satoshis. */
  readonly value: bigint;
  readonly scriptPubKey: Uint8Array;
}

/** The outcome of BIP322. */
export type MessageVerdict =
  | {
      /** Signed, at the time `lockTime` and the age `sequence`: both 0 for a signature that does not depend on them. */
      readonly state: 'valid';
      readonly format: MessageFormat;
      /** T: height below 500,000,000, else Unix seconds, from which on the script lets the signer spend. */
      readonly lockTime: number;
      /** S: how old a coin of the address must be, in the form of BIP68. */
      readonly sequence: number;
      /** Version of `to_sign`, 0 or 2. */
      readonly version: number;
      /** Of a proof of funds. */
      readonly coins: readonly ProvenCoin[];
    }
  | {
      /** The script uses what may get a meaning one day: nobody can tell today. */
      readonly state: 'inconclusive';
      readonly reason: string;
      readonly input?: number;
    }
  | { readonly state: 'invalid'; readonly reason: string; readonly input?: number };

/**
 * Whether a message was signed by those who control an address: BIP322 in all its formats, for any script, and
 * `signmessage` of P2PKH.
 *
 * @returns `valid` (at a time and age), `inconclusive` or `invalid`; a text that is no signature is `invalid`.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`; CoreError `CORE_ADDRESS_INVALID` for an address that is none.
 *
 * @example
 * ```ts
 * import { verifyMessage } from '@bitcoin-enterprise/wallet/messages';
 *
 * const verdict = verifyMessage({
 *   message: 'Hello World',
 *   address: 'bc1q9vza2e8x573nczrlzms0wvx3gsqjx7vavgkx0l',
 *   signature:
 *     'smpAkcwRAIgZRfIY3p7/DoVTty6YZbWS71bc5Vct9p9Fia83eRmw2QCICK/ENGfwLtptFluMGs2KsqoNSk89pO7F29zJLUx9a/sASECx/EgAxlkQpQ9hYjgGu6EBCPMVPwVIVJqO4XCsMvViHI=',
 * });
 * verdict.state; // => 'valid'
 * ```
 */
export function verifyMessage(options: VerifyMessageOptions): MessageVerdict {
  const { message, signature, address, scriptPubKey, spentOutputs } = requireObject<VerifyMessageOptions>(
    'options',
    options,
  );
  const bytes = messageBytes(message as string);
  const challenge = challengeOf(address, scriptPubKey);
  const spent = spentOutputs === undefined ? undefined : requireSpentOutputs(spentOutputs);
  try {
    const parsed = parseMessageSignature(signature as string);
    return verifyParsed(parsed, { message: bytes, challenge, spentOutputs: spent });
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === undefined) throw error;
    return { state: 'invalid', reason };
  }
}

function requireSpentOutputs(outputs: unknown): readonly SpentOutput[] {
  return requireList('options.spentOutputs', outputs).map((output, place) => {
    const argument = `options.spentOutputs[${place}]`;
    const { value, scriptPubKey } = requireObject<SpentOutput>(argument, output);
    if (typeof value !== 'bigint') throw invalidArgument(`${argument}.value`, 'satoshis as a bigint', value);
    return { value, scriptPubKey: requireBytes(`${argument}.scriptPubKey`, scriptPubKey) };
  });
}

interface Claim {
  readonly message: Uint8Array;
  readonly challenge: Uint8Array | undefined;
  readonly spentOutputs: readonly SpentOutput[] | undefined;
}

function challengeOf(address: string | undefined, scriptPubKey: Uint8Array | undefined): Uint8Array | undefined {
  if (scriptPubKey !== undefined) {
    if (address !== undefined) throw invalidArgument('options', 'an address or a script, not both', 'both');
    return requireBytes('options.scriptPubKey', scriptPubKey);
  }
  return address === undefined ? undefined : decodeAddress(address).scriptPubKey;
}

/** What makes a signature invalid, of those errors that its text can cause. */
function reasonOf(error: unknown): string | undefined {
  if (hasCode(error, 'WALLET_MESSAGE_SIGNATURE_INVALID'))
    return String((error.details as { readonly reason?: unknown }).reason);
  const isOfPsbt =
    error instanceof SuiteError && (error.code.startsWith('WALLET_PSBT_') || error.code.startsWith('SCRIPT_'));
  return isOfPsbt ? error.code : undefined;
}

function verifyParsed(signature: MessageSignature, claim: Claim): MessageVerdict {
  if (signature.format === 'proof-of-funds') return verifyFunds(signature.psbt, claim);
  const { message, challenge, spentOutputs } = claim;
  if (challenge === undefined) throw invalidArgument('options.address', 'an address', challenge);
  if (signature.format === 'legacy')
    return isLegacySignature(signature.compact, message, challenge)
      ? { state: 'valid', format: 'legacy', lockTime: 0, sequence: 0, version: 0, coins: [] }
      : { state: 'invalid', reason: 'the key of the signature is not that of the address' };
  const toSpend = messageToSpend(message, challenge);
  const toSign = signature.format === 'full' ? signature.toSign : withWitness(toSpend, signature.witness);
  return verifyToSign(signature.format, { toSpend, toSign, others: spentOutputs ?? [] });
}

function withWitness(toSpend: Transaction, witness: readonly Uint8Array[]): Transaction {
  const toSign = messageToSign(toSpend);
  return { ...toSign, inputs: toSign.inputs.map((input) => ({ ...input, witness })) };
}

interface Spending {
  readonly toSpend: Transaction;
  readonly toSign: Transaction;
  /** What the inputs behind the first spend. */
  readonly others: readonly SpentOutput[];
}

function verifyToSign(format: MessageFormat, { toSpend, toSign, others }: Spending): MessageVerdict {
  const [first, ...added] = toSign.inputs;
  if (first === undefined || first.previousIndex !== 0 || !equalBytes(first.previousTxid, transactionId(toSpend)))
    return { state: 'invalid', reason: 'it is for another message or another address' };
  const [output] = toSign.outputs;
  if (toSign.outputs.length !== 1 || output?.value !== 0n || !equalBytes(output.scriptPubKey, MESSAGE_OUTPUT))
    return { state: 'invalid', reason: 'its transaction has other outputs than BIP322 asks for' };
  if (others.length !== added.length)
    return { state: 'invalid', reason: 'it does not say what its further inputs spend' };
  const spentOutputs = [toSpend.outputs[0] as SpentOutput, ...others];
  const verdict = checkMessageRules(viewTransaction(toSign), spentOutputs);
  if (verdict.state !== 'valid') return verdict;
  const { version, lockTime } = toSign;
  const coins = added.map(({ previousTxid, previousIndex }, place) => {
    const { value, scriptPubKey } = others[place] as SpentOutput;
    return { previousTxid, previousIndex, value, scriptPubKey };
  });
  return { state: 'valid', format, lockTime, sequence: first.sequence, version, coins };
}

function verifyFunds(psbt: Psbt, { message, challenge }: Claim): MessageVerdict {
  const { signedMessage: said } = psbt;
  if (said !== undefined && !equalBytes(said, message))
    return { state: 'invalid', reason: 'its PSBT names another message' };
  const [first] = psbt.inputs;
  if (first === undefined) return { state: 'invalid', reason: 'its PSBT has no inputs' };
  const named = spentOutputOf(first, 0);
  // Without an address the first input says which script signs; without that too, it is one that anybody satisfies.
  const script = challenge ?? named?.scriptPubKey ?? Uint8Array.of(0x51);
  if (named !== undefined && (named.value !== 0n || !equalBytes(named.scriptPubKey, script)))
    return { state: 'invalid', reason: 'its first input spends another output than that of the message', input: 0 };
  const toSpend = messageToSpend(message, script);
  const others: SpentOutput[] = [];
  const known = new Map<string, TransactionView>();
  for (const [index, input] of psbt.inputs.entries()) {
    if (input.nonWitnessUtxo !== undefined)
      known.set(toHex(input.previousTxid), TransactionView.of(input.nonWitnessUtxo));
    if (index === 0) continue;
    const spent = spentOfInput(input, index, known);
    if (spent === undefined)
      return { state: 'invalid', reason: 'an input does not bring the output that it spends', input: index };
    others.push(spent);
  }
  const unsigned = unsignedTransaction(psbt);
  const inputs = unsigned.inputs.map((input, index) => {
    const { finalScriptSig, finalScriptWitness } = psbt.inputs[index] as PsbtInput;
    return { ...input, scriptSig: finalScriptSig ?? input.scriptSig, witness: finalScriptWitness ?? input.witness };
  });
  return verifyToSign('proof-of-funds', { toSpend, toSign: { ...unsigned, inputs }, others });
}

/**
 * What an input spends: from the transaction it brings, or that an earlier input of the same one brings (BIP322). The
 * output alone is enough where signatures cover its amount, so with a witness (BIP143).
 */
function spentOfInput(
  input: PsbtInput,
  index: number,
  known: ReadonlyMap<string, TransactionView>,
): SpentOutput | undefined {
  const earlier = input.nonWitnessUtxo === undefined ? known.get(toHex(input.previousTxid)) : undefined;
  if (earlier !== undefined) {
    // Whether it is that transaction was checked where it was brought.
    if (input.previousIndex >= earlier.outputCount) return undefined;
    const { previousIndex } = input;
    const output = { value: earlier.value(previousIndex), scriptPubKey: earlier.scriptPubKey(previousIndex) };
    const { witnessUtxo } = input;
    const contradicts =
      witnessUtxo !== undefined &&
      (witnessUtxo.value !== output.value || !equalBytes(witnessUtxo.scriptPubKey, output.scriptPubKey));
    return contradicts ? undefined : output;
  }
  const spent = spentOutputOf(input, index);
  if (spent === undefined || input.nonWitnessUtxo !== undefined) return spent;
  const hasWitness = (input.finalScriptWitness?.length ?? 0) > 0 || witnessProgramOf(spent.scriptPubKey) !== undefined;
  return hasWitness ? spent : undefined;
}
