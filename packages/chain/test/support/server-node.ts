import { type ChainServerOptions, startChainServer } from '@bitcoin-enterprise/chain/server';
import { type Bitcoind, BitcoindRefusal } from '../../../../scripts/nodes/bitcoind.ts';

/** The server of this package in the shape of a real node, so that what is written for one runs against the other. */
export async function serverNode(options: ChainServerOptions = {}): Promise<Bitcoind & { readonly peerPort: number }> {
  const server = await startChainServer(options);
  const { url: rpcUrl, user, password } = server;
  const rpc = async <Result = unknown>(method: string, params: readonly unknown[] = []): Promise<Result> => {
    const response = await fetch(rpcUrl, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${user}:${password}`)}` },
      body: JSON.stringify({ jsonrpc: '1.0', id: 0, method, params }),
    });
    const { result, error } = (await response.json()) as {
      readonly result: Result;
      readonly error: { readonly code: number; readonly message: string } | null;
    };
    if (error !== null) throw new BitcoindRefusal(method, error.code, error.message);
    return result;
  };
  return {
    rpcUrl,
    cookie: `${user}:${password}`,
    user,
    password,
    datadir: '',
    pid: process.pid,
    version: 'bitcoin-enterprise',
    source: 'this package',
    rpc,
    peerPort: server.peerPort ?? 0,
    stop: () => server.stop(),
  };
}
