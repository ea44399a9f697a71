import { createServer, type Socket } from 'node:net';
import { ChainIndex } from '../adapters/chain-index.ts';
import { invalidArgument } from '../errors.ts';
import { type Listening, listening, type ListenOptions } from './listen.ts';
import type { ElectrumServerChain } from './server-chain.ts';
import { ElectrumSession, type SessionChain } from './session.ts';

/** Where an Electrum server listens, and how patient it is. */
export interface ElectrumServerOptions extends ListenOptions {
  /** How long a client may leave unread what it was sent, milliseconds; a minute when absent. */
  readonly stalledMs?: number;
}

/** Most clients at once. */
const MAX_SESSIONS = 1_000;

/**
 * Serves a chain by the Electrum protocol 1.4 over TCP, to wallets and tests. It indexes the whole chain in memory, so
 * it is for small ones. A client that does not read its answers is not listened to, and left after a while.
 *
 * @param chain - What to serve.
 * @param options - Where to listen, and how patient to be.
 * @throws ChainError `CHAIN_INVALID_ARGUMENT`; Node's error where a port is taken.
 *
 * @example The embedded chain, asked by the client of this package
 * ```ts
 * import { createEmbeddedChain } from '@bitcoin-enterprise/chain';
 * import { createElectrumServer, ElectrumChain } from '@bitcoin-enterprise/chain/electrum';
 *
 * const embedded = createEmbeddedChain();
 * embedded.mine(3);
 * const server = await createElectrumServer(embedded.ports);
 * const chain = new ElectrumChain({ host: server.host, port: server.port });
 * (await chain.tip()).height; // => 3
 * chain.close();
 * await server.close();
 * ```
 */
export async function createElectrumServer(
  chain: ElectrumServerChain,
  options: ElectrumServerOptions = {},
): Promise<Listening> {
  if (typeof chain !== 'object' || chain === null) throw invalidArgument('chain', 'an object', chain);
  const { stalledMs = 60_000 } = options;
  if (!Number.isInteger(stalledMs) || stalledMs < 1 || stalledMs > 0x7fff_ffff)
    throw invalidArgument('stalledMs', 'a whole number from 1 to 2147483647', stalledMs);
  const index = new ChainIndex(chain);
  const stop = new AbortController();
  const serving: SessionChain = { chain, index, signal: stop.signal };
  const sessions = new Map<Socket, ElectrumSession>();
  const server = createServer((socket) => {
    sessions.set(socket, new ElectrumSession(serving, socket, { stalledMs }));
    socket.on('close', () => sessions.delete(socket));
    socket.on('error', () => socket.destroy());
  });
  server.maxConnections = MAX_SESSIONS;
  const told = index.onChange(() => {
    for (const session of sessions.values()) session.changed();
  });
  const following = followTip(serving);
  const open = await listening(server, options, () => {
    for (const socket of sessions.keys()) socket.destroy();
  });
  return {
    ...open,
    close: async () => {
      stop.abort();
      told();
      await open.close();
      await following;
      await index.close();
    },
  };
}

/** How long to leave a chain alone that could not be followed. */
const RETRY_MS = 200;

/** Brings the index up to date with every block, so that whoever subscribed is told. */
async function followTip({ chain, index, signal }: SessionChain): Promise<void> {
  while (!signal.aborted)
    try {
      await index.sync({ signal });
      for await (const _ of chain.blockEvents({ signal })) await index.sync({ signal });
    } catch {
      // Whoever asks meanwhile gets the error; the follower tries again.
      await new Promise((done) => setTimeout(done, RETRY_MS));
    }
}
