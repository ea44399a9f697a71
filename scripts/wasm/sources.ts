/** Where the C of libsecp256k1 comes from: a crate of the Rust registry, fetched by cargo, pinned by version and checksum. */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheFolder } from '../nodes/cache.ts';
import { unpackDebianPackages } from '../nodes/debian.ts';
import { run } from '../nodes/run.ts';

/** The crate, unpacked. */
export interface CrateSources {
  /** Folder of the crate. */
  readonly crate: string;
  /** Folder of libsecp256k1 in it. */
  readonly library: string;
  /** Version of the crate. */
  readonly version: string;
  /** SHA-256 of the crate's archive. */
  readonly checksum: string;
}

const here = import.meta.dirname;

/** Fetches the crate if need be; answers a reason when that is impossible. */
export async function fetchSources(): Promise<CrateSources | string> {
  const { version, checksum } = pinned();
  const found = (): CrateSources | undefined => {
    const crate = findCrate(version, checksum);
    if (crate === undefined) return undefined;
    return { crate, library: join(crate, 'depend/secp256k1'), version, checksum };
  };
  const ready = found();
  if (ready !== undefined) return ready;
  const reason = await fetch(version);
  return found() ?? reason ?? `cargo fetched no secp256k1-sys ${version} with the expected checksum`;
}

function pinned(): { readonly version: string; readonly checksum: string } {
  const lock = join(here, '../../packages/secp256k1/wasm.lock.json');
  return (JSON.parse(readFileSync(lock, 'utf8')) as { crate: { version: string; checksum: string } }).crate;
}

function findCrate(version: string, checksum: string): string | undefined {
  const registry = join(process.env['CARGO_HOME'] ?? join(homedir(), '.cargo'), 'registry');
  if (!existsSync(join(registry, 'src'))) return undefined;
  for (const index of readdirSync(join(registry, 'src'))) {
    const crate = join(registry, 'src', index, `secp256k1-sys-${version}`);
    const archive = join(registry, 'cache', index, `secp256k1-sys-${version}.crate`);
    // Cargo writes this file last: without it the unpacking was interrupted.
    if (!existsSync(join(crate, '.cargo-ok')) || !existsSync(join(crate, 'depend/secp256k1/src/secp256k1.c'))) continue;
    if (existsSync(archive) && createHash('sha256').update(readFileSync(archive)).digest('hex') === checksum)
      return crate;
  }
  return undefined;
}

/**
 * Has cargo fetch the crate, by way of a package made for the purpose: the checksum that is compared is our own, and
 * a lock file would name the registry's host.
 */
async function fetch(version: string): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-sources-'));
  try {
    writeFileSync(
      join(folder, 'Cargo.toml'),
      `[package]\nname = "wasm-sources"\nversion = "0.0.0"\nedition = "2021"\n\n[lib]\npath = "lib.rs"\n\n` +
        `[dependencies]\nsecp256k1-sys = { version = "=${version}", default-features = false }\n`,
    );
    writeFileSync(join(folder, 'lib.rs'), '');
    return await cargoFetch(join(folder, 'Cargo.toml'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function cargoFetch(manifest: string): Promise<string | undefined> {
  const args = ['fetch', '--manifest-path', manifest];
  const own = await run('cargo', args, { timeoutMs: 300_000 });
  if (own.code === 0) return undefined;
  if (own.code !== 127) return `cargo fetch failed: ${lastLine(own.stderr)}`;
  const root = await unpackDebianPackages({ name: 'cargo', packages: ['cargo', 'ca-certificates'], suite: 'trixie' });
  if (!root.ok) return `no cargo on PATH, and none from Debian: ${root.reason}`;
  const { file, args: before, env } = root.command('cargo');
  // Cargo asks rustc for its version before anything else, and starts it itself: a script names rustc's own loader.
  const rustc = root.command('rustc');
  const wrapper = join(cacheFolder(), 'rustc-wrapper.sh');
  const quoted = [rustc.file, ...rustc.args].map((part) => `'${part.replaceAll("'", `'\\''`)}'`).join(' ');
  writeFileSync(wrapper, `#!/bin/sh\nexec ${quoted} "$@"\n`, { mode: 0o755 });
  const unpacked = await run(file, [...before, ...args], { env: { ...env, RUSTC: wrapper }, timeoutMs: 300_000 });
  return unpacked.code === 0 ? undefined : `cargo fetch failed: ${lastLine(unpacked.stderr)}`;
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? 'no reason given';
}
