import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { readAmount } from './arguments.ts';
import { type Credential, newCookiePassword, passwordCredential, rpcAuthCredential } from './auth.ts';
import {
  type BitcoindOptions,
  isOn,
  mergeOptions,
  optionNumber,
  optionText,
  policyOf,
  readCommandLine,
  readConfigFile,
} from './bitcoind-settings.ts';
import { type ChainServerOptions, startChainServer } from './start.ts';

/** Where regtest listens when nobody says otherwise. */
const DEFAULT_RPC_PORT = 18_443;
const DEFAULT_PEER_PORT = 18_444;

/** What a start needs of the process that it happens in. */
export interface BitcoindProcess {
  readonly args: readonly string[];
  readonly pid: number;
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
  /** Ends the process. */
  readonly exit: (code: number) => void;
  /** Called with what to do at SIGINT and SIGTERM. */
  readonly onSignal: (stop: () => void) => void;
}

/** Starts as bitcoind does: its command line, its `bitcoin.conf`, its folders, its cookie; options it does not know are taken. */
export async function runBitcoind(process_: BitcoindProcess): Promise<void> {
  const { args, out, error, exit } = process_;
  const line = readCommandLine(args);
  if (line.has('version')) {
    out('BitcoinEnterprise chain daemon version v31.0.0, speaking the RPC of Bitcoin Core on regtest\n');
    return exit(0);
  }
  const datadir = optionText(line, 'datadir') ?? join(homedir(), '.bitcoin');
  if (line.has('datadir') && !existsSync(datadir)) {
    error(`Error: Specified data directory "${datadir}" does not exist.\n`);
    return exit(1);
  }
  const configFile = join(datadir, optionText(line, 'conf') ?? 'bitcoin.conf');
  const options = existsSync(configFile) ? mergeOptions(line, readConfigFile(readFileSync(configFile, 'utf8'))) : line;
  const home = join(datadir, 'regtest');
  // Wallets live in a folder of their own, and who copies a data folder expects it to be there.
  for (const folder of ['blocks', 'wallets']) mkdirSync(join(home, folder), { recursive: true });
  const logFile = join(home, 'debug.log');
  const log = (text: string): void => appendFileSync(logFile, `${new Date().toISOString()} ${text}\n`);
  log('BitcoinEnterprise chain starting');
  const cookieFile = join(home, optionText(options, 'rpccookiefile') ?? '.cookie');
  const pidFile = join(home, optionText(options, 'pid') ?? 'bitcoind.pid');
  const cookie = newCookiePassword();
  let isOurs = false;
  const forget = (): void => {
    // What another process wrote, which runs in this folder, is not ours to remove.
    if (!isOurs) return;
    rmSync(cookieFile, { force: true });
    rmSync(pidFile, { force: true });
  };
  try {
    const server = await startChainServer({
      ...serverOptions(options),
      credentials: credentialsOf(options, cookie),
      file: join(home, 'blocks', 'chain.sqlite'),
      log,
      onStopped: () => {
        log('Shutdown: done');
        forget();
        exit(0);
      },
    });
    process_.onSignal(() => void server.stop());
    isOurs = true;
    writeFileSync(pidFile, `${process_.pid}\n`);
    if ((optionText(options, 'rpcpassword') ?? '') === '')
      writeFileSync(cookieFile, `__cookie__:${cookie}`, { mode: 0o600 });
    log('init message: Done loading');
  } catch (cause) {
    forget();
    error(`Error: ${cause instanceof Error ? cause.message : 'unknown problem'}\n`);
    exit(1);
  }
}

function serverOptions(options: BitcoindOptions): ChainServerOptions {
  const mockTime = optionNumber(options, 'mocktime');
  const comment = options.get('uacomment');
  const blockMinFee = optionText(options, 'blockmintxfee');
  return {
    host: '127.0.0.1',
    port: optionNumber(options, 'rpcport') ?? DEFAULT_RPC_PORT,
    policy: policyOf(options),
    txIndex: isOn(options, 'txindex', false),
    reloads: isOn(options, 'persistmempool', true) ? 'judged' : 'none',
    ...(blockMinFee === undefined ? {} : { blockMinFeeRate: Number(readAmount(blockMinFee)) }),
    subversion: `/BitcoinEnterprise:31.0.0${comment === undefined ? '' : `(${comment.join('; ')})`}/`,
    ...(mockTime === undefined ? {} : { mockTime }),
    ...(isOn(options, 'listen', options.has('port') || options.has('bind'))
      ? { peerPort: optionNumber(options, 'port') ?? DEFAULT_PEER_PORT }
      : {}),
  };
}

function credentialsOf(options: BitcoindOptions, cookie: string): readonly Credential[] {
  // An empty password would let everybody in: then the cookie it is, as where none is given.
  const password = optionText(options, 'rpcpassword') || undefined;
  const lines = (options.get('rpcauth') ?? []).flatMap((line) => rpcAuthCredential(line) ?? []);
  return [
    password === undefined
      ? passwordCredential('__cookie__', cookie)
      : passwordCredential(optionText(options, 'rpcuser') ?? '', password),
    ...lines,
  ];
}
