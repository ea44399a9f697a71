import { type CryptoEngine, concatBytes } from '@bitcoin-enterprise/core';
import {
  type SpentOutput,
  type TaprootLeafSpend,
  type TaprootOutput,
  type Transaction,
  UNSPENDABLE_INTERNAL_KEY,
  assemble,
  sighashTaproot,
  taprootOutput,
} from '@bitcoin-enterprise/script';

/** Who may move the money of a vault, and how long the everyday key has to wait. */
export interface VaultTerms {
  /** x-only key of everyday use, 32 bytes. */
  readonly hotKey: Uint8Array;
  /** x-only keys kept offline, 32 bytes each; any two of them recover the money at once. */
  readonly recoveryKeys: readonly [Uint8Array, Uint8Array, Uint8Array];
  /** Blocks that a coin must lie in the vault before the hot key can spend it, 1 to 65,535. */
  readonly delayBlocks: number;
}

/** The two ways out of a vault. */
export type VaultPath = 'delayed' | 'recovery';

/** A vault as an output with its two leaves by name. */
export interface Vault {
  readonly terms: VaultTerms;
  readonly output: TaprootOutput;
  readonly leaves: Readonly<Record<VaultPath, TaprootLeafSpend>>;
}

/** A coin that lies in a vault. */
export interface VaultCoin {
  /** 32 bytes, internal order. */
  readonly txid: Uint8Array;
  readonly index: number;
  /** Satoshis. */
  readonly value: bigint;
}

/**
 * Builds the Taproot tree of a vault by hand: one leaf for the delayed spend, one for the recovery, no key path.
 *
 * @throws {@link ScriptError} `SCRIPT_INVALID_ARGUMENT` when a key has not 32 bytes.
 */
export function createVault(terms: VaultTerms): Vault {
  const { hotKey, recoveryKeys, delayBlocks } = terms;
  const delayed = assemble([hotKey, 'OP_CHECKSIGVERIFY', delayBlocks, 'OP_CHECKSEQUENCEVERIFY']);
  const [first, second, third] = recoveryKeys;
  const recovery = assemble([
    first,
    'OP_CHECKSIG',
    second,
    'OP_CHECKSIGADD',
    third,
    'OP_CHECKSIGADD',
    2,
    'OP_NUMEQUAL',
  ]);
  const output = taprootOutput({
    internalKey: UNSPENDABLE_INTERNAL_KEY,
    tree: [{ script: delayed }, { script: recovery }],
  });
  const [delayedLeaf, recoveryLeaf] = output.leaves as readonly [TaprootLeafSpend, TaprootLeafSpend];
  return { terms, output, leaves: { delayed: delayedLeaf, recovery: recoveryLeaf } };
}

/** How a coin leaves its vault. */
export interface VaultSpendOptions {
  readonly path: VaultPath;
  /** Where the money goes. */
  readonly destination: Uint8Array;
  /** Satoshis. */
  readonly fee: bigint;
  /** Secret keys that sign: the hot one, or two of the recovery keys by their place. */
  readonly signers: readonly (Uint8Array | undefined)[];
  /** The sequence of the input; the delay when absent (BIP68). A smaller one is how a thief would try to hurry. */
  readonly sequence?: number;
  readonly crypto: CryptoEngine;
}

/** Builds and signs the transaction that takes a coin out of a vault. */
export function spendVault(vault: Vault, coin: VaultCoin, options: VaultSpendOptions): Transaction {
  const { path, destination, fee, signers, crypto } = options;
  const { sequence = path === 'delayed' ? vault.terms.delayBlocks : 0xfffffffd } = options;
  const leaf = vault.leaves[path];
  const unsigned: Transaction = {
    version: 2,
    inputs: [
      { previousTxid: coin.txid, previousIndex: coin.index, scriptSig: new Uint8Array(), sequence, witness: [] },
    ],
    outputs: [{ value: coin.value - fee, scriptPubKey: destination }],
    lockTime: 0,
  };
  const hash = sighashTaproot({
    tx: unsigned,
    inputIndex: 0,
    spentOutputs: [spentOutput(vault, coin)],
    leafHash: leaf.leafHash,
    crypto,
  });
  const signatures = signers.map((secretKey) =>
    secretKey === undefined ? new Uint8Array() : (crypto.schnorrSign(hash, secretKey) ?? new Uint8Array()),
  );
  // The script reads its keys from the first to the last, and takes signatures from the top of the stack.
  const witness = [...signatures.reverse(), leaf.script, leaf.controlBlock];
  return { ...unsigned, inputs: unsigned.inputs.map((input) => ({ ...input, witness })) };
}

/** The output that a coin of a vault is. */
export function spentOutput(vault: Vault, coin: VaultCoin): SpentOutput {
  return { value: coin.value, scriptPubKey: vault.output.scriptPubKey };
}

/** A secret key from a word, for examples and tests only. */
export function exampleKey(
  word: string,
  crypto: CryptoEngine,
): { readonly secret: Uint8Array; readonly xOnly: Uint8Array } {
  const secret = crypto.sha256(
    concatBytes(new TextEncoder().encode('taproot-vault example '), new TextEncoder().encode(word)),
  );
  const publicKey = crypto.publicKey(secret);
  if (publicKey === undefined) throw new Error('a hash that is no secret key: choose another word');
  return { secret, xOnly: publicKey.subarray(1) };
}
