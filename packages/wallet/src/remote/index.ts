export { createRemoteSigner, type RemoteSigner, type RemoteSignerOptions } from './client.ts';
export {
  type Authorisation,
  type AuthoriseRequest,
  type ClientIdentity,
  createRemoteSignerServer,
  type RemoteSignerServer,
  type RemoteSignerServerOptions,
} from './server.ts';
export type { MutualTls } from './tls.ts';
export { WalletError, type WalletErrors } from '../errors.ts';
