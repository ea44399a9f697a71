export { ElectrumChain, type ElectrumChainOptions } from './electrum-chain.ts';
export { ElectrumChainSource, type ElectrumChainSourceOptions } from './chain-source.ts';
export { ElectrumClient, type ElectrumClientOptions, type ElectrumQuestion } from './client.ts';
export type { ElectrumAddress } from './connection.ts';
export { listenHttp, type Listening, type ListenOptions } from './listen.ts';
export { createElectrumServer, type ElectrumServerOptions } from './server.ts';
export type { ElectrumServerChain } from './server-chain.ts';
