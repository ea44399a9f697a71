/** Where the compiler comes from: `BE_CLANG`, the PATH, or Debian's packages unpacked into the user's cache. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { unpackDebianPackages } from '../nodes/debian.ts';
import type { Command } from '../nodes/debian.ts';
import { run } from '../nodes/run.ts';

/** A compiler and a linker of the pinned LLVM. */
export interface Toolchain {
  /** clang. */
  readonly clang: Command;
  /** wasm-ld. */
  readonly linker: Command;
  /** Exact version of both. */
  readonly version: string;
  /** Where it was found, for the person who reads the log. */
  readonly origin: string;
  /** Folder that stands for `/` where wasi-libc lies; needed for upstream's test program alone. */
  readonly wasiRoot: string;
}

/** Finds the LLVM of that exact version; answers a reason when there is none. */
export async function findToolchain(version: string): Promise<Toolchain | string> {
  const major = version.split('.')[0] ?? '';
  const named = process.env['BE_CLANG'];
  if (named !== undefined && named !== '') {
    const linker = process.env['BE_WASM_LD'] ?? sibling(named, [`wasm-ld-${major}`, 'wasm-ld']);
    if (linker === undefined) return `BE_CLANG is ${named}, but there is no wasm-ld beside it: set BE_WASM_LD`;
    return probe({ clang: plain(named), linker: plain(linker), version, origin: 'BE_CLANG', wasiRoot: '/' });
  }
  const onPath = await probe({
    clang: plain(`clang-${major}`),
    linker: plain(`wasm-ld-${major}`),
    version,
    origin: 'PATH',
    wasiRoot: '/',
  });
  if (typeof onPath !== 'string') return onPath;
  const packages = [`clang-${major}`, `lld-${major}`, `libclang-rt-${major}-dev-wasm32`, 'wasi-libc'];
  // Both suites carry the same LLVM; the newer one will be on the mirrors for longer.
  const root = await unpackDebianPackages({ name: `llvm-${major}`, packages, suite: 'trixie' });
  if (!root.ok) return `${onPath}, and none from Debian: ${root.reason}`;
  const clang = root.command(`usr/lib/llvm-${major}/bin/clang`);
  const resources = join(root.root, `usr/lib/llvm-${major}/lib/clang/${major}`);
  return probe({
    // The loader is /proc/self/exe there, so clang cannot find its own headers.
    clang: { ...clang, args: [...clang.args, '-resource-dir', resources] },
    linker: linkerOf(root.command(`usr/lib/llvm-${major}/bin/lld`)),
    version,
    origin: 'Debian packages in the cache',
    wasiRoot: root.root,
  });
}

function plain(file: string): Command {
  return { file, args: [], env: {} };
}

/** `lld` takes its flavour from its name, or from this option first. */
function linkerOf(lld: Command): Command {
  return { ...lld, args: [...lld.args, '-flavor', 'wasm'] };
}

function sibling(file: string, names: readonly string[]): string | undefined {
  const folder = dirname(file);
  const entries = existsSync(folder) ? readdirSync(folder) : [];
  const name = names.find((wanted) => entries.includes(wanted));
  return name === undefined ? undefined : join(folder, name);
}

async function probe(candidate: Toolchain): Promise<Toolchain | string> {
  const { clang, linker, version, origin } = candidate;
  for (const [what, command] of [
    ['clang', clang],
    ['wasm-ld', linker],
  ] as const) {
    const ended = await run(command.file, [...command.args, '--version'], { env: command.env });
    if (ended.code !== 0) return `no ${what} ${version} (${origin})`;
    const found = /(\d+\.\d+\.\d+)/.exec(ended.stdout)?.[1];
    if (found !== version)
      return `${what} is ${found ?? 'of an unknown version'}, but ${version} is pinned (${origin})`;
  }
  return candidate;
}
