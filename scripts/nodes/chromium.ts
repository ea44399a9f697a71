/** Headless Chromium for tests of pages: found, or unpacked from the host's own Debian suite. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, type DebianRoot, unpackDebianPackages } from './debian.ts';
import { type AbsentProgram, type FoundProgram, findProgram } from './find.ts';
import { run } from './run.ts';

/** What a headless browser is asked for. */
export interface BrowsePageOptions {
  /** Milliseconds of the page's own clock until it is looked at. */
  readonly budgetMs?: number;
  /** Where to save a picture of the page, as PNG. */
  readonly screenshot?: string;
}

/** Finds Chromium: `BE_CHROMIUM`, then PATH, then Debian's package in the cache. */
export function findChromium(): Promise<FoundProgram | AbsentProgram> {
  return findProgram({ binary: 'chromium', variable: 'BE_CHROMIUM', install: installChromium });
}

async function installChromium(): Promise<FoundProgram | AbsentProgram> {
  const unpacked = await unpackDebianPackages({ name: 'chromium', packages: ['chromium', 'fonts-dejavu-core'] });
  if (!unpacked.ok) return unpacked;
  return {
    ok: true,
    command: chromiumCommand(unpacked),
    source: `Debian chromium ${unpacked.versions['chromium'] ?? ''}`,
  };
}

/**
 * Chromium starts itself again for each page, so that it cannot run under another loader: it gets the libraries of its
 * root, which is of the host's own suite, beside the host's C library.
 */
function chromiumCommand({ root }: DebianRoot): Command {
  const libraries = join(root, 'libraries-of-chromium');
  if (!existsSync(libraries)) linkLibraries(root, libraries);
  return {
    file: join(root, 'usr/lib/chromium/chromium'),
    args: [],
    env: { LD_LIBRARY_PATH: libraries, FONTCONFIG_PATH: join(root, 'etc/fonts') },
  };
}

/** The parts of the C library: these must be the host's, because its loader starts the program. */
const ofLibc =
  /^(?:ld-|lib(?:c|m|dl|rt|pthread|resolv|util|anl|nsl|mvec|thread_db|nss_\w+|c_malloc_debug|BrokenLocale)[.-])/;

function linkLibraries(root: string, folder: string): void {
  const staged = `${folder}.${process.pid}`;
  rmSync(staged, { recursive: true, force: true });
  mkdirSync(staged, { recursive: true });
  for (const place of ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu/nss']) {
    const from = join(root, place);
    if (!existsSync(from)) continue;
    for (const name of readdirSync(from))
      if (name.includes('.so') && !ofLibc.test(name) && !existsSync(join(staged, name)))
        symlinkSync(join(from, name), join(staged, name));
  }
  try {
    symlinkSync(staged, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error; // else another process was first
  }
}

const quiet = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
];

/**
 * Loads a page and returns its document as HTML once its scripts had their time.
 *
 * @throws Error when the browser fails.
 */
export async function browsePage(command: Command, url: string, options: BrowsePageOptions = {}): Promise<string> {
  const { budgetMs = 20_000, screenshot } = options;
  const profile = mkdtempSync(join(tmpdir(), 'chromium-'));
  try {
    const { code, stdout, stderr } = await run(
      command.file,
      [
        ...command.args,
        ...quiet,
        `--user-data-dir=${profile}`,
        `--virtual-time-budget=${budgetMs}`,
        ...(screenshot === undefined ? ['--dump-dom'] : [`--screenshot=${screenshot}`, '--window-size=1200,1600']),
        url,
      ],
      { env: command.env, timeoutMs: 120_000 },
    );
    if (code !== 0) throw new Error(`chromium ended with ${String(code)}: ${stderr.slice(-2_000)}`);
    return stdout;
  } finally {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
