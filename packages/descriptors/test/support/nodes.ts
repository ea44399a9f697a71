// After the move to packages/descriptors these are '../../../../scripts/nodes/…'.
export { type Bitcoind, BitcoindRefusal, findBitcoind, startBitcoind } from '../../../../scripts/nodes/bitcoind.ts';
export { orSkip } from '../../../../scripts/nodes/find.ts';
