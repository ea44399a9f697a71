/** The libraries of an unpacked Debian root, for programs that run under the host's own loader. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

/** The parts of the C library: these must be the host's, because its loader starts the program. */
const ofLibc =
  /^(?:ld-|lib(?:c|m|dl|rt|pthread|resolv|util|anl|nsl|mvec|thread_db|nss_\w+|c_malloc_debug|BrokenLocale)[.-])/;

/**
 * One folder of links to all libraries of a root but the C library, those in private folders too (libpulse keeps a part
 * of itself in one): for programs that start others and so must run under the host's loader.
 *
 * @param root - Of the host's own suite.
 */
export function linkLibraries(root: string): string {
  const folder = join(root, 'all-libraries');
  if (existsSync(folder)) return folder;
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
  return folder;
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
