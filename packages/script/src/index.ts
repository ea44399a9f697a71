export * from './model.ts';
export { ScriptError, type ScriptErrors } from './errors.ts';
export { TransactionView, parseTransaction, viewTransaction, type ParseTransactionOptions } from './codec/transaction-view.ts';
export {
  serializeTransaction,
  transactionId,
  transactionVirtualSize,
  transactionWeight,
  witnessTransactionId,
  type SerializeTransactionOptions,
} from './codec/serialize.ts';
export {
  BLOCK_HEADER_SIZE,
  blockHash,
  joinBlock,
  parseBlock,
  parseBlockHeader,
  serializeBlock,
  serializeBlockHeader,
  viewBlock,
  type BlockView,
} from './codec/block.ts';
