import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Bitcoind, BitcoindRefusal } from '../../../../scripts/nodes/bitcoind.ts';
import { cacheFolder } from '../../../../scripts/nodes/cache.ts';
import { freePort, removeFolder, startChild, temporaryFolder } from '../../../../scripts/nodes/child.ts';

/** Real Bitcoin Core nodes that `npm run functional -- --build-core` makes. */
export type CoreVersion = 'core-30' | 'core-31';

/**
 * Where a version lies: a variable (`BE_CORE_31`), or the cache; `undefined` where it is not there, which `CI=true` forbids:
 * a list of counterparts that is one shorter shows as no skipped test.
 */
export function findCore(version: CoreVersion): string | undefined {
  const named = process.env[version === 'core-31' ? 'BE_CORE_31' : 'BE_CORE_30'];
  const file = named ?? join(cacheFolder(), version, 'bitcoind');
  if (existsSync(file)) return file;
  if (process.env['CI'] === 'true') throw new Error(`${version} is absent and CI=true: npm test -- core builds it`);
  return undefined;
}

/** Starts one on regtest with its standard policy, free port, own folder or that of one that has ended. */
export async function startCore(
  file: string,
  args: readonly string[] = [],
  datadir: string = temporaryFolder('core'),
): Promise<Bitcoind> {
  const port = await freePort();
  const child = startChild({ file, args: [], env: {} }, [
    '-regtest',
    `-datadir=${datadir}`,
    '-server',
    '-listen=0',
    '-connect=0',
    `-rpcport=${port}`,
    '-rpcworkqueue=256',
    '-rpcservertimeout=3600',
    '-checkmempool=0',
    '-persistmempool=0',
    '-txindex=1',
    '-par=1',
    ...args,
  ]);
  const rpcUrl = `http://127.0.0.1:${port}`;
  const cookieFile = join(datadir, 'regtest/.cookie');
  for (let waited = 0; waited < 600; waited++) {
    await sleep(50);
    if (!existsSync(cookieFile)) continue;
    const cookie = readFileSync(cookieFile, 'utf8');
    const rpc = rpcTo(rpcUrl, cookie);
    try {
      await rpc('getblockcount');
    } catch {
      continue;
    }
    const [user = '', password = ''] = cookie.split(':');
    const stop = async (): Promise<void> => {
      await child.kill();
      removeFolder(datadir);
    };
    return { rpcUrl, cookie, user, password, datadir, pid: child.pid, version: file, source: file, rpc, stop };
  }
  const output = child.output();
  await child.kill();
  throw new Error(`bitcoind did not start:\n${output.slice(-2_000)}`);
}

/** One call after another to a node. */
export function rpcTo(rpcUrl: string, cookie: string): Bitcoind['rpc'] {
  return async <Result = unknown>(method: string, params: readonly unknown[] = []): Promise<Result> => {
    const response = await fetch(rpcUrl, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(cookie)}` },
      body: JSON.stringify({ id: 0, method, params }),
    });
    const { result, error } = (await response.json()) as {
      readonly result: Result;
      readonly error: { readonly code: number; readonly message: string } | null;
    };
    if (error !== null) throw new BitcoindRefusal(method, error.code, error.message);
    return result;
  };
}
