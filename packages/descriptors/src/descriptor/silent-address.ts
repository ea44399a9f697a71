import { concatBytes, encodeBech32, type NetworkName, toWords } from '@bitcoin-enterprise/core';
import { DescriptorsError, invalidArgument } from '../errors.ts';
import { Descriptor } from './descriptor.ts';

/** The static address of a silent payment wallet and the keys in it (BIP352). */
export interface SilentPaymentAddress {
  /** `sp1q…`, or `tsp1q…` of the test networks. */
  readonly address: string;
  /** 33 bytes. */
  readonly scanPublicKey: Uint8Array;
  /** 33 bytes, without label. */
  readonly spendPublicKey: Uint8Array;
}

/** BIP352: 66 bytes of keys, as words with version and checksum. */
const MAXIMUM_CHARACTERS = 120;

/**
 * The address of an `sp()` descriptor (BIP352, BIP392).
 *
 * @throws DescriptorsError `DESCRIPTORS_NO_SCRIPT` for another descriptor, `DESCRIPTORS_INVALID_ARGUMENT`,
 * `DESCRIPTORS_DERIVATION_HARDENED`.
 */
export function silentPaymentAddress(descriptor: Descriptor, network: NetworkName): SilentPaymentAddress {
  if (!(descriptor instanceof Descriptor)) throw invalidArgument('descriptor', 'a descriptor', descriptor);
  const { node } = descriptor;
  if (node.name !== 'sp')
    throw new DescriptorsError('DESCRIPTORS_NO_SCRIPT', `expected sp(), got ${node.name}()`, {
      details: { name: node.name },
    });
  const scanPublicKey = node.scanKey.derive(0).publicKey;
  const spendPublicKey = node.spendKey.derive(0).publicKey;
  const words = concatBytes(Uint8Array.of(0), toWords(concatBytes(scanPublicKey, spendPublicKey)));
  const prefix = network === 'main' ? 'sp' : 'tsp';
  const address = encodeBech32({ prefix, words, variant: 'bech32m' }, { maxCharacters: MAXIMUM_CHARACTERS });
  return { address, scanPublicKey, spendPublicKey };
}
