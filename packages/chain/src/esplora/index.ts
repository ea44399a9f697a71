export { EsploraChain, type EsploraChainOptions } from './esplora-chain.ts';
export { EsploraChainSource, type EsploraChainSourceOptions } from './chain-source.ts';
export { EsploraHttp, type EsploraHttpOptions, type EsploraQuestion } from './http-client.ts';
export { createEsploraServer, type EsploraServer } from './server.ts';
export type { EsploraServerChain } from './server-chain.ts';
