export { type Credential, passwordCredential, rpcAuthCredential } from './auth.ts';
export { type ChainServer, type ChainServerOptions, startChainServer } from './start.ts';
