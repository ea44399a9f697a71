/**
 * Programs from Debian packages, unpacked below the user's cache folder: no root, no change of the system.
 *
 * A private apt (own lists, own cache, an empty list of installed packages) resolves the whole closure down to libc,
 * so a program of another suite runs beside the host's through the C library and loader it was built with.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { cacheFolder, progress, withLock } from './cache.ts';
import { run } from './run.ts';

/** What to unpack. */
export interface DebianPackages {
  /** Short name of the folder in the cache. */
  readonly name: string;
  /** Debian packages; everything they depend on is added. */
  readonly packages: readonly string[];
  /** Debian suite, for example `sid`; the host's own when absent. */
  readonly suite?: string;
}

/** How to start a program: `spawn(file, [...args, ...yours], { env: { ...process.env, ...env } })`. */
export interface Command {
  /** The file to execute. */
  readonly file: string;
  /** Arguments that come before yours. */
  readonly args: readonly string[];
  /** Variables to add to the environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** An unpacked set of packages. */
export interface DebianRoot {
  readonly ok: true;
  /** The folder that stands for `/`. */
  readonly root: string;
  /** Package name → version. */
  readonly versions: Readonly<Record<string, string>>;
  /**
   * The command that runs a binary of the root under the root's own loader and libraries.
   *
   * `/proc/self/exe` is then the loader: a program that looks for its files beside itself (clang's resource folder,
   * the linker it calls) must be told where they are, and children it starts itself need a command of their own.
   *
   * @param binary - A name in `usr/bin`, or a path below the root.
   * @throws Error when the root has no such binary.
   */
  command(binary: string): Command;
}

/** Why nothing could be unpacked. */
export interface DebianAbsent {
  readonly ok: false;
  /** One line for the person who reads it. */
  readonly reason: string;
}

/** Part of every folder's hash, so that a change in how roots are laid out never meets an old one. */
const layout = 1;
const stampName = 'versions.json';
const keyrings = ['/usr/share/keyrings/debian-archive-keyring.gpg', '/usr/share/keyrings/debian-archive-keyring.pgp'];

/**
 * Downloads packages with everything they depend on and unpacks them into the cache, once.
 *
 * @returns The root, or the reason why there is none (not Debian, offline, no such package).
 *
 * @example Run the C compiler of another suite
 * ```ts no-run
 * const llvm = await unpackDebianPackages({ name: 'llvm', packages: ['clang-19', 'lld-19'], suite: 'trixie' });
 * if (llvm.ok) {
 *   const { file, args, env } = llvm.command('clang-19');
 *   spawnSync(file, [...args, '--version'], { env: { ...process.env, ...env }, stdio: 'inherit' });
 * }
 * ```
 */
export async function unpackDebianPackages(wanted: DebianPackages): Promise<DebianRoot | DebianAbsent> {
  const suite = wanted.suite ?? hostSuite();
  if (suite === undefined) return { ok: false, reason: 'this system is not Debian and no suite was named' };
  const packages = [...wanted.packages].toSorted();
  const hash = createHash('sha256')
    .update(JSON.stringify([layout, suite, packages]))
    .digest('hex')
    .slice(0, 12);
  const home = join(cacheFolder(), `${wanted.name}-${suite}-${hash}`);
  const ready = openRoot(home);
  if (ready !== undefined) return ready;
  return withLock(`${home}.lock`, async () => {
    const meanwhile = openRoot(home);
    if (meanwhile !== undefined) return meanwhile;
    removeRemains(home);
    const work = mkdtempSync(`${home}.part-`);
    try {
      const reason = await install({ work, suite, packages, label: wanted.name });
      if (reason !== undefined) return { ok: false, reason };
      rmSync(home, { recursive: true, force: true });
      renameSync(join(work, 'home'), home);
      return openRoot(home) ?? { ok: false, reason: `${home} has no C library loader` };
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
}

/** Removes what a killed process left half done; called under the lock only. */
function removeRemains(home: string): void {
  for (const entry of readdirSync(dirname(home)))
    if (entry.startsWith(`${basename(home)}.part-`))
      rmSync(join(dirname(home), entry), { recursive: true, force: true });
}

function hostSuite(): string | undefined {
  try {
    const release = readFileSync('/etc/os-release', 'utf8');
    if (!/^ID=debian$/m.test(release)) return undefined;
    return /^VERSION_CODENAME=(\S+)$/m.exec(release)?.[1];
  } catch {
    return undefined;
  }
}

interface Installation {
  readonly work: string;
  readonly suite: string;
  readonly packages: readonly string[];
  readonly label: string;
}

/** Fills `work/home`; answers the reason when it cannot. */
async function install(options: Installation): Promise<string | undefined> {
  const { work, suite, packages, label } = options;
  const keyring = keyrings.find((file) => existsSync(file));
  if (keyring === undefined) return 'no Debian archive keyring on this system';
  const mirror = await debianMirror();
  if (mirror === undefined) return "the system's apt names no Debian mirror";
  const config = await writeAptConfig({ work, source: `deb [signed-by=${keyring}] ${mirror} ${suite} main` });
  const env = { APT_CONFIG: config, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };

  progress(`${label}: reading the package lists of Debian ${suite}`);
  const update = await run('apt-get', ['update', '-q', '-o', 'APT::Update::Error-Mode=any'], { env });
  if (update.code !== 0) return `apt-get update failed: ${lastLine(update.stderr)}`;
  progress(`${label}: downloading ${packages.join(', ')}`);
  const flags = ['install', '-qy', '--download-only', '--no-install-recommends'];
  const download = await run('apt-get', [...flags, ...packages], { env });
  if (download.code !== 0) return `apt-get install failed: ${lastLine(download.stderr)}`;

  const archives = join(work, 'cache/archives');
  const files = readdirSync(archives).filter((file) => file.endsWith('.deb'));
  if (files.length === 0) return 'apt-get downloaded nothing';
  progress(`${label}: unpacking ${files.length} packages`);
  const root = join(work, 'home/root');
  // Debian merged /bin, /lib and /sbin into /usr; packages of older suites still carry the old paths.
  for (const name of ['bin', 'lib', 'lib64', 'sbin']) {
    mkdirSync(join(root, 'usr', name), { recursive: true });
    symlinkSync(`usr/${name}`, join(root, name));
  }
  const versions: Record<string, string> = {};
  for (const file of files) {
    const path = join(archives, file);
    const unpacked = await unpack({ path, root, scratch: join(work, 'data.tar') });
    if (unpacked !== undefined) return `${file}: ${unpacked}`;
    const fields = await run('dpkg-deb', ['--show', '--showformat', '${Package} ${Version}', path]);
    const [name = file, version = ''] = fields.stdout.split(' ');
    versions[name] = version;
  }
  writeFileSync(join(work, 'home', stampName), `${JSON.stringify(versions, undefined, 2)}\n`);
  return undefined;
}

async function unpack(options: {
  readonly path: string;
  readonly root: string;
  readonly scratch: string;
}): Promise<string | undefined> {
  const { path, root, scratch } = options;
  // `dpkg-deb --extract` would replace the merged /lib by a folder; tar can be told to follow the link.
  const script = 'dpkg-deb --fsys-tarfile "$1" > "$2" && tar -x -f "$2" -C "$3" --keep-directory-symlink "${@:4}"';
  const skipped = ['doc', 'man', 'locale', 'info', 'lintian'].map((name) => `--exclude=./usr/share/${name}`);
  const flags = ['--no-same-owner', '--no-same-permissions', ...skipped];
  const ended = await run('bash', ['-c', script, 'unpack', path, scratch, root, ...flags]);
  return ended.code === 0 ? undefined : lastLine(ended.stderr);
}

/** The mirror that the system's own apt uses for Debian's main archive. */
async function debianMirror(): Promise<string | undefined> {
  const listed = await run('apt-get', ['indextargets', '--format', '$(REPO_URI) $(COMPONENT)', 'Created-By: Packages']);
  if (listed.code !== 0) return undefined;
  const archives = new Set<string>();
  for (const line of listed.stdout.split('\n')) {
    const [uri, component] = line.split(' ');
    if (uri !== undefined && component === 'main' && /\/debian\/?$/.test(uri)) archives.add(uri);
  }
  return [...archives][0];
}

async function writeAptConfig(options: { readonly work: string; readonly source: string }): Promise<string> {
  const { work, source } = options;
  for (const folder of ['state/lists/partial', 'cache/archives/partial', 'log', 'empty'])
    mkdirSync(join(work, folder), { recursive: true });
  writeFileSync(join(work, 'sources.list'), `${source}\n`);
  writeFileSync(join(work, 'status'), '');
  // How to reach the network (proxies, certificates, time-outs) is the system's business; its hooks are not ours.
  const dump = await run('apt-config', ['dump']);
  const inherited = dump.stdout.split('\n').filter((line) => /^Acquire(::| )/.test(line));
  const settings: ReadonlyArray<readonly [string, string]> = [
    ['Dir::Etc::main', '/dev/null'],
    ['Dir::Etc::parts', join(work, 'empty')],
    ['Dir::Etc::sourcelist', join(work, 'sources.list')],
    ['Dir::Etc::sourceparts', join(work, 'empty')],
    ['Dir::Etc::preferences', '/dev/null'],
    ['Dir::Etc::preferencesparts', join(work, 'empty')],
    ['Dir::State', join(work, 'state')],
    ['Dir::State::status', join(work, 'status')],
    ['Dir::Cache', join(work, 'cache')],
    ['Dir::Log', join(work, 'log')],
    ['Acquire::Languages', 'none'],
    ['Acquire::Retries', '3'],
    // Whatever the system allows: what is not signed by Debian is not unpacked here.
    ['Acquire::AllowInsecureRepositories', 'false'],
    ['Acquire::AllowDowngradeToInsecureRepositories', 'false'],
    ['APT::Get::AllowUnauthenticated', 'false'],
    // apt lowers its rights to a user that could not read this folder; as an ordinary user it has none to lower.
    ...(process.getuid?.() === 0 ? [['APT::Sandbox::User', 'root'] as const] : []),
  ];
  const config = join(work, 'apt.conf');
  const lines = [...inherited, ...settings.map(([name, value]) => `${name} "${value}";`)];
  writeFileSync(config, `${lines.join('\n')}\n`, { mode: 0o600 });
  return config;
}

function lastLine(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.find((line) => line.startsWith('E: ')) ?? lines.at(-1) ?? 'no reason given';
}

function openRoot(home: string): DebianRoot | undefined {
  const stamp = join(home, stampName);
  if (!existsSync(stamp)) return undefined;
  const root = join(home, 'root');
  const loader = findLoader(root);
  if (loader === undefined) return undefined;
  const versions = JSON.parse(readFileSync(stamp, 'utf8')) as Record<string, string>;
  return {
    ok: true,
    root,
    versions,
    command: (binary) => {
      const file = [join(root, 'usr/bin', binary), join(root, binary)].find((path) => existsSync(path));
      if (file === undefined) throw new Error(`no ${binary} in ${root}`);
      return { file: loader, args: ['--library-path', libraryPath(root).join(':'), file], env: {} };
    },
  };
}

function findLoader(root: string): string | undefined {
  for (const folder of ['usr/lib64', 'usr/lib']) {
    const path = join(root, folder);
    const name = existsSync(path) ? readdirSync(path).find((entry) => /^ld-linux.*\.so\.\d+$/.test(entry)) : undefined;
    if (name !== undefined) return join(path, name);
  }
  return undefined;
}

function libraryPath(root: string): readonly string[] {
  const lib = join(root, 'usr/lib');
  const multiarch = readdirSync(lib).filter((entry) => entry.endsWith('-linux-gnu'));
  const llvm = readdirSync(lib).filter((entry) => /^llvm-\d+$/.test(entry));
  return [...multiarch.map((entry) => join(lib, entry)), lib, ...llvm.map((entry) => join(lib, entry, 'lib'))];
}
