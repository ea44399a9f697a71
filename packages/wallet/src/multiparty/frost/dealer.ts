import { currentCrypto, type Entropy, equalBytes, webEntropy } from '@bitcoin-enterprise/core';
import { requireFunction, requireObject } from '../../checks.ts';
import { invalidArgument } from '../../errors.ts';
import { SecretBytes } from '../../keys/secret-bytes.ts';
import { requireSecret } from '../musig/checks.ts';
import { multiplyBase } from '../math/points.ts';
import { addSecret, inverseOf, modOrder, multiplySecret, wipe } from '../math/scalars.ts';
import { type FrostGroup, type FrostShare, groupOf, requireShare, requireSizes } from './group.ts';
import { commitTo, evaluateSecret, randomPolynomial, randomScalar, requireDifferent } from './polynomial.ts';

/** Settings of {@link dealFrostShares}. */
export interface DealFrostSharesOptions {
  /** How many sign, 2 to `participants`. */
  readonly threshold: number;
  /** 2 to 255. */
  readonly participants: number;
  /** A key that exists already, 32 bytes; a fresh one when absent. */
  readonly secretKey?: SecretBytes;
  /** Where randomness comes from; the runtime's when absent. */
  readonly entropy?: Entropy;
}

/**
 * Splits a key among participants (RFC 9591, appendix C). The dealer knows it: where nobody may, the participants make it
 * together, with {@link createFrostDkg}.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { dealFrostShares } from '@bitcoin-enterprise/wallet/multiparty';
 *
 * const { group, shares } = dealFrostShares({ threshold: 2, participants: 3 });
 * [group.xOnlyPublicKey.length, shares.length]; // => [32, 3]
 * ```
 */
export function dealFrostShares(options: DealFrostSharesOptions): {
  readonly group: FrostGroup;
  readonly shares: readonly FrostShare[];
} {
  const given = requireObject<DealFrostSharesOptions>('options', options);
  const { threshold, participants } = requireSizes('options', given);
  const { secretKey, entropy = webEntropy() } = given;
  requireFunction('options.entropy.bytes', requireObject<Entropy>('options.entropy', entropy).bytes);
  const constant =
    secretKey === undefined
      ? randomScalar(entropy)
      : requireSecret('options.secretKey', secretKey).use((secret) => new Uint8Array(secret));
  if (constant.length !== 32 || !currentCrypto().isSecretKey(constant))
    throw invalidArgument('options.secretKey', 'a secret key', secretKey);
  const coefficients = randomPolynomial(constant, threshold, entropy);
  const commitments = commitTo(coefficients);
  requireDifferent(commitments, entropy);
  const group = groupOf(commitments, participants);
  if (group === undefined) throw invalidArgument('options.entropy', 'a source of randomness', 0);
  const shares = group.verifyingShares.map((_, index): FrostShare => {
    const value = evaluateSecret(coefficients, index + 1);
    const secretShare = new SecretBytes(value);
    value.fill(0);
    return { identifier: index + 1, secretShare, group };
  });
  wipe(...coefficients);
  return { group, shares };
}

/**
 * The secret key of a group, from the shares of `threshold` participants: for leaving, never for signing.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT` for too few shares, one twice, or shares that are not of one key.
 */
export function combineFrostShares(shares: readonly FrostShare[]): SecretBytes {
  const list = Array.isArray(shares) ? shares.map((share, index) => requireShare(`shares[${index}]`, share)) : [];
  const identifiers = list.map(({ identifier }) => identifier);
  const [first] = list;
  if (first === undefined || list.length < first.group.threshold || new Set(identifiers).size !== list.length)
    throw invalidArgument('shares', 'a share of each of `threshold` participants', shares);
  let sum = new Uint8Array(32);
  for (const { identifier, secretShare } of list) {
    const weighted = secretShare.use((secret) => multiplySecret(secret, lagrange(identifiers, identifier)));
    const next = addSecret(sum, weighted);
    wipe(sum, weighted);
    sum = new Uint8Array(next);
    wipe(next);
  }
  const publicKey = multiplyBase(sum);
  const secretKey = new SecretBytes(sum);
  sum.fill(0);
  // Old shares and refreshed ones, for example, make a key together that nobody has.
  if (publicKey !== undefined && equalBytes(publicKey, first.group.publicKey)) return secretKey;
  secretKey.wipe();
  throw invalidArgument('shares', 'shares of one key', shares);
}

/** What a participant's share counts for among those who sign (RFC 9591, section 4.2). */
export function lagrange(identifiers: readonly number[], identifier: number): bigint {
  let [above, below] = [1n, 1n];
  for (const other of identifiers) {
    if (other === identifier) continue;
    above *= BigInt(other);
    below *= BigInt(other - identifier);
  }
  return modOrder(modOrder(above) * inverseOf(below));
}
