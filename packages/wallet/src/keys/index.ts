export { SecretBytes } from './secret-bytes.ts';
export {
  generateMnemonic,
  type GenerateMnemonicOptions,
  languagesOfMnemonic,
  Mnemonic,
  mnemonicFromEntropy,
  type MnemonicLength,
  readMnemonic,
} from './mnemonic.ts';
export { MNEMONIC_LANGUAGES, type MnemonicLanguage } from './mnemonic-languages.ts';
export { deriveKey, masterKey, type MasterKeyOptions } from './master-key.ts';
export { derivationPathText, HARDENED_STEP, readDerivationPath } from './derivation-path.ts';
export { readExtendedKey, type ReadExtendedKey, type Slip132Script } from './slip132.ts';
export {
  ACCOUNT_SCRIPTS,
  accountDescriptor,
  accountKey,
  type AccountKey,
  type AccountOptions,
  accountPath,
  type AccountScript,
  cosignerKey,
  type CosignerOptions,
  cosignerText,
  multisigDescriptor,
  type MultisigOptions,
  type MultisigScript,
} from './accounts.ts';
export { checksumAddress, type EvmAccount, evmAccount, evmAddress, type EvmLayout, isChecksumAddress } from './evm.ts';
export {
  discoverAccounts,
  discoverAddresses,
  type DiscoveredAccount,
  type DiscoveredPath,
  type DiscoverOptions,
  type DiscoveryState,
  type GapOptions,
  nextUnused,
} from './discover.ts';
export { scannedUsage, type ScriptUsage, unspentUsage } from './script-usage.ts';
export { importWif, type ImportedKey } from './wif.ts';
export {
  changeKeystorePassword,
  type ChangePasswordOptions,
  type KeystoreSecret,
  openKeystore,
  type OpenedSecret,
  type OpenKeystoreOptions,
  readKeystore,
  sealKeystore,
  type SealKeystoreOptions,
} from './keystore/keystore.ts';
export type { KeystoreEntry, KeystoreSecretKind } from './keystore/format.ts';
export { ARGON2ID_DEFAULT, type KdfCallOptions, type KeystoreKdf, SCRYPT_DEFAULT } from './keystore/kdf.ts';
export { openEthereumKeystore, type OpenedEthereumKey } from './keystore/ethereum-keystore.ts';
export { WalletError, type WalletErrors } from '../errors.ts';
