/** What the scripts know of the packages of this repository: read from their manifests. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The repository. */
export const repository: string = resolve(import.meta.dirname, '..');

/** One export of a package. */
export interface Entry {
  /** `.` or a subpath such as `./testing`. */
  readonly subpath: string;
  /** Source file, relative to the package. */
  readonly source: string;
  /** Declaration file, relative to the package. */
  readonly types: string;
  /** Built file, relative to the package. */
  readonly file: string;
}

/** One package. */
export interface Package {
  /** Folder below `packages`. */
  readonly folder: string;
  /** Name on the registry. */
  readonly name: string;
  readonly description: string;
  readonly dependencies: readonly string[];
  readonly entries: readonly Entry[];
}

interface Manifest {
  readonly name: string;
  readonly description?: string;
  readonly private?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, unknown>>;
}

/** All packages that are published. */
export function listPackages(): readonly Package[] {
  return readdirSync(join(repository, 'packages'))
    .toSorted()
    .filter((folder) => existsSync(join(repository, 'packages', folder, 'package.json')))
    .map((folder) => readPackage(folder));
}

function readPackage(folder: string): Package {
  const text = readFileSync(join(repository, 'packages', folder, 'package.json'), 'utf8');
  const manifest = JSON.parse(text) as Manifest;
  return {
    folder,
    name: manifest.name,
    description: manifest.description ?? '',
    dependencies: Object.keys(manifest.dependencies ?? {}),
    entries: Object.entries(manifest.exports ?? {}).flatMap(([subpath, target]) => readEntry(subpath, target)),
  };
}

function readEntry(subpath: string, target: unknown): readonly Entry[] {
  if (typeof target !== 'object' || target === null || !('@bitcoin-enterprise/source' in target)) return [];
  const conditions = target as Readonly<Record<string, string>>;
  return [
    {
      subpath,
      source: conditions['@bitcoin-enterprise/source'] ?? '',
      types: conditions['types'] ?? '',
      file: conditions['default'] ?? '',
    },
  ];
}
