import { compareBytes, concatBytes, currentCrypto, equalBytes, parseHex, toHex } from '@bitcoin-enterprise/core';
import {
  encodeDerSignature,
  Sighasher,
  type SpentOutput,
  taprootSecretKey,
  type Transaction,
} from '@bitcoin-enterprise/script';
import type { DerivedKey, SpendAssets, SpendPlan } from '../../src/index.ts';

const secrets = new Map<string, Uint8Array>();

/** The public key of a number, compressed, in hexadecimal; its secret is remembered. */
export function publicKeyOf(place: number, options: { readonly compressed?: boolean } = {}): string {
  const crypto = currentCrypto();
  const secret = crypto.sha256(new TextEncoder().encode(`key ${place}`));
  const key = crypto.publicKey(secret, options) as Uint8Array;
  secrets.set(toHex(key), secret);
  secrets.set(toHex(key.subarray(1, 33)), secret);
  return toHex(key);
}

/** The secret of a key that `publicKeyOf` made, 33, 65 or 32 bytes. */
export function secretOf(publicKey: Uint8Array): Uint8Array {
  return secrets.get(toHex(publicKey)) as Uint8Array;
}

/** A transaction that carries a plan out. */
export interface Spending {
  readonly spentOutputs: readonly SpentOutput[];
  readonly tx: (scriptSig: Uint8Array, witness: readonly Uint8Array[]) => Transaction;
  readonly signatureOf: (key: DerivedKey) => Uint8Array;
}

/** Order of the group. */
const ORDER = 0xffffffff_ffffffff_ffffffff_fffffffe_baaedce6_af48a03b_bfd25e8c_d0364141n;

/** The secret of an aggregate (BIP327, KeyAgg): what those who aggregate know together, and nobody alone. */
function aggregateSecret(key: DerivedKey): Uint8Array {
  const crypto = currentCrypto();
  const keys = key.participants.map(({ publicKey }) => publicKey).sort(compareBytes);
  const [first] = keys;
  const second = keys.find((one) => first !== undefined && !equalBytes(one, first));
  const listHash = crypto.taggedHash('KeyAgg list', concatBytes(...keys));
  let sum = 0n;
  for (const one of keys) {
    const coefficient =
      second !== undefined && equalBytes(one, second)
        ? 1n
        : BigInt(`0x${toHex(crypto.taggedHash('KeyAgg coefficient', concatBytes(listHash, one)))}`);
    sum += coefficient * BigInt(`0x${toHex(secrets.get(toHex(one)) as Uint8Array)}`);
  }
  return parseHex((sum % ORDER).toString(16).padStart(64, '0'));
}

const VALUE = 100_000n;
const ALL = 1;

/** Makes the transaction, and signs it with the secrets that are remembered. */
export function spendingTransaction(
  plan: SpendPlan,
  options: {
    readonly scriptIndex: number;
    readonly assets: SpendAssets;
    /** The output that is spent: 100,000 satoshis; one that does not exist when absent. */
    readonly previous?: { readonly txid: Uint8Array; readonly index: number };
  },
): Spending {
  const { output, path } = plan;
  const { previous = { txid: new Uint8Array(32).fill(7), index: 0 } } = options;
  const crypto = currentCrypto();
  const scriptPubKey = output.scripts[options.scriptIndex] as Uint8Array;
  const spentOutputs = [{ value: VALUE, scriptPubKey }];
  const tx = (scriptSig: Uint8Array, witness: readonly Uint8Array[]): Transaction => ({
    version: 2,
    inputs: [
      {
        previousTxid: previous.txid,
        previousIndex: previous.index,
        scriptSig,
        sequence: plan.sequence,
        witness,
      },
    ],
    outputs: [{ value: 90_000n, scriptPubKey: concatBytes(Uint8Array.of(0x51, 0x20), new Uint8Array(32).fill(9)) }],
    lockTime: plan.lockTime,
  });
  const hasher = new Sighasher({ tx: tx(new Uint8Array(0), []), spentOutputs });
  const secretOf = (key: DerivedKey): Uint8Array =>
    key.participants.length > 0 ? aggregateSecret(key) : (secrets.get(toHex(key.bytes)) as Uint8Array);
  const schnorr = (key: DerivedKey): Uint8Array => {
    const hashType = options.assets.explicitSighash === true ? ALL : 0;
    const leaf = path.kind === 'leaf' ? { leafHash: path.leafHash } : {};
    const tweaked = taprootSecretKey(secretOf(key), { merkleRoot: output.taproot?.merkleRoot });
    const secret = path.kind === 'key' ? tweaked : secretOf(key);
    const signature = crypto.schnorrSign(hasher.taproot(0, { hashType, ...leaf }), secret) as Uint8Array;
    return hashType === 0 ? signature : concatBytes(signature, Uint8Array.of(hashType));
  };
  const ecdsa = (key: DerivedKey): Uint8Array => {
    const keyHash = crypto.hash160(key.bytes);
    const payToKeyHash = concatBytes(Uint8Array.of(0x76, 0xa9, 20), keyHash, Uint8Array.of(0x88, 0xac));
    const isWitness = plan.witnessSize.maximum > 0;
    const legacyCode = output.node.name === 'sh' ? output.redeemScript : scriptPubKey;
    const hash = isWitness
      ? hasher.witnessV0(0, { scriptCode: output.witnessScript ?? payToKeyHash, value: VALUE, hashType: ALL })
      : hasher.legacy(0, { scriptCode: legacyCode as Uint8Array, hashType: ALL });
    return concatBytes(encodeDerSignature(crypto.ecdsaSign(hash, secretOf(key)) as Uint8Array), Uint8Array.of(ALL));
  };
  return { spentOutputs, tx, signatureOf: output.taproot === undefined ? ecdsa : schnorr };
}
