import { requireInteger, requireObject, requireText } from '../checks.ts';
import type { SignerCallOptions } from '../signers/ports.ts';
import { meaningOf } from './faults.ts';
import type { Pkcs11Signer, Pkcs11SignerOptions } from './pkcs11-model.ts';
import { FaultAnswer, signalOf, TokenProcess } from './token-process.ts';
import { TokenSigner } from './token-signer.ts';

/**
 * Signs with a token behind PKCS#11: a hardware security module, a smart card, SoftHSM2. Needs the package `koffi`.
 *
 * The module runs in a process of its own: one that hangs is killed after `timeoutMs`, one that crashes takes nobody
 * along, and the next call starts another. A lost session is opened again, with one more login and one more try.
 *
 * Keys in the token sign with ECDSA; S is made low, a low R cannot be asked of a token. For Schnorr (Taproot) there are
 * sealed keys: encrypted by an AES key that never leaves the token, decrypted by it into the memory of the module's
 * process for one signature, then overwritten. That protects keys at rest, and makes every signature need the token and
 * its PIN; it does not protect against somebody who reads the memory of a machine while it signs.
 *
 * PINs, and secrets that are handed in to be imported or sealed, go to that process through a pipe whose buffers nobody
 * overwrites: let the token make its keys.
 *
 * @throws WalletError `WALLET_SIGNER_UNAVAILABLE` for no koffi, module or token, or no answer in time;
 * `WALLET_TOKEN_PIN_WRONG`, `WALLET_TOKEN_FAILED` with what PKCS#11 returned (CKR_MECHANISM_INVALID for a mechanism
 * that the token has not), `WALLET_KEY_UNKNOWN`, `WALLET_SIGNER_ANSWER_INVALID` for a signature that does not verify,
 * `WALLET_ABORTED`, `WALLET_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts no-run
 * import { SecretBytes } from '@bitcoin-enterprise/wallet/keys';
 * import { createPkcs11Signer } from '@bitcoin-enterprise/wallet/pkcs11';
 *
 * declare const askForPin: () => Promise<SecretBytes>;
 * const signer = await createPkcs11Signer({
 *   module: '/usr/lib/softhsm/libsofthsm2.so',
 *   token: 'treasury',
 *   pin: askForPin,
 * });
 * const { publicKey } = await signer.generateKey({ label: 'hot' });
 * const [signature] = await signer.signDigests([
 *   { key: { publicKey }, scheme: 'ecdsa', digest: new Uint8Array(32) },
 * ]);
 * await signer.close();
 * ```
 */
export async function createPkcs11Signer(options: Pkcs11SignerOptions): Promise<Pkcs11Signer> {
  const signer = new TokenSigner(requireObject<Pkcs11SignerOptions>('options', options));
  try {
    await signer.listKeys();
    return signer;
  } catch (error) {
    await signer.close();
    throw error;
  }
}

/** A token that a module shows. */
export interface Pkcs11Token {
  /** Number of its slot. */
  readonly slot: number;
  readonly label: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly serialNumber: string;
}

/**
 * The tokens that a PKCS#11 module shows; nothing is asked of them.
 *
 * @throws WalletError as {@link createPkcs11Signer}.
 */
export async function listPkcs11Tokens(
  options: SignerCallOptions & Pick<Pkcs11SignerOptions, 'module' | 'environment' | 'timeoutMs'>,
): Promise<readonly Pkcs11Token[]> {
  const { module, environment = {}, timeoutMs = 10_000 } = requireObject<Pkcs11SignerOptions>('options', options);
  const path = requireText('options.module', module);
  const signal = signalOf(options);
  const asked = new TokenProcess({
    name: path,
    environment: { ...requireObject<Record<string, string>>('options.environment', environment) } as Readonly<
      Record<string, string>
    >,
    timeoutMs: requireInteger('options.timeoutMs', timeoutMs, 100, 600_000),
  });
  try {
    return await asked.request({ call: 'tokens', module: path }, { call: 'listPkcs11Tokens', signal });
  } catch (error) {
    throw error instanceof FaultAnswer ? meaningOf(error.fault, path) : error;
  } finally {
    asked.kill();
  }
}
