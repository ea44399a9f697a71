export { WalletError, type WalletErrors } from './errors.ts';
export * from './accounts/index.ts';
export * from './building/index.ts';
export * from './psbt/index.ts';
export * from './signers/index.ts';
