/** The floors of the house, from the ground up: what each package may import. An import may only point down. */
export interface Layer {
  /** Folder below `packages`. */
  readonly name: string;
  /** Folders whose packages it may import. */
  readonly mayImport: readonly string[];
}

/** Every package of the repository; a package that is missing here fails a test. */
export const layers: readonly Layer[] = [
  { name: 'secp256k1', mayImport: [] },
  { name: 'core', mayImport: ['secp256k1'] },
  { name: 'events', mayImport: ['core'] },
  { name: 'receipts', mayImport: ['core'] },
  // Settings are read by apps alone: no package may import this one.
  { name: 'config', mayImport: ['core'] },
  { name: 'script', mayImport: ['core'] },
  { name: 'descriptors', mayImport: ['core', 'script'] },
  { name: 'chain', mayImport: ['core', 'script', 'events'] },
  { name: 'wallet', mayImport: ['core', 'script', 'descriptors', 'chain', 'events', 'receipts'] },
  {
    name: 'biscol',
    mayImport: ['core', 'script', 'descriptors', 'chain', 'events', 'receipts', 'wallet'],
  },
];

/** Source folders of packages that may use Node's built-ins: subpaths that say so in their name. */
export const nodeOnlyFolders: readonly string[] = [
  '(^|/)packages/core/src/workers/',
  '(^|/)packages/events/src/(sqlite|postgres|nats)/',
  '(^|/)packages/config/src/node/',
  '(^|/)packages/descriptors/src/cli/',
  '(^|/)packages/chain/src/(server|electrum|zmq)/',
  '(^|/)packages/wallet/src/(pkcs11|remote)/',
];
