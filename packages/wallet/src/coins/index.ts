export { WalletError, type WalletErrors } from '../errors.ts';
export type { ChangeOptions, Coin, CoinSelection, Payment, SelectCoinsOptions, SelectionAlgorithm } from './model.ts';
export { selectCoins } from './select.ts';
export { sweepCoins, type SweepCoinsOptions } from './sweep.ts';
