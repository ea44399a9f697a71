import { type BlockHeight, blockHeight, type UnixSeconds, unixSeconds } from '@bitcoin-enterprise/core';
import { invalidArgument } from '../errors.ts';
import type { DerivedKey } from '../keys/model.ts';
import type { HashFunction } from '../miniscript/fragment.ts';
import type { SatisfyAssets, SizeRange } from './satisfy.ts';

/** What is at hand for a spend. */
export interface SpendAssets {
  /** Whether a key will sign. An aggregate (`musig`) is also asked for by those that it is made of: all have to sign. */
  readonly canSign: (key: DerivedKey) => boolean;
  /** Whether the preimage of a hash is known; none is when absent. */
  readonly hasPreimage?: (hashFunction: HashFunction, hash: Uint8Array) => boolean;
  /** Height of the best block: `after(n)` holds from `n` on (BIP65). No lock of height holds when absent. */
  readonly height?: number;
  /** Median time of the best block, in Unix seconds: `after(t)` holds above `t` (BIP113). No lock of time when absent. */
  readonly medianTime?: number;
  /** Confirmations of the output: `older(n)` holds from `n` on (BIP68). 0 when absent. */
  readonly confirmations?: number;
  /** Seconds between the median times of the best block and of the block before that of the output; 0 when absent. */
  readonly ageSeconds?: number;
  /** Schnorr signatures carry a hash type: 65 bytes; 64 of SIGHASH_DEFAULT when absent. */
  readonly explicitSighash?: boolean;
  /** ECDSA signatures are ground to a low R: at most 71 bytes with the hash type, instead of 72. */
  readonly lowR?: boolean;
}

/** BIP68: units of 512 seconds. */
const TIME_FLAG = 1 << 22;
const TIME_UNIT = 512;
const LOCK_TIME_THRESHOLD = 500_000_000;
/** Locks of height end there. */
const MOST_HEIGHT = LOCK_TIME_THRESHOLD - 1;
/** DER of two numbers of one byte, and the hash type: nothing is shorter. */
const LEAST_ECDSA = 9;

/** Assets with all defaults, checked. */
export interface CheckedAssets extends Required<Omit<SpendAssets, 'height' | 'medianTime'>> {
  readonly height: BlockHeight | undefined;
  readonly medianTime: UnixSeconds | undefined;
}

/** @throws DescriptorsError `DESCRIPTORS_INVALID_ARGUMENT`. */
export function checkAssets(assets: SpendAssets): CheckedAssets {
  if (typeof assets !== 'object' || assets === null) throw invalidArgument('assets', 'an object', assets);
  const { canSign, hasPreimage = () => false, height, medianTime, confirmations = 0, ageSeconds = 0 } = assets;
  if (typeof canSign !== 'function') throw invalidArgument('assets.canSign', 'a function', canSign);
  if (typeof hasPreimage !== 'function') throw invalidArgument('assets.hasPreimage', 'a function', hasPreimage);
  requireCount('assets.confirmations', confirmations);
  requireCount('assets.ageSeconds', ageSeconds);
  if (height !== undefined) requireCount('assets.height', height, MOST_HEIGHT);
  if (medianTime !== undefined) requireCount('assets.medianTime', medianTime);
  return {
    canSign,
    hasPreimage,
    height: height === undefined ? undefined : blockHeight(height),
    medianTime: medianTime === undefined ? undefined : unixSeconds(medianTime),
    confirmations,
    ageSeconds,
    explicitSighash: assets.explicitSighash ?? false,
    lowR: assets.lowR ?? false,
  };
}

function requireCount(argument: string, value: unknown, most = 0xffff_ffff): void {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > most)
    throw invalidArgument(argument, `a whole number of 0 to ${most}`, value);
}

/** The assets as a miniscript asks for them. */
export function satisfyAssets(assets: CheckedAssets, isTaproot: boolean): SatisfyAssets<DerivedKey> {
  const size = signatureSize(assets, isTaproot);
  return {
    canSign: (key) => signs(assets, key),
    hasPreimage: assets.hasPreimage,
    isOld: (value) => isOld(assets, value),
    isAfter: (value) => isAfter(assets, value),
    signatureSize: () => size,
    ...(isTaproot ? {} : { keySize: (key) => key.bytes.length }),
  };
}

/** Bytes of a signature with its hash type. */
export function signatureSize({ explicitSighash, lowR }: CheckedAssets, isTaproot: boolean): SizeRange {
  if (!isTaproot) return { minimum: LEAST_ECDSA, maximum: lowR ? 71 : 72 };
  const size = explicitSighash ? 65 : 64;
  return { minimum: size, maximum: size };
}

/** Whether a key signs, or all that it is made of do. */
export function signs(assets: CheckedAssets, key: DerivedKey): boolean {
  if (assets.canSign(key)) return true;
  return key.participants.length > 0 && key.participants.every((one) => assets.canSign(one));
}

/** Whether a relative lock holds in the next block. */
export function isOld({ confirmations, ageSeconds }: CheckedAssets, value: number): boolean {
  // Only the lower 16 bits count.
  const amount = value & 0xffff;
  return (value & TIME_FLAG) === 0 ? confirmations >= amount : ageSeconds >= amount * TIME_UNIT;
}

/** Whether an absolute lock holds in the next block. */
export function isAfter({ height, medianTime }: CheckedAssets, value: number): boolean {
  if (value < LOCK_TIME_THRESHOLD) return height !== undefined && height >= value;
  return medianTime !== undefined && medianTime > value;
}

/** From when on locks hold, if nothing else changes: how many blocks, or seconds, have to pass. */
export function waitFor(
  assets: CheckedAssets,
  lock: { readonly name: 'older' | 'after'; readonly value: number },
): Wait {
  const { name, value } = lock;
  if (name === 'older') {
    const amount = value & 0xffff;
    return (value & TIME_FLAG) === 0
      ? { unit: 'blocks', amount: Math.max(0, amount - assets.confirmations) }
      : { unit: 'seconds', amount: Math.max(0, amount * TIME_UNIT - assets.ageSeconds) };
  }
  if (value < LOCK_TIME_THRESHOLD) return { unit: 'blocks', amount: Math.max(0, value - (assets.height ?? 0)) };
  return { unit: 'seconds', amount: Math.max(0, value + 1 - (assets.medianTime ?? 0)) };
}

/** How long to wait. */
export interface Wait {
  readonly unit: 'blocks' | 'seconds';
  readonly amount: number;
}

/** The assets when blocks and seconds have passed. */
export function later(
  assets: CheckedAssets,
  passed: { readonly blocks: number; readonly seconds: number },
): CheckedAssets {
  const { blocks, seconds } = passed;
  const { height, medianTime, confirmations, ageSeconds } = assets;
  return {
    ...assets,
    height: blockHeight(Math.min(MOST_HEIGHT, (height ?? 0) + blocks)),
    medianTime: unixSeconds(Math.min(0xffff_ffff, (medianTime ?? 0) + seconds)),
    confirmations: confirmations + blocks,
    ageSeconds: ageSeconds + seconds,
  };
}
