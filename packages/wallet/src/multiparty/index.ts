export { WalletError, type WalletErrors } from '../errors.ts';
