import { concatBytes, type CryptoEngine, displayHash, hasCode, toHex } from '@bitcoin-enterprise/core';
import {
  type DerivedKey,
  type DerivedOutput,
  finishSpend,
  type HashFunction,
  planSpend,
  type SpendBlocked,
  type SpendPlan,
} from '@bitcoin-enterprise/descriptors';
import {
  encodeDerSignature,
  serializeTransaction,
  Sighasher,
  taprootSecretKey,
  type Transaction,
  transactionId,
  viewTransaction,
} from '@bitcoin-enterprise/script';
import { COIN_VALUE, mineChain, situationOf } from './situation.ts';
import type { PlaygroundState } from './state.ts';
import { knownPreimage, type PlayWallet } from './wallet.ts';

/** What a page holds. */
export interface Tools {
  readonly wallet: PlayWallet;
  readonly crypto: CryptoEngine;
  /** Preimages that were typed in, by their hash in hexadecimal. */
  readonly typedPreimages: ReadonlyMap<string, Uint8Array>;
}

/** What became of a spend. */
export interface SpendResult {
  readonly accepted: boolean;
  /** What the chain said when it refused. */
  readonly reason: string | undefined;
  readonly plan: SpendPlan;
  /** In display form. */
  readonly fundingTxid: string;
  readonly fundingHeight: number;
  readonly txid: string;
  /** Height of the block that holds the spend; `undefined` when it was refused. */
  readonly minedHeight: number | undefined;
  /** Weight units of the input as it is in the chain. */
  readonly actualWeight: number;
  /** Satoshis. */
  readonly fee: bigint;
  readonly tx: Uint8Array;
}

/** Plans the spend of a state, without signing. */
export function planPlayground(output: DerivedOutput, state: PlaygroundState, tools: Tools): SpendPlan | SpendBlocked {
  const { wallet } = tools;
  const { height, confirmations, medianTime, ageSeconds } = situationOf(state);
  const absent = new Set(state.absent);
  return planSpend(output, {
    canSign: (key) => {
      const name = wallet.nameOf(key);
      return name !== undefined && !absent.has(name);
    },
    hasPreimage: (hashFunction, hash) =>
      !state.hidden.includes(toHex(hash)) && preimageOf(hashFunction, hash, tools) !== undefined,
    height,
    confirmations,
    medianTime,
    ageSeconds,
  });
}

/** The preimage that the page has for a hash. */
export function preimageOf(hashFunction: HashFunction, hash: Uint8Array, tools: Tools): Uint8Array | undefined {
  return tools.typedPreimages.get(toHex(hash)) ?? knownPreimage(hashFunction, hash, tools.crypto);
}

/** Where the money of a spend goes: a Taproot output of a key that nobody remembers. */
const DESTINATION: Uint8Array = concatBytes(Uint8Array.of(0x51, 0x20), new Uint8Array(32).fill(9));
/** Weight of a transaction beside its only input: version, counts, output, lock time, marker and flag. */
const BESIDE_INPUT = 4 * (4 + 1 + 1 + 8 + 1 + 34 + 4) + 2;
const RATE_SAT_PER_VB = 2;
const ALL = 1;

/** Pays the output on a fresh chain, signs the plan, and mines the spend. */
export async function runSpend(
  plan: SpendPlan,
  state: PlaygroundState,
  tools: Tools & { readonly onProgress?: (height: number) => void },
): Promise<SpendResult> {
  const { crypto, wallet, onProgress = () => undefined } = tools;
  const { output } = plan;
  const { chain, coin } = await mineChain(output.scriptPubKey, state, { crypto, onProgress });
  // The plan knows the size before anybody signs, and so the fee.
  const fee = BigInt(RATE_SAT_PER_VB * Math.ceil((BESIDE_INPUT + plan.weight.maximum) / 4));
  const transaction = (scriptSig: Uint8Array, witness: readonly Uint8Array[]): Transaction => ({
    version: 2,
    inputs: [{ previousTxid: coin.txid, previousIndex: coin.index, scriptSig, sequence: plan.sequence, witness }],
    outputs: [{ value: COIN_VALUE - fee, scriptPubKey: DESTINATION }],
    lockTime: plan.lockTime,
  });
  const unsigned = transaction(new Uint8Array(), []);
  const { scriptSig, witness } = finishSpend(plan, {
    signatureOf: signerOf(plan, unsigned, { crypto, wallet }),
    preimageOf: (hashFunction, hash) => preimageOf(hashFunction, hash, tools),
  });
  const signed = transaction(scriptSig, witness);
  const tx = serializeTransaction(signed);
  const common = {
    plan,
    fundingTxid: displayHash(coin.txid),
    fundingHeight: coin.height,
    txid: displayHash(transactionId(signed, crypto)),
    actualWeight: viewTransaction(tx).inputWeight(0),
    fee,
    tx,
  };
  try {
    chain.broadcast(tx);
  } catch (error) {
    if (!hasCode(error, 'CHAIN_TX_REJECTED')) throw error;
    const { reason, scriptError } = error.details;
    return { ...common, accepted: false, reason: scriptError ?? reason, minedHeight: undefined };
  }
  const [block] = chain.mine();
  return { ...common, accepted: true, reason: undefined, minedHeight: block?.height };
}

type Signer = (key: DerivedKey) => Uint8Array | undefined;

function signerOf(
  plan: SpendPlan,
  tx: Transaction,
  { crypto, wallet }: { readonly crypto: CryptoEngine; readonly wallet: PlayWallet },
): Signer {
  const { output, path } = plan;
  const hasher = new Sighasher({ tx, spentOutputs: [{ value: COIN_VALUE, scriptPubKey: output.scriptPubKey }] });
  if (output.taproot !== undefined) {
    const { merkleRoot } = output.taproot;
    return (key) => {
      const secret = wallet.secretOf(key);
      if (secret === undefined) return undefined;
      return path.kind === 'leaf'
        ? crypto.schnorrSign(hasher.taproot(0, { leafHash: path.leafHash }), secret)
        : crypto.schnorrSign(hasher.taproot(0), taprootSecretKey(secret, { merkleRoot }));
    };
  }
  const scriptCode = output.witnessScript ?? new Uint8Array();
  const hash = hasher.witnessV0(0, { scriptCode, value: COIN_VALUE, hashType: ALL });
  return (key) => {
    const secret = wallet.secretOf(key);
    const signature = secret === undefined ? undefined : crypto.ecdsaSign(hash, secret);
    return signature === undefined ? undefined : concatBytes(encodeDerSignature(signature), Uint8Array.of(ALL));
  };
}
