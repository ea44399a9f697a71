import { currentCrypto, equalBytes, parseHex, toHex } from '@bitcoin-enterprise/core';
import {
  type SpentOutput,
  type TaprootLeafSpend,
  type TaprootOutput,
  tapLeafHash,
  tapTweakHash,
  taprootMerkleRoot,
} from '@bitcoin-enterprise/script';

/** What satisfies an input. */
export interface Satisfaction {
  readonly scriptSig: string;
  readonly witness: readonly string[];
}

/** A case of the Taproot corpus. */
export interface TaprootCase {
  readonly tx: string;
  readonly prevouts: readonly string[];
  readonly index: number;
  readonly flags: string;
  readonly comment: string;
  readonly success: Satisfaction;
  readonly failure?: Satisfaction;
}

/** An output as the corpus writes it. */
export function outputOf(hex: string): SpentOutput {
  const bytes = parseHex(hex);
  const value = new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(0, true);
  return { value, scriptPubKey: bytes.subarray(bytes[8] === 0xfd ? 11 : 9) };
}

/** The leaf that a witness reveals, if the output commits to it. */
export function leafOf(scriptPubKey: Uint8Array, witness: readonly Uint8Array[]): TaprootLeafSpend | undefined {
  const isTaproot = scriptPubKey.length === 34 && scriptPubKey[0] === 0x51;
  const rest = witness.length > 1 && witness.at(-1)?.[0] === 0x50 ? witness.slice(0, -1) : witness;
  const [script, controlBlock] = [rest.at(-2), rest.at(-1)];
  if (!isTaproot || script === undefined || controlBlock === undefined) return undefined;
  if (controlBlock.length < 33 || controlBlock.length > 4_129 || (controlBlock.length - 33) % 32 !== 0)
    return undefined;
  const leafVersion = (controlBlock[0] as number) & 0xfe;
  const leafHash = tapLeafHash(script, { leafVersion });
  const internalKey = controlBlock.subarray(1, 33);
  const tweak = tapTweakHash(internalKey, taprootMerkleRoot(controlBlock, leafHash));
  const parity = (controlBlock[0] as number) & 1;
  return currentCrypto().xOnlyTweakAddCheck(scriptPubKey.subarray(2), parity, internalKey, tweak)
    ? { script, leafVersion, leafHash, controlBlock, depth: (controlBlock.length - 33) / 32 }
    : undefined;
}

/** The Taproot outputs of the corpus as far as spends of them show their leaves, by script in hexadecimal. */
export function outputsOfCorpus(cases: readonly TaprootCase[]): ReadonlyMap<string, TaprootOutput> {
  const outputs = new Map<string, TaprootOutput>();
  for (const { prevouts, index, success, failure } of cases)
    for (const { witness } of [success, ...(failure === undefined ? [] : [failure])]) {
      const { scriptPubKey } = outputOf(prevouts[index] as string);
      const leaf = leafOf(
        scriptPubKey,
        witness.map((item) => parseHex(item)),
      );
      if (leaf === undefined) continue;
      const internalKey = leaf.controlBlock.subarray(1, 33);
      const merkleRoot = taprootMerkleRoot(leaf.controlBlock, leaf.leafHash);
      const known = outputs.get(toHex(scriptPubKey));
      const leaves = known?.leaves ?? [];
      if (leaves.some((one) => equalBytes(one.leafHash, leaf.leafHash))) continue;
      outputs.set(toHex(scriptPubKey), {
        internalKey,
        merkleRoot,
        tweak: tapTweakHash(internalKey, merkleRoot),
        outputKey: scriptPubKey.subarray(2),
        outputKeyParity: ((leaf.controlBlock[0] as number) & 1) as 0 | 1,
        scriptPubKey,
        leaves: [...leaves, leaf],
      });
    }
  return outputs;
}
