/** Headless Chromium for tests of pages: found, or unpacked from the host's own Debian suite. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
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
  const command = chromiumCommand(unpacked);
  // A library that is missing shows here, with its name, and not in the first test that opens a page.
  const tried = await run(command.file, ['--version'], { env: command.env, timeoutMs: 60_000 });
  if (tried.code !== 0) return { ok: false, reason: `Debian's chromium does not start: ${tried.stderr.trim()}` };
  return {
    ok: true,
    command,
    source: `Debian chromium ${unpacked.versions['chromium'] ?? ''}`,
  };
}

/**
 * Chromium starts itself again for each page, so that it cannot run under another loader: it gets the libraries of its
 * root, which is of the host's own suite, beside the host's C library.
 */
function chromiumCommand({ root }: DebianRoot): Command {
  const libraries = join(root, 'all-libraries');
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

/** One folder of links to all libraries, those in private folders too (libpulse keeps a part of itself in one). */
function linkLibraries(root: string, folder: string): void {
  const staged = `${folder}.${process.pid}`;
  rmSync(staged, { recursive: true, force: true });
  mkdirSync(staged, { recursive: true });
  const linked = new Set<string>();
  for (const place of libraryPlaces(root))
    for (const name of readdirSync(place))
      if (name.includes('.so') && !ofLibc.test(name) && !linked.has(name)) {
        symlinkSync(join(place, name), join(staged, name));
        linked.add(name);
      }
  try {
    renameSync(staged, folder);
  } catch (error) {
    rmSync(staged, { recursive: true, force: true });
    if (!existsSync(folder)) throw error; // else another process was first
  }
}

function libraryPlaces(root: string): readonly string[] {
  const lib = join(root, 'usr/lib');
  const shared = readdirSync(lib)
    .filter((name) => name.endsWith('-linux-gnu'))
    .map((name) => join(lib, name));
  const inside = shared.flatMap((place) =>
    readdirSync(place, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(place, entry.name)),
  );
  return [...shared, ...inside];
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
