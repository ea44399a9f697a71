import { concatBytes, currentCrypto, type Entropy } from '@bitcoin-enterprise/core';
import { requireBytes, requireFunction, requireObject } from '../../checks.ts';
import { invalidArgument } from '../../errors.ts';
import type { SecretBytes } from '../../keys/secret-bytes.ts';
import { multiplyBase } from '../math/points.ts';
import type { NonceVault } from '../vault/nonce-vault.ts';
import { requireSecret } from './checks.ts';
import { keyCoefficient, type MusigKeys, requireKeys } from './keys.ts';
import { createMusigNonce, lengthOf } from './nonces.ts';
import { type MusigSession, requireSession } from './session.ts';
import { signWith } from './signatures.ts';

/** Settings of {@link createVaultNonce}. */
export interface VaultNonceOptions {
  /** Of the participant, 32 bytes. */
  readonly secretKey: SecretBytes;
  /** The key that will sign, with all tweaks. */
  readonly keys: MusigKeys;
  /** What will be signed, if it is known. */
  readonly message?: Uint8Array;
  /** Of the script that is spent, 32 bytes; absent for the key path (BIP373). */
  readonly leafHash?: Uint8Array;
  /** Where the 32 random bytes come from; the runtime's when absent. */
  readonly entropy?: Entropy;
}

/** A nonce whose secret half is in a vault. */
export interface VaultNonce {
  /** Names it to the vault. */
  readonly token: string;
  /** For the other signers, 66 bytes. */
  readonly publicNonce: Uint8Array;
}

/**
 * Makes a nonce and gives its secret half to a vault.
 *
 * @throws WalletError `WALLET_KEY_UNKNOWN` when the signer is no participant, `WALLET_VAULT_STALE`,
 * `WALLET_INVALID_ARGUMENT`; those of the vault's stores.
 */
export async function createVaultNonce(vault: NonceVault, options: VaultNonceOptions): Promise<VaultNonce> {
  requireVault(vault);
  const given = requireObject<VaultNonceOptions>('options', options);
  const secretKey = requireSecret('options.secretKey', given.secretKey);
  const keys = requireKeys('options.keys', given.keys);
  const { message, leafHash, entropy } = given;
  if (leafHash !== undefined) requireBytes('options.leafHash', leafHash, 32);
  const publicKey = secretKey.use((secret) => multiplyBase(requireBytes('secretKey', secret, 32)));
  if (publicKey === undefined) throw invalidArgument('options.secretKey', 'a secret key', secretKey);
  keyCoefficient(keys, publicKey);
  const { publicNonce, secretNonce } = createMusigNonce({
    publicKey,
    secretKey,
    xOnlyPublicKey: keys.xOnlyPublicKey,
    ...(message === undefined ? {} : { message }),
    ...(leafHash === undefined ? {} : { extra: leafHash }),
    ...(entropy === undefined ? {} : { entropy }),
  });
  const [token = ''] = await vault.make([{ publicNonce, secretNonce }]);
  return { token, publicNonce };
}

/** Settings of {@link signWithVault}. */
export interface SignWithVaultOptions {
  /** Of the participant for whom the nonce was made, 32 bytes. */
  readonly secretKey: SecretBytes;
  readonly session: MusigSession;
}

/**
 * A partial signature with a nonce of a vault: the same answer for the same session, none for another.
 *
 * @returns 32 bytes.
 * @throws WalletError `WALLET_NONCE_SPENT`, `WALLET_KEY_UNKNOWN`, `WALLET_VAULT_STALE`, `WALLET_INVALID_ARGUMENT`; those
 * of the vault's stores.
 */
export async function signWithVault(
  vault: NonceVault,
  token: string,
  options: SignWithVaultOptions,
): Promise<Uint8Array> {
  requireVault(vault);
  const given = requireObject<SignWithVaultOptions>('options', options);
  const session = requireSession('options.session', given.session);
  const secretKey = requireSecret('options.secretKey', given.secretKey);
  // Before the nonce is spent: what cannot be signed must not cost it.
  const publicKey = secretKey.use((secret) => multiplyBase(requireBytes('secretKey', secret, 32)));
  if (publicKey === undefined) throw invalidArgument('options.secretKey', 'a secret key', secretKey);
  keyCoefficient(session.keys, publicKey);
  return vault.sign(token, {
    session: sessionDigest(session),
    sign: (nonce, publicNonce) => secretKey.use((secret) => signWith(session, { nonce, secret, publicNonce })),
  });
}

/** A hash of everything that a partial signature of a session depends on, 32 bytes. */
export function sessionDigest({ keys, message, aggregateNonce, adaptorPoint }: MusigSession): Uint8Array {
  const count = new Uint8Array(4);
  new DataView(count.buffer).setUint32(0, keys.publicKeys.length);
  return currentCrypto().taggedHash(
    adaptorPoint === undefined ? 'bitcoin-enterprise/musig-session' : 'bitcoin-enterprise/musig-adaptor-session',
    concatBytes(
      adaptorPoint ?? new Uint8Array(),
      aggregateNonce,
      count,
      ...keys.publicKeys,
      lengthOf(message, 8),
      message,
      ...keys.tweaks.flatMap(({ tweak, kind }) => [Uint8Array.of(kind === 'plain' ? 0 : 1), tweak]),
    ),
  );
}

function requireVault(vault: unknown): void {
  requireFunction('vault.sign', requireObject<NonceVault>('vault', vault).sign);
}
