import { compareBytes, currentCrypto, type Entropy, equalBytes, toHex, webEntropy } from '@bitcoin-enterprise/core';
import type { KeyOrigin } from '@bitcoin-enterprise/descriptors';
import { requireBytes, requireInteger, requireList, requireObject } from '../checks.ts';
import { WalletError, type WalletErrors } from '../errors.ts';
import { SecretBytes } from '../keys/secret-bytes.ts';
import type { Psbt, PsbtInput, PsbtOutput, SilentShare } from '../psbt/model.ts';
import { requireCompressedKey } from './address.ts';
import { createDleqProof, verifyDleqProof } from './dleq.ts';
import { inputHashOf } from './inputs.ts';
import {
  type PartakingInput,
  type PsbtInputs,
  readPsbtInputs,
  requireSilentPsbt,
  secretOfInput,
} from './psbt-inputs.ts';
import { addSecrets } from './secret-arithmetic.ts';
import { groupRecipients, invalidInputs, outputsOfGroups, type PlacedRecipient } from './send.ts';

/** Which shares of a scan key a PSBT has. */
export interface SilentCoverage {
  /** 33 bytes. */
  readonly scanKey: Uint8Array;
  /** Inputs that take part and have no share yet; empty when the outputs can be computed. */
  readonly missing: readonly number[];
}

/**
 * Adds the shares that some keys can make, with their proofs (BIP375, Signer): one for all inputs when every key is
 * there, else one for each input of a key. Shares that are there already stay.
 *
 * @param keys - Of the inputs: of their outputs, internal keys of Taproot, or spend keys of silent payments (BIP376).
 * @returns The PSBT with the shares; `computeSilentOutputs` goes on when none is missing.
 * @throws WalletError `WALLET_SILENT_INPUTS_INVALID`, `WALLET_PSBT_INCOMPLETE`, `WALLET_PSBT_INPUT_INVALID`,
 * `WALLET_SECRET_WIPED`, `WALLET_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts no-run
 * import type { SecretBytes } from '@bitcoin-enterprise/wallet/keys';
 * import type { Psbt } from '@bitcoin-enterprise/wallet/psbt';
 * import { addSilentShares, computeSilentOutputs } from '@bitcoin-enterprise/wallet/silent';
 *
 * declare const psbt: Psbt, keys: SecretBytes[];
 *
 * const ready = computeSilentOutputs(addSilentShares(psbt, keys)); // to be signed
 * ```
 */
export function addSilentShares(
  psbt: Psbt,
  keys: readonly SecretBytes[],
  options: { readonly entropy?: Entropy } = {},
): Psbt {
  const { entropy = webEntropy() } = requireObject<{ readonly entropy: Entropy }>('options', options);
  requireList('keys', keys);
  requireSilentPsbt(psbt);
  const scanKeys = scanKeysOf(psbt);
  if (scanKeys.length === 0) return psbt;
  const { partaking } = readPsbtInputs(psbt);
  if (partaking.length === 0) throw invalidInputs('none takes part');
  const contributions = partaking.map((input) => secretOfInput(input, keys));
  try {
    return scanKeys.reduce((grown, point) => withShares(grown, partaking, contributions, { point, entropy }), psbt);
  } finally {
    for (const secret of contributions) secret?.fill(0);
  }
}

function withShares(
  psbt: Psbt,
  partaking: readonly PartakingInput[],
  contributions: readonly (Uint8Array | undefined)[],
  { point, entropy }: { readonly point: Uint8Array; readonly entropy: Entropy },
): Psbt {
  if (shareFor(psbt.silentShares, point) !== undefined) return psbt;
  const isBegun = psbt.inputs.some((input) => shareFor(input.silentShares, point) !== undefined);
  const all = contributions.flatMap((secret) => secret ?? []);
  if (!isBegun && all.length === partaking.length) {
    const sum = addSecrets(all);
    if (sum === undefined) throw invalidInputs('their keys add up to nothing');
    try {
      return { ...psbt, silentShares: [...psbt.silentShares, proven(sum, point, entropy)] };
    } finally {
      sum.fill(0);
    }
  }
  const inputs = [...psbt.inputs];
  partaking.forEach(({ index }, place) => {
    const secret = contributions[place];
    const input = inputs[index] as PsbtInput;
    if (secret === undefined || shareFor(input.silentShares, point) !== undefined) return;
    inputs[index] = { ...input, silentShares: [...input.silentShares, proven(secret, point, entropy)] };
  });
  return { ...psbt, inputs };
}

function proven(secret: Uint8Array, point: Uint8Array, entropy: Entropy): SilentShare {
  const secretKey = new SecretBytes(secret);
  try {
    const { share, proof } = createDleqProof({ secretKey, point, entropy });
    return { scanKey: point, share, proof };
  } finally {
    secretKey.wipe();
  }
}

/**
 * Checks the proofs of all shares that a PSBT has, and that outputs which have a script already have the right one
 * (BIP375, Signer and Extractor).
 *
 * @returns For each scan key of an output, which inputs are still to give a share.
 * @throws WalletError `WALLET_SILENT_PROOF_INVALID`; `WALLET_PSBT_MISMATCH` for a script that is not the receiver's;
 * `WALLET_SILENT_INPUTS_INVALID`, `WALLET_PSBT_INCOMPLETE`, `WALLET_PSBT_INPUT_INVALID`, `WALLET_INVALID_ARGUMENT`.
 */
export function verifySilentShares(psbt: Psbt): readonly SilentCoverage[] {
  requireSilentPsbt(psbt);
  for (const { silentAddress, silentLabel, scriptPubKey } of psbt.outputs) {
    if (silentLabel !== undefined && silentAddress === undefined)
      throw mismatch('an output has a label without an address');
    if (silentAddress !== undefined && scriptPubKey.length > 0 && (psbt.modifiable ?? 0) !== 0)
      throw mismatch('a silent payment has its script although inputs or outputs may still change');
  }
  const scanKeys = scanKeysOf(psbt);
  if (scanKeys.length === 0) return [];
  const inputs = readPsbtInputs(psbt);
  const coverage = scanKeys.map((scanKey) => coverageOf(psbt, inputs, scanKey));
  requireRightScripts(psbt, inputs, coverage);
  return coverage;
}

function coverageOf(psbt: Psbt, { partaking }: PsbtInputs, scanKey: Uint8Array): SilentCoverage {
  const whole = shareFor(psbt.silentShares, scanKey);
  if (whole !== undefined) {
    const sum = currentCrypto().publicKeyCombine(partaking.map(requireKey));
    if (sum === undefined) throw invalidInputs('their keys add up to nothing');
    requireProof(whole, sum);
    return { scanKey, missing: [] };
  }
  const missing: number[] = [];
  for (const part of partaking) {
    const share = shareFor(part.input.silentShares, scanKey);
    if (share === undefined) missing.push(part.index);
    else requireProof(share, requireKey(part), part.index);
  }
  // Nobody takes part: there is nothing that could be added up.
  if (partaking.length === 0) throw invalidInputs('none takes part');
  return { scanKey, missing };
}

/**
 * Computes the scripts of the silent payments for whose scan key all shares are there, after their proofs were checked;
 * inputs and outputs are then no longer modifiable (BIP375).
 *
 * Outputs of one scan key are counted in the order of their codes, then of their place, as the text of BIP375 says; its
 * first vectors count them by place. Both are accepted of others.
 *
 * @returns The PSBT with the scripts; outputs whose shares are missing have none yet.
 * @throws WalletError as `verifySilentShares`; `WALLET_SILENT_RECIPIENTS_INVALID`.
 */
export function computeSilentOutputs(psbt: Psbt): Psbt {
  const coverage = verifySilentShares(psbt);
  if (coverage.length === 0) return psbt;
  const scripts = scriptsOf(psbt, readPsbtInputs(psbt), { coverage, order: 'code' });
  let isChanged = false;
  const outputs = psbt.outputs.map((output, place): PsbtOutput => {
    const scriptPubKey = scripts.get(place);
    if (scriptPubKey === undefined || output.scriptPubKey.length > 0) return output;
    isChanged = true;
    return { ...output, scriptPubKey };
  });
  return isChanged ? { ...psbt, outputs, modifiable: 0 } : psbt;
}

function requireRightScripts(psbt: Psbt, inputs: PsbtInputs, coverage: readonly SilentCoverage[]): void {
  const isSet = ({ silentAddress, scriptPubKey }: PsbtOutput): boolean =>
    silentAddress !== undefined && scriptPubKey.length > 0;
  if (!psbt.outputs.some(isSet)) return;
  const isRight = (order: 'code' | 'place'): boolean => {
    const scripts = scriptsOf(psbt, inputs, { coverage, order });
    return psbt.outputs.every((output, place) => {
      const expected = scripts.get(place);
      return !isSet(output) || (expected !== undefined && equalBytes(expected, output.scriptPubKey));
    });
  };
  if (isRight('code') || isRight('place')) return;
  const incomplete = coverage.find(({ scanKey, missing }) => missing.length > 0 && isPaid(psbt, scanKey, isSet));
  if (incomplete !== undefined)
    throw proofInvalid({
      input: incomplete.missing[0] as number,
      scanKey: toHex(incomplete.scanKey),
      reason: 'missing-share',
    });
  throw mismatch('the script of a silent payment is not that of its address');
}

function isPaid(psbt: Psbt, scanKey: Uint8Array, isSet: (output: PsbtOutput) => boolean): boolean {
  return psbt.outputs.some(
    (output) => isSet(output) && equalBytes(output.silentAddress?.subarray(0, 33) ?? new Uint8Array(), scanKey),
  );
}

/** The scripts of the outputs whose shares are all there, by their place. */
function scriptsOf(
  psbt: Psbt,
  { outpoints, partaking }: PsbtInputs,
  options: { readonly coverage: readonly SilentCoverage[]; readonly order: 'code' | 'place' },
): ReadonlyMap<number, Uint8Array> {
  const complete = options.coverage.filter(({ missing }) => missing.length === 0).map(({ scanKey }) => toHex(scanKey));
  if (complete.length === 0) return new Map();
  const crypto = currentCrypto();
  const sum = crypto.publicKeyCombine(partaking.map(requireKey));
  const inputHash = sum === undefined ? undefined : inputHashOf(outpoints, sum);
  if (inputHash === undefined) throw invalidInputs('their keys add up to nothing');
  const placed = placedRecipients(psbt)
    .filter(({ keys }) => complete.includes(toHex(keys.scanPublicKey)))
    .toSorted((left, right) =>
      options.order === 'place' ? 0 : compareBytes(left.keys.spendPublicKey, right.keys.spendPublicKey),
    );
  const groups = groupRecipients(placed.map(({ keys }) => keys));
  const outputs = outputsOfGroups(groups, (scanKey) => {
    const whole = shareFor(psbt.silentShares, scanKey)?.share;
    const shares = partaking.flatMap(({ input }) => shareFor(input.silentShares, scanKey)?.share ?? []);
    const share = whole ?? crypto.publicKeyCombine(shares);
    return share === undefined ? undefined : crypto.publicKeyTweakMul(share, inputHash);
  });
  return new Map(
    outputs.map(({ recipient, scriptPubKey }) => [(placed[recipient] as PlacedRecipient).recipient, scriptPubKey]),
  );
}

/** The addresses that outputs pay, with the place of the output. */
function placedRecipients({ outputs }: Psbt): readonly PlacedRecipient[] {
  return outputs.flatMap(({ silentAddress }, recipient) => {
    if (silentAddress === undefined) return [];
    const bytes = requireBytes('output.silentAddress', silentAddress, 66);
    const scanPublicKey = requireCompressedKey('output.silentAddress', bytes.subarray(0, 33));
    return {
      recipient,
      keys: { scanPublicKey, spendPublicKey: requireCompressedKey('output.silentAddress', bytes.subarray(33)) },
    };
  });
}

/** The scan keys that are paid, each once. */
function scanKeysOf(psbt: Psbt): readonly Uint8Array[] {
  const keys = placedRecipients(psbt).map(
    ({ keys: { scanPublicKey } }) => [toHex(scanPublicKey), scanPublicKey] as const,
  );
  return [...new Map(keys).values()];
}

function shareFor(shares: readonly SilentShare[], scanKey: Uint8Array): SilentShare | undefined {
  return shares.find((share) => equalBytes(share.scanKey, scanKey));
}

function requireKey({ publicKey, index }: PartakingInput): Uint8Array {
  if (publicKey !== undefined) return publicKey;
  throw new WalletError('WALLET_PSBT_INCOMPLETE', `expected input ${index} to name its public key, got none`, {
    details: { input: index, missing: 'public key' },
    hint: 'The updater adds a BIP32 derivation; its path may be empty and its fingerprint zero (BIP375).',
  });
}

function requireProof({ scanKey, share, proof }: SilentShare, publicKey: Uint8Array, input?: number): void {
  const where = { scanKey: toHex(scanKey), ...(input === undefined ? {} : { input }) };
  if (share === undefined) throw proofInvalid({ ...where, reason: 'missing-share' });
  if (proof === undefined) throw proofInvalid({ ...where, reason: 'missing-proof' });
  if (!verifyDleqProof({ publicKey, point: scanKey, share, proof }))
    throw proofInvalid({ ...where, reason: 'invalid' });
}

function proofInvalid(
  details: WalletErrors['WALLET_SILENT_PROOF_INVALID'],
): WalletError<'WALLET_SILENT_PROOF_INVALID'> {
  const whose = details.input === undefined ? 'all inputs' : `input ${details.input}`;
  return new WalletError(
    'WALLET_SILENT_PROOF_INVALID',
    `expected a proven share of ${whose}, got the problem ${details.reason}`,
    { details, hint: 'Do not sign: the payment might go to nobody.' },
  );
}

function mismatch(reason: string): WalletError<'WALLET_PSBT_MISMATCH'> {
  return new WalletError('WALLET_PSBT_MISMATCH', `expected silent payments that fit, but ${reason}`, {
    details: { reason },
    hint: 'Do not sign: whoever made it is mistaken, or lies.',
  });
}

/** What is known of a silent payment that is spent. */
export interface SilentSpend {
  /** 32 bytes, of a found output. */
  readonly tweak: Uint8Array;
  /** 33 bytes, without label. */
  readonly spendPublicKey: Uint8Array;
  /** Where the spend key comes from. */
  readonly origin: KeyOrigin;
}

/**
 * Tells a signer how to spend a silent payment (BIP376, Updater): the tweak, and which key it is added to.
 *
 * @param index - Of the input.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`; `WALLET_SILENT_INPUTS_INVALID` when the tweak is not that of the output;
 * `WALLET_PSBT_INCOMPLETE` when the input does not say what it spends.
 */
export function addSilentSpend(psbt: Psbt, index: number, spend: SilentSpend): Psbt {
  requireSilentPsbt(psbt);
  requireInteger('index', index, 0, psbt.inputs.length - 1);
  const { tweak, spendPublicKey, origin } = requireObject<SilentSpend>('spend', spend);
  const silentTweak = requireBytes('spend.tweak', tweak, 32);
  const publicKey = requireCompressedKey('spend.spendPublicKey', spendPublicKey);
  requireObject('spend.origin', origin);
  const input = psbt.inputs[index] as PsbtInput;
  const script = input.witnessUtxo?.scriptPubKey;
  const key = currentCrypto().publicKeyTweakAdd(publicKey, silentTweak);
  if (script !== undefined && (key === undefined || !equalBytes(script.subarray(2), key.subarray(1))))
    throw invalidInputs(`input ${index} does not spend an output of that tweak`);
  const derivation = { publicKey, origin: origin as KeyOrigin };
  const updated = { ...input, silentTweak, silentSpendDerivations: [...input.silentSpendDerivations, derivation] };
  return { ...psbt, inputs: psbt.inputs.map((other, place) => (place === index ? updated : other)) };
}
