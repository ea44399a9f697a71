/**
 * Builds the WebAssembly modules of `@bitcoin-enterprise/secp256k1` and upstream's own test program.
 *
 *     npm run build:wasm               build what changed, compare with the hashes in wasm.lock.json
 *     npm run build:wasm -- --force    build even if nothing changed
 *     npm run build:wasm -- --update   accept what comes out as the new expected hashes
 *
 * Without a toolchain, or with another result than expected, it warns; with `CI=true` it fails.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { progress, withLock } from '../nodes/cache.ts';
import type { Command } from '../nodes/debian.ts';
import { run } from '../nodes/run.ts';
import { fetchSources } from './sources.ts';
import type { CrateSources } from './sources.ts';
import { findToolchain } from './toolchain.ts';
import type { Toolchain } from './toolchain.ts';

interface Variant {
  readonly defines: readonly string[];
  sha256: string;
  bytes: number;
}

interface Lock {
  readonly crate: { readonly name: string; version: string; checksum: string };
  readonly llvm: string;
  readonly compile: readonly string[];
  readonly link: readonly string[];
  readonly variants: { readonly small: Variant; readonly large: Variant };
}

const home = resolve(import.meta.dirname, '../../packages/secp256k1');
const native = join(home, 'native');
const out = join(home, 'build');
const lockFile = join(home, 'wasm.lock.json');
const files = {
  small: { wasm: join(out, 'secp256k1.wasm'), js: join(out, 'small.js') },
  large: { wasm: join(out, 'secp256k1-large.wasm'), js: join(out, 'large.js') },
};
const upstreamTests = join(out, 'test/upstream-tests.wasm');

async function main(flags: readonly string[]): Promise<string | undefined> {
  const lock = JSON.parse(readFileSync(lockFile, 'utf8')) as Lock;
  const stampFile = join(out, 'stamp.json');
  const stamp = hashOfInputs();
  const isCurrent = (): boolean =>
    existsSync(stampFile) &&
    readFileSync(stampFile, 'utf8') === stamp &&
    [files.small.wasm, files.small.js, files.large.wasm, files.large.js, upstreamTests].every((file) =>
      existsSync(file),
    ) &&
    (['small', 'large'] as const).every(
      (name) => hashOf(readFileSync(files[name].wasm)) === lock.variants[name].sha256,
    );
  if (flags.length === 0 && isCurrent()) {
    progress('build:wasm: up to date');
    return undefined;
  }
  const sources = await fetchSources();
  if (typeof sources === 'string') return sources;
  const toolchain = await findToolchain(lock.llvm);
  if (typeof toolchain === 'string') return toolchain;
  progress(`build:wasm: LLVM ${toolchain.version} from ${toolchain.origin}, secp256k1-sys ${sources.version}`);
  mkdirSync(join(out, 'test'), { recursive: true });

  const wrong: string[] = [];
  for (const name of ['small', 'large'] as const) {
    const variant = lock.variants[name];
    const wasm = await buildModule({ name, lock, sources, toolchain });
    const sha256 = hashOf(wasm);
    progress(`build:wasm: ${name} ${wasm.length} bytes, sha256 ${sha256}`);
    if (flags.includes('--update')) Object.assign(variant, { sha256, bytes: wasm.length });
    else if (sha256 !== variant.sha256) wrong.push(`${name}: expected sha256 ${variant.sha256}, got ${sha256}`);
    write(files[name].wasm, wasm);
    write(files[name].js, moduleText(wasm));
  }
  await buildUpstreamTests({ lock, sources, toolchain });
  if (flags.includes('--update')) {
    lock.crate.version = sources.version;
    lock.crate.checksum = sources.checksum;
    write(lockFile, `${JSON.stringify(lock, undefined, 2)}\n`);
  }
  write(stampFile, hashOfInputs());
  return wrong.length === 0 ? undefined : wrong.join('; ');
}

interface Build {
  readonly lock: Lock;
  readonly sources: CrateSources;
  readonly toolchain: Toolchain;
}

async function buildModule(options: Build & { readonly name: 'small' | 'large' }): Promise<Uint8Array> {
  const { name, lock, sources, toolchain } = options;
  const object = join(out, `${name}.o`);
  const wasm = join(out, `${name}.linked`);
  await call(toolchain.clang, [
    ...lock.compile,
    // The crate's own header stubs: no C library, whose version would show in the result.
    '-nostdlibinc',
    '-isystem',
    join(sources.crate, 'wasm/wasm-sysroot'),
    ...lock.variants[name].defines.map((define) => `-D${define}`),
    ...includes(sources),
    '-c',
    join(native, 'shim.c'),
    '-o',
    object,
  ]);
  await call(toolchain.linker, [...lock.link, object, '-o', wasm]);
  return readFileSync(wasm);
}

/** Upstream's `tests.c` with the same field and instruction set, for WASI, with every internal check on. */
async function buildUpstreamTests({ lock, sources, toolchain }: Build): Promise<void> {
  const object = join(out, 'test/upstream-tests.o');
  const root = toolchain.wasiRoot;
  const lib = join(root, 'usr/lib/wasm32-wasi');
  const major = toolchain.version.split('.')[0] ?? '';
  await call(toolchain.clang, [
    ...lock.compile.filter((flag) => !flag.startsWith('--target') && !flag.startsWith('-W')),
    '--target=wasm32-wasi',
    '-w',
    '-nostdlibinc',
    '-isystem',
    join(root, 'usr/include/wasm32-wasi'),
    '-DVERIFY',
    ...lock.variants.small.defines
      .filter((define) => /^(USE_FORCE|ECMULT|COMB)_/.test(define))
      .map((define) => `-D${define}`),
    ...['ECDH', 'EXTRAKEYS', 'SCHNORRSIG', 'RECOVERY', 'MUSIG', 'ELLSWIFT'].map((name) => `-DENABLE_MODULE_${name}`),
    ...includes(sources),
    `-I${join(import.meta.dirname, 'include')}`,
    '-c',
    join(native, 'upstream-tests.c'),
    '-o',
    object,
  ]);
  await call(toolchain.linker, [
    '--gc-sections',
    '--strip-all',
    '-z',
    'stack-size=4194304',
    join(lib, 'crt1-command.o'),
    object,
    '-L',
    lib,
    '-lc',
    join(root, `usr/lib/llvm-${major}/lib/clang/${major}/lib/wasi/libclang_rt.builtins-wasm32.a`),
    '-o',
    upstreamTests,
  ]);
}

function includes({ crate, library }: CrateSources): readonly string[] {
  return [
    `-ffile-prefix-map=${crate}=secp256k1-sys`,
    `-ffile-prefix-map=${native}=native`,
    `-I${library}`,
    `-I${join(library, 'include')}`,
    `-I${join(library, 'src')}`,
  ];
}

/** A module of JavaScript that carries the bytes, so that a bundler needs no rule for `.wasm` files. */
function moduleText(wasm: Uint8Array): string {
  return `const text = '${Buffer.from(wasm).toString('base64')}';

export function wasm() {
  if (typeof Uint8Array.fromBase64 === 'function') return Uint8Array.fromBase64(text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
`;
}

async function call(command: Command, args: readonly string[]): Promise<void> {
  const ended = await run(command.file, [...command.args, ...args], { env: command.env });
  if (ended.stderr !== '') progress(ended.stderr.trimEnd());
  if (ended.code !== 0) throw new Error(`${args.at(-1)}: the compiler ended with ${ended.code}`);
}

/** Replaces a file in one step, so that no reader ever sees half of it. */
function write(file: string, content: string | Uint8Array): void {
  writeFileSync(`${file}.part`, content);
  renameSync(`${file}.part`, file);
}

function hashOf(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

function hashOfInputs(): string {
  const scripts = ['build.ts', 'sources.ts'].map((name) => join(import.meta.dirname, name));
  const sources = readdirSync(native)
    .toSorted()
    .map((name) => join(native, name));
  return hashOf([...scripts, ...sources, lockFile].map((file) => hashOf(readFileSync(file))).join('\n'));
}

mkdirSync(out, { recursive: true });
const flags = process.argv.slice(2);
const problem = await withLock(join(out, 'lock'), () => main(flags)).catch((error: unknown) => String(error));
if (problem !== undefined) {
  progress(`build:wasm: ${problem}`);
  if (process.env['CI'] === 'true') {
    process.exitCode = 1;
  } else {
    progress(
      'build:wasm: loadCrypto() will fall back to tiny-secp256k1. For the fast engine install cargo and, on Debian,',
    );
    progress(
      'build:wasm: `apt-get install clang-19 lld-19 libclang-rt-19-dev-wasm32 wasi-libc`; or set BE_CLANG and BE_WASM_LD.',
    );
  }
}
