/** Headless Chromium for tests of pages: found, or unpacked from the host's own Debian suite. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, type DebianRoot, unpackDebianPackages } from './debian.ts';
import { type AbsentProgram, type FoundProgram, findProgram } from './find.ts';
import { linkLibraries } from './libraries.ts';
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
  return {
    file: join(root, 'usr/lib/chromium/chromium'),
    args: [],
    env: { LD_LIBRARY_PATH: linkLibraries(root), FONTCONFIG_PATH: join(root, 'etc/fonts') },
  };
}

/** What keeps a headless browser to itself. */
export const quietFlags: readonly string[] = [
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
        ...quietFlags,
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
