/**
 * Builds Bitcoin Core from its published source, for the lockstep tests: Debian packages only Bitcoin Knots. The source
 * comes from crates.io, where the crate of libbitcoinkernel carries all of it; Boost and libevent come from Debian.
 */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
  chmodSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { cacheFolder, progress, withLock } from '../nodes/cache.ts';
import { unpackDebianPackages } from '../nodes/debian.ts';
import { run } from '../nodes/run.ts';

/** Version of the crate, by the release that its source became or comes right after. */
const CRATES = { 'core-31': '0.3.0', 'core-30': '0.1.0' } as const;
/** That crate has the headers of inter-process calls, which some others leave out. */
const CRATE_WITH_IPC = CRATES['core-31'];

/** The program of a version that is in the cache; `undefined` where it is not built. */
export function builtCore(version: keyof typeof CRATES): string | undefined {
  return isBuilt(version) ? join(cacheFolder(), version, 'bitcoind') : undefined;
}

/** Whether a version is in the cache. */
export function isBuilt(version: keyof typeof CRATES): boolean {
  return existsSync(join(cacheFolder(), version, 'bitcoind'));
}

/** Builds one version into the cache, once; says in a line what came of it. */
export async function buildCore(version: keyof typeof CRATES): Promise<string> {
  const home = join(cacheFolder(), version);
  if (isBuilt(version)) return `${version} is there: ${home}`;
  return withLock(`${home}.lock`, async () => {
    const work = mkdtempSync(`${home}.part-`);
    try {
      return await build(version, home, work);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
}

async function build(version: keyof typeof CRATES, home: string, work: string): Promise<string> {
  const libraries = await unpackDebianPackages({ name: 'core-deps', packages: ['libboost-dev', 'libevent-dev'] });
  if (!libraries.ok) return `${version}: ${libraries.reason}`;
  const source = await fetchCrate(CRATES[version], work);
  const withIpc = await fetchCrate(CRATE_WITH_IPC, work);
  if (source === undefined || withIpc === undefined) return `${version}: cargo could not fetch the source`;
  const tree = join(work, 'source');
  cpSync(source, tree, { recursive: true });
  if (!existsSync(join(tree, 'src/ipc'))) cpSync(join(withIpc, 'src/ipc'), join(tree, 'src/ipc'), { recursive: true });
  const usr = join(libraries.root, 'usr');
  const lib = join(usr, 'lib', readdirSync(join(usr, 'lib')).find((name) => name.endsWith('-linux-gnu')) ?? '');
  const off = [
    'BUILD_TESTS',
    'BUILD_CLI',
    'BUILD_BITCOIN_BIN',
    'ENABLE_WALLET',
    'ENABLE_IPC',
    'ENABLE_EXTERNAL_SIGNER',
  ];
  const flags = [...off, 'WITH_EMBEDDED_ASMAP', 'INSTALL_MAN', 'WITH_CCACHE'].map((name) => `-D${name}=OFF`);
  progress(`${version}: configuring`);
  const configured = await run('cmake', [
    '-S',
    tree,
    '-B',
    join(work, 'build'),
    '-DCMAKE_BUILD_TYPE=Release',
    `-DCMAKE_CXX_FLAGS_RELEASE=-O1 -isystem ${join(usr, 'include')}`,
    `-DCMAKE_PREFIX_PATH=${usr}`,
    `-DCMAKE_INCLUDE_PATH=${join(usr, 'include')}`,
    `-DCMAKE_LIBRARY_PATH=${lib}`,
    ...flags,
  ]);
  if (configured.code !== 0) return `${version}: cmake failed: ${lastLine(configured.stderr)}`;
  progress(`${version}: compiling, some minutes`);
  const built = await run('cmake', ['--build', join(work, 'build'), '--target', 'bitcoind', '-j2']);
  if (built.code !== 0) return `${version}: the compiler failed: ${lastLine(built.stderr)}`;
  mkdirSync(home, { recursive: true });
  copyFileSync(join(work, 'build/bin/bitcoind'), join(home, 'bitcoind.bin'));
  for (const file of readdirSync(lib))
    if (/^libevent.*\.so/.test(file)) copyFileSync(join(lib, file), join(home, file));
  writeFileSync(
    join(home, 'bitcoind'),
    '#!/bin/sh\nd=$(dirname "$(readlink -f "$0")")\nLD_LIBRARY_PATH="$d" exec "$d/bitcoind.bin" "$@"\n',
  );
  chmodSync(join(home, 'bitcoind'), 0o755);
  return `${version} is built: ${home}`;
}

/** The source inside a crate, fetched by cargo into its own cache. */
async function fetchCrate(version: string, work: string): Promise<string | undefined> {
  progress(`fetching libbitcoinkernel-sys ${version}`);
  await run('cargo', ['info', `libbitcoinkernel-sys@${version}`], { cwd: work, env: { CARGO_TERM_COLOR: 'never' } });
  const registry = join(process.env['CARGO_HOME'] ?? join(homedir(), '.cargo'), 'registry/src');
  for (const index of existsSync(registry) ? readdirSync(registry) : []) {
    const found = join(registry, index, `libbitcoinkernel-sys-${version}`, 'bitcoin');
    if (existsSync(found)) return found;
  }
  return undefined;
}

function lastLine(text: string): string {
  return text.split('\n').findLast((line) => line.trim() !== '') ?? 'no reason given';
}
