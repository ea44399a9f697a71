export type { Pkcs11Signer, Pkcs11SignerOptions, TokenKey } from './pkcs11-model.ts';
export { createPkcs11Signer, listPkcs11Tokens, type Pkcs11Token } from './pkcs11-signer.ts';
export { printSealedKey, readSealedKey, type SealedKey } from './sealed-key.ts';
export type { SealMechanism } from './protocol.ts';
export type { PinSource } from './pin.ts';
export { WalletError, type WalletErrors } from '../errors.ts';
