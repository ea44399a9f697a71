export { WalletError, type WalletErrors } from '../errors.ts';
export { checkFunds, type CheckedCoin } from './funds.ts';
export { type LegacyMessageOptions, signLegacyMessage } from './legacy.ts';
export { createMessagePsbt, finishMessage, messageOfPsbt, type MessageRequest, signMessage } from './sign.ts';
export { type MessageFormat, type MessageSignature, parseMessageSignature } from './signature-text.ts';
export { messageHash, type MessageTimes, messageToSign, messageToSpend } from './transactions.ts';
export { type MessageVerdict, type ProvenCoin, verifyMessage, type VerifyMessageOptions } from './verify.ts';
