import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { invalidArgument } from '../errors.ts';
import { MAX_BLOCK_WEIGHT } from '../model/limits.ts';
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
/** Least weight that Core lets a miner keep for header and coinbase. */
const MIN_RESERVED_WEIGHT = 2_000;
/** Core's number of threads that answer calls. */
const DEFAULT_RPC_THREADS = 16;

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
  const cookieFile = resolve(home, optionText(options, 'rpccookiefile') ?? '.cookie');
  const pidFile = resolve(home, optionText(options, 'pid') ?? 'bitcoind.pid');
  const cookie = newCookiePassword();
  let isOurs = false;
  const forget = (): void => {
    // What another process wrote, which runs in this folder, is not ours to remove.
    if (!isOurs) return;
    rmSync(cookieFile, { force: true });
    rmSync(pidFile, { force: true });
  };
  try {
    checkLimits(options);
    const server = await startChainServer({
      ...serverOptions(options),
      credentials: lettingIn(log, 'Invalid -rpcauth argument.', () => credentialsOf(options, cookie)),
      file: join(home, 'blocks', 'chain.sqlite'),
      log,
      logPath: logFile,
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
      lettingIn(log, `Unable to write the cookie file ${cookieFile}`, () =>
        writeCookie(cookieFile, `__cookie__:${cookie}`),
      );
    log('init message: Done loading');
  } catch (cause) {
    forget();
    const text = cause instanceof Error ? cause.message : 'unknown problem';
    log(`Error: ${text}`);
    error(`Error: ${text}\n`);
    exit(1);
  }
}

/** Ends a start whose limits make no sense, in Core's words. */
function checkLimits(options: BitcoindOptions): void {
  // Forty of the largest clusters, or chains, have to fit.
  const name = policyOf(options).rules?.limits === 'chains' ? 'limitdescendantsize' : 'limitclustersize';
  const least = Math.ceil(((optionNumber(options, name) ?? 101) * 40_000) / 1_000_000);
  const pool = optionNumber(options, 'maxmempool');
  if (pool !== undefined && pool < least) throw new Error(`-maxmempool must be at least ${least} MB`);
  for (const weight of ['blockmaxweight', 'blockreservedweight']) {
    const value = optionNumber(options, weight) ?? MAX_BLOCK_WEIGHT;
    if (value > MAX_BLOCK_WEIGHT)
      throw new Error(`Specified -${weight} (${value}) exceeds consensus maximum block weight (${MAX_BLOCK_WEIGHT})`);
  }
  const reserved = optionNumber(options, 'blockreservedweight') ?? MIN_RESERVED_WEIGHT;
  if (reserved < MIN_RESERVED_WEIGHT)
    throw new Error(
      `Specified -blockreservedweight (${reserved}) is lower than minimum safety value of (${MIN_RESERVED_WEIGHT})`,
    );
}

/** Does what callers are let in by; where that fails, bitcoind says no more than this, and its log says why. */
function lettingIn<Result>(log: (text: string) => void, reason: string, prepare: () => Result): Result {
  try {
    return prepare();
  } catch (cause) {
    log(reason);
    throw new Error('Unable to start HTTP server. See debug log for details.', { cause });
  }
}

/** Writes the cookie in one step, so that nobody finds half of it, and so that nobody else may read it. */
function writeCookie(file: string, text: string): void {
  const half = `${file}.tmp`;
  rmSync(half, { force: true });
  writeFileSync(half, text, { mode: 0o600, flag: 'wx' });
  renameSync(half, file);
}

function serverOptions(options: BitcoindOptions): ChainServerOptions {
  const mockTime = optionNumber(options, 'mocktime');
  const comment = options.get('uacomment');
  const given = (name: string, key: keyof ChainServerOptions): object => {
    const value = optionNumber(options, name);
    return value === undefined ? {} : { [key]: value };
  };
  const queue = optionNumber(options, 'rpcworkqueue');
  const expiryHours = optionNumber(options, 'mempoolexpiry');
  const blockMinFee = optionText(options, 'blockmintxfee');
  return {
    host: '127.0.0.1',
    port: optionNumber(options, 'rpcport') ?? DEFAULT_RPC_PORT,
    ...(options.has('rpcallowhost') ? { allowedHosts: options.get('rpcallowhost') ?? [] } : {}),
    policy: policyOf(options),
    txIndex: isOn(options, 'txindex', false),
    reloads: isOn(options, 'persistmempool', true) ? 'judged' : 'none',
    ...(blockMinFee === undefined ? {} : { blockMinFeeRate: Number(readAmount(blockMinFee)) }),
    subversion: `/BitcoinEnterprise:31.0.0${comment === undefined ? '' : `(${comment.join('; ')})`}/`,
    ...given('rpcservertimeout', 'idleSeconds'),
    ...given('blockmaxweight', 'blockMaxWeight'),
    ...given('blockreservedweight', 'blockReservedWeight'),
    ...given('blockversion', 'blockVersion'),
    // Core lets as many wait as it is told, besides those that its threads are at.
    ...(queue === undefined
      ? {}
      : { maxCalls: Math.max(queue, 1) + Math.max(optionNumber(options, 'rpcthreads') ?? DEFAULT_RPC_THREADS, 1) }),
    ...(expiryHours === undefined ? {} : { expirySeconds: expiryHours * 3_600 }),
    deprecatedRpc: options.get('deprecatedrpc') ?? [],
    ...(mockTime === undefined ? {} : { mockTime }),
    ...(isOn(options, 'listen', options.has('port') || options.has('bind'))
      ? { peerPort: optionNumber(options, 'port') ?? DEFAULT_PEER_PORT }
      : {}),
  };
}

function credentialsOf(options: BitcoindOptions, cookie: string): readonly Credential[] {
  // An empty password would let everybody in: then the cookie it is, as where none is given.
  const password = optionText(options, 'rpcpassword') || undefined;
  const given = options.get('rpcauth') ?? [];
  // -norpcauth takes back what came before it.
  const lines = given.slice(given.lastIndexOf('0') + 1).map((line) => {
    const credential = rpcAuthCredential(line);
    // The line itself stays untold: it may be a password that was put in the wrong place.
    if (credential === undefined) throw invalidArgument('-rpcauth', 'user:salt$hash, the hash in hex', line);
    return credential;
  });
  return [
    password === undefined
      ? passwordCredential('__cookie__', cookie)
      : passwordCredential(optionText(options, 'rpcuser') ?? '', password),
    ...lines,
  ];
}
