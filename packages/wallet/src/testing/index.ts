export { digestSignerPromises } from './digest-signer-promises.ts';
export { signerPromises } from './signer-promises.ts';
export type { DigestSignerHarness, SignerHarness } from './harness.ts';
export { WalletError, type WalletErrors } from '../errors.ts';
