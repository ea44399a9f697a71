import { invalidArgument } from '../errors.ts';

/** Which Bitcoin network. */
export type NetworkName = 'main' | 'test' | 'testnet4' | 'signet' | 'regtest';

/** How a network writes its addresses and keys. */
export interface Network {
  readonly name: NetworkName;
  /** First byte of a pay-to-public-key-hash address. */
  readonly publicKeyHashPrefix: number;
  /** First byte of a pay-to-script-hash address. */
  readonly scriptHashPrefix: number;
  /** First byte of a secret key in wallet import format. */
  readonly secretKeyPrefix: number;
  /** Human-readable part of segwit addresses. */
  readonly bech32Prefix: string;
}

const testing = { publicKeyHashPrefix: 0x6f, scriptHashPrefix: 0xc4, secretKeyPrefix: 0xef } as const;

/** The networks by name. The test networks share their Base58 prefixes, and all but regtest their Bech32 prefix. */
export const NETWORKS: Readonly<Record<NetworkName, Network>> = /* @__PURE__ */ Object.freeze({
  main: /* @__PURE__ */ Object.freeze<Network>({
    name: 'main',
    publicKeyHashPrefix: 0x00,
    scriptHashPrefix: 0x05,
    secretKeyPrefix: 0x80,
    bech32Prefix: 'bc',
  }),
  test: /* @__PURE__ */ Object.freeze<Network>({ name: 'test', ...testing, bech32Prefix: 'tb' }),
  testnet4: /* @__PURE__ */ Object.freeze<Network>({ name: 'testnet4', ...testing, bech32Prefix: 'tb' }),
  signet: /* @__PURE__ */ Object.freeze<Network>({ name: 'signet', ...testing, bech32Prefix: 'tb' }),
  regtest: /* @__PURE__ */ Object.freeze<Network>({ name: 'regtest', ...testing, bech32Prefix: 'bcrt' }),
});

/** Names of the networks a predicate holds for. */
export function networksWhere(holds: (network: Network) => boolean): readonly NetworkName[] {
  return Object.values(NETWORKS)
    .filter(holds)
    .map((network) => network.name);
}

/** The parameters of a network; an unknown name throws `CORE_INVALID_ARGUMENT`. */
export function networkNamed(name: NetworkName): Network {
  if (typeof name !== 'string' || !Object.hasOwn(NETWORKS, name))
    throw invalidArgument('network', `one of ${Object.keys(NETWORKS).join(', ')}`, name);
  return NETWORKS[name];
}
