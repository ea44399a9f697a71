import { currentCrypto, equalBytes, concatBytes } from '@bitcoin-enterprise/core';
import {
  outputTypeOf,
  parseControlBlock,
  SighashType,
  tapLeafHash,
  taprootMerkleRoot,
  tapTweakHash,
  UNSPENDABLE_INTERNAL_KEY,
} from '@bitcoin-enterprise/script';
import type { SecretBytes } from '../keys/secret-bytes.ts';
import { requireBytes, requireInteger, requireList, requireObject } from '../checks.ts';
import type { Psbt, PsbtInput, PsbtOutput } from '../psbt/model.ts';
import { requirePsbt } from '../psbt/require-psbt.ts';
import { inputIncomplete, inputInvalid, spentOutputOf } from '../psbt/spend.ts';
import { isCompressedKey } from './address.ts';
import { isFutureWitness, type SilentOutpoint } from './inputs.ts';
import { publicKeyOf, requireSecret } from './secret-arithmetic.ts';
import { contributionOf, invalidInputs, isKeyOfScript } from './send.ts';

/** An input of a PSBT that takes part in its silent payments. */
export interface PartakingInput extends SilentOutpoint {
  /** Its place in the PSBT. */
  readonly index: number;
  readonly input: PsbtInput;
  /** 33 bytes, of Taproot with an even y; absent when the PSBT does not tell. */
  readonly publicKey?: Uint8Array;
}

/** What the inputs of a PSBT are to silent payments. */
export interface PsbtInputs {
  /** All of them. */
  readonly outpoints: readonly SilentOutpoint[];
  readonly partaking: readonly PartakingInput[];
}

/** Throws unless a value has what is read of a PSBT here. */
export function requireSilentPsbt(psbt: Psbt): void {
  requirePsbt(psbt);
  requireList('psbt.silentShares', psbt.silentShares);
  for (const input of psbt.inputs) {
    const { derivations, partialSignatures, tapLeafScripts, silentShares } = requireObject<PsbtInput>(
      'psbt.inputs',
      input,
    );
    requireBytes('psbt.inputs.previousTxid', input.previousTxid, 32);
    requireInteger('psbt.inputs.previousIndex', input.previousIndex, 0, 0xffff_ffff);
    for (const list of [derivations, partialSignatures, tapLeafScripts, silentShares])
      for (const part of requireList('psbt.inputs', list)) requireObject('psbt.inputs', part);
  }
  for (const output of psbt.outputs)
    requireBytes('psbt.outputs.scriptPubKey', requireObject<PsbtOutput>('psbt.outputs', output).scriptPubKey);
}

/**
 * Reads which inputs take part (BIP352), and refuses what BIP375 does: version 0, later witness versions, sighash types
 * other than ALL.
 */
export function readPsbtInputs(psbt: Psbt): PsbtInputs {
  if (psbt.version !== 2) throw invalidInputs('the PSBT is of version 0');
  const partaking: PartakingInput[] = [];
  const outpoints = psbt.inputs.map((input, index): SilentOutpoint => {
    const { previousTxid, previousIndex, sighashType } = input;
    const scriptPubKey = spentOutputOf(input, index)?.scriptPubKey;
    if (scriptPubKey === undefined) throw inputIncomplete(index, 'the output that it spends');
    if (isFutureWitness(scriptPubKey)) throw invalidInputs(`input ${index} is of a witness version above 1`);
    if (sighashType !== undefined && sighashType !== SighashType.ALL)
      throw inputInvalid(index, `the sighash type ${sighashType}, where silent payments take ALL alone`);
    const outpoint = { previousTxid, previousIndex, scriptPubKey };
    if (takesPart(input, index, scriptPubKey)) {
      const publicKey = keyOfInput(input, scriptPubKey);
      partaking.push({ ...outpoint, index, input, ...(publicKey === undefined ? {} : { publicKey }) });
    }
    return outpoint;
  });
  return { outpoints, partaking };
}

function takesPart(input: PsbtInput, index: number, scriptPubKey: Uint8Array): boolean {
  switch (outputTypeOf(scriptPubKey)) {
    case 'pubkeyhash':
    case 'witness_v0_keyhash':
      return !keysOf(input).some((key) => key.length === 65 && isHashOf(key, scriptPubKey));
    case 'scripthash': {
      const redeemScript = input.redeemScript ?? pushedScript(input.finalScriptSig);
      if (redeemScript === undefined) throw inputIncomplete(index, 'a redeem script');
      if (!equalBytes(currentCrypto().hash160(redeemScript), scriptPubKey.subarray(2, 22)))
        throw inputInvalid(index, 'its redeem script has another hash');
      return (
        outputTypeOf(redeemScript) === 'witness_v0_keyhash' &&
        !keysOf(input).some((key) => key.length === 65 && isHashOf(key, redeemScript))
      );
    }
    case 'witness_v1_taproot':
      return !hasNoInternalKey(input, index, scriptPubKey.subarray(2));
    default:
      return false;
  }
}

/** The redeem script of a finalised input of P2SH-P2WPKH: the one push of its scriptSig. */
function pushedScript(scriptSig: Uint8Array | undefined): Uint8Array | undefined {
  return scriptSig?.length === 23 && scriptSig[0] === 22 ? scriptSig.subarray(1) : undefined;
}

/**
 * Whether an input of Taproot has the internal key H of BIP341. Whoever says so has to show it: if an input that takes part
 * were left out, the receiver would never find the payment.
 */
function hasNoInternalKey(input: PsbtInput, index: number, outputKey: Uint8Array): boolean {
  const { tapInternalKey, tapLeafScripts, silentTweak } = input;
  const revealed = revealedLeaf(input.finalScriptWitness ?? []);
  const leaves = (revealed === undefined ? tapLeafScripts : [...tapLeafScripts, revealed])
    .map((leaf) => ({ ...leaf, ...parseControlBlock(leaf.controlBlock) }))
    .filter(({ internalKey }) => equalBytes(internalKey, UNSPENDABLE_INTERNAL_KEY));
  const isSaid = tapInternalKey !== undefined && equalBytes(tapInternalKey, UNSPENDABLE_INTERNAL_KEY);
  if (leaves.length === 0 && !isSaid) return false;
  const root = isSaid ? merkleRootOf(input) : undefined;
  // Said without a tree it can only be believed, and is harmless: nobody signs the key path of H. What was received
  // silently is signed whatever the internal key, and has no tree.
  const isRight = !isSaid || (root === undefined ? silentTweak === undefined : isOutputOf(root, outputKey));
  if (!isRight || !leaves.every((leaf) => isLeafOf(leaf, outputKey)))
    throw inputInvalid(index, 'the internal key H of BIP341, which is not that of its output');
  return true;
}

/** The leaf that a witness spends by, if it does. */
function revealedLeaf(witness: readonly Uint8Array[]): PsbtInput['tapLeafScripts'][number] | undefined {
  const stack = witness.length > 1 && witness.at(-1)?.[0] === 0x50 ? witness.slice(0, -1) : witness;
  const [script, controlBlock] = stack.slice(-2);
  if (script === undefined || controlBlock === undefined || controlBlock.length < 33) return undefined;
  return { script, controlBlock, leafVersion: (controlBlock[0] as number) & 0xfe };
}

function isOutputOf(merkleRoot: Uint8Array, outputKey: Uint8Array): boolean {
  const tweaked = currentCrypto().xOnlyTweakAdd(
    UNSPENDABLE_INTERNAL_KEY,
    tapTweakHash(UNSPENDABLE_INTERNAL_KEY, merkleRoot),
  );
  return tweaked !== undefined && equalBytes(tweaked.xOnlyPublicKey, outputKey);
}

function isLeafOf(
  leaf: PsbtInput['tapLeafScripts'][number] & { readonly outputKeyParity: number },
  outputKey: Uint8Array,
): boolean {
  const { script, controlBlock, leafVersion, outputKeyParity } = leaf;
  const tweak = tapTweakHash(
    UNSPENDABLE_INTERNAL_KEY,
    taprootMerkleRoot(controlBlock, tapLeafHash(script, { leafVersion })),
  );
  return currentCrypto().xOnlyTweakAddCheck(outputKey, outputKeyParity, UNSPENDABLE_INTERNAL_KEY, tweak);
}

/** All public keys that an input names. */
function keysOf(input: PsbtInput): readonly Uint8Array[] {
  const final = input.finalScriptWitness?.at(-1);
  const sig = input.finalScriptSig;
  return [
    ...input.derivations.map(({ publicKey }) => publicKey),
    ...input.partialSignatures.map(({ publicKey }) => publicKey),
    ...(final === undefined ? [] : [final]),
    ...(sig === undefined ? [] : [sig.subarray(-33), sig.subarray(-65)]),
  ];
}

function isHashOf(publicKey: Uint8Array, scriptPubKey: Uint8Array): boolean {
  const hash = scriptPubKey.length === 25 ? scriptPubKey.subarray(3, 23) : scriptPubKey.subarray(2);
  return equalBytes(currentCrypto().hash160(publicKey), hash);
}

function keyOfInput(input: PsbtInput, scriptPubKey: Uint8Array): Uint8Array | undefined {
  if (outputTypeOf(scriptPubKey) === 'witness_v1_taproot') {
    const outputKey = scriptPubKey.subarray(2);
    return currentCrypto().isXOnlyPublicKey(outputKey) ? concatBytes(Uint8Array.of(2), outputKey) : undefined;
  }
  return keysOf(input).find((key) => isCompressedKey(key) && isKeyOfScript(key, scriptPubKey));
}

/**
 * What one of several secrets adds to the sum for an input, a copy that the caller wipes: as the key of the output
 * itself, as the internal key of Taproot (BIP341), or as the spend key of a silent payment (BIP376).
 */
export function secretOfInput(partaking: PartakingInput, secrets: readonly SecretBytes[]): Uint8Array | undefined {
  for (const secret of secrets) {
    const found = requireSecret('keys', secret).use((bytes) => secretFor(bytes, partaking));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The root of the tree, as said or as the first leaf leads to; `undefined` without leaves. */
function merkleRootOf({ tapMerkleRoot, tapLeafScripts }: PsbtInput): Uint8Array | undefined {
  const [leaf] = tapLeafScripts;
  if (tapMerkleRoot !== undefined || leaf === undefined) return tapMerkleRoot;
  return taprootMerkleRoot(leaf.controlBlock, tapLeafHash(leaf.script, { leafVersion: leaf.leafVersion }));
}

function secretFor(secret: Uint8Array, { input, scriptPubKey }: PartakingInput): Uint8Array | undefined {
  const crypto = currentCrypto();
  const publicKey = publicKeyOf('keys', secret);
  if (isKeyOfScript(publicKey, scriptPubKey)) return contributionOf(secret, scriptPubKey);
  if (outputTypeOf(scriptPubKey) !== 'witness_v1_taproot') return undefined;
  const { tapInternalKey, silentTweak } = input;
  const isInternal = tapInternalKey !== undefined && equalBytes(tapInternalKey, publicKey.subarray(1));
  const tweak = silentTweak ?? (isInternal ? tapTweakHash(tapInternalKey, merkleRootOf(input)) : undefined);
  if (tweak === undefined) return undefined;
  // BIP341 tweaks the key with an even y, BIP352 the key as it is.
  const isNegated = silentTweak === undefined && publicKey[0] === 3;
  const base = isNegated ? crypto.secretKeyNegate(secret) : new Uint8Array(secret);
  const tweaked = base === undefined ? undefined : crypto.secretKeyTweakAdd(base, tweak);
  base?.fill(0);
  if (tweaked === undefined) return undefined;
  try {
    return isKeyOfScript(publicKeyOf('keys', tweaked), scriptPubKey)
      ? contributionOf(tweaked, scriptPubKey)
      : undefined;
  } finally {
    tweaked.fill(0);
  }
}
