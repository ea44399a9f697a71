import { invalidArgument } from '../errors.ts';
import { type MempoolPolicy, rulesOf } from '../model/mempool-policy.ts';
import { mempoolProfile, type MempoolProfileName } from '../model/mempool-profiles.ts';
import { type Credential, newCookiePassword, passwordCredential } from './auth.ts';
import { RpcDispatcher, type RpcReply } from './dispatcher.ts';
import { type HostCheck, hostCheck } from './host-names.ts';
import { listen } from './http.ts';
import { allMethods } from './methods/all.ts';
import { type NodeStore, RegtestNode } from './node.ts';

/** Longest time that a timer of Node can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** How a server is started. */
export interface ChainServerOptions {
  /** Address to listen at; `127.0.0.1` when absent. */
  readonly host?: string;
  /** Port; 0, which lets the system choose, when absent. */
  readonly port?: number;
  /**
   * Names of this server besides that of its address, without a port. A request whose `Host` header names another one is
   * refused (403), so that no page in a browser gets in by DNS rebinding. When absent, a server at 127.0.0.1, ::1 or
   * localhost answers to these alone, and one that other machines may reach to any name.
   */
  readonly allowedHosts?: readonly string[];
  /** Who may call. Absent: one user `__cookie__` with a password made at random, which the answer names. */
  readonly credentials?: readonly Credential[];
  /** Whose mempool policy: a named profile, `core-31` when absent, or a policy of your own. */
  readonly policy?: MempoolProfileName | MempoolPolicy;
  /** SQLite file that blocks and mempool are kept in; in memory alone when absent. */
  readonly file?: string;
  /** Unix seconds that time stands still at; the time of the machine when absent. */
  readonly mockTime?: number;
  /** Whether transactions in blocks are found by id alone; `true` when absent. */
  readonly txIndex?: boolean;
  /** Port for peers, 0 for any: version 1 of their protocol, headers, blocks, transactions. No peers when absent. */
  readonly peerPort?: number;
  /**
   * What of the mempool is there again after a start from a file: `all`, when absent; `judged`, what by itself keeps
   * the rules of the policy, as bitcoind does, so that a transaction whose child paid for it is gone; or `none`.
   */
  readonly reloads?: 'all' | 'judged' | 'none';
  /** Least fee rate of what is mined, sat/kvB. */
  readonly blockMinFeeRate?: number;
  /** Most weight of a block that is made, and how much of it is kept for its coinbase; 4000000 and 8000 when absent. */
  readonly blockMaxWeight?: number;
  readonly blockReservedWeight?: number;
  /** Version of blocks that are made; what the deployments ask for when absent. */
  readonly blockVersion?: number;
  /** Gets a line for each call and each change, as bitcoind writes into its `debug.log`. */
  readonly log?: (line: string) => void;
  /** How long a transaction waits until the node lets go of it, seconds; two weeks when absent (`-mempoolexpiry`). */
  readonly expirySeconds?: number;
  /** Most calls that are answered at the same time; a further one is refused (HTTP 503). Any number when absent. */
  readonly maxCalls?: number;
  /** How long a connection is kept on which nothing is asked, seconds; 30 when absent (`-rpcservertimeout`). */
  readonly idleSeconds?: number;
  /** Where the lines of `log` go, as `getrpcinfo` says. */
  readonly logPath?: string;
  /** Parts of answers that are out of date and shown all the same (`-deprecatedrpc`), for example `fullrbf`. */
  readonly deprecatedRpc?: readonly string[];
  /** What `getnetworkinfo` says. */
  readonly version?: number;
  readonly subversion?: string;
  /** Called once a caller has said `stop` and the server has ended. */
  readonly onStopped?: () => void;
}

/** A server that runs. */
export interface ChainServer {
  /** `http://host:port`. */
  readonly url: string;
  readonly port: number;
  /** Port for peers, if there is one. */
  readonly peerPort?: number;
  /** User and password that may call, if they were made here. */
  readonly user: string;
  readonly password: string;
  /** Ends it; what was answered is kept, if there is a file. */
  stop(): Promise<void>;
}

/**
 * Starts a regtest node that speaks bitcoind's JSON-RPC over the embedded chain.
 *
 * @throws {@link ChainError} `CHAIN_INVALID_ARGUMENT`, `CHAIN_FILE_INVALID`; Node's error where a port is taken.
 *
 * @example
 * ```ts no-run
 * import { startChainServer } from '@bitcoin-enterprise/chain/server';
 *
 * const server = await startChainServer({ port: 18_443 });
 * server.url; // with server.user and server.password
 * await server.stop();
 * ```
 */
export async function startChainServer(options: ChainServerOptions = {}): Promise<ChainServer> {
  const { server } = await startNodeServer(options);
  return server;
}

/** As {@link startChainServer}, with the node itself at hand. */
export async function startNodeServer(
  options: ChainServerOptions = {},
): Promise<{ readonly server: ChainServer; readonly node: RegtestNode }> {
  const { host = '127.0.0.1', port = 0, policy = 'core-31', file, peerPort, onStopped } = options;
  checkPort('port', port);
  const isOurs = hostCheck(host, options.allowedHosts);
  if (peerPort !== undefined) checkPort('peerPort', peerPort);
  const password = newCookiePassword();
  const { credentials = [passwordCredential('__cookie__', password)] } = options;
  const mempoolPolicy = typeof policy === 'string' ? mempoolProfile(policy) : policy;
  const store = file === undefined ? undefined : await openStore(file, options.reloads ?? 'all');
  const node = new RegtestNode({
    policy: mempoolPolicy,
    version: options.version ?? versionOf(rulesOf(mempoolPolicy).name),
    txIndex: options.txIndex ?? true,
    ...(store === undefined ? {} : { store }),
    ...(options.mockTime === undefined ? {} : { mockTime: options.mockTime }),
    ...(options.blockMinFeeRate === undefined ? {} : { blockMinFeeRate: options.blockMinFeeRate }),
    ...(options.blockMaxWeight === undefined ? {} : { blockMaxWeight: options.blockMaxWeight }),
    ...(options.blockReservedWeight === undefined ? {} : { blockReservedWeight: options.blockReservedWeight }),
    ...(options.blockVersion === undefined ? {} : { blockVersion: options.blockVersion }),
    ...(options.log === undefined ? {} : { log: options.log }),
    ...(options.expirySeconds === undefined ? {} : { expirySeconds: options.expirySeconds }),
    ...(options.logPath === undefined ? {} : { logPath: options.logPath }),
    ...(options.deprecatedRpc === undefined ? {} : { deprecatedRpc: options.deprecatedRpc }),
    ...(options.subversion === undefined ? {} : { subversion: options.subversion }),
  });
  const listening = await openPorts(node, {
    host,
    port,
    peerPort,
    credentials,
    isOurs,
    maxCalls: options.maxCalls ?? Infinity,
    idleTimeoutMs: Math.min((options.idleSeconds ?? 30) * 1_000, MAX_TIMER_MS),
  });
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= new Promise((resolve) => {
      node.network?.close();
      // The answer to `stop` itself still goes out; idle connections do not hold the server up.
      listening.server.close(() => {
        node.close();
        resolve();
        onStopped?.();
      });
      listening.server.closeIdleConnections();
      setTimeout(() => listening.server.closeAllConnections(), 500).unref();
    });
    return stopped;
  };
  node.onStop = () => void stop();
  const url = `http://${host}:${listening.port}`;
  const peers = listening.peerPort === undefined ? {} : { peerPort: listening.peerPort };
  return { node, server: { url, port: listening.port, ...peers, user: '__cookie__', password, stop } };
}

/** Listens to callers and to peers, or to nobody. */
async function openPorts(
  node: RegtestNode,
  {
    host,
    port,
    peerPort,
    credentials,
    isOurs,
    maxCalls,
    idleTimeoutMs,
  }: {
    readonly host: string;
    readonly port: number;
    readonly peerPort: number | undefined;
    readonly credentials: readonly Credential[];
    readonly isOurs: HostCheck;
    readonly maxCalls: number;
    readonly idleTimeoutMs: number;
  },
): Promise<Awaited<ReturnType<typeof listen>> & { readonly peerPort: number | undefined }> {
  try {
    let heard: number | undefined;
    if (peerPort !== undefined) {
      const { PeerNetwork } = await import('./p2p/network.ts');
      const network = new PeerNetwork(node);
      node.network = network;
      heard = await network.listen({ host, port: peerPort });
    }
    const dispatcher = new RpcDispatcher(node, allMethods());
    const answer = (body: string): Promise<RpcReply> => dispatcher.answer(body);
    const http = { host, port, credentials, isOurs, maxCalls, idleTimeoutMs, answer };
    return { ...(await listen(http)), peerPort: heard };
  } catch (error) {
    node.network?.close();
    node.close();
    throw error;
  }
}

function checkPort(argument: string, port: number): void {
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw invalidArgument(argument, 'a port from 0 to 65535', port);
}

/** What Core calls the version that a profile stands for. */
function versionOf(profile: string): number {
  const major = Number(/\d+$/.exec(profile)?.[0] ?? 31);
  return major * 10_000;
}

/** SQLite is loaded only where a file is asked for: without one a start shall cost nothing of it. */
async function openStore(file: string, reloads: 'all' | 'judged' | 'none'): Promise<NodeStore> {
  const { SqliteNodeStore } = await import('./sqlite-store.ts');
  return new SqliteNodeStore(file, { reloads });
}
