import { concatBytes, currentCrypto, parseHex, satoshis, toHex } from '@bitcoin-enterprise/core';
import { serializeTransaction, transactionId } from '@bitcoin-enterprise/script';
import { createEmbeddedChain, type EmbeddedChain, FUNDER_SCRIPT, type Outpoint } from '@bitcoin-enterprise/chain';
import { inputOf, spend } from './block-workshop.ts';

const crypto = currentCrypto();
const internalKey = '50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0';
const publicKey = '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798';

/** P2SH, P2WSH and a one-leaf P2TR output of a script. */
export const p2sh = (script: Uint8Array): Uint8Array =>
  concatBytes(parseHex('a914'), crypto.hash160(script), parseHex('87'));
export const p2wsh = (script: Uint8Array): Uint8Array => concatBytes(parseHex('0020'), crypto.sha256(script));

/** A script in a tree of its own: scriptPubKey and control block. */
export function p2trLeaf(script: Uint8Array): { readonly scriptPubKey: Uint8Array; readonly controlBlock: Uint8Array } {
  const leaf = crypto.taggedHash('TapLeaf', concatBytes(Uint8Array.of(0xc0, script.length), script));
  const internal = parseHex(internalKey);
  const tweaked = crypto.xOnlyTweakAdd(internal, crypto.taggedHash('TapTweak', concatBytes(internal, leaf)));
  if (tweaked === undefined) throw new Error('no output key');
  return {
    scriptPubKey: concatBytes(parseHex('5120'), tweaked.xOnlyPublicKey),
    controlBlock: concatBytes(Uint8Array.of(0xc0 | tweaked.parity), internal),
  };
}

const scripts = {
  anyone: parseHex('51'),
  never: parseHex('00'),
  returns: parseHex('516a'),
  disabled: parseHex('5151957551'),
  verifyFails: parseHex('006951'),
  unbalanced: parseHex('5163'),
  checksig: parseHex(`21${publicKey}ac`),
  checkMultisig: parseHex(`5121${publicKey}51ae`),
  cltvHeight: concatBytes(parseHex('03ffff00b17551')),
  cltvNegative: parseHex('4fb17551'),
  csvTen: parseHex('5ab27551'),
  unknownWitness: parseHex('5202abcd'),
  witnessWrongLength: parseHex(`000a${'ab'.repeat(10)}`),
  witnessPubkeyHash: parseHex(`0014${'ab'.repeat(20)}`),
  taprootKey: parseHex(`5120${internalKey}`),
} as const;

const redeem = {
  never: parseHex('00'),
  sigops: parseHex('ae'.repeat(519) + '51'),
  witnessNever: parseHex('00'),
  witnessSigops: parseHex('ae'.repeat(4_100)),
  tapNever: parseHex('00'),
  tapMinimalIf: parseHex('635168'),
  tapMultisig: parseHex('ae'),
} as const;

const nested = {
  p2shNever: p2sh(redeem.never),
  p2shSigopsA: p2sh(redeem.sigops),
  p2shSigopsB: p2sh(redeem.sigops),
  p2wshNever: p2wsh(redeem.witnessNever),
  p2wshSigops: p2wsh(redeem.witnessSigops),
  p2shWitness: p2sh(p2wsh(redeem.witnessNever)),
  tapNever: p2trLeaf(redeem.tapNever).scriptPubKey,
  tapMinimalIf: p2trLeaf(redeem.tapMinimalIf).scriptPubKey,
  tapMultisig: p2trLeaf(redeem.tapMultisig).scriptPubKey,
} as const;

/** Names of the coins in a {@link FaultScene}. */
export type CoinName = keyof typeof scripts | keyof typeof nested;

/** A chain with a coin of every kind, each 100,000 sat, some ten blocks deep. */
export interface FaultScene {
  readonly chain: EmbeddedChain;
  readonly coin: (name: CoinName) => Outpoint;
  readonly redeem: typeof redeem;
  /** A block reward that has just been mined. */
  readonly youngReward: Outpoint;
  /** A mature reward of the funder. */
  readonly matureReward: Outpoint;
  /** The transaction that made the coins. */
  readonly maker: Uint8Array;
}

/** Sets the scene. */
export function createFaultScene(): FaultScene {
  const chain = createEmbeddedChain();
  chain.mine(105);
  const all: Readonly<Record<string, Uint8Array>> = { ...scripts, ...nested };
  const names = Object.keys(all);
  const rewards = chain.utxos(FUNDER_SCRIPT).toSorted((a, b) => (a.height ?? 0) - (b.height ?? 0));
  const [first, second] = rewards;
  if (first === undefined || second === undefined) throw new Error('no rewards');
  const witness = [Uint8Array.of(0x51)];
  const maker = spend([inputOf(first, { witness })], {
    outputs: [
      ...names.map((name) => ({ value: satoshis(100_000n), scriptPubKey: all[name] as Uint8Array })),
      { value: 0n, scriptPubKey: parseHex('6a') },
    ],
  });
  chain.mine(1, { transactions: [serializeTransaction(maker)] });
  chain.mine(3);
  const txid = transactionId(maker);
  const young = chain.utxos(FUNDER_SCRIPT).find(({ height }) => height === chain.height);
  if (young === undefined) throw new Error('no young reward');
  return {
    chain,
    redeem,
    coin: (name) => ({ txid, index: names.indexOf(name) }),
    youngReward: young,
    matureReward: second,
    maker: serializeTransaction(maker),
  };
}

/** For texts: a transaction's outpoint. */
export const show = ({ txid, index }: Outpoint): string => `${toHex(txid)}:${index}`;
