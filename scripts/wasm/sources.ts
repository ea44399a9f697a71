/** Where the C of libsecp256k1 comes from: a crate of the Rust registry, fetched by cargo, pinned by Cargo.lock. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
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
  /** SHA-256 of the crate's archive, as Cargo.lock has it and cargo checks it. */
  readonly checksum: string;
}

const here = import.meta.dirname;

/** Fetches the crate if need be; answers a reason when that is impossible. */
export async function fetchSources(): Promise<CrateSources | string> {
  const { version, checksum } = pinned();
  const found = (): CrateSources | undefined => {
    const crate = findCrate(version);
    if (crate === undefined) return undefined;
    return { crate, library: join(crate, 'depend/secp256k1'), version, checksum };
  };
  const ready = found();
  if (ready !== undefined) return ready;
  const reason = await fetch();
  return found() ?? reason ?? 'cargo fetched no secp256k1-sys';
}

function pinned(): { readonly version: string; readonly checksum: string } {
  const lock = readFileSync(join(here, 'Cargo.lock'), 'utf8');
  const entry = lock.split('[[package]]').find((text) => text.includes('name = "secp256k1-sys"')) ?? '';
  const version = /^version = "(.+)"$/m.exec(entry)?.[1];
  const checksum = /^checksum = "(.+)"$/m.exec(entry)?.[1];
  if (version === undefined || checksum === undefined) throw new Error('scripts/wasm/Cargo.lock pins no secp256k1-sys');
  return { version, checksum };
}

function findCrate(version: string): string | undefined {
  const registry = join(process.env['CARGO_HOME'] ?? join(homedir(), '.cargo'), 'registry/src');
  if (!existsSync(registry)) return undefined;
  for (const index of readdirSync(registry)) {
    const crate = join(registry, index, `secp256k1-sys-${version}`);
    // Cargo writes this file last: without it the unpacking was interrupted.
    if (existsSync(join(crate, '.cargo-ok')) && existsSync(join(crate, 'depend/secp256k1/src/secp256k1.c')))
      return crate;
  }
  return undefined;
}

async function fetch(): Promise<string | undefined> {
  const args = ['fetch', '--locked', '--manifest-path', join(here, 'Cargo.toml')];
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
