import { concatBytes, type CryptoEngine, encodeAddress, encodeWif } from '@bitcoin-enterprise/core';

/** A key with money for tests. Anybody who knows the seed has it: never use it elsewhere. */
export interface DevAccount {
  /** P2WPKH on regtest. */
  readonly address: string;
  /** Secret key in wallet import format. */
  readonly wif: string;
  readonly publicKey: Uint8Array;
  readonly scriptPubKey: Uint8Array;
}

/** The accounts of a seed, the same at every start. */
export function devAccounts(seed: string, count: number, crypto: CryptoEngine): readonly DevAccount[] {
  const text = new TextEncoder().encode(seed);
  return Array.from({ length: count }, (_, i) => {
    const secretKey = crypto.taggedHash(
      'BitcoinEnterprise/dev-account',
      concatBytes(Uint8Array.of(i & 0xff, i >> 8), text),
    );
    const publicKey = crypto.publicKey(secretKey) as Uint8Array;
    const scriptPubKey = concatBytes(Uint8Array.of(0x00, 0x14), crypto.hash160(publicKey));
    return {
      address: encodeAddress(scriptPubKey, 'regtest'),
      wif: encodeWif(secretKey, { network: 'regtest' }),
      publicKey,
      scriptPubKey,
    };
  });
}
