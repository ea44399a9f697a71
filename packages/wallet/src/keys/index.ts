export { SecretBytes } from './secret-bytes.ts';
export { WalletError, type WalletErrors } from '../errors.ts';
