import { currentCrypto, concatBytes, equalBytes } from '@bitcoin-enterprise/core';
import {
  decompileFragment,
  DescriptorsError,
  type HashFunction,
  satisfy,
  type ScriptKey,
} from '@bitcoin-enterprise/descriptors';
import { Opcode, outputTypeOf, ScriptReader, SighashType } from '@bitcoin-enterprise/script';
import { requireObject } from '../checks.ts';

import type { Psbt, PsbtInput } from './model.ts';
import { emptyInput } from './parse-input.ts';
import { requirePsbt } from './require-psbt.ts';
import { isFinal, readInputs, type ReadInput } from './slots.ts';
import { inputIncomplete, inputInvalid, type InputSpend, type TapLeafSpend } from './spend.ts';
import { psbtLockTime } from './transaction.ts';

/** What an input carries when it is final. */
export interface FinalScripts {
  readonly scriptSig?: Uint8Array;
  readonly witness?: readonly Uint8Array[];
}

/** How inputs are finalised. */
export interface FinalizeOptions {
  /**
   * For scripts that are no miniscript: what the input carries, or `undefined` to leave it to the ordinary way.
   *
   * @param input - The input with all that was said of it.
   */
  readonly finish?: (input: PsbtInput, index: number) => FinalScripts | undefined;
}

/** An input that could not be finalised, and why. */
export interface UnfinishedInput {
  readonly input: number;
  readonly missing: string;
}

/**
 * Finalises the inputs that have all they need (BIP174, “Input Finalizer”): P2PK, P2PKH, bare and wrapped multisig,
 * P2WPKH, Taproot key path, and every script that is a miniscript, in its smallest satisfaction with the signatures,
 * preimages and locks at hand. What was only needed to get there is removed; unknown fields stay.
 *
 * @returns The PSBT, and the inputs that are not final.
 * @throws WalletError `WALLET_PSBT_INPUT_INVALID` for an input that contradicts itself, or whose signatures are of another
 * sighash type than it names.
 */
export function finalizePsbtInputs(
  psbt: Psbt,
  options: FinalizeOptions = {},
): { readonly psbt: Psbt; readonly unfinished: readonly UnfinishedInput[] } {
  requirePsbt(psbt);
  const { finish } = requireObject<FinalizeOptions>('options', options);
  const unfinished: UnfinishedInput[] = [];
  const lockTime = psbtLockTime(psbt);
  const reads = readInputs(psbt);
  const inputs = psbt.inputs.map((input, index) => {
    if (isFinal(input)) return input;
    const own = finish?.(input, index);
    if (own !== undefined) return finalInput(input, own);
    const read = reads[index];
    const found = read === undefined ? 'the output that it spends' : finalScripts(read, index, { psbt, lockTime });
    if (typeof found !== 'string') return finalInput(input, found);
    unfinished.push({ input: index, missing: found });
    return input;
  });
  return { psbt: { ...psbt, inputs }, unfinished };
}

/**
 * Finalises all inputs; throws as {@link finalizePsbtInputs}, and `WALLET_PSBT_INCOMPLETE` for the first input that lacks
 * something.
 */
export function finalizePsbt(psbt: Psbt, options: FinalizeOptions = {}): Psbt {
  const { psbt: finalized, unfinished } = finalizePsbtInputs(psbt, options);
  const [first] = unfinished;
  if (first !== undefined) throw inputIncomplete(first.input, first.missing);
  return finalized;
}

/** BIP174: all but the UTXO, unknown fields and the result is dropped; version 2 keeps what makes the transaction. */
function finalInput(input: PsbtInput, { scriptSig, witness }: FinalScripts): PsbtInput {
  const kept = [
    'previousTxid',
    'previousIndex',
    'sequence',
    'requiredTimeLockTime',
    'requiredHeightLockTime',
    'nonWitnessUtxo',
    'witnessUtxo',
    'reservesCommitment',
    'silentShares',
    'unknown',
  ] as const;
  const rest = Object.fromEntries(kept.flatMap((name) => (input[name] === undefined ? [] : [[name, input[name]]])));
  return {
    ...emptyInput(),
    ...(rest as Pick<PsbtInput, (typeof kept)[number]>),
    ...(scriptSig === undefined || scriptSig.length === 0 ? {} : { finalScriptSig: scriptSig }),
    ...(witness === undefined || witness.length === 0 ? {} : { finalScriptWitness: witness }),
  };
}

interface Locks {
  readonly psbt: Psbt;
  readonly lockTime: number;
}

/** What an input carries, or what it lacks. */
function finalScripts({ input, spend }: ReadInput, index: number, locks: Locks): FinalScripts | string {
  if (spend.rules === 'unknown')
    return outputTypeOf(spend.utxo.scriptPubKey) === 'anchor' ? {} : 'a known way to spend';
  if (spend.rules === 'taproot') return taprootScripts(input, spend, index, locks);
  for (const { signature } of input.partialSignatures) requireHashType(input, signature.at(-1), index);
  const items = scriptItems(input, spend, index, locks);
  if (typeof items === 'string') return items;
  const isWrapped = outputTypeOf(spend.utxo.scriptPubKey) === 'scripthash';
  const redeem = isWrapped && input.redeemScript !== undefined ? push(input.redeemScript) : NOTHING;
  if (spend.rules === 'legacy') return { scriptSig: concatBytes(...items.map(push), redeem) };
  const isKeyHash = outputTypeOf(spend.script) === 'witness_v0_keyhash';
  return { scriptSig: redeem, witness: isKeyHash ? items : [...items, spend.script] };
}

const NOTHING = new Uint8Array(0);

function requireHashType(input: PsbtInput, hashType: number | undefined, index: number): void {
  if (input.sighashType !== undefined && hashType !== input.sighashType)
    throw inputInvalid(index, `a signature of sighash type ${hashType} where ${input.sighashType} is asked for`);
}

function scriptItems(
  input: PsbtInput,
  spend: Extract<InputSpend, { rules: 'legacy' | 'v0' }>,
  index: number,
  locks: Locks,
): readonly Uint8Array[] | string {
  const { script } = spend;
  const signatureOf = (publicKey: Uint8Array): Uint8Array | undefined =>
    input.partialSignatures.find((known) => equalBytes(known.publicKey, publicKey))?.signature;
  switch (outputTypeOf(script)) {
    case 'pubkey':
      return listed(signatureOf(script.subarray(1, -1)));
    case 'pubkeyhash':
      return keyAndSignature(input, script.subarray(3, 23));
    case 'witness_v0_keyhash':
      return keyAndSignature(input, script.subarray(2));
    case 'multisig':
      return multisigItems(script, signatureOf);
    default:
  }
  const known = [...input.partialSignatures, ...input.derivations].map(({ publicKey }) => publicKey);
  return miniscriptItems(script, 'wsh', index, locks, { input, keys: known, signatureOf });
}

function listed(signature: Uint8Array | undefined): readonly Uint8Array[] | string {
  return signature === undefined ? 'a signature' : [signature];
}

function keyAndSignature(input: PsbtInput, keyHash: Uint8Array): readonly Uint8Array[] | string {
  const found = input.partialSignatures.find(({ publicKey }) =>
    equalBytes(currentCrypto().hash160(publicKey), keyHash),
  );
  return found === undefined ? 'a signature' : [found.signature, found.publicKey];
}

/** Signatures in the order of the keys, behind the element that CHECKMULTISIG takes too many. */
function multisigItems(
  script: Uint8Array,
  signatureOf: (publicKey: Uint8Array) => Uint8Array | undefined,
): readonly Uint8Array[] | string {
  const reader = new ScriptReader(script);
  reader.next();
  const threshold =
    reader.opcode >= Opcode.OP_1 && reader.opcode <= Opcode.OP_16
      ? reader.opcode - Opcode.OP_1 + 1
      : (reader.data()[0] as number);
  const signatures: Uint8Array[] = [];
  while (reader.next() && reader.dataSize >= 33 && signatures.length < threshold) {
    const signature = signatureOf(reader.data());
    if (signature !== undefined) signatures.push(signature);
  }
  return signatures.length < threshold ? `${threshold} signatures` : [NOTHING, ...signatures];
}

interface ScriptParts {
  readonly input: PsbtInput;
  /** Keys that the script may hold the hashes of. */
  readonly keys: readonly Uint8Array[];
  readonly signatureOf: (publicKey: Uint8Array) => Uint8Array | undefined;
}

function miniscriptItems(
  script: Uint8Array,
  context: 'wsh' | 'tapscript',
  index: number,
  { psbt, lockTime }: Locks,
  { input, keys, signatureOf }: ScriptParts,
): readonly Uint8Array[] | string {
  let fragment;
  try {
    fragment = decompileFragment(script, context);
  } catch (error) {
    if (error instanceof DescriptorsError) return 'a script that is a miniscript, or a way to finish it';
    throw error;
  }
  const { sequence = 0xffff_ffff } = input;
  const keyOf = (key: ScriptKey): Uint8Array | undefined =>
    key.kind === 'key' ? key.bytes : keys.find((known) => equalBytes(currentCrypto().hash160(known), key.bytes));
  const signed = (key: ScriptKey): Uint8Array | undefined => {
    const publicKey = keyOf(key);
    return publicKey === undefined ? undefined : signatureOf(publicKey);
  };
  const preimageOf = (hashFunction: HashFunction, hash: Uint8Array): Uint8Array | undefined =>
    input.preimages.find((known) => known.hashFunction === hashFunction && equalBytes(known.hash, hash))?.preimage;
  const satisfaction = satisfy(fragment, {
    context,
    assets: {
      canSign: (key) => signed(key) !== undefined,
      hasPreimage: (hashFunction, hash) => preimageOf(hashFunction, hash) !== undefined,
      isAfter: (value) => holdsAfter(value, lockTime, sequence),
      isOld: (value) => holdsOlder(value, psbt.transactionVersion, sequence),
      signatureSize: (key) => {
        const size = signed(key)?.length ?? 64;
        return { minimum: size, maximum: size };
      },
      keySize: (key) => keyOf(key)?.length ?? 33,
    },
  });
  if (satisfaction === undefined) return 'signatures, preimages and locks that satisfy its script';
  const items: Uint8Array[] = [];
  for (const item of satisfaction.items) {
    const bytes =
      item.kind === 'bytes'
        ? item.bytes
        : item.kind === 'key'
          ? keyOf(item.key)
          : item.kind === 'signature'
            ? signed(item.key)
            : preimageOf(item.hashFunction, item.hash);
    if (bytes === undefined) return `the public key that input ${index} names by its hash`;
    items.push(bytes);
  }
  return items;
}

const LOCK_TIME_THRESHOLD = 500_000_000;

/** BIP65. */
function holdsAfter(value: number, lockTime: number, sequence: number): boolean {
  const isOneKind = value < LOCK_TIME_THRESHOLD === lockTime < LOCK_TIME_THRESHOLD;
  return isOneKind && lockTime >= value && sequence !== 0xffff_ffff;
}

/** BIP68, BIP112. */
function holdsOlder(value: number, version: number, sequence: number): boolean {
  const isLock = sequence < 0x8000_0000 && version >= 2;
  return isLock && (value & 0x40_0000) === (sequence & 0x40_0000) && (sequence & 0xffff) >= (value & 0xffff);
}

function taprootScripts(
  input: PsbtInput,
  spend: Extract<InputSpend, { rules: 'taproot' }>,
  index: number,
  locks: Locks,
): FinalScripts | string {
  const { tapKeySignature } = input;
  const signatures = [tapKeySignature, ...input.tapScriptSignatures.map(({ signature }) => signature)];
  for (const signature of signatures)
    if (signature !== undefined)
      requireHashType(input, signature.length === 64 ? SighashType.DEFAULT : signature.at(-1), index);
  if (tapKeySignature !== undefined) return { witness: [tapKeySignature] };
  let best: { readonly witness: readonly Uint8Array[]; readonly size: number } | undefined;
  let missing = 'a signature of the key path';
  for (const leaf of spend.leaves) {
    const items = leafItems(input, leaf, index, locks);
    if (typeof items === 'string') {
      missing = items;
      continue;
    }
    const witness = [...items, leaf.script, leaf.controlBlock];
    const size = witness.reduce((sum, item) => sum + item.length + 1, 0);
    if (best === undefined || size < best.size) best = { witness, size };
  }
  return best === undefined ? missing : { witness: best.witness };
}

function leafItems(input: PsbtInput, leaf: TapLeafSpend, index: number, locks: Locks): readonly Uint8Array[] | string {
  const keys = [...input.tapScriptSignatures, ...input.tapDerivations].map(({ publicKey }) => publicKey);
  const signatureOf = (publicKey: Uint8Array): Uint8Array | undefined =>
    input.tapScriptSignatures.find(
      (known) => equalBytes(known.publicKey, publicKey) && equalBytes(known.leafHash, leaf.leafHash),
    )?.signature;
  return miniscriptItems(leaf.script, 'tapscript', index, locks, { input, keys, signatureOf });
}

/** The shortest push. */
function push(data: Uint8Array): Uint8Array {
  const { length } = data;
  if (length === 0) return Uint8Array.of(Opcode.OP_0);
  if (length <= 75) return concatBytes(Uint8Array.of(length), data);
  if (length <= 0xff) return concatBytes(Uint8Array.of(Opcode.OP_PUSHDATA1, length), data);
  return concatBytes(Uint8Array.of(Opcode.OP_PUSHDATA2, length & 0xff, length >> 8), data);
}
