import { currentCrypto, equalBytes } from '@bitcoin-enterprise/core';
import {
  Opcode,
  outputTypeOf,
  parseControlBlock,
  type SpentOutput,
  tapLeafHash,
  taprootMerkleRoot,
  tapTweakHash,
  TransactionView,
} from '@bitcoin-enterprise/script';
import { WalletError } from '../errors.ts';
import type { Psbt, PsbtInput } from './model.ts';

/** What an input spends and by which rules, after its claims about itself were checked. */
export type InputSpend =
  | {
      /** Legacy and witness version 0: what is satisfied, and what signatures cover. */
      readonly rules: 'legacy' | 'v0';
      readonly utxo: SpentOutput;
      /** The script that is satisfied: the innermost. */
      readonly script: Uint8Array;
      /** What a signature covers: the script, or P2PKH for P2WPKH (BIP143). */
      readonly scriptCode: Uint8Array;
    }
  | {
      readonly rules: 'taproot';
      readonly utxo: SpentOutput;
      /** 32 bytes. */
      readonly outputKey: Uint8Array;
      /** What the internal key is tweaked with; `undefined` when it is not known. Checked when it is asked for. */
      readonly tweak: () => Uint8Array | undefined;
      /** The leaves that the input names, as it says. */
      readonly leaves: readonly TapLeafSpend[];
      /** Throws unless a leaf is in the output. */
      readonly requireLeaf: (leaf: TapLeafSpend) => void;
    }
  | { readonly rules: 'unknown'; readonly utxo: SpentOutput };

/** A leaf that an input names. */
export interface TapLeafSpend {
  readonly leafHash: Uint8Array;
  readonly script: Uint8Array;
  readonly leafVersion: number;
  readonly controlBlock: Uint8Array;
}

/** An input that contradicts itself. */
export function inputInvalid(input: number, reason: string): WalletError<'WALLET_PSBT_INPUT_INVALID'> {
  return new WalletError('WALLET_PSBT_INPUT_INVALID', `expected input ${input} to fit what it spends, got: ${reason}`, {
    details: { input, reason },
    hint: 'do not sign it: whoever made it is mistaken, or lies',
  });
}

/** An input that lacks something. */
export function inputIncomplete(input: number, missing: string): WalletError<'WALLET_PSBT_INCOMPLETE'> {
  return new WalletError('WALLET_PSBT_INCOMPLETE', `expected input ${input} to have ${missing}, got none`, {
    details: { input, missing },
  });
}

/**
 * The output that an input spends.
 *
 * @returns `undefined` when the PSBT does not say.
 * @throws WalletError `WALLET_PSBT_INPUT_INVALID` when the transaction that it brings is another one, or says otherwise.
 */
export function spentOutputOf(input: PsbtInput, index: number): SpentOutput | undefined {
  const { nonWitnessUtxo, witnessUtxo } = input;
  // What is worth less than nothing would hide a fee of other inputs, which do not vouch for it.
  if (witnessUtxo !== undefined && (witnessUtxo.value < 0n || witnessUtxo.value > MOST_SATOSHIS))
    throw inputInvalid(index, `an amount of ${witnessUtxo.value} satoshis`);
  if (nonWitnessUtxo === undefined) return witnessUtxo;
  const tx = TransactionView.of(nonWitnessUtxo);
  if (!equalBytes(tx.id(), input.previousTxid)) throw inputInvalid(index, 'the transaction it brings has another id');
  if (input.previousIndex >= tx.outputCount) throw inputInvalid(index, 'the transaction it brings has no such output');
  const output = { value: tx.value(input.previousIndex), scriptPubKey: tx.scriptPubKey(input.previousIndex) };
  const contradicts =
    witnessUtxo !== undefined &&
    (witnessUtxo.value !== output.value || !equalBytes(witnessUtxo.scriptPubKey, output.scriptPubKey));
  if (contradicts) throw inputInvalid(index, 'its witness UTXO is not that of the transaction it brings');
  return output;
}

/** 21 million bitcoin. */
const MOST_SATOSHIS = 21_000_000n * 100_000_000n;

/** The outputs that all inputs spend; `undefined` for those that are not said. */
export function spentOutputsOf(psbt: Psbt): readonly (SpentOutput | undefined)[] {
  return psbt.inputs.map(spentOutputOf);
}

/**
 * Looks through the scripts of an input, and checks each against the hash that it stands for.
 *
 * @param utxo - From `spentOutputOf`.
 * @throws WalletError `WALLET_PSBT_INPUT_INVALID`, `WALLET_PSBT_INCOMPLETE` for a script that is missing.
 */
export function spendOf(input: PsbtInput, index: number, utxo: SpentOutput): InputSpend {
  const { scriptPubKey } = utxo;
  const { redeemScript } = input;
  let script = scriptPubKey;
  let type = outputTypeOf(script);
  if (type === 'scripthash') {
    if (redeemScript === undefined) throw inputIncomplete(index, 'a redeem script');
    if (!equalBytes(currentCrypto().hash160(redeemScript), scriptPubKey.subarray(2, 22)))
      throw inputInvalid(index, 'its redeem script has another hash');
    script = redeemScript;
    const inner = outputTypeOf(script);
    // Only version 0 means anything inside of P2SH.
    type = inner.startsWith('witness_v0') ? inner : 'nonstandard';
  } else if (redeemScript !== undefined) throw inputInvalid(index, 'a redeem script for an output that is no P2SH');
  if (type === 'witness_v1_taproot') return taprootSpend(input, index, utxo);
  if (type === 'witness_v0_keyhash') {
    const scriptCode = payToPublicKeyHash(script.subarray(2));
    return { rules: 'v0', utxo, script, scriptCode };
  }
  if (type === 'witness_v0_scripthash') {
    const { witnessScript } = input;
    if (witnessScript === undefined) throw inputIncomplete(index, 'a witness script');
    if (!equalBytes(currentCrypto().sha256(witnessScript), script.subarray(2)))
      throw inputInvalid(index, 'its witness script has another hash');
    return { rules: 'v0', utxo, script: witnessScript, scriptCode: witnessScript };
  }
  if (type === 'witness_unknown' || type === 'anchor') return { rules: 'unknown', utxo };
  if (input.witnessScript !== undefined) throw inputInvalid(index, 'a witness script for an output without witness');
  if (input.nonWitnessUtxo === undefined)
    throw input.witnessUtxo === undefined
      ? inputIncomplete(index, 'the transaction that it spends')
      : inputInvalid(index, 'a witness UTXO for an output without witness: its amount would not be signed');
  return { rules: 'legacy', utxo, script, scriptCode: script };
}

/** BIP143: what a signature of P2WPKH covers. */
function payToPublicKeyHash(keyHash: Uint8Array): Uint8Array {
  const script = new Uint8Array(25);
  script.set([Opcode.OP_DUP, Opcode.OP_HASH160, 20]);
  script.set(keyHash, 3);
  script.set([Opcode.OP_EQUALVERIFY, Opcode.OP_CHECKSIG], 23);
  return script;
}

function taprootSpend(input: PsbtInput, index: number, utxo: SpentOutput): InputSpend {
  const outputKey = utxo.scriptPubKey.subarray(2);
  return {
    rules: 'taproot',
    utxo,
    outputKey,
    // Each check is a point multiplication: who signs the key path does not pay for the leaves, and the other way round.
    tweak: () => keyTweakOf(input, index, outputKey),
    leaves: input.tapLeafScripts.map((leaf) => ({ ...leaf, leafHash: tapLeafHash(leaf.script, leaf) })),
    requireLeaf: (leaf) => requireLeaf(leaf, index, outputKey),
  };
}

function requireLeaf({ leafHash, controlBlock }: TapLeafSpend, index: number, outputKey: Uint8Array): void {
  const { internalKey, outputKeyParity } = parseControlBlock(controlBlock);
  const tweak = tapTweakHash(internalKey, taprootMerkleRoot(controlBlock, leafHash));
  if (!currentCrypto().xOnlyTweakAddCheck(outputKey, outputKeyParity, internalKey, tweak))
    throw inputInvalid(index, 'a leaf that is not in its output');
}

function keyTweakOf(input: PsbtInput, index: number, outputKey: Uint8Array): Uint8Array | undefined {
  const { tapInternalKey, tapMerkleRoot, tapLeafScripts } = input;
  if (tapInternalKey === undefined) return undefined;
  const [leaf] = tapLeafScripts;
  const tweak = tapTweakHash(tapInternalKey, tapMerkleRoot ?? (leaf === undefined ? undefined : rootOf(leaf)));
  const tweaked = currentCrypto().xOnlyTweakAdd(tapInternalKey, tweak);
  if (tweaked === undefined || !equalBytes(tweaked.xOnlyPublicKey, outputKey))
    throw inputInvalid(index, 'its internal key and Merkle root make another output key');
  return tweak;
}

function rootOf({ script, leafVersion, controlBlock }: PsbtInput['tapLeafScripts'][number]): Uint8Array {
  return taprootMerkleRoot(controlBlock, tapLeafHash(script, { leafVersion }));
}
