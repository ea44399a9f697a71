import { parseArgs } from 'node:util';
import { currentCrypto, formatBitcoin, satoshis, toHex } from '@bitcoin-enterprise/core';
import { invalidArgument } from '../errors.ts';
import { COINBASE_MATURITY } from '../model/limits.ts';
import { newCookiePassword, passwordCredential } from './auth.ts';
import { type DevAccount, devAccounts } from './dev-accounts.ts';
import { isLoopback } from './host-names.ts';
import type { RegtestNode } from './node.ts';
import { startNodeServer } from './start.ts';

const HELP = `Starts a Bitcoin regtest chain that speaks bitcoind's JSON-RPC.

  --port <n>         port of the RPC (18443)
  --host <address>   where to listen (127.0.0.1)
  --user, --password credentials (bitcoin, bitcoin; at an address that other machines
                     reach a password made at random)
  --allow-host <name> another name that the server answers to, besides localhost; may be repeated
  --accounts <n>     keys with a block reward of 50 BTC each (10)
  --seed <text>      what the keys come from (regtest)
  --blocks <n>       blocks on top of those that the rewards need (0)
  --block-time <s>   mines a block every so many seconds; without it, when you say so
  --profile <name>   mempool policy: core-29, core-30, core-31, knots-29 (core-31)
  --data <file>      keeps the chain in this SQLite file
  --json             prints one line of JSON
  --silent           prints nothing
  --help
`;

/** Ten minutes between the blocks that are there at the start. */
const BLOCK_INTERVAL_SECONDS = 600;

/** What a start needs of the process that it happens in. */
export interface CliProcess {
  readonly args: readonly string[];
  readonly out: (text: string) => void;
  readonly exit: (code: number) => void;
  readonly onSignal: (stop: () => void) => void;
}

/** Runs the command: a chain with keys that have money, as anvil does for Ethereum. */
export async function runCli({ args, out, exit, onSignal }: CliProcess): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string', default: '18443' },
      host: { type: 'string', default: '127.0.0.1' },
      user: { type: 'string', default: 'bitcoin' },
      password: { type: 'string' },
      'allow-host': { type: 'string', multiple: true },
      accounts: { type: 'string', default: '10' },
      seed: { type: 'string', default: 'regtest' },
      blocks: { type: 'string', default: '0' },
      'block-time': { type: 'string' },
      profile: { type: 'string', default: 'core-31' },
      data: { type: 'string' },
      json: { type: 'boolean', default: false },
      silent: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    out(HELP);
    return exit(0);
  }
  const { user, host, seed, data } = values;
  // What everybody knows lets in everybody who reaches the address.
  const { password = isLoopback(host) ? 'bitcoin' : newCookiePassword() } = values;
  const profile = readProfile(values.profile);
  const { node, server } = await startNodeServer({
    host,
    port: readCount(values.port, '--port', 65_535),
    credentials: [passwordCredential(user, password)],
    policy: profile,
    onStopped: () => exit(0),
    ...(values['allow-host'] === undefined ? {} : { allowedHosts: values['allow-host'] }),
    ...(data === undefined ? {} : { file: data }),
  });
  const accounts = devAccounts(seed, readCount(values.accounts, '--accounts', 1_000), currentCrypto());
  // A file that has a chain already goes on with it.
  if (node.tip.height === 0)
    node.premine(firstBlocks(accounts, readCount(values.blocks, '--blocks', 100_000), node.now));
  const every = values['block-time'];
  const script = accounts[0]?.scriptPubKey ?? Uint8Array.of(0x51);
  const timer =
    every === undefined
      ? undefined
      : setInterval(() => node.generate(1, script), readCount(every, '--block-time', 86_400) * 1_000);
  onSignal(() => {
    clearInterval(timer);
    void server.stop();
  });
  if (values.silent) return;
  const shown = accounts.map((account) => {
    const { address, wif, publicKey } = account;
    return { address, wif, publicKey: toHex(publicKey), ...holdingsOf(node, account) };
  });
  const facts = { url: server.url, user, password, profile, height: node.tip.height, seed, accounts: shown };
  out(values.json ? `${JSON.stringify(facts)}\n` : forPeople(facts, server.port));
}

/** What a key holds at the tip, satoshis: what may be spent in the next block, and rewards that may not yet. */
interface Holdings {
  readonly balanceSat: string;
  readonly immatureSat: string;
}

function holdingsOf({ index, tip }: RegtestNode, { scriptPubKey }: DevAccount): Holdings {
  let [balance, immature] = [0n, 0n];
  for (const { coin } of index.coinsOf(tip, scriptPubKey))
    if (coin.coinbase && tip.height + 1 - coin.height < COINBASE_MATURITY) immature += coin.value;
    else balance += coin.value;
  return { balanceSat: balance.toString(), immatureSat: immature.toString() };
}

function readCount(text: string, name: string, maximum: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > maximum)
    throw invalidArgument(name, `a whole number from 0 to ${maximum}`, value);
  return value;
}

function readProfile(text: string): 'core-29' | 'core-30' | 'core-31' | 'knots-29' {
  if (text === 'core-29' || text === 'core-30' || text === 'core-31' || text === 'knots-29') return text;
  throw invalidArgument('--profile', 'core-29, core-30, core-31 or knots-29', text);
}

/** A reward for each account, the blocks that make them spendable, and some more; the last one is of now. */
function firstBlocks(
  accounts: readonly DevAccount[],
  more: number,
  now: number,
): readonly { readonly scriptPubKey: Uint8Array; readonly time: number }[] {
  const nobody = Uint8Array.of(0x51);
  const count = (accounts.length === 0 ? 0 : accounts.length + COINBASE_MATURITY) + more;
  return Array.from({ length: count }, (_, i) => ({
    scriptPubKey: accounts[i]?.scriptPubKey ?? nobody,
    time: now - (count - 1 - i) * BLOCK_INTERVAL_SECONDS,
  }));
}

interface Facts {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly profile: string;
  readonly height: number;
  readonly seed: string;
  readonly accounts: readonly (Holdings & { readonly address: string; readonly wif: string })[];
}

function forPeople(facts: Facts, port: number): string {
  const { url, user, password, profile, height, seed, accounts } = facts;
  const keys = accounts.map(
    ({ address, wif, ...holdings }, i) => `(${i}) ${address}  ${holdingsText(holdings)}\n    ${wif}`,
  );
  return `
Keys, and what they hold, from the seed "${seed}". Everybody knows them: for tests alone.

${keys.join('\n')}

RPC       ${url}
User      ${user}
Password  ${password}
Height    ${height}, regtest, policy ${profile}

bitcoin-cli -regtest -rpcport=${port} -rpcuser=${user} -rpcpassword=${password} getblockchaininfo
`;
}

function holdingsText({ balanceSat, immatureSat }: Holdings): string {
  const [balance, immature] = [balanceSat, immatureSat].map((text) =>
    formatBitcoin(satoshis(BigInt(text))).replace(/\.?0+$/, ''),
  );
  return immatureSat === '0' ? `${balance} BTC` : `${balance} BTC, and ${immature} BTC immature`;
}
