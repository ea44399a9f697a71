export { WalletError, type WalletErrors } from './errors.ts';
export * from './psbt/index.ts';
export * from './signers/index.ts';
