import { currentCrypto, equalBytes, toHex } from '@bitcoin-enterprise/core';
import { outputTypeOf } from '@bitcoin-enterprise/script';
import { requireList, requireObject } from '../checks.ts';
import { WalletError } from '../errors.ts';
import type { SecretBytes } from '../keys/secret-bytes.ts';
import { decodeSilentAddress, requireCompressedKey, type SilentAddressKeys } from './address.ts';
import { inputHashOf, isFutureWitness, requireOutpoint, type SilentOutpoint } from './inputs.ts';
import { addSecrets, multiplyBySecret, publicKeyOf, requireSecret } from './secret-arithmetic.ts';
import { MAXIMUM_SILENT_OUTPUTS, outputTweak, taprootScript } from './shared-secret.ts';

/** An input of a transaction that pays silently. */
export interface SilentSenderInput extends SilentOutpoint {
  /**
   * Secret key of the output that is spent, 32 bytes; of Taproot that of the **output** key, so tweaked. Left out for an
   * input that takes no part.
   */
  readonly secretKey?: SecretBytes;
  /**
   * `false` for an input that takes no part although its script does not tell: a script hash that is no P2SH-P2WPKH, a
   * Taproot output with the internal key H of BIP341, a key hash of an uncompressed key.
   */
  readonly takesPart?: boolean;
}

/** What a silent payment is made of. */
export interface SilentPaymentOptions {
  /** **All** inputs of the transaction. When they change, the outputs must be made anew. */
  readonly inputs: readonly SilentSenderInput[];
  /** One entry for each output that is wanted: an address, or its keys. */
  readonly recipients: readonly (string | SilentAddressKeys)[];
}

/** An output that pays silently. */
export interface SilentOutput {
  /** Which recipient, from 0. */
  readonly recipient: number;
  /** 32 bytes, x only. */
  readonly outputKey: Uint8Array;
  /** `1 <output key>`, 34 bytes. */
  readonly scriptPubKey: Uint8Array;
}

/**
 * Makes the outputs that pay silent payment addresses (BIP352). **All of them must stand in the transaction**, or the
 * receivers do not find those behind a missing one; sign with `SIGHASH_ALL` or Taproot's default.
 *
 * @returns One output for each recipient, in their order.
 * @throws WalletError `WALLET_SILENT_INPUTS_INVALID` for inputs that cannot pay silently, a key that does not fit its
 * input, or keys that add up to nothing; `WALLET_SILENT_ADDRESS_INVALID`; `WALLET_SILENT_RECIPIENTS_INVALID` for more than
 * 2,323 outputs of one scan key; `WALLET_SECRET_WIPED`; `WALLET_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { currentCrypto } from '@bitcoin-enterprise/core';
 * import { SecretBytes } from '@bitcoin-enterprise/wallet/keys';
 * import { createSilentOutputs } from '@bitcoin-enterprise/wallet/silent';
 *
 * const secret = new Uint8Array(32).fill(1);
 * const keyHash = currentCrypto().hash160(currentCrypto().publicKey(secret) ?? new Uint8Array(33));
 * const input = {
 *   previousTxid: new Uint8Array(32).fill(7),
 *   previousIndex: 0,
 *   scriptPubKey: Uint8Array.of(0, 20, ...keyHash),
 *   secretKey: new SecretBytes(secret),
 * };
 * const address =
 *   'sp1qqgste7k9hx0qftg6qmwlkqtwuy6cycyavzmzj85c6qdfhjdpdjtdgqjuexzk6murw56suy3e0rd2cgqvycxttddwsvgxe2usfpxumr70xc9pkqwv';
 * createSilentOutputs({ inputs: [input], recipients: [address] })[0]?.scriptPubKey.length; // => 34
 * ```
 */
export function createSilentOutputs(options: SilentPaymentOptions): readonly SilentOutput[] {
  const { inputs, recipients } = requireObject<SilentPaymentOptions>('options', options);
  const groups = groupRecipients(requireList('options.recipients', recipients).map(keysOf));
  const spent = requireList('options.inputs', inputs).map((input) => requireSenderInput(input as SilentSenderInput));
  const sum = sumSecretKeys(spent);
  try {
    const inputHash = inputHashOf(spent, publicKeyOf('the sum of the keys', sum));
    const factor = inputHash === undefined ? undefined : currentCrypto().secretKeyTweakMul(sum, inputHash);
    if (factor === undefined) throw invalidInputs('their hash is no number');
    try {
      return outputsOfGroups(groups, (scanPublicKey) => multiplyBySecret(scanPublicKey, factor));
    } finally {
      factor.fill(0);
    }
  } finally {
    sum.fill(0);
  }
}

/** A recipient with its place in the list. */
export interface PlacedRecipient {
  readonly recipient: number;
  readonly keys: SilentAddressKeys;
}

/** Recipients by their scan key, in hexadecimal, in the order in which their outputs are counted. */
export type RecipientGroups = ReadonlyMap<string, readonly PlacedRecipient[]>;

/** Groups recipients by scan key; no group may be larger than what a receiver looks for. */
export function groupRecipients(recipients: readonly SilentAddressKeys[]): RecipientGroups {
  const groups = new Map<string, PlacedRecipient[]>();
  recipients.forEach((keys, recipient) => {
    const name = toHex(keys.scanPublicKey);
    const group = groups.get(name) ?? [];
    groups.set(name, group);
    group.push({ recipient, keys });
  });
  for (const { length: count } of groups.values())
    if (count > MAXIMUM_SILENT_OUTPUTS)
      throw new WalletError(
        'WALLET_SILENT_RECIPIENTS_INVALID',
        `expected at most ${MAXIMUM_SILENT_OUTPUTS} outputs for one scan key, got ${count}`,
        { details: { count, most: MAXIMUM_SILENT_OUTPUTS }, hint: 'Pay in several transactions.' },
      );
  return groups;
}

/** The outputs of all groups, in the order of the recipients. */
export function outputsOfGroups(
  groups: RecipientGroups,
  sharedSecretWith: (scanPublicKey: Uint8Array) => Uint8Array | undefined,
): readonly SilentOutput[] {
  const outputs: SilentOutput[] = [];
  for (const group of groups.values()) {
    const [first] = group;
    const sharedSecret = first === undefined ? undefined : sharedSecretWith(first.keys.scanPublicKey);
    if (sharedSecret === undefined) throw invalidInputs('there is no shared secret');
    group.forEach(({ recipient, keys }, k) => {
      const tweak = outputTweak(sharedSecret, k);
      const key = tweak === undefined ? undefined : currentCrypto().publicKeyTweakAdd(keys.spendPublicKey, tweak);
      if (key === undefined) throw invalidInputs('an output has no key');
      const outputKey = key.slice(1);
      outputs.push({ recipient, outputKey, scriptPubKey: taprootScript(outputKey) });
    });
  }
  return outputs.toSorted((left, right) => left.recipient - right.recipient);
}

function keysOf(recipient: unknown): SilentAddressKeys {
  if (typeof recipient === 'string') return decodeSilentAddress(recipient);
  const { scanPublicKey, spendPublicKey } = requireObject<SilentAddressKeys>('recipient', recipient);
  return {
    scanPublicKey: requireCompressedKey('recipient.scanPublicKey', scanPublicKey),
    spendPublicKey: requireCompressedKey('recipient.spendPublicKey', spendPublicKey),
  };
}

function requireSenderInput(input: SilentSenderInput): SilentSenderInput {
  const outpoint = requireOutpoint(input);
  if (isFutureWitness(outpoint.scriptPubKey)) throw invalidInputs('one is of a witness version above 1');
  if (input.takesPart === false) return outpoint;
  if (input.secretKey !== undefined)
    return { ...outpoint, secretKey: requireSecret('input.secretKey', input.secretKey) };
  if (mayTakePart(outpoint.scriptPubKey))
    throw invalidInputs(
      'one has no secret key, so that the receiver would not find the payment',
      'Give the secret key, or say takesPart: false where BIP352 leaves the input out.',
    );
  return outpoint;
}

function mayTakePart(scriptPubKey: Uint8Array): boolean {
  const type = outputTypeOf(scriptPubKey);
  return (
    type === 'pubkeyhash' || type === 'scripthash' || type === 'witness_v0_keyhash' || type === 'witness_v1_taproot'
  );
}

/** The sum of the keys, of Taproot in the form with an even y (BIP352); the caller wipes it. */
function sumSecretKeys(inputs: readonly SilentSenderInput[]): Uint8Array {
  const keys: Uint8Array[] = [];
  try {
    for (const { secretKey, scriptPubKey } of inputs)
      if (secretKey !== undefined) keys.push(secretKey.use((bytes) => contributionOf(bytes, scriptPubKey)));
    if (keys.length === 0) throw invalidInputs('none takes part');
    const sum = addSecrets(keys);
    if (sum === undefined) throw invalidInputs('their keys add up to nothing');
    return sum;
  } finally {
    for (const key of keys) key.fill(0);
  }
}

/** What a key adds to the sum, a copy; throws unless it is the key of the script. */
export function contributionOf(secretKey: Uint8Array, scriptPubKey: Uint8Array): Uint8Array {
  const crypto = currentCrypto();
  const publicKey = publicKeyOf('input.secretKey', secretKey);
  if (!isKeyOfScript(publicKey, scriptPubKey)) throw invalidInputs('a secret key is not that of its input');
  const isOdd = outputTypeOf(scriptPubKey) === 'witness_v1_taproot' && publicKey[0] === 3;
  const negated = isOdd ? crypto.secretKeyNegate(secretKey) : undefined;
  return negated ?? new Uint8Array(secretKey);
}

/** Whether a script of one of the four kinds pays to a key of 33 bytes. */
export function isKeyOfScript(publicKey: Uint8Array, scriptPubKey: Uint8Array): boolean {
  const crypto = currentCrypto();
  const keyHash = (): Uint8Array => crypto.hash160(publicKey);
  switch (outputTypeOf(scriptPubKey)) {
    case 'pubkeyhash':
      return equalBytes(scriptPubKey.subarray(3, 23), keyHash());
    case 'witness_v0_keyhash':
      return equalBytes(scriptPubKey.subarray(2), keyHash());
    case 'scripthash':
      return equalBytes(scriptPubKey.subarray(2, 22), crypto.hash160(Uint8Array.of(0, 20, ...keyHash())));
    case 'witness_v1_taproot':
      return equalBytes(scriptPubKey.subarray(2), publicKey.subarray(1));
    default:
      return false;
  }
}

/** Inputs that cannot pay silently. */
export function invalidInputs(reason: string, hint?: string): WalletError<'WALLET_SILENT_INPUTS_INVALID'> {
  return new WalletError('WALLET_SILENT_INPUTS_INVALID', `expected inputs that can pay silently, but ${reason}`, {
    details: { reason },
    ...(hint === undefined ? {} : { hint }),
  });
}
