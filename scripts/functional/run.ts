/**
 * Runs Bitcoin Core's own functional tests, unchanged, against our server: `npm run functional -- [names]`.
 *
 * The tests are not in this repository. They are looked for in `BE_CORE_TESTS` (the folder `test/functional` of a
 * source tree), then in the cache, then in Debian's source package. `--build-core` builds Bitcoin Core itself.
 *
 * `BE_FUNCTIONAL_NODE` says who is tried: `core-31` or `core-30` runs the same tests against the Core built here, which
 * shows whether a test fits that version at all; `ours-core-30` is our server with that profile. `BE_FUNCTIONAL_ARGS` are
 * further arguments of every node, for example `-deprecatedrpc=fullrbf` where a test is older than the node.
 */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { progress } from '../nodes/cache.ts';
import { findBitcoind } from '../nodes/bitcoind.ts';
import { buildCore, builtCore } from './build-core.ts';
import { fetchTests } from './fetch-tests.ts';

/** Those that look at the mempool, packages, replacement and what the RPC says about them. */
const WANTED: readonly string[] = [
  'mempool_accept',
  'mempool_accept_wtxid',
  'mempool_accept_v3',
  'mempool_truc',
  'mempool_cluster',
  'mempool_datacarrier',
  'mempool_dust',
  'mempool_ephemeral_dust',
  'mempool_expiry',
  'mempool_limit',
  'mempool_package_limits',
  'mempool_package_onemore',
  'mempool_package_rbf',
  'mempool_packages',
  'mempool_persist',
  'mempool_reorg',
  'mempool_resurrect',
  'mempool_sigoplimit',
  'mempool_spend_coinbase',
  'mempool_unbroadcast',
  'mempool_updatefromblock',
  'feature_bip68_sequence',
  'feature_cltv',
  'feature_csv_activation',
  'feature_dersig',
  'feature_nulldummy',
  'feature_rbf',
  'feature_segwit',
  'feature_taproot',
  'interface_rpc',
  'mining_basic',
  'mining_prioritisetransaction',
  'rpc_blockchain',
  'rpc_createmultisig',
  'rpc_decodescript',
  'rpc_deriveaddresses',
  'rpc_generate',
  'rpc_getblockstats',
  'rpc_getchaintips',
  'rpc_help',
  'rpc_invalid_address_message',
  'rpc_invalidateblock',
  'rpc_mempool_info',
  'rpc_named_arguments',
  'rpc_packages',
  'rpc_preciousblock',
  'rpc_rawtransaction',
  'rpc_scantxoutset',
  'rpc_setban',
  'rpc_signmessagewithprivkey',
  'rpc_signrawtransactionwithkey',
  'rpc_txoutproof',
  'rpc_uptime',
  'rpc_validateaddress',
  'rpc_deprecated',
];

/** Longest that one test may take. */
const TIMEOUT_MS = 300_000;

interface Outcome {
  readonly name: string;
  readonly verdict: 'passes' | 'skipped' | 'fails';
  /** The last thing that Python said of a failure. */
  readonly why?: string;
  readonly seconds: number;
}

const args = process.argv.slice(2);
if (args.includes('--build-core')) {
  for (const version of ['core-31', 'core-30'] as const) progress(await buildCore(version));
} else {
  process.exitCode = await main(args);
}

async function main(names: readonly string[]): Promise<number> {
  const tests = process.env['BE_CORE_TESTS'] ?? (await fetchTests());
  if (tests === undefined || !existsSync(join(tests, 'test_framework'))) {
    progress("functional: no tests; BE_CORE_TESTS names the folder test/functional of Bitcoin Core's source");
    return 1;
  }
  const present = new Set(readdirSync(tests).filter((file) => file.endsWith('.py')));
  const chosen = (names.length > 0 ? names : WANTED).filter((name) => present.has(`${name}.py`));
  for (const name of names) if (!present.has(`${name}.py`)) progress(`functional: ${name} is not in ${tests}`);
  if (chosen.length === 0) {
    progress(`functional: none of the tests wanted is in ${tests}`);
    return 1;
  }
  const work = mkdtempSync(join(tmpdir(), 'be-functional-'));
  try {
    const config = await writeSurroundings(work);
    const outcomes: Outcome[] = [];
    for (const name of chosen) {
      const outcome = await runOne({ tests, work, config, name });
      outcomes.push(outcome);
      const why = outcome.why === undefined ? '' : `  ${outcome.why}`;
      progress(`${outcome.verdict.padEnd(8)} ${outcome.seconds.toFixed(0).padStart(4)} s  ${name}${why}`);
    }
    const count = (verdict: Outcome['verdict']): number =>
      outcomes.filter((outcome) => outcome.verdict === verdict).length;
    progress(`${count('passes')} pass, ${count('fails')} fail, ${count('skipped')} are skipped by themselves`);
    return names.length > 0 && (count('fails') > 0 || chosen.length < names.length) ? 1 : 0;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** A build folder as the tests expect one: who is tried in place of bitcoind, a real bitcoin-cli where there is one. */
async function writeSurroundings(work: string): Promise<string> {
  const bin = join(work, 'bin');
  mkdirSync(bin);
  const further = process.env['BE_FUNCTIONAL_ARGS'] ?? '';
  writeScript(join(bin, 'bitcoind'), `exec ${nodeCommand()} ${further} "$@"`);
  const knots = await findBitcoind();
  const beside = (name: string): string => {
    if (!knots.ok) return 'exit 1';
    const { file, args: before } = knots.command;
    const words = [file, ...before].map((word) => `'${word.replace(/bitcoind$/, name)}'`);
    return `exec ${words.join(' ')} "$@"`;
  };
  for (const name of ['bitcoin', 'bitcoin-cli', 'bitcoin-tx', 'bitcoin-util', 'bitcoin-wallet', 'bitcoin-chainstate'])
    writeScript(join(bin, name), beside(name));
  const config = join(work, 'config.ini');
  const lines = [
    '[environment]',
    'CLIENT_NAME=Bitcoin Enterprise',
    'CLIENT_BUGREPORT=-',
    `SRCDIR=${work}`,
    `BUILDDIR=${work}`,
    'EXEEXT=',
    'RPCAUTH=none',
    '[components]',
    'ENABLE_BITCOIND=true',
    'ENABLE_CLI=true',
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  return config;
}

/** What starts the node that is tried. */
function nodeCommand(): string {
  const chosen = process.env['BE_FUNCTIONAL_NODE'];
  if (chosen === 'core-31' || chosen === 'core-30') {
    const core = builtCore(chosen);
    if (core === undefined) throw new Error(`${chosen} is not built: npm run functional -- --build-core`);
    return core;
  }
  const server = join(import.meta.dirname, '../../packages/chain/src/server/bin/bitcoind.ts');
  const profile = chosen === undefined ? '' : ` -profile=${chosen.replace(/^ours-/, '')}`;
  return `${process.execPath} --conditions=@bitcoin-enterprise/source ${server}${profile}`;
}

function writeScript(file: string, line: string): void {
  writeFileSync(file, `#!/bin/sh\n${line}\n`);
  chmodSync(file, 0o755);
}

function runOne(options: {
  readonly tests: string;
  readonly work: string;
  readonly config: string;
  readonly name: string;
}): Promise<Outcome> {
  const { tests, work, config, name } = options;
  const start = performance.now();
  const child = spawn(
    'python3',
    [
      join(tests, `${name}.py`),
      `--configfile=${config}`,
      `--cachedir=${join(work, 'cache')}`,
      `--tmpdir=${join(work, `${name}-${process.pid}`)}`,
      `--portseed=${(process.pid + name.length) % 5_000}`,
      '--nocleanup',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-200_000);
    });
  return new Promise((resolve) => {
    // A test that hangs leaves its nodes behind: they are of its own group.
    const timer = setTimeout(() => process.kill(-(child.pid as number), 'SIGKILL'), TIMEOUT_MS);
    child.on('exit', (code) => {
      clearTimeout(timer);
      try {
        process.kill(-(child.pid as number), 'SIGKILL');
      } catch {
        // Nobody is left.
      }
      const seconds = (performance.now() - start) / 1_000;
      if (code === 0) resolve({ name, verdict: 'passes', seconds });
      else if (code === 77) resolve({ name, verdict: 'skipped', why: lastError(output), seconds });
      else resolve({ name, verdict: 'fails', why: code === null ? 'took too long' : lastError(output), seconds });
    });
  });
}

/** The line of the test that failed, and what was said of it. */
function lastError(output: string): string {
  const lines = output.split('\n');
  const skipped = lines.find((line) => line.includes('Test Skipped'));
  if (skipped !== undefined) return skipped.replace(/^.*Test Skipped: /, '');
  const traceback = lines.lastIndexOf('Traceback (most recent call last):');
  const after = lines.slice(traceback);
  const error = after.find((line, i) => i > 0 && /^\S/.test(line)) ?? '';
  const places = after.filter((line) => /^ {2}File ".*\/functional\/\w+\.py", line/.test(line));
  const place = /line (\d+), in (\w+)/.exec(places.at(-1) ?? '');
  return `${place === null ? '' : `line ${place[1]} (${place[2]}): `}${error.slice(0, 200)}`;
}
