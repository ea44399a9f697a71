/**
 * Bitcoin Core's functional tests, in the folder `functional` of the cache: whoever has them lays them there, as they
 * are, besides their `test_framework`; where there are none, Debian's source package has them. They never become part of
 * this repository.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, progress } from '../nodes/cache.ts';
import { run } from '../nodes/run.ts';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** The folder with the tests; `undefined` where they cannot be had. */
export async function fetchTests(): Promise<string | undefined> {
  const home = join(cacheFolder(), 'functional');
  if (existsSync(join(home, 'test_framework'))) return home;
  if (!existsSync(KEYRING)) return undefined;
  const archive = await mirror();
  if (archive === undefined) return undefined;
  const work = mkdtempSync(join(cacheFolder(), 'functional.part-'));
  try {
    for (const folder of ['state/lists/partial', 'cache/archives/partial', 'log', 'empty', 'tree'])
      mkdirSync(join(work, folder), { recursive: true });
    writeFileSync(join(work, 'status'), '');
    writeFileSync(join(work, 'sources.list'), `deb-src [signed-by=${KEYRING}] ${archive} sid main\n`);
    const env = { APT_CONFIG: await aptConfig(work), LC_ALL: 'C' };
    progress('functional: reading the source lists of Debian sid');
    const update = await run('apt-get', ['update', '-q'], { env });
    if (update.code !== 0) return undefined;
    progress('functional: downloading the source of bitcoin-knots');
    const script = 'cd "$1" && apt-get source --download-only -q bitcoin-knots && tar -xf *.orig.tar.* -C tree';
    const fetched = await run('bash', ['-c', script, 'fetch', work], { env });
    if (fetched.code !== 0) {
      progress(`functional: ${fetched.stderr.split('\n').find((line) => line.startsWith('E:')) ?? 'no source'}`);
      return undefined;
    }
    const [tree = ''] = readdirSync(join(work, 'tree'));
    const tests = join(work, 'tree', tree, 'test/functional');
    if (!existsSync(tests)) return undefined;
    renameSync(tests, home);
    return home;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The archive that the system's own apt uses; `undefined` where it names none. */
async function mirror(): Promise<string | undefined> {
  const listed = await run('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages']);
  return listed.stdout.split('\n').find((uri) => /\/debian\/?$/.test(uri));
}

async function aptConfig(work: string): Promise<string> {
  const dump = await run('apt-config', ['dump']);
  const inherited = dump.stdout.split('\n').filter((line) => /^Acquire(::| )/.test(line));
  const settings = [
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
    ...(process.getuid?.() === 0 ? [['APT::Sandbox::User', 'root']] : []),
  ];
  const file = join(work, 'apt.conf');
  writeFileSync(file, [...inherited, ...settings.map(([name, value]) => `${name} "${value}";`)].join('\n'));
  return readFileSync(file).length > 0 ? file : '';
}
