import { readFile } from 'node:fs/promises';
import type { BitcoindAuth } from '../bitcoind/rpc.ts';
import { invalidArgument } from '../errors.ts';

/**
 * Credentials from the cookie file of a bitcoind on the same machine: read before the first call, and again whenever
 * the node refuses what was read, because it writes a new cookie at each start.
 *
 * @param path - `.cookie` in the data folder of the network.
 *
 * @example
 * ```ts no-run
 * import { BitcoindChain } from '@bitcoin-enterprise/chain/bitcoind';
 * import { cookieFile } from '@bitcoin-enterprise/chain/zmq';
 *
 * new BitcoindChain({ url: 'http://127.0.0.1:18443', auth: cookieFile('/home/me/.bitcoin/regtest/.cookie') });
 * ```
 */
export function cookieFile(path: string): BitcoindAuth {
  if (typeof path !== 'string' || path === '') throw invalidArgument('path', 'the path of a file', path);
  return { readCookie: async () => readFile(path, 'utf8') };
}
