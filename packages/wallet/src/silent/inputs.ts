import { compareBytes, concatBytes, currentCrypto } from '@bitcoin-enterprise/core';
import { outputTypeOf, UNSPENDABLE_INTERNAL_KEY, witnessProgramOf } from '@bitcoin-enterprise/script';
import { requireBytes, requireInteger, requireList, requireObject } from '../checks.ts';
import { isCompressedKey } from './address.ts';

/** An output that a transaction spends. */
export interface SilentOutpoint {
  /** 32 bytes in internal order. */
  readonly previousTxid: Uint8Array;
  /** 0 to 2³²-1. */
  readonly previousIndex: number;
  /** Of the output that is spent. */
  readonly scriptPubKey: Uint8Array;
}

/** A signed input with what it spends: all that a receiver reads of it. */
export interface SilentInput extends SilentOutpoint {
  readonly scriptSig: Uint8Array;
  /** Bottom first. */
  readonly witness: readonly Uint8Array[];
}

/** What sender and receiver both know of the inputs of a transaction (BIP352). */
export interface SilentInputs {
  /** 33 bytes each, of the inputs that take part, in their order. */
  readonly publicKeys: readonly Uint8Array[];
  /** 33 bytes. */
  readonly publicKeySum: Uint8Array;
  /** 32 bytes, 1 to n-1. */
  readonly inputHash: Uint8Array;
  /** 33 bytes, input hash times sum: all that a light client needs of the inputs. */
  readonly tweak: Uint8Array;
}

/** First byte of an annex (BIP341). */
const ANNEX = 0x50;

/**
 * The key with which an input takes part in a silent payment (BIP352, "Inputs For Shared Secret Derivation"); with an
 * even y for Taproot.
 *
 * @returns 33 bytes, or `undefined` when it takes no part.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 */
export function silentInputKey(input: SilentInput): Uint8Array | undefined {
  const { scriptPubKey, scriptSig, witness } = requireInput(input);
  switch (outputTypeOf(scriptPubKey)) {
    case 'pubkeyhash':
      return keyInScriptSig(scriptSig, scriptPubKey.subarray(3, 23));
    case 'witness_v0_keyhash':
      return compressed(witness.at(-1));
    case 'scripthash':
      return isNestedKeyHash(scriptSig) ? compressed(witness.at(-1)) : undefined;
    case 'witness_v1_taproot':
      return taprootKey(scriptPubKey.subarray(2), witness);
    default:
      return undefined;
  }
}

/**
 * Adds up the keys of the inputs and hashes them with the smallest outpoint (BIP352).
 *
 * @param inputs - All inputs of the transaction.
 * @returns `undefined` when the transaction cannot hold a silent payment: no input takes part, the keys add up to
 * nothing, or an output of a later witness version is spent.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 */
export function silentInputs(inputs: readonly SilentInput[]): SilentInputs | undefined {
  const all = requireList('inputs', inputs).map((input) => requireInput(input as SilentInput));
  if (all.some(({ scriptPubKey }) => isFutureWitness(scriptPubKey))) return undefined;
  const publicKeys = all.flatMap((input) => silentInputKey(input) ?? []);
  const publicKeySum = currentCrypto().publicKeyCombine(publicKeys);
  if (publicKeySum === undefined) return undefined;
  const inputHash = inputHashOf(all, publicKeySum);
  const tweak = inputHash === undefined ? undefined : currentCrypto().publicKeyTweakMul(publicKeySum, inputHash);
  return inputHash === undefined || tweak === undefined ? undefined : { publicKeys, publicKeySum, inputHash, tweak };
}

/** `hash(outpoint_L || A)`; `undefined` for the one hash in 2¹²⁸ that is no scalar. */
export function inputHashOf(outpoints: readonly SilentOutpoint[], publicKeySum: Uint8Array): Uint8Array | undefined {
  const [smallest] = outpoints.map(outpointBytes).toSorted(compareBytes);
  if (smallest === undefined) return undefined;
  const hash = currentCrypto().taggedHash('BIP0352/Inputs', concatBytes(smallest, publicKeySum));
  return currentCrypto().isSecretKey(hash) ? hash : undefined;
}

/** Whether an output is of a witness version that a later version of silent payments may use. */
export function isFutureWitness(scriptPubKey: Uint8Array): boolean {
  return (witnessProgramOf(scriptPubKey)?.version ?? 0) > 1;
}

/** Throws unless a value names an outpoint and its script, and returns it. */
export function requireOutpoint(input: SilentOutpoint): SilentOutpoint {
  const { previousTxid, previousIndex, scriptPubKey } = requireObject<SilentOutpoint>('input', input);
  return {
    previousTxid: requireBytes('input.previousTxid', previousTxid, 32),
    previousIndex: requireInteger('input.previousIndex', previousIndex, 0, 0xffff_ffff),
    scriptPubKey: requireBytes('input.scriptPubKey', scriptPubKey),
  };
}

function requireInput(input: SilentInput): SilentInput {
  const outpoint = requireOutpoint(input);
  const witness = requireList('input.witness', input.witness).map((item) => requireBytes('input.witness', item));
  return { ...outpoint, scriptSig: requireBytes('input.scriptSig', input.scriptSig), witness };
}

/** As serialised: both halves little endian, compared as bytes (BIP352). */
function outpointBytes({ previousTxid, previousIndex }: SilentOutpoint): Uint8Array {
  const bytes = new Uint8Array(36);
  bytes.set(previousTxid);
  new DataView(bytes.buffer).setUint32(32, previousIndex, true);
  return bytes;
}

/**
 * The key of a P2PKH input, wherever in the scriptSig it stands: anybody can add to a scriptSig, so that BIP352 does not
 * rely on its form.
 */
function keyInScriptSig(scriptSig: Uint8Array, hash: Uint8Array): Uint8Array | undefined {
  for (let start = scriptSig.length - 33; start >= 0; start--) {
    if (scriptSig[start] !== 2 && scriptSig[start] !== 3) continue;
    const key = scriptSig.slice(start, start + 33);
    if (compareBytes(currentCrypto().hash160(key), hash) === 0 && isCompressedKey(key)) return key;
  }
  return undefined;
}

/** Whether a scriptSig is the one push of `0 <20 bytes>` that P2SH-P2WPKH must have (BIP141). */
function isNestedKeyHash(scriptSig: Uint8Array): boolean {
  return scriptSig.length === 23 && scriptSig[0] === 22 && scriptSig[1] === 0 && scriptSig[2] === 20;
}

function compressed(key: Uint8Array | undefined): Uint8Array | undefined {
  return key !== undefined && isCompressedKey(key) ? new Uint8Array(key) : undefined;
}

function taprootKey(outputKey: Uint8Array, witness: readonly Uint8Array[]): Uint8Array | undefined {
  if (witness.length === 0) return undefined;
  const hasAnnex = witness.length > 1 && witness.at(-1)?.[0] === ANNEX;
  const stack = hasAnnex ? witness.slice(0, -1) : witness;
  const controlBlock = stack.length > 1 ? stack.at(-1) : undefined;
  if (controlBlock !== undefined && compareBytes(controlBlock.subarray(1, 33), UNSPENDABLE_INTERNAL_KEY) === 0)
    return undefined;
  return currentCrypto().isXOnlyPublicKey(outputKey) ? concatBytes(Uint8Array.of(2), outputKey) : undefined;
}
