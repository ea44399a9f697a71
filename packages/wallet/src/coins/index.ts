export { WalletError, type WalletErrors } from '../errors.ts';
export {
  exportLabels,
  type ImportedLabels,
  importLabels,
  type ImportLabelsOptions,
  type JsonValue,
  type Label,
  type LabelType,
} from './labels.ts';
export type { CoinLock } from './lock-state.ts';
export { type CoinLocks, type CoinLocksOptions, createCoinLocks, type LockCoinsRequest } from './locks.ts';
export type { ChangeOptions, Coin, CoinSelection, Payment, SelectCoinsOptions, SelectionAlgorithm } from './model.ts';
export { selectCoins } from './select.ts';
export { sweepCoins, type SweepCoinsOptions } from './sweep.ts';
