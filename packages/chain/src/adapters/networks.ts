import { displayHash, type NetworkName } from '@bitcoin-enterprise/core';
import { ChainError } from '../errors.ts';

/** Display form of the hash of each network's first block. */
const GENESIS: Readonly<Record<NetworkName, string>> = {
  main: '000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f',
  test: '000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943',
  testnet4: '00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043',
  signet: '00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6',
  regtest: '0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206',
};

/** The network that begins with a block; `undefined` for none that the suite knows. */
export function networkOfGenesis(hash: Uint8Array): NetworkName | undefined {
  const shown = displayHash(hash);
  return (Object.keys(GENESIS) as NetworkName[]).find((name) => GENESIS[name] === shown);
}

/** Hash of a network's first block, display form. */
export function genesisOf(network: NetworkName): string {
  return GENESIS[network];
}

/** Makes the error for a source of another chain. */
export function wrongNetwork(source: string, expected: string, got: string): ChainError<'CHAIN_WRONG_NETWORK'> {
  return new ChainError('CHAIN_WRONG_NETWORK', `expected ${source} to serve ${expected}, got ${got}`, {
    details: { source, expected, got },
    hint: 'The address belongs to a node of another network, or somebody answers in its place.',
  });
}
