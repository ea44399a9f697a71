export { createPkcs11Signer, type Pkcs11Signer, type Pkcs11SignerOptions, type TokenKey } from './pkcs11-signer.ts';
export { printSealedKey, readSealedKey, type SealedKey } from './sealed-key.ts';
export type { SealMechanism } from './protocol.ts';
export type { PinSource } from './pin.ts';
export { WalletError, type WalletErrors } from '../errors.ts';
