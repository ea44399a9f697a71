import { concatBytes, currentCrypto, equalBytes } from '@bitcoin-enterprise/core';
import { aggregatePublicKeys, sortPublicKeys, syntheticExtendedKey } from '@bitcoin-enterprise/descriptors';
import { tapTweakHash } from '@bitcoin-enterprise/script';
import { requireBytes, requireInteger, requireList, requireObject } from '../../checks.ts';
import { invalidArgument } from '../../errors.ts';
import { hasEvenY, isPoint, negatePoint, POINT_LENGTH, xOf } from '../math/points.ts';
import { modOrder, numberOf, parseScalar } from '../math/scalars.ts';
import { contributionInvalid, keyUnknown, requireBytesList } from './checks.ts';

const KEYS: unique symbol = Symbol('MusigKeys');
const MAXIMUM_UNHARDENED = 0x7fff_ffff;

/** What is added to an aggregate key. */
export interface MusigTweak {
  /** 32 bytes below the group order. */
  readonly tweak: Uint8Array;
  /** `plain`: to the point (BIP32). `x-only`: to the point of its x whose y is even (BIP341). */
  readonly kind: 'plain' | 'x-only';
}

/** Keys that are one key together (BIP327), with what was added to it. Made by {@link aggregateMusigKeys}. */
export interface MusigKeys {
  /** Of the participants, 33 bytes each, in their order. */
  readonly publicKeys: readonly Uint8Array[];
  /** In the order in which they were added. */
  readonly tweaks: readonly MusigTweak[];
  /** The aggregate with its tweaks, 33 bytes. */
  readonly publicKey: Uint8Array;
  /** The same as a key of Taproot, 32 bytes. */
  readonly xOnlyPublicKey: Uint8Array;
  /** The aggregate without tweaks, 33 bytes: how BIP373 and descriptors name it. */
  readonly untweakedPublicKey: Uint8Array;
  /** What BIP327 keeps with a key: for the functions here. */
  readonly [KEYS]: KeysInside;
}

interface KeysInside {
  readonly listHash: Uint8Array;
  readonly second: Uint8Array | undefined;
  /** BIP327's gacc: whether the tweaks have turned the sign of the key round. */
  readonly isNegated: boolean;
  /** BIP327's tacc. */
  readonly tweakSum: bigint;
}

/**
 * Keys in the order of BIP327's KeySort.
 *
 * @param publicKeys - 33 bytes each.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 */
export function sortMusigKeys(publicKeys: readonly Uint8Array[]): readonly Uint8Array[] {
  return sortPublicKeys(requireBytesList('publicKeys', publicKeys, POINT_LENGTH));
}

/**
 * One key of several (BIP327, KeyAgg): whoever signs with it needs all of them. Another order makes another key.
 *
 * @param publicKeys - 33 bytes each, at least one; a key may occur more than once.
 * @throws WalletError `WALLET_CONTRIBUTION_INVALID` with the index of a key that is none, `WALLET_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { currentCrypto, toHex } from '@bitcoin-enterprise/core';
 * import { aggregateMusigKeys, sortMusigKeys, tweakForTaproot } from '@bitcoin-enterprise/wallet/multiparty';
 *
 * const publicKeys = [1, 2].map((n) => currentCrypto().publicKey(new Uint8Array(32).fill(n)) as Uint8Array);
 * const keys = tweakForTaproot(aggregateMusigKeys(sortMusigKeys(publicKeys)));
 * toHex(keys.xOnlyPublicKey).length; // => 64
 * ```
 */
export function aggregateMusigKeys(publicKeys: readonly Uint8Array[]): MusigKeys {
  const keys = requireBytesList('publicKeys', publicKeys, POINT_LENGTH).map((key) => new Uint8Array(key));
  const publicKey = aggregatePublicKeys(keys);
  if (publicKey === undefined) {
    const guilty = keys.findIndex((key) => !isPoint(key));
    if (guilty >= 0) throw contributionInvalid('public key', guilty);
    throw invalidArgument('publicKeys', 'keys whose sum is a point', publicKeys);
  }
  const [first] = keys as [Uint8Array];
  return madeKeys(
    { publicKeys: keys, tweaks: [], publicKey, untweakedPublicKey: publicKey },
    {
      listHash: currentCrypto().taggedHash('KeyAgg list', concatBytes(...keys)),
      second: keys.find((key) => !equalBytes(key, first)),
      isNegated: false,
      tweakSum: 0n,
    },
  );
}

/**
 * Adds tweaks to an aggregate key, one after the other (BIP327, ApplyTweak).
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT` for a tweak from the group order up, or whose result is no point.
 */
export function tweakMusigKeys(keys: MusigKeys, tweaks: readonly MusigTweak[]): MusigKeys {
  requireKeys('keys', keys);
  return requireList('tweaks', tweaks).reduce<MusigKeys>(
    (tweaked, tweak, index) => withTweak(tweaked, requireTweak(`tweaks[${index}]`, tweak)),
    keys,
  );
}

/**
 * The output key of an aggregate that is the internal key (BIP341).
 *
 * @param options - `merkleRoot`: of the script tree, 32 bytes; without one the output has no scripts (BIP86).
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 */
export function tweakForTaproot(keys: MusigKeys, options: { readonly merkleRoot?: Uint8Array } = {}): MusigKeys {
  requireKeys('keys', keys);
  const { merkleRoot } = requireObject<{ merkleRoot: Uint8Array }>('options', options);
  if (merkleRoot !== undefined) requireBytes('options.merkleRoot', merkleRoot, 32);
  return withTweak(keys, { tweak: tapTweakHash(keys.xOnlyPublicKey, merkleRoot), kind: 'x-only' });
}

/**
 * A key below an aggregate (BIP328, with the steps of BIP32).
 *
 * @param path - Steps of 0 to 2^31-1: an aggregate has no hardened ones.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 */
export function deriveMusigKeys(keys: MusigKeys, path: readonly number[]): MusigKeys {
  requireKeys('keys', keys);
  let { chainCode } = syntheticExtendedKey(keys.publicKey, 'main');
  let derived = keys;
  for (const [index, step] of requireList('path', path).entries()) {
    const data = new Uint8Array(POINT_LENGTH + 4);
    data.set(derived.publicKey);
    new DataView(data.buffer).setUint32(POINT_LENGTH, requireInteger(`path[${index}]`, step, 0, MAXIMUM_UNHARDENED));
    const digest = currentCrypto().hmacSha512(chainCode, data);
    derived = withTweak(derived, { tweak: digest.subarray(0, 32), kind: 'plain' });
    chainCode = digest.subarray(32);
  }
  return derived;
}

/** What a participant's key counts for (BIP327, KeyAggCoeff). */
export function keyCoefficient(keys: MusigKeys, publicKey: Uint8Array): bigint {
  if (!keys.publicKeys.some((key) => equalBytes(key, publicKey))) throw keyUnknown(publicKey);
  const { listHash, second } = keys[KEYS];
  if (second !== undefined && equalBytes(publicKey, second)) return 1n;
  return modOrder(numberOf(currentCrypto().taggedHash('KeyAgg coefficient', concatBytes(listHash, publicKey))));
}

/** The sign with which the participants' secrets stand in the signature: BIP327's g times gacc. */
export function isSecretNegated(keys: MusigKeys): boolean {
  return hasEvenY(keys.publicKey) === keys[KEYS].isNegated;
}

/** What the tweaks add to the secret of the key that signs: BIP327's g times tacc. */
export function tweakShare(keys: MusigKeys): bigint {
  const { tweakSum } = keys[KEYS];
  return hasEvenY(keys.publicKey) ? tweakSum : modOrder(-tweakSum);
}

/** Throws unless a value was made here. */
export function requireKeys(argument: string, value: unknown): MusigKeys {
  const keys = requireObject<MusigKeys>(argument, value);
  if (keys[KEYS] === undefined) throw invalidArgument(argument, 'keys of aggregateMusigKeys', value);
  return keys as MusigKeys;
}

function requireTweak(argument: string, value: unknown): MusigTweak {
  const { tweak, kind } = requireObject<MusigTweak>(argument, value);
  if (kind !== 'plain' && kind !== 'x-only') throw invalidArgument(`${argument}.kind`, `'plain' or 'x-only'`, kind);
  return { tweak: new Uint8Array(requireBytes(`${argument}.tweak`, tweak, 32)), kind };
}

function withTweak(keys: MusigKeys, added: MusigTweak): MusigKeys {
  const { isNegated, tweakSum, ...inside } = keys[KEYS];
  const summand = parseScalar(added.tweak);
  if (summand === undefined) throw invalidArgument('tweak', '32 bytes below the group order', added.tweak);
  const isTurned = added.kind === 'x-only' && !hasEvenY(keys.publicKey);
  const base = isTurned ? (negatePoint(keys.publicKey) as Uint8Array) : keys.publicKey;
  const publicKey = currentCrypto().publicKeyTweakAdd(base, added.tweak);
  if (publicKey === undefined) throw invalidArgument('tweak', 'a tweak whose result is a point', added.tweak);
  return madeKeys(
    { ...keys, tweaks: [...keys.tweaks, added], publicKey },
    {
      ...inside,
      isNegated: isTurned !== isNegated,
      tweakSum: modOrder(summand + (isTurned ? -tweakSum : tweakSum)),
    },
  );
}

function madeKeys(
  { publicKeys, tweaks, publicKey, untweakedPublicKey }: Omit<MusigKeys, 'xOnlyPublicKey' | typeof KEYS>,
  inside: KeysInside,
): MusigKeys {
  const made = { publicKeys, tweaks, publicKey, untweakedPublicKey, xOnlyPublicKey: xOf(publicKey) };
  // Not enumerable: a copy by spreading, or by JSON, is no key of this module.
  Object.defineProperty(made, KEYS, { value: inside });
  return made as MusigKeys;
}
