import { currentCrypto, toHex } from '@bitcoin-enterprise/core';
import {
  AbstractSigner,
  getBytes,
  hashMessage,
  type Provider,
  resolveAddress,
  Signature,
  Transaction,
  type TransactionRequest,
  type TypedDataDomain,
  TypedDataEncoder,
  type TypedDataField,
} from 'ethers';
import { requireBytes, requireFunction, requireObject } from '../checks.ts';
import { WalletError } from '../errors.ts';
import { evmAddress } from '../keys/evm.ts';
import type { DigestSigner, KeyReference } from '../signers/ports.ts';

/** What an EVM signer is made of. */
export interface EvmSignerOptions {
  /** Who holds the key: memory, a token, another machine. */
  readonly holder: DigestSigner;
  /** Which of its keys signs. */
  readonly key: KeyReference;
  readonly provider?: Provider;
}

/**
 * An ethers 6 signer over whoever holds the key: transactions of all types, EIP-191 messages, EIP-712 typed data.
 *
 * @example
 * ```ts
 * import { createKeyRing, memoryDigestSigner } from '@bitcoin-enterprise/wallet';
 * import { EvmSigner } from '@bitcoin-enterprise/wallet/evm';
 *
 * const ring = createKeyRing({ secretKeys: [new Uint8Array(32).fill(1)] });
 * const [publicKey = new Uint8Array(33)] = ring.publicKeys;
 * const signer = new EvmSigner({ holder: memoryDigestSigner(ring), key: { publicKey } });
 * signer.address; // => '0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1'
 * ```
 */
export class EvmSigner extends AbstractSigner {
  /** With its checksum (EIP-55). */
  readonly address: string;
  readonly #holder: DigestSigner;
  readonly #key: KeyReference;

  /** @throws WalletError `WALLET_INVALID_ARGUMENT`. */
  constructor(options: EvmSignerOptions) {
    const { holder, key, provider } = requireObject<EvmSignerOptions>('options', options);
    super(provider);
    requireFunction('options.holder.signDigests', requireObject<DigestSigner>('options.holder', holder).signDigests);
    const { publicKey } = requireObject<KeyReference>('options.key', key);
    this.address = evmAddress(requireBytes('options.key.publicKey', publicKey));
    this.#holder = holder as DigestSigner;
    this.#key = key as KeyReference;
  }

  /** Its address. */
  override async getAddress(): Promise<string> {
    return this.address;
  }

  /** The same signer with another provider. */
  override connect(provider: Provider | null): EvmSigner {
    const base = { holder: this.#holder, key: this.#key };
    return new EvmSigner(provider === null ? base : { ...base, provider });
  }

  /**
   * Signs a transaction as it is; `populateTransaction` fills in what is missing.
   *
   * @returns The serialised transaction, hexadecimal.
   * @throws WalletError `WALLET_FORBIDDEN` for one from another address, `WALLET_SIGNER_ANSWER_INVALID`; those of the holder.
   */
  override async signTransaction(request: TransactionRequest): Promise<string> {
    const { from, to, ...rest } = request;
    if (from !== undefined && from !== null && (await resolveAddress(from, this.provider)) !== this.address)
      throw new WalletError('WALLET_FORBIDDEN', `expected a transaction from ${this.address}, got one from another`, {
        details: { actor: this.address, action: 'sign for another address' },
      });
    const target = to === undefined || to === null ? {} : { to: await resolveAddress(to, this.provider) };
    const tx = Transaction.from({ ...(rest as object), ...target });
    tx.signature = await this.#sign(tx.unsignedHash);
    return tx.serialized;
  }

  /** Signs a message (EIP-191); a text as its UTF-8. */
  override async signMessage(message: string | Uint8Array): Promise<string> {
    return (await this.#sign(hashMessage(message))).serialized;
  }

  /** Signs typed data (EIP-712). */
  override async signTypedData(
    domain: TypedDataDomain,
    types: Record<string, TypedDataField[]>,
    value: Record<string, unknown>,
  ): Promise<string> {
    const { provider } = this;
    const resolved = await TypedDataEncoder.resolveNames(domain, types, value, async (name) =>
      resolveAddress(name, provider),
    );
    return (await this.#sign(TypedDataEncoder.hash(resolved.domain, types, resolved.value))).serialized;
  }

  async #sign(digestText: string): Promise<Signature> {
    const digest = getBytes(digestText);
    const [signature] = await this.#holder.signDigests([{ key: this.#key, scheme: 'ecdsa', digest }]);
    // A token does not say which of the keys that fit a signature is its own.
    const recoveryId = [0, 1].find((id) => {
      const recovered = signature?.length === 64 ? currentCrypto().ecdsaRecover(signature, id, digest) : undefined;
      return recovered !== undefined && evmAddress(recovered) === this.address;
    });
    if (signature === undefined || recoveryId === undefined)
      throw new WalletError('WALLET_SIGNER_ANSWER_INVALID', `expected a signature of ${this.address}, got another`, {
        details: { signer: this.#holder.name, reason: 'a signature that does not verify' },
      });
    return Signature.from({
      r: `0x${toHex(signature.subarray(0, 32))}`,
      s: `0x${toHex(signature.subarray(32))}`,
      yParity: recoveryId as 0 | 1,
    });
  }
}
