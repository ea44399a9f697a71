export {
  createPkcs11Signer,
  listPkcs11Tokens,
  type Pkcs11Signer,
  type Pkcs11SignerOptions,
  type Pkcs11Token,
  type TokenKey,
} from './pkcs11-signer.ts';
export { printSealedKey, readSealedKey, type SealedKey } from './sealed-key.ts';
export type { SealMechanism } from './protocol.ts';
export type { PinSource } from './pin.ts';
export { WalletError, type WalletErrors } from '../errors.ts';
